"""Reads tools/bench/results: the newest row of each measurement."""

import json

from machine import RESULTS

PEERS = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "pytorch": "PyTorch"}
GRAPHS = {"unet": "UNet", "vae": "VAE encoder, 512²", "bert": "BERT, 77 tokens"}
MODES = {
    "held-f32": "held, f32", "held-f16": "held, f16 file",
    "streamed-f32": "streamed, f32", "streamed-f16": "streamed, f16 file",
}


def read(file: str) -> list[dict]:
    path = RESULTS / file
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def peers() -> dict[tuple[str, int], dict]:
    """Of each graph and batch: the peers' newest measurements, "fastest", "when"."""
    found: dict[tuple[str, int], dict] = {}
    for row in (row for row in read("peers.jsonl") if row["what"] in GRAPHS):
        cell = found.setdefault((row["what"], row["batch"]), {"peers": {}})
        cell["peers"] |= row["peers"]
        cell |= {key: row[key] for key in ("when", "machine", "threads", "commit")}
    order = list(GRAPHS)
    for cell in found.values():
        cell["fastest"] = min(
            cell["peers"], key=lambda peer: cell["peers"][peer]["seconds"]["median"]
        )
    return {key: found[key] for key in sorted(found, key=lambda k: (order.index(k[0]), k[1]))}


def memory() -> list[dict]:
    """The newest row of each mode and batch."""
    newest = {(r["mode"], r["batch"]): r for r in read("memory.jsonl") if r["what"] == "memory"}
    return [newest[m, b] for m, b in sorted(newest, key=lambda k: (k[1], list(MODES).index(k[0])))]


def newest(file: str, what: str) -> dict | None:
    """The newest row of a kind; a grounding with --low-memory is another kind."""
    rows = (row for row in reversed(read(file)) if row["what"] == what)
    return next((row for row in rows if not row.get("low_memory")), None)
