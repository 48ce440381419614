import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.labels import TUMOR_TYPES


def test_calls_are_made_at_the_named_operating_point(make_data):
    data = make_data(operating_point="rule_out")
    assert data.threshold == 0.1
    assert (data.is_called == (data.y_score >= 0.1)).all()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("y_score", lambda old: old[:-1], "one length.*'y_score': 299"),
        ("plane", lambda old: old[:-1], "'plane': 299"),
        ("y_score", lambda old: np.where(np.arange(300) == 7, np.nan, old), "y_score.*index 7"),
        ("y_score", lambda old: old * 9, "y_score must be probabilities"),
        ("y_true", lambda old: old - 1, r"received also \[-1\]"),
        ("groups", lambda old: np.where(np.arange(300) == 3, "", old), "index 3"),
        ("type_prob", lambda old: old[:, :2], rf"\(n, {len(TUMOR_TYPES)}\); received \(300, 2\)"),
        ("type_prob", lambda old: old / 2, "sum to 1; one is off by 0.5"),
        ("type_prob", lambda old: old * np.nan, "type_prob holds NaN"),
        ("type_true", lambda old: np.where(old == 1, 9, old), r"received also \[9\]"),
        ("type_true", np.zeros_like, "for images without tumor"),
        ("operating_point", lambda _: "best", "no operating point 'best'; there are balanced"),
        ("operating_points", lambda _: {"balanced": np.inf}, "finite"),
        ("dice", lambda old: old[1:], "'dice': 299"),
        ("dice", lambda old: old * 50, "dice must be probabilities"),
    ],
)
def test_bad_field_is_named(fields, make_data, name, change, message):
    with pytest.raises(UsageError, match=message):
        make_data(**{name: change(fields[name])})


def test_no_rows_is_an_error(make_data):
    with pytest.raises(UsageError, match="nothing to measure"):
        make_data(rows=slice(0, 0))
