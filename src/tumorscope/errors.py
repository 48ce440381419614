"""Every error that tumorscope raises on purpose.

::

    TumorscopeError
    ├── ImageError                 an input cannot be answered
    │   ├── UnsupportedFormatError   not one of the formats that are read
    │   ├── CorruptImageError        a known format, but damaged, truncated or without pixels
    │   ├── ImageTooLargeError       over a limit on bytes, pixels, frames, files or ratio
    │   └── ImageContentError        decoded, but holds no picture (constant, NaN, too small)
    ├── ManifestError              a manifest cannot be used as it is
    │   └── LeakError                one group stands on two sides of a split
    ├── ArtifactError              a model artifact is damaged, altered or unknown
    ├── StoreError                 the job store is damaged, or of a newer version
    ├── AuditError                 the audit log is not as it was written
    ├── FetchError                 a public set could not be downloaded or converted
    ├── UsageError                 an option or argument is wrong
    └── MissingExtraError          a feature needs an extra that is not installed
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar


class TumorscopeError(Exception):
    """Base of all errors raised on purpose; the message is fit to be shown to a user."""


class ImageError(TumorscopeError):
    """An input cannot be answered; the rest of a batch goes on.

    Attributes
    ----------
    type
        Stable identifier of the kind of error, in kebab case.
    title
        One short sentence that is the same for all errors of the kind.
    """

    type: ClassVar[str] = "image-error"
    title: ClassVar[str] = "The image could not be read."

    @property
    def detail(self) -> str:
        """What was wrong with this input, what arrived and what to do."""
        return str(self)


class UnsupportedFormatError(ImageError):
    """The input is not one of the formats that are read."""

    type = "unsupported-format"
    title = "The file is not in a format that tumorscope reads."


class CorruptImageError(ImageError):
    """The input is of a known format, but damaged, truncated or without pixels."""

    type = "corrupt-image"
    title = "The file is damaged or incomplete."


class ImageTooLargeError(ImageError):
    """The input is over a limit on bytes, pixels, frames, files or compression ratio."""

    type = "image-too-large"
    title = "The file is larger than the limit allows."


class ImageContentError(ImageError):
    """The input was decoded, but holds no picture."""

    type = "image-content"
    title = "The file contains no usable image."


class ManifestError(TumorscopeError):
    """A manifest cannot be used as it is; the message names the row or column."""


class LeakError(ManifestError):
    """One patient or near-duplicate group stands on two sides of a split."""


class ArtifactError(TumorscopeError):
    """A model artifact is damaged, was altered, or has a format that is not known here."""


class ArtifactWarning(UserWarning):
    """A model artifact is used, but not quite as it was stored; the message says what to do."""


class StoreError(TumorscopeError):
    """The job store of the service is damaged, of a newer version, or cannot be opened."""


class AuditError(TumorscopeError):
    """The audit log is not as it was written; the message names the line."""


class FetchError(TumorscopeError):
    """A public set could not be downloaded or converted; the message says what to do."""


class UsageError(TumorscopeError, ValueError):
    """The caller gave an option or argument that cannot be used.

    Also a ``ValueError``, as callers of a scikit-learn estimator expect.
    """


class MissingExtraError(TumorscopeError):
    """A feature needs an optional extra; the message gives the command that installs it."""

    def __init__(self, *, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the optional extra [{extra}]: pip install 'tumorscope[{extra}]'"
        )


@contextmanager
def needs_extra(feature: str, extra: str) -> Iterator[None]:
    """Around imports of what an extra brings: say of a package that is not there how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "tumorscope":
            raise  # a fault of ours, which no extra mends
        raise MissingExtraError(feature=feature, extra=extra) from error
