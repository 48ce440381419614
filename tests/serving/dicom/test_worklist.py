"""The order of the studies, and that none is hidden."""

import json
from typing import Any

from tumorscope.serving.dicom.worklist import worklist


def line(study: str | None, series: str, outcome: str, tumor: float | None, **more: Any) -> str:
    answer = {
        "kind": "series",
        "time": "2026-01-01T00:00:00.000Z",
        "study_instance_uid": study,
        "series_instance_uid": series,
        "outcome": outcome,
        "probabilities": None if tumor is None else {"tumor": tumor, "no_tumor": 1 - tumor},
        "operating_point": {"name": "balanced", "threshold": 0.5},
        "reasons": ["Why."] if outcome in ("abstain", "rejected") else [],
        "slices": 20,
    }
    return json.dumps(answer | more)


def test_suspicious_first_and_none_hidden() -> None:
    found = worklist(
        [
            line("1", "1.1", "no_tumor", 0.2),
            line("2", "2.1", "rejected", None),
            line("3", "3.1", "abstain", 0.4),
            line("4", "4.1", "tumor", 0.7),
            line("5", "5.1", "no_tumor", 0.1),
            line("5", "5.2", "tumor", 0.9),
            line(None, "6.1", "no_tumor", 0.01),
            '{"kind": "error"}',
            '{"kind": "ser',
        ]
    )
    assert [one["study_instance_uid"] for one in found["studies"]] == [
        "5", "4", "3", "1", None, "2",
    ]  # fmt: skip
    assert [one["series_instance_uid"] for one in found["studies"][0]["series"]] == ["5.2", "5.1"]
    reasons = [one["reason"] for one in found["studies"]]
    assert reasons[0].startswith("The most suspicious of 2 series has probability of tumor 0.900")
    assert "not decided: Why." in reasons[2]
    assert "No series was answered: Why." in reasons[-1]
    assert "hint" in found
    assert "notice" in found


def test_the_last_answer_of_a_series_counts_and_an_image_alone_is_a_series() -> None:
    found = worklist(
        [
            line("1", "1.1", "tumor", 0.9, kind="image"),
            line("1", "1.1", "no_tumor", 0.2),
            line("1", "1.1", "no_tumor", 0.3),
            line("2", "2.1", "tumor", 0.8, kind="image"),
        ]
    )
    assert [(one["study_instance_uid"], one["probability_tumor"]) for one in found["studies"]] == [
        ("2", 0.8),
        ("1", 0.3),
    ]
