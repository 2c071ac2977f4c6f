"""Family `op`: convolutions, products, norms, attention at awkward sizes, double rounded to f32.

Attention's queries, keys and values are [batch, tokens, heads·width]; its second output is the
probabilities' mean over heads, [batch, keys, queries].
"""

import torch
import torch.nn.functional as F

from op_cases import Cases


def convolutions(cases: Cases) -> None:
    # name: x, output channels, kernel, strides, padding (top, left, bottom, right), dilations,
    # groups, bias
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
        y = F.conv2d(
            F.pad(x.double(), (left, right, top, bottom)),
            weight.double(),
            inputs["bias"].double() if bias else None,
            strides,
            0,
            dilations,
            groups,
        )
        cases.save(
            f"convolution-{name}",
            {
                "op": "convolution",
                "strides": strides,
                "padding": padding,
                "dilations": dilations,
                "groups": groups,
            },
            inputs,
            {"y": y},
        )
    # With everything that can be fused: a vector per image and channel, a residual, an activation.
    x, weight, bias, vector, residual = (
        cases.draw(*s) for s in ((2, 6, 5, 7), (8, 6, 3, 3), (8,), (2, 8), (2, 8, 5, 7))
    )
    y = F.silu(
        F.conv2d(x.double(), weight.double(), bias.double(), padding=1)
        + vector.double()[:, :, None, None]
        + residual.double()
    )
    cases.save(
        "convolution-fused",
        {
            "op": "convolution",
            "strides": [1, 1],
            "padding": [1, 1, 1, 1],
            "dilations": [1, 1],
            "groups": 1,
            "activation": "silu",
        },
        {"x": x, "weight": weight, "bias": bias, "vector": vector, "residual": residual},
        {"y": y},
    )


def products(cases: Cases) -> None:
    for name, (shape, out, bias) in {
        "row": ((1, 7), 5, True),
        "3d": ((2, 9, 20), 52, True),
        "no-bias": ((3, 17, 33), 31, False),
        "wide": ((77, 24), 67, True),
    }.items():
        inputs = {"x": cases.draw(*shape), "weight": cases.draw(out, shape[-1])} | (
            {"bias": cases.draw(out)} if bias else {}
        )
        y = F.linear(
            inputs["x"].double(),
            inputs["weight"].double(),
            inputs["bias"].double() if bias else None,
        )
        cases.save(f"linear-{name}", {"op": "linear"}, inputs, {"y": y})
    x, weight, bias, residual = (
        cases.draw(4, 19),
        cases.draw(11, 19),
        cases.draw(11),
        cases.draw(4, 11),
    )
    y = F.gelu(F.linear(x.double(), weight.double(), bias.double()) + residual.double())
    cases.save(
        "linear-fused",
        {"op": "linear", "activation": "gelu"},
        {"x": x, "weight": weight, "bias": bias, "residual": residual},
        {"y": y},
    )
    for name, (a, b) in {
        "plain": ((5, 7), (7, 3)),
        "batched": ((2, 3, 5, 4), (2, 3, 4, 6)),
        "broadcast": ((3, 1, 5, 4), (2, 4, 1)),
        "one-matrix": ((2, 9, 8), (8, 13)),
        "row": ((1, 40), (40, 17)),
        "column": ((31, 1), (1, 2)),
    }.items():
        a, b = cases.draw(*a), cases.draw(*b)
        cases.save(
            f"matMul-{name}", {"op": "matMul"}, {"a": a, "b": b}, {"y": a.double() @ b.double()}
        )


def norms(cases: Cases) -> None:
    for name, (shape, groups, epsilon) in {
        "4": ((2, 12, 5, 7), 4, 1e-5),
        "1": ((1, 9, 4, 3), 1, 1e-6),
        "each": ((2, 6, 3, 3), 6, 1e-5),
        "3d": ((2, 10, 13), 5, 1e-6),
        "one-pixel": ((3, 8, 1, 1), 2, 1e-5),
    }.items():
        x, scale, shift = cases.draw(*shape) * 3 + 1, cases.draw(shape[1]), cases.draw(shape[1])
        y = F.group_norm(x.double(), groups, scale.double(), shift.double(), epsilon)
        cases.save(
            f"groupNorm-{name}",
            {"op": "groupNorm", "groups": groups, "epsilon": epsilon},
            {"x": x, "scale": scale, "shift": shift},
            {"y": y},
        )
    far = cases.draw(1, 8, 6, 6) * 0.01 + 100  # a large mean: naive sums of squares lose it
    scale, shift = cases.draw(8), cases.draw(8)
    cases.save(
        "groupNorm-far-mean",
        {"op": "groupNorm", "groups": 2, "epsilon": 1e-5},
        {"x": far, "scale": scale, "shift": shift},
        {"y": F.group_norm(far.double(), 2, scale.double(), shift.double(), 1e-5)},
        relative=1e-4,
    )
    for name, shape in {
        "row": (1, 24),
        "3d": (2, 77, 20),
        "odd": (3, 5, 7),
        "single": (4, 1),
    }.items():
        x, scale, shift = cases.draw(*shape) * 2 - 1, cases.draw(shape[-1]), cases.draw(shape[-1])
        y = F.layer_norm(x.double(), shape[-1:], scale.double(), shift.double(), 1e-5)
        cases.save(
            f"layerNorm-{name}",
            {"op": "layerNorm", "epsilon": 1e-5},
            {"x": x, "scale": scale, "shift": shift},
            {"y": y},
        )
    for name, (shape, axis, factor) in {
        "last": ((3, 77), -1, 1),
        "middle": ((2, 5, 7), 1, 1),
        "large": ((4, 33), -1, 200),
        "one": ((5, 1), 1, 1),
    }.items():
        x = cases.draw(*shape) * factor
        cases.save(
            f"softmax-{name}",
            {"op": "softmax", "axis": axis},
            {"x": x},
            {"y": x.double().softmax(axis)},
        )
    x = torch.full((2, 6), -torch.inf)
    x[:, 2:4] = cases.draw(2, 2)
    cases.save(
        "softmax-masked", {"op": "softmax", "axis": -1}, {"x": x}, {"y": x.double().softmax(-1)}
    )


def attentions(cases: Cases) -> None:
    # name: batch, queries, keys, heads, width, value width, mask shape, causal, chosen tokens
    table = {
        "cross": (2, 49, 77, 2, 9, 9, None, False, None),
        "self": (1, 25, 25, 4, 5, 5, None, False, None),
        "one-head": (1, 9, 77, 1, 19, 19, None, False, None),
        "sharp": (1, 16, 77, 3, 8, 8, None, False, None),
        "padding-mask": (3, 13, 13, 4, 6, 6, (3, 1, 1, 13), False, None),
        "full-mask": (2, 5, 7, 2, 4, 4, (2, 2, 5, 7), False, None),
        "causal": (2, 11, 11, 2, 10, 10, None, True, None),
        "chosen": (2, 30, 77, 3, 7, 7, None, False, [0, 3, 76, 5]),
        "one-key": (1, 4, 1, 2, 3, 3, None, False, None),
        "values-wider": (1, 8, 12, 2, 4, 9, None, False, None),
    }
    for name, (
        batch,
        queries,
        keys,
        heads,
        width,
        value_width,
        mask_shape,
        causal,
        tokens,
    ) in table.items():
        q, k, v = (
            cases.draw(batch, queries, heads * width),
            cases.draw(batch, keys, heads * width),
            cases.draw(batch, keys, heads * value_width),
        )
        if name == "sharp":
            q = q * 8
        inputs = {"q": q, "k": k, "v": v}
        if mask_shape:
            inputs["mask"] = torch.where(
                cases.draw(*mask_shape) > 0.5, torch.finfo(torch.float32).min, 0.0
            )
            inputs["mask"][..., 0] = 0
        q, k, v = (
            t.double().view(batch, -1, heads, t.shape[-1] // heads).transpose(1, 2)
            for t in (q, k, v)
        )
        scores = q @ k.transpose(-1, -2) * width**-0.5
        scores = scores + inputs["mask"].double() if mask_shape else scores
        if causal:
            scores = scores.masked_fill(
                torch.ones(queries, keys, dtype=torch.bool).triu(1), -torch.inf
            )
        probabilities = scores.softmax(-1)
        y = (probabilities @ v).transpose(1, 2).reshape(batch, queries, heads * value_width)
        shown = probabilities.mean(dim=1).transpose(1, 2)
        shown = shown if tokens is None else shown[:, tokens]
        cases.save(
            f"attention-{name}",
            {
                "op": "attention",
                "heads": heads,
                "scale": width**-0.5,
                "causal": causal,
                "tokens": tokens,
            },
            inputs,
            {"y": y, "probabilities": shown},
        )
