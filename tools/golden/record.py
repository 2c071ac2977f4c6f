"""Records what a model of yours computes, for plumb verify: a PyTorch module by its import path, or an
ONNX file through ONNX Runtime.

    tools/golden/record torch MODULE:NAME -o DIR [--weights FILE] [--export MODEL.onnx] …
    tools/golden/record onnx MODEL.onnx -o DIR …

MODULE is what Python imports (`package.module`) or a file (`path/model.py`); NAME is in it a
torch.nn.Module, or a function without arguments that returns one. Inputs come from --inputs FILE
(.npz, .safetensors, an earlier recording) or are drawn as --input says:

    --input image=1,3,224,224                 standard normal, float32
    --input ids=1,77:int64:0:30522            whole numbers from 0 to 30521
    --input mask=1,77:int64:1:2               all ones

DIR/CASE gets io.safetensors, with `input.<name>`, `output.<name>` and, with --every, `inner.<name>` of
values in between, and case.json: versions, the tolerance, what each tensor is, and the digest of
io.safetensors. --every takes a pattern; without one it means all. Values in between are named as
ONNX names them, or as PyTorch names its modules. docs/prove-your-conversion.md walks through it.
"""

import argparse
import fnmatch
import importlib
import importlib.util
import inspect
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from common import generator, save_case, sha256


def fail(message: str) -> None:
    sys.exit(f"record: {message}")


def drawn(text: str, seed: int) -> tuple[str, torch.Tensor]:
    """One --input: NAME=SHAPE[:TYPE[:LOW:HIGH]]."""
    name, equals, rest = text.partition("=")
    parts = rest.split(":")
    try:
        shape = [int(size) for size in parts[0].split(",")] if parts[0] else []
        dtype = getattr(torch, parts[1]) if len(parts) > 1 else torch.float32
        bounds = [float(bound) for bound in parts[2:]]
        if not equals or not name or len(bounds) not in (0, 2):
            raise ValueError
    except (ValueError, AttributeError):
        fail(f"--input '{text}' is not NAME=SHAPE[:TYPE[:LOW:HIGH]], like ids=1,77:int64:0:30522")
    source = generator(seed)
    if dtype.is_floating_point:
        values = torch.randn(shape, generator=source)
        if bounds:
            values = torch.rand(shape, generator=source) * (bounds[1] - bounds[0]) + bounds[0]
        return name, values.to(dtype)
    low, high = (int(bound) for bound in bounds) if bounds else (0, 2)
    return name, torch.randint(low, high, shape, generator=source).to(dtype)


def read_inputs(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a file; of an earlier recording its inputs."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    else:
        tensors = load_file(path)
    recorded = {k[6:]: v for k, v in tensors.items() if k.startswith("input.")}
    return recorded or tensors


def imported(path: str):
    """The module that MODULE:NAME means, ready to evaluate."""
    place, colon, attribute = path.rpartition(":")
    if not colon:
        fail(f"'{path}' is not MODULE:NAME, like package.models:make or model.py:Net")
    try:
        if place.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(place).stem, place)
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            sys.path.insert(0, ".")
            module = importlib.import_module(place)
        found = getattr(module, attribute)
    except (ImportError, FileNotFoundError, AttributeError) as error:
        fail(f"{path} cannot be imported: {error}")
    model = found if isinstance(found, torch.nn.Module) else found()
    if not isinstance(model, torch.nn.Module):
        fail(f"{path} gives {type(model).__name__}, not a torch.nn.Module")
    return model.eval()


def load_weights(model: torch.nn.Module, path: Path) -> None:
    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state.get("state_dict", state))


def named_outputs(result) -> dict[str, torch.Tensor]:
    """A model's result as tensors by name: keys where it has some, output_0 … where it has not."""
    if torch.is_tensor(result):
        return {"output": result}
    if hasattr(result, "items"):
        pairs = list(result.items())
    elif isinstance(result, (tuple, list)):
        pairs = [(f"output_{i}", value) for i, value in enumerate(result)]
    else:
        fail(f"the model returns {type(result).__name__}; tensors, a tuple or a dictionary are read")
    found = {name: value for name, value in pairs if torch.is_tensor(value)}
    for name in {name for name, _ in pairs} - set(found):
        print(f"record: '{name}' is no tensor and is left out", file=sys.stderr)
    return found


def watch(model: torch.nn.Module, pattern: str | None) -> dict[str, torch.Tensor]:
    """A dictionary that the next evaluation fills with what modules return, by their paths."""
    found: dict[str, torch.Tensor] = {}

    def note(path: str, output) -> None:
        if isinstance(output, (tuple, list)) and output:
            output = output[0]
        if torch.is_tensor(output) and path not in found:
            found[path] = output.clone()

    for path, module in model.named_modules():
        if path and pattern and fnmatch.fnmatchcase(path, pattern):
            module.register_forward_hook(lambda _m, _i, output, path=path: note(path, output))
    return found


def record_torch(given) -> tuple[dict, dict, dict, str]:
    model = imported(given.model)
    if given.weights:
        load_weights(model, given.weights)
    inputs = given.tensors
    parameters = inspect.signature(model.forward).parameters
    if unknown := [name for name in inputs if name not in parameters]:
        fail(f"forward takes {', '.join(parameters)}, not {', '.join(unknown)}")
    inner = watch(model, given.every)
    outputs = named_outputs(model(**inputs))
    if given.export:
        names = list(outputs)
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (),
            str(given.export),
            kwargs=inputs,
            input_names=[name for name in parameters if name in inputs],
            output_names=names,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    return inputs, outputs, inner, f"{given.model} in PyTorch {torch.__version__}"


def record_onnx(given) -> tuple[dict, dict, dict, str]:
    try:
        import onnx
        import onnxruntime
    except ImportError:
        fail("onnx and onnxruntime are missing; tools/onnx/setup --export adds them")
    model = onnx.load(given.model)
    kept = {value.name for value in model.graph.output}
    inner = []
    for node in model.graph.node:
        for name in node.output:
            if name and name not in kept and given.every and fnmatch.fnmatchcase(name, given.every):
                inner.append(name)
                model.graph.output.append(onnx.ValueInfoProto(name=name))
    # As the graph says it, without ONNX Runtime's own rewriting.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path, save_as_external_data=True, location="weights")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    takes = [value.name for value in session.get_inputs()]
    if unknown := [name for name in given.tensors if name not in takes]:
        fail(f"{given.model} takes {', '.join(takes)}, not {', '.join(unknown)}")
    names = [value.name for value in session.get_outputs()]
    values = session.run(names, {k: v.numpy() for k, v in given.tensors.items()})
    tensors = {}
    for name, value in zip(names, values):
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            tensors[name] = torch.from_numpy(np.ascontiguousarray(value).reshape(value.shape))
        else:
            print(f"record: '{name}' holds no numbers and is left out", file=sys.stderr)
    outputs = {name: tensors[name] for name in names if name in kept and name in tensors}
    return (
        given.tensors,
        outputs,
        {name: tensors[name] for name in inner if name in tensors},
        f"{Path(given.model).name} in ONNX Runtime {onnxruntime.__version__}",
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="record", description="Records a model's inputs and outputs for plumb verify."
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, name in (("torch", "MODULE:NAME"), ("onnx", "MODEL.onnx")):
        sub = kinds.add_parser(kind)
        sub.add_argument("model", metavar=name)
        sub.add_argument("-o", dest="out", type=Path, required=True, metavar="DIR")
        sub.add_argument("--input", action="append", default=[], metavar="NAME=SHAPE[:TYPE[:L:H]]")
        sub.add_argument("--inputs", type=Path, metavar="FILE")
        sub.add_argument("--every", nargs="?", const="*", metavar="GLOB")
        sub.add_argument("--case", default="case", help="the case's name (case)")
        sub.add_argument("--graph", help="the graph it is about, where the file will have several")
        sub.add_argument("--seed", type=int, default=0)
        sub.add_argument("--atol", type=float, default=0.0)
        sub.add_argument("--rtol", type=float, default=1e-4, help="of each tensor's largest (1e-4)")
        if kind == "torch":
            sub.add_argument("--weights", type=Path, metavar="FILE")
            sub.add_argument("--export", type=Path, metavar="MODEL.onnx")
    given = parser.parse_args()
    given.tensors = read_inputs(given.inputs) if given.inputs else {}
    for place, text in enumerate(given.input):
        name, tensor = drawn(text, given.seed + place)
        given.tensors[name] = tensor
    if not given.tensors:
        fail("no input is given: --inputs FILE, or --input NAME=SHAPE for each")
    return given


def main() -> None:
    given = parse()
    inputs, outputs, inner, source = (record_torch if given.kind == "torch" else record_onnx)(given)
    if not outputs:
        fail("the model gives no tensor")
    tensors = {f"input.{name}": value for name, value in inputs.items()}
    tensors |= {f"output.{name}": value for name, value in outputs.items()}
    tensors |= {f"inner.{n}": value for n, value in inner.items() if n not in outputs}
    packages = ("torch", "numpy") + (("onnx", "onnxruntime") if given.kind == "onnx" else ())
    folder = save_case(
        "",
        given.case,
        script="record.py",
        seed=given.seed,
        tensors=tensors,
        packages=packages,
        where=given.out,
        config={"kind": "graph", "source": source}
        | ({"graph": given.graph} if given.graph else {}),
        absolute=given.atol,
        relative=given.rtol,
    )
    path = folder / "case.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    about["io_sha256"] = sha256(folder / "io.safetensors")
    about["tensors"] = {
        name: {"type": str(value.dtype).removeprefix("torch."), "shape": list(value.shape)}
        for name, value in tensors.items()
    }
    path.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{folder}: {len(inputs)} inputs, {len(outputs)} outputs, {len(inner)} values in between")


if __name__ == "__main__":
    main()
