"""Writes golden/onnx/taps: what both of torch's exporters make of a UNet of 16 cross-attention layers.

    tools/onnx/tap-files EXPORTS      (a folder that tools/onnx/export wrote)

The graphs are those of EXPORTS/unet-*; their weights are set to zero and what the dynamo exporter
notes of Python's lines is left out, since only the structure matters here, and the files are deflated.
case.json has the size of each. golden/MANIFEST.json is brought up to date.
"""

import json
import shutil
import sys
import zlib
from pathlib import Path

import onnx
from onnx import numpy_helper

import manifest

# What the dynamo exporter notes that Plumb reads: the modules that a node lies in.
KEPT = "pkg.torch.onnx.name_scopes"
# Constants up to so many elements may be scales, shapes and axes.
SMALL = 64


def emptied(model: onnx.ModelProto) -> bytes:
    graph = model.graph
    tensors = list(graph.initializer)
    tensors += [a.t for n in graph.node for a in n.attribute if a.type == a.TENSOR]
    for tensor in tensors:
        array = numpy_helper.to_array(tensor)
        if array.dtype.kind == "f" and array.size > SMALL:
            tensor.CopyFrom(numpy_helper.from_array(array * 0, tensor.name))
    del graph.value_info[:]
    for node in graph.node:
        node.doc_string = ""
        kept = [entry for entry in node.metadata_props if entry.key == KEPT]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    return model.SerializeToString()


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("tap-files: one argument, the folder that tools/onnx/export wrote to")
    exports, out = Path(sys.argv[1]), manifest.GOLDEN / "onnx" / "taps"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    models = {}
    for path in sorted(exports.glob("unet-*/model.onnx")):
        name = path.parent.name
        data = emptied(onnx.load(path))
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        (out / f"{name}.onnx.deflated").write_bytes(packer.compress(data) + packer.flush())
        models[name] = len(data)
    case = {
        "family": "onnx",
        "case": "taps",
        "script": "tools/onnx/tap_files.py",
        "versions": {"torch": "2.13.0", "diffusers": "0.35.2", "onnx": onnx.__version__},
        "seed": None,
        "config": {"bytes": models},
    }
    (out / "case.json").write_text(json.dumps(case, indent=1) + "\n")
    manifest.update("onnx")
    print(f"{len(models)} models: {out}")


if __name__ == "__main__":
    main()
