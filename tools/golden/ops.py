"""Family `op`: single operations at awkward sizes, computed by PyTorch in double and rounded to f32.

case.json's config names the operation and its attributes; inputs are named as the operation lists them.
Attention's queries, keys and values are [batch, tokens, heads·width]; its second output is the
probabilities' mean over heads, [batch, keys, queries].
"""

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import get_timestep_embedding

from common import fresh, normal, save_case

SEED = 61000


class Cases:
    """Draws inputs one after another and writes cases."""

    def __init__(self):
        self.seed = SEED

    def draw(self, *shape: int) -> torch.Tensor:
        self.seed += 1
        return normal(self.seed, *shape)

    def save(self, name: str, config: dict, inputs: dict, outputs: dict, relative: float = 1e-5) -> None:
        """Outputs in double become f32; integers and booleans stay."""
        made = {f"output.{k}": v.float() if v.is_floating_point() else v for k, v in outputs.items()}
        packages = ("torch", "diffusers") if config["op"] == "timestepEmbedding" else ("torch",)
        save_case("op", name, script="ops.py", seed=self.seed, tensors={f"input.{k}": v for k, v in inputs.items()} | made,
                  packages=packages, config=config, absolute=1e-7, relative=relative)


def convolutions(cases: Cases) -> None:
    # name: x, output channels, kernel, strides, padding (top, left, bottom, right), dilations, groups, bias
    table = {
        "3x3": ((1, 5, 9, 7), 6, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1, True),
        "3x3-batch": ((3, 18, 10, 10), 28, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1, True),
        "3x3-down-odd": ((2, 7, 5, 5), 9, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 1, True),
        "3x3-down-vae": ((1, 4, 8, 9), 4, (3, 3), (2, 2), (0, 0, 1, 1), (1, 1), 1, True),
        "1x1": ((2, 13, 6, 5), 11, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1, True),
        "1x1-stride": ((1, 3, 7, 8), 5, (1, 1), (2, 3), (0, 0, 0, 0), (1, 1), 1, False),
        "dilated": ((1, 4, 11, 12), 3, (3, 2), (1, 2), (2, 0, 1, 3), (2, 3), 1, True),
        "grouped": ((2, 6, 8, 7), 9, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 3, True),
        "depthwise": ((1, 7, 9, 9), 14, (5, 3), (2, 1), (2, 1, 2, 1), (1, 1), 7, True),
        "whole-picture": ((2, 3, 4, 5), 8, (4, 5), (4, 5), (0, 0, 0, 0), (1, 1), 1, False),
        "large-kernel": ((1, 2, 6, 6), 2, (7, 7), (1, 1), (3, 3, 3, 3), (1, 1), 1, True),
        "wide": ((1, 33, 17, 19), 35, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1, True),
    }
    for name, (shape, channels, kernel, strides, padding, dilations, groups, bias) in table.items():
        x, weight = cases.draw(*shape), cases.draw(channels, shape[1] // groups, *kernel)
        inputs = {"x": x, "weight": weight} | ({"bias": cases.draw(channels)} if bias else {})
        top, left, bottom, right = padding
        y = F.conv2d(F.pad(x.double(), (left, right, top, bottom)), weight.double(),
                     inputs["bias"].double() if bias else None, strides, 0, dilations, groups)
        cases.save(f"convolution-{name}", {"op": "convolution", "strides": strides, "padding": padding, "dilations": dilations,
                                           "groups": groups}, inputs, {"y": y})
    # With everything that can be fused: a vector per image and channel, a residual, an activation.
    x, weight, bias, vector, residual = (cases.draw(*s) for s in ((2, 6, 5, 7), (8, 6, 3, 3), (8,), (2, 8), (2, 8, 5, 7)))
    y = F.silu(F.conv2d(x.double(), weight.double(), bias.double(), padding=1) + vector.double()[:, :, None, None] + residual.double())
    cases.save("convolution-fused", {"op": "convolution", "strides": [1, 1], "padding": [1, 1, 1, 1], "dilations": [1, 1], "groups": 1,
                                     "activation": "silu"},
               {"x": x, "weight": weight, "bias": bias, "vector": vector, "residual": residual}, {"y": y})


def products(cases: Cases) -> None:
    for name, (shape, out, bias) in {"row": ((1, 7), 5, True), "3d": ((2, 9, 20), 52, True), "no-bias": ((3, 17, 33), 31, False),
                                     "wide": ((77, 24), 67, True)}.items():
        inputs = {"x": cases.draw(*shape), "weight": cases.draw(out, shape[-1])} | ({"bias": cases.draw(out)} if bias else {})
        y = F.linear(inputs["x"].double(), inputs["weight"].double(), inputs["bias"].double() if bias else None)
        cases.save(f"linear-{name}", {"op": "linear"}, inputs, {"y": y})
    x, weight, bias, residual = cases.draw(4, 19), cases.draw(11, 19), cases.draw(11), cases.draw(4, 11)
    y = F.gelu(F.linear(x.double(), weight.double(), bias.double()) + residual.double())
    cases.save("linear-fused", {"op": "linear", "activation": "gelu"}, {"x": x, "weight": weight, "bias": bias, "residual": residual}, {"y": y})
    for name, (a, b) in {"plain": ((5, 7), (7, 3)), "batched": ((2, 3, 5, 4), (2, 3, 4, 6)), "broadcast": ((3, 1, 5, 4), (2, 4, 1)),
                         "one-matrix": ((2, 9, 8), (8, 13)), "row": ((1, 40), (40, 17)), "column": ((31, 1), (1, 2))}.items():
        a, b = cases.draw(*a), cases.draw(*b)
        cases.save(f"matMul-{name}", {"op": "matMul"}, {"a": a, "b": b}, {"y": a.double() @ b.double()})


def norms(cases: Cases) -> None:
    for name, (shape, groups, epsilon) in {"4": ((2, 12, 5, 7), 4, 1e-5), "1": ((1, 9, 4, 3), 1, 1e-6), "each": ((2, 6, 3, 3), 6, 1e-5),
                                           "3d": ((2, 10, 13), 5, 1e-6), "one-pixel": ((3, 8, 1, 1), 2, 1e-5)}.items():
        x, scale, shift = cases.draw(*shape) * 3 + 1, cases.draw(shape[1]), cases.draw(shape[1])
        y = F.group_norm(x.double(), groups, scale.double(), shift.double(), epsilon)
        cases.save(f"groupNorm-{name}", {"op": "groupNorm", "groups": groups, "epsilon": epsilon},
                   {"x": x, "scale": scale, "shift": shift}, {"y": y})
    far = cases.draw(1, 8, 6, 6) * 0.01 + 100  # a large mean: naive sums of squares lose it
    scale, shift = cases.draw(8), cases.draw(8)
    cases.save("groupNorm-far-mean", {"op": "groupNorm", "groups": 2, "epsilon": 1e-5}, {"x": far, "scale": scale, "shift": shift},
               {"y": F.group_norm(far.double(), 2, scale.double(), shift.double(), 1e-5)}, relative=1e-4)
    for name, shape in {"row": (1, 24), "3d": (2, 77, 20), "odd": (3, 5, 7), "single": (4, 1)}.items():
        x, scale, shift = cases.draw(*shape) * 2 - 1, cases.draw(shape[-1]), cases.draw(shape[-1])
        y = F.layer_norm(x.double(), shape[-1:], scale.double(), shift.double(), 1e-5)
        cases.save(f"layerNorm-{name}", {"op": "layerNorm", "epsilon": 1e-5}, {"x": x, "scale": scale, "shift": shift}, {"y": y})
    for name, (shape, axis, factor) in {"last": ((3, 77), -1, 1), "middle": ((2, 5, 7), 1, 1), "large": ((4, 33), -1, 200), "one": ((5, 1), 1, 1)}.items():
        x = cases.draw(*shape) * factor
        cases.save(f"softmax-{name}", {"op": "softmax", "axis": axis}, {"x": x}, {"y": x.double().softmax(axis)})
    x = torch.full((2, 6), -torch.inf)
    x[:, 2:4] = cases.draw(2, 2)
    cases.save("softmax-masked", {"op": "softmax", "axis": -1}, {"x": x}, {"y": x.double().softmax(-1)})


def attentions(cases: Cases) -> None:
    # name: batch, queries, keys, heads, width, value width, mask shape, causal, chosen tokens
    table = {
        "cross": (2, 49, 77, 2, 9, 9, None, False, None), "self": (1, 25, 25, 4, 5, 5, None, False, None),
        "one-head": (1, 9, 77, 1, 19, 19, None, False, None), "sharp": (1, 16, 77, 3, 8, 8, None, False, None),
        "padding-mask": (3, 13, 13, 4, 6, 6, (3, 1, 1, 13), False, None), "full-mask": (2, 5, 7, 2, 4, 4, (2, 2, 5, 7), False, None),
        "causal": (2, 11, 11, 2, 10, 10, None, True, None), "chosen": (2, 30, 77, 3, 7, 7, None, False, [0, 3, 76, 5]),
        "one-key": (1, 4, 1, 2, 3, 3, None, False, None), "values-wider": (1, 8, 12, 2, 4, 9, None, False, None),
    }
    for name, (batch, queries, keys, heads, width, value_width, mask_shape, causal, tokens) in table.items():
        q, k, v = cases.draw(batch, queries, heads * width), cases.draw(batch, keys, heads * width), cases.draw(batch, keys, heads * value_width)
        if name == "sharp":
            q = q * 8
        inputs = {"q": q, "k": k, "v": v}
        if mask_shape:
            inputs["mask"] = torch.where(cases.draw(*mask_shape) > 0.5, torch.finfo(torch.float32).min, 0.0)
            inputs["mask"][..., 0] = 0
        q, k, v = (t.double().view(batch, -1, heads, t.shape[-1] // heads).transpose(1, 2) for t in (q, k, v))
        scores = q @ k.transpose(-1, -2) * width**-0.5
        scores = scores + inputs["mask"].double() if mask_shape else scores
        if causal:
            scores = scores.masked_fill(torch.ones(queries, keys, dtype=torch.bool).triu(1), -torch.inf)
        probabilities = scores.softmax(-1)
        y = (probabilities @ v).transpose(1, 2).reshape(batch, queries, heads * value_width)
        shown = probabilities.mean(dim=1).transpose(1, 2)
        shown = shown if tokens is None else shown[:, tokens]
        cases.save(f"attention-{name}", {"op": "attention", "heads": heads, "scale": width**-0.5, "causal": causal, "tokens": tokens},
                   inputs, {"y": y, "probabilities": shown})


def elementwise(cases: Cases) -> None:
    ends = torch.tensor([0.0, -0.0, 1e-8, -1e-8, 20.0, -20.0, 88.0, -88.0, 100.0, -100.0, 0.5, -0.5])
    x = torch.cat([cases.draw(61) * 3, ends])
    functions = {"sigmoid": torch.sigmoid, "silu": F.silu, "relu": F.relu, "tanh": torch.tanh, "gelu": F.gelu, "sine": torch.sin,
                 "cosine": torch.cos, "negate": torch.neg, "absolute": torch.abs,
                 "geluTanh": lambda x: F.gelu(x, approximate="tanh"), "quickGelu": lambda x: x * torch.sigmoid(1.702 * x)}
    cases.save("unary", {"op": "unary", "functions": list(functions)}, {"x": x},
               {name: f(x.double()) for name, f in functions.items()}, relative=1e-6)
    x = cases.draw(50).abs() + 0.01
    functions = {"log": torch.log, "sqrt": torch.sqrt, "reciprocal": torch.reciprocal}
    cases.save("unary-positive", {"op": "unary", "functions": list(functions)}, {"x": x}, {n: f(x.double()) for n, f in functions.items()}, relative=1e-6)
    x = cases.draw(50) * 4
    cases.save("unary-exp", {"op": "unary", "functions": ["exp"]}, {"x": x}, {"exp": x.double().exp()}, relative=1e-6)
    functions = {"add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div, "minimum": torch.minimum, "maximum": torch.maximum}
    for name, (a, b) in {"same": ((3, 5), (3, 5)), "row": ((4, 7), (7,)), "column": ((4, 7), (4, 1)), "outer": ((5, 1), (1, 6)), "scalar": ((2, 3, 3), ()),
                         "channels": ((2, 6, 3, 5), (1, 6, 1, 1)), "both": ((3, 1, 4, 1), (2, 1, 5))}.items():
        a, b = cases.draw(*a), cases.draw(*b)
        cases.save(f"binary-{name}", {"op": "binary", "functions": list(functions)}, {"a": a, "b": b},
                   {n: f(a.double(), b.double()) for n, f in functions.items()}, relative=1e-6)
    a, b = cases.draw(3, 4).abs() + 0.1, cases.draw(4)
    cases.save("binary-power", {"op": "binary", "functions": ["power"]}, {"a": a, "b": b}, {"power": a.double() ** b.double()}, relative=1e-6)
    x = cases.draw(7, 5) * 40
    cases.save("clamp", {"op": "clamp", "lower": -30, "upper": 20}, {"x": x}, {"y": x.clamp(-30, 20)})
    a, b, where = cases.draw(4, 3, 5), cases.draw(5), cases.draw(4, 1, 1) > 0
    cases.save("select", {"op": "select"}, {"condition": where, "a": a, "b": b}, {"y": torch.where(where, a, b)})
    # GEGLU as diffusers has it: the second half goes through the erf GELU.
    x = cases.draw(2, 9, 26)
    first, second = x.double().chunk(2, dim=-1)
    cases.save("gated-gelu", {"op": "gated", "function": "gelu"}, {"x": x}, {"y": first * F.gelu(second)})


def moves(cases: Cases) -> None:
    x = cases.draw(2, 3, 5, 4)
    for size in ((10, 8), (7, 9), (5, 11), (3, 2)):
        cases.save(f"upsampleNearest-{size[0]}x{size[1]}", {"op": "upsampleNearest", "size": size, "scale": 2 if size == (10, 8) else None},
                   {"x": x}, {"y": F.interpolate(x, size=size, mode="nearest")})
    table, ids = cases.draw(19, 7), torch.tensor([[0, 18, 3, 3], [5, 0, 1, 17]])
    cases.save("gather-embedding", {"op": "gather", "axis": 0}, {"x": table, "indices": ids}, {"y": F.embedding(ids, table)})
    parts = [cases.draw(2, n, 3) for n in (4, 1, 6)]
    cases.save("concat", {"op": "concat", "axis": 1}, {f"x{i}": p for i, p in enumerate(parts)}, {"y": torch.cat(parts, dim=1)})
    x = cases.draw(1, 2, 3, 4)
    cases.save("pad-asymmetric", {"op": "pad", "before": [0, 0, 0, 2], "after": [0, 0, 1, 1], "value": 0}, {"x": x}, {"y": F.pad(x, (2, 1, 0, 1))})
    cases.save("pad-value", {"op": "pad", "before": [1, 0, 0, 0], "after": [0, 2, 0, 0], "value": -1.5}, {"x": x}, {"y": F.pad(x, (0, 0, 0, 0, 0, 2, 1, 0), value=-1.5)})
    cases.save("transpose", {"op": "transpose", "axes": [0, 3, 1, 2]}, {"x": x}, {"y": x.permute(0, 3, 1, 2)})
    x = cases.draw(5, 9)
    cases.save("slice-step", {"op": "slice", "axis": 1, "start": 1, "end": -1, "step": 3}, {"x": x}, {"y": x[:, 1:-1:3]})
    x = cases.draw(3, 4, 5)
    for kind, f in {"sum": torch.sum, "mean": torch.mean, "maximum": torch.amax, "minimum": torch.amin}.items():
        cases.save(f"reduce-{kind}", {"op": "reduce", "kind": kind, "axes": [0, 2], "keeps": kind != "sum"}, {"x": x},
                   {"y": f(x.double(), dim=(0, 2), keepdim=kind != "sum")})
    for kind in (torch.float16, torch.bfloat16):
        x = torch.cat([cases.draw(40) * 10, torch.tensor([65504.0, 65519.0, 65520.0, 1e-8, 6e-8, 1 + 2**-11, 1 + 3 * 2**-11, 3e38, -0.0])])
        cases.save(f"cast-{str(kind)[6:]}", {"op": "cast", "type": str(kind)[6:], "exact": True}, {"x": x}, {"y": x.to(kind).float()})


def timesteps(cases: Cases) -> None:
    t = torch.tensor([0, 1, 500, 981, 999])
    for name, (width, flip, shift) in {"sd": (320, True, 0), "small": (12, True, 0), "unflipped": (20, False, 1), "odd": (9, True, 0)}.items():
        y = get_timestep_embedding(t, width, flip_sin_to_cos=flip, downscale_freq_shift=shift)
        cases.save(f"timestepEmbedding-{name}", {"op": "timestepEmbedding", "width": width, "flip_sin_to_cos": flip, "freq_shift": shift},
                   {"timestep": t}, {"y": y})


def make() -> None:
    fresh("op")
    cases = Cases()
    for part in (convolutions, products, norms, attentions, elementwise, moves, timesteps):
        part(cases)


if __name__ == "__main__":
    make()
