"""Family `mixture`: scikit-learn's two-component mixture on a map's values, threshold between its
means.

The released code leaves the random state open, so thresholds of 20 states are recorded: what they
have in common is what a reimplementation can be held to. `labels` is the k-means start of state 0.
"""

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.utils import check_random_state

from common import fresh, normal, save_case
from fields import field
from reference import foreground, mixture_threshold, norm

SEED = 44000


def maps() -> dict[str, torch.Tensor]:
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    blob = torch.exp(-((rows - 40) ** 2 + (columns - 20) ** 2) / 90)
    return {
        "blob": norm(blob + 0.05 * field(SEED, 64, 64)),
        "field": norm(field(SEED + 1, 64, 64, rough=16)),
        "skewed": norm(field(SEED + 2, 64, 64).exp()),
        "gradient": norm(rows + 2 * columns),
        "two-levels": norm((blob > 0.4) * 1.0 + 0.02 * normal(SEED + 3, 64, 64)),
        "few": norm(field(SEED + 4, 16, 16)),
        "smallest": norm(field(SEED + 5, 8, 8)),
        "inverted": norm(1 - blob),
        "float32": field(SEED + 6, 20, 31),
        "pure-levels": norm((blob > 0.4) * 1.0),
        "three-levels": norm((blob > 0.3) * 1.0 + (blob > 0.8) * 1.0),
        "outlier": norm(torch.where(blob > 0.999, 30.0, 1.0) + 0.1 * field(SEED + 7, 64, 64)),
    }


def make() -> None:
    fresh("mixture")
    for name, map in maps().items():
        values = map.reshape(-1, 1).double().numpy()
        fitted = GaussianMixture(n_components=2, random_state=0).fit(values)
        labels = (
            KMeans(n_clusters=2, n_init=1, random_state=check_random_state(0)).fit(values).labels_
        )
        states = [mixture_threshold(map, state) for state in range(20)]
        order = np.argsort(fitted.means_[:, 0])
        tensors = {
            "input.map": map,
            "input.labels": torch.tensor(labels, dtype=torch.uint8).view(map.shape),
            "output.means": torch.tensor(fitted.means_[order, 0]),
            "output.variances": torch.tensor(fitted.covariances_[order, 0, 0]),
            "output.weights": torch.tensor(fitted.weights_[order]),
            "output.threshold": torch.tensor(states[0], dtype=torch.float64),
            "output.thresholds": torch.tensor(states, dtype=torch.float64),
            "output.foreground": foreground(map, states[0]),
        }
        save_case(
            "mixture",
            name,
            script="mixture.py",
            seed=SEED,
            tensors=tensors,
            packages=("torch", "scikit-learn", "numpy"),
            config={"iterations": int(fitted.n_iter_), "converged": bool(fitted.converged_)},
            absolute=1e-6,
        )


if __name__ == "__main__":
    make()
