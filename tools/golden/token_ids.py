"""Family `tokens`: ids of a few hundred strings through BERT's and CLIP's tokenizers, padded to 77.

Vocabularies are those of golden/checkpoints. Strings are in case.json, in the order of the rows.
"""

import tempfile
from pathlib import Path

import torch
from transformers import BertTokenizer, BertTokenizerFast, CLIPTokenizer, CLIPTokenizerFast

import phrases
import vocabularies
from common import GOLDEN, fresh, save_case

CHECKPOINTS = GOLDEN / "checkpoints"


def encode(tokenizer, strings: list[str]) -> dict[str, torch.Tensor]:
    found = tokenizer(
        strings, max_length=77, padding="max_length", truncation=True, return_tensors="pt"
    )
    return {
        "output.input_ids": found.input_ids.to(torch.int32),
        "output.attention_mask": found.attention_mask.to(torch.uint8),
    }


def save(name: str, tokenizer, other, folder: str, strings: list[str], **more) -> None:
    """One case; the config lists rows where transformers' other implementation disagrees."""
    tensors, twin = encode(tokenizer, strings), encode(other, strings)
    differ = (
        (tensors["output.input_ids"] != twin["output.input_ids"])
        .any(dim=1)
        .nonzero()
        .flatten()
        .tolist()
    )
    config = {
        "tokenizer": folder,
        "class": type(tokenizer).__name__,
        "differ": differ,
        "other_class": type(other).__name__,
    } | more
    save_case(
        "tokens",
        name,
        script="token_ids.py",
        seed=None,
        tensors=tensors,
        packages=("transformers", "tokenizers"),
        config=config,
        strings=strings,
    )


def make() -> None:
    fresh("tokens")
    strings = phrases.strings()
    folder = "checkpoints/sd1-tiny/tokenizer"
    save(
        "bert-fast",
        BertTokenizerFast.from_pretrained(GOLDEN / folder),
        BertTokenizer.from_pretrained(GOLDEN / folder),
        folder,
        strings,
    )
    # The same vocabulary read with other settings than a BERT that lower-cases.
    with tempfile.TemporaryDirectory() as place:
        vocabularies.write_word_piece(Path(place), with_tokenizer_json=False)
        words = str(Path(place) / "vocab.txt")
        for name, settings in {
            "bert-cased": {"do_lower_case": False},
            "bert-accents": {"do_lower_case": True, "strip_accents": False},
            "bert-no-cjk": {"do_lower_case": True, "tokenize_chinese_chars": False},
        }.items():
            save(
                name,
                BertTokenizerFast(vocab_file=words, **settings),
                BertTokenizer(vocab_file=words, **settings),
                "checkpoints/bert-noprefix",
                strings,
                settings=settings,
            )
    folder = "checkpoints/sd2-tiny/tokenizer"
    for name, folder in {"clip-sd2": folder, "clip-quick": "checkpoints/clip-quick"}.items():
        slow, fast = CLIPTokenizer.from_pretrained(
            GOLDEN / folder
        ), CLIPTokenizerFast.from_pretrained(GOLDEN / folder)
        save(f"{name}-fast", fast, slow, folder, strings)
        save(f"{name}-slow", slow, fast, folder, strings)


if __name__ == "__main__":
    make()
