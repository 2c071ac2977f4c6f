"""What every measurement shares: facts of the machine, running plumb, a row of results."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "tools/bench/results"
BUILT = str(ROOT / ".build/release/plumb")
PLUMB = os.environ.get("PLUMB", BUILT)
# Of the processor's flags, those that decide which kernels a program may choose.
FLAGS = (
    "sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512vl", "avx512_vnni",
    "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "asimd", "asimddp", "asimdhp", "sve",
)


def note(*words) -> None:
    print(*words, file=sys.stderr, flush=True)


def processor() -> dict:
    """Name, count, SIMD flags and memory of the machine."""
    facts = {"processor": platform.machine(), "processors": os.cpu_count(), "flags": []}
    for line in open("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            facts["processor"] = value.strip()
        if key.strip() in ("flags", "Features"):
            facts["flags"] = [flag for flag in FLAGS if flag in value.split()]
    facts["memory_bytes"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return facts


def commit() -> str:
    """The commit that is checked out, `-dirty` when files differ from it."""
    found = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"],
        capture_output=True, text=True,
    )
    return found.stdout.strip() or "unknown"


def new_row(what: str, **more) -> dict:
    """The start of a row of results: when, where, by which command."""
    command = ["tools/bench/" + Path(sys.argv[0]).stem, *sys.argv[1:]]
    if os.path.realpath(PLUMB) != os.path.realpath(BUILT):
        command.insert(0, f"PLUMB={PLUMB}")
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "what": what, **more,
        "machine": processor(), "commit": commit(), "command": " ".join(command),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def finish_row(row: dict, file: str, is_saved: bool) -> None:
    """Prints the row as one line of JSON, and appends it to tools/bench/results when asked to."""
    row["load_average_after"] = round(os.getloadavg()[0], 2)
    line = json.dumps(row)
    print(line, flush=True)
    if is_saved:
        RESULTS.mkdir(exist_ok=True)
        with open(RESULTS / file, "a") as out:
            out.write(line + "\n")


def versions(*packages: str) -> dict:
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def spread(seconds: list[float]) -> dict:
    return {
        "min": min(seconds), "median": statistics.median(seconds), "max": max(seconds),
        "each": [round(s, 5) for s in seconds],
    }


def plumb(*arguments) -> str:
    """What plumb prints; its messages go to standard error, and a failure ends the program."""
    command = [PLUMB, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with status {done.returncode}")
    return done.stdout


def bench(model, graph: str | None, threads: int, runs: int, *more) -> dict:
    """`plumb bench`: one run that is not counted, then so many, in a process of its own."""
    named = ["--graph", graph] if graph else []
    return json.loads(
        plumb("bench", model, *named, "--threads", threads, "--runs", runs, "--json", *more)
    )


def checkpoint_of(folder: Path, given: str | None) -> Path:
    """The checkpoint that is measured: the one given, or one of Stable Diffusion 1.5's size with
    random weights, made in the folder unless it is there.
    """
    if given:
        return Path(given)
    path = folder / "checkpoint"
    if not (path / "model_index.json").exists():
        note(f"making a checkpoint in {path}")
        script = ROOT / "tools/golden/fullsize.py"
        subprocess.run([sys.executable, str(script), str(folder)], check=True, stdout=sys.stderr)
    return path


def converted(folder: Path, checkpoint: Path, weights: str = "f32") -> Path:
    """The checkpoint as one .plumb file, made unless it is there."""
    path = folder / ("model.plumb" if weights == "f32" else f"model-{weights}.plumb")
    if not path.exists():
        chosen = [] if weights == "f32" else ["--weights", weights]
        note(plumb("convert", checkpoint, "-o", path, *chosen).strip())
    return path
