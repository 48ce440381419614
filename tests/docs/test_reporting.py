"""Every item of the reporting guidelines has an answer that leads somewhere."""

import csv
import re
from pathlib import Path

import pytest
from cards import GUIDELINES, STATUSES

ROOT = Path(__file__).parents[2]
REPORTING = ROOT / "docs" / "reporting"
LINK = re.compile(r"\]\(([^)#]+)\)")


def items(name: str) -> list[dict[str, str]]:
    with (REPORTING / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(
    ("name", "last"), [("stard_ai", 40), ("claim_2024", 44), ("tripod_ai", 27)]
)
def test_no_item_of_a_guideline_is_missing(name: str, last: int) -> None:
    numbers = [re.match(r"(\d+)([a-g]?)$", item["item"]).groups() for item in items(name)]
    assert list(dict.fromkeys(int(number) for number, _ in numbers)) == list(range(1, last + 1))
    assert len(set(numbers)) == len(numbers)
    for number in {number for number, letter in numbers if letter}:
        letters = [letter for of, letter in numbers if of == number]
        assert letters == list("abcdefg"[: len(letters)])


@pytest.mark.parametrize("name", GUIDELINES)
def test_every_item_is_answered_or_reasoned(name: str) -> None:
    for item in items(name):
        assert item["status"] in STATUSES, item
        assert len(item["answer"]) > 5, item
        for link in LINK.findall(item["answer"]):
            assert (ROOT / "docs" / "explanation" / link).exists(), (item["item"], link)
