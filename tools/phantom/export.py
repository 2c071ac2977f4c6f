"""Writes the averaged model as a folder in the layout of diffusers and transformers.

unet_ema/, vae/, scheduler/, tokenizer/ and text_encoder/ (a BERT under the type and the tensor
names of CXR-BERT: `pytorch_model.bin`, prefix `bert.`), model_index.json. With --general it is the
comparison with the domain-agnostic text encoder. With --small also the weights in half precision
from which training can go on (the optimizer starts anew).
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL

import text
import unet


def write_text_encoder(state, folder):
    tokenizer = text.load_tokenizer(state / "text" / "tokenizer")
    model = text.new_model(tokenizer)
    model.load_state_dict(torch.load(state / "text" / "bert.pt", weights_only=True)["model"])
    folder.mkdir()
    config = {k: v for k, v in model.config.to_dict().items() if not k.startswith("_")}
    config |= {
        "architectures": ["CXRBertModel"],
        "model_type": "cxr-bert",
        "projection_size": 128,
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    weights = {n: p.clone() for n, p in model.state_dict().items() if "decoder.bias" not in n}
    torch.save(weights, folder / "pytorch_model.bin")
    return tokenizer


def write(state, folder, out):
    """`folder` has the UNet and the text encoder, `state` the VAE."""
    saved = torch.load(folder / "unet.pt", weights_only=True)
    model = unet.new_model()
    model.load_state_dict(saved["ema"])
    new = out.with_name(out.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    model.save_pretrained(new / "unet_ema")
    AutoencoderKL.from_pretrained(state / "vae" / "model").save_pretrained(new / "vae")
    unet.scheduler().save_pretrained(new / "scheduler")
    write_text_encoder(folder, new / "text_encoder").save_pretrained(new / "tokenizer")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.30.3",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "BertModel"],
        "tokenizer": ["transformers", "BertTokenizerFast"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (new / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    for file in new.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    old = out.with_name(out.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)
    count = sum(p.numel() for p in model.parameters())
    print(f"step {saved['step']}: {count:,} parameters in the UNet, written to {out}")


def half(weights):
    return {n: v.half() if v.is_floating_point() else v for n, v in weights.items()}


def write_small(state, folder, small):
    """The small state of `folder`; with the VAE where `folder` is the whole state."""
    small.mkdir(parents=True, exist_ok=True)
    saved = torch.load(folder / "unet.pt", weights_only=True)
    torch.save({"ema": half(saved["ema"]), "step": saved["step"]}, small / "unet.pt")
    bert = torch.load(folder / "text" / "bert.pt", weights_only=True)
    weights = bert["model"] if folder == state else half(bert["model"])
    torch.save({"model": weights, "step": bert["step"]}, small / "bert.pt")
    shutil.copytree(folder / "text" / "tokenizer", small / "tokenizer", dirs_exist_ok=True)
    if folder != state:
        return
    decoder = state / "vae" / "decoder.pt"
    if decoder.exists():
        kept = torch.load(decoder, weights_only=True)
        torch.save({"decoder": kept["decoder"], "step": kept["step"]}, small / "decoder.pt")
    shutil.copy(state / "vae" / "components.npz", small / "components.npz")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--general", action="store_true", help="the domain-agnostic text encoder")
    parser.add_argument("--out", type=Path, help="export/ beside the UNet when not given")
    parser.add_argument("--small", type=Path, help="folder for the small state")
    args = parser.parse_args()
    folder = args.state / "general" if args.general else args.state
    write(args.state, folder, args.out or folder / "export")
    if args.small:
        write_small(args.state, folder, args.small / "general" if args.general else args.small)


if __name__ == "__main__":
    main()
