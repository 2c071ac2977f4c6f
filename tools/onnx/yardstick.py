"""ONNX Runtime as the yardstick: the graph as it is written, on one thread."""

from pathlib import Path

import onnxruntime


def session(model: bytes | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # What it rounds dynamically depends on how rows are given out to threads.
    options.intra_op_num_threads = 1
    # Its own rewriting changes the last digits of quantised models.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
