"""The UNet of the phantom model and its cross-attention taps."""

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0

SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "prediction_type": "epsilon",
}


def new_model():
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 96),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=128,
        attention_head_dim=2,
        norm_num_groups=16,
    )


def sharpen(model, factor=2.0):
    """Larger initial queries and keys: cross-attention starts out uneven and learns sooner."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "attn2.to_q" in name or "attn2.to_k" in name:
                parameter.mul_(factor)


def scheduler():
    return DDIMScheduler(**SCHEDULE)


class Tap:
    """An attention processor that keeps softmax(QK^T / sqrt(d)), averaged over heads."""

    def __init__(self):
        self.maps = None  # [batch, queries, tokens]

    def __call__(
        self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None
    ):
        b, n, _ = hidden_states.shape
        text = encoder_hidden_states

        def heads(x):
            return x.view(b, -1, attn.heads, x.shape[-1] // attn.heads).transpose(1, 2)

        q, k, v = heads(attn.to_q(hidden_states)), heads(attn.to_k(text)), heads(attn.to_v(text))
        p = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
        self.maps = p.mean(1)
        out = (p @ v).transpose(1, 2).reshape(b, n, -1)
        return attn.to_out[1](attn.to_out[0](out))


def tapped(model):
    """Puts taps on every cross-attention layer; (names, taps) in the order in which they run."""
    order = {"down": 0, "mid_": 1, "up_b": 2}
    names = sorted(
        (n for n in model.attn_processors if ".attn2." in n), key=lambda n: (order[n[:4]], n)
    )
    taps = {n: Tap() for n in names}
    model.set_attn_processor(
        {n: taps[n] if n in taps else AttnProcessor2_0() for n in model.attn_processors}
    )
    return names, [taps[n] for n in names]
