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


@pytest.mark.parametrize(
    ("name", "path", "plane"),
    [
        ("rsna_boxes", "rsna_boxes/co_00018_101.jpg", "coronal"),
        ("tcga_gbm", "tcga_gbm/SAG_T1_Glioma_1.jpg", "sagittal"),
        ("oasis2", "oasis2/OAS2_0001_MR1_axl.jpg", "axial"),
        ("tiantan", "tiantan/0_00.jpg", "coronal"),
        ("sartaj", "sartaj/Testing/p (1).jpg", None),
    ],
)
def test_plane_of_a_picture(name, path, plane):
    assert set_named(name).plane_of(path) == plane
