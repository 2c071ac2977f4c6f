"""A pipeline of full Stable Diffusion 1.5 size with random weights, and PyTorch's answers.

    tools/golden/fullsize FOLDER      (about 4.2 GB on disk, 9 GB of memory)

FOLDER/checkpoint is what a released model looks like: unet/, vae/ and scheduler/ by diffusers,
text_encoder/ as CXR-BERT's pytorch_model.bin, tokenizer/ a small WordPiece vocabulary.
FOLDER/golden is a bundle of graph cases: the UNet once at [1, 4, 64, 64] with all 16
cross-attention maps, the VAE encoder at 512, BERT once.
"""

import gc
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import BertConfig

import tiny_models
import vocabularies
from common import normal, randomise, save_case
from components import TOKENS, Taps, load_bert
from reference import prepare, read_rgb

SEED = 71000


def save(out: Path, graph: str, seed: int, tensors: dict) -> None:
    save_case(
        "",
        graph,
        script="fullsize.py",
        seed=seed,
        where=out / "golden",
        packages=("torch", "diffusers", "transformers"),
        config={"kind": "graph", "graph": graph},
        tensors=tensors,
        relative=1e-3,
    )


def make_unet(out: Path) -> None:
    """Stable Diffusion 1.5's configuration: 859.5 M parameters."""
    unet = randomise(
        UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8), SEED
    )
    unet.save_pretrained(out / "checkpoint/unet")
    tiny_models.keep_config_keys(
        out / "checkpoint/unet/config.json", tiny_models.SD1_UNET_KEYS, "0.6.0"
    )
    taps = Taps(unet)
    latent, text, timestep = (
        normal(SEED + 1, 1, 4, 64, 64),
        normal(SEED + 2, 1, TOKENS, 768),
        torch.tensor([481]),
    )
    sample = unet(latent, timestep, encoder_hidden_states=text).sample
    tensors = {
        "input.sample": latent,
        "input.timestep": timestep,
        "input.encoder_hidden_states": text,
        "output.out_sample": sample,
    }
    tensors |= {f"output.{path}.probabilities": map for path, map in taps.take().items()}
    save(out, "unet", SEED, tensors)


def make_vae(out: Path, picture: Path) -> None:
    vae = randomise(
        AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            layers_per_block=2,
            block_out_channels=(128, 256, 512, 512),
            latent_channels=4,
            norm_num_groups=32,
            sample_size=512,
        ),
        SEED + 10,
    )
    vae.save_pretrained(out / "checkpoint/vae")
    tiny_models.rename_attention_to_old(out / "checkpoint/vae")
    tiny_models.keep_config_keys(
        out / "checkpoint/vae/config.json", tiny_models.SD1_VAE_KEYS, "0.6.0"
    )
    image = prepare(read_rgb(picture), 512)
    found = vae.encode(image).latent_dist
    save(
        out,
        "vae_encoder",
        SEED + 10,
        {"input.sample": image, "output.mean": found.mean, "output.logvar": found.logvar},
    )


def make_text(out: Path) -> None:
    """BERT-base with the small vocabulary's tokens; the rest of the 30,522 are never asked for."""
    folder = out / "checkpoint/text_encoder"
    config = BertConfig(vocab_size=30522)
    tiny_models.save_cxr_bert(
        tiny_models.cxr_bert(config, SEED + 20, projection=128), folder, projection=128
    )
    vocabularies.write_word_piece(out / "checkpoint/tokenizer", with_tokenizer_json=True)
    ids = torch.randint(
        5, tiny_models.WORDS, (1, TOKENS), generator=torch.Generator().manual_seed(SEED + 21)
    )
    mask = (torch.arange(TOKENS) < 12).long()[None]
    state = load_bert(folder)(ids, attention_mask=mask).last_hidden_state
    save(
        out,
        "text_encoder",
        SEED + 20,
        {"input.input_ids": ids, "input.attention_mask": mask, "output.last_hidden_state": state},
    )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("fullsize: one argument, the folder to write to")
    out = Path(sys.argv[1])
    torch.set_num_threads(2)
    for part in (
        lambda: make_text(out),
        lambda: make_vae(out, Path(__file__).parents[2] / "golden/images/radiograph.jpg"),
        lambda: make_unet(out),
    ):
        part()
        gc.collect()
    DDIMScheduler(**tiny_models.SD_SCHEDULE, clip_sample=False).save_pretrained(
        out / "checkpoint/scheduler"
    )
    tiny_models.write_json(
        out / "checkpoint/model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.6.0",
            "feature_extractor": [None, None],
            "safety_checker": [None, None],
            "scheduler": ["diffusers", "DDIMScheduler"],
            "text_encoder": ["transformers", "BertModel"],
            "tokenizer": ["transformers", "BertTokenizerFast"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )
    print(out)


if __name__ == "__main__":
    main()
