"""Writes golden/onnx/grounding: the parts of a small pipeline as both of torch's exporters write them.

    tools/onnx/grounding-files

`unet/` is a UNet of four cross-attention layers as diffusers saves it. The others are ONNX: the same
UNet by the older exporter (`old`), by the dynamo exporter (`dynamo`, whose nodes tell their modules
in metadata only), and with fixed sizes and a timestep of rank 0 (`static`); text encoder (`static`: two
texts at once) and VAE encoder are those of golden/checkpoints/sd1-tiny. golden/MANIFEST.json is brought up to date.
"""

import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import onnx
import torch
from diffusers.models.attention_processor import AttnProcessor2_0

import manifest
from common import GOLDEN, fresh, normal, versions
from components import load_bert, load_unet, load_vae
from export import ExportedBert, ExportedEncoder, ExportedUNet
from tiny_models import unet

SEED = 73000
PIPELINE = GOLDEN / "checkpoints" / "sd1-tiny"
# What the dynamo exporter notes beside the module's path is as large as the weights.
KEPT = "pkg.torch.onnx.name_scopes"


def small_unet():
    return unet(
        SEED,
        2.0,
        sample_size=16,
        block_out_channels=(8, 12),
        attention_head_dim=2,
        cross_attention_dim=24,
        layers_per_block=1,
    )


def export_unet(folder: Path, path: Path, batch: int, timestep, axes: dict | None, dynamo: bool):
    model = load_unet(folder)
    model.__class__ = ExportedUNet
    model.set_attn_processor(AttnProcessor2_0())
    inputs = {
        "sample": normal(SEED + 1, batch, 4, 16, 16),
        "timestep": timestep,
        "encoder_hidden_states": normal(SEED + 2, batch, 77, model.config.cross_attention_dim),
    }
    export(model, path, inputs, "out_sample", axes, dynamo)


def export(model, path: Path, inputs: dict, output: str, axes: dict | None, dynamo: bool = False):
    args = dict(
        args=tuple(inputs.values()), f=str(path), input_names=list(inputs), output_names=[output]
    )
    if dynamo:
        shapes = {
            name: {axis: torch.export.Dim.DYNAMIC for axis in axes.get(name, {})}
            for name in inputs
        }
        torch.onnx.export(
            model, dynamo=True, opset_version=18, dynamic_shapes=shapes, external_data=False, **args
        )
    else:
        torch.onnx.export(model, dynamo=False, opset_version=17, dynamic_axes=axes, **args)
    exported = onnx.load(path)
    graph = exported.graph
    del graph.metadata_props[:], graph.value_info[:]
    for node in graph.node:
        kept = [p for p in node.metadata_props if p.key == KEPT]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(exported, path)


def main() -> None:
    warnings.filterwarnings("ignore")
    folder = fresh("onnx", "grounding")
    small_unet().save_pretrained(folder / "unet")
    axes = {
        "sample": {0: "batch", 2: "height", 3: "width"},
        "encoder_hidden_states": {0: "batch", 1: "tokens"},
    }
    one, none = torch.tensor([481]), torch.tensor(481)
    export_unet(folder / "unet", folder / "unet-old.onnx", 2, one, axes, False)
    export_unet(folder / "unet", folder / "unet-dynamo.onnx", 2, one, axes, True)
    export_unet(folder / "unet", folder / "unet-static.onnx", 1, none, None, False)

    loaded = load_bert(PIPELINE / "text_encoder")
    encoder = ExportedBert._from_config(loaded.config, attn_implementation="sdpa").eval()
    encoder.load_state_dict(loaded.state_dict(), strict=False)
    ids = torch.arange(2 * 77).reshape(2, 77) % 90 + 5
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    text_axes = {name: {0: "batch", 1: "tokens"} for name in inputs}
    export(encoder, folder / "text.onnx", inputs, "last_hidden_state", text_axes)
    # As some exports have it that encode both texts of the guidance at once.
    export(encoder, folder / "text-static.onnx", inputs, "last_hidden_state", None)

    vae = load_vae(PIPELINE / "vae")
    vae.__class__ = ExportedEncoder
    export(
        vae,
        folder / "vae_encoder.onnx",
        {"sample": normal(SEED + 3, 2, 3, 32, 32)},
        "latent_parameters",
        {"sample": {0: "batch", 2: "height", 3: "width"}},
    )
    about = {
        "family": "onnx",
        "case": "grounding",
        "script": "tools/onnx/grounding_files.py",
        "versions": versions("torch", "diffusers", "transformers", "onnx", "onnxscript"),
        "seed": SEED,
    }
    (folder / "case.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    manifest.update("onnx")


if __name__ == "__main__":
    main()
