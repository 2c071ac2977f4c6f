"""Maps of the contrastive baseline for every pair of a manifest, run by plumb.

For each annotation `plumb run MODEL` is given the picture and the phrase's tokens; OUT/ID.npy is
its map, float32 [16, 16], ID the annotation's number, as `plumb eval --maps` takes them. A map
that exists is left alone, so a killed run goes on.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import text

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "golden" / "phantom" / "contrast.onnx")
    parser.add_argument("--plumb", type=Path, default=ROOT / ".build" / "release" / "plumb")
    args = parser.parse_args()
    tokenizer = text.load_tokenizer(HERE / "state" / "tokenizer")
    manifest = json.loads(args.manifest.read_text())
    files = {image["id"]: image["file_name"] for image in manifest["images"]}
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "in.npz", Path(folder) / "out.npz"
        for pair in manifest["annotations"]:
            path = args.out / f"{pair['id']}.npy"
            if path.exists():
                continue
            with Image.open(args.manifest.parent / files[pair["image_id"]]) as picture:
                pixels = np.asarray(picture.convert("RGB"), np.float32) / 127.5 - 1
            ids, attention = text.encode(tokenizer, [pair["label_text"]])
            image = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
            np.savez(given, image=image, input_ids=ids, attention_mask=attention)
            command = [args.plumb, "run", args.model, "-i", given, "-o", made]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            temporary = path.with_suffix(".new.npy")
            np.save(temporary, np.load(made)["map"][0])
            temporary.rename(path)


if __name__ == "__main__":
    main()
