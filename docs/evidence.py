"""The evidence file: every published figure with what made it, and a search for figures without.

    python docs/evidence.py            # writes docs/results/model.json and docs/evidence.json
    python docs/evidence.py --check    # changes nothing; exit code 1 where something is missing
    python docs/evidence.py --confirm docs/reference/http.md    # its numbers are settings

A figure is published if a page shows it: in a table, in a sentence (``docs/tables.py``) or on a
page that is written as a whole. Each names its run: command, commit, data, machine and date. What a
run did not record is listed with the run, and only runs of the commits in ``exempt.toml`` may lack
anything. ``make evidence`` and ``make check`` run these two commands.

The search takes the pages, leaves out what is generated (and was compared with its source), code,
links and the exemptions of ``exempt.toml``, and names each number that is left. Pages of settings
(limits, status codes, defaults) have hundreds: theirs are listed in ``settings.json``, and a number
that is not in the list, or more often on the page than there, is named. ``--confirm`` writes the
list of a page anew, by one who looked that none of them was measured.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import figures
import numpy as np
import tables
from citing import citing_files
from click.testing import CliRunner
from figures import NUMBER

from tumorscope.labels import NOTICE
from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import load_model

ROOT: Final = figures.ROOT
EVIDENCE: Final = Path("docs") / "evidence.json"
MODEL: Final = Path("docs") / "results" / "model.json"
EXEMPT: Final = Path("docs") / "exempt.toml"
SETTINGS: Final = Path("docs") / "settings.json"
MODELS: Final = {"default": None, "lite": "lite"}

TOLERANCE: Final = 0.011
"""A probability of the samples, written with two decimals, may differ by this elsewhere."""

FIELDS: Final = ("command", "commit", "date", "machine", "data_sha256")
"""What a run has to record."""

FENCE: Final = re.compile(r"^(```|~~~).*?^\1$", re.MULTILINE | re.DOTALL)
INDENTED: Final = re.compile(r"(?:(?<=\n\n)|\A)(?: {4,}.*\n(?:\n(?= {4}))?)+")
INLINE_CODE: Final = re.compile(r"`[^`\n]*`")
TARGET: Final = re.compile(r"\]\([^)]*\)|<https?://[^>]*>")
COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
FRONT_MATTER: Final = re.compile(r"\A---\n.*?^---$", re.MULTILINE | re.DOTALL)
MESSAGE: Final = re.compile(r'"[\w.]+":\s*"((?:[^"\\]|\\.)*)"')
JSX_TEXT: Final = re.compile(r"<\w[^<>{}]*>\s*([^<>{}]*\d[^<>{}]*)</")
HEADING: Final = re.compile(r"^#{2,} ", re.MULTILINE)
BEFORE: Final = re.compile(r"earlier\s+(embedded\s+)?model")
"""What a section says of figures of a model before the embedded one."""

NO_WORDS: Final = ("*.gen.ts", "*.test.ts", "*.test.tsx", "*/testing/*")
"""Code of the page that shows no words: generated, or tests."""


@dataclass(frozen=True, slots=True)
class Exempt:
    """Numbers that are no figures.

    Attributes
    ----------
    pages
        Path or shell pattern of pages that are not searched, and why.
    settings
        Path of pages whose numbers are settings, listed in ``settings.json``, and why.
    patterns
        Regular expressions of what is no figure, with the pages they hold for.
    runs
        Beginnings of commits and models whose runs may lack what was not recorded then.
    """

    pages: Mapping[str, str]
    settings: Mapping[str, str]
    patterns: Sequence[tuple[re.Pattern[str], Sequence[str]]]
    runs: Sequence[str]

    @classmethod
    def read(cls, path: Path) -> Exempt:
        """Read ``exempt.toml``; every entry there has its reason."""
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        for one in (*content["page"], *content["settings"], *content["number"], *content["run"]):
            if not one.get("reason"):
                raise figures.TablesError(f"{path.name}: {one} has no reason.")
        return cls(
            pages={one["path"]: one["reason"] for one in content["page"]},
            settings={one["path"]: one["reason"] for one in content["settings"]},
            patterns=[
                (re.compile(one["pattern"]), one.get("pages", ["**"])) for one in content["number"]
            ],
            runs=[mark for one in content["run"] for mark in _marks(one)],
        )

    def skips(self, page: Path) -> bool:
        """Tell whether a page is not searched."""
        return any(_matches(page, one) for one in self.pages)

    def excuses(self, run: Mapping[str, Any]) -> bool:
        """Tell whether a run may lack what was not recorded when it was made."""
        marks = (str(run.get("commit")), str(run.get("model_sha256")))
        return any(mark.startswith(one) for mark in marks for one in self.runs)

    def blank(self, page: Path, text: str) -> str:
        """Return the text without the numbers that are no figures."""
        for pattern, pages in self.patterns:
            if any(_matches(page, one) for one in pages):
                text = pattern.sub(_spaces, text)
        return text


@dataclass(slots=True)
class Evidence:
    """Published figures, and the runs that made them."""

    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "about": "Every figure of README.md and docs, the pages that show it and the run that "
            "made it; written by 'make evidence'. not_recorded names what a run did not keep.",
            "notice": NOTICE,
            "format_version": 1,
            "runs": self.runs,
            "figures": dict(sorted(self.figures.items())),
        }


def collect(root: Path = ROOT) -> Evidence:
    """Read the pages and gather what they publish."""
    evidence = Evidence()
    committed = figures.Figures(root)
    for page in figures.pages(root):
        committed.asked.clear()
        figures.fill(page.read_text(encoding="utf-8"), committed)
        for name, value in committed.asked.items():
            entry = evidence.figures.setdefault(name, {**_values(value), "pages": []})
            entry["pages"].append(page.relative_to(root).as_posix())
    _whole_pages(evidence, committed)
    runs = {name: _run(name, committed) for name in evidence.figures}
    for name, (kind, run) in runs.items():
        key = next(one for one in _names(kind) if evidence.runs.get(one, run) == run)
        evidence.runs[key] = run
        evidence.figures[name]["run"] = key
    evidence.runs = dict(sorted(evidence.runs.items()))
    return evidence


def model_facts() -> dict[str, Any]:
    """Return what the embedded files say of themselves: sizes, thresholds and training data."""
    facts = {name: _facts(path) for name, path in MODELS.items()}
    facts["default"]["samples"] = _sample_lines()
    return facts


def stray_numbers(page: Path, text: str, exempt: Exempt) -> Iterator[tuple[int, str]]:
    """Yield line and number of what looks like a figure and has no source."""
    for pattern in (FRONT_MATTER, figures.BLOCK, figures.VALUE, FENCE, INDENTED, INLINE_CODE):
        text = pattern.sub(_spaces, text)
    for pattern in (TARGET, COMMENT):
        text = pattern.sub(_spaces, text)
    text = exempt.blank(page, text)
    for match in NUMBER.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[0]


def stray_messages(page: Path, text: str, exempt: Exempt) -> Iterator[tuple[int, str]]:
    """Yield line and number of figures typed into messages or elements of the web page."""
    for pattern in (MESSAGE, JSX_TEXT):
        for message in pattern.finditer(text):
            for match in NUMBER.finditer(exempt.blank(page, message[1])):
                yield text.count("\n", 0, message.start()) + 1, match[0]


def page_code(root: Path) -> Iterator[Path]:
    """Yield the files of the web page that may hold words."""
    for path in sorted((root / "web" / "src").rglob("*.ts*")):
        if not any(path.match(one) for one in NO_WORDS):
            yield path


def confirm(root: Path, names: Sequence[str]) -> None:
    """List the numbers of pages of settings anew."""
    exempt = Exempt.read(root / EXEMPT)
    known = _loaded(root / SETTINGS) or {}
    for name in names:
        if name not in exempt.settings:
            raise figures.TablesError(f"{name} is no page of settings in {EXEMPT}.")
        text = (root / name).read_text(encoding="utf-8")
        found = Counter(number for _, number in stray_numbers(Path(name), text, exempt))
        known[name] = dict(sorted(found.items()))
    (root / SETTINGS).write_text(_json(dict(sorted(known.items()))), encoding="utf-8")


def stray_in_report(report: str, metrics: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield line and number of table cells that ``metrics.json`` does not hold."""
    sizes = map(abs, _numbers(metrics))  # NUMBER finds no sign
    known = {text for number in sizes for text in (f"{number:.3f}", f"{number:g}")}
    known |= {f"{number:.4f}" for number in metrics["operating_points"].values()}
    for count, line in enumerate(report.splitlines(), 1):
        cells = line.split("|")[2:-1] if line.startswith("|") and "[95 %" not in line else ()
        for cell in cells:
            found = (one for one in NUMBER.findall(cell) if one not in known)
            yield from ((count, one) for one in found)


def problems(root: Path = ROOT) -> Iterator[str]:
    """Yield what is wrong: stray numbers, runs that lack something, files that are outdated."""
    exempt = Exempt.read(root / EXEMPT)
    yield from _strays(root, exempt)
    evidence = collect(root)
    yield from _unmarked(root, evidence)
    for key, run in evidence.runs.items():
        if run["not_recorded"] and not exempt.excuses(run):
            yield f"run {key!r} has no {', '.join(run['not_recorded'])}"
    for file, text in citing_files(root).items():
        if not (root / file).is_file() or (root / file).read_text(encoding="utf-8") != text:
            yield f"{file} is outdated; run make evidence"
    for path, wanted in ((EVIDENCE, evidence.to_dict()), (MODEL, model_facts())):
        if not agree(_loaded(root / path), wanted):
            yield f"{path} is outdated; run make evidence"


def _unmarked(root: Path, evidence: Evidence) -> Iterator[str]:
    """Yield sections that show another model's figures and do not say so."""
    sys.path.append(str(ROOT))
    from benchmarks.record import OF_MODEL

    ours = _loaded(root / MODEL)["default"]["sha256"]
    others = {
        name: one["pages"]
        for name, one in evidence.figures.items()
        if name.startswith(tuple(f"held_out:{kind}" for kind in OF_MODEL))
        and evidence.runs[one["run"]].get("model_sha256") != ours
    }
    for page in sorted({page for pages in others.values() for page in pages}):
        text = (root / page).read_text(encoding="utf-8")
        for names, section in _shown(text, figures.Figures(root)):
            if not BEFORE.search(section):
                for name in sorted(names & others.keys()):
                    yield f"{page} shows {name}, which is another model's, and does not say so"


def _shown(text: str, committed: figures.Figures) -> Iterator[tuple[set[str], str]]:
    """Yield the figures of each table or sentence of a page, and the section around them."""
    headings = [0, *(one.start() for one in HEADING.finditer(text)), len(text)]
    for pattern in (figures.FRONT, figures.BLOCK, figures.VALUE):
        for shown in pattern.finditer(text):
            committed.asked.clear()
            figures.fill(shown[0], committed)
            start = max(one for one in headings if one <= shown.start())
            stop = min(one for one in headings if one >= shown.end())
            yield set(committed.asked), text[start:stop]


def _strays(root: Path, exempt: Exempt) -> Iterator[str]:
    known = _loaded(root / SETTINGS) or {}
    for page in figures.pages(root):
        name = page.relative_to(root)
        if exempt.skips(name):
            continue
        found = stray_numbers(name, page.read_text(encoding="utf-8"), exempt)
        if name.as_posix() in exempt.settings:
            yield from _unlisted(name, list(found), known.get(name.as_posix(), {}))
        else:
            yield from (f"{name}:{line}: {one} has no source" for line, one in found)
    for page in page_code(root):
        name = page.relative_to(root)
        found = stray_messages(name, page.read_text(encoding="utf-8"), exempt)
        yield from (f"{name}:{line}: {one} has no source" for line, one in found)
    test = root / "docs" / "results" / "test"
    metrics = json.loads((test / "metrics.json").read_text(encoding="utf-8"))
    found = stray_in_report((test / "report.md").read_text(encoding="utf-8"), metrics)
    yield from (f"{test.relative_to(root)}/report.md:{n}: {one} is not in JSON" for n, one in found)


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Write the evidence, or check it; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if incomplete")
    parser.add_argument("--confirm", nargs="+", metavar="PAGE", help="their numbers are settings")
    options = parser.parse_args(arguments)
    if options.confirm:
        confirm(root, options.confirm)
        return 0
    is_check = options.check
    if not is_check:
        (root / MODEL).write_text(_json(model_facts()), encoding="utf-8")
        tables.main([], root=root)
        for name, text in citing_files(root).items():
            (root / name).write_text(text, encoding="utf-8")
        (root / EVIDENCE).write_text(_json(collect(root).to_dict()), encoding="utf-8")
    found = list(problems(root))
    for one in found:
        sys.stderr.write(f"{one}\n")
    return 1 if found else 0


def _unlisted(
    page: Path, found: Sequence[tuple[int, str]], known: Mapping[str, int]
) -> Iterator[str]:
    """Yield the numbers of a page of settings that are not in its list, or no longer on it."""
    counts = Counter(number for _, number in found)
    more = [one for one in found if counts[one[1]] > known.get(one[1], 0)]
    for line, number in more:
        yield (
            f"{page}:{line}: {number} has no source. A figure belongs into JSON; if none of the "
            f"new numbers was measured: python docs/evidence.py --confirm {page.as_posix()}"
        )
    if not more and counts != Counter(known):
        yield f"{SETTINGS} is outdated; run python docs/evidence.py --confirm {page.as_posix()}"


def _facts(path: str | None) -> dict[str, Any]:
    source = (
        Path(figures.CARD) if path is None else Path(figures.CARD).with_name(f"{path}.tumorscope")
    )
    manifest = read_artifact(source).manifest
    data = manifest.card.get("training", {}).get("data", {})
    sets: dict[str, int] = {}
    for split in data.values():
        for name, count in split["sets"].items():
            sets[name] = sets.get(name, 0) + count
    return {
        "id": manifest.model_id,
        "version": manifest.model_version,
        "sha256": manifest.identity,
        "commit": manifest.card.get("training", {}).get("commit"),
        "megabytes": round(source.stat().st_size / 1e6),
        "size": manifest.preprocessing.size,
        "cells": _cells(source),
        "operating_points": dict(manifest.operating_points),
        "images": dict(sorted(sets.items())),
        "splits": {
            name: {key: one[key] for key in ("images", "tumor", "no_tumor", "groups", "sha256")}
            for name, one in sorted(data.items())
        },
    }


def _sample_lines() -> list[str]:
    """Return what ``tumorscope predict`` prints for the bundled samples."""
    from tumorscope.cli.main import cli

    runner = CliRunner()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        runner.invoke(cli, ["samples", "samples"], catch_exceptions=False)
        printed = runner.invoke(cli, ["predict", "samples"], catch_exceptions=False).stdout
    return [line.rstrip() for line in printed.splitlines() if line and NOTICE not in line]


def agree(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same, up to what processors may differ by.

    Answers on another processor may differ in the third decimal: docs/explanation/same-answer.md.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(agree(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(agree(*pair) for pair in pairs)
    if isinstance(one, str) and isinstance(other, str) and one != other:
        is_same_text = NUMBER.sub("#", one) == NUMBER.sub("#", other)
        pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=False)
        numbers = [tuple(float(n.replace(",", "")) for n in pair) for pair in pairs]
        return is_same_text and all(abs(a - b) <= TOLERANCE for a, b in numbers)
    return bool(one == other)


def _loaded(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _cells(path: Path) -> int:
    """Return the side of the evidence map that the embedded network answers with."""
    classifier = load_model(path)
    size = classifier.manifest.preprocessing.size
    return int(classifier.run(np.zeros((1, size, size), np.uint8))[1].shape[-1])


def _whole_pages(evidence: Evidence, committed: figures.Figures) -> None:
    """Add the figures of ``speed.md``, which ``benchmarks/bench_report.py`` writes as a whole."""
    bench = committed.sources["bench"]
    for keys, number in _paths({key: bench[key] for key in bench if key != "about"}):
        entry = evidence.figures.setdefault(
            f"bench:{' / '.join(keys)}", {"value": number, "pages": []}
        )
        entry["pages"].append("docs/reference/speed.md")


def _run(name: str, committed: figures.Figures) -> tuple[str, dict[str, Any]]:
    """Return the run of a figure, under a name of its own."""
    source, _, path = name.partition(":")
    if source in ("held_out", "stated"):
        figure = committed.sources[source][path.split(" / ")[0]]
        key = f"{source}:{path.split('/')[0]}"
        where = "/".join(path.split("/")[:2]) if path.startswith(("node", "unseen")) else ""
        return (f"{source}:{where}" if where else key), _provenance(figure)
    if source == "measured":
        table, row, *_ = path.split(" / ")
        return f"measured:{table}", _provenance(
            committed.sources["measured"][table]["rows"][int(row)]["run"]
        )
    if source in ("readers", "data"):
        own = committed.reader_run if source == "readers" else committed.data_run
        return source, _provenance(own)
    if source in ("card", "lite"):
        facts = committed.sources[source]
        return source, {
            "command": "tumorscope model info --format json",
            "commit": facts["commit"],
            "data_sha256": facts["splits"].get("train", {}).get("sha256"),
            "model_sha256": facts["sha256"],
            "not_recorded": [],  # read from the file itself, on any machine and day
        }
    if source == "bench":
        about = dict(committed.sources["bench"]["about"])
        about.setdefault("machine", f"{about['processor']}, {about['cores']} cores")
        about.setdefault("data_sha256", "none: synthetic scans")
        return "bench", _provenance(about | {"model_sha256": about.get("model")})
    return "test", _provenance(
        {"model_sha256": committed.sources["card"]["sha256"], **committed.run}
    )


def _names(key: str) -> Iterator[str]:
    """Yield names for runs of the same figures that are not the same run."""
    yield key
    yield from (f"{key} ({count})" for count in itertools.count(2))


def _provenance(record: Mapping[str, Any]) -> dict[str, Any]:
    keys = (*FIELDS, "model_sha256", "versions", "transcribed_from")
    found = {key: record[key] for key in keys if record.get(key)}
    missing = [key for key in FIELDS if key not in found and not _stands_in(found, key)]
    return {"commit": None, **found, "not_recorded": missing}


def _stands_in(found: Mapping[str, Any], key: str) -> bool:
    return key == "command" and "transcribed_from" in found


def _values(value: figures.Figure | float | str) -> dict[str, Any]:
    if not isinstance(value, figures.Figure):
        return {"value": value}
    names = {"value": value.estimate, "low": value.low, "high": value.high}
    return names | {"n": value.n, "groups": value.groups}


def _paths(values: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the numbers of nested JSON with their keys."""
    if isinstance(values, Mapping):
        for key, one in values.items():
            yield from _paths(one, (*keys, str(key)))
    elif isinstance(values, list):
        for index, one in enumerate(values):
            yield from _paths(one, (*keys, str(index)))
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield keys, values


def _numbers(values: Any) -> Iterator[float]:
    yield from (number for _, number in _paths(values))


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _marks(run: Mapping[str, Any]) -> list[str]:
    found = run.get("commit", run.get("model_sha256"))
    return found if isinstance(found, list) else [str(found)]


def _matches(page: Path, pattern: str) -> bool:
    return pattern == "**" or page.match(pattern)


def _spaces(match: re.Match[str]) -> str:
    """Blank a match; lines keep their numbers."""
    return re.sub(r"[^\n]", " ", match[0])


if __name__ == "__main__":
    sys.exit(main())
