"""Family `run`: whole runs of the method on tiny checkpoints, as bundles (tools/golden/bundle)."""

from bundle import make_bundle
from common import GOLDEN, fresh

# checkpoint, picture, phrase, kept words (the content words), steps
RUNS = {
    "sd1-10-steps": ("sd1-tiny", "portrait.png", "Mild cardiomegaly is unchanged", [0, 1, 3], 10),
    "sd1-50-steps": (
        "sd1-tiny",
        "radiograph.jpg",
        "Large right-sided pneumothorax with mediastinal shift",
        [0, 1, 2, 4, 5],
        50,
    ),
    "sd2-10-steps": (
        "sd2-tiny",
        "portrait.png",
        "Bilateral pleural effusions with compressive atelectasis",
        [0, 1, 2, 4, 5],
        10,
    ),
}


def make() -> None:
    fresh("run")
    for name, (checkpoint, image, phrase, words, steps) in RUNS.items():
        make_bundle(
            GOLDEN / "checkpoints" / checkpoint,
            GOLDEN / "run" / name,
            GOLDEN / "images" / image,
            {
                "phrase": phrase,
                "words": words,
                "steps": steps,
                "last": 40,
                "guidance": 16.0,
                "seed": 4200,
                "checkpoint": f"checkpoints/{checkpoint}",
            },
        )


if __name__ == "__main__":
    make()
