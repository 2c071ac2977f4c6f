"""The three graphs that are measured: how PyTorch has them, their inputs, what plumb calls them."""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "golden"))

import numpy as np

TOKENS = 77


def config(checkpoint: Path, part: str) -> dict:
    return json.loads((checkpoint / part / "config.json").read_text())


class Graph:
    """One of the graphs: `plumb` is its name in a .plumb file, `inputs` are in the order in which
    the exported model takes them.
    """

    plumb = ""
    label = ""

    def __init__(self, checkpoint: Path):
        self.checkpoint = checkpoint

    def inputs(self, batch: int) -> dict[str, np.ndarray]:
        raise NotImplementedError

    def module(self):
        """A torch module that takes the inputs by position and returns one tensor."""
        raise NotImplementedError

    def joined(self, outputs: dict[str, np.ndarray]) -> np.ndarray:
        """plumb's outputs in the form of the module's."""
        return next(iter(outputs.values()))

    def comparable(self, output: np.ndarray) -> np.ndarray:
        """The module's output in the form of plumb's."""
        return output


class UNet(Graph):
    plumb, label = "unet", "UNet"

    def inputs(self, batch):
        about = config(self.checkpoint, "unet")
        side, random = about["sample_size"], np.random.default_rng(7)
        width = about["cross_attention_dim"]
        return {
            "sample": random.standard_normal((batch, about["in_channels"], side, side), np.float32),
            "timestep": np.full((batch,), 501, np.int64),
            "encoder_hidden_states": random.standard_normal((batch, TOKENS, width), np.float32),
        }

    def module(self):
        import torch

        from components import load_unet

        class Plain(torch.nn.Module):
            def __init__(self, unet):
                super().__init__()
                self.unet = unet

            def forward(self, sample, timestep, encoder_hidden_states):
                return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]

        return Plain(load_unet(self.checkpoint / "unet")).eval()


class VAE(Graph):
    plumb, label = "vae_encoder", "VAE encoder"

    def inputs(self, batch):
        side = config(self.checkpoint, "unet")["sample_size"]
        about = config(self.checkpoint, "vae")
        side *= 2 ** (len(about["block_out_channels"]) - 1)
        random = np.random.default_rng(8)
        return {"sample": random.uniform(-1, 1, (batch, 3, side, side)).astype(np.float32)}

    def module(self):
        import torch

        from components import load_vae

        class Plain(torch.nn.Module):
            def __init__(self, vae):
                super().__init__()
                self.encoder, self.quant_conv = vae.encoder, vae.quant_conv

            def forward(self, sample):
                return self.quant_conv(self.encoder(sample))

        return Plain(load_vae(self.checkpoint / "vae")).eval()

    def joined(self, outputs):
        return np.concatenate([outputs["mean"], outputs["logvar"]], axis=1)

    def comparable(self, output):
        mean, logvar = np.split(output, 2, axis=1)
        return np.concatenate([mean, np.clip(logvar, -30, 20)], axis=1)


class BERT(Graph):
    plumb, label = "text_encoder", "BERT, 77 tokens"

    def inputs(self, batch):
        words = config(self.checkpoint, "text_encoder")["vocab_size"]
        ids = np.random.default_rng(9).integers(5, words, (batch, TOKENS), np.int64)
        mask = (np.arange(TOKENS) < np.array([[12 + 8 * i] for i in range(batch)])).astype(np.int64)
        return {"input_ids": ids, "attention_mask": mask}

    def module(self):
        import torch

        from components import load_bert

        class Plain(torch.nn.Module):
            def __init__(self, bert):
                super().__init__()
                self.bert = bert

            def forward(self, input_ids, attention_mask):
                return self.bert(input_ids, attention_mask=attention_mask).last_hidden_state

        return Plain(load_bert(self.checkpoint / "text_encoder", attention="sdpa")).eval()


GRAPHS = {"unet": UNet, "vae": VAE, "bert": BERT}
