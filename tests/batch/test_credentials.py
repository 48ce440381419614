"""A remote file system that does not let us in."""

from typing import Any

import pytest

fsspec = pytest.importorskip("fsspec", reason="the extra [scale] is not installed")

from tumorscope.batch.unit_reader import UnitReader  # noqa: E402
from tumorscope.batch.units import Unit, list_units  # noqa: E402
from tumorscope.errors import CorruptImageError, UsageError  # noqa: E402


class Locked(fsspec.AbstractFileSystem):  # type: ignore[misc]
    protocol = "locked"

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        raise PermissionError("Access Denied")

    def _open(self, path: str, *words: Any, **options: Any) -> Any:
        raise PermissionError("Access Denied")


@pytest.fixture(autouse=True)
def locked() -> None:
    fsspec.register_implementation("locked", Locked, clobber=True)


@pytest.mark.parametrize("url", ["locked://bucket/archive/*.dcm", "locked://bucket/archive*"])
def test_wrong_credentials_end_the_run_before_any_work(url: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be listed: PermissionError: Access Denied.*cred"):
        list(list_units(url))


def test_a_file_that_may_not_be_read_is_an_error_row() -> None:
    with pytest.raises(CorruptImageError, match="PermissionError"):
        UnitReader("locked://bucket").read(Unit("locked://bucket/1.dcm", "bucket/1.dcm"))
