"""The anatomy that phantoms are drawn on: outlines, lungs, heart, ribs, vessels, as fields of a few
formulas over the picture.

Body coordinates: x to the picture's right, y down, about [-1, 1] over the picture; the body's right
side is on the picture's left, as in a frontal radiograph.
"""

import numpy as np

SIDE = 256
SCALE = 122.0  # pixels per body unit
ZONES = ("upper", "mid", "lower")


def soft(x, width):
    """A step from 0 to 1 at x = 0 that takes about `width` to rise."""
    return 1 / (1 + np.exp(-np.clip(4 * x / width, -30, 30)))


def rough(rng, cells, side=SIDE):
    """Smooth noise of about unit deviation with `cells` cells across the picture."""
    grid = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    at = np.linspace(1, cells + 0.999, side)
    i = at.astype(int)
    f = (at - i).astype(np.float32)
    f = f * f * (3 - 2 * f)
    rows = grid[i] * (1 - f)[:, None] + grid[i + 1] * f[:, None]
    return 1.35 * (rows[:, i] * (1 - f) + rows[:, i + 1] * f)


class Body:
    """The anatomy of one phantom: fields over the picture, drawn from `rng`."""

    def __init__(self, rng, big_heart):
        self.rng = rng
        angle = np.deg2rad(rng.uniform(-4, 4))
        scale = SCALE * rng.uniform(0.94, 1.03)
        shift = rng.uniform(-6, 6, 2)
        py, px = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
        px = (px - SIDE / 2 + 0.5 - shift[0]) / scale
        py = (py - SIDE / 2 + 0.5 - shift[1]) / scale
        self.pixel = 1 / scale
        self.x = np.cos(angle) * px + np.sin(angle) * py
        self.y = -np.sin(angle) * px + np.cos(angle) * py
        self.female = rng.random() < 0.5
        wide = rng.uniform(0.95, 1.05) * (0.96 if self.female else 1.0)
        tall = rng.uniform(0.95, 1.05)
        x, y = self.x, self.y
        shoulder = 0.97 * wide - 0.75 * soft(-0.78 - y, 0.35)
        self.torso = soft(shoulder - np.abs(x) - 0.04 * y, 0.04)
        self.lungs, self.lateral, self.apex = {}, {}, {}
        self.dome = {}
        for name, s in (("right", -1), ("left", 1)):
            centre, half = s * 0.45 * wide, 0.36 * wide
            taper = 0.62 + 0.38 * soft(y + 0.35, 0.9)
            u = (x - centre) * s / (half * taper)  # -1 at the mediastinum, +1 at the chest wall
            v = (y + 0.06) / (0.70 * tall)
            base = (0.40 if name == "right" else 0.46) * tall + rng.uniform(-0.03, 0.03)
            dome = base + 0.16 * (u - 0.05) ** 2
            inside = 1 - (np.abs(u) ** 2.6 + np.abs(np.minimum(v, 0)) ** 2.6)
            self.lungs[name] = soft(inside, 0.16) * soft(dome - y, 0.035)
            self.lateral[name], self.apex[name], self.dome[name] = u, v, dome
        self.tall = tall
        ratio = rng.uniform(0.60, 0.74) if big_heart else rng.uniform(0.40, 0.47)
        reach = ratio * 0.80 * wide
        lean = rng.uniform(0.22, 0.32) * reach
        tilt = 0.35
        hx = (x - lean) + tilt * (y - 0.20) * 0.4
        hy = (y - 0.20) / (0.62 * reach + 0.12)
        edge = 1 - np.sqrt((hx / reach) ** 2 + hy**2)
        self.heart = soft(edge, 0.07) * self.torso
        self.heart_mask = edge > 0

    def picture(self):
        """Brightness in [0, 1] without findings."""
        rng, x, y = self.rng, self.x, self.y
        p = 0.03 + self.torso * 0.55
        p += self.torso * 0.02 * rough(rng, 6)
        air = np.maximum(self.lungs["right"], self.lungs["left"])
        p = p * (1 - air) + air * (0.20 + 0.012 * rough(rng, 10))
        mid = soft(0.12 + 0.03 * np.sin(3 * y) - np.abs(x - 0.02), 0.06) * soft(
            0.9 - np.abs(y), 0.5
        )
        p = np.maximum(p, mid * 0.60)
        for s, h in ((-1, -0.06), (1, -0.10)):  # hila
            d = np.hypot((x - s * 0.19) / 0.10, (y - h) / 0.14)
            p += air * 0.14 * np.exp(-d * d)
        p += air * self.vessels()
        p = p * (1 - self.heart) + self.heart * np.maximum(p, 0.64)
        spine = soft(0.065 - np.abs(x), 0.03) * self.torso
        p += spine * (0.05 + 0.025 * np.sin(26 * y + rng.uniform(0, 6)))
        p += self.ribs()
        if self.female:
            for s in (-1, 1):
                d = np.hypot((x - s * 0.5) / 0.33, (y - 0.30) / 0.26)
                p += 0.05 * soft(1 - d, 0.25) * self.torso
        if rng.random() < 0.5:  # gas under the left dome
            d = np.hypot((x - 0.40) / 0.15, (y - 0.66) / 0.08)
            p -= 0.16 * soft(1 - d, 0.5)
        return p

    def vessels(self):
        rng, x, y = self.rng, self.x, self.y
        out = np.zeros_like(x)
        for s in (-1, 1):
            for _ in range(7):
                a = rng.uniform(-1.25, 1.25)
                dx, dy = s * np.cos(a), np.sin(a)
                rx, ry = x - s * 0.18, y + 0.06
                along = rx * dx + ry * dy
                across = rx * dy - ry * dx + 0.12 * rng.uniform(-1, 1) * along * along
                width = 0.018 * np.clip(1 - along / 0.75, 0.15, 1)
                reach = soft(along, 0.05) * soft(0.6 - along, 0.4)
                out += 0.055 * reach * np.exp(-((across / width) ** 2))
        return out

    def ribs(self):
        rng, x, y = self.rng, self.x, self.y
        out = np.zeros_like(x)
        ax = np.abs(x)
        gap = rng.uniform(0.155, 0.175)
        strength = rng.uniform(0.035, 0.055)
        for k in range(9):
            line = -0.78 + k * gap + 0.05 * k * ax + 0.42 * (ax - 0.38) ** 2 * (1 + 0.1 * k) - 0.05
            d = (y - line) / 0.030
            out += strength * np.exp(-(d**4)) * soft(ax - 0.10, 0.05) * soft(0.86 - ax, 0.06)
        line = -0.70 - 0.10 * (ax - 0.35) + 0.25 * (ax - 0.35) ** 3  # clavicles
        out += (
            0.09
            * np.exp(-(((y - line) / 0.032) ** 4))
            * soft(ax - 0.09, 0.04)
            * soft(0.75 - ax, 0.05)
        )
        return out * self.torso

    def zone_of(self, side, y):
        top = -0.06 - 0.70 * self.tall
        bottom = 0.46 * self.tall
        f = (y - top) / (bottom - top)
        return ZONES[0] if f < 0.40 else ZONES[1] if f < 0.69 else ZONES[2]

    def band(self, zone):
        """Upper and lower limit of a zone, in body units."""
        top = -0.06 - 0.70 * self.tall
        span = 0.46 * self.tall - top
        lo, hi = {"upper": (0.0, 0.40), "mid": (0.40, 0.69), "lower": (0.69, 1.05)}[zone]
        return top + lo * span, top + hi * span
