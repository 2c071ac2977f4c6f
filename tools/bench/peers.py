"""Times one evaluation of a graph: plumb against OpenVINO, ONNX Runtime and PyTorch, float32.

    tools/bench/peers FOLDER [--what unet,vae,bert] [--batch 1,2,4] [--rounds 5] [--threads 2]
        [--peers openvino,onnxruntime,pytorch] [--checkpoint DIR] [--export-only] [--save]

Makes a checkpoint of Stable Diffusion 1.5's size with random weights in FOLDER, what each peer loads
and plumb's file, unless they are there (about 20 GB; 12 GB of memory). --checkpoint takes another one,
in diffusers' layout with a BERT; give it a FOLDER of its own.

Peer and plumb run alternately, each after a warm-up, as many times a round as make about a second.
While one runs the other is stopped. Exports have an open batch, which the peer is told before it
compiles. Of PyTorch the fastest of its memory layouts is taken. ONNX Runtime's round also times plumb
on the very .onnx file (UNet only). Outputs must agree within 1e-3 of the largest magnitude. Each
graph and batch makes one row; --save appends it to tools/bench/results/peers.jsonl.
docs/performance.md tells what the fields mean.
"""

import argparse
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

import machine
from graphs import GRAPHS
from stopped import Stopped
from worker import PEERS, VARIANTS, exported

BOUND = 1e-3
SECONDS_A_ROUND, MOST_RUNS = 1.0, 40


def command(arguments, peer: str, what: str, batch: int, *more: str) -> list[str]:
    """worker.py, which holds a peer."""
    return [
        sys.executable, str(Path(__file__).with_name("worker.py")), peer, "--what", what,
        "--batch", str(batch), "--threads", str(arguments.threads), "--folder", arguments.folder,
        "--checkpoint", str(arguments.checkpoint), *more,
    ]


def export(arguments, peer: str, what: str) -> None:
    if peer == "pytorch":
        return
    if not exported(arguments.folder, peer, what).exists():
        machine.note(f"exporting {what} for {peer}")
        subprocess.run(command(arguments, peer, what, 1, "--export"), check=True)


def variant(arguments, peer: str, what: str, batch: int) -> tuple[list[str], dict]:
    """The fastest variant as an option of the worker's, and how long each took."""
    if (peer, what) not in VARIANTS:
        return [], {}
    worker = Stopped(command(arguments, peer, what, batch, "--probe"))
    found = worker.about
    worker.end()
    fastest = min(found, key=found.get)
    return ["--variant", fastest], {"variant": fastest, "variants_seconds": found}


def measure(
    arguments, graph, peer: str, what: str, batch: int, ours: np.ndarray, given: Path
) -> dict:
    """One peer against plumb; `given` are the inputs, `ours` is what plumb makes of them."""
    chosen, facts = variant(arguments, peer, what, batch)
    worker = Stopped(command(arguments, peer, what, batch, *chosen))
    about = worker.about
    runs = max(1, min(MOST_RUNS, math.ceil(SECONDS_A_ROUND / about["estimate"])))
    contenders = {"plumb": (arguments.model, graph.plumb)}
    if peer == "onnxruntime" and what == "unet":
        contenders["plumb_onnx"] = (exported(arguments.folder, peer, what), None)
    theirs, cpu, ours_by = [], [], {name: [] for name in contenders}
    for number in range(arguments.rounds):
        if about["estimate"] < SECONDS_A_ROUND:
            worker.ask("run", 1)
        found = worker.ask("run", runs)
        theirs.append(found["seconds"])
        cpu.append(found["cpu_seconds"])
        said = [f"{peer} {statistics.median(found['seconds']):.3f} s"]
        for name, (model, graph_name) in contenders.items():
            ours_by[name].append(
                machine.bench(model, graph_name, arguments.threads, runs, "--input", given)
            )
            said.append(f"{name} {ours_by[name][-1]['seconds']['median']:.3f} s")
        machine.note(f"{what}, batch {batch}, round {number + 1}: {', '.join(said)}")
    worker.ask("run", 1)
    out = given.with_name("out.npy")
    memory = worker.ask("output", out)["peak_memory_bytes"]
    worker.end()
    expected = graph.comparable(np.load(out))
    error = float(np.abs(ours - expected).max() / np.abs(expected).max())
    medians, fastest = [statistics.median(s) for s in theirs], min(map(min, theirs))
    result = {
        "version": about["version"], **facts, "runs_a_round": runs,
        "seconds": machine.spread(medians) | {"min": fastest},
        "cpu_seconds": statistics.median(cpu), "peak_memory_bytes": memory,
        "largest_difference": error, "agrees": bool(error <= BOUND),
    }
    for name, rounds in ours_by.items():
        mine = [r["seconds"]["median"] for r in rounds]
        least = min(r["seconds"]["min"] for r in rounds)
        pairs = sorted(a / b for a, b in zip(mine, medians))
        result[name] = {
            "seconds": machine.spread(mine) | {"min": least},
            "cpu_seconds": statistics.median(r["cpu_seconds"] for r in rounds),
            "gflops": rounds[-1]["gflop"] / statistics.median(mine),
            "peak_fraction": statistics.median(r["peak_fraction"] for r in rounds),
            "peak_memory_bytes": max(r["peak_memory_bytes"] for r in rounds),
            "kernels": rounds[-1]["kernels"], "blas": rounds[-1]["blas"],
            "ratio": statistics.median(mine) / statistics.median(medians),
            "ratio_of_min": least / fastest,
            "paired_ratios": [pairs[0], statistics.median(pairs), pairs[-1]],
        }
    return result


def row_of(arguments, what: str, batch: int, folder: Path) -> dict:
    graph = GRAPHS[what](arguments.checkpoint)
    given, answer = folder / "in.safetensors", folder / "out.safetensors"
    save_file(graph.inputs(batch), given)
    machine.plumb("run", arguments.model, "--graph", graph.plumb, "-i", given, "-o", answer,
                  "--threads", arguments.threads)
    ours = graph.joined(load_file(answer))
    row = machine.new_row(
        what, batch=batch, threads=arguments.threads, rounds=arguments.rounds,
        inputs={name: list(array.shape) for name, array in graph.inputs(batch).items()},
        versions=machine.versions("torch", "diffusers", "transformers", "onnx", "onnxscript",
                                  "onnxruntime", "openvino", "numpy"),
        peers={},
    )
    for peer in arguments.peers:
        result = measure(arguments, graph, peer, what, batch, ours, given)
        row["peers"][peer] = result
        machine.note(
            f"{what}, batch {batch}: {result['plumb']['ratio']:.3f} of {peer}'s time, outputs "
            f"differ by {result['largest_difference']:.1e}"
        )
    fastest = min(row["peers"], key=lambda peer: row["peers"][peer]["seconds"]["median"])
    row["fastest_peer"], row["ratio"] = fastest, row["peers"][fastest]["plumb"]["ratio"]
    return row


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def names(known):
        def check(text: str) -> list[str]:
            for name in text.split(","):
                if name not in known:
                    raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
            return text.split(",")

        return check

    parser.add_argument("folder")
    parser.add_argument("--what", type=names(GRAPHS), default=list(GRAPHS))
    parser.add_argument("--batch", default="1,2,4")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", type=names(PEERS), default=list(PEERS))
    parser.add_argument("--checkpoint")
    parser.add_argument("--export-only", action="store_true")
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    folder = Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    arguments.checkpoint = machine.checkpoint_of(folder, arguments.checkpoint)
    arguments.model = machine.converted(folder, arguments.checkpoint)
    for what in arguments.what:
        for peer in arguments.peers:
            export(arguments, peer, what)
    if arguments.export_only:
        return 0
    agree = True
    for what in arguments.what:
        for batch in map(int, arguments.batch.split(",")):
            with tempfile.TemporaryDirectory() as place:
                row = row_of(arguments, what, batch, Path(place))
            machine.finish_row(row, "peers.jsonl", arguments.save)
            agree = agree and all(peer["agrees"] for peer in row["peers"].values())
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
