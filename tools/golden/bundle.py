"""Makes a golden bundle from a checkpoint folder in the diffusers layout: `plumb verify FILE DIR`
runs it.

    tools/golden/bundle CHECKPOINT -o DIR --image IMG --phrase TEXT [--words 0,2] [--steps N]
    [--seed S] …

DIR holds one sub-folder a case, each with case.json and io.safetensors. Cases of kind "graph" are
one evaluation of the graph they name (text_encoder, vae_encoder, unet): inputs "input.*", outputs
and taps "output.*". The case of kind "ground" is the whole run: its config says phrase, words,
steps, seed, guidance and the picture, which is copied beside it.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch

import components
import reference
from common import save_case

PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "scikit-image",
    "scikit-learn",
    "opencv-python-headless",
)


def graph_case(out: Path, name: str, graph: str, tensors: dict, config: dict) -> None:
    save_case(
        "",
        name,
        script="bundle.py",
        seed=config["seed"],
        tensors=tensors,
        packages=PACKAGES,
        where=out,
        config={"kind": "graph", "graph": graph},
        relative=1e-4,
    )


def text_cases(out: Path, models: components.Models, found: dict, config: dict) -> None:
    ids, mask = found["input_ids"], found["attention_mask"]
    given = {"input.input_ids": ids} | ({"input.attention_mask": mask} if models.is_bert else {})
    graph_case(
        out,
        "text_encoder",
        "text_encoder",
        given | {"output.last_hidden_state": found["text"]},
        config,
    )
    # The empty phrase is encoded without a mask, which for BERT is one of all ones.
    given = {"input.input_ids": found["empty_ids"]} | (
        {"input.attention_mask": torch.ones_like(mask)} if models.is_bert else {}
    )
    graph_case(
        out,
        "text_encoder_empty",
        "text_encoder",
        given | {"output.last_hidden_state": found["unconditional"]},
        config,
    )


def unet_case(out: Path, models: components.Models, latent, timestep, text, config: dict) -> None:
    taps = components.Taps(models.unet)
    timestep = timestep.reshape(1)
    sample = models.unet(latent, timestep, encoder_hidden_states=text).sample
    tensors = {
        "input.sample": latent,
        "input.timestep": timestep,
        "input.encoder_hidden_states": text,
        "output.out_sample": sample,
    }
    tensors |= {f"output.{path}.probabilities": map for path, map in taps.take().items()}
    graph_case(out, "unet", "unet", tensors, config)


def ground_tensors(found: dict, steps_kept: list[int]) -> dict:
    """The run's tensors: taps at a few steps as image/<path> and text/<path>, the rest by its own
    name.
    """
    names = [
        "image",
        "input_ids",
        "attention_mask",
        "empty_ids",
        "text",
        "unconditional",
        "latent_mean",
        "latent_logvar",
        "timesteps",
        "tokens",
        "image_latents",
        "text_latents",
        "raw_activation",
        "raw_image_bias",
        "raw_text_bias",
        "raw_merged",
        "activation",
        "image_bias",
        "text_bias",
        "merged",
        "ssim",
        "map",
        "threshold",
        "mask",
        "large_mask",
        "box",
    ]
    tensors = {f"output.{name}": found[name] for name in names}
    for kind in ("image", "text"):
        for path, maps in found[f"{kind}_pass"].taps.items():
            tensors[f"output.{kind}/{path}"] = maps[steps_kept]
    return tensors


def make_bundle(checkpoint: Path, out: Path, image: Path, config: dict) -> dict:
    """Writes the bundle; returns what the run found. `config` has phrase, words (or None for all),
    steps, last, guidance, seed."""
    models = components.Models(checkpoint)
    phrase, words = config["phrase"], config["words"]
    if words is None:
        words = list(range(len(phrase.split(" "))))
    found = reference.ground(
        models,
        reference.read_rgb(image),
        phrase,
        words,
        steps=config["steps"],
        last=config["last"],
        guidance=config["guidance"],
        seed=config["seed"],
    )
    text_cases(out, models, found, config)
    graph_case(
        out,
        "vae_encoder",
        "vae_encoder",
        {
            "input.sample": found["image"],
            "output.mean": found["latent_mean"],
            "output.logvar": found["latent_logvar"],
        },
        config,
    )
    middle = config["steps"] // 2
    unet_case(
        out,
        models,
        found["image_latents"][middle][None],
        found["timesteps"][middle],
        found["text"],
        config,
    )
    kept = sorted({0, middle, config["steps"] - 1})
    folder = save_case(
        "",
        "ground",
        script="bundle.py",
        seed=config["seed"],
        tensors=ground_tensors(found, kept),
        packages=PACKAGES,
        where=out,
        config={"kind": "ground"}
        | config
        | {
            "words": words,
            "image": image.name,
            "tokens": found["tokens"].tolist(),
            "taps": list(found["image_pass"].taps),
            "steps_kept": kept,
        },
        relative=1e-4,
    )
    if image.resolve().parent != folder.resolve():
        shutil.copyfile(image, folder / image.name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bundle", description="Golden bundle from a diffusers folder, for plumb verify."
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", dest="out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--phrase", required=True)
    parser.add_argument("--words", help="indices of the words to keep, such as 0,2,3 (all of them)")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--last", type=int, default=40)
    parser.add_argument("--guidance", type=float, default=16.0)
    parser.add_argument("--seed", type=int, default=4200)
    given = parser.parse_args()
    words = None if given.words is None else [int(word) for word in given.words.split(",")]
    found = make_bundle(
        given.checkpoint,
        given.out,
        given.image,
        {
            "phrase": given.phrase,
            "words": words,
            "steps": given.steps,
            "last": given.last,
            "guidance": given.guidance,
            "seed": given.seed,
        },
    )
    print(
        json.dumps(
            {
                "out": str(given.out),
                "ssim": float(found["ssim"]),
                "threshold": float(found["threshold"]),
                "box": found["box"].tolist(),
            }
        )
    )


if __name__ == "__main__":
    main()
