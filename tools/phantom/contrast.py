"""The discriminative baseline: a small contrastive image-text model, as BioViL is one in large.

A convolutional network gives 16 x 16 patches of a picture a vector each; the mean of the projected
patches is the picture's. The frozen domain BERT gives every word of a text a vector; their mean,
projected, is the text's ([CLS] carries no content in this BERT). InfoNCE over a batch, both ways,
brings the two together: a picture and a text that names its findings. No box and no mask enters.
The map of a phrase is the cosine of every patch with the phrase's vector.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

import sentences
import text
import train
import validate

WIDTH = 128
CHANNELS = (32, 48, 96)
BATCH = 40
RATE = 1.5e-3
WARM_UP = 100
WHOLE = 0.5  # share of texts that name all findings, the others name one


class Block(nn.Module):
    """Two 3 x 3 convolutions beside the identity: [n, c, h, w] -> the same."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.norm1(self.conv1(x)).relu()
        return (x + self.norm2(self.conv2(y))).relu()


class Model(nn.Module):
    """Patches of pictures and vectors of texts in one space of 128 dimensions."""

    def __init__(self):
        super().__init__()
        layers, given = [], 1
        for k, channels in enumerate(CHANNELS):
            side, stride = (3, 2) if k else (7, 4)
            layers.append(nn.Conv2d(given, channels, side, stride, side // 2, bias=False))
            layers += [nn.BatchNorm2d(channels), nn.ReLU()]
            if k:
                layers.append(Block(channels))
            given = channels
        self.picture = nn.Sequential(*layers)
        self.patch = nn.Sequential(
            nn.Conv2d(given, WIDTH, 1), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 1)
        )
        self.text = nn.Sequential(
            nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)
        )
        self.scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def patches(self, pictures):
        """Grey values in [-1, 1], [n, 1, 256, 256] -> projected patches [n, 128, 16, 16]."""
        return self.patch(self.picture(pictures))

    def words(self, states, words):
        """States [n, 77, 128] and which tokens are words [n, 77] -> unit vectors [n, 128]."""
        mean = (states * words[:, :, None]).sum(1) / words.sum(1, keepdim=True)
        return nn.functional.normalize(self.text(mean), dim=-1)

    def maps(self, pictures, states, words):
        """Cosines [n, 16, 16]."""
        patches = nn.functional.normalize(self.patches(pictures), dim=1)
        return torch.einsum("nchw,nc->nhw", patches, self.words(states, words))


def grey(pictures):
    """uint8 [n, 256, 256] -> float32 [n, 1, 256, 256] in [-1, 1]."""
    return torch.tensor(np.asarray(pictures))[:, None].float() / 127.5 - 1


class Data:
    """Pictures and the attributes of their findings; those without a finding are left out."""

    def __init__(self, state):
        self.folder, self.seen, self.pictures, self.findings = state / "phantoms/train", 0, [], []
        self.more()

    def more(self):
        while (path := self.folder / f"{self.seen:04}.npz").exists():
            shard = np.load(path)
            for picture, findings in zip(shard["pictures"], json.loads(str(shard["findings"]))):
                if findings:
                    self.pictures.append(picture)
                    self.findings.append(findings)
            self.seen += 1

    def batch(self, rng, size):
        """Grey pictures [size, 1, 256, 256] and texts."""
        chosen = rng.choice(len(self.pictures), size=size, replace=False)
        texts = []
        for i in chosen:
            findings = self.findings[i]
            if rng.random() < WHOLE:
                texts.append(sentences.report(rng, findings))
            else:
                texts.append(sentences.phrase(rng, findings[int(rng.integers(len(findings)))]))
        return grey(np.stack([self.pictures[i] for i in chosen])), texts


@torch.no_grad()
def summary(model, pairs):
    """The numbers that the log keeps, and the maps [1, n, 16, 16]."""
    model.eval()
    maps = torch.cat(
        [
            model.maps(grey(pairs.pictures[i:j]), pairs.states[i:j], pairs.named[i:j])
            for i, j in ((i, i + 30) for i in range(0, len(pairs.phrases), 30))
        ]
    )
    model.train()
    return validate.by_kind(maps, pairs), maps[None]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--validate-every", type=int, default=250)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(50)
    folder = args.state / "contrast"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, bert = text.load(args.state)
    data, texts = Data(args.state), train.Texts(tokenizer, bert)
    pairs = validate.Pairs(args.state, tokenizer, bert, 120)
    model = Model().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.05)
    path, begin = folder / "model.pt", 0
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        if state["optimizer"]:
            optimizer.load_state_dict(state["optimizer"])
        begin = state["step"]
    rng = np.random.default_rng([51, begin])
    kept, started, saved_at = [], time.time(), time.time()
    print(time.strftime("%H:%M:%S"), "from step", begin, "on", len(data.pictures), flush=True)
    for step in range(begin, args.steps):
        rate = RATE * min(1, (step + 1) / WARM_UP)
        rate *= 0.5 * (1 + math.cos(math.pi * step / args.steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        pictures, prompts = data.batch(rng, BATCH)
        states, words = texts(rng, prompts)
        seen = model.patches(pictures.to(memory_format=torch.channels_last)).mean((2, 3))
        seen = nn.functional.normalize(seen, dim=-1)
        logits = model.scale.exp().clamp(max=50) * seen @ model.words(states, words).T
        target = torch.arange(BATCH)
        loss = nn.functional.cross_entropy(logits, target)
        loss = (loss + nn.functional.cross_entropy(logits.T, target)) / 2
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        kept.append(loss.item())
        last = step + 1 == args.steps
        if (step + 1) % 25 == 0:
            line = f"loss {np.mean(kept[-25:]):.4f} scale {model.scale.exp().item():.1f}"
            print(time.strftime("%H:%M:%S"), step + 1, line, flush=True)
        if (step + 1) % args.validate_every == 0 or last:
            numbers, maps = summary(model, pairs)
            row = {
                "step": step + 1,
                "seconds": round(time.time() - started),
                "rate": round(rate, 7),
                "pictures": len(data.pictures),
                "loss": round(float(np.mean(kept[-args.validate_every :])), 4),
            }
            train.log(folder / "log.csv", row | numbers)
            validate.sheet(folder / "maps.png", pairs, maps)
            print(row | numbers, flush=True)
            data.more()
            saved_at = 0
        if time.time() - saved_at > 120 or last:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            train.save(path, state | {"step": step + 1})
            saved_at = time.time()


if __name__ == "__main__":
    main()
