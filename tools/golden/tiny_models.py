"""Builders of random models, and savers that give their files the dress of older releases."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BertConfig, BertModel, CLIPTextConfig, CLIPTextModel
from transformers.models.bert.modeling_bert import BertOnlyMLMHead

import vocabularies
from common import randomise

SEED = 20240
WORDS = len(vocabularies.word_piece())
PAIRS = len(vocabularies.byte_pairs()[0])
SD_SCHEDULE = dict(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    num_train_timesteps=1000,
    set_alpha_to_one=False,
    steps_offset=1,
)
CROSS_DOWN, DOWN, CROSS_UP, UP = (
    "CrossAttnDownBlock2D",
    "DownBlock2D",
    "CrossAttnUpBlock2D",
    "UpBlock2D",
)
OLD_ATTENTION_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def unet(seed: int, sharp: float = 1.2, **more) -> UNet2DConditionModel:
    """A UNet with Stable Diffusion's arrangement of blocks: all levels but the lowest attend to the
    text.
    """
    levels = len(more["block_out_channels"])
    more = (
        dict(
            in_channels=4,
            out_channels=4,
            layers_per_block=2,
            norm_num_groups=4,
            down_block_types=[CROSS_DOWN] * (levels - 1) + [DOWN],
            up_block_types=[UP] + [CROSS_UP] * (levels - 1),
        )
        | more
    )
    return randomise(UNet2DConditionModel(**more), seed, sharp)


# The seeds and sharpness of the two pipelines' UNets were looked for: their maps spread over
# several hundred f16 steps and the biases of the two passes are alike enough for BBM to have work
# to do.
def sd1_unet(seed: int = SEED + 136) -> UNet2DConditionModel:
    return unet(
        seed,
        2.0,
        sample_size=16,
        block_out_channels=(12, 20, 28, 28),
        attention_head_dim=2,
        cross_attention_dim=24,
    )


def sd2_unet(seed: int = SEED + 126) -> UNet2DConditionModel:
    return unet(
        seed,
        1.4,
        sample_size=12,
        block_out_channels=(8, 20, 28, 28),
        attention_head_dim=[2, 4, 7, 7],
        cross_attention_dim=20,
        use_linear_projection=True,
    )


def odd_unet(seed: int = SEED + 21) -> UNet2DConditionModel:
    """Channels leave remainders to every tile, heads are 9, 14 and 19 wide; side 10 goes to 5, then
    to 3.
    """
    return unet(
        seed,
        sample_size=10,
        block_out_channels=(18, 28, 38),
        attention_head_dim=2,
        cross_attention_dim=24,
        layers_per_block=1,
        norm_num_groups=2,
    )


def small_unet(seed: int) -> UNet2DConditionModel:
    """One head, one group, 9 channels below."""
    return unet(
        seed,
        sample_size=8,
        block_out_channels=(6, 9),
        attention_head_dim=1,
        cross_attention_dim=24,
        layers_per_block=1,
        norm_num_groups=1,
    )


def vae(seed: int, channels: tuple[int, ...], size: int, layers: int = 2) -> AutoencoderKL:
    return randomise(
        AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * len(channels),
            up_block_types=["UpDecoderBlock2D"] * len(channels),
            block_out_channels=channels,
            layers_per_block=layers,
            latent_channels=4,
            norm_num_groups=4,
            sample_size=size,
        ),
        seed,
    )


def bert_config(**more) -> BertConfig:
    return BertConfig(
        **(
            dict(
                vocab_size=WORDS,
                hidden_size=24,
                num_hidden_layers=3,
                num_attention_heads=4,
                intermediate_size=52,
                max_position_embeddings=96,
            )
            | more
        )
    )


class CxrBert(nn.Module):
    """Names and shapes of CXR-BERT's file: `bert.` without a pooler, a word-prediction head tied to
    the embeddings, and a projection head; grounding uses the first alone."""

    def __init__(self, config: BertConfig, projection: int):
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = nn.ModuleDict({"predictions": BertOnlyMLMHead(config).predictions})
        self.cls["predictions"].decoder.weight = self.bert.embeddings.word_embeddings.weight
        self.cls_projection_head = nn.ModuleDict(
            {
                "dense_to_hidden": nn.Linear(config.hidden_size, projection),
                "LayerNorm": nn.LayerNorm(projection, eps=1e-12),
                "dense_to_output": nn.Linear(projection, projection),
            }
        )


def cxr_bert(config: BertConfig, seed: int, projection: int = 16) -> CxrBert:
    return randomise(CxrBert(config, projection), seed)


def save_cxr_bert(model: CxrBert, folder: Path, projection: int = 16) -> None:
    """Writes config.json (model_type cxr-bert) and pytorch_model.bin, the layout of CXR-BERT's
    release.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    positions = model.bert.config.max_position_embeddings
    state["bert.embeddings.position_ids"] = torch.arange(positions).unsqueeze(0)
    torch.save(state, folder / "pytorch_model.bin")
    config = model.bert.config.to_diff_dict() | {
        "architectures": ["CXRBertModel"],
        "model_type": "cxr-bert",
        "projection_size": projection,
        "auto_map": {
            "AutoConfig": "configuration_cxrbert.CXRBertConfig",
            "AutoModel": "modeling_cxrbert.CXRBertModel",
        },
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "position_embedding_type": "absolute",
        "type_vocab_size": 2,
    }
    for key in (
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "pad_token_id",
    ):
        config[key] = getattr(model.bert.config, key)
    write_json(folder / "config.json", config)


def bert(config: BertConfig, seed: int) -> BertModel:
    return randomise(BertModel(config), seed)


def clip_text(seed: int, act: str, **more) -> CLIPTextModel:
    return randomise(
        CLIPTextModel(
            CLIPTextConfig(
                **(
                    dict(
                        vocab_size=PAIRS,
                        hidden_size=20,
                        intermediate_size=44,
                        num_hidden_layers=3,
                        num_attention_heads=4,
                        max_position_embeddings=77,
                        hidden_act=act,
                        bos_token_id=PAIRS - 2,
                        eos_token_id=PAIRS - 1,
                        pad_token_id=1,
                        projection_dim=12,
                    )
                    | more
                )
            )
        ),
        seed,
    )


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(dict(sorted(value.items())), indent=2) + "\n", encoding="utf-8")


def rename_attention_to_old(folder: Path) -> None:
    """Gives a VAE's file the attention names that Stable Diffusion 1.x was released with."""
    path = folder / "diffusion_pytorch_model.safetensors"
    renamed = {}
    for name, tensor in load_file(path).items():
        if ".attentions.0." in name:
            for new, old in OLD_ATTENTION_NAMES.items():
                name = name.replace(f".attentions.0.{new}.", f".attentions.0.{old}.")
        renamed[name] = tensor
    save_file(renamed, path, metadata={"format": "pt"})


def keep_config_keys(path: Path, keys: list[str], version: str) -> None:
    """Cuts a config to the keys that files of an old diffusers have."""
    old = json.loads(path.read_text())
    write_json(path, {k: old[k] for k in ["_class_name", *keys]} | {"_diffusers_version": version})


SD1_VAE_KEYS = [
    "act_fn",
    "block_out_channels",
    "down_block_types",
    "in_channels",
    "latent_channels",
    "layers_per_block",
    "norm_num_groups",
    "out_channels",
    "sample_size",
    "up_block_types",
]
SD1_UNET_KEYS = [
    "act_fn",
    "attention_head_dim",
    "block_out_channels",
    "center_input_sample",
    "cross_attention_dim",
    "down_block_types",
    "downsample_padding",
    "flip_sin_to_cos",
    "freq_shift",
    "in_channels",
    "layers_per_block",
    "mid_block_scale_factor",
    "norm_eps",
    "norm_num_groups",
    "out_channels",
    "sample_size",
    "up_block_types",
]
