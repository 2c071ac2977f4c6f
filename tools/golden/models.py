"""Family `model`: what PyTorch computes with golden/checkpoints, and the taps inside."""

import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel

from common import GOLDEN, fresh, normal, save_case
from components import TOKENS, Taps, load_bert, load_unet, load_vae

CHECKPOINTS = GOLDEN / "checkpoints"
SEED = 31000
PACKAGES = ("torch", "diffusers", "transformers")


def record(model: torch.nn.Module, paths: list[str]) -> dict[str, torch.Tensor]:
    """A dictionary that the next evaluation fills with what the modules at these paths return."""
    found: dict[str, torch.Tensor] = {}
    for path in paths:
        model.get_submodule(path).register_forward_hook(
            lambda _m, _i, output, path=path: found.__setitem__(
                path, output if torch.is_tensor(output) else output[0]
            )
        )
    return found


def unet_inputs(unet: UNet2DConditionModel, seed: int, batch: int) -> dict[str, torch.Tensor]:
    side, width = unet.config.sample_size, unet.config.cross_attention_dim
    return {
        "sample": normal(seed, batch, unet.config.in_channels, side, side),
        "timestep": torch.tensor([981, 1, 500][:batch]),
        "encoder_hidden_states": normal(seed + 1, batch, TOKENS, width),
    }


def evaluate_unet(
    unet: UNet2DConditionModel, inputs: dict, wanted: list[str], every: int
) -> dict[str, torch.Tensor]:
    """Input and output tensors of one evaluation, with `every` so many-th cross-attention map and
    the wanted modules.
    """
    found, taps = record(unet, wanted), Taps(unet)
    sample = unet(
        inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"], return_dict=False
    )[0]
    return (
        {f"input.{k}": v for k, v in inputs.items()}
        | {"output.out_sample": sample}
        | {f"output.{path}.probabilities": map for path, map in list(taps.take().items())[::every]}
        | {f"output.{path}": value for path, value in found.items()}
    )


def make_unet(
    name: str, folder: str, seed: int, batches: tuple[int, ...], wanted: list[str]
) -> None:
    for batch in batches:
        unet = load_unet(CHECKPOINTS / folder)
        more = (wanted, 1) if batch == 1 else ([], 4)
        tensors = evaluate_unet(unet, unet_inputs(unet, seed + 10 * batch, batch), *more)
        taps = [n[7:-14] for n in tensors if n.endswith(".probabilities")]
        save_case(
            "model",
            f"{name}-b{batch}",
            script="models.py",
            seed=seed + 10 * batch,
            tensors=tensors,
            packages=PACKAGES,
            absolute=0.0,
            relative=1e-4,
            config={"graph": "unet", "checkpoint": f"checkpoints/{folder}", "taps": taps},
        )


def make_vae(name: str, folder: str, seed: int, side: int, batches: tuple[int, ...]) -> None:
    vae = load_vae(CHECKPOINTS / folder)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    for batch in batches:
        image = normal(seed + batch, batch, 3, side, side).clamp(-1, 1)
        found = record(
            vae, ["encoder.conv_in", "encoder.down_blocks.0", "encoder.mid_block.attentions.0"]
        )
        distribution = vae.encode(image).latent_dist
        tensors = {
            "input.sample": image,
            "output.mean": distribution.mean,
            "output.logvar": distribution.logvar,
        }
        tensors |= (
            {f"output.{path}": value for path, value in found.items()}
            if batch == 1 and side <= 48
            else {}
        )
        config = {"checkpoint": f"checkpoints/{folder}"}
        save_case(
            "model",
            f"{name}-encoder-b{batch}",
            script="models.py",
            seed=seed + batch,
            tensors=tensors,
            packages=PACKAGES,
            relative=1e-4,
            config=config | {"graph": "vae_encoder"},
        )
    latent = normal(seed, 1, 4, side // factor, side // factor)
    save_case(
        "model",
        f"{name}-decoder-b1",
        script="models.py",
        seed=seed,
        packages=PACKAGES,
        relative=1e-4,
        tensors={"input.latent": latent, "output.image": vae.decode(latent, return_dict=False)[0]},
        config=config | {"graph": "vae_decoder"},
    )


def token_ids(
    seed: int, batch: int, vocabulary: int, lengths: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random ids with the [CLS] … [SEP] [PAD]… outline and their mask, [batch, 77]."""
    source = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, vocabulary, (batch, TOKENS), generator=source)
    mask = torch.zeros(batch, TOKENS, dtype=torch.int64)
    for row, length in enumerate(lengths[:batch]):
        ids[row, 0], ids[row, length - 1], ids[row, length:] = 2, 3, 0
        mask[row, :length] = 1
    return ids, mask


def make_bert(folder: str, seed: int) -> None:
    bert = load_bert(CHECKPOINTS / folder)
    for batch, masked in ((1, True), (3, True), (1, False)):
        ids, mask = token_ids(seed + batch, batch, bert.config.vocab_size, [9, 77, 2])
        found = record(bert, ["embeddings", "encoder.layer.0.attention.self", "encoder.layer.0"])
        given = {"input.input_ids": ids} | ({"input.attention_mask": mask} if masked else {})
        state = bert(ids, attention_mask=mask if masked else None).last_hidden_state
        tensors = given | {"output.last_hidden_state": state}
        tensors |= (
            {f"output.{path}": value for path, value in found.items()}
            if batch == 1 and masked
            else {}
        )
        name = f"{folder.split('/')[0]}-text-b{batch}" + ("" if masked else "-nomask")
        save_case(
            "model",
            name,
            script="models.py",
            seed=seed + batch,
            tensors=tensors,
            packages=PACKAGES,
            relative=1e-4,
            config={"graph": "text_encoder", "checkpoint": f"checkpoints/{folder}", "mask": masked},
        )


def make_clip(folder: str, seed: int) -> None:
    clip = CLIPTextModel.from_pretrained(CHECKPOINTS / folder, attn_implementation="eager").eval()
    end = clip.config.eos_token_id
    for batch in (1, 3):
        ids, mask = token_ids(seed + batch, batch, end - 1, [9, 77, 2])
        ids[:, 0] = end - 1
        ids = torch.where(mask.cumsum(1) == mask.sum(1, keepdim=True), torch.tensor(end), ids)
        state = clip(ids).last_hidden_state
        save_case(
            "model",
            f"{folder.split('/')[0]}-text-b{batch}",
            script="models.py",
            seed=seed + batch,
            tensors={"input.input_ids": ids, "output.last_hidden_state": state},
            packages=PACKAGES,
            relative=1e-4,
            config={"graph": "text_encoder", "checkpoint": f"checkpoints/{folder}"},
        )


SD_MODULES = [
    "conv_in",
    "time_embedding",
    "down_blocks.0.resnets.0",
    "down_blocks.0.attentions.0",
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1",
    "down_blocks.1.attentions.0.transformer_blocks.0.ff",
    "mid_block.attentions.0",
    "mid_block",
    "up_blocks.1.resnets.2",
    "up_blocks.1.upsamplers.0",
]
ODD_MODULES = [
    "conv_in",
    "time_embedding",
    "down_blocks.0.downsamplers.0",
    "down_blocks.1.attentions.0",
    "mid_block",
    "up_blocks.0.upsamplers.0",
    "up_blocks.1.upsamplers.0",
]


def make() -> None:
    fresh("model")
    make_unet("sd1-unet", "sd1-tiny/unet", SEED, (1, 3), SD_MODULES)
    make_unet("sd2-unet", "sd2-tiny/unet", SEED + 100, (1, 3), SD_MODULES)
    make_unet("odd-unet", "unet-odd-sharded", SEED + 200, (1, 3), ODD_MODULES)
    make_unet("ema-unet", "unet-ema/unet_ema", SEED + 300, (1,), [])
    make_unet("f16-unet", "unet-f16", SEED + 400, (1,), [])
    make_vae("sd1-vae", "sd1-tiny/vae", SEED + 500, 128, (1,))
    make_vae("sd2-vae", "sd2-tiny/vae", SEED + 600, 48, (1, 3))
    make_vae("bf16-vae", "vae-bf16", SEED + 700, 26, (1,))
    for i, folder in enumerate(
        ["sd1-tiny/text_encoder", "bert-noprefix", "bert-safetensors", "bert-deflated"]
    ):
        make_bert(folder, SEED + 800 + 10 * i)
    make_clip("sd2-tiny/text_encoder", SEED + 900)
    make_clip("clip-quick", SEED + 910)


if __name__ == "__main__":
    make()
