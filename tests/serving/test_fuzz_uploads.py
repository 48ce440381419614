"""The first mutants of ``benchmarks/fuzz_uploads.py``, and that its checks bite."""

from collections.abc import Callable

import pytest
from benchmarks.fuzz_uploads import (
    HANG_S,
    Reply,
    fault_of,
    load_corpus,
    make_mutant,
    sender_within,
    try_mutant,
)
from flask import Flask
from werkzeug.test import Client

from tests.serving.made_scans import PATIENT

COUNT = 250
GOOD = Reply(200, "application/json", b"{}", 0.1)


def test_mutants_are_answered_or_refused(make_app: Callable[..., Flask]) -> None:
    corpus = load_corpus(None)
    send = sender_within(Client(make_app()))
    statuses = set()
    for number in range(COUNT):
        status, _, fault = try_mutant(make_mutant(number, seed=2, corpus=corpus), send)
        assert fault is None, f"python -m benchmarks.fuzz_uploads --seed 2 --only {number}"
        statuses.add(status)
    assert {200, 202, 400, 415, 422} <= statuses


def test_mutant_is_made_from_its_number() -> None:
    corpus = load_corpus(None)
    first = make_mutant(7, seed=1, corpus=corpus)
    assert make_mutant(7, seed=1, corpus=corpus) == first
    assert make_mutant(8, seed=1, corpus=corpus).body != first.body


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, "application/problem+json", b"{}", 0.1),
        Reply(200, "application/json", b"{}", HANG_S + 1),
        Reply(400, "text/html", b"{}", 0.1),
        Reply(200, "application/json", b"{", 0.1),
        Reply(200, "application/json", b'{"a": "%s"}' % PATIENT.encode(), 0.1),
        Reply(422, "application/problem+json", b'{"a": "Traceback"}', 0.1),
    ],
)
def test_fault_is_seen(reply: Reply) -> None:
    mutant = make_mutant(1, seed=1, corpus={"text": b"text"})
    assert fault_of(mutant, GOOD) is None
    assert fault_of(mutant, reply) is not None
