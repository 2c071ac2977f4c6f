"""golden/images and family `imageprep`: pictures of every awkward kind, decoded and prepared.

The released code reads pictures with OpenCV: EXIF orientation is applied, of 16 bits the high byte
is kept, alpha is dropped, a palette expanded. What PIL's convert("RGB") gives is recorded beside it
where it differs. JPEG decoders may differ by a level: the tolerance says so.
"""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from common import fresh, save_case
from fields import field
from reference import prepare, read_rgb

SEED = 51000
SIDE = 64
LEVEL = 1 / 127.5


def grey(seed: int, height: int, width: int) -> np.ndarray:
    """[h, w] f64 in 0…1: two dark lungs on a bright chest, uneven."""
    y, x = np.mgrid[0:height, 0:width] / (max(height, width, 2) - 1)
    lungs = sum(
        np.exp(-((((x - c) / 0.13) ** 2 + ((y - 0.45) / 0.27) ** 2) ** 2)) for c in (0.27, 0.68)
    )
    rough = field(seed, max(height, 4), max(width, 4))[:height, :width].double().numpy()
    return np.clip(0.75 - 0.5 * lungs + 0.07 * rough, 0, 1)


def colour(seed: int, height: int, width: int) -> np.ndarray:
    """[h, w, 3] u8, each channel different."""
    base = grey(seed, height, width)
    tints = [
        np.clip(base * k + 0.1 * np.sin(3 * n + np.arange(width) / 9), 0, 1)
        for n, k in enumerate((1, 0.8, 0.6))
    ]
    return (np.stack(tints, axis=-1) * 255).astype(np.uint8)


def interlaced_png(pixels: np.ndarray) -> bytes:
    """An Adam7 PNG of [h, w, 3] u8, which neither PIL nor OpenCV writes."""
    height, width, _ = pixels.shape
    rows = b""
    for x0, y0, dx, dy in [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]:
        part = pixels[y0::dy, x0::dx]
        if part.size:
            rows += b"".join(b"\0" + row.tobytes() for row in part)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def write_pictures(folder: Path) -> None:
    def save(name: str, image: Image.Image | np.ndarray, **more) -> None:
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
            folder / name, **more
        )

    def with_orientation(value: int) -> Image.Exif:
        exif = Image.Exif()
        exif[0x0112] = value
        return exif

    save("portrait.png", colour(SEED, 141, 97))
    save("landscape.jpg", colour(SEED + 1, 131, 203), quality=90)
    save("exact.png", colour(SEED + 2, SIDE, SIDE))
    save("tiny.png", colour(SEED + 3, 3, 5))
    save("one-pixel.png", np.array([[[200, 30, 90]]], dtype=np.uint8))
    save("thin.png", colour(SEED + 4, 7, 300))
    save("grey.png", (grey(SEED + 5, 111, 150) * 255).astype(np.uint8))
    save("grey.jpg", (grey(SEED + 6, 100, 77) * 255).astype(np.uint8), quality=85)
    save("grey16.png", Image.fromarray((grey(SEED + 7, 130, 120) * 65535).astype(np.uint16)))
    cv2.imwrite(
        str(folder / "colour16.png"), colour(SEED + 8, 40, 55).astype(np.uint16) * 257 - 100
    )
    save("grey12-in-16.png", Image.fromarray((grey(SEED + 9, 64, 90) * 4095).astype(np.uint16)))
    palette = Image.fromarray(colour(SEED + 10, 90, 81)).quantize(37, dither=Image.Dither.NONE)
    save("palette.png", palette, transparency=3)
    alpha = np.concatenate(
        [colour(SEED + 11, 70, 66), (grey(SEED + 12, 70, 66)[..., None] * 255).astype(np.uint8)],
        axis=-1,
    )
    save("alpha.png", alpha)
    save("grey-alpha.png", Image.fromarray(alpha).convert("LA"))
    save("one-bit.png", Image.fromarray(grey(SEED + 13, 51, 67) > 0.5))
    (folder / "interlaced.png").write_bytes(interlaced_png(colour(SEED + 14, 45, 83)))
    save("cmyk.jpg", Image.fromarray(colour(SEED + 15, 80, 95)).convert("CMYK"), quality=92)
    save("progressive.jpg", colour(SEED + 16, 115, 90), quality=88, progressive=True)
    save("full-chroma.jpg", colour(SEED + 17, 75, 101), quality=93, subsampling=0)
    save("half-chroma.jpg", colour(SEED + 18, 77, 99), quality=93, subsampling=1)
    save("restarts.jpg", colour(SEED + 19, 66, 99), quality=80, restart_marker_blocks=5)
    for value in (3, 6, 7):
        save(
            f"orientation-{value}.jpg",
            colour(SEED + 20 + value, 60, 100),
            quality=90,
            exif=with_orientation(value),
        )
    save("radiograph.jpg", (grey(SEED + 40, 700, 611) * 255).astype(np.uint8), quality=70)


def make() -> None:
    folder = fresh("images")
    write_pictures(folder)
    fresh("imageprep")
    for path in sorted(folder.iterdir()):
        rgb = read_rgb(path)
        pil = np.array(Image.open(path).convert("RGB"))
        side = 512 if path.stem == "radiograph" else SIDE
        prepared = prepare(rgb, side)
        config = {
            "image": f"images/{path.name}",
            "side": side,
            "like_pil": bool(np.array_equal(rgb, pil)),
        }
        if side == SIDE:
            tensors = {"output.rgb": torch.tensor(rgb), "output.prepared": prepared}
            if not config["like_pil"]:
                tensors["output.rgb.pil"] = torch.tensor(pil)
        else:  # grey, so one channel says all; every fourth row is enough
            config |= {"channels": 1, "row_step": 4}
            tensors = {"output.prepared": prepared[:, :1, ::4]}
        save_case(
            "imageprep",
            f"{path.stem}-{path.suffix[1:]}",
            script="pictures.py",
            seed=SEED,
            tensors=tensors,
            config=config,
            packages=("torch", "opencv-python-headless", "pillow", "numpy"),
            absolute=1e-5 if path.suffix == ".png" else 1.01 * LEVEL,
        )


if __name__ == "__main__":
    make()
