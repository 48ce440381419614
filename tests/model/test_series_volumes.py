"""What stands under one Series Instance UID is parted into volumes, each slice counted once."""

from typing import Any

import pytest

from tests.model.test_series import MODEL, make_slice, tumor
from tumorscope.answer import Prediction, SeriesPrediction
from tumorscope.imaging.scan import SliceMember
from tumorscope.model.decision import DecisionRule
from tumorscope.model.series import answer_series

AXIAL, CORONAL = (1.0, 0, 0, 0, 1, 0), (1.0, 0, 0, 0, 0, -1)
TRAITS = (
    *("EchoNumbers", "EchoTime", "DiffusionBValue", "ImageType", "InversionTime"),
    *("TemporalPositionIdentifier", "AcquisitionNumber", "TriggerTime"),
)


def make_member(index: int, probability: float, number: int = 0, **changes: Any) -> Prediction:
    """A slice at ``index`` millimetres with what its header tells."""
    uid = changes.pop("uid", f"1.2.{number}.{index}")
    member = {
        "digest": f"{number}-{index}",
        "is_placed": True,
        "orientation": AXIAL,
        "number": 100 * number + index + 1,
    }
    source = f"folder/{number}-{index}.dcm"
    return make_slice(
        index,
        probability,
        source=source,
        sop_instance_uid=uid,
        member=SliceMember(**member | changes),
    )


def answer(*slices: Prediction) -> SeriesPrediction:
    return answer_series(slices, failed=0, rule=DecisionRule(0.5), model=MODEL)


@pytest.mark.parametrize("trait", TRAITS)
def test_volumes_of_one_series_are_not_averaged(trait: str) -> None:
    slices = [
        make_member(index, 0.95 if number == 1 else 0.05, number, traits=((trait, str(number)),))
        for index in range(5)
        for number in range(3)
    ]
    series = answer(*slices)
    assert tumor(series) == pytest.approx(0.95)
    assert series.slices == 5
    assert [one["slices"] for one in series.volumes] == [5, 5, 5]
    assert series.volumes[0]["traits"] == {trait: "1"}
    assert "3 volumes" in series.notes[-1]


def test_volumes_that_nothing_tells_apart_go_by_their_order() -> None:
    slices = [make_member(i, 0.9 if n else 0.1, n) for i in range(4) for n in range(2)]
    series = answer(*slices)
    assert tumor(series) == pytest.approx(0.9)
    assert [one["slices"] for one in series.volumes] == [4, 4]


def test_number_that_differs_from_slice_to_slice_parts_nothing() -> None:
    slices = [make_member(i, 0.1, traits=(("TriggerTime", str(i)),)) for i in range(6)]
    series = answer(*slices)
    assert (series.slices, series.volumes, series.notes) == (6, (), ())


@pytest.mark.parametrize(
    "traits", [{}, {"traits": "AcquisitionNumber"}], ids=["nothing", "acquisition"]
)
def test_slices_of_one_place_that_nothing_tells_apart_are_one_volume(traits: Any) -> None:
    """Some programs write the same position into all slices; the numbers keep their order."""
    order = [0, 3, 1, 4, 2, 5]
    slices = [
        make_slice(
            0,
            0.9 if number in (2, 3) else 0.1,
            source=f"folder/{name}.dcm",
            sop_instance_uid=f"1.2.{number}",
            member=SliceMember(
                f"{number}",
                is_placed=True,
                orientation=AXIAL,
                number=number + 1,
                traits=tuple((keyword, str(number)) for keyword in traits.values()),
            ),
        )
        for name, number in enumerate(order)
    ]
    series = answer(*slices)
    assert (series.slices, series.volumes) == (6, ())
    # Of three neighbours two at most look like a tumor.
    expected = [0.1, 0.1, 0.9, 0.9, 0.1, 0.1]
    ordered = answer(*(make_member(i, one) for i, one in enumerate(expected)))
    assert tumor(series) == pytest.approx(tumor(ordered))


def test_images_of_one_place_are_volumes_where_the_header_says_so() -> None:
    slices = [
        make_member(0, 0.9 if number == 2 else 0.1, number, traits=(("TriggerTime", str(number)),))
        for number in range(4)
    ]
    assert [one["slices"] for one in answer(*slices).volumes] == [1, 1, 1, 1]


def test_slices_that_are_not_parallel_are_of_different_volumes() -> None:
    slices = [make_member(i, 0.1) for i in range(3)]
    slices += [make_member(i, 0.9, 1, orientation=CORONAL) for i in range(10, 13)]
    series = answer(*slices)
    assert [one["slices"] for one in series.volumes] == [3, 3]
    assert tumor(series) == pytest.approx(0.9)


def test_mixed_echoes_without_positions() -> None:
    slices = [
        make_member(
            3 * i + n,
            0.9 if n == 2 else 0.1,
            is_placed=False,
            orientation=None,
            traits=(("EchoTime", str(n)),),
        )
        for i in range(4)
        for n in range(3)
    ]
    assert tumor(answer(*slices)) == pytest.approx(0.9)


@pytest.mark.parametrize("digest", ["same", "other"])
def test_instance_that_comes_twice_counts_once(digest: str) -> None:
    once = [make_member(i, 0.2) for i in range(5)]
    twice = [
        *once,
        *(
            make_member(i, 0.9, uid=f"1.2.0.{i}", **({} if digest == "same" else {"digest": "x"}))
            for i in range(5)
        ),
    ]
    series = answer(*twice)
    assert series.slices == 5
    assert tumor(series) == tumor(answer(*once))
    assert "count once" in series.notes[0]
    assert (len(series.notes) == 2) == (digest == "other")


def test_slice_that_comes_three_times_is_one_slice() -> None:
    slices = [make_member(i, 0.2) for i in (0, 1, 2, 0, 0)]
    assert answer(*slices).notes == ("1 slice came more than once and counts once.",)


def test_one_uid_for_all_slices_is_not_one_slice() -> None:
    series = answer(*(make_member(i, 0.2, uid="1.2.3") for i in range(5)))
    assert series.slices == 5
    assert "same SOP Instance UID" in series.notes[0]


def test_rejected_volume_does_not_decide() -> None:
    slices = [make_member(i, 0.2, traits=(("EchoTime", "1"),)) for i in range(3)]
    slices += [
        make_slice(
            i,
            None,
            sop_instance_uid=f"9.{i}",
            member=SliceMember(f"9{i}", True, AXIAL, 50 + i, (("EchoTime", "2"),)),
        )
        for i in range(3)
    ]
    series = answer(*slices)
    assert series.outcome == "no_tumor"
    assert [one["probability"] for one in series.volumes] == [pytest.approx(0.2), None]
