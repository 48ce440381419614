import pytest

from tumorscope.data.public_sets import set_named


@pytest.mark.parametrize(
    ("name", "patient_id", "site", "person"),
    [
        ("lgg", "TCGA_CS_4941", "lgg/CS", "TCGA_CS_4941"),
        ("lgg", None, "lgg", None),
        ("lgg", "other", "lgg", "other"),
        ("figshare", "MR029209E", "figshare", "MR029209"),
        ("figshare", "100360", "figshare", "100360"),
        ("anything", "TCGA_CS_4941", "anything", "TCGA_CS_4941"),
    ],
)
def test_site_and_person(name, patient_id, site, person):
    known = set_named(name)

    assert known.site_of(patient_id) == site
    assert known.person_of(patient_id) == person


def test_planes_are_known_for_documented_volumes_only():
    assert set_named("tumor_free_volumes").planes_of("FLAIR") == ("axial",)
    assert set_named("tumor_free_volumes").planes_of("T2") is None
    assert set_named("anything").planes_of("T1") is None
