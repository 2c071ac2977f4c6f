"""plumb alone, on the UNet: seconds against memory, threads, and how long it takes to start.

    tools/bench/memory FOLDER [--what modes,threads,start] [--batch 1,4] [--rounds 3] [--threads 2]
        [--modes held-f32,held-f16,streamed-f32,streamed-f16] [--checkpoint DIR] [--save]

modes: one evaluation with the weights held in memory, as float32 and from a file converted with
--weights f16, and streamed (--low-memory), run alternately; one row for each mode and batch, with the largest
resident memory of `plumb bench`. threads: one thread and --threads alternately, at batch 1. start: `plumb run`
from start to end with the file in the page cache, less one evaluation as `plumb bench` times it. Makes
in FOLDER what is missing, as tools/bench/peers does. --save appends the rows to
tools/bench/results/memory.jsonl.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from safetensors.numpy import save_file

import machine
from graphs import GRAPHS

MODES = {
    "held-f32": ("f32", ()),
    "held-f16": ("f16", ()),
    "streamed-f32": ("f32", ("--low-memory",)),
    "streamed-f16": ("f16", ("--low-memory",)),
}


def modes(arguments, models: dict, batch: int):
    """A row for each mode."""
    found = {mode: [] for mode in arguments.modes}
    rows = {
        mode: machine.new_row("memory", mode=mode, batch=batch, threads=arguments.threads)
        for mode in found
    }
    for number in range(arguments.rounds):
        for mode, runs in found.items():
            weights, options = MODES[mode]
            run = machine.bench(
                models[weights], "unet", arguments.threads, 1, "--batch", batch, *options
            )
            runs.append(run)
            machine.note(
                f"batch {batch}, round {number + 1}, {mode}: {run['seconds']['median']:.2f} s, "
                f"{run['peak_memory_bytes'] / 1e6:.0f} MB"
            )
    for mode, runs in found.items():
        yield rows[mode] | {
            "rounds": len(runs),
            "seconds": machine.spread([run["seconds"]["median"] for run in runs]),
            "peak_memory_bytes": max(run["peak_memory_bytes"] for run in runs),
            "held_weight_bytes": runs[0]["held_weight_bytes"],
            "streamed_weight_bytes": runs[0]["streamed_weight_bytes"],
            "weights_bytes": arguments.weights_bytes, "kernels": runs[0]["kernels"],
        }


def threads(arguments, model: Path) -> dict:
    row = machine.new_row(
        "threads", batch=1, threads=arguments.threads, rounds=arguments.rounds
    )
    counts = (1, arguments.threads)
    found = {count: [] for count in counts}
    for _ in range(arguments.rounds):
        for count in counts:
            run = machine.bench(model, "unet", count, 1)
            found[count].append(run["seconds"]["median"])
            machine.note(f"{count} threads: {found[count][-1]:.2f} s")
    one, many = (machine.spread(found[count]) for count in counts)
    return row | {
        "one_thread": one, "all_threads": many, "speedup": one["median"] / many["median"],
        "speedup_of_min": one["min"] / many["min"],
    }


def start(arguments, model: Path, place: Path) -> dict:
    row = machine.new_row("start", batch=1, threads=arguments.threads, rounds=arguments.rounds)
    given = place / "in.safetensors"
    save_file(GRAPHS["unet"](arguments.checkpoint).inputs(1), given)
    walls, evaluations = [], []
    for _ in range(arguments.rounds):
        with open(model, "rb") as file:
            while file.read(1 << 24):
                pass
        begin = time.perf_counter()
        machine.plumb("run", model, "--graph", "unet", "-i", given, "-o", place / "out.safetensors",
                      "--threads", arguments.threads)
        walls.append(time.perf_counter() - begin)
        run = machine.bench(model, "unet", arguments.threads, 1)
        evaluations.append(run["seconds"]["median"])
        machine.note(f"run {walls[-1]:.2f} s, evaluation {evaluations[-1]:.2f} s")
    return row | {
        "run": machine.spread(walls), "evaluation": machine.spread(evaluations),
        "seconds": statistics.median(a - b for a, b in zip(walls, evaluations)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--what", default="modes,threads,start")
    parser.add_argument("--batch", default="1,4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--checkpoint")
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    arguments.modes = arguments.modes.split(",")
    if unknown := set(arguments.modes) - set(MODES):
        parser.error(f"{', '.join(sorted(unknown))}: modes are {', '.join(MODES)}")
    if unknown := set(arguments.what.split(",")) - {"modes", "threads", "start"}:
        parser.error(f"{', '.join(sorted(unknown))}: --what is modes, threads, start")
    folder = Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    arguments.checkpoint = machine.checkpoint_of(folder, arguments.checkpoint)
    arguments.weights_bytes = sum(
        path.stat().st_size for path in (arguments.checkpoint / "unet").glob("*.safetensors")
    )
    if any("streamed" in mode for mode in arguments.modes) and "--low-memory" not in machine.plumb(
        "bench", "--help"
    ):
        sys.exit(f"memory: {machine.PLUMB} has no --low-memory; leave the streamed modes out")
    needed = {MODES[mode][0] for mode in arguments.modes} | {"f32"}
    models = {w: machine.converted(folder, arguments.checkpoint, w) for w in sorted(needed)}
    rows = []
    if "modes" in arguments.what:
        for batch in map(int, arguments.batch.split(",")):
            rows += modes(arguments, models, batch)
    if "threads" in arguments.what:
        rows.append(threads(arguments, models["f32"]))
    if "start" in arguments.what:
        with tempfile.TemporaryDirectory() as place:
            rows.append(start(arguments, models["f32"], Path(place)))
    for row in rows:
        machine.finish_row(row, "memory.jsonl", arguments.save)


if __name__ == "__main__":
    main()
