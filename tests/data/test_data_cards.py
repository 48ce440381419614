import pytest

from tumorscope.data import public_sets
from tumorscope.data.data_cards import CARDS, data_card, data_cards
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public_set import PublicSet

CONFIRMED = {"figshare", "btp_volumes", "ds002748"}
"""Whose terms were read on their page; all others must say that they were not."""

DOCUMENTED = {one.name for one in vars(public_sets).values() if isinstance(one, PublicSet)}


def test_every_documented_set_that_is_used_has_a_card() -> None:
    origins = {"brain_tumor_progression"}  # the whole set, of which btp_volumes is a part
    assert DOCUMENTED - origins <= set(CARDS)


def test_only_what_was_read_is_called_confirmed() -> None:
    assert {name for name, card in CARDS.items() if card.is_confirmed} == CONFIRMED
    for name, card in CARDS.items():
        assert card.terms.endswith("(confirmed)" if name in CONFIRMED else "(not confirmed)")


@pytest.mark.parametrize("name", sorted(CONFIRMED))
def test_a_confirmed_licence_is_that_of_the_recipe(name: str) -> None:
    assert public_sets.set_named(name).licence == CARDS[name].licence


@pytest.mark.parametrize("name", CARDS)
def test_a_card_says_everything(name: str) -> None:
    card = CARDS[name]
    for text in (card.origin, card.licence, card.people, card.labels, card.use, *card.wrong):
        assert len(text) > 2
    assert card.wrong
    words = f"{card.people} {card.labels} {card.use}".lower()
    assert "normal" not in words
    assert "healthy" not in words


def test_a_set_that_nobody_documented_says_so() -> None:
    card = data_card("mine")
    assert card.title == "mine"
    assert card.terms == "unknown (not confirmed)"


def test_an_artifact_holds_the_cards_of_its_sets() -> None:
    rows = [ManifestRow(set=name, path="a.png", tumor=1) for name in ("lgg", "lgg", "mine")]
    found = data_cards(rows)
    assert list(found) == ["lgg", "mine"]
    assert found["lgg"]["licence"] == CARDS["lgg"].licence
    assert found["lgg"]["citation"]
