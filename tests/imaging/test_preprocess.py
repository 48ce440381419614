from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tumorscope.errors import ArtifactError, ImageContentError
from tumorscope.imaging.preprocess import CanvasGeometry, Preprocessing

MakeHead = Callable[..., np.ndarray]

PREPROCESSING = Preprocessing(size=64)


def find_blob(canvas: np.ndarray, geometry: CanvasGeometry) -> tuple[float, float]:
    """Center of the bright blob on the canvas, in coordinates of the image."""
    rows, columns = np.nonzero(canvas > 200)
    return geometry.to_image(rows.mean() + 0.5, columns.mean() + 0.5)


def make_bare_head(shape: tuple[int, int], center: tuple[int, int], radius: int) -> np.ndarray:
    """A grey disc of one level on black."""
    rows, columns = np.indices(shape)
    distance = np.hypot(rows + 0.5 - center[0], columns + 0.5 - center[1])
    return np.where(distance < radius, 100.0, 0.0).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_canvas_is_8_bit_of_the_size_asked_for(make_head: MakeHead, dtype: type) -> None:
    pixels = make_head((200, 150))
    canvas, geometry = PREPROCESSING.apply(pixels.astype(dtype))
    assert (canvas.shape, canvas.dtype) == ((64, 64), np.uint8)
    assert geometry.shape == (200, 150)
    assert (canvas == PREPROCESSING.apply(pixels)[0]).all()


def test_same_picture_gives_the_same_canvas_and_is_not_changed(make_head: MakeHead) -> None:
    pixels = make_head(blob=(70, 80)).astype(np.float32)
    before = pixels.copy()
    first, second = PREPROCESSING.apply(pixels), PREPROCESSING.apply(pixels)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1] == second[1]
    assert (pixels == before).all()


@pytest.mark.parametrize(("gain", "offset"), [(3.0, 0.0), (1.0, 500.0), (1e-6, 0), (1e25, -1e25)])
def test_units_of_the_pixels_do_not_matter(make_head: MakeHead, gain: float, offset: float) -> None:
    pixels = make_head(blob=(70, 80)).astype(np.float64)
    plain, _ = PREPROCESSING.apply(pixels)
    scaled, _ = PREPROCESSING.apply(gain * pixels + offset)
    assert np.abs(plain.astype(int) - scaled).max() <= 1


@pytest.mark.parametrize("size", [32, 224])
def test_size_is_used(make_head: MakeHead, size: int) -> None:
    assert Preprocessing(size=size).apply(make_head())[0].shape == (size, size)


@pytest.mark.parametrize(
    ("shape", "center", "radius"),
    [
        ((200, 200), (100, 100), 80),
        ((120, 300), (60, 200), 50),
        ((300, 120), (90, 60), 50),
        ((90, 90), (45, 45), 60),
    ],
    ids=["square", "wide", "tall", "cut off"],
)
def test_head_fills_the_canvas(
    shape: tuple[int, int], center: tuple[int, int], radius: int
) -> None:
    canvas, geometry = PREPROCESSING.apply(make_bare_head(shape, center, radius))
    side = min(2 * radius, *shape) if radius > min(shape) / 2 else 2 * radius
    assert side <= 64 * geometry.scale <= 1.1 * side
    middle = geometry.to_image(32, 32)
    assert middle == pytest.approx(center, abs=2)
    assert canvas[32, 32] > 200


@pytest.mark.parametrize(
    ("shape", "center", "radius", "blob"),
    [
        ((200, 200), (100, 100), 84, (70, 130)),
        ((140, 260), (70, 180), 60, (80, 170)),
        ((260, 140), (90, 70), 60, (110, 60)),
        ((200, 120), (100, 60), 75, (120, 50)),
        ((47, 61), (24, 30), 21, (20, 35)),
    ],
    ids=["square", "wide", "tall", "cut off", "small"],
)
def test_geometry_leads_back_to_the_image(
    shape: tuple[int, int], center: tuple[int, int], radius: int, blob: tuple[int, int]
) -> None:
    pixels = make_bare_head(shape, center, radius)
    rows, columns = np.indices(shape)
    pixels[np.hypot(rows + 0.5 - blob[0], columns + 0.5 - blob[1]) < 0.2 * radius] = 250
    canvas, geometry = PREPROCESSING.apply(pixels)
    assert find_blob(canvas, geometry) == pytest.approx(blob, abs=0.6 * geometry.scale)


def test_canvas_outside_the_image_is_black() -> None:
    canvas, geometry = PREPROCESSING.apply(make_bare_head((200, 120), (100, 60), 75) + 5)
    first = -geometry.column0 / geometry.scale
    assert first > 1
    assert not canvas[:, : int(first)].any()
    assert not canvas[:, -int(first) :].any()


@pytest.mark.parametrize("thickness", [1, 3])
def test_frame_lines_do_not_stretch_the_crop(thickness: int) -> None:
    plain = make_bare_head((200, 200), (100, 110), 40)
    framed = plain.copy()
    for edge in (slice(None, thickness), slice(-thickness, None)):
        framed[edge] = framed[:, edge] = 250
    expected = PREPROCESSING.apply(plain)[1]
    assert PREPROCESSING.apply(framed)[1] == expected


def test_burnt_in_letters_do_not_stretch_the_crop() -> None:
    plain = make_bare_head((200, 200), (100, 100), 50)
    lettered = plain.copy()
    lettered[4:12, 190:196] = lettered[190:196, 4:10] = 250
    assert PREPROCESSING.apply(lettered)[1] == PREPROCESSING.apply(plain)[1]


def test_thin_and_dark_foreground_falls_back_on_the_whole_image() -> None:
    pixels = np.zeros((100, 80), np.float32)
    pixels[50] = 1
    canvas, geometry = PREPROCESSING.apply(pixels)
    assert (geometry.row0, geometry.column0) == (0, -10)
    assert geometry.scale == pytest.approx(100 / 64)
    assert canvas.any()


def test_one_bright_pixel_does_not_darken_the_rest(make_head: MakeHead) -> None:
    pixels = make_head().astype(np.float32)
    plain, _ = PREPROCESSING.apply(pixels)
    pixels[80, 80] = 60_000
    spiked, _ = PREPROCESSING.apply(pixels)
    assert np.abs(np.median(plain[20:44, 20:44]) - np.median(spiked[20:44, 20:44])) < 5


@pytest.mark.parametrize(
    ("shape", "center", "radius"),
    [((200, 200), (100, 100), 80), ((140, 260), (70, 180), 60), ((200, 120), (100, 60), 75)],
)
def test_mask_lies_where_the_image_lies(
    shape: tuple[int, int], center: tuple[int, int], radius: int
) -> None:
    pixels = make_bare_head(shape, center, radius)
    mask = np.zeros(shape, np.uint8)
    mask[center[0] - 20 : center[0] - 4, center[1] + 6 : center[1] + 25] = 1
    pixels[mask > 0] = 250
    canvas, geometry = PREPROCESSING.apply(pixels)
    carried = PREPROCESSING.apply_mask(mask, geometry)
    assert (carried.shape, carried.dtype) == ((64, 64), np.float32)
    assert carried.min() == 0
    assert carried.max() == 1
    grey = float(canvas[32, 20])
    np.testing.assert_allclose((canvas - grey).clip(0) / (255 - grey), carried, atol=0.03)
    area = carried.sum() * geometry.scale**2
    assert area == pytest.approx(mask.sum(), rel=0.05)


def test_mask_values_do_not_matter() -> None:
    mask = np.zeros((100, 100), np.int16)
    mask[30:60, 40:70] = 4
    _, geometry = PREPROCESSING.apply(make_bare_head((100, 100), (50, 50), 45))
    carried = PREPROCESSING.apply_mask(mask, geometry)
    assert (carried == PREPROCESSING.apply_mask(mask > 0, geometry)).all()
    assert not PREPROCESSING.apply_mask(np.zeros((100, 100), bool), geometry).any()


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.ones((1, 1)), "1 rows and 1 columns"),
        (np.ones((500, 15)), "500 rows and 15 columns"),
        (np.full((64, 64), 7.0), r"same value \(7\)"),
        (np.full((64, 64), np.nan), "NaN or infinite"),
        (np.where(np.eye(64) > 0, -np.inf, 1.0), "NaN or infinite"),
        (np.zeros((64, 64, 3)), r"shape \(64, 64, 3\)"),
        (np.zeros((0, 64)), "0 rows"),
    ],
    ids=["1x1", "narrow", "constant", "nan", "inf", "3-D", "empty"],
)
def test_what_is_no_picture_is_refused(pixels: np.ndarray, reason: str) -> None:
    with pytest.raises(ImageContentError, match=reason):
        PREPROCESSING.apply(pixels)


def test_description_round_trip() -> None:
    preprocessing = Preprocessing(size=96, margin_fraction=0.1, low_percentile=2.0)
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing


@pytest.mark.parametrize(
    "change",
    [
        {"name": "zscore"},
        {"version": 1},
        {"version": 3},
        {"version": None},
        {"sharpen": True},
        {"size": 3.5},
    ],
    ids=str,
)
def test_unknown_description_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ArtifactError, match="preprocessing"):
        Preprocessing.from_dict(Preprocessing().to_dict() | change)


def test_incomplete_description_is_refused() -> None:
    description = Preprocessing().to_dict()
    del description["line_fraction"]
    with pytest.raises(ArtifactError, match="preprocessing"):
        Preprocessing.from_dict(description)


@pytest.mark.parametrize(
    "change",
    [
        {"foreground_fraction": 0.6},
        {"line_fraction": 0.3},
        {"run_fraction": 0.5},
        {"margin_fraction": 0.2},
        {"high_percentile": 70.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_parameter_changes_the_canvas(make_head: MakeHead, change: dict[str, float]) -> None:
    pixels = make_head((200, 200), center=(90, 100), radius=60).astype(np.float32)
    pixels[:, 150:] += np.linspace(0, 40, 50)
    pixels[170:185, 20:60] = 90
    plain, _ = PREPROCESSING.apply(pixels)
    changed, _ = Preprocessing(size=64, **change).apply(pixels)
    assert (plain != changed).any()


def test_low_percentile_counts_where_hardly_a_pixel_is_foreground() -> None:
    pixels = np.full((80, 80), 100.0)
    pixels[20, 20:60], pixels[40, 40:48] = 0, 10_000
    plain, _ = PREPROCESSING.apply(pixels)
    changed, _ = Preprocessing(size=64, low_percentile=30.0).apply(pixels)
    assert (plain != changed).any()


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32]),
        st.tuples(st.integers(1, 90), st.integers(1, 400)),
    )
)
def test_any_array_gives_a_canvas_or_a_clear_error(pixels: np.ndarray) -> None:
    try:
        canvas, geometry = PREPROCESSING.apply(pixels)
    except ImageContentError:
        return
    assert (canvas.shape, canvas.dtype) == ((64, 64), np.uint8)
    assert canvas.any()
    assert geometry.scale > 0
    mask = PREPROCESSING.apply_mask(np.ones(pixels.shape, bool), geometry)
    assert mask.min() >= 0
    assert mask.max() == 1


@pytest.mark.parametrize("axis", [0, 1])
def test_pixels_are_shown_square_and_places_stay_in_the_file(
    make_head: Callable[..., np.ndarray], axis: int
) -> None:
    whole = make_head(blob=(60, 90)).astype(np.float32)
    thin = whole[::2] if axis == 0 else whole[:, ::2]
    expected, over_whole = PREPROCESSING.apply(whole)
    canvas, geometry = PREPROCESSING.apply(thin, (2.0, 1.0) if axis == 0 else (1.0, 2.0))
    squashed, _ = PREPROCESSING.apply(thin)
    near, far = (np.abs(one.astype(int) - expected).mean() for one in (canvas, squashed))
    assert near < 8 < 2 * near < far
    assert geometry.shape == thin.shape
    for point in ((0, 0), (20, 45), (64, 64)):
        place = np.array(geometry.to_image(*point)) * ((2, 1) if axis == 0 else (1, 2))
        assert place == pytest.approx(over_whole.to_image(*point), abs=2)
    mask = np.zeros(thin.shape, bool)
    mask[20:40, 30:50] = True
    assert PREPROCESSING.apply_mask(mask, geometry).sum() * geometry.scale**2 == pytest.approx(
        2 * mask.sum(), rel=0.1
    )


def test_spacing_that_cannot_be_is_ignored(make_head: Callable[..., np.ndarray]) -> None:
    head = make_head()
    for spacing in ((1.0, 1.0), (1.0, 1.01), (100.0, 1.0)):
        assert (PREPROCESSING.apply(head, spacing)[0] == PREPROCESSING.apply(head)[0]).all()
