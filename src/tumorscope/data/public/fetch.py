"""From a recipe to a folder with pictures and a manifest."""

from __future__ import annotations

import fnmatch
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tumorscope.data.grouping import hash_file
from tumorscope.data.manifest import ManifestRow, write_manifest, write_table
from tumorscope.data.public.channels import convert_channels
from tumorscope.data.public.conversion import ConversionFailure, Store
from tumorscope.data.public.dicom import convert_dicom
from tumorscope.data.public.download import Download
from tumorscope.data.public.entries import Entry, open_entries
from tumorscope.data.public.folders import convert_folders
from tumorscope.data.public.matlab import convert_matlab
from tumorscope.data.public_set import PublicSet
from tumorscope.errors import FetchError, UsageError
from tumorscope.labels import NOTICE
from tumorscope.system.files import check_output

MANIFEST, SOURCE, KNOWN_BAD, DOWNLOADS = "manifest.csv", "source.json", "known_bad.csv", "downloads"
_KNOWN_BAD_COLUMNS: Final = ("path", "reason")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a folder holds after a set was fetched into it.

    Attributes
    ----------
    rows
        Of the manifest.
    failures
        Files that could not be converted.
    known_bad
        Why pictures should not be trusted, by their paths.
    differences
        In words, where the counts are not those that the recipe expects.
    """

    rows: Sequence[ManifestRow]
    failures: Sequence[ConversionFailure]
    known_bad: Mapping[str, str]
    differences: Sequence[str]


def fetch_set(
    recipe: PublicSet, output: Path, *, sources: Sequence[Path] = (), download: Download
) -> Fetched:
    """Download a set or take what was downloaded by hand, and convert it.

    The folder then holds ``manifest.csv``, written last; ``source.json`` with origin, licence,
    citation and the hashes of what was converted; ``known_bad.csv``; and the pictures. The same
    call goes on after an interruption. Nothing is overwritten.

    Raises
    ------
    UsageError
        If the set has to be downloaded by hand (the message says how), or ``manifest.csv`` exists.
    FetchError
        If it cannot be downloaded, or holds no picture.
    """
    if not sources and not recipe.files:
        raise UsageError(_manual(recipe))
    output.mkdir(parents=True, exist_ok=True)
    check_output(output / MANIFEST, overwrite=False)
    archives = list(sources) or _download(recipe, output / DOWNLOADS, download)
    hashes = {path.name: hash_file(path) for path in _archives(archives)}
    _check_hashes(recipe, hashes)
    with open_entries(archives, output) as entries:
        converted = list(_convert(recipe, entries, Store(output)))
    fetched = _judge(recipe, converted)
    if not fetched.rows:
        raise FetchError(
            f"No image of {recipe.name} was found in {', '.join(map(str, archives))}: "
            f"{len(fetched.failures)} files could not be converted, the others are of another "
            "kind. Check that it is the right download."
        )
    _write(recipe, fetched, output, hashes)
    return fetched


def kind_of(row: ManifestRow) -> str:
    """Return the kind of picture as :attr:`PublicSet.expected` counts it."""
    if row.tumor is None:
        return "label unknown"
    return row.type or ("tumor" if row.tumor else "no_tumor")


def _manual(recipe: PublicSet) -> str:
    steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(recipe.steps, 1))
    return (
        f"{recipe.name} cannot be downloaded without a person: its origin asks for a login or a "
        f"program of its own.\n{steps}"
    )


def _download(recipe: PublicSet, folder: Path, download: Download) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [download.fetch(file, folder) for file in recipe.files]


def _archives(sources: Sequence[Path]) -> Iterator[Path]:
    for source in sources:
        yield from source.rglob("*.zip") if source.is_dir() else (source,)


def _check_hashes(recipe: PublicSet, hashes: Mapping[str, str]) -> None:
    for file in recipe.files:
        if hashes.get(file.name, file.sha256) != file.sha256:
            raise FetchError(
                f"{file.name} has SHA-256 {hashes[file.name]}; the recipe says {file.sha256}. It "
                "is truncated or was changed; download it again."
            )


def _convert(
    recipe: PublicSet, entries: Iterable[Entry], store: Store
) -> Iterator[ManifestRow | ConversionFailure]:
    if recipe.layout == "matlab":
        return convert_matlab(recipe.name, entries, store)
    if recipe.layout == "channels":
        return convert_channels(recipe.name, entries, store)
    if recipe.layout == "dicom":
        return convert_dicom(recipe.name, entries, store)
    return convert_folders(recipe.name, entries, store, unlabeled=recipe.unlabeled)


def _judge(recipe: PublicSet, converted: Sequence[ManifestRow | ConversionFailure]) -> Fetched:
    rows = [one for one in converted if isinstance(one, ManifestRow)]
    known_bad = {
        row.path: bad.reason
        for row in rows
        for bad in recipe.known_bad
        if fnmatch.fnmatchcase(row.path, bad.pattern)
    }
    failures = [one for one in converted if isinstance(one, ConversionFailure)]
    return Fetched(rows, failures, known_bad, list(_differences(recipe, rows)))


def _differences(recipe: PublicSet, rows: Sequence[ManifestRow]) -> Iterator[str]:
    counts = Counter(map(kind_of, rows))
    for kind, expected in recipe.expected.items():
        if counts[kind] != expected:
            yield f"{counts[kind]:,} pictures {kind}, where the published set has {expected:,}"
    patients = len({row.patient_id for row in rows if row.patient_id is not None})
    if recipe.patients is not None and patients != recipe.patients:
        yield f"{patients:,} patients, where the published set has {recipe.patients:,}"


def _write(recipe: PublicSet, fetched: Fetched, output: Path, hashes: Mapping[str, str]) -> None:
    bad = [{"path": path, "reason": reason} for path, reason in fetched.known_bad.items()]
    write_table(output / KNOWN_BAD, _KNOWN_BAD_COLUMNS, bad, overwrite=True)
    record = json.dumps(_record(recipe, fetched, hashes), indent=2, ensure_ascii=False)
    (output / SOURCE).write_text(record + "\n", encoding="utf-8")
    write_manifest(output / MANIFEST, fetched.rows)


def _record(recipe: PublicSet, fetched: Fetched, hashes: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "title": recipe.title,
        "page": recipe.page,
        "licence": recipe.licence,
        "citation": recipe.citation,
        "cautions": list(recipe.cautions),
        "files": dict(hashes),
        "pictures": dict(Counter(map(kind_of, fetched.rows))),
        "differences": list(fetched.differences),
        "not_converted": {one.path: one.reason for one in fetched.failures},
        "notice": NOTICE,
    }
