"""Writes phantoms as files: NAME.png (grey as RGB), NAME.json, NAME.mask-K.png, and coco.json.
Also what every manifest of phantoms is made of.

NAME.json: seed, index, and for each finding its attributes, `box` [x0, y0, x1, y1] in pixels with
exclusive end, `mask` (a 1-bit PNG beside it), and `phrases` that name it. coco.json: one
annotation for each phrase-picture pair in the layout of MS-CXR; README.md lists its fields.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

import phantoms
import sentences

NOTICE = "A drawn phantom. No person was radiographed; not for any medical use."


def image(number, file):
    """A manifest's entry for a picture."""
    return {"id": number, "file_name": file, "width": phantoms.SIDE, "height": phantoms.SIDE}


def runs(mask):
    """COCO's uncompressed run lengths, column by column, the first run outside the mask."""
    flat = mask.ravel(order="F")
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    counts = np.diff(ends, prepend=0).tolist()
    return {"size": list(mask.shape), "counts": [0] * int(flat[0]) + counts}


def annotation(number, picture, finding, text):
    """A manifest's entry for one phrase that names one finding of the picture's."""
    x0, y0, x1, y1 = finding.box
    return {
        "id": number,
        "image_id": picture,
        "category_id": 1 + phantoms.KINDS.index(finding.kind),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": int(finding.mask.sum()),
        "iscrowd": 0,
        "label_text": text,
        "segmentation": runs(finding.mask),
    }


def manifest(images, annotations):
    """The file's text: JSON with one picture or annotation a line."""

    def lines(entries):
        return "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]"

    categories = [{"id": i + 1, "name": kind} for i, kind in enumerate(phantoms.KINDS)]
    return (
        f'{{"info": {json.dumps({"description": NOTICE})},\n"images": {lines(images)},\n'
        f'"categories": {lines(categories)},\n"annotations": {lines(annotations)}}}\n'
    )


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
    return name, made, described


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
        name, made, described = write(args.out, args.seed, index, args.phrases)
        images.append(image(len(images) + 1, f"{name}.png"))
        for finding, record in zip(made.findings, described):
            for text in record["phrases"]:
                entry = annotation(len(annotations) + 1, len(images), finding, text)
                annotations.append(entry | {"mask": record["mask"]})
    (args.out / "coco.json").write_text(manifest(images, annotations))


if __name__ == "__main__":
    main()
