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
for line in (ROOT / "tools/fuzz/hours.tsv").read_text().splitlines():
    _, name, seconds, executed, covered, _, found = line.split("\t")
    hours[name] += float(seconds) / 3600
    runs[name] += int(executed)
    findings[name] += int(found)
    edges[name] = int(covered)
if unknown := set(hours) - {name for names in READERS.values() for name in names}:
    raise SystemExit(f"fuzz: {sorted(unknown)} belong to no reader in tools/fuzz/table.py")
lines = [
    "| reader | CPU hours | harnesses, with hours, million runs, edges covered | findings |",
    "|---|--:|---|--:|",
]
for reader, names in READERS.items():
    parts = "; ".join(
        f"`{n}` {hours[n]:.2f}, {runs[n] / 1e6:.1f}, {edges.get(n, 0)}" for n in names)
    lines.append(f"| {reader} | {sum(hours[n] for n in names):.2f} | {parts} | "
                 f"{sum(findings[n] for n in names)} |")
marks.put(DOCUMENT, "fuzz", "\n".join(lines))
