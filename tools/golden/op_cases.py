"""How the makers of family `op` draw inputs and write cases."""

import torch

from common import normal, save_case

SEED = 61000


class Cases:
    """Draws inputs one after another and writes cases."""

    def __init__(self):
        self.seed = SEED

    def draw(self, *shape: int) -> torch.Tensor:
        self.seed += 1
        return normal(self.seed, *shape)

    def save(
        self, name: str, config: dict, inputs: dict, outputs: dict, relative: float = 1e-5
    ) -> None:
        """Outputs in double become f32; integers and booleans stay."""
        made = {
            f"output.{k}": v.float() if v.is_floating_point() else v for k, v in outputs.items()
        }
        packages = ("torch", "diffusers") if config["op"] == "timestepEmbedding" else ("torch",)
        save_case(
            "op",
            name,
            script="ops.py",
            seed=self.seed,
            tensors={f"input.{k}": v for k, v in inputs.items()} | made,
            packages=packages,
            config=config,
            absolute=1e-7,
            relative=relative,
        )
