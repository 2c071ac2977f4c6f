"""The AutoencoderKL of the phantom model.

Its encoder is set, not trained: the four leading principal components of 8 x 8 blocks, computed by
the network's own strided convolutions (two orthonormal Haar stages, then the components). The last
GroupNorm sees each component as a pair (z, -z), so it divides by the component's root mean square
over the picture, and silu(a) - silu(-a) = a makes the way to the latents linear. So a latent cell
depends on its own 8 x 8 pixels alone. The residual blocks and the attention of the encoder have
zero output weights. The log-variance is constant. The decoder is trained on pictures.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

import phantoms

BLOCK = 8
LATENTS = 4
LOG_VARIANCE = -6.0
HAAR = 0.5 * np.array(
    [[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]]
)


def new_model():
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 16, 16, 16),
        layers_per_block=1,
        latent_channels=LATENTS,
        norm_num_groups=8,
        sample_size=256,
        scaling_factor=1.0,
    )


def blocks(pictures):
    """uint8 [n, 256, 256] -> float32 [n, 32, 32, 64], values in [-1, 1]."""
    n, h, w = pictures.shape
    x = pictures.astype(np.float32) / 127.5 - 1
    x = x.reshape(n, h // BLOCK, BLOCK, w // BLOCK, BLOCK).transpose(0, 1, 3, 2, 4)
    return x.reshape(n, h // BLOCK, w // BLOCK, BLOCK * BLOCK)


def components(pictures):
    """Mean block [64] and leading components [4, 64], signs fixed."""
    x = blocks(pictures).reshape(-1, BLOCK * BLOCK).astype(np.float64)
    mean = x.mean(0)
    _, vectors = np.linalg.eigh(np.cov((x - mean).T))
    leading = vectors[:, ::-1].T[:LATENTS]
    signs = np.sign(leading[np.arange(LATENTS), np.abs(leading).argmax(1)])
    return mean, leading * signs[:, None]


def latents(pictures, mean, leading):
    """What the encoder's mean is, by one matrix product: float32 [n, 4, 32, 32]."""
    z = (blocks(pictures) - mean.astype(np.float32)) @ leading.T.astype(np.float32)
    z = z / np.sqrt((z * z).mean((1, 2), keepdims=True) + 1e-6)
    return np.ascontiguousarray(z.transpose(0, 3, 1, 2))


@torch.no_grad()
def set_encoder(model, mean, leading):
    encoder = model.encoder

    def zero(conv):
        conv.weight.zero_()
        conv.bias.zero_()

    zero(encoder.conv_in)
    encoder.conv_in.weight[0, :, 1, 1] = 1 / 3
    for block in list(encoder.down_blocks) + [encoder.mid_block]:
        for resnet in block.resnets:
            zero(resnet.conv2)
            if resnet.conv_shortcut is not None:
                zero(resnet.conv_shortcut)
                for c in range(resnet.conv_shortcut.in_channels):
                    resnet.conv_shortcut.weight[c, c, 0, 0] = 1
    zero(encoder.mid_block.attentions[0].to_out[0])
    haar = torch.tensor(HAAR, dtype=torch.float32)
    first, second, third = (encoder.down_blocks[k].downsamplers[0].conv for k in range(3))
    for conv in (first, second, third):
        zero(conv)
    for a in range(4):
        first.weight[a, 0, :2, :2] = haar[a]
        for b in range(4):
            second.weight[4 * a + b, a, :2, :2] = haar[b]
    # Components in the basis that two Haar stages give: index (a, b) of a 4 x 4 block.
    grid = leading.reshape(LATENTS, 2, 2, 2, 2, 2, 2)  # rows, columns split as 4 x 2 x 1 pixels
    grid = grid.transpose(0, 1, 4, 2, 5, 3, 6)
    basis = np.einsum("aij,bpq,kuvpqij->kabuv", HAAR, HAAR, grid)
    for k in range(LATENTS):
        weight = torch.tensor(basis[k].reshape(16, 2, 2), dtype=torch.float32)
        offset = float(leading[k] @ mean)
        for sign, channel in ((1, 2 * k), (-1, 2 * k + 1)):
            third.weight[channel, :, :2, :2] = sign * weight
            third.bias[channel] = -sign * offset
    zero(encoder.conv_out)
    for k in range(LATENTS):
        encoder.conv_out.weight[k, 2 * k, 1, 1] = 1
        encoder.conv_out.weight[k, 2 * k + 1, 1, 1] = -1
        encoder.conv_out.bias[LATENTS + k] = LOG_VARIANCE
    zero(model.quant_conv)
    for c in range(2 * LATENTS):
        model.quant_conv.weight[c, c, 0, 0] = 1
    zero(model.post_quant_conv)
    for c in range(LATENTS):
        model.post_quant_conv.weight[c, c, 0, 0] = 1


def train_decoder(model, pictures, folder, steps, batch=4, rate=2e-3):
    """Mean absolute error of the decoded latents; the encoder stays as it is."""
    path = folder / "decoder.pt"
    parameters = list(model.decoder.parameters())
    optimizer = torch.optim.AdamW(parameters, rate, betas=(0.9, 0.99))
    begin = 0
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.decoder.load_state_dict(state["decoder"])
        if "optimizer" in state:
            optimizer.load_state_dict(state["optimizer"])
        begin = state["step"]
    rng = np.random.default_rng([7, begin])
    for step in range(begin, steps):
        for group in optimizer.param_groups:
            group["lr"] = (
                rate * min(1, (step + 1) / 30) * 0.5 * (1 + math.cos(math.pi * step / steps))
            )
        x = (
            torch.tensor(pictures[rng.integers(len(pictures), size=batch)])[:, None].float() / 127.5
            - 1
        )
        with torch.no_grad():
            z = model.encode(x.expand(-1, 3, -1, -1)).latent_dist.sample()
        loss = (model.decode(z).sample - x).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 24 or step + 1 == steps:
            torch.save(
                {
                    "decoder": model.decoder.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step + 1,
                },
                path,
            )
            print(
                time.strftime("%H:%M:%S"),
                "decoder step",
                step + 1,
                f"loss {loss.item():.4f}",
                flush=True,
            )


def load_pictures(state, split, shards):
    found = sorted((state / "phantoms" / split).glob("[0-9][0-9][0-9][0-9].npz"))[:shards]
    return np.concatenate([np.load(p)["pictures"] for p in found])


def check(model, mean, leading):
    """The encoder must be the block transform that the UNet's training data come from."""
    pictures = np.stack([phantoms.make(1, i).picture for i in range(3)])
    x = torch.tensor(pictures)[:, None].float().expand(-1, 3, -1, -1) / 127.5 - 1
    with torch.no_grad():
        got = model.encode(x).latent_dist.mean.numpy()
    error = np.abs(got - latents(pictures, mean, leading)).max()
    if not error < 1e-3:
        raise SystemExit(f"the encoder is not the block transform: largest difference {error}")
    print(f"the encoder equals the block transform within {error:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--decoder-steps", type=int, default=0, help="train the decoder so far")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(11)
    folder = args.state / "vae"
    folder.mkdir(parents=True, exist_ok=True)
    path, decoder = folder / "components.npz", folder / "decoder.pt"
    if not path.exists():
        mean, leading = components(load_pictures(args.state, "train", 2))
        np.savez(path, mean=mean, leading=leading)
    saved = np.load(path)
    mean, leading = saved["mean"], saved["leading"]
    model = new_model()
    set_encoder(model, mean, leading)
    check(model, mean, leading)
    if decoder.exists():
        model.decoder.load_state_dict(torch.load(decoder, weights_only=True)["decoder"])
    if args.decoder_steps:
        train_decoder(model, load_pictures(args.state, "train", 2), folder, args.decoder_steps)
    model.save_pretrained(folder / "model")


if __name__ == "__main__":
    main()
