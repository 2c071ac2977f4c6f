"""Radiograph-like phantoms: drawn pictures with findings, exact masks and boxes.

They are drawings from a few formulas, never pictures of a person. Every phantom is a function of
(seed, index) alone. anatomy.py has the body without findings and its coordinates.
"""

from dataclasses import dataclass, field

import numpy as np

from anatomy import SIDE, ZONES, Body, rough, soft

KINDS = (
    "nodule",
    "cavity",
    "opacity",
    "consolidation",
    "effusion",
    "pneumothorax",
    "cardiomegaly",
)
SIDES = ("right", "left")


@dataclass
class Finding:
    """One finding. `mask` is bool [256, 256]; `box` is [x0, y0, x1, y1], end exclusive."""

    kind: str
    side: str  # "right", "left" or "" (the heart)
    zone: str  # "upper", "mid", "lower" or ""
    size: str  # "small", "" or "large"
    contrast: str  # "faint", "" or "dense"
    mask: np.ndarray = field(repr=False)

    @property
    def box(self):
        ys, xs = np.nonzero(self.mask)
        return [int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1]

    def attributes(self):
        return {k: getattr(self, k) for k in ("kind", "side", "zone", "size", "contrast")}


@dataclass
class Phantom:
    """`picture` is uint8 [256, 256], grey."""

    picture: np.ndarray
    findings: list


def pick(rng, options, weights):
    return options[int(rng.choice(len(options), p=np.asarray(weights) / np.sum(weights)))]


def spot(body, rng, radius, taken, side):
    """A centre in `side`'s lung where a disc of `radius` pixels lies in free lung, or None."""
    lung = body.lungs[side] * (1 - body.heart)
    free = (lung > 0.85) & ~taken
    ys, xs = np.nonzero(free)
    for _ in range(40):
        k = int(rng.integers(len(xs)))
        cx, cy = int(xs[k]), int(ys[k])
        py, px = np.mgrid[0:SIDE, 0:SIDE]
        disc = (px - cx) ** 2 + (py - cy) ** 2 <= radius * radius
        if free[disc].mean() > 0.93 and not taken[disc].any():
            return cx, cy
    return None


def round_field(rng, cx, cy, rx, ry, wobble):
    """1 at the centre, 0 at the rim of a slightly lobulated ellipse, negative outside."""
    py, px = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    a = rng.uniform(0, np.pi)
    dx = np.cos(a) * (px - cx) + np.sin(a) * (py - cy)
    dy = -np.sin(a) * (px - cx) + np.cos(a) * (py - cy)
    angle = np.arctan2(dy, dx)
    bump = sum(wobble / n * np.cos(n * angle + rng.uniform(0, 6.28)) for n in (2, 3, 5))
    return 1 + bump - np.hypot(dx / rx, dy / ry)


def add_spot(body, rng, p, taken, kind, side):
    size = pick(rng, ("small", "", "large"), (1, 1, 1))
    contrast = pick(rng, ("faint", "", "dense"), (1, 2, 1))
    gain = {"faint": 0.75, "": 1.0, "dense": 1.25}[contrast]
    limits = {
        "nodule": {"small": (12, 14), "": (16, 18), "large": (21, 25)},
        "cavity": {"small": (14, 16), "": (18, 21), "large": (23, 27)},
        "opacity": {"small": (17, 20), "": (23, 26), "large": (29, 33)},
    }[kind]
    radius = rng.uniform(*limits[size])
    at = spot(body, rng, radius, taken, side)
    if at is None:
        return p, None
    cx, cy = at
    if kind == "nodule":
        f = round_field(rng, cx, cy, radius, radius * rng.uniform(0.88, 1.0), 0.06)
        thick = np.sqrt(np.clip(f * (2 - f), 0, 1))
        p = p + gain * 0.40 * soft(f, 2.2 / radius) * (0.55 + 0.45 * thick)
    elif kind == "cavity":
        f = round_field(rng, cx, cy, radius, radius * rng.uniform(0.85, 1.0), 0.05)
        wall = soft(f, 2.2 / radius) * soft(0.42 - f, 0.16)
        hollow = soft(f - 0.42, 0.16)
        p = p * (1 - hollow) + hollow * (0.11 + 0.02 * p)
        p = p + gain * 0.42 * wall
    else:
        f = round_field(rng, cx, cy, radius * 1.12, radius * 0.88, 0.10)
        blobs = np.zeros_like(p)
        py, px = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
        for k in range(int(6 + radius / 3)):
            a, r = 2.4 * k + rng.uniform(-0.4, 0.4), radius * np.sqrt(rng.uniform(0.05, 0.85))
            w = rng.uniform(4.0, 6.5)
            d2 = (px - cx - r * np.cos(a)) ** 2 + (py - cy - 0.85 * r * np.sin(a)) ** 2
            blobs += rng.uniform(0.6, 1.1) * np.exp(-d2 / (2 * w * w))
        p = p + gain * soft(f, 0.35) * (0.07 + 0.26 * np.minimum(blobs, 1.5))
    mask = f > 0
    return p, Finding(kind, side, body.zone_of(side, body.y[cy, cx]), size, contrast, mask)


def add_consolidation(body, rng, p, taken, side):
    zone = pick(rng, ZONES, (1, 1, 1))
    contrast = pick(rng, ("faint", "", "dense"), (1, 2, 1))
    gain = {"faint": 0.78, "": 1.0, "dense": 1.2}[contrast]
    lo, hi = body.band(zone)
    slant = rng.uniform(-0.25, 0.25)
    u, edge = body.lateral[side], 0.025 * rough(rng, 9)
    y = body.y + slant * (u * 0.35) + edge
    region = soft(y - lo, 0.05) * soft(hi - y, 0.05) * body.lungs[side] * (1 - body.heart)
    if zone == "upper":
        region = soft(hi - y, 0.05) * body.lungs[side] * (1 - body.heart)
    mask = region > 0.5
    if mask.sum() < 600 or (mask & taken).any():
        return p, None
    s = -1 if side == "right" else 1
    bronchi = np.zeros_like(p)
    cy = 0.5 * (lo + hi)
    for k in range(4):  # air in the bronchi: dark branches that fan out from the hilum
        a = np.arctan2(cy + 0.06, 0.42) + (k - 1.5) * 0.33 + rng.uniform(-0.08, 0.08)
        dx, dy = s * np.cos(a), np.sin(a)
        rx, ry = body.x - s * 0.10, body.y + 0.06
        along, across = rx * dx + ry * dy, rx * dy - ry * dx
        bronchi = np.maximum(bronchi, soft(along, 0.05) * np.exp(-((across / 0.022) ** 2)))
    p = p + gain * region * (0.34 + 0.02 * rough(rng, 14) - 0.24 * bronchi)
    return p, Finding("consolidation", side, zone, "", contrast, mask)


def add_effusion(body, rng, p, taken, side):
    size = pick(rng, ("small", "", "large"), (1, 1.2, 1))
    height = {"small": (0.20, 0.26), "": (0.34, 0.42), "large": (0.52, 0.66)}[size]
    top = 0.46 * body.tall + 0.08 - rng.uniform(*height)
    u = body.lateral[side]
    level = top - 0.16 * np.clip(u, -1, 1.1) ** 3 + 0.02
    s = -1 if side == "right" else 1
    inside = soft(1 - np.abs(u) ** 2.6, 0.16) * soft(body.dome[side] + 0.05 - body.y, 0.05)
    region = inside * soft(body.y - level, 0.07) * (body.x * s > 0.05)
    region = region * (1 - 0.75 * body.heart)
    mask = region > 0.5
    if mask.sum() < 350 or (mask & taken).any():
        return p, None
    p = p * (1 - region) + region * np.maximum(0.80 + 0.012 * rough(rng, 12), p)
    return p, Finding("effusion", side, "lower", size, "", mask)


def add_pneumothorax(body, rng, p, taken, side):
    """Air between chest wall and lung; the mask includes the pleural line, which makes it visible."""
    size = pick(rng, ("small", "", "large"), (1, 1.2, 1))
    thick = {"small": (0.13, 0.16), "": (0.20, 0.25), "large": (0.32, 0.42)}[size]
    thick = rng.uniform(*thick)
    u, v = body.lateral[side], body.apex[side]
    vv = np.minimum(v, 0)
    reach = np.maximum(np.abs(u) ** 2.6 + np.abs(vv) ** 2.6, 1e-6) ** (1 / 2.6)  # 1 at the wall
    reach = np.where(u > -0.2, reach, np.abs(vv))
    depth = thick * (2.0 - 1.1 * np.clip((v + 1) / 1.2, 0, 1)) * 1.15
    field_ = reach - (1 - depth)
    limit = soft(0.12 - body.y, 0.20)
    region = soft(field_, 0.05) * limit * soft(body.lungs[side] - 0.5, 0.3)
    mask = soft(field_ + 0.05, 0.05) * limit * soft(body.lungs[side] - 0.5, 0.3) > 0.5
    if mask.sum() < 350 or (mask & taken).any():
        return p, None
    p = p * (1 - region) + region * (0.055 + 0.10 * p)
    line = np.exp(-(((field_ + 0.02) / 0.028) ** 2)) * limit * body.lungs[side]
    p = p + 0.24 * line
    p = p + 0.04 * body.lungs[side] * (1 - region) * soft(0.3 - body.y, 0.4)
    return p, Finding("pneumothorax", side, "upper", size, "", mask)


def make(seed, index, count=None, kinds=KINDS):
    """The phantom number `index` of `seed`; `count` findings wanted (drawn when None)."""
    rng = np.random.default_rng([seed, index])
    if count is None:
        count = pick(rng, (0, 1, 2, 3), (0.08, 0.47, 0.33, 0.12))
    wanted = [kinds[int(k)] for k in rng.permutation(len(kinds))[:count]]
    if count > 1 and rng.random() < 0.25:  # two of a kind, on different sides
        wanted[1] = wanted[0]
    if "cardiomegaly" in wanted[:2] and wanted.count("cardiomegaly") > 1:
        wanted = ["cardiomegaly", "nodule"] + wanted[2:]
    order = {"cardiomegaly": 0, "effusion": 1, "pneumothorax": 2, "consolidation": 3}
    wanted.sort(key=lambda k: order.get(k, 4))
    body = Body(rng, "cardiomegaly" in wanted)
    p = body.picture()
    findings, taken = [], np.zeros((SIDE, SIDE), bool)
    adders = {
        "effusion": add_effusion,
        "pneumothorax": add_pneumothorax,
        "consolidation": add_consolidation,
    }
    for kind in wanted:
        used = {f.side for f in findings if f.kind == kind}
        sides = [s for s in SIDES if s not in used]
        side = sides[int(rng.integers(len(sides)))]
        if kind == "cardiomegaly":
            found = Finding(kind, "", "", "", "", body.heart_mask & (body.torso > 0.5))
        elif kind in adders:
            p, found = adders[kind](body, rng, p, taken, side)
        else:
            p, found = add_spot(body, rng, p, taken, kind, side)
        if found is None:
            continue
        findings.append(found)
        if kind == "cardiomegaly":
            continue
        grown = found.mask.copy()
        for dy, dx in ((5, 0), (-5, 0), (0, 5), (0, -5)):
            grown |= np.roll(found.mask, (dy, dx), (0, 1))
        taken |= grown
    p = np.clip(p, 0, None)
    p = rng.uniform(0.90, 1.06) * p ** rng.uniform(0.92, 1.10) + rng.uniform(-0.015, 0.02)
    p = p + 0.008 * rough(rng, 3) + 0.012 * rng.standard_normal(p.shape)
    return Phantom(np.round(255 * np.clip(p, 0, 1)).astype(np.uint8), findings)
