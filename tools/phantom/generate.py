"""Writes shards of phantoms: pictures, small masks and attributes, for training.

A shard holds 500 phantoms: `pictures` uint8 [500, 256, 256]; `masks` uint8 [500, 3, 32, 32], the
share of each latent cell that a finding covers, times 255; `findings`, JSON text. A shard that
exists is left alone, so a killed run goes on where it stopped.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np

import phantoms

SHARD = 500
SEEDS = {"train": 1, "validation": 2, "test": 3}


def shard(seed, number):
    pictures = np.zeros((SHARD, phantoms.SIDE, phantoms.SIDE), np.uint8)
    masks = np.zeros((SHARD, 3, 32, 32), np.uint8)
    findings = []
    for i in range(SHARD):
        made = phantoms.make(seed, number * SHARD + i)
        pictures[i] = made.picture
        for k, finding in enumerate(made.findings):
            cells = finding.mask.reshape(32, 8, 32, 8).mean((1, 3))
            masks[i, k] = np.round(255 * cells)
        findings.append([f.attributes() for f in made.findings])
    return {"pictures": pictures, "masks": masks, "findings": np.array(json.dumps(findings))}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--split", choices=SEEDS, default="train")
    parser.add_argument("--shards", type=int, default=20)
    args = parser.parse_args()
    folder = args.state / "phantoms" / args.split
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(args.shards):
        path = folder / f"{number:04}.npz"
        if path.exists():
            continue
        temporary = path.with_suffix(f".{os.getpid()}.tmp.npz")
        np.savez(temporary, **shard(SEEDS[args.split], number))
        temporary.rename(path)
        print(path, flush=True)


if __name__ == "__main__":
    main()
