"""Family `random`: what torch draws on a CPU. In a case one generator draws several times."""

import torch

from common import fresh, generator, save_case

# Draws in a row from one generator. Below 16 elements torch takes another path, which keeps half of
# a pair.
SEQUENCES = {
    "aligned": [16, 32, 1024],
    "ragged": [17, 31, 33, 100],
    "scalar": [1, 1, 2, 3, 5, 15],
    "scalar-odd": [3, 3, 7, 2],
    "mixed": [3, 16, 3, 20, 1, 48],
    "latent": [1024, 1024, 1024],
}
SEEDS = [0, 1, 4200, 2**31 - 1, 2**32 - 1, 2**32 + 5, 2**63 - 1, -1]


def make() -> None:
    fresh("random")
    for seed in SEEDS:
        tensors = {}
        for name, counts in SEQUENCES.items():
            source = generator(seed)
            for index, count in enumerate(counts):
                tensors[f"output.normal.{name}.{index}"] = torch.randn(count, generator=source)
        source = generator(seed)
        tensors["output.uniform"] = torch.rand(700, generator=source)
        tensors["output.then_normal"] = torch.randn(16, generator=source)
        config = {"seed": str(seed), "sequences": SEQUENCES, "uniform": 700, "then_normal": 16}
        save_case(
            "random",
            f"seed{seed}",
            script="noise.py",
            seed=seed,
            tensors=tensors,
            config=config,
            absolute=2e-6,
        )
    tensors = {
        "output.first": torch.randn(1, 4, 64, 64, generator=(source := generator(4200))),
        "output.second": torch.randn(1, 4, 64, 64, generator=source),
    }
    save_case(
        "random",
        "sd-latent",
        script="noise.py",
        seed=4200,
        tensors=tensors,
        absolute=2e-6,
        config={"seed": "4200", "shape": [1, 4, 64, 64]},
    )


if __name__ == "__main__":
    make()
