"""Studies in the order in which they look suspicious, from the lines that a node wrote.

A hint in which order to read, and nothing else: no study is left out, whatever its answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tumorscope.errors import UsageError
from tumorscope.labels import NOTICE

HINT: Final = (
    "The order is a hint. A study at the end may hold a tumor; no study is hidden or done with."
)
_ORDER: Final = ("tumor", "abstain", "no_tumor", "rejected")
"""What the model will not commit to is read before what it calls free of tumor."""
_WITHOUT_STUDY: Final = "unknown"


def worklist(lines: Iterable[str]) -> dict[str, Any]:
    """Return the studies of a file of answers, suspicious first.

    The answer of a series that was answered again replaces the one before. The most suspicious
    series speaks for its study.

    Parameters
    ----------
    lines
        JSON objects as ``tumorscope node`` writes them; other lines are ignored.

    Returns
    -------
    dict
        ``studies`` in order, each with outcome, probability, reason, and all its series; ``hint``
        and ``notice``.
    """
    series: dict[tuple[str, str], dict[str, Any]] = {}
    for answer in _answers(lines):
        study = str(answer.get("study_instance_uid") or _WITHOUT_STUDY)
        own = answer.get("series_instance_uid") or answer.get("source")
        key = study, str(own)
        # A series of one image has no answer but that of its image.
        if answer["kind"] == "series" or series.get(key, answer)["kind"] == "image":
            known = series.get(key)
            if answer["kind"] == "series" or known is None or _rank(answer) < _rank(known):
                series[key] = answer
    studies: dict[str, list[dict[str, Any]]] = {}
    for (study, _), answer in series.items():
        studies.setdefault(study, []).append(answer)
    ranked = sorted(
        (_study(uid, answers) for uid, answers in studies.items()),
        key=lambda one: (_ORDER.index(one["outcome"]), -(one["probability_tumor"] or 0.0)),
    )
    return {"hint": HINT, "notice": NOTICE, "studies": ranked}


def read_worklist(path: Path) -> dict[str, Any]:
    """Return the worklist of a file of answers; see :func:`worklist`.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return worklist(stream)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _answers(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            answer = json.loads(line)
        except ValueError:
            continue  # the last line of a file that is being written
        if isinstance(answer, dict) and answer.get("outcome") in _ORDER:
            yield answer


def _rank(answer: dict[str, Any]) -> tuple[int, float]:
    return _ORDER.index(answer["outcome"]), -(_probability(answer) or 0.0)


def _probability(answer: dict[str, Any]) -> float | None:
    probabilities = answer.get("probabilities")
    return None if probabilities is None else float(probabilities["tumor"])


def _study(uid: str, answers: list[dict[str, Any]]) -> dict[str, Any]:
    ordered = sorted(answers, key=_rank)
    return {
        "study_instance_uid": None if uid == _WITHOUT_STUDY else uid,
        "outcome": ordered[0]["outcome"],
        "probability_tumor": _probability(ordered[0]),
        "reason": _reason(ordered[0], len(ordered)),
        "time": max(str(one.get("time") or "") for one in ordered) or None,
        "series": [
            {
                "series_instance_uid": one.get("series_instance_uid"),
                "outcome": one["outcome"],
                "probability_tumor": _probability(one),
                "slices": one.get("slices", 1),
                "reasons": one.get("reasons", []),
            }
            for one in ordered
        ],
    }


def _reason(answer: dict[str, Any], count: int) -> str:
    """Say in words why the study stands where it stands."""
    of = "The series" if count == 1 else f"The most suspicious of {count} series"
    if answer["outcome"] == "rejected":
        return "No series was answered: " + (" ".join(answer.get("reasons", [])) or "rejected.")
    if answer["outcome"] == "abstain":
        return f"{of} was not decided: " + " ".join(answer.get("reasons", []))
    point = answer.get("operating_point") or {}
    side = "at or above" if answer["outcome"] == "tumor" else "below"
    return (
        f"{of} has probability of tumor {_probability(answer):.3f}, {side} the threshold "
        f"{float(point.get('threshold', 0.0)):.3f} ({point.get('name')})."
    )
