"""Times the whole of grounding, one phrase in one picture: the method in PyTorch against plumb.

    tools/bench/pipeline FOLDER [--steps 4] [--plumb-steps 50] [--of 50] [--threads 2]
        [--low-memory] [--checkpoint DIR] [--save]

The reference does what the method's released code does: text encoder, VAE encoder, then for each of
50 steps of the image pass and of the text pass one UNet evaluation of two items (guidance), each
cross-attention map kept, and a VAE decoding at the end of each pass. Self-attention runs by PyTorch's fused
kernel, cross-attention open, since its probabilities are wanted. It runs --steps steps of each pass,
half before and half after plumb, and their median counts 50 times; loading is not counted.

plumb's time is that of `plumb ground` from start to end, loading included, once with no text pass kept
and once with it kept. --low-memory is passed on to it. With --plumb-steps under 50 its passes are scaled
in the same way. A row says what was scaled; --save appends it to tools/bench/results/pipeline.jsonl.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import graphs  # noqa: F401  (tools/golden on the path)
import machine
from stopped import Stopped

PICTURE = machine.ROOT / "golden/images/radiograph.jpg"
PHRASE = "Large right-sided pneumothorax with mediastinal shift"
GUIDANCE = 16.0


# The reference's side


def serve(arguments) -> None:
    """Answers the lines `encode`, `image N`, `text N`, `decode`, `memory` with seconds in JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    import torch
    from diffusers.models.attention_processor import AttnProcessor2_0

    from components import Models, Taps
    from reference import prepare, read_rgb
    from worker import peak_memory

    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    models = Models(arguments.checkpoint)
    if arguments.variant == "channels_last":
        models.unet.to(memory_format=torch.channels_last)
        models.vae.to(memory_format=torch.channels_last)
    taps = Taps(models.unet)
    for path, module in models.unet.named_modules():
        if path.endswith("attn1"):
            module.set_processor(AttnProcessor2_0())
    state = {"latent": torch.randn(1, models.unet.config.in_channels, *[models.map_side] * 2)}
    models.scheduler.set_timesteps(arguments.of)
    times = models.scheduler.timesteps

    def encode() -> dict:
        begin = time.perf_counter()
        state["text"] = torch.cat(
            [models.encode(models.tokens("")[0], None), models.encode(*models.tokens(PHRASE))]
        )
        middle = time.perf_counter()
        image = prepare(read_rgb(PICTURE), models.image_side)
        state["mean"] = models.vae.encode(image).latent_dist
        return {
            "text_encoder": middle - begin, "vae_encoder": time.perf_counter() - middle,
        }

    def step(index: int, makes_noise: bool) -> float:
        begin, t = time.perf_counter(), times[index % len(times)]
        if makes_noise:
            z = state["mean"].sample() * models.vae.config.scaling_factor
            latent = models.scheduler.add_noise(z, torch.randn_like(z), t[None])
        else:
            latent = state["latent"]
        both = models.unet(
            torch.cat([latent] * 2), t, encoder_hidden_states=state["text"]
        ).sample
        for map in taps.take().values():
            map[1].clone()
        empty, conditional = both.chunk(2)
        noise = empty + GUIDANCE * (conditional - empty)
        state["latent"] = models.scheduler.step(noise, t, latent, eta=0.0).prev_sample
        return time.perf_counter() - begin

    def decode() -> float:
        begin = time.perf_counter()
        models.vae.decode(torch.randn_like(state["latent"]))
        return time.perf_counter() - begin

    print(json.dumps({"version": torch.__version__}), file=answers, flush=True)
    for line in sys.stdin:
        verb, count = line.split()
        if verb in ("image", "text"):
            found = [step(index, verb == "image") for index in range(int(count))]
        else:
            found = {"encode": encode, "decode": decode, "memory": peak_memory}[verb]()
        print(json.dumps(found), file=answers, flush=True)


def reference(arguments, variant: str) -> Stopped:
    return Stopped(
        [sys.executable, __file__, "--serve", "--variant", variant, "--threads",
         str(arguments.threads), "--of", str(arguments.of), "--checkpoint",
         str(arguments.checkpoint), arguments.folder]
    )


def fastest_variant(arguments) -> tuple[str, dict]:
    """The faster of PyTorch's memory layouts, by the third step."""
    found = {}
    for variant in ("plain", "channels_last"):
        process = reference(arguments, variant)
        process.ask("encode", 0)
        found[variant] = process.ask("image", 3)[-1]
        process.end()
        machine.note(f"reference, {variant}: {found[variant]:.2f} s a step of two items")
    return min(found, key=found.get), found


def reference_half(process: Stopped, steps: int, parts: dict) -> None:
    process.ask("encode", 0)
    process.ask("image", 1)
    for name, seconds in process.ask("encode", 0).items():
        parts[name].append(seconds)
    parts["image step"] += process.ask("image", steps)
    parts["text step"] += process.ask("text", steps)
    process.ask("decode", 0)
    parts["vae_decoder"].append(process.ask("decode", 0))


# plumb's side


def ground(arguments, model: Path, cache: Path, out: Path) -> dict:
    """Seconds of `plumb ground`, the passes scaled to all steps, and of its parts as it tells."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [machine.PLUMB, "ground", str(model), "--image", str(PICTURE), "--phrase", PHRASE,
         "-o", str(out), "--steps", str(arguments.plumb_steps), "--cache", str(cache),
         "--threads", str(arguments.threads), *(["--low-memory"] if arguments.low_memory else [])],
        stdout=sys.stderr,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    if status != 0:
        sys.exit(f"{' '.join(process.args)} failed")
    parts = json.loads((out / "result.json").read_text())["seconds"]
    factor = arguments.of / arguments.plumb_steps
    passes = sum(parts.get(name, 0.0) for name in ("image pass", "text pass"))
    return {
        "seconds": wall + passes * (factor - 1), "wall_seconds": wall, "parts": parts,
        "peak_memory_bytes": usage.ru_maxrss * 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--plumb-steps", type=int, default=50)
    parser.add_argument("--of", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--low-memory", action="store_true")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--variant", default="plain", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments)
    folder = Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    arguments.checkpoint = machine.checkpoint_of(folder, arguments.checkpoint)
    model = machine.converted(folder, arguments.checkpoint)
    row = machine.new_row(
        "pipeline", steps=arguments.of, threads=arguments.threads,
        low_memory=arguments.low_memory,
        versions=machine.versions("torch", "diffusers", "transformers"),
        scaled={"reference_steps_run": arguments.steps, "plumb_steps_run": arguments.plumb_steps},
    )
    variant, variants = fastest_variant(arguments)
    names = ("text_encoder", "vae_encoder", "image step", "text step", "vae_decoder")
    parts, half = {name: [] for name in names}, (arguments.steps + 1) // 2
    process = reference(arguments, variant)
    reference_half(process, half, parts)
    with tempfile.TemporaryDirectory() as place:
        runs = {}
        for kind in ("uncached", "cached"):
            runs[kind] = ground(arguments, model, Path(place) / "cache", Path(place) / kind)
            machine.note(f"plumb, text pass {kind}: {runs[kind]['seconds']:.1f} s")
    reference_half(process, half, parts)
    memory = process.ask("memory", 0)
    process.end()
    one = {name: statistics.median(seconds) for name, seconds in parts.items()}
    total = (
        one["text_encoder"] + one["vae_encoder"] + 2 * one["vae_decoder"]
        + arguments.of * (one["image step"] + one["text step"])
    )
    row["reference"] = {
        "seconds": total, "parts": one, "each": parts, "variant": variant,
        "variants_seconds": variants, "peak_memory_bytes": memory,
    }
    row["plumb"] = runs
    row["ratio_cached"] = runs["cached"]["seconds"] / total
    row["ratio_uncached"] = runs["uncached"]["seconds"] / total
    machine.finish_row(row, "pipeline.jsonl", arguments.save)


if __name__ == "__main__":
    main()
