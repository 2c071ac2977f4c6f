"""Fills an empty state folder from the small committed state, so that training goes on from it.

The text encoders, the components of the VAE's encoder and its decoder are taken as they are. The
UNets start from their averaged weights in half precision, the contrastive model from its own; the
optimizers start anew.
"""

import argparse
import shutil
from pathlib import Path

import torch


def whole(weights):
    return {n: v.float() if v.is_floating_point() else v for n, v in weights.items()}


def fill_unet(small, folder):
    """Text encoder and UNet of one of the two folders."""
    if not (small / "unet.pt").exists() or (folder / "unet.pt").exists():
        return
    (folder / "text").mkdir(parents=True, exist_ok=True)
    bert = torch.load(small / "bert.pt", weights_only=True)
    torch.save(bert | {"model": whole(bert["model"])}, folder / "text" / "bert.pt")
    shutil.copytree(small / "tokenizer", folder / "text" / "tokenizer", dirs_exist_ok=True)
    saved = torch.load(small / "unet.pt", weights_only=True)
    weights = whole(saved["ema"])
    state = {"model": weights, "ema": weights, "optimizer": None, "step": saved["step"]}
    torch.save(state, folder / "unet.pt")
    print(f"goes on from step {saved['step']} of {small}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--from", dest="small", type=Path, required=True)
    args = parser.parse_args()
    fill_unet(args.small, args.state)
    fill_unet(args.small / "general", args.state / "general")
    vae, contrast = args.state / "vae", args.state / "contrast"
    if (args.small / "components.npz").exists() and not (vae / "components.npz").exists():
        vae.mkdir(parents=True, exist_ok=True)
        shutil.copy(args.small / "components.npz", vae)
        if (args.small / "decoder.pt").exists():
            shutil.copy(args.small / "decoder.pt", vae)
    if (args.small / "contrast.pt").exists() and not (contrast / "model.pt").exists():
        contrast.mkdir(parents=True, exist_ok=True)
        saved = torch.load(args.small / "contrast.pt", weights_only=True)
        state = {"model": whole(saved["model"]), "optimizer": None, "step": saved["step"]}
        torch.save(state, contrast / "model.pt")


if __name__ == "__main__":
    main()
