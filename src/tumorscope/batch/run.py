"""An archive into a table, from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pyarrow.parquet as pq

from tumorscope.batch.answer import Job
from tumorscope.batch.local_engine import answer_locally
from tumorscope.batch.partial_folder import Journal, PartialFolder
from tumorscope.batch.schema import SCHEMA_VERSION
from tumorscope.batch.units import list_units
from tumorscope.errors import UsageError
from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import available_cores
from tumorscope.system.files import check_output

_COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zst", ".zip")
# fmt: off
_OTHER_FORMATS: Final = (
    ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xml", ".html", ".md",
    ".xlsx", ".xls", ".ods", ".feather", ".arrow", ".orc", ".avro", ".sqlite", ".db",
)
"""Names that promise what a table is not."""
# fmt: on


@dataclass(frozen=True, slots=True)
class BatchConfig:
    """How a table is made.

    Attributes
    ----------
    place
        File, folder, glob, manifest, zip, tar or fsspec URL.
    output
        Parquet file.
    root
        Folder that a manifest's paths start from; default its own.
    model
        Artifact; default the embedded one.
    operating_point, threshold
        As of :func:`~tumorscope.model.classifier.load_model`.
    engine, address
        ``local`` processes, or ``ray``: on the cluster at HOST:PORT, or on one of this run's own.
    workers
        Processes or actors with one thread each; default all cores.
    """

    place: str
    output: Path
    root: Path | None = None
    model: Path | None = None
    operating_point: str | None = None
    threshold: float | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    workers: int | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What a finished table holds."""

    rows: int
    failed: int


def run_batch(config: BatchConfig, *, progress: Callable[[int, int], None]) -> Summary:
    """Make the table, or go on where a run that was killed stopped.

    Parameters
    ----------
    progress
        Told the number of parts done and of all parts.

    Raises
    ------
    UsageError
        If the input is not there, or the output is or cannot be written, or what was begun beside
        it was begun with other things.
    ArtifactError
        If the model cannot be used.
    """
    _check_engine(config)
    _refuse_other_format(config)
    if not config.output.parent.is_dir():
        raise UsageError(
            f"The folder {config.output.parent} for the output does not exist; create it first."
        )
    folder = PartialFolder(config.output)
    try:
        if not folder.is_whole():
            _make(config, folder, progress)
    except BaseException:
        folder.discard_unused()
        raise
    folder.remove()
    return summarize(config.output)


def summarize(table: Path) -> Summary:
    """Count the rows of a table and the errors among them."""
    with pq.ParquetFile(table) as file:
        groups = file.iter_batches(columns=["error_type"])
        failed = sum(len(group) - group.column(0).null_count for group in groups)
        return Summary(file.metadata.num_rows, failed)


def _make(config: BatchConfig, folder: PartialFolder, progress: Callable[[int, int], None]) -> None:
    check_output(config.output, overwrite=config.overwrite)
    artifact = read_artifact(config.model)
    job = Job(config.place, artifact, config.operating_point, config.threshold)
    classifier = job.classifier()  # or its error, now
    journal = Journal(
        schema_version=SCHEMA_VERSION,
        place=config.place,
        root=None if config.root is None else str(config.root),
        model=classifier.identity.sha256,
        operating_point=classifier.operating_point,
        threshold=classifier.threshold,
    )
    folder.begin(list_units(config.place, root=config.root), journal)
    total = folder.count()
    done = total - sum(1 for _ in folder.missing())
    for number, rows in _answer(config, job, folder):
        folder.save(number, rows)
        done += 1
        progress(done, total)
    folder.finish()


def _answer(config: BatchConfig, job: Job, folder: PartialFolder) -> Iterator[tuple[int, bytes]]:
    parts = folder.missing()
    if config.engine == "local":
        yield from answer_locally(job, parts, workers=config.workers or available_cores())
    elif next(folder.missing(), None) is not None:  # a cluster is a lot to start for nothing
        from tumorscope.batch.ray_engine import answer_on_ray

        yield from answer_on_ray(job, parts, workers=config.workers, address=config.address)


def _refuse_other_format(config: BatchConfig) -> None:
    """Refuse a name that promises another format."""
    suffixes = [one.lower() for one in config.output.suffixes]
    while suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    if suffixes and suffixes[-1] in _OTHER_FORMATS:
        style = "csv" if suffixes[-1] in (".csv", ".tsv", ".txt") else "json"
        raise UsageError(
            f"The table is a Parquet file; {config.output} is named like another format. Give "
            f"--output {config.output.with_suffix('.parquet').name}, or write {style} with: "
            f"tumorscope predict INPUT --format {style} > {config.output.stem}.{style}"
        )


def _check_engine(config: BatchConfig) -> None:
    """Refuse what cannot work, before anything is read or written."""
    if config.engine == "ray":
        from tumorscope.system.ray_cluster import check_address

        if config.address is not None:
            check_address(config.address)
    elif config.address is not None:
        raise UsageError("--address needs --engine ray.")
