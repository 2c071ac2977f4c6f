"""The scores of the phantom model and of what it is compared with, as tables in docs/scores.md.

    scores.py FOLDER [--only NAME…] [--tables]

Every run is `plumb eval` on the 300 held-out pairs, masks being the truth, one thread each, as many
at once as there are processors. FOLDER/NAME holds its results; a run that was killed goes on.
When all are there, their means and intervals go to golden/phantom/scores.json, and from there into
docs/scores.md, between the marks of each table. --only makes some runs and no tables; --tables makes
only the tables, from scores.json.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tools"))

import marks

MODEL = ROOT / "golden/phantom/phantom.plumb"
SCORES = ROOT / "golden/phantom/scores.json"
PAGE = ROOT / "docs/scores.md"
PLUMB = os.environ.get("PLUMB", "")

STEPS = (50, 25, 10, 5)
LAYER_STEPS = 5
LAYERS = {
    "down": "down_blocks.1.*",
    "middle": "mid_block.*",
    "up-first": "up_blocks.0.attentions.0.*",
    "up-second": "up_blocks.0.attentions.1.*",
}
SHOWN = ("miou", "box_iou", "cnr", "auc_roc", "pointing")
TITLES = {
    "miou": "mIoU",
    "box_iou": "box IoU",
    "cnr": "CNR",
    "auc_roc": "AUC-ROC",
    "pointing": "pointing",
}


def few(steps):
    """Fewer steps; the last four fifths make the map, as 40 of 50 do by default."""
    return ["--steps", str(steps), "--last", str(steps * 4 // 5)]


def python(script, *arguments):
    subprocess.run([sys.executable, HERE / script, *map(str, arguments)], check=True)


def general_model(folder):
    """The comparison with the domain-agnostic text encoder, converted."""
    path = folder / "general.plumb"
    if not path.exists():
        environment = os.environ | {
            "PLUMB_TRAIN": str(folder / "state"),
            "PLUMB_VENV": str(Path(sys.executable).parents[1]),
        }
        made = folder / "general-checkpoint"
        command = [HERE / "export", "--general", "--out", made]
        subprocess.run(command, check=True, env=environment)
        subprocess.run([PLUMB, "convert", made, "-o", path, "--weights", "f16"], check=True)
    return path


def contrastive_maps(folder, manifest):
    maps = folder / "contrastive-maps"
    python("contrast_maps.py", "--manifest", manifest, "--out", maps, "--plumb", PLUMB)
    return maps


def runs(folder, manifest):
    """Name → what makes the arguments of `plumb eval` beside the manifest; long ones first."""
    made = {"domain-50": lambda: [MODEL]}
    made |= {f"domain-{n}": lambda n=n: [MODEL, *few(n)] for n in STEPS[1:]}
    for name, layers in LAYERS.items():
        made[f"layer-{name}"] = lambda layers=layers: [
            MODEL, *few(LAYER_STEPS), "--no-bbm", "--layers", layers
        ]  # fmt: skip
    made["center"] = lambda: [MODEL, "--baseline", "center"]
    made["uniform"] = lambda: [MODEL, "--baseline", "uniform"]
    made["contrastive"] = lambda: [MODEL, "--maps", contrastive_maps(folder, manifest)]
    made["general-10"] = lambda: [general_model(folder), *few(10)]
    return made


def evaluate(folder, name, arguments, manifest):
    if not (folder / name / "scores.json").exists():
        model, *options = arguments()
        command = [PLUMB, "eval", model, manifest, "-o", folder / name, "--resume"]
        command += [*options, "--threads", "1"]
        if not {"--baseline", "--maps"} & set(options):
            command += ["--cache", folder / "text-passes"]
        subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
    print(name, flush=True)


def boxes(folder):
    lines = (folder / "pairs.jsonl").read_text().splitlines()
    return {p["id"]: p["results"]["bbm"]["box"] for p in map(json.loads, lines) if "results" in p}


def iou(a, b):
    """Of two boxes [x, y, width, height] in pixels; two missing ones agree."""
    if a is None or b is None:
        return float(a is b)
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def summary(folder, names):
    """What the tables need: results by run, and how boxes of fewer steps agree with those of 50."""
    made = {"runs": {}}
    for name in names:
        scores = json.loads((folder / name / "scores.json").read_text())
        results = scores["results"]
        if name != "domain-50":  # the page shows classes of this one alone
            results = {map: {"all": found["all"]} for map, found in results.items()}
        made["runs"][name] = {"settings": scores["run"]["settings"], "results": results}
    full = boxes(folder / "domain-50")
    made["box_agreement_with_50_steps"] = {
        str(n): sum(iou(box, full[i]) for i, box in boxes(folder / f"domain-{n}").items())
        / len(full)
        for n in STEPS
    }
    return made


def cell(score):
    """Mean, and in smaller print the middle 95 % of the bootstrap's means."""
    return f"{score['mean']:.3f} ({score['low']:.3f}–{score['high']:.3f})".replace("-", "−")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def compared(made):
    wanted = [
        ("domain text encoder, 50 steps, merged", "domain-50", "bbm"),
        ("domain text encoder, 50 steps, not merged", "domain-50", "no_bbm"),
        ("domain text encoder, 10 steps, merged", "domain-10", "bbm"),
        ("domain text encoder, 10 steps, not merged", "domain-10", "no_bbm"),
        ("domain-agnostic text encoder, 10 steps, merged", "general-10", "bbm"),
        ("domain-agnostic text encoder, 10 steps, not merged", "general-10", "no_bbm"),
        ("contrastive model", "contrastive", "map"),
        ("a hill in the middle", "center", "map"),
        ("noise", "uniform", "map"),
    ]
    rows = []
    for title, run, map in wanted:
        scores = made["runs"][run]["results"][map]["all"]
        rows.append([title, *(cell(scores[s]) for s in SHOWN)])
    return table(["", *TITLES.values()], rows)


def merging(made):
    rows = []
    for title, run in (
        ("domain, 50 steps", "domain-50"),
        ("domain, 10 steps", "domain-10"),
        ("domain-agnostic, 10 steps", "general-10"),
    ):
        scores = made["runs"][run]["results"]["bbm_less_no_bbm"]["all"]
        rows.append([title, *(cell(scores[s]) for s in SHOWN)])
    return table(["text encoder", *TITLES.values()], rows)


def classes(made):
    found = made["runs"]["domain-50"]["results"]["bbm"]["classes"]
    rows = []
    for entry in found:
        scores = entry["scores"]
        rows.append([entry["category"], str(scores["pairs"]), *(cell(scores[s]) for s in SHOWN)])
    return table(["finding", "pairs", *TITLES.values()], rows)


def steps(made):
    rows = []
    for n in STEPS:
        scores = made["runs"][f"domain-{n}"]["results"]["bbm"]["all"]
        agreement = f"{made['box_agreement_with_50_steps'][str(n)]:.3f}"
        rows.append([str(n), *(cell(scores[s]) for s in SHOWN), agreement])
    return table(["steps", *TITLES.values(), "box IoU with that of 50 steps"], rows)


def layers(made):
    wanted = [("all four", f"domain-{LAYER_STEPS}")]
    wanted += [(f"`{glob}`", f"layer-{name}") for name, glob in LAYERS.items()]
    rows = []
    for title, run in wanted:
        scores = made["runs"][run]["results"]["no_bbm"]["all"]
        rows.append([title, *(cell(scores[s]) for s in SHOWN)])
    return table(["layers", *TITLES.values()], rows)


TABLES = {f.__name__: f for f in (compared, merging, classes, steps, layers)}


def write_page():
    made = json.loads(SCORES.read_text())
    for name, make in TABLES.items():
        marks.put(PAGE, name, make(made))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some runs, no tables")
    parser.add_argument("--tables", action="store_true", help="only the tables")
    args = parser.parse_args()
    if args.tables:
        write_page()
        return
    if args.folder is None:
        parser.error("FOLDER is missing")
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "test/test-300/manifest.json"
    if not manifest.exists():
        python("test_set.py", "--out", folder / "test")
    wanted = runs(folder, manifest)
    if unknown := set(args.only or ()) - set(wanted):
        sys.exit(f"scores: no run is called {', '.join(unknown)}; there are {', '.join(wanted)}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = [
            pool.submit(evaluate, folder, name, arguments, manifest)
            for name, arguments in wanted.items()
            if not args.only or name in args.only
        ]
        for one in done:
            one.result()
    if not args.only:
        SCORES.write_text(json.dumps(summary(folder, wanted), indent=1) + "\n")
        write_page()


if __name__ == "__main__":
    main()
