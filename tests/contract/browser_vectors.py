"""Inputs and Python's results that the TypeScript of the static page is held to.

``python -m tests.contract.browser_vectors > web/src/local/vectors.json`` writes them. Pictures are
drawn by the same arithmetic on whole numbers here and in ``web/src/local/vectors.test.ts``, so the
file holds results alone.
"""

import base64
import json
import sys
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorscope.answer import ModelIdentity, Prediction
from tumorscope.imaging.preprocess import CanvasGeometry, Preprocessing
from tumorscope.model.conformal import Conformal
from tumorscope.model.decision import DecisionRule
from tumorscope.model.evidence import evidence_on_image, localize
from tumorscope.model.series import answer_series
from tumorscope.operating_point import OperatingPoint

SIZE = 48
"""Side of the canvases: small, so that the file is."""

PICTURES: tuple[dict[str, Any], ...] = (
    {"rows": 160, "columns": 160, "seed": 1, "gain": 1, "offset": 0, "spacing": None},
    {"rows": 200, "columns": 150, "seed": 2, "gain": 1, "offset": 0, "spacing": None},
    {"rows": 97, "columns": 131, "seed": 3, "gain": 16, "offset": -1000, "spacing": None},
    {"rows": 300, "columns": 260, "seed": 4, "gain": 1, "offset": 0, "spacing": None, "frame": 2},
    {"rows": 120, "columns": 120, "seed": 5, "gain": 3, "offset": 7, "spacing": [1.5, 1.0]},
    {"rows": 120, "columns": 120, "seed": 6, "gain": 3, "offset": 7, "spacing": [0.5, 0.9]},
    {"rows": 128, "columns": 128, "seed": 7, "gain": 1, "offset": 0, "spacing": [1.0, 25.0]},
    {"rows": 16, "columns": 40, "seed": 8, "gain": 1, "offset": 0, "spacing": None},
    {"rows": 48, "columns": 48, "seed": 9, "gain": 0.25, "offset": 1e7, "spacing": None},
    {"rows": 400, "columns": 33, "seed": 10, "gain": 1e20, "offset": 0, "spacing": None},
)
CONFORMAL = Conformal(coverage=0.95, tumor=0.3, no_tumor=0.4)
POINTS = {"balanced": 0.45, "rule_out": 0.1, "rule_in": 0.8}
PROBABILITIES = (0.05, 0.1, 0.29, 0.3, 0.42, 0.45, 0.6, 0.61, 0.8, 0.99)
MODEL = ModelIdentity("made", "0", "0" * 64)
SERIES: tuple[dict[str, Any], ...] = (
    {"tumor": [0.01, 0.02, 0.9, 0.95, 0.8, 0.03], "spread": 0.0},
    {"tumor": [0.01, 0.02, 0.9, 0.95, 0.8, 0.03], "spread": 0.7},
    {"tumor": [0.2, 0.999999999], "spread": 0.5},
    {"tumor": [0.3 + 0.005 * (i % 20) for i in range(120)], "spread": 0.6},
    {"tumor": [0.5, None, None], "spread": 0.0},
    {"tumor": [0.5, 0.1, None], "spread": 0.0},
)


def draw(picture: dict[str, Any]) -> NDArray[np.float32]:
    """Draw an ellipse with a texture on a background that is not quite even."""
    rows, columns, seed = picture["rows"], picture["columns"], picture["seed"]
    r, c = np.mgrid[:rows, :columns].astype(np.int64)
    y, x = 2 * r - rows, 2 * c - columns
    inside = 25 * (y * y * columns**2 + x * x * rows**2) <= 16 * rows**2 * columns**2
    texture = 60 + (31 * r + 17 * c + 13 * seed) % 97 + (r // 9 + c // 7) % 2 * 40
    values = np.where(inside, texture, (5 * r + 3 * c + seed) % 6)
    edge = picture.get("frame", 0)
    values = np.where((r < edge) | (c < edge), 255, values)
    return (values * picture["gain"] + picture["offset"]).astype(np.float32)


def canvases() -> list[dict[str, Any]]:
    steps = Preprocessing(size=SIZE)
    found = []
    for picture in PICTURES:
        spacing = picture["spacing"]
        canvas, geometry = steps.apply(draw(picture), None if spacing is None else tuple(spacing))
        text = base64.b64encode(canvas.tobytes()).decode()
        found.append({"picture": picture, "canvas": text, "geometry": asdict(geometry)})
    return found


def decisions() -> list[dict[str, Any]]:
    found = []
    for name, threshold in POINTS.items():
        for conformal in (CONFORMAL, None):
            rule = DecisionRule.at(OperatingPoint(name, threshold), conformal)
            for probability in PROBABILITIES:
                outcome, plausible, reasons = rule.decide(probability)
                found.append(
                    {
                        "point": name,
                        "conformal": conformal is not None,
                        "probability": probability,
                        "decision": {
                            "outcome": outcome,
                            "set": list(plausible),
                            "reasons": list(reasons),
                        },
                    }
                )
    return found


def prediction(tumor: float | None, index: int, rule: DecisionRule) -> Prediction:
    """One slice of a made-up volume; ``None`` was turned away."""
    shares = {"glioma": 0.5, "meningioma": 0.25 + index / 1000, "pituitary": 0.25 - index / 1000}
    outcome, plausible, reasons = (
        ("rejected", (), ("It is none.",)) if tumor is None else rule.decide(tumor)
    )
    return Prediction(
        source="volume.nii",
        outcome=outcome,
        probabilities=None if tumor is None else {"tumor": tumor, "no_tumor": 1 - tumor},
        type_probabilities=None if tumor is None else shares,  # type: ignore[arg-type]
        prediction_set=plausible,
        reasons=reasons,
        localization=None,
        model=MODEL,
        operating_point=rule.point,
        slice_index=index,
        series_key="volume.nii",
        position_mm=float(index),
    )


def series() -> list[dict[str, Any]]:
    rule = DecisionRule.at(OperatingPoint("balanced", POINTS["balanced"]), CONFORMAL)
    found = []
    for one in SERIES:
        slices = [prediction(tumor, index, rule) for index, tumor in enumerate(one["tumor"])]
        answer = answer_series(slices, failed=1, rule=rule, model=MODEL, spread=one["spread"])
        found.append(
            {
                "slices": [each.to_dict() for each in slices],
                "spread": one["spread"],
                "answer": answer.to_dict(),
            }
        )
    return found


def evidence() -> list[dict[str, Any]]:
    found = []
    for seed, stretch in ((1, (1.0, 1.0)), (2, (1.5, 1.0))):
        cells = 6
        logits = np.array(
            [[((7 * r + 5 * c + 11 * seed) % 13) - 6 for c in range(cells)] for r in range(cells)],
            np.float32,
        )
        geometry = CanvasGeometry(-3.5, 10.0, 1.7, (150, 180), stretch)
        place = localize(logits, geometry, canvas_size=84, threshold=0.25)
        laid = evidence_on_image(logits, geometry, canvas_size=84)
        found.append(
            {
                "cells": cells,
                "logits": logits.ravel().tolist(),
                "geometry": asdict(geometry),
                "canvas_size": 84,
                "threshold": 0.25,
                "peak": list(place.peak),
                "box": list(place.box),
                # Where the picture of 75 x 90 pixels in the browser has its middles.
                "samples": np.rint(255 * laid[::10, ::10]).astype(int).tolist(),
            }
        )
    return found


def vectors() -> dict[str, Any]:
    return {
        "preprocessing": Preprocessing(size=SIZE).to_dict(),
        "conformal": CONFORMAL.to_dict(),
        "points": POINTS,
        "canvases": canvases(),
        "decisions": decisions(),
        "series": series(),
        "evidence": evidence(),
    }


def text() -> str:
    return json.dumps(vectors(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
