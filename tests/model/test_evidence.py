import numpy as np
import pytest

from tumorscope.imaging.preprocess import CanvasGeometry
from tumorscope.model.evidence import evidence_on_image, localize

CANVAS = 64
WHOLE = CanvasGeometry(row0=0, column0=0, scale=1, shape=(64, 64))
CROPPED = CanvasGeometry(row0=20, column0=40, scale=0.5, shape=(100, 120))
PADDED = CanvasGeometry(row0=-16, column0=0, scale=2, shape=(96, 128))


def cells(*above: tuple[int, int], side: int = 8) -> np.ndarray:
    """Evidence of -5, but 5 in the cells named; the first of them is the peak."""
    evidence = np.full((side, side), -5.0, np.float32)
    for place in above:
        evidence[place] = 5.0
    if above:
        evidence[above[0]] = 6.0
    return evidence


def located(evidence: np.ndarray, geometry: CanvasGeometry) -> tuple[tuple[int, ...], ...]:
    place = localize(evidence, geometry, canvas_size=CANVAS, threshold=0.0)
    return place.peak, place.box


@pytest.mark.parametrize(
    ("geometry", "peak", "box"),
    [
        (WHOLE, (20, 44), (16, 40, 23, 47)),
        (CROPPED, (30, 62), (28, 60, 31, 63)),
        (PADDED, (24, 88), (16, 80, 31, 95)),
    ],
    ids=["whole", "cropped", "padded"],
)
def test_peak_and_box_are_in_image_coordinates(
    geometry: CanvasGeometry, peak: tuple[int, int], box: tuple[int, ...]
) -> None:
    assert located(cells((2, 5)), geometry) == (peak, box)


def test_box_holds_the_connected_cells_and_no_others() -> None:
    evidence = cells((2, 5), (3, 5), (3, 6), (7, 0), (1, 4))
    assert located(evidence, WHOLE)[1] == (16, 40, 31, 55)


def test_box_follows_a_winding_path() -> None:
    snake = [(0, column) for column in range(8)] + [(1, 7)] + [(2, column) for column in range(8)]
    assert located(cells(*snake), WHOLE)[1] == (0, 0, 23, 63)


def test_peak_below_the_threshold_still_has_its_cell() -> None:
    evidence = cells()
    evidence[4, 4] = -1.0
    assert located(evidence, WHOLE) == ((36, 36), (32, 32, 39, 39))


def test_threshold_decides_the_box() -> None:
    evidence = cells((2, 5))
    evidence[2, 6] = 1.0
    low = localize(evidence, WHOLE, canvas_size=CANVAS, threshold=0.5)
    high = localize(evidence, WHOLE, canvas_size=CANVAS, threshold=1.5)
    assert low.box == (16, 40, 23, 55)
    assert high.box == (16, 40, 23, 47)


@pytest.mark.parametrize("place", [(0, 0), (0, 7), (7, 0), (7, 7)])
@pytest.mark.parametrize("geometry", [WHOLE, CROPPED, PADDED], ids=["whole", "cropped", "padded"])
def test_places_stay_inside_the_image(geometry: CanvasGeometry, place: tuple[int, int]) -> None:
    (row, column), (row0, column0, row1, column1) = located(cells(place), geometry)
    assert 0 <= row0 <= row <= row1 < geometry.shape[0]
    assert 0 <= column0 <= column <= column1 < geometry.shape[1]


def test_cells_smaller_than_a_pixel_give_a_box_of_one_pixel() -> None:
    tiny = CanvasGeometry(row0=0, column0=0, scale=0.1, shape=(7, 7))
    assert located(cells((0, 7)), tiny) == ((0, 6), (0, 5, 0, 6))


def test_overlay_is_strongest_in_the_cell() -> None:
    for geometry in (WHOLE, CROPPED, PADDED):
        laid = evidence_on_image(cells((2, 5)), geometry, canvas_size=CANVAS)
        peak, (row0, column0, row1, column1) = located(cells((2, 5)), geometry)
        assert laid.shape == geometry.shape
        assert laid.dtype == np.float32
        strongest = np.unravel_index(int(laid.argmax()), laid.shape)
        assert row0 <= strongest[0] <= row1
        assert column0 <= strongest[1] <= column1
        assert laid[peak] == pytest.approx(1, abs=0.25)


def test_overlay_is_centered_on_the_cell() -> None:
    laid = evidence_on_image(cells((2, 5)), WHOLE, canvas_size=CANVAS).astype(np.float64)
    rows, columns = np.mgrid[0:64, 0:64] + 0.5
    laid -= laid.min()
    assert (rows * laid).sum() / laid.sum() == pytest.approx(20, abs=0.05)
    assert (columns * laid).sum() / laid.sum() == pytest.approx(44, abs=0.05)


def test_overlay_reaches_the_edge_of_the_canvas_and_ends_there() -> None:
    everywhere = np.full((8, 8), 9.0, np.float32)
    whole = evidence_on_image(everywhere, WHOLE, canvas_size=CANVAS)
    assert whole.min() > 0.99
    cropped = evidence_on_image(everywhere, CROPPED, canvas_size=CANVAS)
    assert cropped[20:52, 40:72].min() > 0.99
    outside = cropped.copy()
    outside[20:52, 40:72] = 0
    assert not outside.any()


def test_extreme_evidence_is_a_probability() -> None:
    evidence = np.full((8, 8), -2000.0, np.float32)
    evidence[3, 3] = 2000.0
    laid = evidence_on_image(evidence, WHOLE, canvas_size=CANVAS)
    assert np.isfinite(laid).all()
    assert laid.min() == 0
    assert laid.max() == pytest.approx(1, abs=0.25)
