"""Reads tools/bench/results: the newest row of each measurement on one level of SIMD instructions.

Rows of machines with different instructions are never put beside each other.
"""

import json

from machine import RESULTS

PEERS = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "pytorch": "PyTorch"}
GRAPHS = {"unet": "UNet", "vae": "VAE encoder, 512²", "bert": "BERT, 77 tokens"}
MODES = {
    "held-f32": "held, f32", "held-f16": "held, f16 file",
    "streamed-f32": "streamed, f32", "streamed-f16": "streamed, f16 file",
}


# What a level's processors have, the best first. AVX-VNNI beside AVX-512 tells Zen 5, whose vector units
# are 512 bits wide, from Zen 4, whose are half as wide.
LEVELS = {
    "with AVX-512 and AVX-VNNI (Zen 5)": {"avx512f", "avx_vnni"},
    "with AVX-512 (Zen 4)": {"avx512f"},
    "with AVX2 (Zen 3)": {"avx2"},
    "with other instructions": set(),
}


def level(row: dict) -> str:
    """The name of the best level that the row's machine has."""
    return next(name for name, needs in LEVELS.items() if needs <= set(row["machine"]["flags"]))


def read(file: str, simd: str | None = None) -> list[dict]:
    """All rows, or those of one level."""
    path = RESULTS / file
    if not path.exists():
        return []
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in found if simd is None or level(row) == simd]


def levels() -> list[str]:
    """The levels on which peers were measured, the best first."""
    measured = {level(row) for row in read("peers.jsonl")}
    return [name for name in LEVELS if name in measured]


def peers(simd: str) -> dict[tuple[str, int], dict]:
    """Of each graph and batch: the peers' newest measurements, "fastest", "when"."""
    found: dict[tuple[str, int], dict] = {}
    for row in (row for row in read("peers.jsonl", simd) if row["what"] in GRAPHS):
        cell = found.setdefault((row["what"], row["batch"]), {"peers": {}})
        cell["peers"] |= row["peers"]
        cell |= {key: row[key] for key in ("when", "machine", "threads", "commit")}
    order = list(GRAPHS)
    for cell in found.values():
        cell["fastest"] = min(
            cell["peers"], key=lambda peer: cell["peers"][peer]["seconds"]["median"]
        )
    return {key: found[key] for key in sorted(found, key=lambda k: (order.index(k[0]), k[1]))}


def memory(simd: str) -> list[dict]:
    """The newest row of each mode and batch."""
    measured = [row for row in read("memory.jsonl", simd) if row["what"] == "memory"]
    newest = {(row["mode"], row["batch"]): row for row in measured}
    return [newest[m, b] for m, b in sorted(newest, key=lambda k: (k[1], list(MODES).index(k[0])))]


def newest(file: str, what: str, simd: str) -> dict | None:
    """The newest row of a kind; a grounding with --low-memory is another kind."""
    rows = (row for row in reversed(read(file, simd)) if row["what"] == what)
    return next((row for row in rows if not row.get("low_memory")), None)
