#!/usr/bin/env python3
"""Tags phrases.txt with the Hanover Tagger (PyPI: HanTa) and writes golden/words/*/case.json.

    python3 -m venv V && V/bin/pip install HanTa==1.2.1 && V/bin/python tools/words/tag-phrases.py

HanTa 1.2.1 ships its English model, trained on the British National Corpus; tags are CLAWS-5
(tag list: C. Leech, R. Garside, M. Bryant, "CLAWS4", COLING 1994). A phrase is split at blanks; the
punctuation at the edges of a word is given to the tagger as tokens of their own, and the word has
the tag of what remains.

A word is kept when its tag is an adjective (AJ*, and ORD, which other tag sets count among them), a
noun (NN*, NP0) or a lexical verb (VV*). Forms of be (VB*) and modals (VM0) are auxiliaries. Forms of
have and do (VH*, VD*) are auxiliaries when a form of a verb follows with nothing but adverbs or
negation between, verbs otherwise. "cannot" is given as the two words that CLAWS makes of it.
Phrases take turns: the first, third, ... are the development half.
"""

import hashlib
import json
import pathlib
import string
from importlib.metadata import version

from HanTa import HanoverTagger

root = pathlib.Path(__file__).resolve().parents[2]
source = pathlib.Path(__file__).with_name("phrases.txt")
tagger = HanoverTagger.HanoverTagger("morphmodel_en.pgz")


def split(word):
    """The punctuation before a word, the word, and what follows it."""
    core = word.strip(string.punctuation)
    if not core:
        return list(word), "", []
    start = word.index(core)
    return list(word[:start]), core, list(word[start + len(core):])


def tags(phrase):
    tokens, owner = [], []
    words = phrase.split()
    for number, word in enumerate(words):
        before, core, after = split(word)
        parts = ["can", "not"] if core == "cannot" else [core] if core else []
        tokens += before + parts + after
        owner += [None] * len(before) + [number] * len(parts[:1]) + [None] * (len(parts[1:]) + len(after))
    result = [""] * len(words)
    for (_, _, tag), number in zip(tagger.tag_sent(tokens, taglevel=1), owner):
        if number is not None:
            result[number] = tag
    return words, result


def kept(tags):
    answer = []
    for i, tag in enumerate(tags):
        if tag[:2] in ("VH", "VD"):
            rest = [t for t in tags[i + 1:] if t[:2] not in ("AV", "XX")]
            answer.append(not (rest and rest[0][:2] in ("VV", "VB", "VH", "VD")))
        else:
            answer.append(tag[:2] in ("AJ", "OR", "NN", "NP", "VV"))
    return answer


halves = {"development": [], "held-out": []}
for number, line in enumerate(source.read_text().splitlines()):
    halves["held-out" if number % 2 else "development"].append((line, *tags(line)[1:]))

for name, cases in halves.items():
    head = {
        "family": "words", "case": name, "script": "tools/words/tag-phrases.py",
        "versions": {"HanTa": version("HanTa")}, "seed": None,
        "tolerance": {"absolute": 0.0, "relative": 0.0},
        "config": {"model": "morphmodel_en.pgz",
                   "phrases_sha256": hashlib.sha256(source.read_bytes()).hexdigest()}}
    lists = {"strings": [phrase for phrase, _ in cases], "tags": [found for _, found in cases],
             "kept": [kept(found) for _, found in cases]}
    text = json.dumps(head, indent=2)[:-2]
    for key, values in lists.items():
        text += f',\n  "{key}": [\n' + ",\n".join("    " + json.dumps(v) for v in values) + "\n  ]"
    path = root / "golden/words" / name / "case.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n}\n")
    print(name, len(cases), "phrases,", sum(len(found) for _, found in cases), "words")
