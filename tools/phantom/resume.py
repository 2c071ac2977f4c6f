"""Fills an empty state folder from the small committed state, so that training goes on from it.

The text encoder, the components of the VAE's encoder and its decoder are taken as they are. The
UNet starts from its averaged weights in half precision; the optimizer starts anew.
"""

import argparse
import shutil
from pathlib import Path

import torch


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--from", dest="small", type=Path, required=True)
    args = parser.parse_args()
    if not (args.small / "unet.pt").exists() or (args.state / "unet.pt").exists():
        return
    for folder in ("text", "vae"):
        (args.state / folder).mkdir(parents=True, exist_ok=True)
    bert = torch.load(args.small / "bert.pt", weights_only=True)
    torch.save(bert, args.state / "text" / "bert.pt")
    shutil.copytree(args.small / "tokenizer", args.state / "text" / "tokenizer", dirs_exist_ok=True)
    shutil.copy(args.small / "components.npz", args.state / "vae")
    if (args.small / "decoder.pt").exists():
        shutil.copy(args.small / "decoder.pt", args.state / "vae")
    saved = torch.load(args.small / "unet.pt", weights_only=True)
    weights = {n: v.float() if v.is_floating_point() else v for n, v in saved["ema"].items()}
    state = {"model": weights, "ema": weights, "optimizer": None, "step": saved["step"]}
    torch.save(state, args.state / "unet.pt")
    print(f"goes on from step {saved['step']} of {args.small}")


if __name__ == "__main__":
    main()
