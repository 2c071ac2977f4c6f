"""A UNet of full Stable Diffusion 1.5 size with random weights through ONNX, against ONNX Runtime.

    tools/onnx/fullsize FOLDER [old|dynamo]     (about 7 GB on disk, 6 or 9 GB of memory, minutes)

Exports it with its weights in files beside the model (`old`: the TorchScript exporter, a file for
each tensor; `dynamo`: one file), evaluates it once with ONNX Runtime, converts it, evaluates it once
with plumb (.build/release/plumb, or $PLUMB), and compares: within 1e-3 of the largest magnitude, and
16 cross-attention layers found. What is there already is not made again.
"""

import gc
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import numpy as np
import onnxruntime
import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from safetensors.numpy import load_file, save_file

from common import ROOT, normal, randomise
from export import ExportedUNet

SEED = 74000
BOUND = 1e-3
PLUMB = os.environ.get("PLUMB", str(ROOT / ".build/release/plumb"))


def inputs(batch: int) -> dict:
    return {
        "sample": normal(SEED + 1, batch, 4, 64, 64),
        "timestep": torch.tensor([481]),
        "encoder_hidden_states": normal(SEED + 2, batch, 77, 768),
    }


def export(path: Path, dynamo: bool) -> None:
    """Traced on a batch of two; batch and sizes stay open."""
    model = ExportedUNet(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    randomise(model, SEED)
    model.set_attn_processor(AttnProcessor2_0())
    axes = {
        "sample": {0: "batch", 2: "height", 3: "width"},
        "encoder_hidden_states": {0: "batch", 1: "tokens"},
    }
    given = inputs(2)
    args = dict(
        args=tuple(given.values()),
        f=str(path),
        input_names=list(given),
        output_names=["out_sample"],
    )
    if dynamo:
        shapes = {
            name: {axis: torch.export.Dim.DYNAMIC for axis in axes.get(name, {})} for name in given
        }
        torch.onnx.export(
            model, dynamo=True, opset_version=18, dynamic_shapes=shapes, external_data=True, **args
        )
    else:
        torch.onnx.export(model, dynamo=False, opset_version=17, dynamic_axes=axes, **args)


def evaluate(path: Path) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(["out_sample"], {n: t.numpy() for n, t in inputs(1).items()})[0]


def plumb(*arguments: str) -> str:
    start = time.time()
    done = subprocess.run([PLUMB, *arguments], check=True, capture_output=True, text=True)
    print(f"plumb {arguments[0]}: {time.time() - start:.0f} s", flush=True)
    return done.stdout


def main() -> None:
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["old"], ["dynamo"]):
        sys.exit("fullsize: the folder to write to, then old or dynamo")
    kind = (sys.argv[2:] or ["old"])[0]
    folder = Path(sys.argv[1]) / kind
    (folder / "unet").mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(2)
    path, expected = folder / "unet" / "unet.onnx", folder / "expected.safetensors"
    if not expected.exists():
        export(path, kind == "dynamo")
        gc.collect()
        save_file({"out_sample": evaluate(path)}, expected)
        gc.collect()
    model, given, found = (str(folder / n) for n in ("m.plumb", "in.safetensors", "out.safetensors"))
    save_file({n: t.numpy() for n, t in inputs(1).items()}, given)
    print(plumb("convert", "--unet", str(path), "--latent-size", "64", "-o", model), end="")
    taps = plumb("inspect", model, "--taps").splitlines()
    cross = [line for line in taps if line.split()[:1] == ["tap"] and line.split()[2] == "cross"]
    print(f"{len(cross)} cross-attention layers, from {cross[0].split()[1]} on")
    plumb("run", model, "--input", given, "--output", found)
    ours, theirs = load_file(found)["out_sample"], load_file(expected)["out_sample"]
    worst = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"off by {worst:.1e} of the largest magnitude")
    if worst > BOUND or len(cross) != 16:
        sys.exit("fullsize: that is not right")


if __name__ == "__main__":
    main()
