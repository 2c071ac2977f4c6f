"""Smooth random fields: what attention maps look like more than white noise does."""

import torch

from common import normal


def field(seed: int, *shape: int, rough: int = 4) -> torch.Tensor:
    """Noise on a coarse grid, enlarged smoothly, with a little noise on top; [..., h, w]."""
    *outer, height, width = shape
    count = 1
    for n in outer:
        count *= n
    coarse = normal(seed, count, 1, max(2, height // rough), max(2, width // rough))
    smooth = torch.nn.functional.interpolate(
        coarse, size=(height, width), mode="bicubic", align_corners=True
    )
    return (smooth + 0.05 * normal(seed + 1, count, 1, height, width)).view(shape)


def attention(
    seed: int, steps: int, layers: int, tokens: int, side: int, others: int = 70
) -> torch.Tensor:
    """[step, layer, token, side, side]: each pixel's probabilities of some of its tokens."""
    base = field(seed, 1, layers, tokens, side, side)
    logits = base + 0.3 * field(seed + 7, steps, layers, tokens, side, side)
    weights = logits.mul(1.5).exp()
    return weights / (weights.sum(dim=2, keepdim=True) + others)
