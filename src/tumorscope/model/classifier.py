"""The one seam of the system: an image in, a :class:`Prediction` out."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tumorscope.answer import (
    Answer,
    Failure,
    Localization,
    ModelIdentity,
    Prediction,
    Probabilities,
    SeriesPrediction,
    StudyPrediction,
    TypeProbabilities,
    name_types,
)
from tumorscope.errors import ArtifactError, ImageContentError, ImageError, UsageError
from tumorscope.imaging.inputs.read import IN_MEMORY, read_one, read_scans
from tumorscope.imaging.inputs.sources import label
from tumorscope.imaging.preprocess import CanvasGeometry
from tumorscope.imaging.scan import ReadFailure, Scan
from tumorscope.labels import CLASSES, Outcome
from tumorscope.model.artifact import Artifact, Manifest, read_artifact
from tumorscope.model.decision import DecisionRule
from tumorscope.model.evidence import evidence_on_image, localize, sigmoid
from tumorscope.model.input_check import BLANK, REJECTION, foreign_header
from tumorscope.model.integer_arithmetic import keep_exact
from tumorscope.model.openvino_session import OpenVinoSession, chosen_runtime
from tumorscope.model.recognition import RECOGNIZED, recognize_plane, recognize_sequence
from tumorscope.model.series import answer_series
from tumorscope.model.study import answer_studies
from tumorscope.operating_point import choose
from tumorscope.system.parallel import answer_side_by_side
from tumorscope.system.read_ahead import read_ahead

if TYPE_CHECKING:
    import onnxruntime
    import PIL.Image
    import pydicom

    from tumorscope.imaging.formats.volume import Volume

    _Session: TypeAlias = onnxruntime.InferenceSession | OpenVinoSession
    ImageLike = str | Path | bytes | PIL.Image.Image | NDArray[Any] | Volume | pydicom.Dataset

INPUT = "canvas"
"""Name of the graph's input: canvases (n, size, size), uint8."""

OUTPUTS = ("tumor", "evidence", "type", "features")
"""Names of the graph's outputs, all per image: tumor logit (), evidence logits (cells, cells),
type logits (3,), features (d,)."""

NOVELTY = "novelty"
"""Name of the output that an input check looks at, a number per image."""


def load_model(
    path: str | Path | None = None,
    *,
    operating_point: str | None = None,
    threshold: float | None = None,
    threads: int | None = None,
) -> Classifier:
    """Load a model artifact.

    The network runs in ONNX Runtime; in OpenVINO where the environment variable
    ``TUMORSCOPE_RUNTIME`` says ``openvino``.

    Parameters
    ----------
    path
        Artifact file, or ``"lite"`` for the small one inside the package; by default the full
        one.
    operating_point
        Name of the threshold that turns probabilities into outcomes; default ``balanced``.
    threshold
        Probability of tumor from which the outcome is ``tumor``, in place of an operating point.
        It decides alone: the model never abstains then (docs/decisions/0055).
    threads
        Processor threads of the network; default all available cores.

    Raises
    ------
    ArtifactError
        If the artifact is absent, damaged, altered or unknown.
    UsageError
        If the artifact has no such operating point, the threshold is no probability, or
        ``TUMORSCOPE_RUNTIME`` names a runtime that is unknown, not installed or not exact on this
        processor.
    """
    artifact = read_artifact(None if path is None else Path(path))
    return Classifier(
        artifact, operating_point=operating_point, threshold=threshold, threads=threads
    )


class Classifier:
    """Classifies brain MR images with one artifact.

    Research use only. Not a medical device.

    Parameters
    ----------
    artifact
        Verified by :func:`~tumorscope.model.artifact.read_artifact`.
    operating_point, threshold, threads
        As of :func:`load_model`.
    """

    def __init__(
        self,
        artifact: Artifact,
        *,
        operating_point: str | None = None,
        threshold: float | None = None,
        threads: int | None = None,
    ) -> None:
        self.manifest: Manifest = artifact.manifest
        self._point = choose(self.manifest.operating_points, operating_point, threshold)
        self.identity = ModelIdentity(
            self.manifest.model_id, self.manifest.model_version, self.manifest.identity
        )
        self._outputs = _outputs_of(self.manifest)
        self._graph, self._threads = artifact.graph, threads or available_cores()
        self._session = _open_session(artifact.graph, self._threads)
        self._one_thread: list[_Session] = []  # opened when needed, for all operating points
        _check_interface(self._session, self._outputs, self.manifest.preprocessing.size)

    def __repr__(self) -> str:
        name, version = self.manifest.model_id, self.manifest.model_version
        return (
            f"<Classifier {name} {version} ({self.identity.sha256[:8]}) at {self.operating_point}: "
            f"tumor from {self.threshold:.3f} on>"
        )

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The classes in the order of :meth:`predict_proba`, as scikit-learn sorts them."""
        return np.array(sorted(CLASSES))

    @property
    def operating_point(self) -> str:
        """Name of the operating point; ``custom`` at a threshold that was given."""
        return self._point.name

    @property
    def threshold(self) -> float:
        """Probability of tumor from which the outcome is ``tumor``."""
        return self._point.threshold

    def at(
        self, operating_point: str | None = None, *, threshold: float | None = None
    ) -> Classifier:
        """Return this classifier at another operating point, sharing the network.

        Parameters
        ----------
        operating_point, threshold
            As of :func:`load_model`: the one or the other.

        Raises
        ------
        UsageError
            If the artifact has no such operating point, or the threshold is no probability.
        """
        other = copy.copy(self)
        other._point = choose(self.manifest.operating_points, operating_point, threshold)
        return other

    @property
    def rule(self) -> DecisionRule:
        """What turns a probability into an outcome at this operating point."""
        return DecisionRule.at(self._point, self.manifest.conformal)

    def predict(self, image: ImageLike, *, heatmap: bool = False) -> Prediction | SeriesPrediction:
        """Classify one image, or one series where the input holds several slices.

        Parameters
        ----------
        image
            Path, encoded bytes, PIL image, array of shape (rows, columns), (rows, columns, 3) or
            (3, rows, columns), :class:`tumorscope.Volume`, or pydicom Dataset.
        heatmap
            Also lay the evidence over the image (``Prediction.evidence``).

        Raises
        ------
        UsageError
            If the path is a folder.
        ImageError
            If the input cannot be read or holds no picture.
        """
        _check_no_folder(image)
        scans = read_one(image)
        if len(scans) == 1:
            return self.predict_scan(scans[0], heatmap=heatmap)
        collector = SeriesCollector(self)
        for scan in scans:
            collector.add(scan.series_uid, self.answer_scan(scan, heatmap=False))
        series = list(collector.series())
        if not series:
            raise ImageContentError(f"None of the {len(scans)} slices contains a usable image.")
        return series[0]

    def predict_proba(self, images: Iterable[ImageLike]) -> NDArray[np.float64]:
        """Return the calibrated probability of each class, as scikit-learn's classifiers do.

        Parameters
        ----------
        images
            As :meth:`predict` takes them; an array of shape (n, rows, columns) is n images.

        Returns
        -------
        ndarray
            Shape (n, 2), columns as :attr:`classes_`; NaN for an image that is rejected because it
            does not look like a brain MR image. A series or volume has the probability of the
            whole.

        Raises
        ------
        ImageError
            If an image cannot be read.
        UsageError
            If one image was given, not several.
        """
        _check_several(images, "predict_proba")
        found = [self.predict(one).probabilities for one in images]
        rows = [[math.nan, math.nan] if one is None else _as_row(one) for one in found]
        return np.array(rows, np.float64).reshape(len(rows), len(CLASSES))

    def predict_many(
        self, paths: Iterable[ImageLike] | Path, *, heatmap: bool = False
    ) -> Iterator[Answer]:
        """Classify files, folders and archives, and images in memory, one answer at a time.

        Parameters
        ----------
        paths
            One path, or any number of them; among them may be images as :meth:`predict` takes
            them, such as arrays and PIL images. What is in memory is named ``memory`` with its
            place among all, from 0: ``memory[3]``.
        heatmap
            Also lay the evidence over the images.

        Yields an answer for each image or slice in input order, then one for each series.
        The first image gets all threads; those after it one each, side by side, which is less
        waiting for each other. The next file is read meanwhile. Memory does not grow with the
        number of images, but for a few numbers per slice.
        """
        collector = SeriesCollector(self)
        items = read_ahead(_read_all(paths))
        for item, answer in self._answer_all(items, heatmap=heatmap):
            if isinstance(item, Scan):
                collector.add(item.series_uid, answer)
            yield answer
        yield from collector.answers()

    def _answer_all(
        self, items: Iterator[Scan | ReadFailure], *, heatmap: bool
    ) -> Iterator[tuple[Scan | ReadFailure, Prediction | Failure]]:
        for item in islice(items, 1):
            yield item, self._answer(item, heatmap=heatmap)
        second = list(islice(items, 1))
        if not second:
            return  # a lone image needs no other session
        worker = self._with_one_thread()

        def answer(item: Scan | ReadFailure) -> tuple[Scan | ReadFailure, Prediction | Failure]:
            return item, worker._answer(item, heatmap=heatmap)

        workers = 1 if worker is self else self._threads
        yield from answer_side_by_side(answer, chain(second, items), workers=workers)

    def _answer(self, item: Scan | ReadFailure, *, heatmap: bool) -> Prediction | Failure:
        if isinstance(item, ReadFailure):
            return Failure(item.source, item.error)
        return self.answer_scan(item, heatmap=heatmap)

    def _with_one_thread(self) -> Classifier:
        """Return this classifier with a session that several threads can run at one time."""
        if self._threads == 1 or isinstance(self._session, OpenVinoSession):
            return self
        if not self._one_thread:
            self._one_thread.append(_open_session(self._graph, 1))
        other = copy.copy(self)
        other._threads, other._session = 1, self._one_thread[0]
        return other

    def predict_scan(self, scan: Scan, *, heatmap: bool = False) -> Prediction:
        """Classify one slice that has been read already.

        A blank slice of a stack or series, as lie beyond the head, is rejected; a blank image is
        an error.
        A DICOM image whose header gives another modality than MR, or a part of the body below the
        neck, is rejected unseen.

        Raises
        ------
        ImageContentError
            If the scan holds no picture.
        """
        is_one_of_many = scan.slice_index is not None or scan.series_uid is not None
        if is_one_of_many and scan.is_blank:
            return self._reject(scan, BLANK, heatmap=heatmap)
        if foreign := foreign_header(scan.modality, scan.body_part):
            return self._reject(scan, foreign, heatmap=heatmap)
        canvas, geometry = self.manifest.preprocessing.apply(scan.pixels, scan.spacing_mm)
        outputs = self._run(canvas[None])
        logit, evidence, type_logits = (outputs[name] for name in OUTPUTS[:3])
        check = self.manifest.input_check
        if check is not None and check.rejects(float(outputs[NOVELTY][0])):
            return self._reject(scan, REJECTION, heatmap=heatmap)
        known = self.manifest.recognition
        sequence, note = recognize_sequence(
            scan.sequence, *((outputs["sequence"][0], known.sequence) if known else (None, ()))
        )
        plane = recognize_plane(
            scan.plane, *((outputs["plane"][0], known.plane) if known else (None, ()))
        )
        probability = float(self.calibrate(logit)[0])
        outcome, plausible, reasons = self.rule.decide(probability)
        return Prediction(
            source=scan.source,
            outcome=outcome,
            probabilities={"tumor": probability, "no_tumor": 1 - probability},
            type_probabilities=self._type_probabilities(type_logits[0]),
            prediction_set=plausible,
            reasons=reasons,
            localization=self._localize(outcome, evidence[0], geometry),
            model=self.identity,
            operating_point=self._point,
            slice_index=scan.slice_index,
            sop_instance_uid=scan.sop_instance_uid,
            series_instance_uid=scan.series_instance_uid,
            study_instance_uid=scan.study_uid,
            series_key=scan.series_uid,
            position_mm=scan.position_mm,
            series_description=scan.series_description,
            evidence=self.evidence_on_image(evidence[0], geometry) if heatmap else None,
            pixels=scan.pixels if heatmap else None,
            member=scan.member,
            sequence=sequence,
            plane=plane,
            notes=scan.notes if note is None else (*scan.notes, note),
        )

    def run(self, canvases: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """Run the network on canvases of shape (n, size, size), uint8.

        Returns
        -------
        tuple of ndarray
            Tumor logits (n,), evidence logits (n, cells, cells), type logits (n, types) and
            features (n, d), then, where the artifact has an input check, novelty (n,); all float32.
        """
        outputs = self._run(canvases)
        return tuple(one for name, one in outputs.items() if name not in RECOGNIZED)

    def _run(self, canvases: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return all outputs of the network by name, in their order."""
        values = self._session.run(self._outputs, {INPUT: canvases})
        return dict(zip(self._outputs, values, strict=True))

    def calibrate(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Turn tumor logits into calibrated probabilities, same shape."""
        calibration = self.manifest.calibration
        scaled = calibration.slope * logits.astype(np.float64) + calibration.intercept
        return sigmoid(scaled)

    def answer_scan(self, scan: Scan, *, heatmap: bool = False) -> Prediction | Failure:
        """Classify one slice as :meth:`predict_scan`; what it would raise is a Failure."""
        try:
            return self.predict_scan(scan, heatmap=heatmap)
        except ImageError as error:
            return Failure(scan.source, error, scan.slice_index)

    def _reject(self, scan: Scan, reason: str, *, heatmap: bool) -> Prediction:
        return Prediction(
            source=scan.source,
            outcome="rejected",
            probabilities=None,
            type_probabilities=None,
            prediction_set=(),
            reasons=(reason,),
            localization=None,
            model=self.identity,
            operating_point=self._point,
            slice_index=scan.slice_index,
            sop_instance_uid=scan.sop_instance_uid,
            series_instance_uid=scan.series_instance_uid,
            study_instance_uid=scan.study_uid,
            series_key=scan.series_uid,
            position_mm=scan.position_mm,
            series_description=scan.series_description,
            evidence=np.zeros_like(scan.pixels) if heatmap else None,
            pixels=scan.pixels if heatmap else None,
            member=scan.member,
            sequence=recognize_sequence(scan.sequence, None, ())[0],
            plane=scan.plane,
            notes=scan.notes,
        )

    def _type_probabilities(self, logits: NDArray[np.float32]) -> TypeProbabilities:
        scaled = logits.astype(np.float64) / self.manifest.calibration.type_temperature
        shares = np.exp(scaled - scaled.max())
        shares /= shares.sum()
        return name_types(shares)

    def _localize(
        self, outcome: Outcome, evidence: NDArray[np.float32], geometry: CanvasGeometry
    ) -> Localization | None:
        if outcome != "tumor":
            return None
        return localize(
            evidence,
            geometry,
            canvas_size=self.manifest.preprocessing.size,
            threshold=self.manifest.evidence_threshold,
        )

    def evidence_on_image(
        self, evidence: NDArray[np.float32], geometry: CanvasGeometry
    ) -> NDArray[np.float32]:
        """Lay evidence logits (cells, cells) over the image as read, as values in [0, 1]."""
        size = self.manifest.preprocessing.size
        return evidence_on_image(evidence, geometry, canvas_size=size)


class SeriesCollector:
    """Gathers slice answers by series; keeps no pixels.

    Parameters
    ----------
    classifier
        That gives the answers; its threshold decides for the series.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._members: dict[str, dict[str | None, list[Prediction]]] = {}
        self._failed: dict[str, int] = {}

    def add(self, series_uid: str | None, answer: Prediction | Failure) -> None:
        """Take the answer for one slice; those of no series are left out.

        Slices of several studies are of several series, though some programs give one Series
        Instance UID to all that they write.
        """
        if series_uid is None:
            return
        studies = self._members.setdefault(series_uid, {})
        if isinstance(answer, Failure):
            self._failed[series_uid] = self._failed.get(series_uid, 0) + 1
        else:
            members = studies.setdefault(answer.study_instance_uid, [])
            members.append(replace(answer, evidence=None, pixels=None))

    def answers(self) -> Iterator[SeriesPrediction | StudyPrediction]:
        """Yield an answer for each series, then one for each study of several of them.

        A series has more than one slice. The order is that of arrival.
        """
        series = []
        for one in self.series():
            series.append(one)
            yield one
        if len(series) > 1:
            yield from answer_studies(
                series, rule=self._classifier.rule, model=self._classifier.identity
            )

    def series(self) -> Iterator[SeriesPrediction]:
        """Yield one answer for each series of more than one slice, in the order of arrival."""
        for uid, studies in self._members.items():
            # Nobody knows which of several studies a slice was of that could not be answered.
            failed = self._failed.get(uid, 0)
            for members in studies.values():
                if len(members) + failed > 1:
                    yield answer_series(
                        members,
                        failed=failed,
                        rule=self._classifier.rule,
                        model=self._classifier.identity,
                        spread=self._classifier.manifest.calibration.series_spread,
                    )
                    failed = 0


def _read_all(inputs: Iterable[ImageLike] | Path) -> Iterator[Scan | ReadFailure]:
    """Read paths, with all that they stand for, and images in memory, in their order."""
    if isinstance(inputs, (str, Path)):
        yield from read_scans([inputs])
        return
    _check_several(inputs, "predict_many")
    for place, one in enumerate(inputs):
        if isinstance(one, (str, Path)):
            yield from read_scans([one])
        else:
            yield from _read_memory(one, f"{IN_MEMORY}[{place}]")


def _as_row(probabilities: Probabilities) -> list[float]:
    """Return probabilities in the order of the sorted classes."""
    return [probabilities["no_tumor"], probabilities["tumor"]]


def _check_several(inputs: object, method: str) -> None:
    is_one = isinstance(inputs, (str, Path, bytes, bytearray)) or getattr(inputs, "ndim", 3) < 3
    if is_one or not isinstance(inputs, Iterable):
        raise UsageError(
            f"{method} takes several images, as a list or another iterable; received "
            f"{type(inputs).__name__}. For one image there is predict."
        )


def _read_memory(image: ImageLike, name: str) -> Iterator[Scan | ReadFailure]:
    try:
        yield from read_one(image, name=name)
    except ImageError as error:
        yield ReadFailure(name, error)


def _check_no_folder(image: ImageLike) -> None:
    if not isinstance(image, (str, Path)) or not _is_folder(image):
        return
    name = label(image)
    raise UsageError(
        f"{name} is a folder; predict takes one file. For all scans in it: "
        f"model.predict_many({name!r}), or on the command line: tumorscope predict {name}"
    )


def _is_folder(path: str | Path) -> bool:
    with suppress(OSError, ValueError):  # what is no path at all, its reader tells
        return bool(str(path)) and Path(path).is_dir()
    return False


def _open_session(graph: bytes, threads: int) -> _Session:
    if chosen_runtime() == "openvino":
        return OpenVinoSession(graph, threads)
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # for programs that loaded it before tumorscope
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take a third more processor time for the same answer, and
    # from whatever else runs: other requests, other programs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A plan of the next run's memory makes no run faster here, and is held beside what the first
    # run took.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    keep_exact(options, graph)
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own that share no base
        raise ArtifactError(f"The artifact's graph cannot be loaded: {error}") from error
    return session


def _outputs_of(manifest: Manifest) -> tuple[str, ...]:
    novelty = () if manifest.input_check is None else (NOVELTY,)
    recognized = () if manifest.recognition is None else RECOGNIZED
    return (*OUTPUTS, *novelty, *recognized)


def _check_interface(session: _Session, outputs: tuple[str, ...], size: int) -> None:
    names = tuple(output.name for output in session.get_outputs())
    if set(names) != set(outputs):
        raise ArtifactError(f"The graph has outputs {names}; expected {outputs}.")
    inputs = [(one.name, one.type) for one in session.get_inputs()]
    if inputs != [(INPUT, "tensor(uint8)")]:
        raise ArtifactError(f"The graph has input {inputs}; expected {INPUT!r} in uint8.")
    shape = session.get_inputs()[0].shape
    # A side that the graph leaves open has a name in place of a number.
    if len(shape) != 3 or any(isinstance(side, int) and side != size for side in shape[1:]):
        raise ArtifactError(
            f"The graph takes inputs of shape {shape}, but its preprocessing makes {size} x "
            f"{size} pixels."
        )


def available_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
