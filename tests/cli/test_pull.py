"""``tumorscope pull``: wrong usage, and a PACS that is not there."""

from collections.abc import Callable

import pytest

from tests.cli.conftest import Result
from tests.serving.dicom.orthanc import free_port

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("http://127.0.0.1:1/dicom-web",), "Say which studies"),
        (("pacs", "--date", "20260101"), "A DICOMweb service is a URL"),
        (("http://h/", "--date", "20260101", "--results", "x"), "received 'x'"),
    ],
)
def test_wrong_use_is_exit_code_2(
    run: Callable[..., Result],
    tumorscope: Callable[..., Result],
    options: tuple[str, ...],
    message: str,
) -> None:
    result = tumorscope("pull", *options)
    assert result.code == 2
    assert message in result.err


def test_a_pacs_that_is_not_there_is_named(
    tumorscope: Callable[..., Result], tiny_artifact_path: object
) -> None:
    url = f"http://user:secret@127.0.0.1:{free_port()}/dicom-web"
    result = tumorscope("pull", url, "--study", "1.2.3", "--model", tiny_artifact_path)
    assert result.code == 2
    assert "cannot be reached" in result.err
    assert "secret" not in result.err
