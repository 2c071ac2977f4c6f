"""The grounding method in PyTorch, for any folder in the diffusers layout.

Nützel, Dombrowski, Kainz, "Generate to Ground", MIDL 2025, arXiv 2507.12236. Written from the facts
of the paper and of its released code; docs/method.md numbers the sections named here.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from skimage.metrics import structural_similarity
from sklearn.mixture import GaussianMixture

from components import Models, Taps

# Image (§2)


def prepare(pixels: np.ndarray, side: int) -> torch.Tensor:
    """[H, W, 3] u8 RGB to [1, 3, side, side] f32 in -1…1: short side to `side`, centre crop.

    The interpolation is the function that torchvision's Resize calls for a float tensor.
    """
    image = (
        torch.tensor(pixels, dtype=torch.float32).div(127.5).sub(1).permute(2, 0, 1).unsqueeze(0)
    )
    height, width = image.shape[-2:]
    if (height, width) == (side, side):
        return image
    size = (
        (side, int(side * width / height))
        if height <= width
        else (int(side * height / width), side)
    )
    if size != (height, width):
        image = torch.nn.functional.interpolate(
            image, size=size, mode="bilinear", align_corners=False, antialias=True
        )
    top, left = int(round((size[0] - side) / 2.0)), int(round((size[1] - side) / 2.0))
    return image[..., top : top + side, left : left + side].contiguous()


def read_rgb(path: Path) -> np.ndarray:
    """[H, W, 3] u8 as the released code reads pictures: with OpenCV."""
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


# The two passes (§5, §6)


@dataclass
class Pass:
    """What a pass leaves: taps [step, tokens, side, side] by module path, and the latents it went
    through.
    """

    taps: dict[str, torch.Tensor]
    latents: torch.Tensor
    whole_taps: dict[int, dict[str, torch.Tensor]]


def keep(taps: dict[str, torch.Tensor], row: int, tokens: list[int]) -> dict[str, torch.Tensor]:
    """The chosen tokens of one batch row as square maps."""
    chosen = {}
    for path, map in taps.items():
        side = math.isqrt(map.shape[-1])
        chosen[path] = map[row, tokens].view(len(tokens), side, side).clone()
    return chosen


def stack(steps: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {path: torch.stack([step[path] for step in steps]) for path in steps[0]}


def image_pass(
    models: Models, mean, logvar, text, steps: int, seed: int, tokens: list[int], whole=()
) -> Pass:
    """One UNet evaluation a step on the freshly noised image; no step depends on another."""
    source, taps = torch.Generator().manual_seed(seed), Taps(models.unet)
    models.scheduler.set_timesteps(steps)
    found, latents, full = [], [], {}
    for index, t in enumerate(models.scheduler.timesteps):
        z = mean + torch.exp(0.5 * logvar) * torch.randn(mean.shape, generator=source)
        z = z * models.vae.config.scaling_factor
        noisy = models.scheduler.add_noise(z, torch.randn(z.shape, generator=source), t[None])
        models.unet(noisy, t, encoder_hidden_states=text)
        maps = taps.take()
        found.append(keep(maps, 0, tokens))
        latents.append(noisy[0])
        if index in whole:
            full[index] = maps
    return Pass(stack(found), torch.stack(latents), full)


def text_pass(
    models: Models,
    text,
    unconditional,
    steps: int,
    seed: int,
    guidance: float,
    tokens: list[int],
    whole=(),
) -> Pass:
    """DDIM sampling from noise under guidance; taps of the conditional half. Latents: the start and
    after each step.
    """
    taps, side = Taps(models.unet), models.map_side
    shape = (1, models.unet.config.in_channels, side, side)
    latent = (
        torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        * models.scheduler.init_noise_sigma
    )
    models.scheduler.set_timesteps(steps)
    found, latents, full = [], [latent[0]], {}
    for index, t in enumerate(models.scheduler.timesteps):
        both = models.unet(
            torch.cat([latent] * 2), t, encoder_hidden_states=torch.cat([unconditional, text])
        ).sample
        maps = taps.take()
        found.append(keep(maps, 1, tokens))
        if index in whole:
            full[index] = {path: map[1:] for path, map in maps.items()}
        empty, conditional = both.chunk(2)
        latent = models.scheduler.step(
            empty + guidance * (conditional - empty), t, latent, eta=0.0
        ).prev_sample
        latents.append(latent[0])
    return Pass(stack(found), torch.stack(latents), full)


# Maps (§7, §9)


def at_map_side(taps: dict[str, torch.Tensor], side: int) -> torch.Tensor:
    """[step, layer, token, side, side]: smaller maps by repetition of whole pixels."""
    layers = []
    for map in taps.values():
        factor = side // map.shape[-1]
        layers.append(map.repeat_interleave(factor, dim=-2).repeat_interleave(factor, dim=-1))
    return torch.stack(layers, dim=1)


def norm(x: torch.Tensor) -> torch.Tensor:
    """(x - min) / (max - min), every result rounded to f16."""
    x = x.to(torch.float16)
    return (x - x.min()) / (x.max() - x.min())


def u8(x: torch.Tensor) -> torch.Tensor:
    """255 norm(x), truncated."""
    return (norm(x) * 255).to(torch.uint8)


def merge(
    a1: torch.Tensor, a2: torch.Tensor, kept: list[int], last: int = 40
) -> dict[str, torch.Tensor]:
    """Everything of §9 from the stacked maps; `kept` indexes their token axis, token 0 is [CLS]."""
    raw = {
        "activation": a1[-last:, :, kept].mean(dim=(0, 1, 2)),
        "image_bias": a1[:, :, [0]].mean(dim=(0, 1, 2)),
        "text_bias": a2[:, :, kept].mean(dim=(0, 1, 2)),
        "merged": (a1[:, :, [0]] @ a2[:, :, kept]).mean(dim=(0, 1, 2)),
    }
    a, m = norm(raw["activation"]), norm(u8(raw["merged"]))
    image_bias, text_bias = u8(raw["image_bias"]), u8(raw["text_bias"])
    s = max(0.0, float(structural_similarity(image_bias.numpy(), text_bias.numpy())))
    map = 2 * (1 - s) * s * ((m + a + (m * a)) / 2) + ((1 - s) ** 2) * a + (s**2) * m
    return {f"raw_{name}": value for name, value in raw.items()} | {
        "activation": a,
        "image_bias": image_bias,
        "text_bias": text_bias,
        "merged": m,
        "ssim": torch.tensor(s, dtype=torch.float64),
        "map": map,
    }


# Mask, box, scores (§10)


def mixture_threshold(map: torch.Tensor, random_state: int = 0) -> float:
    """Mean of the two means of a Gaussian mixture fitted to the map's values."""
    fitted = GaussianMixture(n_components=2, random_state=random_state).fit(
        map.reshape(-1, 1).numpy()
    )
    return float(np.mean(fitted.means_))


def foreground(map: torch.Tensor, threshold: float) -> torch.Tensor:
    """Pixels above the threshold (rounded to the map's type), [h, w] bool."""
    return map > threshold


def without_orphans(mask: torch.Tensor) -> torch.Tensor:
    """3×3 mean filter of the interior and a cut at one half, [h, w] bool."""
    filtered = mask.float()
    inner = torch.nn.functional.conv2d(filtered[None, None], torch.full((1, 1, 3, 3), 1 / 9))
    filtered[1:-1, 1:-1] = inner[0, 0]
    return filtered >= 0.5


def enlarged(values: torch.Tensor, side: int) -> torch.Tensor:
    """Bilinear, half-pixel centres, [side, side] f32."""
    return torch.tensor(
        cv2.resize(values.float().numpy(), (side, side), interpolation=cv2.INTER_LINEAR)
    )


def large_mask(mask: torch.Tensor, side: int) -> torch.Tensor:
    return enlarged(mask, side).round().bool()


def box(mask: torch.Tensor) -> tuple[int, int, int, int] | None:
    """First and last foreground column and row: x0, y0, x1, y1, both ends foreground."""
    if not mask.any():
        return None
    columns, rows = torch.where(mask.any(dim=0))[0], torch.where(mask.any(dim=1))[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def ground(
    models: Models,
    pixels: np.ndarray,
    phrase: str,
    words: list[int],
    *,
    steps: int = 50,
    last: int = 40,
    guidance: float = 16.0,
    seed: int = 4200,
    whole=(),
) -> dict:
    """A whole run; what it returns is by name, taps under image/<path> and text/<path>."""
    ids, mask = models.tokens(phrase)
    empty_ids, _ = models.tokens("")
    text, unconditional = models.encode(ids, mask), models.encode(empty_ids, None)
    image = prepare(pixels, models.image_side)
    distribution = models.vae.encode(image).latent_dist
    by_word = models.word_tokens(phrase)
    kept = [by_word[word][0] for word in words]
    tokens = [0, *kept]
    first = image_pass(
        models, distribution.mean, distribution.logvar, text, steps, seed, tokens, whole
    )
    second = text_pass(models, text, unconditional, steps, seed, guidance, tokens, whole)
    maps = merge(
        at_map_side(first.taps, models.map_side),
        at_map_side(second.taps, models.map_side),
        list(range(1, len(tokens))),
        last,
    )
    threshold = mixture_threshold(maps["map"])
    small = without_orphans(foreground(maps["map"], threshold))
    large = large_mask(small, models.image_side)
    return maps | {
        "image": image,
        "input_ids": ids,
        "attention_mask": mask,
        "empty_ids": empty_ids,
        "text": text,
        "unconditional": unconditional,
        "latent_mean": distribution.mean,
        "latent_logvar": distribution.logvar,
        "timesteps": models.scheduler.timesteps,
        "image_latents": first.latents,
        "text_latents": second.latents,
        "threshold": torch.tensor(threshold, dtype=torch.float64),
        "mask": small,
        "large_mask": large,
        "box": torch.tensor(box(large) or (), dtype=torch.int64),
        "tokens": torch.tensor(tokens),
        "image_pass": first,
        "text_pass": second,
    }
