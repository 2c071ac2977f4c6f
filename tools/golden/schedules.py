"""Family `schedule`: DDIM of diffusers. Timesteps, products of alphas, noising, whole sampling
loops.

In a loop the model's answer at step i is input.answers[i], so the loop checks the step alone.
"""

import json

import torch
from diffusers import DDIMScheduler

from common import GOLDEN, fresh, normal, save_case

SEED = 41000
SD = dict(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    num_train_timesteps=1000,
    set_alpha_to_one=False,
    steps_offset=1,
    clip_sample=False,
)
CONFIGS = {
    "sd15": SD,
    "linspace": SD | {"timestep_spacing": "linspace", "steps_offset": 0},
    "trailing": SD | {"timestep_spacing": "trailing"},
    "linear": SD
    | {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02, "steps_offset": 0},
    "squared-cosine": SD | {"beta_schedule": "squaredcos_cap_v2"},
    "v-prediction": SD | {"prediction_type": "v_prediction"},
    "sample-prediction": SD | {"prediction_type": "sample"},
    "alpha-one": SD | {"set_alpha_to_one": True, "steps_offset": 0},
    "clipped": SD | {"clip_sample": True, "clip_sample_range": 1.5},
    "short-training": SD | {"num_train_timesteps": 400},
    "trained-betas": {k: v for k, v in SD.items() if k != "num_train_timesteps"}
    | {"trained_betas": [0.001 * (i + 1) for i in range(20)], "num_train_timesteps": 20},
    "zero-snr": SD
    | {
        "rescale_betas_zero_snr": True,
        "timestep_spacing": "trailing",
        "prediction_type": "v_prediction",
    },
    "nothing-said": {},
}
COUNTS = [1, 3, 5, 7, 10, 50]


def runs(config: dict) -> list[int]:
    whole = config.get("num_train_timesteps", 1000)
    return [n for n in COUNTS + [whole] if n <= whole]


def make_case(name: str, config: dict) -> None:
    scheduler = DDIMScheduler.from_config(config)
    tensors = {
        "output.alphas_cumprod": scheduler.alphas_cumprod,
        "output.final_alpha_cumprod": scheduler.final_alpha_cumprod,
        "input.start": normal(SEED, 2, 8),
        "input.noise": normal(SEED + 1, 2, 8),
    }
    looped = []
    for steps in runs(config):
        scheduler.set_timesteps(steps)
        timesteps = scheduler.timesteps
        tensors[f"output.timesteps.{steps}"] = timesteps
        whole = len(scheduler.alphas_cumprod)
        if steps > 50 or int(timesteps.max()) >= whole:
            # Leading spacing with an offset runs past the table when every step is asked for.
            continue
        tensors[f"output.noised.{steps}"] = torch.stack(
            [
                scheduler.add_noise(
                    tensors["input.start"], tensors["input.noise"], t[None].expand(2)
                )
                for t in timesteps
            ]
        )
        answers, latent, path = normal(SEED + 10 + steps, steps, 2, 8), tensors["input.start"], []
        for t, answer in zip(timesteps, answers):
            latent = scheduler.step(answer, t, latent, eta=0.0).prev_sample
            path.append(latent)
        tensors[f"input.answers.{steps}"], tensors[f"output.latents.{steps}"] = (
            answers,
            torch.stack(path),
        )
        looped.append(steps)
    save_case(
        "schedule",
        name,
        script="schedules.py",
        seed=SEED,
        tensors=tensors,
        packages=("torch", "diffusers"),
        config={"scheduler": config, "steps": runs(config), "loops": looped},
        relative=1e-5,
    )


def make() -> None:
    fresh("schedule")
    for name, config in CONFIGS.items():
        make_case(name, config)
    released = json.loads(
        (GOLDEN / "checkpoints/sd1-tiny/scheduler/scheduler_config.json").read_text()
    )
    make_case("pndm-file", {k: v for k, v in released.items()})


if __name__ == "__main__":
    make()
