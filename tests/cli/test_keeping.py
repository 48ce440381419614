"""Purge, backup and restore of what a service keeps."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.cli.conftest import Result
from tests.serving.made_requests import wait_for_job
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api.app import close_app, create_app
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.jobs.job_store import JobStore, StoredAnswer
from tumorscope.serving.pseudonyms import read_pseudonyms

JANE, JOHN = "1.2.826.1", "1.2.826.2"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def dicom(
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., Any],
    encode_dicom: Callable[..., bytes],
) -> Callable[[str, str], bytes]:
    """Make a slice of a study and a patient."""

    def make(study: str, patient: str) -> bytes:
        head = make_head((64, 64)).astype(np.uint16)
        return encode_dicom(make_dicom(head, StudyInstanceUID=study, PatientID=patient))

    return make


@pytest.fixture
def store(spool: Path) -> Iterator[JobStore]:
    with closing(JobStore(ServerConfig(spool=spool))) as store:
        yield store


def queue(store: JobStore, *contents: bytes) -> str:
    job, folder = store.new_folder()
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
    uploads = [(str(number), f"file{number}") for number in range(len(contents))]
    return store.add(job, uploads, operating_point="balanced", hold_s=0)


@pytest.fixture
def answered(
    spool: Path, tiny_artifact: Artifact, dicom: Callable[[str, str], bytes]
) -> dict[str, str]:
    """Jobs of Jane and John, answered by a service that has ended since; by name."""
    config = ServerConfig(spool=spool, static=spool / "static")
    app = create_app(config, classifier=Classifier(tiny_artifact, threads=1))
    client: FlaskClient = app.test_client()
    jobs = {}
    for name, study in (("jane", JANE), ("john", JOHN)):
        files = [(io.BytesIO(dicom(study, f"ID-{name}")), f"{name}.dcm")]
        job = client.post("/api/v1/jobs", data={"file": files}).get_json()["id"]
        assert wait_for_job(client, f"/api/v1/jobs/{job}")["predictions"][0]["kind"] == "image"
        jobs[name] = job
    close_app(app)
    return jobs


def kept(spool: Path) -> set[str]:
    with closing(JobStore(ServerConfig(spool=spool))) as store:
        return set(store.jobs_before(float("inf")))


def test_purge_by_study(
    tumorscope: Callable[..., Result], spool: Path, answered: dict[str, str]
) -> None:
    words = ("purge", "--spool", spool, "--study", JANE)
    assert tumorscope(*words, "--dry-run").out == "1 jobs would be deleted.\n"
    assert kept(spool) == set(answered.values())
    assert tumorscope(*words).out == "1 jobs deleted.\n"
    assert kept(spool) == {answered["john"]}
    files = [one.read_bytes() for one in spool.rglob("*") if one.is_file()]
    assert files
    assert not [one for one in files if b"jane" in one or JANE.encode() in one]


def test_purge_by_hash_of_the_patient(
    tumorscope: Callable[..., Result], spool: Path, answered: dict[str, str]
) -> None:
    hashed = read_pseudonyms(spool / "salt").of("patient", "ID-john ")
    assert tumorscope("purge", "--spool", spool, "--patient-hash", hashed).code == 0
    assert kept(spool) == {answered["jane"]}
    for one in spool.rglob("*"):
        assert not one.is_file() or b"ID-jane" not in one.read_bytes()


@pytest.mark.parametrize("packed", [False, True])
def test_purge_of_what_waits(
    tumorscope: Callable[..., Result],
    spool: Path,
    store: JobStore,
    dicom: Callable[[str, str], bytes],
    packed: bool,
) -> None:
    content = dicom(JANE, "1")
    if packed:
        buffer = io.BytesIO()
        import zipfile

        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.dcm", content)
        content = buffer.getvalue()
    job, other = queue(store, b"no scan", content), queue(store, dicom(JOHN, "2"))
    assert tumorscope("purge", "--spool", spool, "--study", JANE).out == "1 jobs deleted.\n"
    assert kept(spool) == {other}
    assert not store.folder(job).exists()


def test_purge_by_age(tumorscope: Callable[..., Result], spool: Path, store: JobStore) -> None:
    old, new = queue(store, b"a"), queue(store, b"b")
    store._database.execute("UPDATE jobs SET created = created - 7200 WHERE id = ?", (old,))
    assert tumorscope("purge", "--spool", spool, "--older-than", "1h").out == "1 jobs deleted.\n"
    assert kept(spool) == {new}


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--study", JANE, "--older-than", "1h"),
        ("--older-than", "soon"),
        ("--patient-hash", "Jane"),
    ],
)
def test_purge_that_is_not_clear(
    tumorscope: Callable[..., Result], spool: Path, store: JobStore, words: tuple[str, ...]
) -> None:
    queue(store, b"a")
    assert tumorscope("purge", "--spool", spool, *words).code == 2
    assert len(kept(spool)) == 1


def test_purge_of_a_folder_that_is_no_spool(
    tumorscope: Callable[..., Result], tmp_path: Path
) -> None:
    result = tumorscope("purge", "--spool", tmp_path / "other", "--older-than", "1h")
    assert result.code == 2
    assert not (tmp_path / "other").exists()


def test_oldest_answers_go_when_there_are_too_many(spool: Path) -> None:
    with closing(JobStore(ServerConfig(spool=spool, keep_bytes=150))) as store:
        jobs = []
        for number in range(3):
            jobs.append(queue(store, b"a"))
            store.claim()
            store.finish(jobs[-1], [StoredAnswer(0, None, {"kind": "series", "a": "x" * 40})])
            store._database.execute("UPDATE jobs SET created = ? WHERE id = ?", (number, jobs[-1]))
        waiting = queue(store, bytes(1000))
        assert store.sweep() == 1
        assert kept(spool) == {*jobs[1:], waiting}


def backed_up(tumorscope: Callable[..., Result], spool: Path) -> Path:
    keys = spool.parent / "keys"
    assert tumorscope("keys", "add", "desk", "--api-keys", keys).code == 0
    output = spool.parent / "backup.tar"
    result = tumorscope("backup", output, "--spool", spool, "--api-keys", keys)
    assert result.code == 0, result.err
    assert output.stat().st_mode & 0o777 == 0o600
    return output


def test_backup_of_a_store_in_use_is_restored_whole(
    tumorscope: Callable[..., Result], spool: Path, store: JobStore, tmp_path: Path
) -> None:
    (spool / "salt").write_bytes(bytes(32))
    done, begun, waiting = (queue(store, text) for text in (b"done", b"begun", b"waits"))
    store.claim()
    store.finish(done, [StoredAnswer(0, None, {"kind": "series"})])
    assert store.claim().id == begun
    store.commit(begun, StoredAnswer(0, 0, {"kind": "image"}), files_done=0)
    backup = backed_up(tumorscope, spool)
    assert [one.name for one in spool.iterdir() if one.name.startswith(".")] == []
    new = tmp_path / "new"
    words = ("restore", backup, "--spool", new / "spool", "--api-keys", new / "keys")
    assert tumorscope(*words).code == 0
    assert (new / "keys").read_text() == (tmp_path / "keys").read_text()
    assert (new / "spool" / "salt").read_bytes() == bytes(32)
    with closing(JobStore(ServerConfig(spool=new / "spool"))) as restored:
        assert restored.get(done).state == "finished"
        assert [one.answer for one in restored.answers(done)] == [{"kind": "series"}]
        assert len(restored.answers(begun)) == 1
        path, _ = restored.uploads(waiting)[0]
        assert path.read_bytes() == b"waits"
        restored._database.execute("UPDATE jobs SET lease = 0")
        assert {restored.claim().id, restored.claim().id} == {begun, waiting}
    modes = {one.stat().st_mode & 0o077 for one in new.rglob("*")}
    assert modes == {0}


def test_restore_replaces_nothing(
    tumorscope: Callable[..., Result], spool: Path, store: JobStore, tmp_path: Path
) -> None:
    queue(store, b"a")
    backup = backed_up(tumorscope, spool)
    for words in (
        ("--spool", spool, "--api-keys", tmp_path / "none"),
        ("--spool", tmp_path / "none", "--api-keys", tmp_path / "keys"),
    ):
        result = tumorscope("restore", backup, *words)
        assert (result.code, "replaces nothing" in result.err) == (2, True)
    assert not (tmp_path / "none").exists()


def test_damaged_backup_restores_nothing(
    tumorscope: Callable[..., Result], spool: Path, store: JobStore, tmp_path: Path
) -> None:
    queue(store, b"waits")
    content = bytearray(backed_up(tumorscope, spool).read_bytes())
    changed = bytes(content).replace(b"waits", b"waitz")
    for name, damaged in {
        "changed": changed,
        "short": bytes(content[: len(content) // 2]),
        "none": b"x" * 5000,
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(damaged)
        words = ("--spool", tmp_path / "new" / "spool", "--api-keys", tmp_path / "new" / "keys")
        result = tumorscope("restore", tmp_path / name, *words)
        assert (result.code, "damaged" in result.err) == (2, True), result.err
        assert len(result.err.splitlines()) == 1
        assert not list((tmp_path / "new").rglob("*"))


@pytest.mark.parametrize("name", ["../out", "/abs", "spool/../../out", "keys/.."])
def test_backup_that_would_write_elsewhere(
    tumorscope: Callable[..., Result], tmp_path: Path, name: str
) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        info = tarfile.TarInfo("backup.json")
        content = json.dumps({"files": {name: ""}}).encode()
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    result = tumorscope("restore", path, "--spool", tmp_path / "a" / "b" / "spool")
    assert result.code == 2
    assert "which no backup does" in result.err
    assert not (tmp_path / "out").exists()
