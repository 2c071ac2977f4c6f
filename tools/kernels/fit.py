"""Fits the polynomials in Sources/CKernels/body_math.h. Needs numpy.

Each fit is a minimax one by iteratively reweighted least squares at Chebyshev points; the error
printed is the largest, relative to the function the polynomial is a part of.
"""

import math

import numpy as np


def fit(name, f, low, high, degree, size_of_one):
    """Coefficients of x^0 ... x^degree with the least largest |p(x) - f(x)| / size_of_one(x)."""
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    scale = np.array([1 / size_of_one(v) for v in x])
    target = np.array([f(v) for v in x]) * scale
    terms = np.stack([x**i for i in range(degree + 1)], 1) * scale[:, None]
    weights = np.ones(400) / 400
    best = (math.inf, None)
    for _ in range(200):
        root = np.sqrt(weights)
        found, *_ = np.linalg.lstsq(terms * root[:, None], target * root, rcond=None)
        error = np.abs(terms @ found - target)
        if error.max() < best[0]:
            best = (error.max(), found)
        weights = weights * error
        weights /= weights.sum()
    print(f"{name}: largest error {best[0]:.2g}")
    print("  " + ", ".join(f"{np.float32(c):.9g}f" for c in best[1]))


def exp_rest(r):
    return (math.expm1(r) - r) / r**2 if abs(r) > 1e-3 else 0.5 + r / 6 + r * r / 24


def erf_ratio(s):
    return math.erf(math.sqrt(s)) / math.sqrt(s)


def tanh_rest(s):
    return (math.tanh(math.sqrt(s)) / math.sqrt(s) - 1) / s if s > 1e-6 else -1 / 3 + 2 * s / 15


half = math.log(2) / 2 * 1.0005
fit("exp: (e^r - 1 - r) / r^2", exp_rest, -half, half, 4, lambda r: math.exp(r) / max(r * r, 1e-9))
fit("erf up to 1: erf(x) / x in x^2", erf_ratio, 1e-12, 1, 6, erf_ratio)
fit("erf beyond: -log erfc(x)", lambda x: -math.log(math.erfc(x)), 1, 3.95, 6,
    lambda x: 1 / math.erfc(x))
fit("tanh: (tanh(x) / x - 1) / x^2 in x^2", tanh_rest, 1e-12, 0.66**2, 4,
    lambda s: math.tanh(math.sqrt(s)) / math.sqrt(s) / s if s > 1e-9 else 1e9)
