"""The components of a checkpoint folder in the diffusers layout, and taps on its UNet."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from safetensors.torch import load_file
from transformers import BertConfig, BertModel, BertTokenizerFast, CLIPTextModel, CLIPTokenizer

TOKENS = 77


class TapProcessor:
    """Attention of a UNet block that hands out its probabilities when it attends to the text.

    `record` receives their mean over heads, [batch, tokens, queries].
    """

    def __init__(self, record):
        self.record = record

    def __call__(
        self,
        attn: Attention,
        hidden_states,
        encoder_hidden_states=None,
        attention_mask=None,
        temb=None,
    ):
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        batch, queries, _ = hidden_states.shape
        query, key, value = (
            attn.head_to_batch_dim(x)
            for x in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
        )
        probabilities = attn.get_attention_scores(query, key, attention_mask)
        if encoder_hidden_states is not None:
            self.record(
                probabilities.view(batch, attn.heads, queries, -1).mean(dim=1).transpose(1, 2)
            )
        return attn.to_out[0](attn.batch_to_head_dim(torch.bmm(probabilities, value)))


class Taps:
    """Cross-attention probabilities of the last evaluation, by module path, as they ran."""

    def __init__(self, unet: UNet2DConditionModel):
        self.maps: dict[str, torch.Tensor] = {}
        for path, module in unet.named_modules():
            if path.endswith(("attn1", "attn2")):
                module.set_processor(
                    TapProcessor(lambda map, path=path: self.maps.__setitem__(path, map))
                )

    def take(self) -> dict[str, torch.Tensor]:
        maps, self.maps = self.maps, {}
        return maps


def load_unet(folder: Path) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(
        folder, torch_dtype=torch.float32, low_cpu_mem_usage=False
    ).eval()


def load_vae(folder: Path) -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(
        folder, torch_dtype=torch.float32, low_cpu_mem_usage=False
    ).eval()


def load_bert(folder: Path, attention: str = "eager") -> BertModel:
    """BERT in any of the layouts it is released in, also those that only their own remote code
    would load. `attention` is the implementation that transformers chooses by that name.
    """
    config = BertConfig.from_pretrained(folder)
    path = folder / "model.safetensors"
    state = (
        load_file(path)
        if path.exists()
        else torch.load(folder / "pytorch_model.bin", weights_only=True)
    )
    if any(name.startswith("bert.") for name in state):
        state = {name[5:]: t for name, t in state.items() if name.startswith("bert.")}
    state = {
        name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
            "LayerNorm.beta", "LayerNorm.bias"
        ): t.float()
        for name, t in state.items()
        if not name.startswith("pooler.") and "position_ids" not in name
    }
    config._attn_implementation = attention
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(state)
    return model.eval()


class Models:
    """The components of one checkpoint folder, and the two ways of encoding a phrase (§3)."""

    def __init__(self, folder: Path):
        ema = folder / "unet_ema"
        self.unet = load_unet(ema if ema.is_dir() else folder / "unet")
        self.vae = load_vae(folder / "vae")
        self.scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
        kind = json.loads((folder / "text_encoder" / "config.json").read_text())["model_type"]
        self.is_bert = "bert" in kind
        if self.is_bert:
            self.text_encoder = load_bert(folder / "text_encoder")
            self.tokenizer = BertTokenizerFast.from_pretrained(folder / "tokenizer")
        else:
            self.text_encoder = CLIPTextModel.from_pretrained(
                folder / "text_encoder", attn_implementation="eager", torch_dtype=torch.float32
            ).eval()
            self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        self.map_side = self.unet.config.sample_size
        self.image_side = self.map_side * 2 ** (len(self.vae.config.block_out_channels) - 1)

    def tokens(self, phrase: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, [1, 77] each."""
        found = self.tokenizer(
            [phrase], max_length=TOKENS, padding="max_length", truncation=True, return_tensors="pt"
        )
        return found.input_ids, found.attention_mask

    def encode(self, ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Last hidden state, [1, 77, width]; CLIP goes without a mask either way."""
        if self.is_bert:
            return self.text_encoder(ids, attention_mask=mask).last_hidden_state
        return self.text_encoder(ids).last_hidden_state

    def word_tokens(self, phrase: str) -> list[list[int]]:
        """The positions in the 77 of each blank-separated word's sub-word tokens (§8)."""
        position, found = 1, []
        for word in phrase.split(" "):
            count = len(self.tokenizer([word], add_special_tokens=False).input_ids[0])
            found.append([p for p in range(position, position + count) if p < TOKENS - 1])
            position += count
        return found
