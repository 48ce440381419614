"""Places, and when those who find none are asked back."""

import pytest

from tumorscope.serving.http_api.base.problems import RefusalError
from tumorscope.serving.http_api.edge import admission
from tumorscope.serving.http_api.edge.admission import MAX_RETRY_AFTER_S, RETURNS_PER_S, Admission


def refuse(one: Admission) -> int:
    with pytest.raises(RefusalError) as caught, one.enter():
        pass
    assert caught.value.kind == "too-busy"
    return caught.value.retry_after


def test_place_is_given_back_after_a_crash() -> None:
    one = Admission(max_in_flight=1, max_computing=1)
    with pytest.raises(ZeroDivisionError), one.enter():
        raise ZeroDivisionError
    with one.enter():
        assert refuse(one) == 1


def test_refused_clients_are_asked_back_spread_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(admission.time, "monotonic", lambda: now)
    one = Admission(max_in_flight=1, max_computing=1)
    with one.enter():
        waits = [refuse(one) for _ in range(5 * RETURNS_PER_S)]
        assert [waits.count(seconds) for seconds in range(1, 6)] == [RETURNS_PER_S] * 5
        for _ in range(100 * RETURNS_PER_S):
            last = refuse(one)
        assert last <= MAX_RETRY_AFTER_S + 1
        now += MAX_RETRY_AFTER_S
        assert refuse(one) == 1
