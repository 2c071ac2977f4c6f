"""Family `scores`: agreement of a map and its mask with ground-truth boxes, by scikit-learn and
torch.
"""

import math

import torch
from sklearn.metrics import jaccard_score, roc_auc_score

from common import fresh, save_case
from fields import field
from reference import box, enlarged, foreground, large_mask, norm, without_orphans

SEED = 46000


def filled(bounds: tuple[int, int, int, int], side: int) -> torch.Tensor:
    """The box as the released code fills it: last row and column left out."""
    x0, y0, x1, y1 = bounds
    mask = torch.zeros(side, side, dtype=torch.bool)
    mask[y0:y1, x0:x1] = True
    return mask


def jaccard(truth: torch.Tensor, mask: torch.Tensor) -> float:
    return float(jaccard_score(truth.flatten().numpy(), mask.flatten().numpy(), zero_division=0))


def score(
    map: torch.Tensor, mask: torch.Tensor, truth: torch.Tensor, single: bool
) -> dict[str, float]:
    """Every score of §10; `mask` is at the map's side, `truth` at the picture's. No distance unless
    `single`.
    """
    side = truth.shape[0]
    if not mask.any():
        return dict.fromkeys(
            ("iou", "miou", "box_iou", "box_miou", "cnr", "auc", "pointing", "distance"), 0.0
        )
    large, p = large_mask(mask, side), enlarged(norm(map), side)
    bounds = box(large)
    rectangle = filled(bounds, side)
    inside, outside = p[truth], p[~truth]
    distance = {}
    if single:
        x0, y0, x1, y1 = box(truth)
        distance["distance"] = math.hypot(
            x0 + (x1 - x0) / 2 - bounds[0] - (bounds[2] - bounds[0]) / 2,
            y0 + (y1 - y0) / 2 - bounds[1] - (bounds[3] - bounds[1]) / 2,
        )
    return {
        "iou": jaccard(truth, large),
        "miou": (jaccard(truth, large) + jaccard(~truth, ~large)) / 2,
        "box_iou": jaccard(truth, rectangle),
        "box_miou": (jaccard(truth, rectangle) + jaccard(~truth, ~rectangle)) / 2,
        "cnr": float((inside.mean() - outside.mean()) / torch.sqrt(inside.var() + outside.var())),
        "auc": float(roc_auc_score(truth.flatten().numpy(), p.flatten().numpy())),
        "pointing": float(truth.flatten()[p.argmax()]),
    } | distance


def make() -> None:
    fresh("scores")
    # Ground-truth boxes as [x, y, width, height], filled whole.
    cases = {
        "sd": (norm(field(SEED, 64, 64, rough=12)), 0.6, 512, [[100, 150, 180, 120]]),
        "two-boxes": (
            norm(field(SEED + 1, 16, 16)),
            0.6,
            128,
            [[10, 20, 40, 30], [70, 60, 30, 50]],
        ),
        "overlapping": (
            norm(field(SEED + 2, 16, 16)),
            0.5,
            128,
            [[10, 20, 60, 60], [40, 40, 50, 50]],
        ),
        "disjoint": (norm(field(SEED + 3, 16, 16)), 0.9, 128, [[0, 0, 9, 7]]),
        "empty-mask": (norm(field(SEED + 4, 16, 16)), 1.5, 128, [[10, 20, 40, 30]]),
        "corner": (norm(field(SEED + 5, 12, 12)), 0.6, 48, [[38, 40, 10, 8]]),
        "ties": (norm((field(SEED + 6, 16, 16) * 3).round()), 0.5, 128, [[30, 30, 60, 40]]),
        "one-pixel": (norm(field(SEED + 7, 16, 16)), 0.6, 128, [[64, 64, 1, 1], [3, 3, 2, 1]]),
        "thin-mask": (torch.zeros(16, 16, dtype=torch.float16), 0.5, 16, [[2, 0, 6, 4]]),
    }
    cases["thin-mask"][0][0, 3:9] = 1
    for name, (map, threshold, side, boxes) in cases.items():
        truth = torch.zeros(side, side, dtype=torch.bool)
        for x, y, width, height in boxes:
            truth[y : y + height, x : x + width] = True
        mask = without_orphans(foreground(map, threshold))
        found = score(map, mask, truth, single=len(boxes) == 1)
        tensors = {"input.map": map, "input.mask": mask, "input.truth": truth}
        tensors |= {
            f"output.{key}": torch.tensor(value, dtype=torch.float64)
            for key, value in found.items()
        }
        save_case(
            "scores",
            name,
            script="scores.py",
            seed=SEED,
            tensors=tensors,
            packages=("torch", "scikit-learn"),
            config={"boxes": boxes, "side": side},
            absolute=1e-5,
        )


if __name__ == "__main__":
    make()
