"""``/api/v1/samples``: made-up scans to try the page on; nobody's."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue
from PIL import Image

from tumorscope.imaging.phantom import SAMPLES, Lesion, head_phantom
from tumorscope.serving.http_api.base.problems import RefusalError, json_response
from tumorscope.serving.http_api.schemas.openapi import Answered, describe
from tumorscope.serving.http_api.schemas.shapes import SampleList

blueprint = Blueprint("samples", __name__)

_SLICES: Final = 15
_SPACING_MM: Final = (0.9, 0.9, 6.0)


@dataclass(frozen=True, slots=True)
class _Sample:
    title: str
    kind: Literal["image", "series"]
    file_name: str
    media_type: str
    draw: Callable[[], bytes]


def _draw_image(name: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(head_phantom(lesion=SAMPLES[name])).save(buffer, "PNG")
    return buffer.getvalue()


def _draw_series() -> bytes:
    """Draw a volume whose lesion grows and shrinks over the slices, as NIfTI."""
    import nibabel

    center = (_SLICES - 1) / 2
    slices = []
    for index in range(_SLICES):
        # A sphere of radius 0.09 cut every 0.03 of the image's side.
        radius = float(np.sqrt(max(0.0, 0.09**2 - (0.03 * (index - center)) ** 2)))
        lesion = Lesion(radius=radius) if radius > 0.02 else None
        slices.append(head_phantom(lesion=lesion, seed=index))
    # Rows run from anterior and columns from the patient's right: both against the RAS axes.
    voxels = np.stack([one[::-1, ::-1].T for one in slices], axis=-1)
    image = nibabel.Nifti1Image(voxels, np.diag([*_SPACING_MM, 1.0]))
    content: bytes = image.to_bytes()
    return content


_ALL: Final = {
    "with-lesion": _Sample(
        "Made-up slice with a lesion",
        "image",
        "phantom_with_lesion.png",
        "image/png",
        lambda: _draw_image("phantom_with_lesion"),
    ),
    "without-lesion": _Sample(
        "Made-up slice without a lesion",
        "image",
        "phantom_without_lesion.png",
        "image/png",
        lambda: _draw_image("phantom_without_lesion"),
    ),
    "series": _Sample(
        "Made-up series of 15 slices with a lesion",
        "series",
        "phantom_series.nii",
        "application/octet-stream",
        _draw_series,
    ),
}


@functools.cache
def _content(name: str) -> bytes:
    return _ALL[name].draw()


@blueprint.get("/samples")
@describe("listSamples", Answered(SampleList), tag="samples")
def list_samples() -> ResponseReturnValue:
    """List the bundled made-up scans."""
    return json_response(
        {
            "samples": [
                {
                    "name": name,
                    "title": one.title,
                    "kind": one.kind,
                    "file_name": one.file_name,
                    "media_type": one.media_type,
                    "url": url_for("samples.get_sample", name=name),
                }
                for name, one in _ALL.items()
            ]
        }
    )


@blueprint.get("/samples/<name>")
@describe(
    "getSample",
    Answered(media=("image/png", "application/octet-stream")),
    tag="samples",
    problems=("not-found",),
)
def get_sample(name: str) -> ResponseReturnValue:
    """Answer with the file of a bundled made-up scan."""
    sample = _ALL.get(name)
    if sample is None:
        raise RefusalError("not-found", f"No such sample; available: {', '.join(_ALL)}.")
    response = Response(_content(name), mimetype=sample.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{sample.file_name}"'
    return response
