"""All scores of docs/method.md §10 for maps that lie in files, or for two trivial maps.

    score_maps.py --manifest M --maps DIR        DIR/ID.npy [h, w] for each annotation's number
    score_maps.py --manifest M --trivial centre  a round hill in the middle of the picture
    score_maps.py --manifest M --trivial noise   uniform noise, another for each pair

The arithmetic is tools/golden's (scikit-learn, OpenCV, torch), not the program's: a yardstick for
`plumb eval`. Truth is the filled box, as MS-CXR has it, or with --truth mask the drawn mask.
Intervals: the middle 95 % of 2,000 bootstrap means over pairs.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).resolve().parents[1] / "golden"))

import reference
import scores

NAMES = ("iou", "miou", "box_iou", "box_miou", "cnr", "auc", "pointing", "distance")
SEED = 62


def centre(side=32, width=0.25):
    """Highest in the middle; deviation a quarter of the side."""
    at = (torch.arange(side) + 0.5) / side - 0.5
    return torch.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * width**2))


def noise(number, side=32):
    generator = torch.Generator().manual_seed(SEED * 100000 + number)
    return torch.rand(side, side, generator=generator)


def truth(pair, image, kind):
    """bool [height, width] from the annotation's box or run lengths."""
    shape = (image["height"], image["width"])
    mask = np.zeros(shape, bool)
    if kind == "box":
        x, y, width, height = pair["bbox"]
        mask[y : y + height, x : x + width] = True
        return torch.tensor(mask)
    counts = pair["segmentation"]["counts"]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return torch.tensor(flat.reshape(shape, order="F"))


def score(map, mask):
    """Every score of one map against one mask at the picture's side."""
    map = reference.norm(map)
    if not torch.isfinite(map).all():
        raise SystemExit("a map is flat or not finite: there is nothing to score")
    found = reference.foreground(map, reference.mixture_threshold(map))
    return scores.score(map, reference.without_orphans(found), mask, single=True)


def interval(values):
    rng = np.random.default_rng(SEED)
    means = values[rng.integers(len(values), size=(2000, len(values)))].mean(1)
    return np.percentile(means, (2.5, 97.5))


def table(rows, kinds):
    """Means over all pairs with intervals, then over each kind of finding."""
    values = {n: np.array([row[n] for row in rows]) for n in NAMES}
    print(f"{'':16}" + "".join(f"{n:>11}" for n in NAMES))
    print(f"{f'all ({len(rows)})':16}" + "".join(f"{values[n].mean():11.3f}" for n in NAMES))
    ends = [interval(values[n]) for n in NAMES]
    print(f"{'  from':16}" + "".join(f"{low:11.3f}" for low, _ in ends))
    print(f"{'  to':16}" + "".join(f"{high:11.3f}" for _, high in ends))
    for kind in sorted(set(kinds)):
        chosen = np.array([k == kind for k in kinds])
        means = "".join(f"{values[n][chosen].mean():11.3f}" for n in NAMES)
        print(f"{f'{kind} ({chosen.sum()})':16}" + means)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--manifest", type=Path, required=True)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--maps", type=Path)
    chosen.add_argument("--trivial", choices=("centre", "noise"))
    parser.add_argument("--truth", choices=("box", "mask"), default="box")
    args = parser.parse_args()
    manifest = json.loads(args.manifest.read_text())
    images = {image["id"]: image for image in manifest["images"]}
    names = {category["id"]: category["name"] for category in manifest["categories"]}
    rows, kinds = [], []
    for pair in manifest["annotations"]:
        if args.maps:
            map = torch.tensor(np.load(args.maps / f"{pair['id']}.npy"))
        else:
            map = centre() if args.trivial == "centre" else noise(pair["id"])
        rows.append(score(map, truth(pair, images[pair["image_id"]], args.truth)))
        kinds.append(names[pair["category_id"]])
    table(rows, kinds)


if __name__ == "__main__":
    main()
