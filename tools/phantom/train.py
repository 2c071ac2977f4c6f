"""Trains the UNet on the phantoms' latents; resumes from <state>/unet.pt by itself.

With --general it is the comparison: the same UNet on the same latents, conditioned on the
domain-agnostic text encoder, in the state's folder general/.

Choices, all for text to matter early: prompts name one finding (6 of 10), all of them (3 of 10) or
nothing; noise levels are drawn half from all and half from the middle; the squared error counts
min(SNR, 1)/SNR and more inside the named findings; cross-attention's queries and keys learn at
twice the rate. The share of attention that words get is taxed: away from what they name they are
of no use, and attention goes to the tokens without content instead. The tax is concave: faint
attention costs most for what it is. It begins when attention already finds what words name.
"""

import argparse
import csv
import json
import math
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as processes

import sentences
import text
import unet
import validate
import vae

BATCH = 16
RATE = 1.0e-3
WARM_UP = 150
EMA = 0.998
EMPTY = 0.12
REGION = 20.0
TAX = 0.04
TAX_FROM = 2076
FAINT = 0.01


class Data:
    """Latents [n, 4, 32, 32], masks of findings, their attributes; `more` takes in new shards."""

    def __init__(self, state):
        self.folder = state / "phantoms" / "train"
        saved = np.load(state / "vae" / "components.npz")
        self.mean, self.leading = saved["mean"], saved["leading"]
        self.seen, self.latents, self.masks, self.findings = 0, [], [], []
        self.more()

    def more(self):
        while (path := self.folder / f"{self.seen:04}.npz").exists():
            shard = np.load(path)
            z = vae.latents(shard["pictures"], self.mean, self.leading)
            self.latents.extend(z.astype(np.float16))
            self.masks.extend(shard["masks"])
            self.findings.extend(json.loads(str(shard["findings"])))
            self.seen += 1

    def batch(self, rng, size):
        """Latents, prompts, weights [n, 32, 32]."""
        z, prompts, weights = [], [], []
        for i in rng.integers(len(self.latents), size=size):
            findings, masks = self.findings[i], self.masks[i].astype(np.float32) / 255
            draw = rng.random()
            named = []
            if draw < EMPTY:
                prompt = ""
            elif not findings or draw < EMPTY + 0.28:
                prompt = sentences.report(rng, findings)
                named = list(range(len(findings)))
            else:
                named = [int(rng.integers(len(findings)))]
                prompt = sentences.phrase(rng, findings[named[0]])
            weight = np.ones((32, 32), np.float32)
            for k in named:
                area = max(masks[k].sum(), 1)
                weight = np.maximum(weight, 1 + min(REGION, 400 / area) * masks[k])
            z.append(self.latents[i])
            prompts.append(prompt)
            weights.append(weight)
        return torch.tensor(np.stack(z)).float(), prompts, torch.tensor(np.stack(weights))


class Texts:
    """The frozen encoder's states, remembered per prompt. Empty prompts go without mask at times,
    as they do when the pipeline makes its unconditional state."""

    def __init__(self, tokenizer, bert):
        self.tokenizer, self.bert, self.known = tokenizer, bert, {}
        ids, attention = text.encode(tokenizer, [""])
        with torch.no_grad():
            self.empty = [
                bert(ids, attention_mask=attention).last_hidden_state[0],
                bert(ids, attention_mask=torch.ones_like(attention)).last_hidden_state[0],
            ]

    @torch.no_grad()
    def __call__(self, rng, prompts):
        """States [n, 77, 128] and which tokens are words, not special: [n, 77]."""
        new = sorted({p for p in prompts if p and p not in self.known})
        if new:
            ids, attention = text.encode(self.tokenizer, new)
            states = self.bert(ids, attention_mask=attention).last_hidden_state.half()
            self.known.update(zip(new, zip(states, attention.sum(1).tolist())))
        states, words = [], torch.zeros(len(prompts), text.LENGTH)
        for i, prompt in enumerate(prompts):
            if prompt:
                state, count = self.known[prompt]
                states.append(state.float())
                words[i, 1 : count - 1] = 1
            else:
                states.append(self.empty[int(rng.integers(2))])
        return torch.stack(states), words


def draw_times(rng, size):
    wide = rng.integers(0, 1000, size)
    middle = rng.integers(300, 900, size)
    return torch.tensor(np.where(rng.random(size) < 0.5, wide, middle))


def save(path, value):
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    torch.save(value, temporary)
    temporary.rename(path)


def log(path, row):
    new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def average_gradients(model, count):
    """The mean over processes; every process then takes the same step."""
    if count == 1:
        return
    parameters = list(model.parameters())
    flat = torch.cat([p.grad.flatten() for p in parameters])
    dist.all_reduce(flat)
    at = 0
    for p in parameters:
        p.grad.copy_(flat[at : at + p.numel()].view_as(p) / count)
        at += p.numel()


def work(rank, args):
    """One process of the training. Process 0 saves, validates and writes the log."""
    count = args.processes
    if count > 1:
        dist.init_process_group("gloo", init_method=args.meeting, rank=rank, world_size=count)
    torch.set_num_threads(1)
    torch.manual_seed(40)
    folder = args.state / "general" if args.general else args.state
    tokenizer, bert = text.load(folder)
    data, texts = Data(args.state), Texts(tokenizer, bert)
    model, average = unet.new_model(), unet.new_model().eval().requires_grad_(False)
    unet.sharpen(model)
    average.load_state_dict(model.state_dict())
    names = {n: p for n, p in model.named_parameters()}
    sharp = [n for n in names if "attn2.to_q" in n or "attn2.to_k" in n]
    groups = [
        {"params": [p for n, p in names.items() if n not in sharp], "factor": 1.0},
        {"params": [names[n] for n in sharp], "factor": 2.0},
    ]
    optimizer = torch.optim.AdamW(groups, args.rate, betas=(0.9, 0.99), weight_decay=0.01)
    path, begin, cold = folder / "unet.pt", 0, 0  # cold: the step at which the optimizer is new
    warm = args.general and args.warm and not path.exists()
    source = args.state / "unet.pt" if warm else path
    if source.exists():
        state = torch.load(source, weights_only=True)
        if warm:
            state = state | {"model": state["ema"], "optimizer": None}
        model.load_state_dict(state["model"])
        average.load_state_dict(state["ema"])
        if state["optimizer"]:
            optimizer.load_state_dict(state["optimizer"])
        begin = state["step"]
        cold = state.get("cold", 0) if state["optimizer"] else begin
    model.to(memory_format=torch.channels_last)
    _, taps = unet.tapped(model)
    pairs = validate.Pairs(args.state, tokenizer, bert, 60) if rank == 0 else None
    bars = unet.scheduler().alphas_cumprod
    rng = np.random.default_rng([41, begin, rank])
    generator = torch.Generator().manual_seed(41 + count * begin + rank)
    kept, started, saved_at = [], time.time(), time.time()
    if rank == 0:
        print(
            time.strftime("%H:%M:%S"),
            "from step",
            begin,
            "on",
            len(data.latents),
            "phantoms",
            flush=True,
        )
    for step in range(begin, args.steps):
        rate = args.rate * min(1, (step + 1 - cold) / WARM_UP)
        if args.decay_from and step >= args.decay_from:
            rate *= (args.steps - step) / (args.steps - args.decay_from)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        z, prompts, weights = data.batch(rng, BATCH // count)
        states, words = texts(rng, prompts)
        t = draw_times(rng, BATCH // count)
        noise = torch.randn(z.shape, generator=generator)
        bar = bars[t][:, None, None, None]
        x = (bar.sqrt() * z + (1 - bar).sqrt() * noise).contiguous(
            memory_format=torch.channels_last
        )
        guess = model(x, t, encoder_hidden_states=states, return_dict=False)[0]
        error = (guess - noise).square().mean(1)
        snr = bars[t] / (1 - bars[t])
        by_time = (1 / snr).clamp(max=1)
        loss = ((error * weights).mean((1, 2)) * by_time).mean()
        shares = torch.stack([torch.einsum("nqk,nk->nq", tap.maps, words) for tap in taps])
        tax = torch.log1p(shares / FAINT).mean() / math.log1p(1 / FAINT)
        optimizer.zero_grad()
        (loss + args.tax * tax if step >= args.tax_from else loss).backward()
        average_gradients(model, count)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        decay = min(EMA, (1 + step) / (10 + step))
        with torch.no_grad():
            for a, p in zip(average.parameters(), model.parameters()):
                a.lerp_(p, 1 - decay)
        kept.append(loss.item())
        last = step + 1 == args.steps
        if (step + 1) % 250 == 0:
            data.more()
        if rank > 0:
            continue
        if (step + 1) % 25 == 0:
            print(
                time.strftime("%H:%M:%S"),
                step + 1,
                f"loss {np.mean(kept[-25:]):.4f} words {shares.mean().item():.4f}",
                flush=True,
            )
        if time.time() - saved_at > 120 or last or (step + 1) % args.validate_every == 0:
            save(
                path,
                {
                    "model": model.state_dict(),
                    "ema": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step + 1,
                    "cold": cold,
                },
            )
            saved_at = time.time()
        if (step + 1) % args.validate_every == 0 or last:
            numbers, layers = validate.summary(average, pairs)
            row = {
                "step": step + 1,
                "seconds": round(time.time() - started),
                "rate": rate,
                "phantoms": len(data.latents),
                "loss": round(float(np.mean(kept[-args.validate_every :])), 4),
            }
            log(folder / "log.csv", row | numbers)
            validate.sheet(folder / "maps.png", pairs, layers)
            print(row | numbers, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--general", action="store_true", help="the domain-agnostic text encoder")
    parser.add_argument(
        "--warm", action="store_true", help="with --general: begin with the domain UNet's average"
    )
    parser.add_argument("--steps", type=int, default=30000)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--tax", type=float, default=TAX, help="weight of the words' attention")
    parser.add_argument("--tax-from", type=int, default=TAX_FROM, help="first step with it")
    parser.add_argument("--decay-from", type=int, help="step from which the rate falls to zero")
    parser.add_argument("--processes", type=int, default=2, help="one thread each")
    parser.add_argument("--validate-every", type=int, default=250)
    args = parser.parse_args()
    if args.processes == 1:
        work(0, args)
        return
    with tempfile.TemporaryDirectory() as folder:
        args.meeting = f"file://{folder}/meeting"
        # Forked, so that every process has the command line by which one stops the training.
        processes.start_processes(work, args=(args,), nprocs=args.processes, start_method="fork")


if __name__ == "__main__":
    main()
