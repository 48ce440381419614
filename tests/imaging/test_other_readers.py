"""The real files, voxel by voxel against what pydicom and nibabel alone make of them."""

import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from tumorscope.imaging.inputs.read import read_one

pytestmark = pytest.mark.real_scans

DICOM_FILES = (
    *(f"tumor_series/1-{number:02d}.dcm" for number in (1, 12, 24)),
    *(f"not_brain/{name}_UNC.dcm" for name in ("CT1", "MR2", "MR3")),
    *(f"enhanced_multiframe/{name}.dcm" for name in ("IM_0027_fMAP", "emri_small")),
    *(
        f"transfer_syntaxes/{name}.dcm"
        for name in (
            *("MR4_UNC", "MR4_RLE", "MR4_JPLL", "MR4_JPLY", "MR4_JLSL", "MR4_JLSN"),
            *("MR4_J2KR", "MR4_J2KI", "deflated", "explicit_big", "explicit_little"),
            *("implicit_little", "jpeg_2000", "jpeg_baseline_8bit", "jpeg_lossless_sel1"),
            *("jpeg_ls", "rle"),
        )
    ),
)


def displayed_by_pydicom(path: Path) -> np.ndarray:
    """Shape (frames, rows, columns): stored values through both look-up tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path)
        stored = ds.pixel_array
    frames = stored if int(ds.get("NumberOfFrames") or 1) > 1 else stored[None]
    if ds.SamplesPerPixel == 3:
        return frames @ np.array([0.299, 0.587, 0.114])
    shared = ds.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
    per_frame = ds.get("PerFrameFunctionalGroupsSequence") or [pydicom.Dataset()] * len(frames)
    shown = []
    for frame, group in zip(frames, per_frame, strict=True):
        places = [
            item
            for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence")
            for owner in (group, shared[0])
            for item in owner.get(name, [])
        ]
        for element in (element for place in places for element in place):
            ds[element.tag] = element
        values = apply_modality_lut(frame, ds)
        # Two of the files carry a window of no width, which DICOM forbids and viewers ignore.
        is_void = ds.get("WindowWidth") is not None and np.ravel(ds.WindowWidth)[0] < 1
        shown.append(values if is_void else apply_voi_lut(values, ds, index=0))
    shown = np.array(shown, np.float64)
    return shown.max() - shown if ds.PhotometricInterpretation == "MONOCHROME1" else shown


def padded_by_pydicom(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Tell where the stored value is that of padding; shape of ``shape``."""
    ds = pydicom.dcmread(path)
    value = ds.get("PixelPaddingValue")
    if value is None:
        return np.zeros(shape, bool)
    return np.asarray(ds.pixel_array == value).reshape(shape)


def test_all_readable_files_are_compared(real_scans: Path) -> None:
    found = {str(path.relative_to(real_scans / "dicom")) for path in real_scans.rglob("*.dcm")}
    others = found - set(DICOM_FILES)
    assert {name for name in others if not name.startswith("tumor_series/")} == {
        "enhanced_multiframe/emri_small_jpeg_2k_lossless_too_short.dcm"  # cut
    }


@pytest.mark.parametrize("name", DICOM_FILES)
def test_dicom_pixels_are_those_of_pydicom(real_scans: Path, name: str) -> None:
    path = real_scans / "dicom" / name
    expected = displayed_by_pydicom(path)
    padding = padded_by_pydicom(path, expected.shape)
    scans = read_one(path)
    assert len(scans) == len(expected)
    for scan, whole, padded in zip(scans, expected, padding, strict=True):
        # Padding is shown as the least of all other values.
        frame = np.where(padded, whole[~padded].min(), whole)
        # float32 has 24 bits; a JPEG may be decoded by another library, a step apart
        tolerance = 2.0 if "JPLY" in name or "baseline" in name else 1e-6 * np.abs(frame).max()
        np.testing.assert_allclose(scan.pixels, frame, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["01/Pre_Scan_T1", "02/Post_Mask"])
def test_nifti_voxels_are_those_of_nibabel(real_scans: Path, name: str) -> None:
    path = real_scans / "btp_volumes" / f"{name}.nii.gz"
    voxels = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()
    scans = read_one(path)
    assert {scan.plane for scan in scans} == {"axial"}
    assert len(scans) == voxels.shape[2]
    for scan in scans:
        # from (right, anterior) to rows downwards and columns to the patient's left
        shown = voxels[::-1, ::-1, scan.slice_index].T
        np.testing.assert_allclose(scan.pixels, shown, rtol=1e-6)


def test_every_real_volume_is_read_in_its_own_plane(real_scans: Path) -> None:
    volumes = sorted((real_scans / "tumor_free_volumes").rglob("*.nii*"))
    if not volumes:
        pytest.skip("there are no tumor_free_volumes")
    for path in volumes[:4]:
        voxels = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()
        scans = read_one(path)
        axis = {"sagittal": 0, "coronal": 1, "axial": 2}[str(scans[0].plane)]
        assert len(scans) == voxels.shape[axis]
        total = sum(float(scan.pixels.sum(dtype=np.float64)) for scan in scans)
        assert total == pytest.approx(voxels.sum(), rel=1e-5)
