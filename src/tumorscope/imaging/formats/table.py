"""Every format by name, endings and first bytes: the one list there is.

What a file is, its first bytes tell. Names only tell which files of a folder are worth a try, and
what to say of a file that is none of the formats.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, Literal

Kind = Literal["picture", "slice", "volume", "container"]
"""A picture is read as it is; a slice is one instance of a series, or a stack of them; a volume is
cut into slices; a container holds other files."""

MAGIC_BYTES: Final = 4096
"""So many first bytes tell the format."""

GZIP_MAGIC: Final = b"\x1f\x8b"
ZIP_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""Of an archive with members and of an empty one."""

DICOM_PREAMBLE_BYTES: Final = 128
_NIFTI_HEADERS: Final = {348: slice(344, 347), 540: slice(4, 7)}
"""Where the magic of NIfTI-1 and NIfTI-2 stands, by the size of the header."""

_BMP_HEADER_BYTES: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Sizes of the information header after the 14 bytes of the file header."""

_MGH_TYPES: Final = frozenset({0, 1, 3, 4})
"""UCHAR, INT, FLOAT and SHORT of the MGH format."""

_TAR_MAGIC_PLACE: Final = 257  # POSIX.1-1988, of both the POSIX and the GNU format


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Attributes
    ----------
    name
        As users know it.
    endings
        Of its files' names, in lower case, with the dot.
    kind
        What such a file holds.
    begins
        Tells the format by the first :data:`MAGIC_BYTES` of a file, or by fewer.
    reader
        ``module:function`` inside this package, which returns scans, or of a volume format the
        volume; ``None`` for what is not read here.
    gzipped
        Whether a gzip stream of it is read, too; its endings then also go with ``.gz``.
    detached
        Whether a header may name a file beside it that holds the voxels.
    advice
        What to do with a file that is not read.
    """

    name: str
    endings: tuple[str, ...]
    kind: Kind
    begins: Callable[[bytes], bool]
    reader: str | None = None
    gzipped: bool = False
    detached: bool = False
    advice: str = ""

    @property
    def is_read(self) -> bool:
        """Whether files of this format are answered; those inside a container are."""
        return self.reader is not None or self.name == "zip"

    @property
    def all_endings(self) -> tuple[str, ...]:
        """Endings of the names, those of gzip streams too."""
        packed = (".gz",) if self.gzipped else ()
        return self.endings + tuple(one + gz for one in self.endings for gz in packed)

    def load_reader(self) -> Callable[..., Any]:
        """Import what reads scans, and with it the library that it needs."""
        load = self.load_loader()
        if self.kind != "volume":
            return load
        to_scans = _load("volume:to_scans")
        return lambda content, source, *more: to_scans(load(content, *more), source)

    def load_loader(self) -> Callable[..., Any]:
        """Import the reader itself: of a volume it returns the volume before it is cut."""
        return _load(str(self.reader))


def _load(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    loaded: Callable[..., Any] = getattr(
        importlib.import_module(f"{__package__}.{module}"), function
    )
    return loaded


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


def _is_bmp(head: bytes) -> bool:
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_dicom_file(head: bytes) -> bool:
    return head[DICOM_PREAMBLE_BYTES : DICOM_PREAMBLE_BYTES + 4] == b"DICM"


def _is_bare_dicom(head: bytes) -> bool:
    """Tell a DICOM data set without preamble by its first element, of group 0002 or 0008."""
    if len(head) < 8 or head[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    return explicit or int.from_bytes(head[4:8], "little") < 256


def _is_nifti(head: bytes) -> bool:
    return head[_NIFTI_HEADERS[348]] in (b"n+1", b"ni1") or head[_NIFTI_HEADERS[540]] in (
        b"n+2",
        b"ni2",
    )


def _is_metaimage(head: bytes) -> bool:
    first = re.match(rb"\s*([A-Za-z]\w*)[ \t]*=", head)
    if first is None:
        return False
    return first[1] in (b"ObjectType", b"NDims") or bool(
        re.search(rb"^NDims[ \t]*=[ \t]*\d", head, re.MULTILINE)
    )


def _is_mgh(head: bytes) -> bool:
    """Tell by version 1, four sizes and a known type, all big-endian."""
    if len(head) < 30:
        return False
    version, *sizes, kind = (int.from_bytes(head[at : at + 4], "big") for at in range(0, 24, 4))
    return version == 1 and all(0 < one < 1 << 24 for one in sizes) and kind in _MGH_TYPES


def _is_analyze(head: bytes) -> bool:
    sizes = [int.from_bytes(head[:4], order) for order in ("little", "big")]
    return len(head) >= 348 and 348 in sizes and not _is_nifti(head)


def _has_brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Tell a file of the ISO base media format by its brand. ISO/IEC 14496-12 section 4.3."""
    return lambda head: head[4:8] == b"ftyp" and head[8:12] in brands


def _is_afni(head: bytes) -> bool:
    return re.match(rb"\s*type\s*=\s*(string|integer|float)-attribute", head) is not None


def _is_pnm(head: bytes) -> bool:
    return re.match(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+\d+\s", head) is not None


def _is_video(head: bytes) -> bool:
    is_mp4 = head[4:8] == b"ftyp" and head[8:12] in (b"isom", b"iso2", b"mp41", b"mp42", b"qt  ")
    return is_mp4 or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


def _is_markup(*starts: bytes) -> Callable[[bytes], bool]:
    """Tell a text by its first tag, behind what may stand before it."""
    before = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]{0,200}>\s*)?(<!--[^>]{0,500}-->\s*)?")

    def begins(head: bytes) -> bool:
        found = before.match(head)
        return head[found.end() if found else 0 :][:20].lower().startswith(starts)

    return begins


def _is_dicom_text(head: bytes) -> bool:
    if re.match(rb"\s*\[?\s*\{\s*\"[0-9A-F]{8}\"\s*:", head) is not None:
        return True
    return _is_markup(b"<nativedicommodel")(head)


def is_tar(head: bytes) -> bool:
    """Tell whether a file that begins so is a tar archive."""
    return head.startswith(b"ustar", _TAR_MAGIC_PLACE)


_AS_PNG: Final = "save the picture as PNG"
_AS_NIFTI: Final = "convert the volume to NIfTI (.nii.gz)"
_UNPACK: Final = "unpack it and give the folder, or pack it as zip"
_FROM_INSIDE: Final = "unpack it and give the file inside"

FORMATS: Final = (
    # First, for a DICOM preamble may hold the header of a TIFF (PS3.10 section 7.1).
    Format(
        "DICOM",
        (".dcm", ".dicom", ".ima", ".mr"),
        "slice",
        _is_dicom_file,
        "dicom:read_dicom",
        True,
    ),
    Format("PNG", (".png",), "picture", _starts(b"\x89PNG\r\n\x1a\n"), "raster:read_raster"),
    Format(
        "JPEG",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        "picture",
        _starts(b"\xff\xd8\xff"),
        "raster:read_raster",
    ),
    Format("BMP", (".bmp", ".dib"), "picture", _is_bmp, "raster:read_raster"),
    Format(
        "TIFF",
        (".tif", ".tiff"),
        "picture",
        _starts(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
        "raster:read_raster",
    ),
    Format("WebP", (".webp",), "picture", _is_webp, "raster:read_raster"),
    Format("NIfTI", (".nii",), "volume", _is_nifti, "nifti:load_nifti", True),
    Format(
        "NRRD",
        (".nrrd", ".nhdr"),
        "volume",
        _starts(b"NRRD000"),
        "nrrd:load_nrrd",
        True,
        detached=True,
    ),
    Format(
        "MetaImage",
        (".mha", ".mhd"),
        "volume",
        _is_metaimage,
        "metaimage:load_metaimage",
        True,
        detached=True,
    ),
    Format("MGH", (".mgh", ".mgz"), "volume", _is_mgh, "mgh:load_mgh", True),
    Format("zip", (".zip",), "container", _starts(*ZIP_MAGICS), advice=_FROM_INSIDE),
    Format("gzip", (), "container", _starts(GZIP_MAGIC), advice=_FROM_INSIDE),
    # What follows is not read, and named where it comes.
    Format("GIF", (".gif",), "picture", _starts(b"GIF87a", b"GIF89a"), advice=_AS_PNG),
    Format(
        "HEIC",
        (".heic", ".heif"),
        "picture",
        _has_brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
        advice=_AS_PNG,
    ),
    Format("AVIF", (".avif",), "picture", _has_brand(b"avif", b"avis"), advice=_AS_PNG),
    Format(
        "JPEG 2000",
        (".jp2", ".j2k", ".j2c", ".jpx"),
        "picture",
        _starts(b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51"),
        advice=_AS_PNG,
    ),
    Format(
        "JPEG XL",
        (".jxl",),
        "picture",
        _starts(b"\xff\x0a", b"\x00\x00\x00\x0cJXL "),
        advice=_AS_PNG,
    ),
    Format("Photoshop", (), "picture", _starts(b"8BPS"), advice=_AS_PNG),
    Format("PNM", (".pgm", ".ppm", ".pnm"), "picture", _is_pnm, advice=_AS_PNG),
    Format("SVG", (), "picture", _is_markup(b"<svg"), advice=_AS_PNG),
    Format(
        "video",
        (),
        "picture",
        _is_video,
        advice="give the DICOM series, or save its frames as PNG",
    ),
    Format("PDF", (), "picture", _starts(b"%PDF-"), advice="save its pictures as PNG"),
    Format(
        "MINC (or other HDF5 or NetCDF)",
        (".mnc",),
        "volume",
        _starts(b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02"),
        advice=_AS_NIFTI,
    ),
    Format(
        "Analyze or a NIfTI pair (.hdr and .img)",
        (".hdr", ".img", ".hdr.gz", ".img.gz"),
        "volume",
        _is_analyze,
        advice="convert the pair to one .nii file",
    ),
    Format(
        "Philips PAR/REC",
        (),
        "volume",
        _starts(b"# === DATA DESCRIPTION FILE"),
        advice=_AS_NIFTI,
    ),
    Format("AFNI (.HEAD and .BRIK)", (), "volume", _is_afni, advice=_AS_NIFTI),
    Format("FITS", (), "volume", _starts(b"SIMPLE  = "), advice=_AS_NIFTI),
    Format("VTK", (), "volume", _starts(b"# vtk DataFile"), advice=_AS_NIFTI),
    Format(
        "GE Signa (before DICOM)",
        (),
        "slice",
        _starts(b"IMGF"),
        advice="convert it to DICOM or NIfTI (.nii.gz)",
    ),
    Format("MATLAB", (), "volume", _starts(b"MATLAB 5.0"), advice=_AS_NIFTI),
    Format("NumPy", (), "volume", _starts(b"\x93NUMPY"), advice="give the array to the Python API"),
    Format(
        "tar",
        (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"),
        "container",
        is_tar,
        advice=_UNPACK,
    ),
    Format("7z", (".7z",), "container", _starts(b"7z\xbc\xaf\x27\x1c"), advice=_UNPACK),
    Format("RAR", (".rar",), "container", _starts(b"Rar!\x1a\x07"), advice=_UNPACK),
    Format("bzip2", (".nii.bz2", ".dcm.bz2"), "container", _starts(b"BZh"), advice=_UNPACK),
    Format("xz", (".nii.xz", ".dcm.xz"), "container", _starts(b"\xfd7zXZ\x00"), advice=_UNPACK),
    Format(
        "Zstandard",
        (".nii.zst", ".dcm.zst"),
        "container",
        _starts(b"\x28\xb5\x2f\xfd"),
        advice=_UNPACK,
    ),
    Format(
        "AppleDouble (what macOS keeps beside a file)",
        (),
        "container",
        _starts(b"\x00\x05\x16\x07"),
        advice="give the file of the same name without '._'",
    ),
    Format(
        "HTML (a web page, as comes where a download failed)",
        (),
        "container",
        _is_markup(b"<!doctype html", b"<html"),
        advice="download the file again, signed in where that is asked for",
    ),
    Format(
        "Git LFS (a pointer in place of the file)",
        (),
        "container",
        _starts(b"version https://git-lfs"),
        advice="get the file itself with 'git lfs pull'",
    ),
    Format(
        "DICOM in JSON or XML",
        (),
        "slice",
        _is_dicom_text,
        advice="get the DICOM file itself, such as by WADO-RS",
    ),
    # Last, for hardly a byte tells them.
    Format("DICOM", (), "slice", _is_bare_dicom, "dicom:read_dicom", True),
)

_ORDER: Final = ("picture", "slice", "volume", "container")

READ_NAMES: Final = tuple(
    dict.fromkeys(
        one.name
        for one in sorted(FORMATS, key=lambda one: _ORDER.index(one.kind))
        if one.reader is not None
    )
)
"""Names of the formats that are read, pictures first."""


def _endings_of(kind: Kind) -> tuple[str, ...]:
    read = (one for one in FORMATS if one.kind == kind and one.is_read)
    return tuple(dict.fromkeys(ending for one in read for ending in one.all_endings))


PICTURE_ENDINGS: Final = _endings_of("picture")
SLICE_ENDINGS: Final = _endings_of("slice")
VOLUME_ENDINGS: Final = _endings_of("volume")
"""Endings of names by what the files hold, of the formats that are read."""

_PACKED: Final = (".gz", ".bz2", ".xz", ".zst")
"""Endings of what is packed without a list of its members."""

_ENDINGS: Final = tuple(ending for one in FORMATS for ending in one.all_endings)


def recognize(head: bytes) -> Format | None:
    """Tell the format of a file from at least its first :data:`MAGIC_BYTES` bytes.

    Returns
    -------
    Format or None
        ``None`` if nothing in the table begins like this.
    """
    return next((one for one in FORMATS if one.begins(head)), None)


def by_name(name: str) -> Format | None:
    """Tell the format that a file is named like, by its longest ending."""
    lowered = PurePosixPath(name.replace("\\", "/")).name.lower()
    fitting = [
        (len(ending), index)
        for index, one in enumerate(FORMATS)
        for ending in one.all_endings
        if lowered.endswith(ending)
    ]
    return FORMATS[max(fitting)[1]] if fitting else None


def is_named_as_scan(name: str) -> bool:
    """Tell whether a name is one of an image or archive, of those that are not read too.

    Leaving these out of a folder would pass for an answer. What else is packed around a scan
    changes nothing: ``scan.png.gz``.
    """
    lowered = name.lower()
    packed = next((one for one in _PACKED if lowered.endswith(one)), "")
    return lowered.endswith(_ENDINGS) or lowered.removesuffix(packed).endswith(_ENDINGS)


def is_named_as_volume(name: str) -> bool:
    """Tell whether a name is one of a volume that is read."""
    return name.lower().endswith(VOLUME_ENDINGS)


def listing(names: tuple[str, ...] = READ_NAMES) -> str:
    """Return names as words: ``PNG, JPEG and DICOM``."""
    return f"{', '.join(names[:-1])} and {names[-1]}"


def why_unread(head: bytes, name: str) -> str:
    """Say of a file of no format that is read what it is, or what was looked for."""
    found = recognize(head)
    if found is not None and found.reader is None:
        here = " here" if found.is_read else ""
        return f"{found.name} is not read{here}; {found.advice}."
    named = by_name(name)
    if named is not None and not named.is_read:
        return f"{named.name} is not read; {named.advice}."
    looked_for = listing().replace(" and ", " or ")
    start = f"The content (it starts with {head[:8].hex(' ')}) is not {looked_for}"
    if named is not None and named.reader is not None:
        return f"{start}, though the file is named as {named.name}."
    return f"{start}."
