"""Bodies of requests, bounded in bytes, parts and time; on disk only in a job's spool folder."""

from __future__ import annotations

import io
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from flask import Request, request
from werkzeug.datastructures import FileStorage
from werkzeug.wsgi import get_content_length

from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.problems import RefusalError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FIELD: Final = "file"
MAX_NAME: Final = 255
"""Characters of a name that are kept, the length that file systems allow."""

_FORM_BYTES: Final = 512 * 1024
"""Room for the multipart headers of all files, for fields that are not files, and for the parser's
own buffer."""


_SKIPPED_BYTES: Final = 16 * 1024 * 1024
"""A whole series. After what is larger the server closes the connection."""

_CHUNK: Final = 64 * 1024


class UploadRequest(Request):
    """A request whose files go to memory, or to ``folder`` where one is set.

    Werkzeug itself would put files from 500 kB on into the machine's temporary folder.
    """

    folder: Path | None = None
    parts: int = 0

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.folder is None:
            return io.BytesIO()
        self.parts += 1
        return cast("IO[bytes]", SpoolFile(self.folder / str(self.parts)))


class SpoolFile(io.RawIOBase):
    """A part of a body on its way to disk, closed as soon as it is complete.

    Thousands of parts would otherwise be open at once, more than a process may have.

    Attributes
    ----------
    path
        Of the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._stream = path.open("xb")

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, content: Any) -> int:
        """Append to the file."""
        return self._stream.write(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Close the file: Werkzeug rewinds a part when it is complete."""
        self._stream.close()
        return 0

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()


class _TimedInput(io.RawIOBase):
    """A request's body that gives up when it does not arrive in time."""

    def __init__(self, stream: Any, deadline: float) -> None:
        super().__init__()
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if time.monotonic() > self._deadline:
            raise RefusalError(
                "upload-timeout", "The upload took too long; send fewer files at a time."
            )
        try:
            content: bytes = self._stream.read(size)
        except TimeoutError as error:
            raise RefusalError("upload-timeout", "The upload stalled and was dropped.") from error
        # A server's own classes for broken framing.
        except Exception as error:
            raise RefusalError("bad-request", "The request body is malformed.") from error
        return content

    def readinto(self, buffer: Any) -> int:
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def read_files(
    config: ServerConfig, *, max_bytes: int, max_files: int, folder: Path | None = None
) -> list[FileStorage]:
    """Receive the request's body and return its files.

    Parameters
    ----------
    max_bytes, max_files
        Of the whole body.
    folder
        Where files are written as :class:`SpoolFile`; ``None`` keeps them in memory.

    Raises
    ------
    RefusalError
        If the body is no multipart, holds no file, or takes too long.
    RequestEntityTooLarge
        If it is over a limit.
    """
    if request.mimetype != "multipart/form-data":
        raise RefusalError(
            "unsupported-format",
            f"Send the scans as multipart/form-data in the field {FIELD!r}.",
        )
    _bound_time(request.environ, config)
    request.max_content_length = max_bytes + _FORM_BYTES
    request.max_form_parts = max_files
    request.max_form_memory_size = _FORM_BYTES
    request.folder = folder  # type: ignore[attr-defined]  # an UploadRequest, set by create_app
    files = request.files.getlist(FIELD)
    if not files:
        raise RefusalError("bad-request", f"The request has no file in the field {FIELD!r}.")
    return files


def skip_body(environ: WSGIEnvironment, config: ServerConfig) -> None:
    """Read the rest of a refused request, unless it is large or not sent yet.

    So that the connection can be kept. gunicorn itself would read a kilobyte at a time, which costs
    as much as the refusal, and after 64 of them close the connection, which costs the client more.
    """
    left = get_content_length(environ) or 0
    if left > _SKIPPED_BYTES or "HTTP_EXPECT" in environ:
        return
    _bound_time(environ, config)
    stream = environ["wsgi.input"]
    with suppress(RefusalError):
        while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
            left -= len(chunk)


def clean_name(name: str | None) -> str:
    """Return the name of an upload as a relative path without control characters."""
    text = re.sub(r"[\x00-\x1f\x7f]+", "", name or "").replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[-MAX_NAME:].lstrip("/") or "upload"


def _bound_time(environ: WSGIEnvironment, config: ServerConfig) -> None:
    deadline = time.monotonic() + config.upload_timeout_s
    environ["wsgi.input"] = _TimedInput(environ["wsgi.input"], deadline)
    if (socket := environ.get("gunicorn.socket")) is not None:
        socket.settimeout(config.idle_timeout_s)
