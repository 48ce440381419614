import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tumorscope.evaluation.measurements import take_measurements


def sections_of(data):
    return take_measurements(data).to_dict()["sections"]


def test_site_and_sequence_stand_together_where_both_are_known(make_data):
    data = make_data()
    sequence = np.where(data.set == "small", "unknown", data.sequence)
    sections = sections_of(make_data(sequence=sequence))
    section = sections["by_site_and_sequence"]
    assert "both, FLAIR" in section
    assert not [name for name in section if "small" in name]
    rows = (data.site == "both") & (sequence == "FLAIR")
    assert section["both, FLAIR"]["roc_auc"]["n_images"] == rows.sum()
    assert section["both, FLAIR"]["roc_auc"]["estimate"] == pytest.approx(
        roc_auc_score(data.y_true[rows], data.y_score[rows])
    )


def test_slivers_are_left_out_of_the_tumors_alone(make_data):
    data = make_data()
    fraction = np.where(np.isnan(data.dice), np.nan, data.dice * 0.01)
    sections = sections_of(make_data(mask_fraction=fraction))
    section = sections["without_slivers"]
    assert list(section) == ["both, all", "both, without slivers"]
    of_set = data.set == "both"
    kept = of_set & ~(fraction < 150 / 256**2)
    assert 0 < (of_set & ~kept).sum() < (of_set & (data.y_true == 1)).sum()
    row = section["both, without slivers"]
    assert row["specificity"] == section["both, all"]["specificity"]
    assert row["sensitivity"]["n_images"] == (kept & (data.y_true == 1)).sum()
    assert row["roc_auc"]["estimate"] == pytest.approx(
        roc_auc_score(data.y_true[kept], data.y_score[kept])
    )


def test_area_is_of_no_help_on_matched_rows(make_data, rng):
    data = make_data()
    area = np.clip(0.3 + 0.1 * data.y_true + rng.normal(0, 0.1, len(data.y_true)), 0, 1)
    controls = {"foreground area only": area, "nearest thumbnail": data.y_score}
    sections = sections_of(make_data(foreground_area=area, control_scores=controls))
    matched = sections["matched_in_area"]
    assert list(matched) == ["this model", "foreground area only"]
    whole = sections["controls"]["foreground area only"]["roc_auc"]
    part = matched["foreground area only"]["roc_auc"]
    assert whole["estimate"] > 0.7
    assert abs(part["estimate"] - 0.5) < 0.1
    assert part["n_images"] < whole["n_images"]
    assert matched["this model"]["roc_auc"]["n_images"] == part["n_images"]


def test_without_masks_and_areas_their_sections_are_left_out(make_data):
    assert not {"without_slivers", "matched_in_area"} & set(sections_of(make_data()))
