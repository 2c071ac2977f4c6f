"""Family `maskbox`: foreground, orphan filter, enlargement, box."""

import torch

from common import fresh, normal, save_case
from fields import field
from reference import box, enlarged, foreground, large_mask, norm, without_orphans

SEED = 45000


def make() -> None:
    fresh("maskbox")
    cases = {
        "sd": (norm(field(SEED, 64, 64, rough=12)), 0.6, 512),
        "small": (norm(field(SEED + 1, 16, 16)), 0.55, 128),
        "speckled": (norm(normal(SEED + 2, 16, 16)), 0.6, 128),
        "factor-4": (norm(field(SEED + 3, 12, 12)), 0.7, 48),
        "not-whole": (norm(field(SEED + 4, 10, 10)), 0.5, 64),
        "all": (norm(field(SEED + 5, 16, 16)), -1.0, 128),
        "none": (norm(field(SEED + 6, 16, 16)), 2.0, 128),
        "edges": (torch.zeros(16, 16), 0.5, 128),
        "filtered-away": (torch.zeros(16, 16), 0.5, 128),
        "same-size": (norm(field(SEED + 7, 20, 20)), 0.5, 20),
    }
    cases["edges"][0][0, :3] = cases["edges"][0][5:9, 15] = 1
    cases["filtered-away"][0][4, 4] = cases["filtered-away"][0][8:10, 8:10] = 1
    # A threshold between two f16 values: the comparison rounds it to one of them.
    map = norm(field(SEED + 8, 16, 16))
    cases["tie"] = (map, float(map.flatten()[100]) + 1e-5, 128)
    for name, (map, threshold, side) in cases.items():
        first = foreground(map, threshold)
        second = without_orphans(first)
        large = large_mask(second, side)
        tensors = {
            "input.map": map,
            "input.threshold": torch.tensor(threshold, dtype=torch.float64),
            "output.foreground": first,
            "output.mask": second,
            "output.large_mask": large,
            "output.box": torch.tensor(box(large) or (), dtype=torch.int64),
        }
        if side < 512:
            tensors["output.large_map"] = enlarged(map, side)
        save_case(
            "maskbox",
            name,
            script="maskbox.py",
            seed=SEED,
            tensors=tensors,
            packages=("torch", "opencv-python-headless"),
            config={"side": side},
            absolute=1e-6,
        )


if __name__ == "__main__":
    make()
