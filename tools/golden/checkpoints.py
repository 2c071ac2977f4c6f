"""golden/checkpoints: tiny random models and pipelines in the layouts that diffusers and transformers write."""

import json
import shutil
import zipfile
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import BertConfig, BertModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.models.bert.modeling_bert import BertOnlyMLMHead

import vocabularies
from common import GOLDEN, contiguous, fresh, normal, randomise

SEED = 20240
WORDS = len(vocabularies.word_piece())
PAIRS = len(vocabularies.byte_pairs()[0])
SD_SCHEDULE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
                   set_alpha_to_one=False, steps_offset=1)
CROSS_DOWN, DOWN, CROSS_UP, UP = "CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"
OLD_ATTENTION_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def unet(seed: int, sharp: float = 1.2, **more) -> UNet2DConditionModel:
    """A UNet with Stable Diffusion's arrangement of blocks: all levels but the lowest attend to the text."""
    levels = len(more["block_out_channels"])
    more = dict(in_channels=4, out_channels=4, layers_per_block=2, norm_num_groups=4,
                down_block_types=[CROSS_DOWN] * (levels - 1) + [DOWN],
                up_block_types=[UP] + [CROSS_UP] * (levels - 1)) | more
    return randomise(UNet2DConditionModel(**more), seed, sharp)


# The seeds and sharpness of the two pipelines' UNets were looked for: their maps spread over several
# hundred f16 steps and the biases of the two passes are alike enough for BBM to have work to do.
def sd1_unet(seed: int = SEED + 136) -> UNet2DConditionModel:
    return unet(seed, 2.0, sample_size=16, block_out_channels=(12, 20, 28, 28), attention_head_dim=2, cross_attention_dim=24)


def sd2_unet(seed: int = SEED + 126) -> UNet2DConditionModel:
    return unet(seed, 1.4, sample_size=12, block_out_channels=(8, 20, 28, 28), attention_head_dim=[2, 4, 7, 7],
                cross_attention_dim=20, use_linear_projection=True)


def odd_unet(seed: int = SEED + 21) -> UNet2DConditionModel:
    """Channels leave remainders to every tile, heads are 9, 14 and 19 wide; side 10 goes to 5, then to 3."""
    return unet(seed, sample_size=10, block_out_channels=(18, 28, 38), attention_head_dim=2, cross_attention_dim=24,
                layers_per_block=1, norm_num_groups=2)


def small_unet(seed: int) -> UNet2DConditionModel:
    """One head, one group, 9 channels below."""
    return unet(seed, sample_size=8, block_out_channels=(6, 9), attention_head_dim=1, cross_attention_dim=24,
                layers_per_block=1, norm_num_groups=1)


def vae(seed: int, channels: tuple[int, ...], size: int, layers: int = 2) -> AutoencoderKL:
    return randomise(AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * len(channels), up_block_types=["UpDecoderBlock2D"] * len(channels),
        block_out_channels=channels, layers_per_block=layers, latent_channels=4, norm_num_groups=4, sample_size=size), seed)


def bert_config(**more) -> BertConfig:
    return BertConfig(**(dict(vocab_size=WORDS, hidden_size=24, num_hidden_layers=3, num_attention_heads=4,
                              intermediate_size=52, max_position_embeddings=96) | more))


class CxrBert(nn.Module):
    """Names and shapes of CXR-BERT's file: `bert.` without a pooler, a word-prediction head tied to the
    embeddings, and a projection head; grounding uses the first alone."""

    def __init__(self, config: BertConfig, projection: int):
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = nn.ModuleDict({"predictions": BertOnlyMLMHead(config).predictions})
        self.cls["predictions"].decoder.weight = self.bert.embeddings.word_embeddings.weight
        self.cls_projection_head = nn.ModuleDict({
            "dense_to_hidden": nn.Linear(config.hidden_size, projection),
            "LayerNorm": nn.LayerNorm(projection, eps=1e-12),
            "dense_to_output": nn.Linear(projection, projection)})


def cxr_bert(config: BertConfig, seed: int, projection: int = 16) -> CxrBert:
    return randomise(CxrBert(config, projection), seed)


def save_cxr_bert(model: CxrBert, folder: Path, projection: int = 16) -> None:
    """Writes config.json (model_type cxr-bert) and pytorch_model.bin, the layout of CXR-BERT's release."""
    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    positions = model.bert.config.max_position_embeddings
    state["bert.embeddings.position_ids"] = torch.arange(positions).unsqueeze(0)
    torch.save(state, folder / "pytorch_model.bin")
    config = model.bert.config.to_diff_dict() | {
        "architectures": ["CXRBertModel"], "model_type": "cxr-bert", "projection_size": projection,
        "auto_map": {"AutoConfig": "configuration_cxrbert.CXRBertConfig", "AutoModel": "modeling_cxrbert.CXRBertModel"},
        "hidden_act": "gelu", "layer_norm_eps": 1e-12, "position_embedding_type": "absolute", "type_vocab_size": 2}
    for key in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                "max_position_embeddings", "pad_token_id"):
        config[key] = getattr(model.bert.config, key)
    write_json(folder / "config.json", config)


def bert(config: BertConfig, seed: int) -> BertModel:
    return randomise(BertModel(config), seed)


def clip_text(seed: int, act: str, **more) -> CLIPTextModel:
    return randomise(CLIPTextModel(CLIPTextConfig(**(dict(
        vocab_size=PAIRS, hidden_size=20, intermediate_size=44, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=77, hidden_act=act, bos_token_id=PAIRS - 2, eos_token_id=PAIRS - 1,
        pad_token_id=1, projection_dim=12) | more))), seed)


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


SD1_VAE_KEYS = ["act_fn", "block_out_channels", "down_block_types", "in_channels", "latent_channels",
                "layers_per_block", "norm_num_groups", "out_channels", "sample_size", "up_block_types"]
SD1_UNET_KEYS = ["act_fn", "attention_head_dim", "block_out_channels", "center_input_sample", "cross_attention_dim",
                 "down_block_types", "downsample_padding", "flip_sin_to_cos", "freq_shift", "in_channels",
                 "layers_per_block", "mid_block_scale_factor", "norm_eps", "norm_num_groups", "out_channels",
                 "sample_size", "up_block_types"]


def make_sd1() -> None:
    """Stable Diffusion 1.x with CXR-BERT: PNDM schedule file, old VAE names and config, .bin text encoder."""
    folder = fresh("checkpoints", "sd1-tiny")
    sd1_unet().save_pretrained(folder / "unet")
    vae(SEED + 2, (8, 12, 16, 16), 128).save_pretrained(folder / "vae")
    rename_attention_to_old(folder / "vae")
    keep_config_keys(folder / "vae" / "config.json", SD1_VAE_KEYS, "0.6.0")
    save_cxr_bert(cxr_bert(bert_config(), SEED + 3), folder / "text_encoder")
    vocabularies.write_word_piece(folder / "tokenizer", with_tokenizer_json=True, limit=None)
    PNDMScheduler(**SD_SCHEDULE, skip_prk_steps=True).save_pretrained(folder / "scheduler")
    # The PNDM file of Stable Diffusion 1.5 also says clip_sample, which PNDM ignores and DDIM reads.
    path = folder / "scheduler" / "scheduler_config.json"
    keep_config_keys(path, [*SD_SCHEDULE, "skip_prk_steps", "trained_betas"], "0.6.0")
    write_json(path, json.loads(path.read_text()) | {"clip_sample": False})
    write_json(folder / "model_index.json", {
        "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0", "feature_extractor": [None, None],
        "safety_checker": [None, None], "requires_safety_checker": False, "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "BertModel"], "tokenizer": ["transformers", "BertTokenizerFast"],
        "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]})


def make_sd2() -> None:
    """Stable Diffusion 2.x: all of it saved by StableDiffusionPipeline.save_pretrained."""
    folder = fresh("checkpoints", "sd2-tiny")
    staging = fresh("checkpoints", "staging")
    vocabularies.write_byte_pairs(staging, pad="!")
    pipeline = StableDiffusionPipeline(
        unet=sd2_unet(), vae=vae(SEED + 12, (8, 12, 20), 48, layers=1),
        text_encoder=clip_text(SEED + 13, "gelu"), tokenizer=CLIPTokenizer.from_pretrained(staging),
        scheduler=DDIMScheduler(**SD_SCHEDULE, clip_sample=False), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    pipeline.save_pretrained(folder, safe_serialization=True)
    shutil.rmtree(staging)


def make_unets() -> None:
    """An odd-sized UNet in shards with an old config; unet_ema beside unet; half-precision files."""
    folder = fresh("checkpoints", "unet-odd-sharded")
    odd_unet().save_pretrained(folder, max_shard_size="600KB")
    keep_config_keys(folder / "config.json", SD1_UNET_KEYS, "0.6.0")
    folder = fresh("checkpoints", "unet-ema")
    small_unet(SEED + 31).save_pretrained(folder / "unet")
    small_unet(SEED + 32).save_pretrained(folder / "unet_ema")
    small_unet(SEED + 33).half().save_pretrained(fresh("checkpoints", "unet-f16"))
    vae(SEED + 34, (8, 12), 32, layers=1).bfloat16().save_pretrained(fresh("checkpoints", "vae-bf16"))


def make_text_encoders() -> None:
    """BERT in other dress: no prefix and gamma/beta, safetensors, a deflated zip; CLIP of SD 1.x."""
    folder = fresh("checkpoints", "bert-noprefix")
    model = bert(bert_config(num_hidden_layers=2, num_attention_heads=3), SEED + 41)
    state = {name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
             for name, tensor in model.state_dict().items()}
    torch.save(state, folder / "pytorch_model.bin")
    model.config.save_pretrained(folder)
    vocabularies.write_word_piece(folder, with_tokenizer_json=False)

    folder = fresh("checkpoints", "bert-safetensors")
    bert(bert_config(hidden_size=30, num_attention_heads=5, intermediate_size=37), SEED + 42).save_pretrained(folder)
    vocabularies.write_word_piece(folder, with_tokenizer_json=True)
    (folder / "vocab.txt").unlink()  # tokenizer.json alone

    folder = fresh("checkpoints", "bert-deflated")
    save_cxr_bert(cxr_bert(bert_config(num_hidden_layers=1), SEED + 43), folder)
    deflate(folder / "pytorch_model.bin")
    vocabularies.write_word_piece(folder, with_tokenizer_json=True)

    folder = fresh("checkpoints", "clip-quick")
    clip_text(SEED + 44, "quick_gelu", hidden_size=24, num_attention_heads=3, num_hidden_layers=2).save_pretrained(folder)
    vocabularies.write_byte_pairs(folder, pad="<|endoftext|>", with_tokenizer_json=True)


def deflate(path: Path) -> None:
    """Writes the zip anew with compressed entries."""
    with zipfile.ZipFile(path) as old:
        entries = [(e.filename, old.read(e)) for e in old.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in entries:
            new.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def make_loose() -> None:
    """One .pt with every element type and kind of view, nested, and the same tensors as safetensors."""
    folder = fresh("checkpoints", "loose")
    base = normal(SEED + 51, 6, 7)
    types = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
    whole = {"i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64, "u8": torch.uint8}
    tensors = {name: (base * 3).to(kind) for name, kind in types.items()}
    tensors |= {name: (base * 30).abs().to(kind) for name, kind in whole.items()}
    tensors |= {"bool": base > 0, "scalar": torch.tensor(1.5), "empty": torch.zeros(0, 4), "one": torch.ones(1),
                "transposed": base.t(), "slice": base[2:5, 1:6:2], "column": base[:, 3], "flat_tail": base.flatten()[11:],
                "broadcast": base[0].expand(3, 7), "permuted": normal(SEED + 52, 2, 3, 4).permute(2, 0, 1)}
    state = {"state_dict": {"float": {k: v for k, v in tensors.items() if k in types}},
             "rest": {k: v for k, v in tensors.items() if k not in types},
             "parameter": nn.Parameter(base[1].clone()), "list": [base[4], (base[5], None)],
             "epoch": 3, "big": 2**70, "rate": 1e-4, "name": "naïve", "flags": [True, False, None], "empty": {}}
    torch.save(state, folder / "tensors.pt")
    names = {f"state_dict.float.{k}" if k in types else f"rest.{k}": v for k, v in tensors.items()}
    names |= {"parameter": base[1], "list.0": base[4], "list.1.0": base[5]}
    save_file(contiguous(names), folder / "tensors.safetensors")


def make() -> None:
    make_sd1()
    make_sd2()
    make_unets()
    make_text_encoders()
    make_loose()


if __name__ == "__main__":
    make()
