"""Family `ssim`: scikit-image's structural similarity of 8-bit images with its defaults."""

import torch
from skimage.metrics import structural_similarity

from common import fresh, normal, save_case
from fields import field
from reference import u8

SEED = 42000


def make() -> None:
    fresh("ssim")
    pairs = {}
    for height, width in [(64, 64), (16, 16), (7, 7), (9, 13), (33, 8), (64, 31)]:
        a, b = field(SEED + height, height, width), field(SEED + 50 + width, height, width)
        pairs[f"{height}x{width}-other"] = (u8(a), u8(b))
        pairs[f"{height}x{width}-near"] = (u8(a), u8(a + 0.2 * b))
    a = u8(field(SEED, 64, 64))
    noise = (normal(SEED + 3, 64, 64) * 60 + 128).clamp(0, 255).to(torch.uint8)
    pairs |= {
        "same": (a, a),
        "inverted": (a, 255 - a),
        "flat-and-field": (torch.full_like(a, 100), a),
        "flat-and-flat": (torch.full_like(a, 10), torch.full_like(a, 250)),
        "noise": (noise, noise.flip(0)),
        "black-and-white": (torch.zeros_like(a), torch.full_like(a, 255)),
    }
    for name, (first, second) in pairs.items():
        value, map = structural_similarity(first.numpy(), second.numpy(), full=True)
        tensors = {
            "input.a": first,
            "input.b": second,
            "output.ssim": torch.tensor(float(value), dtype=torch.float64),
        }
        if first.numel() <= 300:
            tensors["output.map"] = torch.tensor(map)
        save_case(
            "ssim",
            name,
            script="ssim.py",
            seed=SEED,
            tensors=tensors,
            packages=("torch", "scikit-image"),
            absolute=1e-9,
        )


if __name__ == "__main__":
    make()
