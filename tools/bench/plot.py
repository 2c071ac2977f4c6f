"""Draws docs/pictures/performance.png from tools/bench/results, and writes it and the tables of the
machine with the best instructions into README.md, the tables of others into docs/performance.md, between
<!-- performance --> and <!-- /performance -->.

    tools/bench/plot [--picture FILE] [--no-text]
"""

import argparse
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import rows
from machine import ROOT

sys.path.append(str(ROOT / "tools"))
import marks

# Okabe and Ito's colours, told apart by the colour-blind; hatches and markers tell the same in grey.
COLOURS = {
    "plumb": "#0072B2", "openvino": "#E69F00", "onnxruntime": "#009E73", "pytorch": "#CC79A7",
}
HATCHES = {"plumb": "", "openvino": "//", "onnxruntime": "..", "pytorch": "xx"}
MARKERS = {"plumb": "o", "openvino": "s", "onnxruntime": "^", "pytorch": "D"}
NAMES = {"plumb": "Plumb"} | rows.PEERS


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ratio(cell: dict) -> float:
    return cell["peers"][cell["fastest"]]["plumb"]["ratio"]


def mine(cell: dict) -> dict:
    """plumb beside the fastest peer."""
    return cell["peers"][cell["fastest"]]["plumb"]


def bars(axis, what: str, cells: dict) -> None:
    """Milliseconds or seconds an item, batch by batch."""
    batches = [batch for graph, batch in cells if graph == what]
    seconds = [cells[what, b]["peers"][p]["seconds"]["median"] / b
               for b in batches for p in cells[what, b]["peers"]]
    scale, unit = (1000, "ms") if max(seconds) < 1 else (1, "s")
    for place, batch in enumerate(batches):
        cell = cells[what, batch]
        values = {"plumb": mine(cell)["seconds"]["median"]} | {
            peer: cell["peers"][peer]["seconds"]["median"]
            for peer in rows.PEERS if peer in cell["peers"]
        }
        width = 0.8 / 4
        for index, (name, value) in enumerate(values.items()):
            height = scale * value / batch
            axis.bar(place + (index - 1.5) * width, height, width, color=COLOURS[name],
                     hatch=HATCHES[name], edgecolor="white", linewidth=0.5)
            if name == "plumb":
                axis.annotate(f"{ratio(cell):.2f} ×", (place - 1.5 * width, height), (0, -4),
                              textcoords="offset points", ha="center", va="top", rotation=90,
                              fontsize=8, weight="bold", color="white")
    axis.set_xticks(range(len(batches)), [f"batch {b}" for b in batches])
    axis.set_title(rows.GRAPHS[what], fontsize=10)
    axis.set_ylabel(f"{unit} an item")
    axis.margins(y=0.12)
    axis.spines[["top", "right"]].set_visible(False)


def points(cells: dict, simd: str) -> dict[tuple[str, str], dict[int, tuple[float, float]]]:
    """Of each program and way of running the UNet, by batch: seconds an item and gigabytes."""
    found: dict[tuple[str, str], dict[int, tuple[float, float]]] = {}

    def add(name: str, label: str, batch: int, facts: dict) -> None:
        place = (facts["seconds"]["median"] / batch, facts["peak_memory_bytes"] / 1e9)
        found.setdefault((name, label), {})[batch] = place

    for (what, batch), cell in cells.items():
        if what == "unet" and batch in (1, 4):
            for peer, facts in cell["peers"].items():
                add(peer, NAMES[peer], batch, facts)
            add("plumb", f"Plumb, {rows.MODES['held-f32']}", batch, mine(cell))
    for row in rows.memory(simd):
        if row["batch"] in (1, 4):
            add("plumb", f"Plumb, {rows.MODES[row['mode']]}", row["batch"], row)
    return found


def scatter(axis, cells: dict, simd: str) -> None:
    """UNet: seconds an item against the process's largest resident memory, both logarithmic."""
    for (name, label), batches in points(cells, simd).items():
        seconds, memory = zip(*batches.values())
        axis.plot(seconds, memory, color=COLOURS[name], linewidth=1, zorder=2)
        for batch, place in batches.items():
            axis.scatter(*place, s=48, marker=MARKERS[name], edgecolor=COLOURS[name], zorder=3,
                         facecolor=COLOURS[name] if batch == 1 else "white", linewidth=1.6)
        below = "f16" in label
        middle = (seconds[0] * seconds[-1]) ** 0.5, min(memory) if below else max(memory)
        axis.annotate(label, middle, (0, -16 if below else 8), textcoords="offset points",
                      fontsize=8, ha="center")
    kinds = [("batch 1", "#444444"), ("batch 4", "white")]
    axis.legend(handles=[
        Line2D([], [], marker="o", linestyle="", markeredgecolor="#444444", markerfacecolor=face,
               label=label) for label, face in kinds
    ], frameon=False, fontsize=8)
    axis.set_xscale("log")
    axis.set_yscale("log")
    for log in (axis.xaxis, axis.yaxis):
        log.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        log.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda v, _: f"{v:g}"))
        log.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.margins(0.15, 0.15)
    axis.set_xlabel("seconds an item")
    axis.set_ylabel("largest resident memory, GB")
    axis.set_title("UNet: memory against time, smaller is better in both", fontsize=10)
    axis.grid(True, color="#dddddd", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)


def caption(cells: dict, simd: str) -> str:
    cell = max(cells.values(), key=lambda c: c["when"])
    about = cell["machine"]
    return (
        f"{about['processor']} {simd}, {about['processors']} processors, {cell['threads']} threads, "
        f"float32, random weights of Stable Diffusion 1.5's size, {cell['when'][:10]}, "
        f"commit {cell['commit']}."
    )


def draw(path, cells: dict, simd: str) -> None:
    graphs = [what for what in rows.GRAPHS if any(what == graph for graph, _ in cells)]
    figure = pyplot.figure(figsize=(10, 8), dpi=110, facecolor="white", layout="constrained")
    grid = figure.add_gridspec(2, len(graphs), height_ratios=(1, 1.3))
    for column, what in enumerate(graphs):
        bars(figure.add_subplot(grid[0, column]), what, cells)
    scatter(figure.add_subplot(grid[1, :]), cells, simd)
    handles = [Patch(facecolor=COLOURS[n], hatch=HATCHES[n], edgecolor="white", label=NAMES[n])
               for n in NAMES]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    note = "On Plumb's bars: its time over that of the fastest peer in the same run."
    figure.supxlabel(f"{caption(cells, simd)}\n{note}", fontsize=8, color="#444444")
    figure.savefig(path)


def cell_text(cell: dict, peer: str) -> str:
    facts = cell["peers"].get(peer)
    return number(facts["seconds"]["median"]) if facts else ""


PICTURE = (
    "![Bars: the time of each graph in Plumb, OpenVINO, ONNX Runtime and PyTorch. Points: memory "
    "against time](docs/pictures/performance.png)"
)


def tables(simd: str) -> str:
    """Tables in Markdown for one level; a table for which there is no row is left out."""
    cells = rows.peers(simd)
    text = [
        f"Seconds an evaluation, medians. {caption(cells, simd)}", "",
        "| | batch | " + " | ".join(rows.PEERS.values())
        + " | Plumb | ratio to the fastest | largest difference |",
        "|---" * (len(rows.PEERS) + 5) + "|",
    ]
    for (what, batch), cell in cells.items():
        times = " | ".join(cell_text(cell, peer) for peer in rows.PEERS)
        worst = max(facts["largest_difference"] for facts in cell["peers"].values())
        text.append(
            f"| {rows.GRAPHS[what]} | {batch} | {times} | {number(mine(cell)['seconds']['median'])} "
            f"| **{ratio(cell):.2f}** | {worst:.0e} |"
        )
    if measured := rows.memory(simd):
        text += ["", "| UNet | batch | seconds | largest resident memory |", "|---|---|---|---|"]
        text += [
            f"| {rows.MODES[row['mode']]} | {row['batch']} | {number(row['seconds']['median'])} | "
            f"{row['peak_memory_bytes'] / 1e6:.0f} MB |" for row in measured
        ]
    lines = []
    if threads := rows.newest("memory.jsonl", "threads", simd):
        lines.append(f"{threads['threads']} threads are {threads['speedup']:.2f} × as fast as one.")
    if start := rows.newest("memory.jsonl", "start", simd):
        lines.append(f"From start to the first step, file in the page cache: {start['seconds']:.1f} s.")
    if lines:
        text += ["", " ".join(lines)]
    if row := rows.newest("pipeline.jsonl", "pipeline", simd):
        text += [
            "", f"| one phrase, one picture, {row['steps']} steps, bias merging | seconds | ratio |",
            "|---|---|---|",
            f"| the method in PyTorch, guidance in both passes | {row['reference']['seconds']:.0f} | |",
        ]
        for kind in ("uncached", "cached"):
            text.append(
                f"| `plumb ground`, text pass {'kept' if kind == 'cached' else 'not kept'} | "
                f"{row['plumb'][kind]['seconds']:.0f} | 1/{1 / row[f'ratio_{kind}']:.1f} |"
            )
    return "\n".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--picture", default=str(ROOT / "docs/pictures/performance.png"))
    parser.add_argument("--no-text", action="store_true")
    arguments = parser.parse_args()
    levels = rows.levels()
    if not levels:
        parser.error("tools/bench/results/peers.jsonl has no row; tools/bench/peers --save makes them")
    draw(arguments.picture, rows.peers(levels[0]), levels[0])
    if not arguments.no_text:
        marks.put(ROOT / "README.md", "performance", f"{PICTURE}\n\n{tables(levels[0])}")
        marks.put(ROOT / "docs/performance.md", "performance", "\n\n".join(map(tables, levels[1:])))


if __name__ == "__main__":
    main()
