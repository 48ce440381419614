"""The model artifact: one file with an ONNX graph and a manifest that says all about it.

An artifact is a zip archive of ``manifest.json``, ``model.onnx`` and, where it was trained on scans
that are still known, ``training_scans.npy``, all stored uncompressed. Nothing in it is ever
unpickled. Loading verifies the SHA-256 of the graph and refuses a format
version, a preprocessing or labels that it does not know.

Changing the format: raise :data:`FORMAT_VERSION`, keep reading the versions that were released, and
add a test with a file of each.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import ArtifactError, ArtifactWarning
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.labels import CLASSES, TUMOR_TYPES
from tumorscope.model.conformal import Conformal
from tumorscope.model.input_check import InputCheck
from tumorscope.model.recognition import Recognition
from tumorscope.operating_point import CUSTOM, NEUTRAL, ordered
from tumorscope.system.files import write_whole

FORMAT_VERSION: Final = 3

MANIFEST_NAME: Final = "manifest.json"
GRAPH_NAME: Final = "model.onnx"
TRAINING_SCANS_NAME: Final = "training_scans.npy"
TRAINING_SCAN_WORDS: Final = 11
"""Of 64 bits, for each scan: five of the whole picture, five of its foreground, and its role."""

EMBEDDED_NAMES: Final = {"default": "default.tumorscope", "lite": "lite.tumorscope"}
"""Artifacts inside the package: the full network, and one with half the filters."""

UNFITTED: Final = 0.5
"""The threshold of an artifact to which nothing was fitted yet."""

MAX_ARTIFACT_BYTES: Final = 512 * 1024 * 1024
"""VGG16 with its fully connected layers in float32 is 528 MB; ours has none of them."""

_WITHOUT_EFFECT: Final = ("format", "format_version", "model_id", "model_version", "card")
"""Parts of a manifest that no answer follows from."""

_KNOWN_CONTENTS: Final = (
    [MANIFEST_NAME, GRAPH_NAME],
    [MANIFEST_NAME, GRAPH_NAME, TRAINING_SCANS_NAME],
)

_SHOWN: Final = 80
"""Characters of a foreign file's own words in an error."""

_Part = TypeVar("_Part")

_DAMAGED_ZIP: Final = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What zipfile raises on damaged, encrypted and exotic archives."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling of the tumor logit, temperature of the type logits, spread within a series.

    ``probability = sigmoid(slope * logit + intercept)`` (Platt 1999); a slope alone is
    temperature scaling (Guo et al., ICML 2017). For ``series_spread`` see
    :func:`tumorscope.model.series.aggregate`.
    """

    slope: float = 1.0
    intercept: float = 0.0
    type_temperature: float = 1.0
    series_spread: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """Return the calibration as stored in a manifest."""
        return {
            "slope": self.slope,
            "intercept": self.intercept,
            "type_temperature": self.type_temperature,
            "series_spread": self.series_spread,
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an artifact says of itself.

    Attributes
    ----------
    model_id, model_version
        Name of the recipe and version of the package that made it.
    preprocessing
        From pixels to the graph's input.
    calibration
        From logits to probabilities.
    operating_points
        Probability thresholds by name; ``balanced`` is always there and is the default, and
        ``rule_out <= balanced <= rule_in``.
    evidence_threshold
        Evidence logit above which a cell counts as tumor in boxes and overlaps.
    graph_sha256
        Of the ``model.onnx`` bytes.
    conformal
        Which classes stay plausible at which probability; ``None``: the model never abstains.
    input_check
        What is not a brain MR image; ``None``: every image is taken for one.
    recognition
        Sequences and planes that the graph tells apart; ``None``: it tells none.
    card
        Everything else, for people: training data with hashes and licences, library versions,
        commit, measurements.
    """

    model_id: str
    model_version: str
    preprocessing: Preprocessing
    calibration: Calibration
    operating_points: dict[str, float]
    evidence_threshold: float
    graph_sha256: str
    conformal: Conformal | None = None
    input_check: InputCheck | None = None
    recognition: Recognition | None = None
    card: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that is stored."""
        recognition = (
            {} if self.recognition is None else {"recognition": self.recognition.to_dict()}
        )
        return recognition | {
            "format": "tumorscope-artifact",
            "format_version": FORMAT_VERSION,
            "model_id": self.model_id,
            "model_version": self.model_version,
            "labels": list(CLASSES),
            "tumor_types": list(TUMOR_TYPES),
            "preprocessing": self.preprocessing.to_dict(),
            "calibration": self.calibration.to_dict(),
            "operating_points": self.operating_points,
            "evidence_threshold": self.evidence_threshold,
            "graph_sha256": self.graph_sha256,
            "conformal": None if self.conformal is None else self.conformal.to_dict(),
            "gate": None if self.input_check is None else self.input_check.to_dict(),
            "card": self.card,
        }

    @property
    def identity(self) -> str:
        """SHA-256 of all that an answer follows from: what differs in it may answer differently.

        The graph, the preprocessing, the calibration, the prediction sets, the input check, the
        operating points and the evidence threshold, as JSON with sorted keys and every number as
        a float. Neither the card nor the names of the model, nor the format of the file.
        """
        parts = self.to_dict()
        for name in _WITHOUT_EFFECT:
            del parts[name]
        text = json.dumps(_canonical(parts), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Manifest:
        """Rebuild from :meth:`to_dict`; refuse what this version does not know.

        Warns
        -----
        ArtifactWarning
            If the operating points are out of order, as earlier versions chose them where the
            classes are well separated. They are put in order (docs/decisions/0054), and what the
            card says of those that moved is left out.
        """
        _check_known(values)
        values = _in_order(values)
        try:
            manifest = cls(
                model_id=str(values["model_id"]),
                model_version=str(values["model_version"]),
                preprocessing=Preprocessing.from_dict(values["preprocessing"]),
                calibration=Calibration(**values["calibration"]),
                operating_points=dict(values["operating_points"]),
                evidence_threshold=values["evidence_threshold"],
                graph_sha256=str(values["graph_sha256"]),
                conformal=_optional(Conformal, values.get("conformal")),
                input_check=_optional(InputCheck, values.get("gate")),
                recognition=_recognition(values.get("recognition")),
                card=dict(values.get("card", {})),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"The artifact's manifest is incomplete: {error!r}.") from error
        _check_numbers(manifest)
        return manifest


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """A manifest with its verified graph.

    Attributes
    ----------
    training_scans
        Shape (n, 11), uint64: perceptual descriptors of the scans that the model has learned from;
        ``None`` where they are not known. No answer follows from them.
    """

    manifest: Manifest
    graph: bytes
    training_scans: NDArray[np.uint64] | None = None


def uncalibrated(
    graph: bytes, preprocessing: Preprocessing, *, model_id: str, model_version: str
) -> Artifact:
    """Return an artifact that takes the graph's outputs as they are; nothing is fitted yet."""
    manifest = Manifest(
        model_id=model_id,
        model_version=model_version,
        preprocessing=preprocessing,
        calibration=Calibration(),
        operating_points={NEUTRAL: UNFITTED},
        evidence_threshold=0.0,
        graph_sha256=hashlib.sha256(graph).hexdigest(),
    )
    return Artifact(manifest, graph)


def write_artifact(path: Path, artifact: Artifact, *, overwrite: bool = False) -> None:
    """Write an artifact as one file.

    Raises
    ------
    ArtifactError
        If the file exists and ``overwrite`` is not given, if it cannot be written, or if the
        operating points are out of order.
    """
    points = artifact.manifest.operating_points
    if points != ordered(points):
        raise ArtifactError(
            f"The operating points {points} are out of order; rule_out <= balanced <= rule_in is "
            "needed."
        )
    if path.exists() and not overwrite:
        raise ArtifactError(f"{path} exists; give another path or allow overwriting.")
    try:
        write_whole(path, _pack(artifact))
    except OSError as error:
        raise ArtifactError(f"The artifact {path} cannot be written: {error.strerror}.") from error


def read_artifact(path: Path | None = None) -> Artifact:
    """Read and verify an artifact.

    Parameters
    ----------
    path
        File; ``lite`` or ``default``, where there is no such file, for one inside the package;
        ``None`` for the default.

    Raises
    ------
    ArtifactError
        If the file is absent, damaged, altered, or of a kind that is not known here.
    """
    embedded = _embedded_name(path)
    name = str(path) if embedded is None else f"the embedded artifact {embedded!r}"
    content = _file_bytes(Path(name)) if embedded is None else _embedded_bytes(embedded)
    manifest_text, graph, scans = _unpack(content, name)
    try:
        values = json.loads(manifest_text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"The manifest of {name} is not JSON: {error}.") from error
    manifest = Manifest.from_dict(values)
    digest = hashlib.sha256(graph).hexdigest()
    if digest != manifest.graph_sha256:
        raise ArtifactError(
            f"The graph of {name} has SHA-256 {digest}, but its manifest says "
            f"{manifest.graph_sha256}: the file was altered or damaged. Get a new copy."
        )
    return Artifact(manifest, graph, None if scans is None else _training_scans(scans, name))


def _embedded_name(path: Path | None) -> str | None:
    """Return the name of the artifact inside the package that is meant, if one is."""
    if path is None:
        return "default"
    return str(path) if str(path) in EMBEDDED_NAMES and not path.is_file() else None


def _embedded_bytes(name: str) -> bytes:
    file = resources.files("tumorscope.model").joinpath(EMBEDDED_NAMES[name])
    if not file.is_file():
        raise ArtifactError(f"This installation has no embedded model {name!r}; give --model PATH.")
    return file.read_bytes()


def _file_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_ARTIFACT_BYTES:
            raise ArtifactError(f"{path} has {size} bytes, more than any artifact; check the path.")
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"The artifact {path} cannot be read: {error.strerror}.") from error


def _pack(artifact: Artifact) -> bytes:
    text = json.dumps(artifact.manifest.to_dict(), indent=1, sort_keys=True)
    members = [(MANIFEST_NAME, text.encode()), (GRAPH_NAME, artifact.graph)]
    if artifact.training_scans is not None:
        scans = io.BytesIO()
        np.save(scans, artifact.training_scans.astype("<u8"), allow_pickle=False)
        members.append((TRAINING_SCANS_NAME, scans.getvalue()))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            # A fixed date: the same run gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return packed.getvalue()


def _unpack(content: bytes, name: str) -> tuple[bytes, bytes, bytes | None]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = sorted(archive.namelist())
            if names not in _KNOWN_CONTENTS:
                raise ArtifactError(
                    f"{name} is not a tumorscope artifact: it holds "
                    f"{[one[:_SHOWN] for one in names[:5]]}, "
                    f"expected {MANIFEST_NAME} and {GRAPH_NAME}."
                )
            if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
                raise ArtifactError(f"{name} is compressed; artifacts are stored uncompressed.")
            scans = archive.read(TRAINING_SCANS_NAME) if TRAINING_SCANS_NAME in names else None
            return archive.read(MANIFEST_NAME), archive.read(GRAPH_NAME), scans
    except _DAMAGED_ZIP as error:
        reason = str(error)[:_SHOWN]  # zipfile quotes names, which may be as long as a file
        raise ArtifactError(f"{name} is not a tumorscope artifact: {reason}.") from error


def _training_scans(content: bytes, name: str) -> NDArray[np.uint64]:
    try:
        scans: NDArray[np.uint64] = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ArtifactError(f"{TRAINING_SCANS_NAME} of {name} is damaged: {error}.") from error
    is_table = isinstance(scans, np.ndarray) and scans.ndim == 2
    if not is_table or scans.shape[1] != TRAINING_SCAN_WORDS or scans.dtype != np.uint64:
        raise ArtifactError(
            f"{TRAINING_SCANS_NAME} of {name} is not a table of {TRAINING_SCAN_WORDS} words a "
            "scan; get a new copy of the artifact."
        )
    return scans


def _check_known(values: Any) -> None:
    if not isinstance(values, dict) or values.get("format") != "tumorscope-artifact":
        raise ArtifactError("The manifest is not that of a tumorscope artifact.")
    expected: dict[str, tuple[Any, ...]] = {
        "format_version": (FORMAT_VERSION,),
        "labels": (list(CLASSES),),
        "tumor_types": (list(TUMOR_TYPES),),
    }
    for key, known in expected.items():
        if values.get(key) not in known:
            raise ArtifactError(
                f"The artifact has {key} {values.get(key)!r}; this version of tumorscope knows "
                f"{' and '.join(map(repr, known))}. Install the version that made it."
            )
    points = values.get("operating_points")
    if not isinstance(points, dict) or "balanced" not in points:
        raise ArtifactError(
            f"The artifact's operating_points {points!r} have no operating point named 'balanced'."
        )

    if CUSTOM in points:
        raise ArtifactError(
            f"The artifact has an operating point named {CUSTOM!r}, which stands for a threshold "
            "that a user gives. Make the artifact again with another name for it."
        )


def _in_order(values: dict[str, Any]) -> dict[str, Any]:
    """Order the operating points; leave out what was measured at those that moved."""
    before = values["operating_points"]
    numbers = (one for one in before.values() if isinstance(one, (int, float)))
    if sum(map(math.isfinite, numbers)) != len(before):
        return values  # which the check of the numbers tells
    after = ordered(before)
    moved = [name for name in after if after[name] != before[name]]
    if not moved:
        return values
    warnings.warn(
        "The artifact's operating points are out of order; "
        + ", ".join(
            f"{name} is taken at {after[name]:.4f}, not {before[name]:.4f}" for name in moved
        )
        + f", for {NEUTRAL} is {after[NEUTRAL]:.4f}. Each keeps what it promises. To write the "
        "artifact so: tumorscope model rewrite FILE --overwrite",
        ArtifactWarning,
        stacklevel=4,
    )
    card = {
        name: _without_points(part, moved) if name.startswith("evaluation") else part
        for name, part in dict(values.get("card", {})).items()
    }
    kept = {name: part for name, part in card.items() if part is not None}
    return values | {"operating_points": after, "card": kept}


def _without_points(evaluation: Any, moved: list[str]) -> Any:
    """Leave out the rows of some operating points; all of it, ``None``, if it was made at one."""
    if not isinstance(evaluation, dict) or evaluation.get("operating_point") in moved:
        return None

    def without(rows: Any) -> Any:
        if not isinstance(rows, dict):
            return rows
        return {name: row for name, row in rows.items() if name not in moved}

    sections = evaluation.get("sections")
    if isinstance(sections, dict) and "operating_points" in sections:
        sections = sections | {"operating_points": without(sections["operating_points"])}
    points = without(evaluation.get("operating_points"))
    return evaluation | {"sections": sections, "operating_points": points}


def _canonical(value: Any) -> Any:
    """Return a value of JSON in which 1 and 1.0 are the same, and 0.0 and -0.0."""
    if isinstance(value, dict):
        return {name: _canonical(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_canonical(one) for one in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) + 0.0 if is_number else value


def _check_numbers(manifest: Manifest) -> None:
    calibration = manifest.calibration
    _check_number("calibration slope", calibration.slope)
    _check_number("calibration intercept", calibration.intercept)
    _check_number("type_temperature", calibration.type_temperature, low=1e-6)
    _check_number("series_spread", calibration.series_spread, low=0)
    _check_number("evidence_threshold", manifest.evidence_threshold)
    for name, threshold in manifest.operating_points.items():
        # The step above 1 is the threshold at which nothing is called tumor.
        _check_number(f"operating point {name}", threshold, low=0, high=math.nextafter(1, 2))

    if manifest.conformal is not None:
        for name, value in manifest.conformal.to_dict().items():
            _check_number(f"conformal {name}", value, low=0, high=1)
    if manifest.input_check is not None:
        _check_number("input check's threshold", manifest.input_check.threshold, low=0)


def _recognition(values: dict[str, Any] | None) -> Recognition | None:
    return None if values is None else Recognition.from_dict(values)


def _optional(kind: Callable[..., _Part], values: dict[str, Any] | None) -> _Part | None:
    return None if values is None else kind(**values)


def _check_number(
    name: str, value: object, *, low: float = -math.inf, high: float = math.inf
) -> None:
    number = isinstance(value, (int, float)) and math.isfinite(value) and low <= value <= high
    if not number:
        raise ArtifactError(
            f"The artifact's {name} is {value!r}; a finite number from {low:g} to {high:g} is "
            "needed. Get a new copy of the artifact."
        )
