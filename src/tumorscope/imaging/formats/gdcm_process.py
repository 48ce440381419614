"""GDCM as a decoding plug-in of pydicom that cannot take the program down.

Damaged frames make GDCM abort or fault. It runs in a process of its own, which is started with
the first frame that needs it, kept, and started anew after it died.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from pydicom import uid
from pydicom.pixels.decoders.base import get_decoder

from tumorscope.imaging.formats.codestream import read_frame_header
from tumorscope.imaging.formats.gdcm_worker import REPLY, REQUEST

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

PLUGIN: Final = "tumorscope"
"""Label under which pydicom knows this plug-in."""

SYNTAXES: Final = (
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
)
"""Transfer syntaxes that Pillow, whose codecs are sturdier, does not decode."""

TIMEOUT_S: Final = 60.0
"""A frame of 64 million pixels takes a few seconds; what is not done by then never will be."""

DECODER_DEPENDENCIES: Final = dict.fromkeys(SYNTAXES, ("gdcm>=3.0.10",))
"""Asked for by pydicom."""

_MAX_BITS: Final = 16


class _Worker:
    """The process, and the one frame at a time that it is given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._of_parent: subprocess.Popen[bytes] | None = None

    def decode(self, frame: bytes, description: dict[str, Any]) -> bytes:
        """Return the pixels, or nothing if the frame cannot be decoded."""
        with self._lock:
            process = self._running()
            deadline = threading.Timer(TIMEOUT_S, process.kill)
            deadline.start()
            try:
                return _exchange(process, frame, json.dumps(description).encode())
            except (OSError, EOFError):
                self.stop()  # it died of this frame
                return b""
            finally:
                deadline.cancel()

    def stop(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            cast("IO[bytes]", stream).close()

    def leave_to_parent(self) -> None:
        """In a forked child, start afresh: the process and its pipes belong to the parent."""
        self._lock = threading.Lock()
        self._of_parent, self._process = self._process, None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._process = _start()
        return self._process


_WORKER: Final = _Worker()
atexit.register(_WORKER.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_WORKER.leave_to_parent)


def register() -> None:
    """Make pydicom's decoders know this plug-in; harmless when repeated."""
    for syntax in SYNTAXES:
        decoder = get_decoder(syntax)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))


def is_available(syntax: str) -> bool:
    """Tell pydicom whether this plug-in decodes a transfer syntax."""
    return syntax in SYNTAXES


def decode_frame(frame: bytes, runner: DecodeRunner) -> bytearray:
    """Decode one frame for pydicom.

    Raises
    ------
    ValueError
        If the frame is damaged or of a kind that GDCM does not decode.
    """
    header = read_frame_header(frame)
    if header is None or not 1 <= header.precision <= _MAX_BITS:
        raise ValueError("the codestream has no usable header")
    # The sample's width in the stream counts: the data set may say 16 bits of a 12-bit stream.
    runner.set_option("bits_allocated", 8 if header.precision <= 8 else 16)
    is_jpegls = runner.transfer_syntax in uid.JPEGLSTransferSyntaxes
    if is_jpegls:
        runner.set_option("planar_configuration", 0)  # GDCM interleaves whatever the stream does
    description = {
        "syntax": str(runner.transfer_syntax),
        "rows": runner.rows,
        "columns": runner.columns,
        "samples": runner.samples_per_pixel,
        "bits_allocated": runner.bits_allocated,
        "bits_stored": header.precision,
        # GDCM refuses signed JPEG-LS; the sign is in the top bit, and pydicom extends it.
        "signed": 0 if is_jpegls else runner.pixel_representation,
        "photometric": str(runner.photometric_interpretation),
        "planar": runner.planar_configuration if runner.samples_per_pixel > 1 else 0,
    }
    pixels = _WORKER.decode(frame, description)
    if len(pixels) != runner.frame_length(unit="bytes"):
        raise ValueError("the codestream cannot be decoded")
    return bytearray(pixels)  # pydicom extends the sign in place


def _start() -> subprocess.Popen[bytes]:
    worker = Path(__file__).with_name("gdcm_worker.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(  # noqa: S603 - this interpreter and a file of this package
        [sys.executable, "-P", str(worker)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def _exchange(process: subprocess.Popen[bytes], frame: bytes, description: bytes) -> bytes:
    requests, replies = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    requests.write(REQUEST.pack(len(description), len(frame)) + description + frame)
    requests.flush()
    (length,) = REPLY.unpack(_read_exactly(replies, REPLY.size))
    return _read_exactly(replies, length)


def _read_exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content
