"""Family `op`: single operations at awkward sizes, computed by PyTorch in double, rounded to f32.

case.json's config names the operation and its attributes; inputs are named as the operation lists
them.
"""

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import get_timestep_embedding

from common import fresh
from heavy_ops import attentions, convolutions, norms, products
from op_cases import Cases


def elementwise(cases: Cases) -> None:
    ends = torch.tensor(
        [0.0, -0.0, 1e-8, -1e-8, 20.0, -20.0, 88.0, -88.0, 100.0, -100.0, 0.5, -0.5]
    )
    x = torch.cat([cases.draw(61) * 3, ends])
    functions = {
        "sigmoid": torch.sigmoid,
        "silu": F.silu,
        "relu": F.relu,
        "tanh": torch.tanh,
        "gelu": F.gelu,
        "sine": torch.sin,
        "cosine": torch.cos,
        "negate": torch.neg,
        "absolute": torch.abs,
        "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
        "quickGelu": lambda x: x * torch.sigmoid(1.702 * x),
    }
    cases.save(
        "unary",
        {"op": "unary", "functions": list(functions)},
        {"x": x},
        {name: f(x.double()) for name, f in functions.items()},
        relative=1e-6,
    )
    x = cases.draw(50).abs() + 0.01
    functions = {"log": torch.log, "sqrt": torch.sqrt, "reciprocal": torch.reciprocal}
    cases.save(
        "unary-positive",
        {"op": "unary", "functions": list(functions)},
        {"x": x},
        {n: f(x.double()) for n, f in functions.items()},
        relative=1e-6,
    )
    x = cases.draw(50) * 4
    cases.save(
        "unary-exp",
        {"op": "unary", "functions": ["exp"]},
        {"x": x},
        {"exp": x.double().exp()},
        relative=1e-6,
    )
    functions = {
        "add": torch.add,
        "subtract": torch.sub,
        "multiply": torch.mul,
        "divide": torch.div,
        "minimum": torch.minimum,
        "maximum": torch.maximum,
    }
    for name, (a, b) in {
        "same": ((3, 5), (3, 5)),
        "row": ((4, 7), (7,)),
        "column": ((4, 7), (4, 1)),
        "outer": ((5, 1), (1, 6)),
        "scalar": ((2, 3, 3), ()),
        "channels": ((2, 6, 3, 5), (1, 6, 1, 1)),
        "both": ((3, 1, 4, 1), (2, 1, 5)),
    }.items():
        a, b = cases.draw(*a), cases.draw(*b)
        cases.save(
            f"binary-{name}",
            {"op": "binary", "functions": list(functions)},
            {"a": a, "b": b},
            {n: f(a.double(), b.double()) for n, f in functions.items()},
            relative=1e-6,
        )
    a, b = cases.draw(3, 4).abs() + 0.1, cases.draw(4)
    cases.save(
        "binary-power",
        {"op": "binary", "functions": ["power"]},
        {"a": a, "b": b},
        {"power": a.double() ** b.double()},
        relative=1e-6,
    )
    x = cases.draw(7, 5) * 40
    cases.save(
        "clamp", {"op": "clamp", "lower": -30, "upper": 20}, {"x": x}, {"y": x.clamp(-30, 20)}
    )
    a, b, where = cases.draw(4, 3, 5), cases.draw(5), cases.draw(4, 1, 1) > 0
    cases.save(
        "select",
        {"op": "select"},
        {"condition": where, "a": a, "b": b},
        {"y": torch.where(where, a, b)},
    )
    # GEGLU as diffusers has it: the second half goes through the erf GELU.
    x = cases.draw(2, 9, 26)
    first, second = x.double().chunk(2, dim=-1)
    cases.save(
        "gated-gelu", {"op": "gated", "function": "gelu"}, {"x": x}, {"y": first * F.gelu(second)}
    )


def moves(cases: Cases) -> None:
    x = cases.draw(2, 3, 5, 4)
    for size in ((10, 8), (7, 9), (5, 11), (3, 2)):
        cases.save(
            f"upsampleNearest-{size[0]}x{size[1]}",
            {"op": "upsampleNearest", "size": size, "scale": 2 if size == (10, 8) else None},
            {"x": x},
            {"y": F.interpolate(x, size=size, mode="nearest")},
        )
    table, ids = cases.draw(19, 7), torch.tensor([[0, 18, 3, 3], [5, 0, 1, 17]])
    cases.save(
        "gather-embedding",
        {"op": "gather", "axis": 0},
        {"x": table, "indices": ids},
        {"y": F.embedding(ids, table)},
    )
    parts = [cases.draw(2, n, 3) for n in (4, 1, 6)]
    cases.save(
        "concat",
        {"op": "concat", "axis": 1},
        {f"x{i}": p for i, p in enumerate(parts)},
        {"y": torch.cat(parts, dim=1)},
    )
    x = cases.draw(1, 2, 3, 4)
    cases.save(
        "pad-asymmetric",
        {"op": "pad", "before": [0, 0, 0, 2], "after": [0, 0, 1, 1], "value": 0},
        {"x": x},
        {"y": F.pad(x, (2, 1, 0, 1))},
    )
    cases.save(
        "pad-value",
        {"op": "pad", "before": [1, 0, 0, 0], "after": [0, 2, 0, 0], "value": -1.5},
        {"x": x},
        {"y": F.pad(x, (0, 0, 0, 0, 0, 2, 1, 0), value=-1.5)},
    )
    cases.save(
        "transpose",
        {"op": "transpose", "axes": [0, 3, 1, 2]},
        {"x": x},
        {"y": x.permute(0, 3, 1, 2)},
    )
    x = cases.draw(5, 9)
    cases.save(
        "slice-step",
        {"op": "slice", "axis": 1, "start": 1, "end": -1, "step": 3},
        {"x": x},
        {"y": x[:, 1:-1:3]},
    )
    x = cases.draw(3, 4, 5)
    for kind, f in {
        "sum": torch.sum,
        "mean": torch.mean,
        "maximum": torch.amax,
        "minimum": torch.amin,
    }.items():
        cases.save(
            f"reduce-{kind}",
            {"op": "reduce", "kind": kind, "axes": [0, 2], "keeps": kind != "sum"},
            {"x": x},
            {"y": f(x.double(), dim=(0, 2), keepdim=kind != "sum")},
        )
    for kind in (torch.float16, torch.bfloat16):
        x = torch.cat(
            [
                cases.draw(40) * 10,
                torch.tensor(
                    [65504.0, 65519.0, 65520.0, 1e-8, 6e-8, 1 + 2**-11, 1 + 3 * 2**-11, 3e38, -0.0]
                ),
            ]
        )
        cases.save(
            f"cast-{str(kind)[6:]}",
            {"op": "cast", "type": str(kind)[6:], "exact": True},
            {"x": x},
            {"y": x.to(kind).float()},
        )


def timesteps(cases: Cases) -> None:
    t = torch.tensor([0, 1, 500, 981, 999])
    for name, (width, flip, shift) in {
        "sd": (320, True, 0),
        "small": (12, True, 0),
        "unflipped": (20, False, 1),
        "odd": (9, True, 0),
    }.items():
        y = get_timestep_embedding(t, width, flip_sin_to_cos=flip, downscale_freq_shift=shift)
        cases.save(
            f"timestepEmbedding-{name}",
            {
                "op": "timestepEmbedding",
                "width": width,
                "flip_sin_to_cos": flip,
                "freq_shift": shift,
            },
            {"timestep": t},
            {"y": y},
        )


def make() -> None:
    fresh("op")
    cases = Cases()
    for part in (convolutions, products, norms, attentions, elementwise, moves, timesteps):
        part(cases)


if __name__ == "__main__":
    make()
