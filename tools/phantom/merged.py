"""What bias merging (both passes) does to the maps of the current model: a quick PyTorch check.

For a few validation pairs: pointing game and area under the ROC curve of the plain map, of the two
bias maps, of the merged map and of the final one, and the similarity s. The definitive numbers
come from the program itself; this tells early whether the model suits the method.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import text
import unet
import validate


def similarity(a, b):
    """Structural similarity of two 8-bit pictures: 7 x 7 uniform window, sample covariance."""

    def windows(x):
        return np.lib.stride_tricks.sliding_window_view(x.astype(float), (7, 7)).reshape(-1, 49)

    x, y = windows(a), windows(b)
    mx, my = x.mean(1), y.mean(1)
    vx, vy = x.var(1, ddof=1), y.var(1, ddof=1)
    vxy = ((x - mx[:, None]) * (y - my[:, None])).sum(1) / 48
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()


def norm(x):
    return (x - x.min()) / (x.max() - x.min())


def u8(x):
    return np.trunc(255 * norm(x))


@torch.no_grad()
def passes(model, pairs, empty, steps, guidance=16.0, seed=4200):
    """Per pair the sums over steps and layers that the method needs, float64 [n, 32, 32] each."""
    names, taps = unet.tapped(model)
    schedule = unet.scheduler()
    schedule.set_timesteps(steps)
    n = len(pairs.phrases)
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(pairs.latents.shape, generator=generator)
    weights = pairs.words / pairs.words.sum(1, keepdim=True)
    out = {k: torch.zeros(n, 32, 32) for k in ("activation", "image", "text", "merged")}

    def layers(rows):
        """CLS maps and kept-words maps of every layer: two [layers, n, 32, 32]."""
        cls, kept = [], []
        for tap in taps:
            m = tap.maps[rows]
            side = int(m.shape[1] ** 0.5)
            both = torch.stack([m[:, :, 0], torch.einsum("nqk,nk->nq", m, weights)])
            both = both.view(2, n, side, side)
            both = both.repeat_interleave(32 // side, 2).repeat_interleave(32 // side, 3)
            cls.append(both[0])
            kept.append(both[1])
        return torch.stack(cls), torch.stack(kept)

    for index, t in enumerate(schedule.timesteps):
        noise = torch.randn(latent.shape, generator=generator)
        x = schedule.add_noise(pairs.latents, noise, t[None])
        model(x, t, encoder_hidden_states=pairs.states)
        cls1, kept1 = layers(slice(None))
        both = model(
            torch.cat([latent, latent]),
            t,
            encoder_hidden_states=torch.cat([empty.expand(n, -1, -1), pairs.states]),
        ).sample
        _, kept2 = layers(slice(n, None))
        free, given = both.chunk(2)
        latent = schedule.step(free + guidance * (given - free), t, latent).prev_sample
        if index >= steps // 5:
            out["activation"] += kept1.mean(0)
        out["image"] += cls1.mean(0)
        out["text"] += kept2.mean(0)
        out["merged"] += (cls1 @ kept2).mean(0)
    model.set_attn_processor(unet.AttnProcessor2_0())
    return out, latent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--steps", type=int, default=25)
    args = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer, bert = text.load(args.state)
    pairs = validate.Pairs(args.state, tokenizer, bert, args.pairs, first=1000)
    ids, attention = text.encode(tokenizer, [""])
    with torch.no_grad():
        empty = bert(ids, attention_mask=torch.ones_like(attention)).last_hidden_state
    model = unet.new_model().eval()
    saved = torch.load(args.state / "unet.pt", weights_only=True)
    model.load_state_dict(saved["ema"])
    sums, _ = passes(model, pairs, empty, args.steps)
    final, s_all = [], []
    for i in range(args.pairs):
        a, m = norm(sums["activation"][i].numpy()), norm(u8(sums["merged"][i].numpy()))
        s = max(0.0, similarity(u8(sums["image"][i].numpy()), u8(sums["text"][i].numpy())))
        s_all.append(s)
        final.append(2 * (1 - s) * s * (m + a + m * a) / 2 + (1 - s) ** 2 * a + s**2 * m)
    print("step", saved["step"], "s: mean %.3f, largest %.3f" % (np.mean(s_all), np.max(s_all)))
    sums["final"] = torch.tensor(np.stack(final)).float()
    for name, maps in sums.items():
        areas, hits = validate.scores(maps, pairs.masks)
        print(f"{name:12} AUC {areas.mean():.3f} pointing {hits.mean():.3f}")


if __name__ == "__main__":
    main()
