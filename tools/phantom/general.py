"""English that is not about radiographs: what Python ships with, its reference and docstrings.

It trains the domain-agnostic text encoder. Every Python carries it, so nothing is fetched; the
committed encoder was trained on that of Python 3.11. Sentences of 3 to 40 words, lower case.
"""

import ast
import re
import sysconfig
from pathlib import Path
from pydoc_data.topics import topics


def docstrings():
    """Docstrings of the standard library's modules, classes and functions, in a fixed order."""
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        inside = path.relative_to(library).parts
        if {"site-packages", "test", "tests", "idle_test"} & set(inside):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                if found := ast.get_docstring(node):
                    yield found


def sentences():
    """A list of sentences without duplicates."""
    found = {}
    for block in [topics[name] for name in sorted(topics)] + list(docstrings()):
        for paragraph in re.split(r"\n\s*\n", block):
            if ">>>" in paragraph or "::=" in paragraph:
                continue
            plain = " ".join(paragraph.replace("*", " ").replace('"', " ").split())
            for sentence in re.split(r"(?<=[.!?:;])\s+", plain):
                words = sentence.split()
                letters = sum(c.isalpha() or c == " " for c in sentence)
                if 3 <= len(words) <= 40 and letters > 0.9 * len(sentence):
                    found[sentence.lower()] = None
    return list(found)


if __name__ == "__main__":
    every = sentences()
    print(len(every), "sentences,", sum(map(len, every)), "letters")
    for sentence in every[:: len(every) // 20]:
        print(" ", sentence)
