"""What was acknowledged is there after a power cut, on a disk that keeps what it was told to."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tumorscope.serving.http_api.base import api_keys
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.jobs.job_store import JobStore, StoredAnswer

SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"
DISK_BYTES = 32 * 1024 * 1024
FILES = 20


def run(*words: object) -> int:
    return subprocess.run(
        [str(one) for one in words], capture_output=True, timeout=120, check=False
    ).returncode


class Disk:
    """A file system in a file.

    Attributes
    ----------
    folder
        Where it is mounted.
    """

    def __init__(self, image: Path, folder: Path) -> None:
        self._image, self.folder = image, folder
        image.touch()
        os.truncate(image, DISK_BYTES)
        folder.mkdir()
        make = shutil.which("mkfs.ext4", path=SYSTEM)
        if make is None or run(make, "-q", image) or self.mount():
            pytest.skip("a file system cannot be made and mounted: needs root and e2fsprogs")

    def mount(self) -> int:
        return run("mount", "-o", "loop", self._image, self.folder)

    def unmount(self) -> None:
        run("umount", "--lazy", self.folder)

    def cut_power(self, *stores: JobStore) -> None:
        """Lose what was not waited for; mount again, when nothing holds the old one."""
        if run("mount", "-o", "remount,abort", self.folder):
            pytest.skip("the kernel does not let a file system be aborted")
        for one in stores:
            one.close()
        assert run("umount", self.folder) == 0
        check = shutil.which("e2fsck", path=SYSTEM)
        assert run(check, "-fy", self._image) in (0, 1)
        assert self.mount() == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "disk.img", tmp_path / "disk")
    yield made
    made.unmount()


@pytest.fixture
def open_store(disk: Disk) -> Iterator[Callable[[], JobStore]]:
    stores = []

    def make() -> JobStore:
        stores.append(JobStore(ServerConfig(spool=disk.folder / "spool")))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def add(store: JobStore) -> str:
    job, folder = store.new_folder()
    for number in range(FILES):
        (folder / str(number)).write_bytes(bytes([number]) * 5000)
    uploads = [(str(number), f"{number}.dcm") for number in range(FILES)]
    return store.add(job, uploads, operating_point="balanced", hold_s=0)


def test_job_that_was_accepted(disk: Disk, open_store: Callable[[], JobStore]) -> None:
    store = open_store()
    job = add(store)
    disk.cut_power(store)
    again = open_store()
    assert [path.read_bytes() for path, _ in again.uploads(job)] == [
        bytes([number]) * 5000 for number in range(FILES)
    ]
    claimed = again.claim()
    assert claimed is not None
    assert claimed.id == job


def test_job_that_was_finished(disk: Disk, open_store: Callable[[], JobStore]) -> None:
    store = open_store()
    job = add(store)
    store.claim()
    store.commit(job, StoredAnswer(0, 0, {"kind": "image", "source": "0.dcm"}), files_done=1)
    store.finish(job, [])
    disk.cut_power(store)
    again = open_store()
    assert [one.answer["source"] for one in again.answers(job)] == ["0.dcm"]
    found = again.get(job)
    assert found is not None
    assert found.state == "finished"


def test_job_that_was_deleted_stays_so(disk: Disk, open_store: Callable[[], JobStore]) -> None:
    store = open_store()
    job = add(store)
    store.discard(job)
    disk.cut_power(store)
    assert open_store().get(job) is None


def test_key_that_was_given_and_one_that_was_revoked(disk: Disk) -> None:
    file = disk.folder / "keys"
    api_keys.add_key(file, "gone")
    api_keys.add_key(file, "kept")
    api_keys.revoke_key(file, "gone")
    disk.cut_power()
    assert [one.name for one in api_keys.read_keys(file)] == ["kept"]
