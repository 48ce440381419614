"""A made head, made DICOM files, and a model small enough to be written down.

To that model a bright blob is a tumor.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.model.artifact import Artifact, Calibration, Manifest, write_artifact
from tumorscope.model.input_check import InputCheck

pytest_plugins = ["tests.picture_fixtures"]

REAL_SCANS = Path(__file__).parents[2] / "shared" / "data"

SIZE = 64
CELLS = 8
BLOB_LEVEL = 190
"""Mean grey of a canvas cell from which it is evidence; the rim of the head stays below."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that hold slow tests: left for the end, one worker would run them alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def real_scans() -> Path:
    """Folder of the real scans beside the checkout."""
    if not REAL_SCANS.is_dir():
        pytest.skip(f"there are no real scans at {REAL_SCANS.parent.name}/{REAL_SCANS.name}")
    return REAL_SCANS


@pytest.fixture
def rng() -> np.random.Generator:
    """Source of randomness that is the same in every run."""
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def make_head() -> Callable[..., np.ndarray]:
    """Draw a grey disc with a bright rim on black, and a bright blob in it where asked."""

    def make(
        shape: tuple[int, int] = (160, 160),
        *,
        blob: tuple[int, int] | None = None,
        center: tuple[float, float] | None = None,
        radius: float | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Shape (rows, columns), uint8; all lengths in pixels."""
        center = center or ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
        radius = radius or 0.42 * min(shape)
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
        distance = np.hypot(rows - center[0], columns - center[1])
        grey = np.where(distance < radius, np.where(distance > 0.95 * radius, 220.0, 100.0), 0.0)
        grey += np.random.default_rng(seed).normal(0, 3, shape) * (distance < radius)
        if blob is not None:
            grey[np.hypot(rows - blob[0], columns - blob[1]) < 0.3 * radius] = 230.0
        return np.rint(np.clip(grey, 0, 255)).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def make_dicom() -> Callable[..., FileDataset]:
    """Make an MR image: shape (rows, columns) or (frames, rows, columns), 8 or 16 bits."""

    def make(pixels: np.ndarray, **elements: Any) -> FileDataset:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(elements), "instance"])
        ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        ds.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
        ds.PatientName, ds.PatientID, ds.Modality = "Doe^Jane", "12345678", "MR"
        ds.Rows, ds.Columns = pixels.shape[-2:]
        if pixels.ndim == 3:
            ds.NumberOfFrames = pixels.shape[0]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
        ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(pixels.dtype.kind == "i")
        ds.PixelData = pixels.tobytes()
        ds["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
        for keyword, value in elements.items():
            setattr(ds, keyword, value)
        return ds

    return make


@pytest.fixture(scope="session")
def encode_dicom() -> Callable[..., bytes]:
    """Write a data set as a file."""

    def encode(ds: Dataset, **options: Any) -> bytes:
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, ds, **{"enforce_file_format": True, **options})
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def tiny_artifact() -> Artifact:
    return make_tiny_artifact()


@pytest.fixture
def make_checked(tiny_artifact: Artifact) -> Callable[..., Artifact]:
    """Turn the tiny artifact into one whose novelty is the mean grey of the canvas."""
    onnx = pytest.importorskip("onnx", reason="the extra [train] is not installed")
    model = onnx.load_from_string(tiny_artifact.graph)
    mean = onnx.helper.make_node("ReduceMean", ["grey"], ["novelty"], axes=[1, 2], keepdims=0)
    model.graph.node.append(mean)
    novelty = onnx.helper.make_tensor_value_info("novelty", onnx.TensorProto.FLOAT, ["n"])
    model.graph.output.append(novelty)
    graph = model.SerializeToString()

    def make(**changes: Any) -> Artifact:
        changes = {
            "input_check": InputCheck(150.0),
            "graph_sha256": hashlib.sha256(graph).hexdigest(),
        } | changes
        return Artifact(replace(tiny_artifact.manifest, **changes), graph)

    return make


def make_tiny_artifact() -> Artifact:
    """Make an artifact whose evidence is the mean grey of each cell, less a threshold."""
    graph = _tiny_graph()
    manifest = Manifest(
        model_id="tiny",
        model_version="0",
        preprocessing=Preprocessing(size=SIZE),
        calibration=Calibration(slope=0.5, intercept=0.0, type_temperature=2.0),
        operating_points={"balanced": 0.5, "sensitive": 0.05, "specific": 0.9999},
        evidence_threshold=0.0,
        graph_sha256=hashlib.sha256(graph).hexdigest(),
        card={"note": "made for tests"},
    )
    return Artifact(manifest, graph)


@pytest.fixture(scope="session")
def tiny_artifact_path(tiny_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("artifact") / "tiny.tumorscope"
    write_artifact(path, tiny_artifact)
    return path


def _tiny_graph() -> bytes:
    onnx = pytest.importorskip("onnx", reason="the extra [train] is not installed")
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, values: list[float] | list[int], kind: type = np.float32) -> object:
        return numpy_helper.from_array(np.array(values, kind), name)

    side = SIZE // CELLS
    readers = (
        "block4_conv1/linear/Conv",
        "block4_conv3/mean/GlobalAveragePool",
        "block5_conv3/mean/GlobalAveragePool",
    )
    nodes = [
        helper.make_node("Cast", ["canvas"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["grey", "channel"], ["image"]),
        helper.make_node(
            "AveragePool", ["image"], ["pooled"], kernel_shape=[side, side], strides=[side, side]
        ),
        helper.make_node("Squeeze", ["pooled", "channel"], ["cells"]),
        helper.make_node(
            "AveragePool", ["image"], ["coarse"], kernel_shape=[16, 16], strides=[16, 16]
        ),
        helper.make_node("AveragePool", ["image"], ["fine"], kernel_shape=[8, 8], strides=[8, 8]),
        *[  # for an input check to find
            helper.make_node("GlobalAveragePool", [source], [f"{reader}/mean"], name=reader)
            for reader, source in zip(readers, ("fine", "fine", "coarse"), strict=True)
        ],
        helper.make_node("Sub", ["cells", "level"], ["above"]),
        helper.make_node("Mul", ["above", "gain"], ["evidence"]),
        helper.make_node("ReduceMax", ["evidence"], ["tumor"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["tumor", "channel"], ["column"]),
        helper.make_node("Mul", ["column", "type_weights"], ["type"]),
        helper.make_node("Concat", ["column", "type"], ["signed"], axis=1),
        helper.make_node("Abs", ["signed"], ["features"]),  # activations are at least 0
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("canvas", TensorProto.UINT8, ["n", SIZE, SIZE])],
        [
            helper.make_tensor_value_info("tumor", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("evidence", TensorProto.FLOAT, ["n", CELLS, CELLS]),
            helper.make_tensor_value_info("type", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 4]),
        ],
        initializer=[
            constant("channel", [1], np.int64),
            constant("level", [BLOB_LEVEL]),
            constant("gain", [0.25]),
            constant("type_weights", [0.5, 0.0, -0.5]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
