"""Writes the test cases that PyPI's `onnx` makes in Python to files.

    tools/onnx/write-cases [FOLDER]      (.build/onnx-cases when none is named)

FOLDER/{node,light}/CASE/model.onnx, FOLDER/.../CASE/test_data_set_N/{input,output}_N.pb and
FOLDER/.../CASE/data.json with the case's own tolerances: the layout of Debian's libonnx-testdata.
FOLDER/complete names the version they are of; when it is the installed one, nothing is done.

The nine light networks lie in the package with what they must answer; their input is a ramp from 0
to 1 over its elements, and their weights are made by nodes within them.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = Path(__file__).resolve().parents[2]
# Raise it when what is written changes.
LAYOUT = 1


def proto(value, declared: onnx.ValueInfoProto):
    """A value of a case as the message that its declared type asks for."""
    kind = declared.type.WhichOneof("value")
    if isinstance(value, onnx.TensorProto):
        return value
    if kind == "sequence_type":
        return numpy_helper.from_list(value, declared.name)
    if kind == "map_type":
        return numpy_helper.from_dict(value, declared.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, declared.name)
    return numpy_helper.from_array(np.asarray(value), declared.name)


def write_case(folder: Path, model: bytes, data_sets, rtol: float, atol: float) -> None:
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model)
    (folder / "data.json").write_text(json.dumps({"rtol": rtol, "atol": atol}) + "\n")
    for number, (inputs, outputs) in enumerate(data_sets):
        place = folder / f"test_data_set_{number}"
        place.mkdir()
        for stem, messages in (("input", inputs), ("output", outputs)):
            for i, message in enumerate(messages):
                (place / f"{stem}_{i}.pb").write_bytes(message.SerializeToString())


def write_nodes(out: Path) -> int:
    from onnx.backend.test.loader import load_model_tests

    cases = load_model_tests(kind="node")
    for case in cases:
        graph = case.model.graph
        data_sets = [
            (
                [proto(value, graph.input[i]) for i, value in enumerate(inputs)],
                [proto(value, graph.output[i]) for i, value in enumerate(outputs)],
            )
            for inputs, outputs in case.data_sets
        ]
        write_case(out / case.name, case.model.SerializeToString(), data_sets, case.rtol, case.atol)
    return len(cases)


def ramp(declared: onnx.ValueInfoProto) -> np.ndarray:
    shape = [dim.dim_value or 1 for dim in declared.type.tensor_type.shape.dim]
    count = int(np.prod(shape))
    return (np.arange(count).reshape(shape) / count).astype(np.float32)


def write_light(out: Path) -> int:
    from onnx.backend.test.case.model import collect_testcases

    package = Path(onnx.__file__).resolve().parents[1]
    cases = [case for case in collect_testcases() if case.url and "/data/light/" in case.url]
    for case in cases:
        path = package / case.url
        model = onnx.load(path)
        known = {tensor.name for tensor in model.graph.initializer}
        inputs = [
            numpy_helper.from_array(ramp(declared), declared.name)
            for declared in model.graph.input
            if declared.name not in known
        ]
        outputs = [
            onnx.TensorProto.FromString(Path(f"{path.with_suffix('')}_output_{i}.pb").read_bytes())
            for i in range(len(model.graph.output))
        ]
        write_case(out / case.name, path.read_bytes(), [(inputs, outputs)], case.rtol, case.atol)
    return len(cases)


def main() -> None:
    if len(sys.argv) > 2:
        sys.exit("write-cases: one argument at most, the folder to write to")
    out = Path(sys.argv[1]) if len(sys.argv) == 2 else ROOT / ".build/onnx-cases"
    stamp = f"onnx {onnx.__version__}, layout {LAYOUT}\n"
    mark = out / "complete"
    if mark.exists() and mark.read_text() == stamp:
        return
    # Only folders that this script makes are removed.
    for name in ("node", "light"):
        shutil.rmtree(out / name, ignore_errors=True)
    mark.unlink(missing_ok=True)
    # Some cases compute with infinities on purpose.
    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
    counts = [write_nodes(out / "node"), write_light(out / "light")]
    mark.write_text(stamp)
    print(f"write-cases: {counts[0]} node cases, {counts[1]} networks of onnx {onnx.__version__}: {out}")


if __name__ == "__main__":
    main()
