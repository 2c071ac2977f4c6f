"""Writes the held-out pairs that scores are made of: 300, and the first 30 of them for CI.

OUT/test-300 and OUT/test-30: NAME.png (grey, 256 x 256) and manifest.json in the layout of MS-CXR,
one pair of picture and phrase for each picture. A pair is a function of (seed 3, index) alone;
phantoms without a finding are passed over; of several findings one is drawn by lot. README.md
lists the manifest's fields. --check compares with the committed digests and writes nothing.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

import phantoms
import pictures
import sentences

SEED = 3
COUNTS = (300, 30)
DIGESTS = Path(__file__).resolve().parents[2] / "golden" / "phantom" / "test-sets.sha256"


def pair(seed, index):
    """Phantom, finding and phrase, or None when there is nothing to name."""
    made = phantoms.make(seed, index)
    if not made.findings:
        return None
    rng = np.random.default_rng([seed, index, 2])
    finding = made.findings[int(rng.integers(len(made.findings)))]
    return made, finding, sentences.phrase(rng, finding.attributes())


def manifests(seed, counts):
    """Pictures by file name, and for each count the manifest of the first so many pairs."""
    images, annotations, drawn, index = [], [], {}, 0
    while len(images) < max(counts):
        if found := pair(seed, index):
            made, finding, phrase = found
            name = f"phantom-{seed}-{index:04}.png"
            digest = hashlib.sha256(made.picture.tobytes()).hexdigest()
            images.append(pictures.image(len(images) + 1, name) | {"sha256": digest})
            annotations.append(pictures.annotation(len(images), len(images), finding, phrase))
            drawn[name] = made.picture
        index += 1
    return drawn, {n: pictures.manifest(images[:n], annotations[:n]) for n in counts}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--out", type=Path)
    chosen.add_argument("--check", action="store_true")
    args = parser.parse_args()
    drawn, made = manifests(SEED, COUNTS)
    digests = ""
    for count, manifest in made.items():
        name = f"test-{count}"
        digests += f"{hashlib.sha256(manifest.encode()).hexdigest()}  {name}/manifest.json\n"
        if args.check:
            continue
        (args.out / name).mkdir(parents=True, exist_ok=True)
        for image in json.loads(manifest)["images"]:
            file = image["file_name"]
            Image.fromarray(drawn[file]).save(args.out / name / file, optimize=True)
        (args.out / name / "manifest.json").write_text(manifest)
    print(digests, end="")
    if args.check and digests != DIGESTS.read_text():
        raise SystemExit(f"the test sets are not those of {DIGESTS}: other software or processor?")


if __name__ == "__main__":
    main()
