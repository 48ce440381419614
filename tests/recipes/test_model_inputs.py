from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.pictures import read_row_scans
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.recipes.model_inputs import LoadedRow, load_canvases, load_rows, type_index


@pytest.fixture
def boxed(tmp_path: Path, make_head) -> Path:
    Image.fromarray(make_head(blob=(60, 90))).save(tmp_path / "head.png")
    box = np.zeros((160, 160), np.uint8)
    box[40:80, 60:120] = 255
    Image.fromarray(box).save(tmp_path / "box.png")
    return tmp_path


def mask_of(name: str, folder: Path) -> np.ndarray:
    row = ManifestRow(name, "head.png", 1, mask="box.png")
    (loaded,) = load_rows([row], folder, Preprocessing())
    assert isinstance(loaded, LoadedRow)
    assert loaded.mask is not None
    return loaded.mask


def test_a_box_becomes_the_ellipse_in_it_and_an_outline_stays(boxed: Path) -> None:
    outline, ellipse = mask_of("lgg", boxed), mask_of("rsna_boxes", boxed)
    assert outline.sum() == 40 * 60
    assert ellipse.sum() == pytest.approx(np.pi / 4 * 40 * 60, rel=0.02)
    assert not (ellipse & ~outline).any()
    assert ellipse[60, 60:120].all()
    assert not ellipse[40, 60]


@pytest.fixture
def thick(tmp_path: Path, make_head: Callable[..., np.ndarray]) -> Path:
    """A volume whose coronal slices have rows three times as far apart as columns."""
    stack = np.stack([make_head((120, 40), blob=(60, 20))] * 20, axis=1)
    nibabel.Nifti1Image(stack, np.diag([1.0, 1.0, 3.0, 1.0])).to_filename(tmp_path / "a.nii")
    mask = np.zeros(stack.shape, np.uint8)
    mask[50:70, :, 16:24] = 1
    nibabel.Nifti1Image(mask, np.diag([1.0, 1.0, 3.0, 1.0])).to_filename(tmp_path / "mask.nii")
    return tmp_path


def test_a_row_is_seen_in_the_proportions_that_predict_sees(thick: Path) -> None:
    row = ManifestRow("own", "a.nii", 1, mask="mask.nii", slice_index=9, plane="coronal")
    (loaded,) = load_rows([row], thick, Preprocessing())
    assert isinstance(loaded, LoadedRow)
    (scan,) = read_row_scans([row], thick)
    assert loaded.scan.spacing_mm == scan.spacing_mm == (3.0, 1.0)
    seen, geometry = Preprocessing().apply(scan.pixels, (3.0, 1.0))
    np.testing.assert_array_equal(loaded.canvas, seen)
    assert loaded.mask is not None
    covered = Preprocessing().apply_mask(loaded.mask, loaded.geometry)
    assert covered.sum() * geometry.scale**2 == pytest.approx(20 * 8 * 3, rel=0.1)


def test_pictures_that_cannot_be_used_are_left_out(boxed: Path) -> None:
    (boxed / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    names = ("head.png", "broken.png")
    rows = [ManifestRow("not_brain_mr", name, None) for name in names]
    assert load_canvases(rows, boxed, Preprocessing()).shape == (1, 224, 224)
    assert load_canvases([], boxed, Preprocessing()).shape == (0, 224, 224)


@pytest.mark.parametrize(
    ("lesion", "index"),
    [("glioma", 0), ("ependymoma", 0), ("meningioma", 1), ("pituitary", 2), ("metastasis", -1)],
)
def test_a_lesion_is_held_by_a_class_of_the_type_head_or_by_none(lesion: str, index: int) -> None:
    assert type_index(ManifestRow("a", "1.png", 1, type=lesion)) == index
    assert type_index(ManifestRow("a", "1.png", 1)) == -1
