"""golden/checkpoints: tiny random models and pipelines in the layouts that diffusers and
transformers write.
"""

import json
import shutil
import zipfile
from pathlib import Path

import torch
from diffusers import DDIMScheduler, PNDMScheduler, StableDiffusionPipeline
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTokenizer

import vocabularies
from common import contiguous, fresh, normal
from tiny_models import (
    SD1_UNET_KEYS,
    SD1_VAE_KEYS,
    SD_SCHEDULE,
    SEED,
    bert,
    bert_config,
    clip_text,
    cxr_bert,
    keep_config_keys,
    odd_unet,
    rename_attention_to_old,
    save_cxr_bert,
    sd1_unet,
    sd2_unet,
    small_unet,
    vae,
    write_json,
)


def make_sd1() -> None:
    """Stable Diffusion 1.x with CXR-BERT: PNDM schedule file, old VAE names and config, .bin text
    encoder.
    """
    folder = fresh("checkpoints", "sd1-tiny")
    sd1_unet().save_pretrained(folder / "unet")
    vae(SEED + 2, (8, 12, 16, 16), 128).save_pretrained(folder / "vae")
    rename_attention_to_old(folder / "vae")
    keep_config_keys(folder / "vae" / "config.json", SD1_VAE_KEYS, "0.6.0")
    save_cxr_bert(cxr_bert(bert_config(), SEED + 3), folder / "text_encoder")
    vocabularies.write_word_piece(folder / "tokenizer", with_tokenizer_json=True, limit=None)
    PNDMScheduler(**SD_SCHEDULE, skip_prk_steps=True).save_pretrained(folder / "scheduler")
    # The PNDM file of Stable Diffusion 1.5 also says clip_sample, which PNDM ignores and DDIM
    # reads.
    path = folder / "scheduler" / "scheduler_config.json"
    keep_config_keys(path, [*SD_SCHEDULE, "skip_prk_steps", "trained_betas"], "0.6.0")
    write_json(path, json.loads(path.read_text()) | {"clip_sample": False})
    write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.6.0",
            "feature_extractor": [None, None],
            "safety_checker": [None, None],
            "requires_safety_checker": False,
            "scheduler": ["diffusers", "PNDMScheduler"],
            "text_encoder": ["transformers", "BertModel"],
            "tokenizer": ["transformers", "BertTokenizerFast"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )


def make_sd2() -> None:
    """Stable Diffusion 2.x: all of it saved by StableDiffusionPipeline.save_pretrained."""
    folder = fresh("checkpoints", "sd2-tiny")
    staging = fresh("checkpoints", "staging")
    vocabularies.write_byte_pairs(staging, pad="!")
    pipeline = StableDiffusionPipeline(
        unet=sd2_unet(),
        vae=vae(SEED + 12, (8, 12, 20), 48, layers=1),
        text_encoder=clip_text(SEED + 13, "gelu"),
        tokenizer=CLIPTokenizer.from_pretrained(staging),
        scheduler=DDIMScheduler(**SD_SCHEDULE, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    shutil.rmtree(staging)


def make_unets() -> None:
    """An odd-sized UNet in shards with an old config; unet_ema beside unet; half-precision."""
    folder = fresh("checkpoints", "unet-odd-sharded")
    odd_unet().save_pretrained(folder, max_shard_size="600KB")
    keep_config_keys(folder / "config.json", SD1_UNET_KEYS, "0.6.0")
    folder = fresh("checkpoints", "unet-ema")
    small_unet(SEED + 31).save_pretrained(folder / "unet")
    small_unet(SEED + 32).save_pretrained(folder / "unet_ema")
    small_unet(SEED + 33).half().save_pretrained(fresh("checkpoints", "unet-f16"))
    vae(SEED + 34, (8, 12), 32, layers=1).bfloat16().save_pretrained(
        fresh("checkpoints", "vae-bf16")
    )


def make_text_encoders() -> None:
    """BERT otherwise dressed: no prefix, gamma/beta, safetensors, a deflated zip; SD 1.x's CLIP."""
    folder = fresh("checkpoints", "bert-noprefix")
    model = bert(bert_config(num_hidden_layers=2, num_attention_heads=3), SEED + 41)
    state = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in model.state_dict().items()
    }
    torch.save(state, folder / "pytorch_model.bin")
    model.config.save_pretrained(folder)
    vocabularies.write_word_piece(folder, with_tokenizer_json=False)

    folder = fresh("checkpoints", "bert-safetensors")
    bert(
        bert_config(hidden_size=30, num_attention_heads=5, intermediate_size=37), SEED + 42
    ).save_pretrained(folder)
    vocabularies.write_word_piece(folder, with_tokenizer_json=True)
    (folder / "vocab.txt").unlink()  # tokenizer.json alone

    folder = fresh("checkpoints", "bert-deflated")
    save_cxr_bert(cxr_bert(bert_config(num_hidden_layers=1), SEED + 43), folder)
    deflate(folder / "pytorch_model.bin")
    vocabularies.write_word_piece(folder, with_tokenizer_json=True)

    folder = fresh("checkpoints", "clip-quick")
    clip_text(
        SEED + 44, "quick_gelu", hidden_size=24, num_attention_heads=3, num_hidden_layers=2
    ).save_pretrained(folder)
    vocabularies.write_byte_pairs(folder, pad="<|endoftext|>", with_tokenizer_json=True)


def deflate(path: Path) -> None:
    """Writes the zip anew with compressed entries."""
    with zipfile.ZipFile(path) as old:
        entries = [(e.filename, old.read(e)) for e in old.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in entries:
            new.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def make_loose() -> None:
    """One .pt with every element type and kind of view, nested, and the same tensors as
    safetensors.
    """
    folder = fresh("checkpoints", "loose")
    base = normal(SEED + 51, 6, 7)
    types = {
        "f64": torch.float64,
        "f32": torch.float32,
        "f16": torch.float16,
        "bf16": torch.bfloat16,
    }
    whole = {
        "i8": torch.int8,
        "i16": torch.int16,
        "i32": torch.int32,
        "i64": torch.int64,
        "u8": torch.uint8,
    }
    tensors = {name: (base * 3).to(kind) for name, kind in types.items()}
    tensors |= {name: (base * 30).abs().to(kind) for name, kind in whole.items()}
    tensors |= {
        "bool": base > 0,
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 4),
        "one": torch.ones(1),
        "transposed": base.t(),
        "slice": base[2:5, 1:6:2],
        "column": base[:, 3],
        "flat_tail": base.flatten()[11:],
        "broadcast": base[0].expand(3, 7),
        "permuted": normal(SEED + 52, 2, 3, 4).permute(2, 0, 1),
    }
    state = {
        "state_dict": {"float": {k: v for k, v in tensors.items() if k in types}},
        "rest": {k: v for k, v in tensors.items() if k not in types},
        "parameter": nn.Parameter(base[1].clone()),
        "list": [base[4], (base[5], None)],
        "epoch": 3,
        "big": 2**70,
        "rate": 1e-4,
        "name": "naïve",
        "flags": [True, False, None],
        "empty": {},
    }
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
