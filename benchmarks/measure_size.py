"""How far off would a size in millimetres be? Evidence against masks.

    python -m benchmarks.measure_size MANIFEST --set figshare --spacing 0.49 --images 150

The evidence that is connected at the peak, at the artifact's own evidence threshold, is measured on
the image: longest diameter and area. So is the mask. Only images that are called a tumor count,
as only they would get a size. The error is that of the diameter, in millimetres where the spacing
of the original pixels is given, else as a share of the mask's. Intervals are of 95 %, by bootstrap
over patients. With ``--scale`` the diameter found is multiplied by a number first, such as the
median ratio on other patients, so that a bias alone is no reason to leave the size out.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from tumorscope import load_model
from tumorscope.model.evidence import sigmoid

RESAMPLES = 2000

Floats = NDArray[np.float64]


def longest_diameter(region: NDArray[np.bool_]) -> float:
    """Return the largest distance within a region, in pixels; one pixel has the length 1."""
    points = np.argwhere(region).astype(np.float64)
    corners = np.concatenate([points + shift for shift in ((0, 0), (0, 1), (1, 0), (1, 1))])
    return float(pdist(corners[ConvexHull(corners).vertices]).max())


def at_peak(evidence: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Return the evidence that is connected at its peak."""
    labels, _ = ndimage.label(evidence >= min(threshold, float(evidence.max())))
    return labels == labels[np.unravel_index(int(np.argmax(evidence)), evidence.shape)]


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--set", required=True)
    parser.add_argument("--spacing", type=float, help="mm of an original pixel")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--scale", type=float, default=1.0, help="of the diameter found")
    parser.add_argument("--model", help="artifact, or lite; default the embedded one")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with options.manifest.open(newline="") as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if row["set"] == options.set and row["tumor"] == "1" and row["mask"]
        ]
    random.Random(options.seed).shuffle(rows)  # noqa: S311
    model = load_model(options.model, threads=1)
    threshold = float(sigmoid(np.array([model.manifest.evidence_threshold]))[0])
    patients, found = [], []
    for row in rows[: options.images]:
        answer = model.predict(options.manifest.parent / row["path"], heatmap=True)
        mask = np.asarray(Image.open(options.manifest.parent / row["mask"]).convert("L")) > 127
        if answer.outcome != "tumor" or not mask.any():
            continue
        scale = int(row["width"]) / mask.shape[1] * (options.spacing or 1.0)
        region = at_peak(answer.evidence, threshold)
        patients.append(row["patient_id"] or row["path"])
        found.append(
            (
                scale * longest_diameter(mask),
                options.scale * scale * longest_diameter(region),
                region.sum() / mask.sum(),
            )
        )
    said = measure(np.array(found), np.array(patients), in_mm=options.spacing is not None)
    about = {"set": options.set, "shown": min(options.images, len(rows)), "scale": options.scale}
    print(json.dumps(about | {"model": model.identity.sha256[:12]} | said, indent=1))


def measure(found: Floats, patients: NDArray[np.str_], *, in_mm: bool) -> dict[str, object]:
    """Return what there is to say.

    Parameters
    ----------
    found
        Shape (n, 3): diameter of the mask, diameter of the evidence, ratio of the areas.
    patients
        Shape (n,).
    in_mm
        Whether diameters are in millimetres; else errors are given as shares of the mask's.
    """
    true, seen = found[:, 0], found[:, 1]
    error = np.abs(seen - true) / (1.0 if in_mm else true)
    bias = (seen - true) / (1.0 if in_mm else true)

    def told(values: Floats, q: float) -> dict[str, float]:
        low, high = interval(values, patients, lambda one: float(np.quantile(one, q)))
        return {"is": round(float(np.quantile(values, q)), 2), "low": low, "high": high}

    return {
        "unit": "mm" if in_mm else "share of the mask's diameter",
        "called tumor": len(found),
        "patients": len(set(patients)),
        "median true diameter": round(float(np.median(true)), 2),
        "median ratio of diameters": round(float(np.median(seen / true)), 3),
        "median bias": told(bias, 0.5),
        "median error": told(error, 0.5),
        "p90 error": told(error, 0.9),
        "p90 error, share of the mask's": told(np.abs(seen - true) / true, 0.9),
        "median ratio of areas": told(found[:, 2], 0.5),
        "correlation of diameters": round(float(np.corrcoef(true, seen)[0, 1]), 2),
        "p90 error if the median were always said": round(
            float(np.quantile(np.abs(np.median(true) - true) / (1.0 if in_mm else true), 0.9)), 2
        ),
    }


def interval(
    values: Floats, patients: NDArray[np.str_], statistic: Callable[[Floats], float]
) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile over resampled patients."""
    rng = np.random.default_rng(7)
    groups = [values[patients == one] for one in np.unique(patients)]
    drawn = [
        statistic(np.concatenate([groups[at] for at in rng.integers(0, len(groups), len(groups))]))
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return round(float(low), 2), round(float(high), 2)


if __name__ == "__main__":
    main()
