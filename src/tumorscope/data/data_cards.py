"""A card for each data set: where it comes from, who is in it, what is wrong, what follows for use.

The cards speak of the copies that were used; counts come from the manifest and stand elsewhere
(``docs/results/data.json``). A licence is confirmed only if its page was read; what was remembered
is not confirmed and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public_sets import set_named


@dataclass(frozen=True, slots=True)
class DataCard:
    """What a user of a model has to know of one data set.

    Attributes
    ----------
    set
        Value of the manifest's column.
    origin
        Who made it, and from what.
    licence
        Terms, as far as they are known.
    is_confirmed
        Whether the terms were read on the origin's page.
    people
        Who is in it: age, sex, disease, hospitals, scanners.
    labels
        Who labeled what, and how good that is.
    wrong
        What is known to be wrong with it.
    use
        What its part in the weights means for those who use them.
    """

    set: str
    origin: str
    licence: str
    is_confirmed: bool
    people: str
    labels: str
    wrong: tuple[str, ...]
    use: str

    @property
    def title(self) -> str:
        """The set as its authors call it."""
        return set_named(self.set).title or self.set

    @property
    def citation(self) -> str:
        """What its users are asked to cite; empty where that is not known."""
        return set_named(self.set).citation

    @property
    def page(self) -> str:
        """Address of its page; empty where that is not known."""
        return set_named(self.set).page

    @property
    def terms(self) -> str:
        """The licence, and whether it is confirmed."""
        return f"{self.licence} ({'confirmed' if self.is_confirmed else 'not confirmed'})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as an artifact's card holds them."""
        values = asdict(self) | {"wrong": list(self.wrong)}
        return values | {"title": self.title, "citation": self.citation, "page": self.page}


_NO_HEADERS: Final = (
    "Age, sex, field strength and scanner are not known: the copies are pictures without headers."
)
_WEB: Final = "Unknown people, gathered from the web. " + _NO_HEADERS
_FREE: Final = "Attribution is owed; research and other uses are allowed by its terms."
_UNCLEAR: Final = (
    "Its terms are unclear: research and teaching only, and read its page before any other use of "
    "weights that learned from it."
)
_NOT_COMMERCIAL: Final = (
    "One of its two origins forbids commercial use and asks to share alike: treat weights that "
    "learned from it as non-commercial until the terms are confirmed."
)
_STRIPPED: Final = "Skull-stripped: a model can take the missing skull for a sign of the class."

CARDS: Final = {
    card.set: card
    for card in (
        DataCard(
            set="figshare",
            origin="Nanfang Hospital, Guangzhou, and Tianjin Medical University; Cheng et al., on "
            "figshare.",
            licence="CC BY 4.0",
            is_confirmed=True,
            people="Patients with a glioma, meningioma or pituitary tumor of two hospitals in "
            "China. Age, sex and scanner are not in the files.",
            labels="Type by the hospital, outline by the authors, per slice. Every slice shows a "
            "tumor.",
            wrong=(
                "No image is tumor-free, so it cannot teach tumor or none by itself.",
                "Slices of one patient are nearly alike; some patients have two identifiers.",
                "Nearly all of it is also in the popular collection by Nickparvar, half of it "
                "mirrored.",
            ),
            use=_FREE,
        ),
        DataCard(
            set="lgg",
            origin="TCGA-LGG at The Cancer Imaging Archive; outlines by Buda et al., copied from "
            "Kaggle.",
            licence="TCIA: CC BY 3.0; Kaggle copy: CC BY-NC-SA 4.0",
            is_confirmed=False,
            people="Adults with a lower-grade glioma of three institutions in the United States. "
            + _NO_HEADERS,
            labels="A slice is a tumor where a FLAIR change was outlined on it by Buda et al. "
            "The outline is used for T1 and T1 with contrast too.",
            wrong=(
                "The outline marks the change on FLAIR, which on T1 often cannot be seen.",
                "Every patient has a tumor: tumor-free slices lie above or below it.",
                "A missing sequence is replaced by FLAIR in the files; such copies are left out.",
            ),
            use=_NOT_COMMERCIAL,
        ),
        DataCard(
            set="br35h",
            origin="Hamada, Kaggle; pictures gathered from the web.",
            licence="unclear",
            is_confirmed=False,
            people=_WEB,
            labels="Tumor or none, by the uploader; some outlines. No reader is named.",
            wrong=(
                "Most files are copies of others, many of them mirrored.",
                "Tumor and no tumor come from different archives: size and frame give the label "
                "away.",
                "One head with heavy white-matter lesions stands for the hard negatives.",
            ),
            use=_UNCLEAR,
        ),
        DataCard(
            set="sartaj",
            origin="Bhuvaji et al., Kaggle; pictures of unknown origin.",
            licence="MIT, as its page states; the pictures' own rights are not stated",
            is_confirmed=False,
            people=_WEB,
            labels="Glioma, meningioma, pituitary tumor or none, by the uploaders.",
            wrong=(
                "Two thirds of its test folder are exact copies of its training folder, among them "
                "every tumor-free one.",
                "The labels of its folder Testing/glioma_tumor are unreliable; a few tumor-free "
                "pictures are CT; some pairs of copies contradict each other.",
            ),
            use=_UNCLEAR,
        ),
        DataCard(
            set="navoneel",
            origin="Chakrabarty, Kaggle; pictures gathered from the web. The small set of most "
            "tutorials.",
            licence="unknown",
            is_confirmed=False,
            people=_WEB,
            labels="Tumor or none, by the uploader.",
            wrong=("Nearly all of it is inside Br35H: it is no external set for that one.",),
            use=_UNCLEAR,
        ),
        DataCard(
            set="skull_stripped_normal",
            origin="A set of tumor-free brains for work on Alzheimer's disease, Kaggle.",
            licence="unknown",
            is_confirmed=False,
            people="Probably elderly people. " + _NO_HEADERS,
            labels="No tumor, by the name of its folder.",
            wrong=(_STRIPPED, "Slices are few and nearly alike."),
            use=_UNCLEAR,
        ),
        DataCard(
            set="btp_volumes",
            origin="Brain-Tumor-Progression at The Cancer Imaging Archive; Schmainda and Prah.",
            licence="CC BY 3.0",
            is_confirmed=True,
            people="Patients with a glioblastoma after surgery and chemoradiation, at one hospital "
            "in the United States. Age and sex are not in the files.",
            labels="Outlines of the origin, per voxel.",
            wrong=("All are treated: scars and cavities stand beside tumor.",),
            use=_FREE,
        ),
        DataCard(
            set="tumor_free_volumes",
            origin="Demonstration volumes of NiChart.",
            licence="not stated",
            is_confirmed=False,
            people="Elderly people, some with white-matter changes. Sex and scanner are not known.",
            labels="No tumor: as nothing of the kind is known; no reader confirmed it.",
            wrong=("One person makes up all coronal and sagittal tumor-free slices of a split.",),
            use=_UNCLEAR,
        ),
        DataCard(
            set="types44",
            origin="Feltrin, Kaggle; pictures from Radiopaedia.",
            licence="not known; rights of the single cases",
            is_confirmed=False,
            people=_WEB,
            labels="Lesion type and sequence by the name of the folder, not by the slice.",
            wrong=(
                "Some slices of a tumor folder show none.",
                "There is no tumor-free T1 with contrast: contrast alone could become the cue.",
                "Tuberculoma and granuloma are masses and no tumors; their label is left empty.",
            ),
            use=_UNCLEAR,
        ),
        DataCard(
            set="tiantan",
            origin="Beijing Tiantan Hospital; repository of VGuoGavin.",
            licence="unclear",
            is_confirmed=False,
            people="Patients with a pituitary tumor of one hospital in China. " + _NO_HEADERS,
            labels="Outlines per slice; slices without one count as tumor-free.",
            wrong=("Coronal slices through the sella only.",),
            use=_UNCLEAR,
        ),
        DataCard(
            set="rsna_boxes",
            origin="RSNA-MICCAI challenge of 2021; boxes by Broberts, Kaggle.",
            licence="terms of the challenge, not read",
            is_confirmed=False,
            people="Adults with a glioblastoma of several hospitals. " + _NO_HEADERS,
            labels="A box around the tumor on every slice.",
            wrong=(
                _STRIPPED,
                "Cut tight or off-centre; every slice shows a tumor.",
                "May share patients with TCGA-GBM and BraTS under other names.",
            ),
            use=_UNCLEAR,
        ),
        DataCard(
            set="tcga_gbm",
            origin="TCGA-GBM at The Cancer Imaging Archive.",
            licence="TCIA's terms, not read",
            is_confirmed=False,
            people="Adults with a glioblastoma, in the United States. " + _NO_HEADERS,
            labels="Glioblastoma by patient; the slice is not labeled.",
            wrong=("Weak labels: some slices show no tumor.", "May share patients with BraTS."),
            use=_UNCLEAR,
        ),
        DataCard(
            set="brats_volumes",
            origin="BraTS of 2018, from HiNet's repository.",
            licence="terms of the challenge, not read",
            is_confirmed=False,
            people="Adults with a glioma of several hospitals. " + _NO_HEADERS,
            labels="Tumor or edema seen, or clearly none, by slice, read by eye; by whom is not "
            "recorded. Slices in between are left out.",
            wrong=(
                _STRIPPED,
                "Tumor-free slices lie below or above the tumor: brain size and height are cues.",
                "May share patients with TCGA-GBM and TCGA-LGG.",
            ),
            use=_UNCLEAR,
        ),
        DataCard(
            set="brats_slices",
            origin="FLAIR slices of BraTS of 2021 and 2023.",
            licence="terms of the challenge, not read",
            is_confirmed=False,
            people="Adults with a glioma of several hospitals. " + _NO_HEADERS,
            labels="Outlines of the challenge; every slice shows a tumor.",
            wrong=(_STRIPPED, "May share patients with TCGA-GBM and TCGA-LGG."),
            use=_UNCLEAR,
        ),
        DataCard(
            set="soop",
            origin="Stroke Outcome Optimization Project, OpenNeuro ds004889.",
            licence="not read",
            is_confirmed=False,
            people="Adults after a stroke, one slice a person. " + _NO_HEADERS,
            labels="No tumor, as the study is of stroke; no reader looked for tumors.",
            wrong=(_STRIPPED, "FLAIR only."),
            use=_UNCLEAR,
        ),
        DataCard(
            set="open_ms",
            origin="Lesjak et al., Ljubljana.",
            licence="CC BY",
            is_confirmed=False,
            people="Adults with multiple sclerosis of one hospital in Slovenia. " + _NO_HEADERS,
            labels="No tumor, as the study is of multiple sclerosis.",
            wrong=("Few patients: their slices are not independent.",),
            use=_UNCLEAR,
        ),
        DataCard(
            set="oasis2",
            origin="OASIS-2.",
            licence="OASIS terms of use, not read",
            is_confirmed=False,
            people="Elderly people, some with dementia. " + _NO_HEADERS,
            labels="No tumor, as the study is of aging; no reader looked for tumors.",
            wrong=(_STRIPPED,),
            use=_UNCLEAR,
        ),
        DataCard(
            set="ds002748",
            origin="OpenNeuro ds002748.",
            licence="CC0",
            is_confirmed=True,
            people="Adults. " + _NO_HEADERS,
            labels="No tumor, as none is known; no reader looked for tumors.",
            wrong=(_STRIPPED,),
            use="No condition.",
        ),
        DataCard(
            set="not_brain_mr",
            origin="BSDS500, Medical-MNIST and pictures of other parts of the body.",
            licence="research use",
            is_confirmed=False,
            people="Unknown; many pictures show no person.",
            labels="Not a brain MR image, by what the picture shows.",
            wrong=("Used for the input check alone.",),
            use=_UNCLEAR,
        ),
    )
}
"""By name of the set."""


def data_cards(rows: Iterable[ManifestRow]) -> dict[str, dict[str, Any]]:
    """Return the cards of the sets that rows come from, as an artifact's card holds them."""
    return {name: data_card(name).to_dict() for name in sorted({row.set for row in rows})}


def data_card(name: str) -> DataCard:
    """Return the card of a set; of one that is not documented, a card that says so."""
    return CARDS.get(name) or DataCard(
        set=name,
        origin="not documented",
        licence="unknown",
        is_confirmed=False,
        people="not documented",
        labels="not documented",
        wrong=("Nothing is known of it.",),
        use=_UNCLEAR,
    )
