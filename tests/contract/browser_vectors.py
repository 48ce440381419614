"""Inputs and Python's results that the TypeScript of the static page is held to.

``python -m tests.contract.browser_vectors > web/src/local/vectors.json`` writes them. Pictures are
drawn by the same arithmetic on whole numbers here and in ``web/src/local/vectors.test.ts``, so the
file holds results alone.
"""

import base64
import io
import json
import struct
import sys
from dataclasses import asdict
from typing import Any

import numpy as np
import PIL.Image
import pydicom
from numpy.typing import NDArray
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
)

from tumorscope.answer import ModelIdentity, Prediction, SeriesPrediction
from tumorscope.errors import ImageError
from tumorscope.imaging.formats.dicom import _description as description
from tumorscope.imaging.formats.dicom_geometry import functional_groups
from tumorscope.imaging.formats.dicom_header import text as header_text
from tumorscope.imaging.formats.dicom_sequence import header_sequence
from tumorscope.imaging.inputs.read import decode
from tumorscope.imaging.preprocess import CanvasGeometry, Preprocessing
from tumorscope.model.conformal import Conformal
from tumorscope.model.decision import DecisionRule
from tumorscope.model.evidence import evidence_on_image, localize
from tumorscope.model.recognition import recognize_sequence
from tumorscope.model.series import answer_series
from tumorscope.model.study import answer_study
from tumorscope.operating_point import OperatingPoint

SUBFILE_KIND, IMAGE_LENGTH, DESCRIPTION, ROWS_PER_STRIP = 254, 257, 270, 278
"""TIFF 6.0: numbers of tags."""

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

NAMES = """
AX T1|t1_mprage_sag_p2_iso|AX T1 POST GAD|SAG T1 +C|t1ce|T1 tse tra KM|T1 PRE-CONTRAST|T1 ohne KM
AX T2 FLAIR|t2_tirm_tra_dark-fluid|T1 FLAIR SAG|AX FLAIR +C|t2_tse_tra|AX T2 FSE|T2* GRE|AX DWI
ep2d_diff_3scan_trace_p2_ADC|SWI_Images|3-plane localizer|MR1234||COR BRAVO|FSPGR 3D C+|T2 star
t2-w ax|Ax PD|épd t1|t1 präop|t1ée|T1_SE w/o|PERF DSC|3D TFE gadovist|T1 W C +|ax t1 (post)
T1 NON CE
"""
DESCRIPTIONS: tuple[tuple[str | list[str] | None, str], ...] = (
    (None, "t1 ax"),
    ("ISO_IR 100", "T1 präoperativ, Schädel"),
    ("ISO_IR 101", "głowa bez środka"),
    ("ISO_IR 144", "Головной мозг T2"),
    ("ISO_IR 126", "εγκέφαλος"),
    ("ISO_IR 127", "الدماغ"),
    ("ISO_IR 138", "מוח"),
    ("ISO_IR 148", "beyin görüntüsü, dağ"),
    ("ISO_IR 166", "สมอง"),
    ("ISO_IR 192", "脑 T1 增强 ü"),
    ("GB18030", "头颅平扫"),
    ("GBK", "头颅增强"),
    (["", "ISO 2022 IR 87"], "頭部 T1"),
    (["", "ISO 2022 IR 149"], "뇌 T2"),
)
"""Specific Character Set, and the name of a series in its letters."""

HEADERS: tuple[dict[str, Any], ...] = (
    *({"SeriesDescription": name} for line in NAMES.split("\n")[1:-1] for name in line.split("|")),
    {"ProtocolName": "t2_tse"},
    {"SeriesDescription": "MR", "ProtocolName": "t1_se", "ContrastBolusAgent": "Gadovist"},
    {"SeriesDescription": "T1 pre", "ContrastBolusAgent": "Gadovist"},
    {"SeriesDescription": "AX T2", "ImageType": ["DERIVED", "PRIMARY", "ADC"]},
    {"SeriesDescription": "AX T2", "ImageType": ["ORIGINAL", "PRIMARY", "M", "PAD"]},
    {"SeriesDescription": "AX T2", "DiffusionBValue": 1000.0},
    {"SeriesDescription": "AX T2", "DiffusionBValue": 0.0},
    {"SeriesDescription": "T1", "Modality": "CT"},
    {"EchoTime": "90", "RepetitionTime": "9000", "InversionTime": "2500"},
    {"EchoTime": "100", "RepetitionTime": "4000"},
    {"EchoTime": "10", "RepetitionTime": "500"},
    {"EchoTime": "10", "RepetitionTime": "500", "ContrastBolusAgent": "MAGNEVIST"},
    {"EchoTime": "10", "RepetitionTime": "500", "ContrastBolusAgent": " None "},
    {"EchoTime": "3", "RepetitionTime": "2300", "InversionTime": "900"},
    {"EchoTime": "20", "RepetitionTime": "3000"},
    {"EchoTime": "90"},
    {"shared": {"EffectiveEchoTime": 95.0}, "own": {"RepetitionTime": "5000"}},
    {"own": {"AcquisitionContrast": "T1"}, "shared": {"AcquisitionContrast": "T2"}},
    {"SeriesDescription": "T1", "own": {"AcquisitionContrast": "FLUID_ATTENUATED"}},
    {"SeriesDescription": "T1", "shared": {"AcquisitionContrast": "DIFFUSION"}},
    {"SeriesDescription": "T1", "shared": {"FrameType": ["DERIVED", "PRIMARY", "ADC", "NONE"]}},
)
"""What a header says beside the modality, and its functional groups."""

MACROS = {
    "shared": ("SharedFunctionalGroupsSequence", "MRTimingAndRelatedParametersSequence"),
    "own": ("PerFrameFunctionalGroupsSequence", "MRImageFrameTypeSequence"),
}
RECOGNIZED = ("T1", "T1+C", "T2", "FLAIR", "other")
LOGITS: tuple[tuple[str | None, list[float] | None], ...] = (
    (None, None),
    (None, [0.0, 0.25, 0.5, 3.0, -1.0]),
    (None, [0.0, 0.25, 0.5, 0.75, 0.0]),
    ("T1", None),
    ("T1", [0.0, 6.0, 0.0, 0.0, 0.0]),
    ("T1", [0.0, 0.0, 0.0, 6.0, 0.0]),
    ("FLAIR", [1.0, 0.0, 2.0, 0.0, 0.0]),
    ("FLAIR", [8.0, 0.0, 0.0, 0.0, 0.0]),
)
STUDIES: tuple[tuple[tuple[str | None, float | None], ...], ...] = (
    (("FLAIR", 0.9), ("T1", 0.2)),
    (("FLAIR", 0.9), ("T1", 0.2), ("T1", 0.3), ("T1", 1e-12)),
    (("T2", None), ("FLAIR", 0.9), ("other", 0.01), (None, 0.5), ("T1+C", 1.0)),
    (("T2", None), ("other", 0.9)),
)
"""Sequence and probability of each series; ``None`` was turned away."""


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


def headers() -> list[dict[str, Any]]:
    """Data sets as bytes, and which sequence they tell of."""
    found = []
    for values in HEADERS:
        read, text = _written(_dataset({"Modality": "MR"} | values))
        told = header_sequence(read, functional_groups(read, 0))
        found.append({"header": values, "content": text, "sequence": told})
    return found


def overruns() -> list[dict[str, Any]]:
    """Data sets with a value whose length reaches over the patient's name, and what is its text."""
    found = []
    for keyword, value in (("SOPInstanceUID", "1.2.34"), ("SeriesDescription", "T1 axial")):
        ds = _dataset({keyword: value, "Modality": "MR"})
        ds.PatientName = "Doe^Jane"
        _, text = _written(ds)
        content = bytearray(base64.b64decode(text))
        tag = ds[keyword].tag
        at = content.index(struct.pack("<HH", tag.group, tag.element))
        end = content.index(b"Doe^Jane") + len("Doe^Jane")
        struct.pack_into("<H", content, at + 6, end - at - 8)
        read = pydicom.dcmread(io.BytesIO(content), force=True)
        assert header_text(read, keyword) == value
        told = {"keyword": keyword, "text": value}
        found.append(told | {"content": base64.b64encode(content).decode()})
    return found


def endings() -> list[dict[str, Any]]:
    """Compressed files that end where they should or too early, and why each is refused."""
    pixels = np.arange(2 * 32 * 32, dtype=np.uint16).reshape(2, 32, 32)
    ds = _dataset(
        {
            "SOPClassUID": MRImageStorage,
            "SOPInstanceUID": "1.2.3",
            "Modality": "MR",
            "Rows": 32,
            "Columns": 32,
            "NumberOfFrames": 2,
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 16,
            "HighBit": 15,
            "PixelRepresentation": 0,
        }
    )
    ds.compress(RLELossless, pixels, generate_instance_uid=False)
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, ds, enforce_file_format=True)
    whole = stream.getvalue()
    delimiter = 8
    foreign = struct.pack("<HHI", 0x0008, 0x0018, 0)
    contents = {
        "whole": whole,
        "before the delimiter": whole[:-delimiter],
        "within the last frame": whole[: -delimiter - 9],
        "before the last frame": whole[: whole.rindex(b"\xfe\xff\x00\xe0")],
        "another element in place of the delimiter": whole[:-delimiter] + foreign,
    }
    return [
        {"ending": name, "content": base64.b64encode(one).decode(), "refused": _refusal(one)}
        for name, one in contents.items()
    ]


def _table(entries: NDArray[Any], bits: int, count: int | None = None) -> list[pydicom.Dataset]:
    item = pydicom.Dataset()
    item.LUTDescriptor = [len(entries) if count is None else count, 0, bits]
    item.add_new("LUTData", "OW", entries.tobytes())
    item.ModalityLUTType = "US"
    return [item]


def _stored() -> dict[str, tuple[NDArray[Any], dict[str, Any]]]:
    """Pixels as stored, and what the header says of them, of files that are easily read wrong."""
    rows, columns = np.mgrid[:8, :6]
    values = (37 * rows + 11 * columns + 100).astype(np.uint16)
    signed = values.astype(np.int16) - 300
    padded, edge = values.copy(), rows == 0
    padded[edge] = 0xFFFF
    floats = values.astype(np.float32)
    empty = np.stack([floats, np.full_like(floats, np.nan)])
    twelve = {"BitsStored": 12, "HighBit": 11}
    left = {"BitsStored": 12, "HighBit": 15}
    upward = np.arange(256, dtype=np.uint8)
    return {
        "most significant byte first": (values.astype(">u2"), twelve),
        "most significant byte first, value on the left": ((values << 4).astype(">u2"), left),
        "most significant byte first, signed": ((signed << 4).astype(">i2"), left),
        "padding above the value": (padded, {**twelve, "PixelPaddingValue": 0xFFFF}),
        "padding that is not there": (values, {**twelve, "PixelPaddingValue": 0xF000 + 174}),
        "bits above the value": (values | 0x8000, twelve),
        "negative values as bare bits": (
            (signed & 0xFFF).astype(np.int16),
            {**twelve, "PixelRepresentation": 1},
        ),
        "float padding": (np.where(edge, -9999, floats), {"FloatPixelPaddingValue": -9999.0}),
        "one frame of two without values": (empty, {}),
        "no values": (np.full_like(floats, np.nan), {}),
        "no frames": (values, {"NumberOfFrames": 0}),
        "another word for gray": (values, {"PhotometricInterpretation": "GRAY SCALE"}),
        "a space too many": (values, {"PhotometricInterpretation": "MONOCHROME 1"}),
        "table of bytes": (
            values.astype(np.uint8),
            {"ModalityLUTSequence": _table(upward[::-1].copy(), 8)},
        ),
        "table that is cut": (values, {"ModalityLUTSequence": _table(values[0], 16, 4096)}),
        "table of no entries": (values, {"VOILUTSequence": [pydicom.Dataset()]}),
        "first byte of a table": (
            values.astype(">u2"),
            {"VOILUTSequence": _table(np.arange(4096, 0, -1).astype(">u2"), 16)},
        ),
    }


def pixels() -> list[dict[str, Any]]:
    """DICOM files, and the frames that they show; ``None`` is refused."""
    found = []
    for name, (stored, elements) in _stored().items():
        content = _dicom(stored, elements)
        try:
            shown = [one.pixels.ravel().tolist() for one in decode(content, "made")]
        except ImageError:
            shown = None
        text = base64.b64encode(content).decode()
        found.append({"pixels": name, "content": text, "shown": shown})
    return found


def _dicom(stored: NDArray[Any], elements: dict[str, Any]) -> bytes:
    is_little, bits = stored.dtype.byteorder != ">", 8 * stored.dtype.itemsize
    described = {
        "SOPClassUID": MRImageStorage,
        "SOPInstanceUID": "1.2.3",
        "Modality": "MR",
        "Rows": stored.shape[-2],
        "Columns": stored.shape[-1],
        "NumberOfFrames": stored.size // (stored.shape[-2] * stored.shape[-1]),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": bits,
    }
    if stored.dtype.kind == "f":
        described["FloatPixelData"] = stored.tobytes()
    else:
        signed = int(stored.dtype.kind == "i")
        described |= {"BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": signed}
        described["PixelData"] = stored.tobytes()
    ds = _dataset(described | elements)
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()


def tiffs() -> list[dict[str, Any]]:
    """TIFF files that have the strips of their rows or not, and why each is refused."""
    found = []
    for bits in (8, 16):
        picture = (np.arange(32 * 32) % 256).astype(f"uint{bits}").reshape(32, 32)
        stream = io.BytesIO()
        PIL.Image.fromarray(picture).save(stream, "TIFF", tiffinfo={ROWS_PER_STRIP: 8})
        whole = stream.getvalue()
        place = whole.index(struct.pack("<H", IMAGE_LENGTH), 8) + 8
        longer = whole[:place] + struct.pack("<I", 100) + whole[place + 4 :]
        for rows, one in ((32, whole), (100, longer)):
            content = base64.b64encode(one).decode()
            refused = _refusal(one)
            found.append(
                {"bits": bits, "rows": rows, "content": content, "refused": refused, "pages": 1}
            )
    return found + [
        {
            "bits": 8,
            "rows": rows,
            "content": base64.b64encode(content).decode(),
            "refused": _refusal(content),
            "pages": 0 if _refusal(content) else len(decode(content, "made")),
        }
        for rows, content in _tiffs_of_several()
    ]


def _tiffs_of_several() -> list[tuple[int, bytes]]:
    """A picture with its thumbnail, two pages, and one page that stands for seven slices."""
    picture = PIL.Image.fromarray((np.arange(32 * 32) % 256).astype(np.uint8).reshape(32, 32))
    small = picture.resize((8, 8))
    found = []
    for one, kind in ((small, 1), (picture, 2)):
        other = one.copy()
        other.encoderinfo = {"tiffinfo": {SUBFILE_KIND: kind}}
        stream = io.BytesIO()
        picture.save(stream, "TIFF", save_all=True, append_images=[other])
        found.append((32, stream.getvalue()))
    stream = io.BytesIO()
    picture.save(stream, "TIFF", tiffinfo={DESCRIPTION: "ImageJ=1.54\nimages=7\nslices=7\n"})
    return [*found, (32, stream.getvalue())]


def _refusal(content: bytes) -> str | None:
    try:
        decode(content, "made")
    except ImageError as error:
        return error.type
    return None


def descriptions() -> list[dict[str, Any]]:
    """Data sets as bytes, and what the scanner called the series, in letters of many countries."""
    found = []
    for characters, name in DESCRIPTIONS:
        ds = _dataset({"SeriesDescription": name})
        if characters is not None:
            ds.SpecificCharacterSet = characters
        read, text = _written(ds)
        found.append({"characters": characters, "content": text, "description": description(read)})
    return found


def _written(ds: pydicom.Dataset) -> tuple[pydicom.Dataset, str]:
    """Return a data set as it is read again, and the bytes it was read from."""
    stream = pydicom.filebase.DicomIO(io.BytesIO())
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, ds)
    content = stream.parent.getvalue()
    read = pydicom.dcmread(io.BytesIO(content), force=True)
    return read, base64.b64encode(content).decode()


def _dataset(values: dict[str, Any]) -> pydicom.Dataset:
    ds = pydicom.Dataset()
    for keyword, value in values.items():
        if keyword in MACROS:
            sequence, macro = MACROS[keyword]
            group = pydicom.Dataset()
            setattr(group, macro, [_dataset(value)])
            setattr(ds, sequence, [group])
        else:
            setattr(ds, keyword, value)
    return ds


def recognitions() -> list[dict[str, Any]]:
    found = []
    for header, logits in LOGITS:
        values = None if logits is None else np.array(logits, np.float32)
        sequence, note = recognize_sequence(header, values, RECOGNIZED)  # type: ignore[arg-type]
        found.append({"header": header, "logits": logits, "sequence": sequence, "note": note})
    return found


def series_of_study(place: int, sequence: str | None, tumor: float | None) -> SeriesPrediction:
    """One series of a made-up study."""
    shares = {"glioma": 0.5, "meningioma": 0.25 + place / 100, "pituitary": 0.25 - place / 100}
    return SeriesPrediction(
        source=f"study/{place}",
        series_instance_uid=f"1.9.{place}",
        study_instance_uid="1.9",
        series_description=None if sequence is None else f"ax {sequence}",
        outcome="rejected" if tumor is None else "no_tumor",
        probabilities=None if tumor is None else {"tumor": tumor, "no_tumor": 1 - tumor},
        type_probabilities=None if tumor is None else shares,  # type: ignore[arg-type]
        prediction_set=(),
        reasons=("It is none.",) if tumor is None else (),
        operating_point=OperatingPoint("balanced", POINTS["balanced"]),
        slices=20,
        failed_slices=0,
        most_suspicious=(),
        model=MODEL,
        sequence={"name": sequence, "probability": None, "from": "header"},  # type: ignore[typeddict-item]
    )


def studies() -> list[dict[str, Any]]:
    rule = DecisionRule.at(OperatingPoint("balanced", POINTS["balanced"]), CONFORMAL)
    found = []
    for members in STUDIES:
        series = [series_of_study(place, *one) for place, one in enumerate(members)]
        answer = answer_study(series, rule=rule, model=MODEL)
        found.append({"series": [one.to_dict() for one in series], "answer": answer.to_dict()})
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
        "headers": headers(),
        "overruns": overruns(),
        "descriptions": descriptions(),
        "endings": endings(),
        "pixels": pixels(),
        "tiffs": tiffs(),
        "recognized": RECOGNIZED,
        "recognitions": recognitions(),
        "studies": studies(),
        "evidence": evidence(),
    }


def text() -> str:
    return json.dumps(vectors(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
