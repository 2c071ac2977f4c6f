"""Small vocabularies that cover radiology phrases: WordPiece for BERT, byte-level BPE for CLIP."""

import json
import re
from collections import Counter
from pathlib import Path

from phrases import PHRASES

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SUFFIXES = [
    "##s",
    "##es",
    "##ed",
    "##ing",
    "##al",
    "##ic",
    "##sis",
    "##tic",
    "##ion",
    "##ions",
    "##ectasis",
    "##thorax",
    "##megaly",
    "##itis",
    "##ity",
    "##ities",
    "##ous",
    "##ly",
    "##er",
    "##ar",
    "##ation",
    "##segmental",
    "##basilar",
    "##cardiac",
    "##phrenic",
    "##stitial",
]
STEMS = [
    "pneumo",
    "cardio",
    "atel",
    "opac",
    "effus",
    "inter",
    "sub",
    "bi",
    "retro",
    "costo",
    "peri",
    "hemi",
    "con",
    "un",
    "re",
    "hyper",
    "multi",
    "##focal",
    "##lateral",
    "##solid",
    "##ate",
    "##hilar",
    "hilar",
]


def word_piece() -> list[str]:
    """Specials, single characters (also as continuations), every second word of the phrases, stems.

    Words left out must be put together from pieces; characters outside Latin are few, so that
    [UNK] occurs.
    """
    characters = [chr(c) for c in range(33, 127) if not chr(c).isupper()] + list(
        "ßøæœłđ…–—’“”•×½²µ°αβω胸部肺炎右上葉中文"
    )
    words = sorted({w for p in PHRASES for w in re.findall(r"[a-z]+", p.lower()) if len(w) > 1})
    vocabulary = SPECIAL + characters + ["##" + c for c in characters if c.isalnum()]
    vocabulary += words[::2] + STEMS + SUFFIXES
    return list(dict.fromkeys(vocabulary))


def byte_characters() -> dict[int, str]:
    """The printable stand-in for each byte: itself where printable Latin-1, else from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


def byte_pairs(count: int = 320) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's layout: 256 bytes, the same with </w>, one token a merge, start and end of text."""
    letters = byte_characters()
    words = Counter(w for p in PHRASES for w in re.findall(r"[a-z]+|[0-9]|[^\sa-z0-9]+", p.lower()))
    split = {w: [letters[b] for b in w.encode()] for w in words}
    for pieces in split.values():
        pieces[-1] += "</w>"
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs = Counter()
        for word, pieces in split.items():
            for pair in zip(pieces, pieces[1:]):
                pairs[pair] += words[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, pieces in split.items():
            i, joined = 0, []
            while i < len(pieces):
                if tuple(pieces[i : i + 2]) == best:
                    joined.append(best[0] + best[1])
                    i += 2
                else:
                    joined.append(pieces[i])
                    i += 1
            split[word] = joined
    # Order of the base tokens as CLIP has it: printable bytes first, then the stand-ins.
    base = sorted(letters.values(), key=lambda c: (ord(c) >= 256, ord(c)))
    tokens = base + [c + "</w>" for c in base] + [a + b for a, b in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}, merges


def write_word_piece(folder: Path, *, with_tokenizer_json: bool, limit: int | None = 512) -> None:
    """A BERT tokenizer folder as transformers saves it; without `limit` the file says none."""
    from transformers import BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(token + "\n" for token in word_piece())
    (folder / "vocab.txt").write_text(text, encoding="utf-8")
    more = {"model_max_length": limit} if limit else {}
    if with_tokenizer_json:
        BertTokenizerFast(
            vocab_file=str(folder / "vocab.txt"), do_lower_case=True, **more
        ).save_pretrained(folder)
        (folder / "vocab.txt").write_text(text, encoding="utf-8")


def write_byte_pairs(folder: Path, *, pad: str, with_tokenizer_json: bool = False) -> None:
    """A CLIP tokenizer folder; `pad` pads ("<|endoftext|>" in SD 1, "!" in SD 2)."""
    from transformers import CLIPTokenizer, CLIPTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, merges = byte_pairs()
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2"] + [f"{a} {b}" for a, b in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kind = CLIPTokenizerFast if with_tokenizer_json else CLIPTokenizer
    kind(
        vocab_file=str(folder / "vocab.json"),
        merges_file=str(folder / "merges.txt"),
        pad_token=pad,
        model_max_length=77,
    ).save_pretrained(folder)
