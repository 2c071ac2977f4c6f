"""How well a UNet's cross-attention finds what a phrase names, on validation phantoms.

A quick PyTorch measure for decisions while training: the plain activation map (no bias merging)
over a few timesteps, pointing game and area under the ROC curve against the finding's mask.
Printed per word set, per layer and per kind of finding; with --sheet also as pictures.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import phantoms
import sentences
import text
import unet
import vae

TIMESTEPS = (741, 581, 421, 261, 101)
NOT_CONTENT = set("in of the at on a there is and".split())
SEED = 2


class Pairs:
    """Phrase-picture pairs: latents, text states, kept tokens, masks; a function of the seed."""

    def __init__(self, state, tokenizer, bert, count, first=0):
        saved = np.load(state / "vae" / "components.npz")
        rng = np.random.default_rng([33, first])
        self.pictures, self.masks, self.kinds, self.phrases = [], [], [], []
        index = first
        while len(self.phrases) < count:
            made = phantoms.make(SEED, index)
            index += 1
            if not made.findings:
                continue
            finding = made.findings[int(rng.integers(len(made.findings)))]
            self.pictures.append(made.picture)
            self.masks.append(finding.mask)
            self.kinds.append(finding.kind)
            self.phrases.append(sentences.phrase(rng, finding.attributes()))
        self.pictures = np.stack(self.pictures)
        z = vae.latents(self.pictures, saved["mean"], saved["leading"])
        self.latents = torch.tensor(z)
        ids, attention = text.encode(tokenizer, self.phrases)
        self.states = bert(ids, attention_mask=attention).last_hidden_state
        self.named = attention.clone().float()  # every token but [CLS], [SEP] and padding
        self.named[:, 0] = 0
        self.named[torch.arange(len(self.phrases)), attention.sum(1) - 1] = 0
        self.words = torch.zeros(len(self.phrases), text.LENGTH)
        self.nouns = torch.zeros(len(self.phrases), text.LENGTH)
        noun_words = {w for names in sentences.NOUNS.values() for n in names for w in n.split()}
        noun_words = (noun_words - {"pulmonary", "lung", "patchy", "lobar", "pleural"}) | {
            "cardiomegaly",
            "enlarged",
            "heart",
            "cardiac",
            "silhouette",
            "enlargement",
        }
        for i, phrase in enumerate(self.phrases):
            at = 1
            for word in phrase.split():
                if word not in NOT_CONTENT:
                    self.words[i, at] = 1
                if word in noun_words:
                    self.nouns[i, at] = 1
                at += len(tokenizer.tokenize(word))


@torch.no_grad()
def attention(model, pairs, timesteps=TIMESTEPS, batch=30, seed=44):
    """Layer names and mean over timesteps of the taps: float32 [layers, pairs, 32, 32, tokens]."""
    names, taps = unet.tapped(model)
    steps = unet.scheduler()
    generator = torch.Generator().manual_seed(seed)
    total = None
    for t in timesteps:
        noise = torch.randn(pairs.latents.shape, generator=generator)
        at = torch.full((len(noise),), t)
        x = steps.add_noise(pairs.latents, noise, at)
        parts = []
        for i in range(0, len(x), batch):
            part = slice(i, i + batch)
            model(x[part], at[part], encoder_hidden_states=pairs.states[part])
            layers = []
            for tap in taps:
                side = int(tap.maps.shape[1] ** 0.5)
                m = tap.maps.reshape(-1, side, side, text.LENGTH)
                layers.append(m.repeat_interleave(32 // side, 1).repeat_interleave(32 // side, 2))
            parts.append(torch.stack(layers))
        part = torch.cat(parts, 1) / len(timesteps)
        total = part if total is None else total + part
    model.set_attn_processor(unet.AttnProcessor2_0())
    return names, total


def enlarge(maps):
    """[n, 32, 32] -> [n, 256, 256], bilinear with half-pixel centres."""
    return torch.nn.functional.interpolate(maps[:, None], size=256, mode="bilinear")[:, 0].numpy()


def auc(values, mask):
    order = values.ravel().argsort(kind="stable")
    ranks = np.empty(order.size)
    ranks[order] = np.arange(1, order.size + 1)
    inside = mask.sum()
    return (ranks[mask.ravel()].sum() - inside * (inside + 1) / 2) / (
        inside * (order.size - inside)
    )


def scores(maps, masks):
    """AUC and pointing game per pair; `maps` [n, 32, 32]."""
    large = enlarge(maps)
    areas = np.array([auc(m[::2, ::2], g[::2, ::2]) for m, g in zip(large, masks)])
    hits = np.array([g.ravel()[m.argmax()] for m, g in zip(large, masks)], float)
    return areas, hits


def select(maps, tokens):
    """Mean of the chosen tokens' maps: [layers, n, 32, 32, tokens] -> [layers, n, 32, 32]."""
    weights = tokens / tokens.sum(1, keepdim=True).clamp(min=1)
    return torch.einsum("lnhwk,nk->lnhw", maps, weights)


def by_kind(maps, pairs):
    """AUC and pointing over all pairs and over each kind of finding."""
    areas, hits = scores(maps, pairs.masks)
    out = {"auc_words": areas.mean(), "point_words": hits.mean()}
    for kind in phantoms.KINDS:
        chosen = [k == kind for k in pairs.kinds]
        out[f"auc_{kind}"] = areas[chosen].mean()
        out[f"point_{kind}"] = hits[chosen].mean()
    return {k: round(float(v), 4) for k, v in out.items()}


def summary(model, pairs):
    """A dict of the numbers that the log keeps, and the all-words maps."""
    names, maps = attention(model, pairs)
    first = torch.zeros_like(pairs.words)
    first[:, 0] = 1
    layers = select(maps, pairs.words)
    out = by_kind(layers.mean(0), pairs)
    for label, tokens in (("nouns", pairs.nouns), ("cls", first)):
        areas, hits = scores(select(maps, tokens).mean(0), pairs.masks)
        out[f"auc_{label}"], out[f"point_{label}"] = areas.mean(), hits.mean()
    for i, name in enumerate(names):
        short = name.replace(".transformer_blocks.0.attn2.processor", "").replace("_blocks", "")
        areas, hits = scores(layers[i], pairs.masks)
        out[f"auc_{short}"] = areas.mean()
        out[f"share_{short}"] = (maps[i] * pairs.words[:, None, None]).sum(-1).mean().item()
    return {k: round(float(v), 4) for k, v in out.items()}, layers


def sheet(path, pairs, layers, count=12):
    """Pictures: phantom with the mask's outline, the mean map, and every layer's map."""
    rows = []
    maps = torch.cat([layers.mean(0, keepdim=True), layers])
    for i in range(count):
        mask = pairs.masks[i]
        rim = mask & ~(
            np.roll(mask, 1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 0) & np.roll(mask, -1, 1)
        )
        base = np.repeat(pairs.pictures[i][..., None], 3, -1)
        base[rim] = (255, 60, 60)
        row = [base]
        for m in enlarge(maps[:, i]):
            m = (255 * (m - m.min()) / max(m.max() - m.min(), 1e-9)).astype(np.uint8)
            tile = np.repeat(m[..., None], 3, -1)
            tile[rim] = (255, 60, 60)
            row.append(tile)
        image = Image.fromarray(np.concatenate(row, 1))
        ImageDraw.Draw(image).text((4, 4), pairs.phrases[i], fill=(255, 255, 0))
        rows.append(np.asarray(image))
    half = len(rows) // 2
    both = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], 1)
    Image.fromarray(both).resize((both.shape[1] // 2, both.shape[0] // 2)).save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--general", action="store_true", help="the domain-agnostic text encoder")
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="index of the first phantom")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folder = args.state / "general" if args.general else args.state
    tokenizer, bert = text.load(folder)
    pairs = Pairs(args.state, tokenizer, bert, args.pairs, args.first)
    model = unet.new_model()
    saved = torch.load(folder / "unet.pt", weights_only=True)
    model.load_state_dict(saved["ema"])
    numbers, layers = summary(model.eval(), pairs)
    print("step", saved["step"], "pairs", args.pairs)
    for key, value in numbers.items():
        print(f"{key:40} {value:.3f}")
    if args.sheet:
        sheet(args.sheet, pairs, layers)


if __name__ == "__main__":
    main()
