"""Writes golden/onnx-runtime: small models of ONNX Runtime's own operators, of recurrent layers and of
loops, with what ONNX Runtime computes of them.

    tools/onnx/runtime-cases

Each case is model.onnx, io.safetensors and case.json; golden/MANIFEST.json is brought up to date.
"""

import json
import platform
import shutil

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

import manifest
import yardstick

FAMILY = "onnx-runtime"
SEED = 72000
MS = "com.microsoft"


class Cases:
    def __init__(self):
        self.folder = manifest.GOLDEN / FAMILY
        shutil.rmtree(self.folder, ignore_errors=True)
        self.random = np.random.default_rng(SEED)

    def draw(self, *shape, scale=1.0):
        return (self.random.standard_normal(shape) * scale).astype(np.float32)

    def whole(self, low, high, *shape, type=np.int64):
        return self.random.integers(low, high, shape).astype(type)

    def save(self, case, op, inputs, outputs, domain=MS, weights=(), steps=0, **attributes):
        """inputs: arrays in order, None where absent. outputs: the number of them, or a list of
        flags. weights: places of inputs that are part of the model. steps: how far outputs of
        whole numbers may be off."""
        wanted = [True] * outputs if isinstance(outputs, int) else outputs
        names = ["" if array is None else f"x{i}" for i, array in enumerate(inputs)]
        results = [f"y{i}" if flag else "" for i, flag in enumerate(wanted)]
        given = {
            name: array
            for i, (name, array) in enumerate(zip(names, inputs))
            if name and i not in weights
        }
        node = helper.make_node(op, names, results, name="layer", domain=domain, **attributes)
        constants = {names[i]: inputs[i] for i in weights}
        self.keep(case, [node], given, results, constants, op, steps)

    def keep(self, case, nodes, given, results, constants, op, steps=0):
        """given, constants: arrays by name. results: names, "" where absent."""
        graph = helper.make_graph(
            nodes,
            case,
            [
                helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
                )
                for name, array in given.items()
            ],
            [onnx.ValueInfoProto(name=name) for name in results if name],
            [numpy_helper.from_array(array, name) for name, array in constants.items()],
        )
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MS, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        session = yardstick.session(model.SerializeToString())
        # What ONNX's own shape inference cannot tell, the results do.
        answers = session.run(None, given)
        kept = [name for name in results if name]
        del model.graph.output[:]
        for name, array in zip(kept, answers):
            model.graph.output.append(
                helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
                )
            )
        folder = self.folder / case
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        tensors = {f"input.{name}": array for name, array in given.items()}
        tensors |= {f"output.{name}": array for name, array in zip(kept, answers)}
        save_file(
            {name: np.array(array, order="C") for name, array in tensors.items()},
            folder / "io.safetensors",
        )
        about = {
            "family": FAMILY,
            "case": case,
            "script": "tools/onnx/runtime_cases.py",
            "versions": {
                "python": platform.python_version(),
                "onnx": onnx.__version__,
                "onnxruntime": onnxruntime.__version__,
                "numpy": np.__version__,
            },
            "seed": SEED,
            "tolerance": {"absolute": 1e-6, "relative": 2e-5},
            "config": {"op": op, "steps": steps},
        }
        text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
        (folder / "case.json").write_text(text, encoding="utf-8")


def activations(cases):
    x, bias = cases.draw(2, 3, 8, scale=2), cases.draw(8)
    cases.save("gelu", "Gelu", [x], 1)
    cases.save("bias_gelu", "BiasGelu", [x, bias], 1)
    cases.save("fast_gelu", "FastGelu", [x], 1)
    cases.save("fast_gelu_bias", "FastGelu", [x, bias], 1)
    cases.save("quick_gelu", "QuickGelu", [x], 1, alpha=1.702)
    cases.save("quick_gelu_alpha", "QuickGelu", [x], 1, alpha=1.3)


def norms(cases):
    x, skip = cases.draw(2, 3, 8), cases.draw(2, 3, 8)
    gamma, beta, bias = cases.draw(8), cases.draw(8), cases.draw(8)
    cases.save(
        "skip_layer_norm", "SkipLayerNormalization", [x, skip, gamma, beta, bias],
        [True, False, False, True], epsilon=1e-5,
    )  # fmt: skip
    cases.save(
        "skip_layer_norm_shared", "SkipLayerNormalization", [x, skip[0], gamma], 1, epsilon=1e-3
    )
    cases.save(
        "skip_rms_norm", "SkipSimplifiedLayerNormalization", [x, skip, gamma, bias],
        [True, False, False, True], epsilon=1e-6,
    )  # fmt: skip
    cases.save(
        "rms_norm", "SimplifiedLayerNormalization", [x, gamma], 1, domain="", axis=-1,
        epsilon=1e-6, stash_type=1,
    )  # fmt: skip
    ids = cases.whole(0, 11, 2, 5, type=np.int32)
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    tables = [cases.draw(11, 8), cases.draw(7, 8), cases.draw(2, 8)]
    segments = cases.whole(0, 2, 2, 5, type=np.int32)
    cases.save(
        "embed_layer_norm", "EmbedLayerNormalization",
        [ids, segments, *tables, gamma, beta, mask], 3, weights=(2, 3, 4), epsilon=1e-5,
    )  # fmt: skip
    positions = np.array([[4, 3, 2, 1, 0]], np.int32)
    cases.save(
        "embed_layer_norm_positions", "EmbedLayerNormalization",
        [ids, None, tables[0], tables[1], None, gamma, beta, None, positions], 2,
        weights=(2, 3),
    )  # fmt: skip


def products(cases):
    a, b = cases.draw(2, 3, 4), cases.draw(2, 4, 5)
    cases.save("fused_matmul", "FusedMatMul", [a, b], 1, alpha=0.5)
    cases.save(
        "fused_matmul_turned", "FusedMatMul", [a.swapaxes(1, 2).copy(), b.swapaxes(1, 2).copy()],
        1, transA=1, transB=1,
    )  # fmt: skip
    cases.save(
        "fused_matmul_batch", "FusedMatMul", [cases.draw(3, 2, 4), b], 1, transBatchA=1
    )
    m, n, c = cases.draw(3, 4), cases.draw(5, 4), cases.draw(5)
    for name, extra in [
        ("Relu", {}),
        ("LeakyRelu", {"activation_alpha": 0.2}),
        ("Sigmoid", {}),
        ("HardSigmoid", {"activation_alpha": 0.3, "activation_beta": 0.4}),
    ]:
        cases.save(
            f"fused_gemm_{name.lower()}", "FusedGemm", [m, n, c], 1, transB=1, alpha=0.7,
            beta=1.2, activation=name, **extra,
        )  # fmt: skip
    x, w, bias = cases.draw(1, 3, 6, 5), cases.draw(4, 3, 3, 3), cases.draw(4)
    cases.save("fused_conv", "FusedConv", [x, w, bias], 1, pads=[1, 1, 1, 1], activation="Relu")
    z = cases.draw(1, 4, 6, 5)
    cases.save(
        "fused_conv_sum", "FusedConv", [x, w, bias, z], 1, pads=[1, 1, 1, 1], activation="Relu"
    )
    cases.save(
        "fused_conv_clip", "FusedConv", [x, w, bias], 1, activation="Clip",
        activation_params=[-0.5, 0.6],
    )  # fmt: skip
    for bits, block in [(4, 16), (8, 16), (4, 32)]:
        outputs, inputs = 6, 40
        blocks = -(-inputs // block)
        packed = cases.whole(0, 256, outputs, blocks, block * bits // 8, type=np.uint8)
        scales = np.abs(cases.draw(outputs, blocks, scale=0.1))
        zeros = cases.whole(0, 256, outputs, -(-blocks * bits // 8), type=np.uint8)
        x = cases.draw(2, 3, inputs)
        for point in [None, zeros]:
            name = f"matmul_{bits}_bits_{block}" + ("" if point is None else "_zeros")
            cases.save(
                name, "MatMulNBits", [x, packed, scales, point], 1, K=inputs, N=outputs,
                bits=bits, block_size=block, weights=(1, 2) if point is None else (1, 2, 3),
            )  # fmt: skip


def attention(cases):
    batch, steps, heads, size = 2, 5, 2, 4
    width = heads * size
    q, k, v = (cases.draw(batch, steps, width) for _ in range(3))
    longer = [cases.draw(batch, 7, width), cases.draw(batch, 7, 3 * heads)]
    bias = cases.draw(3 * width)
    seen = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    lengths = np.array([3, 5], np.int32)
    scores = cases.draw(1, heads, steps, steps)
    past = [cases.draw(batch, heads, 3, size) for _ in range(2)]

    def multi(name, inputs, outputs=1, **attributes):
        cases.save(f"multi_head_{name}", "MultiHeadAttention", inputs, outputs, num_heads=heads,
                   **attributes)  # fmt: skip

    multi("plain", [q, k, v])
    multi("scaled", [q, k, v], scale=0.3)
    multi("cross", [q, *longer])
    multi("bias", [q, k, v, bias])
    multi("mask", [q, k, v, None, seen])
    multi("lengths", [q, k, v, None, lengths])
    multi("score_bias", [q, k, v, bias, seen, scores], mask_filter_value=-3.0)
    multi("causal", [q, k, v], unidirectional=1)
    multi("past", [q, k, v, bias, None, None, *past], 3)
    multi("past_causal", [q, k, v, None, None, None, *past], 3, unidirectional=1)
    multi("kept_keys", [q, *(cases.draw(batch, heads, 6, size) for _ in range(2))])

    x, weight = cases.draw(batch, steps, 6), cases.draw(6, 3 * width, scale=0.5)

    def projected(name, rest, outputs=1, **attributes):
        cases.save(f"attention_{name}", "Attention", [x, weight, bias, *rest], outputs,
                   weights=(1, 2), num_heads=heads, **attributes)  # fmt: skip

    cube = np.tril(np.ones((batch, steps, steps), np.int32))
    projected("plain", [])
    projected("causal", [], unidirectional=1)
    projected("mask", [seen])
    projected("mask_causal", [seen], unidirectional=1)
    projected("cube_mask", [cube])
    projected("lengths", [lengths])
    projected("ends_and_starts", [np.array([5, 4, 1, 0], np.int32)])
    projected("past", [None, np.stack(past)], 2)
    projected("past_causal", [None, np.stack(past)], 2, unidirectional=1)
    projected("score_bias", [seen, None, scores])
    sizes = [width, width, heads * 3]
    cases.save(
        "attention_sizes", "Attention", [x, cases.draw(6, sum(sizes)), cases.draw(sum(sizes))], 1,
        num_heads=heads, qkv_hidden_sizes=sizes, weights=(1, 2),
    )  # fmt: skip

    def tables(rows, half):
        angles = np.outer(np.arange(rows), 1 / 10 ** (np.arange(half) / half))
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    rows, half = 12, 4
    cosines, sines = tables(rows, half)
    y = cases.draw(batch, steps, 2 * 2 * half)
    table = cases.whole(0, rows, batch, steps)
    first = np.array([3], np.int64)
    four = cases.draw(batch, 3, steps, 2 * half)
    cases.save("rotary", "RotaryEmbedding", [y, table, cosines, sines], 1)
    cases.save("rotary_first", "RotaryEmbedding", [y, first, cosines, sines], 1, interleaved=1)
    cases.save("rotary_four_axes", "RotaryEmbedding", [four, table, cosines, sines], 1)
    cases.save(
        "rotary_part", "RotaryEmbedding", [y, first, cosines[:, :2].copy(), sines[:, :2].copy()],
        1, num_heads=2, rotary_embedding_dim=4,
    )  # fmt: skip

    heads, shared, size = 4, 2, 16
    cosines, sines = tables(rows, size // 2)
    q = cases.draw(1, steps, heads * size)
    k, v = cases.draw(1, steps, shared * size), cases.draw(1, steps, shared * size)
    kept = [cases.draw(1, shared, 3, size) for _ in range(2)]
    none = [np.zeros((1, shared, 0, size), np.float32)] * 2

    def grouped(name, inputs, past, total, rotary=True, more=(), **attributes):
        inputs = [
            *inputs, *past, np.array([total - 1], np.int32), np.array(total, np.int32),
            *((cosines, sines) if rotary else (None, None) if more else ()), *more,
        ]  # fmt: skip
        cases.save(f"grouped_{name}", "GroupQueryAttention", inputs, 3, num_heads=heads,
                   kv_num_heads=shared, do_rotary=int(rotary), **attributes)  # fmt: skip

    grouped("prompt", [q, k, v], none, steps)
    grouped("plain", [q, k, v], none, steps, rotary=False, scale=0.4)
    grouped("interleaved", [q, k, v], none, steps, rotary_interleaved=1)
    grouped("window", [q, k, v], none, steps, local_window_size=2)
    grouped("softcap", [q, k, v], none, steps, softcap=2.0)
    one = [q[:, :1].copy(), k[:, :1].copy(), v[:, :1].copy()]
    grouped("step", one, kept, 4)
    grouped("step_window", one, kept, 4, local_window_size=2)
    grouped("chunk", [q[:, :2].copy(), k[:, :2].copy(), v[:, :2].copy()], kept, 5)
    sinks = cases.draw(heads)
    bias = cases.draw(1, heads, steps, steps)
    grouped("sinks", [q, k, v], none, steps, more=(None, None, sinks))
    grouped("smooth", [q, k, v], none, steps, rotary=False, smooth_softmax=1)
    grouped("score_bias", [q, k, v], none, steps, rotary=False, more=(None, bias))
    grouped("packed", [cases.draw(1, steps, (heads + 2 * shared) * size), None, None], none, steps)


def quantized(cases):
    def byte(*shape, type=np.uint8):
        return cases.whole(*((0, 256) if type == np.uint8 else (-128, 128)), *shape, type=type)

    def scale(value):
        return np.array(value, np.float32)

    for type in (np.uint8, np.int8):
        zero = [np.array(value, type) for value in (3, 7, 5)]
        a, b = byte(2, 3, 4, type=type), byte(3, 1, type=type)
        tail = type.__name__
        for op in ("QLinearAdd", "QLinearMul"):
            cases.save(
                f"{op.lower()}_{tail}", op,
                [a, scale(0.1), zero[0], b, scale(0.2), zero[1], scale(0.3), zero[2]], 1, steps=1,
            )  # fmt: skip
        x = byte(1, 3, 6, 5, type=type)
        head = [x, scale(0.05), zero[0], scale(0.02), zero[1]]
        cases.save(f"qlinearsigmoid_{tail}", "QLinearSigmoid", head, 1, steps=1)
        cases.save(f"qlinearleakyrelu_{tail}", "QLinearLeakyRelu", head, 1, steps=1, alpha=0.2)
        cases.save(
            f"qlinearsoftmax_{tail}", "QLinearSoftmax",
            [x, scale(0.05), zero[0], scale(1 / 256), zero[1]], 1, steps=1, opset=13, axis=-1,
        )  # fmt: skip
        cases.save(f"qlinearglobalaveragepool_{tail}", "QLinearGlobalAveragePool", head, 1, steps=1)
        cases.save(
            f"qlinearaveragepool_{tail}", "QLinearAveragePool", head, 1, steps=1,
            kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 1, 1],
        )  # fmt: skip
        cases.save(
            f"qlinearconcat_{tail}", "QLinearConcat",
            [scale(0.2), zero[0], a, scale(0.1), zero[1], byte(2, 2, 4, type=type), scale(0.3),
             zero[2]], 1, steps=1, axis=1,
        )  # fmt: skip
    a, b = byte(3, 8), byte(8, 5, type=np.int8)
    zeros = [np.array(9, np.uint8), np.array(-2, np.int8)]
    bias = cases.draw(5)
    columns = np.abs(cases.draw(5, scale=0.1)) + np.float32(0.01)
    cases.save(
        "matmul_integer_to_float", "MatMulIntegerToFloat",
        [a, b, scale(0.1), columns, zeros[0], np.full(5, -2, np.int8), bias], 1,
        weights=(1, 3, 5),
    )  # fmt: skip
    cases.save(
        "dynamic_quantize_matmul", "DynamicQuantizeMatMul",
        [cases.draw(3, 8), b, scale(0.1), zeros[1], bias], 1, weights=(1, 2, 3),
    )  # fmt: skip
    c = cases.whole(-100, 100, 5, type=np.int32)
    gemm = [a, scale(0.1), zeros[0], b, scale(0.2), zeros[1]]
    cases.save("qgemm", "QGemm", [*gemm, c, scale(3.0), np.array(120, np.uint8)], 1, steps=1)
    cases.save("qgemm_float", "QGemm", [*gemm, c], 1, alpha=0.5)
    cases.save(
        "qattention", "QAttention",
        [byte(2, 4, 6), byte(6, 24, type=np.int8), cases.draw(24), scale(0.02), scale(0.01),
         np.array([3, 4], np.int32), zeros[0], zeros[1]], 1, weights=(1, 2), num_heads=2,
    )  # fmt: skip


def recurrent(cases):
    steps, batch, inputs, hidden = 4, 3, 5, 6
    lengths = np.array([4, 2, 3], np.int32)
    x = cases.draw(steps, batch, inputs)
    for op, gates in [("RNN", 1), ("GRU", 3), ("LSTM", 4)]:
        for direction, count in [("forward", 1), ("reverse", 1), ("bidirectional", 2)]:
            rest = [
                cases.draw(count, gates * hidden, inputs, scale=0.5),
                cases.draw(count, gates * hidden, hidden, scale=0.5),
                cases.draw(count, 2 * gates * hidden),
                lengths,
                cases.draw(count, batch, hidden),
            ]
            if op == "LSTM":
                rest += [cases.draw(count, batch, hidden), cases.draw(count, 3 * hidden)]
            extra = {"linear_before_reset": 1} if (op, direction) == ("GRU", "reverse") else {}
            if (op, direction) == ("LSTM", "reverse"):
                extra["input_forget"] = 1
            cases.save(
                f"{op.lower()}_{direction}", op, [x, *rest], 3 if op == "LSTM" else 2, domain="",
                weights=(1, 2, 3), hidden_size=hidden, direction=direction, clip=1.5, **extra,
            )  # fmt: skip
    chosen = {
        "RNN": ["Softsign"],
        "GRU": ["HardSigmoid", "ScaledTanh"],
        "LSTM": ["HardSigmoid", "LeakyRelu", "Elu"],
    }
    for op, gates in [("RNN", 1), ("GRU", 3), ("LSTM", 4)]:
        numbers = {}
        if op != "RNN":
            numbers = {"activation_alpha": [0.3, 0.7], "activation_beta": [0.4, 0.8]}
        if op == "LSTM":
            numbers = {"activation_alpha": [0.3, 0.05, 0.9], "activation_beta": [0.4]}
        cases.save(
            f"{op.lower()}_curves", op,
            [x, cases.draw(1, gates * hidden, inputs, scale=0.5),
             cases.draw(1, gates * hidden, hidden, scale=0.5)],
            3 if op == "LSTM" else 2, domain="", weights=(1, 2), hidden_size=hidden,
            activations=chosen[op], **numbers,
        )  # fmt: skip
    byte = np.int8
    for name, count, scales in [("forward", 1, 1), ("bidirectional", 2, 4 * hidden)]:
        shape = (count,) if scales == 1 else (count, scales)
        draws = [
            part
            for width in (inputs, hidden)
            for part in (
                cases.whole(-127, 128, count, width, 4 * hidden, type=byte),
                0.002 + 0.004 * cases.random.random(shape).astype(np.float32),
                cases.whole(-9, 9, *shape, type=byte) if scales == 1 else np.zeros(shape, byte),
            )
        ]
        cases.save(
            f"dynamic_quantize_lstm_{name}", "DynamicQuantizeLSTM",
            [x, draws[0], draws[3], cases.draw(count, 8 * hidden, scale=0.3), None,
             cases.draw(count, batch, hidden), cases.draw(count, batch, hidden), None,
             draws[1], draws[2], draws[4], draws[5]],
            3, weights=(1, 2, 3, 8, 9, 10, 11), hidden_size=hidden, direction=name,
        )  # fmt: skip


def loops(cases):
    """Loops without iterations, or without anything carried from one to the next, and in one another."""
    info, node = helper.make_tensor_value_info, helper.make_node
    f32, i64, bool_ = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
    around = [info("i", i64, []), info("on", bool_, [])]
    x = cases.draw(2, 3)

    # y: [trips, 2, 3], x scaled by the iteration; ids: [trips, 1].
    scanning = helper.make_graph(
        [
            node("Identity", ["on"], ["goes"]),
            node("Cast", ["i"], ["number"], to=f32),
            node("Mul", ["x", "number"], ["scaled"]),
            node("Unsqueeze", ["i", "zero"], ["id"]),
        ],
        "body", around,
        [info("goes", bool_, []), info("scaled", f32, [2, 3]), info("id", i64, [1])],
    )  # fmt: skip
    for trips in (3, 0):
        cases.keep(
            f"loop_scans_{trips}",
            [
                node("Loop", ["trips", ""], ["y", "ids"], name="layer", body=scanning),
                # What has no slices has their type and sizes all the same.
                node("Concat", ["ids", "more"], ["joined"], axis=0),
            ],
            {"x": x}, ["y", "joined"],
            {"trips": np.array(trips), "zero": np.array([0]), "more": np.array([[7], [8]])}, "Loop",
        )  # fmt: skip
        cases.keep(
            f"loop_scans_{trips}_given",
            [node("Loop", ["trips", ""], ["y", "ids"], name="layer", body=scanning)],
            {"x": x, "trips": np.array(trips)}, ["y", "ids"], {"zero": np.array([0])}, "Loop",
        )  # fmt: skip

    # Ends by its condition: doubles until the largest is above 20.
    doubling = helper.make_graph(
        [
            node("Add", ["v", "v"], ["w"]),
            node("ReduceMax", ["w"], ["top"], keepdims=0),
            node("Less", ["top", "limit"], ["goes"]),
        ],
        "body", [*around, info("v", f32, None)],
        [info("goes", bool_, []), info("w", f32, None)],
    )  # fmt: skip
    cases.keep(
        "loop_until", [node("Loop", ["", "yes", "x"], ["y"], name="layer", body=doubling)],
        {"x": np.abs(x)}, ["y"], {"yes": np.array(True), "limit": np.array(20, np.float32)}, "Loop",
    )  # fmt: skip

    # A loop in a loop: as many iterations as the outer one has had, and its result grows.
    inner = helper.make_graph(
        [node("Identity", ["on2"], ["goes2"]), node("Add", ["v2", "number2"], ["w2"])],
        "inner",
        [info("i2", i64, []), info("on2", bool_, []), info("v2", f32, None)],
        [info("goes2", bool_, []), info("w2", f32, None)],
    )
    outer = helper.make_graph(
        [
            node("Identity", ["on"], ["goes"]),
            node("Cast", ["i"], ["number2"], to=f32),
            node("Loop", ["i", "", "x"], ["part"], body=inner),
            node("Concat", ["v", "part"], ["w"], axis=0),
        ],
        "body", [*around, info("v", f32, ["rows", 3])],
        [info("goes", bool_, []), info("w", f32, ["rows", 3])],
    )  # fmt: skip
    cases.keep(
        "loop_in_loop", [node("Loop", ["trips", "", "x"], ["y"], name="layer", body=outer)],
        {"x": x}, ["y"], {"trips": np.array(4)}, "Loop",
    )  # fmt: skip

    summing = helper.make_graph(
        [node("Add", ["s", "v"], ["t"]), node("Mul", ["t", "v"], ["u"])],
        "body", [info("s", f32, [3]), info("v", f32, [3])],
        [info("t", f32, [3]), info("u", f32, [3])],
    )  # fmt: skip
    squaring = helper.make_graph(
        [node("Mul", ["v", "v"], ["u"])], "body", [info("v", f32, [3])], [info("u", f32, [3])]
    )
    # (Without slices ONNX Runtime refuses a scan.)
    start = cases.draw(3)
    cases.keep(
        "scan_sums",
        [node("Scan", ["s0", "rows"], ["s", "y"], name="layer", num_scan_inputs=1, body=summing)],
        {"s0": start, "rows": x}, ["s", "y"], {}, "Scan",
    )  # fmt: skip
    cases.keep(
        "scan_stateless",
        [node("Scan", ["rows"], ["y"], name="layer", num_scan_inputs=1, body=squaring,
              scan_output_axes=[1], scan_input_directions=[1])],
        {"rows": x}, ["y"], {}, "Scan",
    )  # fmt: skip



def main():
    cases = Cases()
    for make in (activations, norms, products, attention, quantized, recurrent, loops):
        make(cases)
    manifest.update(FAMILY)


if __name__ == "__main__":
    main()
