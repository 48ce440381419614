import threading
from collections.abc import Iterator

import pytest

from tumorscope.system.parallel import answer_side_by_side


def test_answers_come_in_the_order_of_the_items() -> None:
    last_begun = threading.Event()

    def answer(item: int) -> int:
        if item == 1:
            last_begun.set()
        assert last_begun.wait(10)  # so the first is done after the second was begun
        return 10 * item

    assert list(answer_side_by_side(answer, range(2), workers=2)) == [0, 10]
    assert list(answer_side_by_side(answer, range(100), workers=3)) == list(range(0, 1000, 10))
    assert list(answer_side_by_side(answer, [], workers=2)) == []


def test_no_more_are_taken_than_are_in_work_and_one() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for item in range(20):
            taken.append(item)
            yield item

    answers = answer_side_by_side(str, source(), workers=2)

    assert [next(answers) for _ in range(5)] == list("01234")
    assert len(taken) == 5 + 2
    answers.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("where", ["source", "answer"])
def test_what_is_raised_comes_in_its_place(where: str) -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        if where == "source":
            raise ValueError("damaged")
        yield 3

    def answer(item: int) -> int:
        if item == 3:
            raise ValueError("damaged")
        return item

    answers = answer_side_by_side(answer, source(), workers=1)

    assert next(answers) == 1
    with pytest.raises(ValueError, match="damaged"):
        list(answers)
