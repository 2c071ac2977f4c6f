"""Writes phantoms as files: NAME.png (grey as RGB), NAME.json, NAME.mask-K.png, and coco.json.

NAME.json: seed, index, and for each finding its attributes, `box` [x0, y0, x1, y1] in pixels with
exclusive end, `mask` (a 1-bit PNG beside it), and `phrases` that name it. coco.json: one
annotation for each phrase-picture pair in the layout of MS-CXR (bbox [x, y, width, height],
label_text, category_id).
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

import phantoms
import sentences

NOTICE = "A drawn phantom. No person was radiographed; not for any medical use."


def write(folder, seed, index, phrases):
    name = f"phantom-{seed}-{index:04}"
    made = phantoms.make(seed, index)
    Image.fromarray(np.repeat(made.picture[..., None], 3, -1)).save(
        folder / f"{name}.png", optimize=True
    )
    rng = np.random.default_rng([seed, index, 1])
    described = []
    for k, finding in enumerate(made.findings):
        mask = f"{name}.mask-{k}.png"
        Image.fromarray(finding.mask).convert("1").save(folder / mask, optimize=True)
        texts = []
        while len(texts) < min(phrases, 4 if finding.kind == "cardiomegaly" else phrases):
            text = sentences.phrase(rng, finding.attributes())
            if text not in texts:
                texts.append(text)
        described.append(
            finding.attributes() | {"box": finding.box, "mask": mask, "phrases": texts}
        )
    record = {"notice": NOTICE, "seed": seed, "index": index, "findings": described}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n")
    return name, described


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--indices", type=int, nargs="*", help="these instead of 0 ... count-1")
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--phrases", type=int, default=3, help="for each finding")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for index in args.indices or range(args.count):
        name, described = write(args.out, args.seed, index, args.phrases)
        image = len(images) + 1
        side = phantoms.SIDE
        images.append({"id": image, "file_name": f"{name}.png", "width": side, "height": side})
        for finding in described:
            x0, y0, x1, y1 = finding["box"]
            for text in finding["phrases"]:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image,
                        "category_id": 1 + phantoms.KINDS.index(finding["kind"]),
                        "bbox": [x0, y0, x1 - x0, y1 - y0],
                        "area": (x1 - x0) * (y1 - y0),
                        "iscrowd": 0,
                        "label_text": text,
                        "mask": finding["mask"],
                    }
                )
    categories = [{"id": i + 1, "name": kind} for i, kind in enumerate(phantoms.KINDS)]
    whole = {
        "info": {"description": NOTICE},
        "images": images,
        "categories": categories,
        "annotations": annotations,
    }
    (args.out / "coco.json").write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    main()
