import pytest
from pydicom import Dataset

from tumorscope.imaging.formats.dicom_sequence import header_sequence


def _header(**values):
    ds = Dataset()
    ds.Modality = "MR"
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("AX T1", "T1"),
        ("t1_mprage_sag_p2_iso", "T1"),
        ("AX T1 POST GAD", "T1+C"),
        ("SAG T1 +C", "T1+C"),
        ("t1ce", "T1+C"),
        ("T1 tse tra KM", "T1+C"),
        ("T1 PRE-CONTRAST", "T1"),
        ("T1 ohne KM", "T1"),
        ("AX T2 FLAIR", "FLAIR"),
        ("t2_tirm_tra_dark-fluid", "FLAIR"),
        ("T1 FLAIR SAG", "T1"),
        ("AX FLAIR +C", "FLAIR"),
        ("t2_tse_tra", "T2"),
        ("AX T2 FSE", "T2"),
        ("T2* GRE", "other"),
        ("AX DWI", "other"),
        ("ep2d_diff_3scan_trace_p2_ADC", "other"),
        ("SWI_Images", "other"),
        ("3-plane localizer", "other"),
        ("MR1234", None),
        ("", None),
    ],
)
def test_names_tell_the_sequence(description, expected):
    assert header_sequence(_header(SeriesDescription=description)) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"EchoTime": 90, "RepetitionTime": 9000, "InversionTime": 2500}, "FLAIR"),
        ({"EchoTime": 100, "RepetitionTime": 4000}, "T2"),
        ({"EchoTime": 10, "RepetitionTime": 500}, "T1"),
        ({"EchoTime": 3, "RepetitionTime": 2300, "InversionTime": 900}, "T1"),
        ({"EchoTime": 20, "RepetitionTime": 3000}, None),
        ({"EchoTime": 90}, None),
    ],
)
def test_times_tell_it_where_no_name_does(times, expected):
    assert header_sequence(_header(**times)) == expected


def test_contrast_agent_makes_t1_one_with_contrast_and_no_other():
    times = {"EchoTime": 10, "RepetitionTime": 500}

    assert header_sequence(_header(**times, ContrastBolusAgent="MAGNEVIST")) == "T1+C"
    assert header_sequence(_header(**times, ContrastBolusAgent="NONE")) == "T1"
    flair = _header(SeriesDescription="FLAIR", ContrastBolusAgent="MAGNEVIST")
    assert header_sequence(flair) == "FLAIR"


def test_kind_of_the_image_goes_before_its_name():
    derived = _header(SeriesDescription="AX T2", ImageType=["DERIVED", "PRIMARY", "ADC"])

    assert header_sequence(derived) == "other"
    assert header_sequence(_header(SeriesDescription="AX T2", DiffusionBValue=1000.0)) == "other"


def test_enhanced_image_says_it_outright():
    frame = Dataset()
    frame.AcquisitionContrast = "FLUID_ATTENUATED"

    assert header_sequence(_header(SeriesDescription="T1"), {"MRImageFrameType": frame}) == "FLAIR"


def test_other_modalities_have_no_sequence():
    assert header_sequence(_header(Modality="CT", SeriesDescription="T1")) is None
