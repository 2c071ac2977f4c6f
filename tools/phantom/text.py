"""The text encoder: a WordPiece vocabulary and a small BERT, trained on the grammar, then frozen.

With --general it is the domain-agnostic one: the same BERT, the same training, on English that is
not about radiographs, with a vocabulary of its own.

Masked language modelling, with two additions that make attention to words readable: every
position, also padding and the special tokens, has to name its own token (weight 0.3), and the
states of [CLS], [SEP] and [PAD] are kept the same for all sentences (weight 1): what a sentence
says is in the states of its words.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

import general
import sentences

LENGTH = 77
WIDTH = 128
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, CLS, SEP, MASK = 0, 2, 3, 4


def make_tokenizer(folder, texts, size):
    """Trains a vocabulary of at most `size` pieces and writes transformers' tokenizer files."""
    maker = BertWordPieceTokenizer(lowercase=True)
    maker.train_from_iterator(
        texts, vocab_size=size, min_frequency=2, special_tokens=list(SPECIAL), show_progress=False
    )
    folder.mkdir(parents=True, exist_ok=True)
    maker.save_model(str(folder))
    tokenizer = BertTokenizerFast(
        vocab_file=str(folder / "vocab.txt"), do_lower_case=True, model_max_length=LENGTH
    )
    tokenizer.save_pretrained(folder)


def load_tokenizer(folder):
    return BertTokenizerFast.from_pretrained(folder)


def encode(tokenizer, texts):
    """ids and attention mask, int64 [n, 77]."""
    out = tokenizer(
        texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    return out["input_ids"], out["attention_mask"]


def new_model(tokenizer):
    return BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=256,
            max_position_embeddings=128,
            attn_implementation="eager",
        )
    )


def masked(ids, generator):
    """A fifth of the words is hidden: [MASK] in 8 of 10 cases, else left in place."""
    words = (ids != PAD) & (ids != CLS) & (ids != SEP)
    chosen = words & (torch.rand(ids.shape, generator=generator) < 0.2)
    hidden = chosen & (torch.rand(ids.shape, generator=generator) < 0.8)
    return torch.where(hidden, torch.full_like(ids, MASK), ids), chosen


def sameness(states, ids):
    """Mean squared deviation of the special tokens' states from the mean of their token."""
    total = 0.0
    for token in (PAD, CLS, SEP):
        found = states[ids == token]
        total = total + (found - found.mean(0)).square().mean()
    return total


def train(folder, tokenizer, draw, steps, batch, rate=1.5e-3):
    """`draw` gives a text from a numpy Generator."""
    path = folder / "bert.pt"
    model = new_model(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    begin = 0
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        if "optimizer" in state:
            optimizer.load_state_dict(state["optimizer"])
        begin = state["step"]
    rng = np.random.default_rng([22, begin])
    generator = torch.Generator().manual_seed(22 + begin)
    model.train()
    for step in range(begin, steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50) * (1 - step / steps + 0.02)
        ids, attention = encode(tokenizer, [draw(rng) for _ in range(batch)])
        given, chosen = masked(ids, generator)
        states = model.bert(given, attention_mask=attention).last_hidden_state
        logits = model.cls(states)
        each = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), ids.flatten(), reduction="none"
        ).view_as(ids)
        words = (ids != PAD) & ~chosen
        pads = ids == PAD
        guess = each[chosen].mean() if chosen.any() else each.sum() * 0
        same = sameness(states, ids)
        loss = guess + 0.3 * (each[words].mean() + each[pads].mean()) + same
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 49 or step + 1 == steps:
            right = (logits.argmax(-1) == ids)[chosen].float().mean().item()
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | {"step": step + 1}, path)
            line = (step + 1, guess.item(), right, each[words].mean().item(), same.item())
            with open(folder / "log.csv", "a") as log:
                log.write("%d,%.4f,%.4f,%.4f,%.5f\n" % line)
            print(time.strftime("%H:%M:%S"), "bert", *("%.4g" % v for v in line), flush=True)
    return model


def load(state):
    """Tokenizer and frozen BertModel of the folder `state`/text."""
    tokenizer = load_tokenizer(state / "text" / "tokenizer")
    model = new_model(tokenizer)
    saved = torch.load(state / "text" / "bert.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    return tokenizer, model.bert.eval().requires_grad_(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--general", action="store_true", help="into the state's folder general/")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(20)
    if args.general:
        folder, size, every = args.state / "general" / "text", 4096, general.sentences()
        texts = every

        def draw(rng):
            return sentences.choose(rng, every) if rng.random() >= 0.03 else ""
    else:
        folder, size, draw = args.state / "text", 240, sentences.random_text
        rng = np.random.default_rng(21)
        texts = [draw(rng) for _ in range(20000)]
    if not (folder / "tokenizer" / "tokenizer.json").exists():
        make_tokenizer(folder / "tokenizer", texts, size)
    train(folder, load_tokenizer(folder / "tokenizer"), draw, args.steps, args.batch)


if __name__ == "__main__":
    main()
