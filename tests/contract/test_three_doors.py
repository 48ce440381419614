"""One scan through Python, the command line and HTTP, with the embedded model: one answer."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from tests.serving.made_requests import Server, encode
from tests.serving.made_scans import dicom, packed
from tumorscope import load_model
from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.model.classifier import Classifier

Answers = list[dict[str, Any]]
LESION, PLAIN = head_phantom(lesion=Lesion(), seed=3), head_phantom(seed=4)


def volume() -> bytes:
    voxels = np.stack([PLAIN, LESION, LESION, PLAIN], axis=-1)
    return bytes(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 5.0, 1.0])).to_bytes())


SCANS: dict[str, Callable[[], bytes]] = {
    "a.png": lambda: encode(LESION),
    "a.tif": lambda: encode(LESION.astype(np.uint16) * 16, "TIFF"),
    "a.dcm": lambda: dicom(PLAIN.astype(np.uint16) * 16),
    "v.nii": volume,
    "z.zip": lambda: packed(**{"one.png": encode(PLAIN), "two.dcm": dicom(LESION)}),
}


@pytest.fixture(scope="module")
def model() -> Classifier:
    return load_model()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("service"), None, ())
    yield server
    server.kill()


def from_command_line(*paths: Path) -> Answers:
    command = [sys.executable, "-m", "tumorscope", "predict", *map(str, paths), "--format", "json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def from_python(model: Classifier, *paths: Path) -> Answers:
    return [answer.to_dict() for answer in model.predict_many(list(paths))]


def by_name(answers: Answers, folder: Path) -> Answers:
    """Name the sources as an upload is named."""
    text = json.dumps(answers).replace(f"{folder}/", "")
    return json.loads(text)  # type: ignore[no-any-return]


def assert_same(answers: Answers, expected: Answers) -> None:
    """Probabilities to a millionth, all else exactly."""

    def split(value: Any) -> tuple[Any, list[float]]:
        numbers: list[float] = []

        def walk(one: Any) -> Any:
            if isinstance(one, dict):
                return {key: walk(part) for key, part in one.items()}
            if isinstance(one, list):
                return [walk(part) for part in one]
            if isinstance(one, float):
                numbers.append(one)
                return "number"
            return one

        return walk(value), numbers

    words, numbers = split(answers)
    expected_words, expected_numbers = split(expected)
    assert words == expected_words
    np.testing.assert_allclose(numbers, expected_numbers, atol=1e-6)


@pytest.mark.parametrize("name", SCANS)
def test_python_and_http_give_one_answer(
    server: Server, model: Classifier, tmp_path: Path, name: str
) -> None:
    path, content = tmp_path / name, SCANS[name]()
    path.write_bytes(content)
    expected = by_name(from_python(model, path), tmp_path)
    assert [one["kind"] for one in expected] != []
    assert_same(
        server.json("POST", "/api/v1/predictions", (name, content))["predictions"], expected
    )
    job = server.json("POST", "/api/v1/jobs", (name, content))["id"]
    assert_same(server.wait_for_job(job)["predictions"], expected)


def test_python_and_the_command_line_give_one_answer(model: Classifier, tmp_path: Path) -> None:
    paths = []
    for name, make in SCANS.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(make())
    assert_same(from_command_line(*paths), from_python(model, *paths))


@pytest.mark.real_scans
def test_a_real_series_gives_one_answer(
    server: Server, model: Classifier, real_scans: Path
) -> None:
    folder = real_scans / "dicom" / "tumor_series"
    paths = sorted(folder.iterdir())[10:13]
    expected = from_python(model, *paths)
    assert_same(from_command_line(*paths), expected)
    uploads = [(one.name, one.read_bytes()) for one in paths]
    answers = server.json("POST", "/api/v1/predictions", *uploads)["predictions"]
    named = by_name(expected, folder)
    # Of the common folder of several files, HTTP knows only what the names say.
    assert (named[-1]["kind"], named[-1].pop("source")) == ("series", str(folder))
    assert answers[-1].pop("source") == "."
    assert_same(answers, named)
