"""Progress on a terminal, for what takes more than a moment; elsewhere nothing is shown."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TypeVar

_Item = TypeVar("_Item")


def progress(items: Iterable[_Item], *, total: int, what: str) -> Iterable[_Item]:
    """Show on the standard error stream, if it is a terminal, how many of the images are done.

    Without tqdm, which the extras bring, nothing is shown.
    """
    if find_spec("tqdm") is None:
        return items
    from tqdm import tqdm

    shown: Iterable[_Item] = tqdm(items, total=total, desc=what, unit="image", disable=None)
    return shown
