"""Random graphs, computed by `plumb run` and by ONNX Runtime: what one graph's operators do to each
other, which cases of single operators cannot show.

    tools/onnx/random-graphs COUNT [FIRST]

Graph number n is the same each time. Each is chains of 4 to 17 steps that meet and part: arithmetic,
reshapes, transpositions, slices, products, convolutions, norms, the spellings of layer norm, GELU and
SiLU that exporters write, branches and loops; in a third of them all sizes are open. ONNX Runtime
does not optimise. One that differs by more than 2e-5 of the largest magnitude and 2e-4 of the element,
or does not run, is kept in the current folder as random-N.onnx and random-N.safetensors; exit status
1 then.
"""

import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import yardstick

LARGEST = 4000  # elements of a value


class Drawing:
    """A graph in the making, of float32 values."""

    def __init__(self, number):
        self.random = np.random.default_rng(number)
        self.nodes, self.constants, self.inputs = [], {}, {}
        self.values = []  # (name, shape)
        for _ in range(self.below(3) + 1):
            shape = self.one_of([(2, 3, 4), (2, 12), (1, 4, 5, 5), (2, 6, 4), (3, 4)])
            self.inputs[f"x{len(self.inputs)}"] = self.floats(*shape)
        self.values = [(name, array.shape) for name, array in self.inputs.items()]
        for _ in range(self.below(14) + 4):
            self.one_of(STEPS)(self, *self.value())

    def below(self, count):
        return int(self.random.integers(count))

    def maybe(self, chance):
        return self.random.random() < chance

    def one_of(self, choices):
        return choices[self.below(len(choices))]

    def floats(self, *shape):
        return self.random.standard_normal(shape).astype(np.float32)

    def value(self, fits=lambda shape: True):
        """One of the last values whose shape fits, else an earlier one."""
        found = [v for v in self.values[-8:] if fits(v[1])] or [
            v for v in self.values if fits(v[1])
        ]
        return self.one_of(found)

    def name(self):
        return f"v{len(self.constants) + sum(len(node.output) for node in self.nodes)}"

    def constant(self, content, type=None):
        name = "c" + self.name()
        self.constants[name] = np.array(content, type)
        return name

    def add(self, op, inputs, shape, **attributes):
        name = self.name()
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        self.values.append((name, tuple(shape)))
        return name

    def outputs(self):
        read = {name for node in self.nodes for name in node.input}
        found = [name for name, _ in self.values if name not in read]
        if self.maybe(0.3):
            found.append(self.value()[0])
        return [name for name in dict.fromkeys(found) if name not in self.inputs]

    def model(self, outputs):
        is_open = self.maybe(0.3)
        graph = helper.make_graph(
            self.nodes,
            "g",
            [
                helper.make_tensor_value_info(
                    name,
                    TensorProto.FLOAT,
                    [f"{name}_{i}" for i in range(array.ndim)] if is_open else array.shape,
                )
                for name, array in self.inputs.items()
            ],
            [onnx.ValueInfoProto(name=name) for name in outputs],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", 21)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


# MARK: Steps: each adds something behind the value x, or nothing where that does not fit.


def unary(d, x, shape):
    op = d.one_of("Relu Sigmoid Tanh Neg Abs Erf Exp Softplus HardSigmoid Sqrt Floor".split())
    # No NaN: with one, ONNX Runtime's maxima depend on where it stands.
    d.add(op, [d.add("Abs", [x], shape) if op == "Sqrt" else x], shape)


def binary(d, x, shape):
    other, _ = d.value(lambda s: s == shape)
    d.add(d.one_of(["Add", "Sub", "Mul", "Max", "Min"]), [x, other], shape)


def binary_with_constant(d, x, shape):
    sizes = [size if d.maybe(0.5) else 1 for size in shape]
    operands = [x, d.constant(d.floats(*sizes[d.below(len(shape) + 1) :]))]
    op = d.one_of(["Add", "Sub", "Mul", "Div"])
    if op != "Div" and d.maybe(0.3):
        operands.reverse()
    d.add(op, operands, shape)


def reshape(d, x, shape):
    count = math.prod(shape)
    choices = [(count,), (1, count), (1, *shape), (*shape, 1)]
    choices += [(shape[0], count // shape[0]), (2, count // 2), (count // 4, 4)]
    choices += [(2, count // 4, 2), (2, 2, count // 4), (2, count // 6, 3)]
    wanted = d.one_of([s for s in choices if math.prod(s) == count])
    said = list(wanted)
    if d.maybe(0.5):
        said[d.below(len(said))] = -1
    d.add("Reshape", [x, d.constant(said, np.int64)], wanted)


def transpose(d, x, shape):
    order = [int(axis) for axis in d.random.permutation(len(shape))]
    d.add("Transpose", [x], [shape[axis] for axis in order], perm=order)


def unsqueeze(d, x, shape):
    axis = d.below(len(shape) + 1)
    d.add("Unsqueeze", [x, d.constant([axis])], [*shape[:axis], 1, *shape[axis:]])


def concat(d, x, shape):
    axis = d.below(len(shape))
    other, sizes = d.value(
        lambda s: s[:axis] == shape[:axis] and s[axis + 1 :] == shape[axis + 1 :] and s[axis:]
    )
    result = [*shape[:axis], shape[axis] + sizes[axis], *shape[axis + 1 :]]
    if math.prod(result) <= LARGEST:
        said = axis if d.maybe(0.5) else axis - len(shape)
        d.add("Concat", [x, other], result, axis=said)


def cut(d, x, shape):
    axis = d.below(len(shape))
    step = d.one_of([1, 1, 2, -1])
    if step < 0:
        start, end, count = -1, -1000, shape[axis]
    else:
        start = d.below(shape[axis])
        end = start + 1 + d.below(shape[axis] - start)
        count = len(range(start, end, step))
    places = [d.constant([number]) for number in (start, end, axis, step)]
    d.add("Slice", [x, *places], [*shape[:axis], count, *shape[axis + 1 :]])


def split(d, x, shape):
    if shape[-1] % 2 == 0:
        halves = [d.name(), d.name() + "b"]
        d.nodes.append(helper.make_node("Split", [x], halves, axis=-1, num_outputs=2))
        d.values += [(half, (*shape[:-1], shape[-1] // 2)) for half in halves]


def gather(d, x, shape):
    axis = d.below(len(shape))
    indices = d.random.integers(-shape[axis], shape[axis], d.one_of([(), (2,), (2, 2)]))
    result = [*shape[:axis], *np.shape(indices), *shape[axis + 1 :]]
    if result and math.prod(result) <= LARGEST:
        d.add("Gather", [x, d.constant(indices, np.int64)], result, axis=axis)


def reduce(d, x, shape):
    axis, keeps = d.below(len(shape)), d.below(2)
    result = [*shape[:axis], *[1] * keeps, *shape[axis + 1 :]]
    if result:
        op = d.one_of(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2"])
        d.add(op, [x, d.constant([axis])], result, keepdims=keeps)


def product(d, x, shape):
    if len(shape) < 2:
        return
    result = [*shape[:-1], d.one_of([3, 4, 8])]
    y = d.add("MatMul", [x, d.constant(d.floats(shape[-1], result[-1]))], result)
    if d.maybe(0.6):
        y = d.add("Add", [y, d.constant(d.floats(result[-1]))], result)
    if d.maybe(0.4):
        d.add("Relu", [y], result)


def product_with_itself(d, x, shape):
    if len(shape) >= 2 and math.prod(shape) // shape[-1] * shape[-2] <= LARGEST:
        order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
        turned = d.add("Transpose", [x], [shape[axis] for axis in order], perm=order)
        d.add("MatMul", [x, turned], [*shape[:-1], shape[-2]])


def gemm(d, x, shape):
    if len(shape) == 2:
        width, turns = d.one_of([3, 5]), d.below(2)
        weight = d.floats(width, shape[1]) if turns else d.floats(shape[1], width)
        operands = [x, d.constant(weight), d.constant(d.floats(width))]
        factors = {"alpha": d.one_of([1.0, 0.5]), "beta": d.one_of([1.0, 2.0])}
        d.add("Gemm", operands, [shape[0], width], transB=turns, **factors)


def convolution(d, x, shape):
    if len(shape) == 4:
        channels, side = d.one_of([2, 4]), d.one_of([1, 3])
        operands = [x, d.constant(d.floats(channels, shape[1], side, side))]
        if d.maybe(0.5):
            operands.append(d.constant(d.floats(channels)))
        d.add("Conv", operands, [shape[0], channels, *shape[2:]], pads=[side // 2] * 4)


def instance_norm(d, x, shape):
    if len(shape) == 4:
        scale, shift = (d.constant(d.floats(shape[1])) for _ in range(2))
        d.add("InstanceNormalization", [x, scale, shift], shape, epsilon=1e-3)


def layer_norm(d, x, shape):
    scale, shift = (d.constant(d.floats(shape[-1])) for _ in range(2))
    d.add("LayerNormalization", [x, scale, shift], shape, axis=-1, epsilon=1e-3)


def layer_norm_spelt_out(d, x, shape):
    row = [*shape[:-1], 1]
    last = d.constant([-1])
    centred = d.add("Sub", [x, d.add("ReduceMean", [x, last], row)], shape)
    square = d.add("Pow", [centred, d.constant(2, np.float32)], shape)
    variance = d.add("ReduceMean", [square, last], row)
    root = d.add("Sqrt", [d.add("Add", [variance, d.constant(1e-3, np.float32)], row)], row)
    y = d.add("Div", [centred, root], shape)
    y = d.add("Mul", [y, d.constant(d.floats(shape[-1]))], shape)
    d.add("Add", [y, d.constant(d.floats(shape[-1]))], shape)


def softmax(d, x, shape):
    d.add("Softmax", [x], shape, axis=d.below(2 * len(shape)) - len(shape))


def silu_spelt_out(d, x, shape):
    operands = [x, d.add("Sigmoid", [x], shape)]
    d.add("Mul", operands if d.maybe(0.5) else operands[::-1], shape)


def gelu_spelt_out(d, x, shape):
    y = d.add("Div", [x, d.constant(math.sqrt(2), np.float32)], shape)
    y = d.add("Add", [d.add("Erf", [y], shape), d.constant(1, np.float32)], shape)
    d.add("Mul", [d.add("Mul", [x, y], shape), d.constant(0.5, np.float32)], shape)


def clip(d, x, shape):
    d.add("Clip", [x, d.constant(-0.5, np.float32), d.constant(0.7, np.float32)], shape)


def where(d, x, shape):
    condition = "b" + d.name()
    d.nodes.append(helper.make_node("Greater", [x, d.constant(0, np.float32)], [condition]))
    d.add("Where", [condition, x, d.value(lambda s: s == shape)[0]], shape)


def branch(d, x, shape):
    """What its largest element decides."""
    top = d.name()
    d.nodes.append(helper.make_node("ReduceMax", [x], [top], keepdims=0))
    condition = "b" + d.name()
    d.nodes.append(helper.make_node("Greater", [top, d.constant(1, np.float32)], [condition]))
    bodies = {}
    for place, op in (("then_branch", "Neg"), ("else_branch", d.one_of(["Abs", "Sigmoid"]))):
        result = place + condition
        node = helper.make_node(op, [x], [result])
        bodies[place] = helper.make_graph([node], place, [], [onnx.ValueInfoProto(name=result)])
    d.add("If", [condition], shape, **bodies)


def loop(d, x, shape):
    """Carries what it scales; may put out all that it had."""
    trips, scans, mark = d.below(3) + 1, d.below(2), d.name()
    names = {name: name + mark for name in ("i", "on", "goes", "x", "carried", "scaled")}
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", [names["on"]], [names["goes"]]),
            helper.make_node("Sigmoid", [names["x"]], [names["scaled"]]),
            helper.make_node("Mul", [names["scaled"], x], [names["carried"]]),
        ],
        "body",
        [
            info(names["i"], TensorProto.INT64, []),
            info(names["on"], TensorProto.BOOL, []),
            info(names["x"], TensorProto.FLOAT, None),
        ],
        [info(names["goes"], TensorProto.BOOL, [])]
        + [info(names["carried"], TensorProto.FLOAT, None)]
        + [info(names["scaled"], TensorProto.FLOAT, None)] * scans,
    )
    results = [d.name() + "l", d.name() + "s"][: 1 + scans]
    count = d.constant(trips, np.int64)
    d.nodes.append(helper.make_node("Loop", [count, "", x], results, body=body))
    d.values += zip(results, [tuple(shape), (trips, *shape)])


STEPS = [
    *[unary, binary, binary_with_constant, transpose, product] * 2,
    *[reshape] * 3,
    *[unsqueeze, concat, cut, split, gather, reduce, product_with_itself, gemm, convolution],
    *[instance_norm, layer_norm, layer_norm_spelt_out, softmax, silu_spelt_out, gelu_spelt_out],
    *[clip, where, branch, loop],
]


def difference(found, expected):
    """What is wrong with an output, in words; None when nothing is."""
    if (found.dtype, found.shape) != (expected.dtype, expected.shape):
        return f"is {found.dtype} {found.shape}, not {expected.dtype} {expected.shape}"
    finite = np.abs(expected[np.isfinite(expected)])
    largest = max(1.0, float(finite.max(initial=0)))
    if np.allclose(found, expected, rtol=2e-4, atol=2e-5 * largest, equal_nan=True):
        return None
    return f"is off by {np.nanmax(np.abs(found - expected)):.3g}, the largest is {largest:.3g}"


def fault(program, drawing, folder):
    outputs = drawing.outputs()
    if not outputs:
        return None, None
    model = drawing.model(outputs)
    onnx.save(model, folder / "model.onnx")
    save_file(drawing.inputs, folder / "in.safetensors")
    expected = yardstick.session(model.SerializeToString()).run(None, drawing.inputs)
    command = [program, "run", "model.onnx", "-i", "in.safetensors", "-o", "out.npz"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode != 0:
        return model, f"ends with status {run.returncode}: {run.stderr.strip()[-300:]}"
    with np.load(folder / "out.npz") as found:
        for name, array in zip(outputs, expected):
            if wrong := difference(found[name], array):
                return model, f"{name} {wrong}"
    return model, None


def main(program, count, first=0):
    wrong = compared = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            drawing = Drawing(number)
            model, problem = fault(program, drawing, Path(folder))
            compared += model is not None
            if problem:
                wrong += 1
                print(f"graph {number}: {problem}")
                onnx.save(model, f"random-{number}.onnx")
                save_file(drawing.inputs, f"random-{number}.safetensors")
    print(f"{compared} graphs compared, {wrong} differ")
    return 1 if wrong or not compared else 0


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3 or not all(text.isdigit() for text in sys.argv[1:]):
        sys.exit(__doc__)
    sys.exit(main(os.environ["PLUMB"], *map(int, sys.argv[1:])))
