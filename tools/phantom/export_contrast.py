"""Writes the contrastive baseline, text encoder included, as one ONNX graph of opset 18.

Inputs: `image` f32 [1, 3, 256, 256] in [-1, 1]; `input_ids` and `attention_mask` i64 [1, 77].
Output: `map` f32 [1, 16, 16], the cosine of every patch with the phrase. With --small also the
weights in half precision. Needs tools/onnx/setup --export beside tools/golden/setup.
"""

import argparse
import warnings
from pathlib import Path

import torch

import contrast
import export
import text


class Graph(torch.nn.Module):
    def __init__(self, model, bert):
        super().__init__()
        self.model, self.bert = model, bert

    def forward(self, image, input_ids, attention_mask):
        states = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
        # A token is a word when another one follows it and it is not the first, [CLS].
        follows = attention_mask[:, 2:].float()
        words = torch.nn.functional.pad(follows, (1, 1))
        return self.model.maps(image.mean(1, keepdim=True), states, words)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("out/phantom"))
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file")
    parser.add_argument("--small", type=Path, help="folder for the small state")
    args = parser.parse_args()
    tokenizer, bert = text.load(args.state)
    saved = torch.load(args.state / "contrast" / "model.pt", weights_only=True)
    model = contrast.Model()
    model.load_state_dict(saved["model"])
    graph = Graph(model, bert).eval()
    ids, attention = text.encode(tokenizer, ["small nodule in the right upper zone"])
    image = torch.zeros(1, 3, 256, 256)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (image, ids, attention),
            args.out,
            input_names=["image", "input_ids", "attention_mask"],
            output_names=["map"],
            opset_version=18,
            dynamo=False,
        )
    print(f"step {saved['step']}, {args.out}: {args.out.stat().st_size:,} bytes")
    if args.small:
        args.small.mkdir(parents=True, exist_ok=True)
        kept = {"model": export.half(saved["model"]), "step": saved["step"]}
        torch.save(kept, args.small / "contrast.pt")


if __name__ == "__main__":
    main()
