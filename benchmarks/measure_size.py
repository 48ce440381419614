"""How far off would a size in millimetres be? Evidence against masks.

    python -m benchmarks.measure_size MANIFEST --set figshare --spacing 0.49 --images 60

The evidence that is connected at the peak, at the artifact's own evidence threshold, is measured on
the image: longest diameter and area. So is the mask. Only images that are called a tumor count,
as only they would get a size. The error is that of the diameter, in millimetres where the spacing
of the original pixels is given, else as a share of the mask's.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from tumorscope import load_model
from tumorscope.model.evidence import sigmoid


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
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with options.manifest.open(newline="") as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if row["set"] == options.set and row["tumor"] == "1" and row["mask"]
        ]
    random.Random(options.seed).shuffle(rows)  # noqa: S311
    model = load_model(threads=1)
    threshold = float(sigmoid(np.array([model.manifest.evidence_threshold]))[0])
    true, found = [], []
    for row in rows[: options.images]:
        answer = model.predict(options.manifest.parent / row["path"], heatmap=True)
        mask = np.asarray(Image.open(options.manifest.parent / row["mask"]).convert("L")) > 127
        if answer.outcome != "tumor" or not mask.any():
            continue
        scale = int(row["width"]) / mask.shape[1] * (options.spacing or 1.0)
        true.append((scale * longest_diameter(mask), scale**2 * mask.sum()))
        region = at_peak(answer.evidence, threshold)
        found.append((scale * longest_diameter(region), scale**2 * region.sum()))
    truth, seen = np.array(true), np.array(found)
    error = np.abs(seen[:, 0] - truth[:, 0])
    if options.spacing is None:
        error = error / truth[:, 0]
    print(
        json.dumps(
            {
                "set": options.set,
                "unit": "mm" if options.spacing else "share of the mask's diameter",
                "images": len(truth),
                "median_true_diameter": round(float(np.median(truth[:, 0])), 2),
                "median_bias": round(float(np.median(seen[:, 0] - truth[:, 0])), 2),
                "median_error": round(float(np.median(error)), 2),
                "p90_error": round(float(np.quantile(error, 0.9)), 2),
                "median_area_ratio": round(float(np.median(seen[:, 1] / truth[:, 1])), 2),
                "p10_p90_area_ratio": [
                    round(float(np.quantile(seen[:, 1] / truth[:, 1], q)), 2) for q in (0.1, 0.9)
                ],
            }
        )
    )


if __name__ == "__main__":
    main()
