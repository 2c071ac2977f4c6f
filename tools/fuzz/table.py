"""Puts the table of tools/fuzz/hours.tsv into docs/hostile-input.md, between <!-- fuzz --> and <!-- /fuzz -->."""

import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))

import marks

DOCUMENT = ROOT / "docs/hostile-input.md"
READERS = {  # whose harnesses share an hour
    ".plumb": ["plumb", "plumb-index", "plumb-run"],
    "safetensors, its JSON": ["safetensors", "safetensors-header", "json"],
    "PyTorch zip": ["pytorch", "pickle"],
    "ONNX": ["onnx", "onnx-run"],
    "NumPy": ["numpy"],
    "tokenizers": ["wordpiece", "bytepairs", "tokenizer-json", "tokenizer-stored"],
    "pictures": ["png", "jpeg"],
    "configurations": ["config"],
}

hours, runs, findings = defaultdict(float), defaultdict(int), defaultdict(int)
edges: dict[str, int] = {}
rows = [line.split("\t") for line in (ROOT / "tools/fuzz/hours.tsv").read_text().splitlines()]
for _, name, seconds, executed, covered, _, found in rows:
    hours[name] += float(seconds) / 3600
    runs[name] += int(executed)
    findings[name] += int(found)
    edges[name] = int(covered)
if unknown := set(hours) - {name for names in READERS.values() for name in names}:
    raise SystemExit(f"fuzz: {sorted(unknown)} belong to no reader in tools/fuzz/table.py")


def hours_since_finding(names: list[str]) -> float:
    """Hours of the rows that were written after the last with a finding."""
    own = [row for row in rows if row[1] in names]
    last = max((row[0] for row in own if row[6] != "0"), default="")
    return sum(float(row[2]) for row in own if row[0] > last) / 3600


lines = [
    "| reader | CPU hours | harnesses, with hours, million runs, edges covered | findings | hours since |",
    "|---|--:|---|--:|--:|",
]
for reader, names in READERS.items():
    parts = "; ".join(
        f"`{n}` {hours[n]:.2f}, {runs[n] / 1e6:.1f}, {edges.get(n, 0)}" for n in names)
    lines.append(f"| {reader} | {sum(hours[n] for n in names):.2f} | {parts} | "
                 f"{sum(findings[n] for n in names)} | {hours_since_finding(names):.2f} |")
marks.put(DOCUMENT, "fuzz", "\n".join(lines))
