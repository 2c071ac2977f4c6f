"""Family `maps`: norm, 8-bit maps, biases, similarity and BBM with the released code's rounding to
f16.
"""

import torch

from common import fresh, save_case
from fields import attention, field
from reference import merge, norm, u8

SEED = 43000
# steps, layers, tokens in the tensor, side, kept tokens, last steps
CASES = {
    "small": (6, 3, 5, 16, [1, 3, 4], 40),
    "long": (45, 2, 3, 8, [1, 2], 40),
    "one-token": (4, 4, 2, 16, [1], 2),
    "full-side": (2, 2, 3, 64, [1, 2], 1),
    "odd-side": (5, 1, 4, 11, [3, 1], 3),
}


def save(
    name: str, a1: torch.Tensor, a2: torch.Tensor, kept: list[int], last: int, seed: int
) -> None:
    found = merge(a1, a2, kept, last)
    tensors = {"input.a1": a1, "input.a2": a2} | {
        f"output.{key}": value for key, value in found.items()
    }
    save_case(
        "maps",
        name,
        script="maps.py",
        seed=seed,
        tensors=tensors,
        packages=("torch", "scikit-image"),
        config={"kept": kept, "last": last},
        absolute=3e-3,
    )


def make() -> None:
    fresh("maps")
    for index, (name, (steps, layers, tokens, side, kept, last)) in enumerate(CASES.items()):
        seed = SEED + 100 * index
        save(
            name,
            attention(seed, steps, layers, tokens, side),
            attention(seed + 40, steps, layers, tokens, side),
            kept,
            last,
            seed,
        )
    # Biases that agree (similarity near 1) and that oppose each other (clamped at 0).
    a1 = attention(SEED + 900, 4, 2, 3, 16)
    save("alike", a1, a1[:, :, [1, 0, 0]].clone(), [1, 2], 40, SEED + 900)
    save(
        "related",
        a1,
        0.6 * a1[:, :, [1, 0, 0]] + 0.4 * attention(SEED + 920, 4, 2, 3, 16),
        [1, 2],
        40,
        SEED + 900,
    )
    opposed = a1.amax() - a1[:, :, [1, 0, 0]]
    save("opposed", a1, opposed, [1, 2], 40, SEED + 900)
    # Rounding alone, where float16 bites: wide ranges, tiny ranges, negative values, ties.
    fields = {
        "plain": field(SEED + 950, 20, 20),
        "wide": field(SEED + 951, 20, 20) * 5000,
        "tiny": field(SEED + 952, 20, 20) * 1e-6,
        "offset": field(SEED + 953, 20, 20) * 0.01 + 7,
        "subnormal": field(SEED + 954, 20, 20) * 3e-8,
        "steps": torch.arange(400.0).view(20, 20) // 7,
    }
    tensors = {f"input.{name}": value for name, value in fields.items()}
    tensors |= {f"output.norm.{name}": norm(value) for name, value in fields.items()}
    tensors |= {f"output.u8.{name}": u8(value) for name, value in fields.items()}
    save_case("maps", "rounding", script="maps.py", seed=SEED + 950, tensors=tensors)


if __name__ == "__main__":
    make()
