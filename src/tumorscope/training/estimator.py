"""The training run as a scikit-learn estimator, for people who think in ``fit`` and ``predict``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from tumorscope.errors import UsageError
from tumorscope.imaging.inputs.read import read_one
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.imaging.scan import Scan
from tumorscope.model.artifact import Artifact, read_artifact, uncalibrated, write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.training.checkpoint import Arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.examples import UNKNOWN, Examples
from tumorscope.training.fit import FROM_START, fit
from tumorscope.training.graph_weights import graph_weights
from tumorscope.training.onnx_graph import build_graph


class TumorClassifier(ClassifierMixin, BaseEstimator):
    """Fine-tuned VGG16 with an evidence map, as a binary image classifier.

    Parameters
    ----------
    weights
        ``"imagenet"``, the path of an ``.npz`` with VGG16's convolutions, or ``None`` for random
        ones. Not used with ``start``.
    start
        Artifact to continue training from: ``"default"`` or ``"lite"`` for those inside the
        package, which needs no internet, or a path; ``None`` to begin with a new head. Its
        ``size`` must be that of the estimator.
    size
        Side of the canvas in pixels, a multiple of 32.
    views, frozen_epochs, fine_tune_epochs, batch_size, dropout, l2
        As in :class:`~tumorscope.training.config.TrainConfig`.
    validation_fraction
        Share of the groups that early stopping looks at and that are not trained on.
    random_state
        Seed; the same seed gives the same weights.

    Attributes
    ----------
    classes_
        The two labels, sorted; the second is the one that evidence is gathered for.
    graph_
        ONNX graph of the fitted network, which prediction runs on.
    history_
        Metrics of each epoch.

    Notes
    -----
    A fitted estimator survives ``pickle`` in memory. To keep one on disk use the command line's
    artifacts, or :meth:`save`: no file that tumorscope reads is ever unpickled.

    In ``GridSearchCV(..., cv=GroupKFold())`` give ``groups`` to ``fit`` of the search, which splits
    by them. In ``CalibratedClassifierCV`` and pipelines images go through as they are.
    """

    def __init__(  # noqa: PLR0913  scikit-learn wants every setting as a parameter
        self,
        *,
        weights: str | None = "imagenet",
        start: str | None = None,
        size: int = 224,
        views: int = 3,
        frozen_epochs: int = 1,
        fine_tune_epochs: int = 6,
        batch_size: int = 32,
        dropout: float = 0.3,
        l2: float = 1e-4,
        validation_fraction: float = 0.15,
        random_state: int = 0,
    ) -> None:
        self.weights = weights
        self.start = start
        self.size = size
        self.views = views
        self.frozen_epochs = frozen_epochs
        self.fine_tune_epochs = fine_tune_epochs
        self.batch_size = batch_size
        self.dropout = dropout
        self.l2 = l2
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    def fit(
        self,
        X: Any,  # noqa: N803  scikit-learn's name
        y: Any,
        *,
        groups: Any = None,
        masks: Any = None,
    ) -> Self:
        """Fine-tune on images.

        Parameters
        ----------
        X
            Images: sequence of arrays of shape (rows, columns), PIL images or paths, or one array
            (n, rows, columns).
        y
            Shape (n,), two distinct labels.
        groups
            Shape (n,), patient of each image; by default every image is its own.
        masks
            Sequence of arrays of the images' shapes, non-zero inside the tumor, or ``None`` for
            an image without one.

        Raises
        ------
        UsageError
            If lengths differ or there are not two labels.
        """
        labels = self._encode(y)
        canvases, examples = self._examples(X, labels, masks)
        inside = _choose_validation(
            labels, groups, fraction=self.validation_fraction, seed=self.random_state
        )
        config = self._config()
        started = None if self.start is None else self._start_weights(self.start)
        with tempfile.TemporaryDirectory() as folder:
            fitted = fit(
                examples.take(np.flatnonzero(~inside)),
                examples.take(np.flatnonzero(inside)),
                config=config,
                weights=self.weights if started is None else FROM_START,
                start=started,
                run_folder=Path(folder),
            )
        self.graph_ = build_graph(fitted.weights, size=self.size, config=config).SerializeToString()
        self.history_ = fitted.history
        self.n_images_in_ = len(canvases)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each class, shape (n, 2), in the order of ``classes_``."""
        check_is_fitted(self, "graph_")
        classifier = self._classifier()
        logits = [classifier.run(canvas[None])[0][0] for canvas in self._canvases(X)[0]]
        probability = classifier.calibrate(np.array(logits))
        return np.column_stack([1 - probability, probability])

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """Return the more probable class of each image, shape (n,)."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the fitted network as an artifact, which ``load_model`` reads.

        Its probability of tumor is that of ``classes_[1]``. It is not calibrated, never abstains
        and rejects nothing: ``tumorscope calibrate`` fits the first two.

        Raises
        ------
        ArtifactError
            If the file exists and ``overwrite`` is not given, or cannot be written.
        """
        check_is_fitted(self, "graph_")
        write_artifact(Path(path), self._artifact(), overwrite=overwrite)

    def __sklearn_tags__(self) -> Tags:
        """Say that images are needed and two classes are told apart."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.classifier_tags.multi_class = False
        return tags

    def _encode(self, y: Any) -> NDArray[np.int8]:
        check_classification_targets(y)
        self.classes_, encoded = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) != 2:
            raise UsageError(
                f"y must contain exactly two classes; received {len(self.classes_)}: "
                f"{self.classes_[:5].tolist()}."
            )
        return encoded.astype(np.int8)

    def _canvases(self, images: Any) -> tuple[NDArray[np.uint8], list[Any]]:
        preprocessing = Preprocessing(size=self.size)
        scans = (_scan(one) for one in images)
        pairs = [preprocessing.apply(one.pixels, one.spacing_mm) for one in scans]
        if not pairs:
            raise UsageError("X contains no images.")
        return np.stack([canvas for canvas, _ in pairs]), [geometry for _, geometry in pairs]

    def _examples(
        self, images: Any, labels: NDArray[np.int8], masks: Any
    ) -> tuple[NDArray[np.uint8], Examples]:
        canvases, geometries = self._canvases(images)
        covered: list[NDArray[np.uint8]] = []
        index = np.full(len(canvases), UNKNOWN, np.int32)
        if masks is not None and len(masks) != len(canvases):
            raise UsageError(f"{len(canvases)} images need as many masks; received {len(masks)}.")
        for row, mask in enumerate(masks if masks is not None else ()):
            if mask is not None:
                index[row] = len(covered)
                placed = Preprocessing(size=self.size).apply_mask(np.asarray(mask), geometries[row])
                covered.append(np.rint(placed * 255).astype(np.uint8))
        count = len(canvases)
        return canvases, Examples(
            keys=np.array([f"image{row:06d}" for row in range(count)]),
            canvases=canvases,
            tumor=labels,
            tumor_type=np.full(count, UNKNOWN, np.int8),
            source=np.full(count, "X"),
            masks=np.stack(covered) if covered else np.zeros((0, *canvases.shape[1:]), np.uint8),
            mask_index=index,
        )

    def _config(self) -> TrainConfig:
        return TrainConfig(
            seed=self.random_state,
            views=self.views,
            frozen_epochs=self.frozen_epochs,
            fine_tune_epochs=self.fine_tune_epochs,
            batch_size=self.batch_size,
            dropout=self.dropout,
            l2=self.l2,
        )

    def _start_weights(self, start: str) -> Arrays:
        artifact = read_artifact(Path(start))
        if artifact.manifest.preprocessing != Preprocessing(size=self.size):
            raise UsageError(
                f"start={start!r} takes images of {artifact.manifest.preprocessing.size} pixels "
                f"and this estimator of {self.size}; give size="
                f"{artifact.manifest.preprocessing.size}."
            )
        return graph_weights(artifact.graph)

    def _artifact(self) -> Artifact:
        return uncalibrated(
            self.graph_,
            Preprocessing(size=self.size),
            model_id="TumorClassifier",
            model_version="unversioned",
        )

    def _classifier(self) -> Classifier:
        return Classifier(self._artifact())


def _scan(image: Any) -> Scan:
    """Read an image of any kind that ``load_model().predict`` takes; it must be a single one."""
    scans = read_one(image, name="X")
    if len(scans) != 1:
        raise UsageError(f"An item of X holds {len(scans)} slices; give each slice as an image.")
    return scans[0]


def _choose_validation(
    labels: NDArray[np.int8], groups: Any, *, fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Mark about ``fraction`` of the images, whole groups of both classes."""
    if not 0 < fraction <= 0.5:
        raise UsageError(f"validation_fraction must lie in (0, 0.5]; received {fraction}.")
    units = np.arange(len(labels)) if groups is None else np.asarray(groups)
    if len(units) != len(labels):
        raise UsageError(f"{len(labels)} images need as many groups; received {len(units)}.")
    folds = StratifiedGroupKFold(max(2, round(1 / fraction)), shuffle=True, random_state=seed)
    _, rows = next(folds.split(labels, labels, units))
    inside = np.zeros(len(labels), np.bool_)
    inside[rows] = True
    return inside
