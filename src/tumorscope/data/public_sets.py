"""The public collections that most published figures rest on.

Addresses and sizes stand here only where several independent users of a set state the same, and
hashes where one of them checks its downloads by them; everywhere else stands what a person has to
do. Counts are those of the whole published sets.
"""

from __future__ import annotations

from typing import Final

from tumorscope.data.public_set import KnownBad, PublicSet, RemoteFile
from tumorscope.errors import UsageError

_KAGGLE: Final = (
    "Sign in at https://www.kaggle.com, accept the terms of the set and download its archive from "
    "{page} (or with the program of the site: kaggle datasets download -d {name})."
)
_THEN: Final = "Then: tumorscope data fetch {name} --from ARCHIVE_OR_FOLDER --output DIR"


def _kaggle_steps(name: str, slug: str) -> tuple[str, ...]:
    page = f"https://www.kaggle.com/datasets/{slug}"
    return _KAGGLE.format(page=page, name=slug), _THEN.format(name=name)


def _figshare_file(name: str, number: int, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(name, f"https://ndownloader.figshare.com/files/{number}", size, sha256)


FIGSHARE: Final = PublicSet(
    name="figshare",
    title="Brain tumor dataset (Nanfang Hospital and Tianjin Medical University)",
    page="https://doi.org/10.6084/m9.figshare.1512427",
    licence="CC BY 4.0",
    citation=(
        "Cheng J. et al. Enhanced performance of brain tumor classification via tumor region "
        "augmentation and partition. PLoS ONE 10(10), 2015, doi 10.1371/journal.pone.0140381"
    ),
    layout="matlab",
    files=(
        _figshare_file(
            "brainTumorDataPublic_1-766.zip",
            3381290,
            214_401_279,
            "cdac0a7f4152cb34dd79b13543da96c37a6928ad8cb823e2662150b1a73ade54",
        ),
        _figshare_file(
            "brainTumorDataPublic_767-1532.zip",
            3381296,
            217_848_429,
            "d18e896d14f7af791cdd3d9b9342f9f974742a06132effde5a5219209862b4ce",
        ),
        _figshare_file(
            "brainTumorDataPublic_1533-2298.zip",
            3381293,
            215_563_856,
            "612d9f506c55c54db5f2f38b6d50741ef97a6d7c32b3e1be76e789674a97aefb",
        ),
        _figshare_file(
            "brainTumorDataPublic_2299-3064.zip",
            3381302,
            231_679_762,
            "9a673c55d139133cfbc57097bf155b5ac9f33684ee97f40bf2afba332d416a3a",
        ),
    ),
    expected={"meningioma": 708, "glioma": 1426, "pituitary": 930},
    patients=233,
    cautions=(
        "Every picture shows a tumor: the set cannot tell tumor from no tumor by itself.",
        "The identifiers of one person may differ in the last letter; data split joins them.",
        "98 % of it is in the collection of 7,023 pictures by Nickparvar, half mirrored: neither "
        "is external to the other.",
    ),
    # 193 identifiers, 174 persons: a letter after the same number (MR029209E, MR029209G) marks
    # further pictures of one person. All 16 pairs of pictures that are almost the same (thumbnail
    # correlation >= 0.98) under two identifiers differ in that letter only.
    person_pattern=r"(MR\d{6})[A-Z]",
)

BR35H: Final = PublicSet(
    name="br35h",
    title="Br35H :: Brain Tumor Detection 2020",
    page="https://www.kaggle.com/datasets/ahmedhamada0/brain-tumor-detection",
    licence="not clear; pictures gathered from the web. See its page before any use",
    citation="Hamada A. Br35H: Brain Tumor Detection 2020. Kaggle, 2020",
    layout="folders",
    steps=_kaggle_steps("br35h", "ahmedhamada0/brain-tumor-detection"),
    expected={"tumor": 1500, "no_tumor": 1500, "label unknown": 60},
    unlabeled=("pred",),
    cautions=(
        "It is 809 distinct pictures under 3,060 files, mostly mirrored copies; one appears 56 "
        "times.",
        "99 % of Navoneel's pictures are in it.",
        "No patient is known: group it with data split before anything else.",
    ),
)

SARTAJ: Final = PublicSet(
    name="sartaj",
    title="Brain Tumor Classification (MRI)",
    page="https://www.kaggle.com/datasets/sartajbhuvaji/brain-tumor-classification-mri",
    licence="MIT, as its page states; the pictures' own origin is not stated",
    citation=(
        "Bhuvaji S., Kadam A., Bhumkar P., Dedge S., Kanchan S. Brain Tumor Classification (MRI). "
        "Kaggle, 2020"
    ),
    layout="folders",
    steps=_kaggle_steps("sartaj", "sartajbhuvaji/brain-tumor-classification-mri"),
    expected={"glioma": 926, "meningioma": 937, "pituitary": 901, "no_tumor": 500},
    known_bad=(
        KnownBad("*/Testing/glioma_tumor/*", "the labels of this folder are not reliable"),
        KnownBad("*/no_tumor/*", "a few pictures of these folders are CT and not MR"),
    ),
    cautions=(
        "63.7 % of its test folder are exact copies of its training folder, all 105 no_tumor "
        "among them.",
        "96 % of it is in the collection of 7,023 pictures by Nickparvar.",
        "Some pairs of copies contradict each other: tumorscope data duplicates lists them.",
    ),
)

NAVONEEL: Final = PublicSet(
    name="navoneel",
    title="Brain MRI Images for Brain Tumor Detection",
    page="https://www.kaggle.com/datasets/navoneel/brain-mri-images-for-brain-tumor-detection",
    licence="not known. See its page before any use",
    citation="Chakrabarty N. Brain MRI Images for Brain Tumor Detection. Kaggle, 2019",
    layout="folders",
    steps=_kaggle_steps("navoneel", "navoneel/brain-mri-images-for-brain-tumor-detection"),
    expected={"tumor": 155, "no_tumor": 98},
    cautions=(
        "The archive holds every picture twice, in two folders; it is taken once.",
        "99 % of it is in Br35H.",
        "No patient is known: group it with data split before anything else.",
    ),
)

LGG: Final = PublicSet(
    name="lgg",
    title="LGG Segmentation Dataset (TCGA-LGG)",
    page="https://www.kaggle.com/datasets/mateuszbuda/lgg-mri-segmentation",
    licence="CC BY-NC-SA 4.0 there, TCIA's terms for the scans: see both pages before any use",
    citation=(
        "Buda M., Saha A., Mazurowski M. A. Association of genomic subtypes of lower-grade gliomas "
        "with shape features automatically extracted by a deep learning algorithm. Computers in "
        "Biology and Medicine 109, 2019, doi 10.1016/j.compbiomed.2019.05.002"
    ),
    layout="channels",
    steps=_kaggle_steps("lgg", "mateuszbuda/lgg-mri-segmentation"),
    patients=110,
    cautions=(
        "A slice is called tumor where its mask marks a FLAIR abnormality; the masks come from "
        "FLAIR and are laid over T1 as well.",
        "Where a sequence is missing the set repeats FLAIR in its place; such copies are left out.",
    ),
    plane="axial",
    # TCGA barcode: project, tissue source site, participant.
    site_pattern=r"TCGA_([A-Z0-9]{2})_[A-Z0-9]{4}",
)

BRAIN_TUMOR_PROGRESSION: Final = PublicSet(
    name="brain_tumor_progression",
    title="Brain-Tumor-Progression",
    page="https://doi.org/10.7937/K9/TCIA.2018.15quzvnb",
    licence="CC BY 3.0",
    citation=(
        "Schmainda K., Prah M. Data from Brain-Tumor-Progression. The Cancer Imaging Archive, "
        "2018, doi 10.7937/K9/TCIA.2018.15quzvnb"
    ),
    layout="dicom",
    steps=(
        "Download the series from https://doi.org/10.7937/K9/TCIA.2018.15quzvnb with the archive's "
        "own program (NBIA Data Retriever).",
        _THEN.format(name="brain_tumor_progression"),
    ),
    patients=20,
    cautions=(
        "All patients have a glioblastoma, but not every slice shows it: the label of a slice is "
        "left empty.",
        "Two studies of each patient: never put them on two sides of a split.",
    ),
)

BTP_VOLUMES: Final = PublicSet(
    name="btp_volumes",
    title="Contrast-enhanced T1 volumes of Brain-Tumor-Progression",
    page=BRAIN_TUMOR_PROGRESSION.page,
    licence=BRAIN_TUMOR_PROGRESSION.licence,
    citation=BRAIN_TUMOR_PROGRESSION.citation,
    # The header claims a spacing of (1, 1, 1) mm; 24 axial slices cover the head.
    planes={"T1+C": ("axial",)},
)

TUMOR_FREE_VOLUMES: Final = PublicSet(
    name="tumor_free_volumes",
    title="NiChart demonstration set: elderly subjects, some with white-matter changes",
    # FLAIR was acquired in thick axial slices and resampled to 2 mm; T1 is true 3-D.
    planes={"FLAIR": ("axial",), "T1": ("axial", "coronal", "sagittal")},
)

BRATS_SLICES: Final = PublicSet(
    name="brats_slices",
    title="FLAIR slices of BraTS 2021 and 2023, without a skull",
    plane="axial",
)

BRATS_VOLUMES: Final = PublicSet(
    name="brats_volumes",
    title="Slices of BraTS 2018 volumes in four sequences, without a skull",
    plane="axial",
)

DS002748: Final = PublicSet(
    name="ds002748",
    title="OpenNeuro ds002748: T1 of adults without a tumor, without a skull",
    licence="CC0",
    plane_pattern=r"_(ax|co|sa)\d",
)

OASIS2: Final = PublicSet(
    name="oasis2",
    title="OASIS-2: T1 of elderly people without a tumor, without a skull",
    plane_pattern=r"_(ax|co|sa)[lrg]\.",
)

OPEN_MS: Final = PublicSet(
    name="open_ms",
    title="Multiple sclerosis, with and without a skull (Ljubljana, Lesjak et al.)",
    plane_pattern=r"_(ax|co|sa)\d",
)

RSNA_BOXES: Final = PublicSet(
    name="rsna_boxes",
    title="RSNA-MICCAI 2021: glioblastomas with contrast, without a skull, with boxes",
    plane_pattern=r"/(ax|co|sa)_",
    has_boxes=True,
)

SOOP: Final = PublicSet(
    name="soop",
    title="Stroke Outcome Optimization Project, OpenNeuro ds004889: FLAIR, without a skull",
    plane="axial",
)

TCGA_GBM: Final = PublicSet(
    name="tcga_gbm",
    title="TCGA-GBM: glioblastomas in many sequences",
    plane_pattern=r"/(AX|CO|SA)[A-Z]*_",
)

TIANTAN: Final = PublicSet(
    name="tiantan",
    title="Beijing Tiantan Hospital: coronal series through the sella, with contrast",
    plane="coronal",
)

NOT_BRAIN_MR: Final = PublicSet(
    name="not_brain_mr",
    title="Photographs, X-rays, CT and MR of other parts (BSDS500, Medical-MNIST)",
    has_brains=False,
)

PUBLIC_SETS: Final = {
    one.name: one for one in (FIGSHARE, BR35H, SARTAJ, NAVONEEL, LGG, BRAIN_TUMOR_PROGRESSION)
}
"""Those that ``tumorscope data fetch`` has a recipe for."""

_DOCUMENTED: Final = PUBLIC_SETS | {
    one.name: one
    for one in (
        BRATS_SLICES,
        BRATS_VOLUMES,
        BTP_VOLUMES,
        DS002748,
        NOT_BRAIN_MR,
        OASIS2,
        OPEN_MS,
        RSNA_BOXES,
        SOOP,
        TCGA_GBM,
        TIANTAN,
        TUMOR_FREE_VOLUMES,
    )
}


def set_named(name: str) -> PublicSet:
    """Return what is known of a set of a manifest; of one not documented, its name."""
    return _DOCUMENTED.get(name) or PublicSet(name)


def public_set(name: str) -> PublicSet:
    """Return a recipe by its name, in any case and with hyphens or underscores.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    found = PUBLIC_SETS.get(name.lower().replace("-", "_"))
    if found is None:
        raise UsageError(f"There is no recipe {name!r}; available: {', '.join(PUBLIC_SETS)}.")
    return found
