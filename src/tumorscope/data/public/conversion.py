"""What every conversion has in common: where pictures go and what may go wrong."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from numpy.typing import NDArray
from PIL import Image

from tumorscope.errors import FetchError
from tumorscope.system.files import write_whole

FILES: Final = "files"
"""Folder of pictures that stay as they came; converted ones are in ``images`` and ``masks``."""


@dataclass(frozen=True, slots=True)
class ConversionFailure:
    """A file of a download that could not be converted.

    Attributes
    ----------
    path
        Inside the download.
    reason
        What was wrong with it.
    """

    path: str
    reason: str


class Store:
    """A folder in which nothing is ever overwritten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, path: PurePosixPath, content: bytes) -> str:
        """Write a file whole or not at all, and return its path for the manifest.

        Raises
        ------
        FetchError
            If another file is there under this name.
        """
        target = self._folder / path
        if target.exists():
            if target.read_bytes() != content:
                raise FetchError(
                    f"{target} exists with different content and is not overwritten; give "
                    "--output a new folder."
                )
            return path.as_posix()
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
        return path.as_posix()

    def write_png(self, path: PurePosixPath, pixels: NDArray[Any]) -> str:
        """Write grey levels of shape (rows, columns), uint8 or uint16, without loss."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG")
        return self.write(path, buffer.getvalue())
