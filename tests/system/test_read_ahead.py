import threading
import time
from collections.abc import Iterator

import pytest

from tumorscope.system.read_ahead import DEPTH, read_ahead


def test_items_and_their_order_are_kept() -> None:
    assert list(read_ahead(range(100))) == list(range(100))
    assert list(read_ahead([])) == []


def test_what_the_source_raises_comes_in_its_place() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    items = read_ahead(source())
    assert next(items) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(items)


def test_no_more_is_read_ahead_than_said() -> None:
    begun: list[int] = []

    def source() -> Iterator[int]:
        for number in range(20):
            begun.append(number)
            yield number

    items = read_ahead(source())
    for taken in range(5):
        next(items)
        time.sleep(0.05)
        # One in hand, those that wait, and one that finds no place.
        assert len(begun) <= taken + DEPTH + 2
    items.close()  # type: ignore[attr-defined]


def test_reading_goes_on_while_the_consumer_works() -> None:
    second_begun = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        second_begun.set()
        yield 2

    items = read_ahead(source())
    next(items)
    assert second_begun.wait(10)
    items.close()  # type: ignore[attr-defined]


def test_the_thread_ends_and_the_source_is_closed_when_the_consumer_stops() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    before = threading.active_count()
    items = read_ahead(source())
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert closed.is_set()
    assert threading.active_count() == before
