"""The blocks of the model card, the data cards and the pages about reporting."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Final

from figures import ROOT, Figure, Figures, Rows, TablesError, table, text_block

from tumorscope.data.data_cards import CARDS, DataCard, data_card
from tumorscope.evaluation import usefulness
from tumorscope.evaluation.intervals import Estimate
from tumorscope.evaluation.statistic import FIXED_SPECIFICITY

NOT_PATIENTS: Final = ("types44", "not_brain_mr")
"""Sets whose identifiers are clusters of near-duplicates or of sources, and no patients."""

SHOWN_PREVALENCES: Final = (0.005, 0.02, 0.05, 0.2, 0.5)
READER_MEASURES: Final = ("roc_auc", "sensitivity", "specificity")

GUIDELINES: Final = {
    "stard_ai": "STARD-AI (2025)",
    "claim_2024": "CLAIM, 2024 update",
    "tripod_ai": "TRIPOD+AI (2024)",
}
STATUSES: Final = ("reported", "partly", "not reported", "not applicable")

TRAINED_SPLITS: Final = ("train", "val", "calibration", "test", "excluded")


@table
def taught_on(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show the data sets that the embedded model learned from."""
    rows = []
    for name in f.sources["card"]["images"]:
        if name == "not_brain_mr":
            continue
        card = data_card(name)
        rows.append(
            (
                f"`{name}`",
                f"{f.card('images', name):,.0f}",
                _patients(f, name),
                card.people,
                card.terms,
            )
        )
    return ("data set", "images and slices", "patients", "who is in it", "licence"), rows


@table
def splits(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show how the images were divided."""
    keys = ("images", "groups", "tumor", "no_tumor")
    rows = [
        (f"`{name}`", *(f"{f.card('splits', name, key):,.0f}" for key in keys))
        for name in TRAINED_SPLITS
        if name in f.sources["card"]["splits"]
    ]
    return ("split", "images and slices", "groups", "with a tumor", "without"), rows


@text_block
def flow(f: Figures) -> str:
    """Draw what became of the images, from the collections to the answers of the test split."""

    def of(split: str, key: str) -> int:
        return int(f.card("splits", split, key))

    there = [name for name in TRAINED_SPLITS if name in f.sources["card"]["splits"]]
    measured = f.test("overall", "all images", "roc_auc").n or 0
    shares = {name: f.test("abstention", "all images", name) for name in ("rejected", "abstained")}
    rejected, left_open = (round(one.estimate * measured) for one in shares.values())
    lines = [f"all sets: {sum(of(name, 'images') for name in there):,} images and slices"]
    lines += [
        f"├─ {name}: {of(name, 'images'):,} of {of(name, 'groups'):,} "
        + ("group" if of(name, "groups") == 1 else "groups")
        for name in there
    ]
    others = of("test", "images") - measured
    lines += [
        "└─ of test",
        f"   ├─ {others:,} show no brain MR image: for the input check alone",
        f"   └─ {measured:,} measured: {of('test', 'tumor'):,} with a tumor, "
        f"{of('test', 'no_tumor'):,} without",
        f"      ├─ {rejected:,} rejected as not a brain MR image: wrong",
        f"      ├─ {left_open:,} left open",
        f"      └─ {measured - rejected - left_open:,} called tumor or no tumor",
    ]
    return "\n".join(f"    {line}" for line in lines)


@text_block
def data_cards(f: Figures) -> str:
    """Show a card for each data set."""
    names = sorted(CARDS, key=lambda name: (name not in f.sources["card"]["images"], name))
    return "\n\n".join("\n".join(_card_lines(f, CARDS[name])) for name in names)


@text_block
def hugging_face(f: Figures) -> str:
    """Write the metadata of a model card on the Hugging Face hub, as YAML."""
    facts = f.sources["card"]
    auroc = f.test("overall", "all images", "roc_auc")
    unseen = f.held_out("hospital/all/auroc")
    lines = [
        "license: apache-2.0",
        "library_name: onnx",
        "pipeline_tag: image-classification",
        "language: en",
        'tags: ["medical", "MRI", "brain tumor", "research use only", "VGG16", "onnx"]',
        "metrics: [roc_auc, recall]",
        "model-index:",
        f"- name: {facts['id']}",
        "  results:",
    ]
    for what, figure in (
        ("held-out patients of the training sets", auroc),
        ("a hospital kept out of training (an earlier twin)", unseen),
    ):
        lines += [
            "  - task: {type: image-classification, name: tumor or none}",
            f"    dataset: {{type: brain-mri, name: {json.dumps(what)}}}",
            f"    metrics: [{{type: roc_auc, value: {figure.estimate:.3f}, "
            f'name: "AUROC, 95 % interval {figure.low:.3f} to {figure.high:.3f}"}}]',
        ]
    return "\n".join(lines)


@table
def worst(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what the model does worst, first."""
    names = {
        "hospital/T1/sensitivity_at_specificity_95": "Tumors called, T1, a hospital kept out of "
        "training (an earlier twin), at a specificity of 0.95",
        "hospital/T1+C/sensitivity_at_specificity_95": "Tumors called, T1 with contrast, the same",
        "patients/types44/T2/sensitivity": "Tumors called, T2, many types, web pictures",
        "patients/types44/T1/sensitivity": "– T1",
        "hospital/all/expected_calibration_error": "Calibration error, a hospital kept out of "
        "training (an earlier twin)",
        "patients/tiantan/false_alarm": "False alarms, tumor-free coronal slices with contrast",
    }
    rows = []
    for name, label in names.items():
        figure = f.held_out(name)
        rows.append((label, figure, figure.size))
    return ("What it does worst", "estimate [95 % interval]", "images; patients or groups"), rows


@table
def reader_coverage(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show how often the interval of a reader study holds a gain of nothing."""
    designs = dict.fromkeys(name.split("/")[0] for name in f.sources["readers"])
    rows = [
        (design, *(f.readers(f"{design}/{measure}") for measure in READER_MEASURES))
        for design in designs
    ]
    return ("study", "AUROC", "sensitivity", "specificity"), rows


@table
def predictive_values(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show what an answer means where tumors are rare, from sensitivity and specificity."""
    pairs = {
        f"`{name}`, held-out patients": (
            f.test("operating_points", name, "sensitivity"),
            f.test("operating_points", name, "specificity"),
        )
        for name in ("balanced", "rule_out")
    }
    unseen = f.held_out("hospital/all/sensitivity_at_specificity_95")
    fixed = Figure(FIXED_SPECIFICITY, FIXED_SPECIFICITY, FIXED_SPECIFICITY, unseen.n)
    pairs[f"a hospital kept out of training (an earlier twin), specificity {FIXED_SPECIFICITY}"] = (
        unseen,
        fixed,
    )
    rows = [
        (label, f"{prevalence:.1%}".replace("%", " %"), *_meaning(*pair, prevalence))
        for label, pair in pairs.items()
        for prevalence in SHOWN_PREVALENCES
    ]
    header = (
        "images, operating point",
        "share of tumors",
        "tumors among the called",
        "tumor-free among the others",
        "false alarms for each tumor found",
    )
    return header, rows


@table
def net_benefit(f: Figures) -> tuple[Sequence[str], Rows]:
    """Show the net benefit, where the committed report has it."""
    header = ("acting from a probability of", "model", "everyone")
    if "net_benefit" not in f.sources["test"]:
        return header, [
            ("not in the committed report: `make results`, then `make evidence`", "", "")
        ]
    rows = [
        (
            name,
            f.test("net_benefit", name, "net_benefit"),
            f.test("net_benefit", name, "net_benefit_everyone"),
        )
        for name in f.section("net_benefit")
    ]
    return header, rows


@table
def reporting(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show how many items of each guideline are reported."""
    rows = []
    for file, name in GUIDELINES.items():
        items = _items(file)
        counts = [sum(item["status"] == status for item in items) for status in STATUSES]
        rows.append((name, len(items), *counts))
    return ("guideline", "items", *STATUSES), rows


@table
def stard_ai(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show the items of STARD-AI."""
    return _checklist("stard_ai")


@table
def claim_2024(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show the items of CLAIM."""
    return _checklist("claim_2024")


@table
def tripod_ai(_: Figures) -> tuple[Sequence[str], Rows]:
    """Show the items of TRIPOD+AI."""
    return _checklist("tripod_ai")


def _meaning(sensitivity: Figure, specificity: Figure, prevalence: float) -> list[str]:
    found = usefulness.predictive_values(_estimate(sensitivity), _estimate(specificity), prevalence)
    return [
        _short(found["ppv"], 3),
        _short(found["npv"], 4),
        _short(found["false_alarms_per_tumor"], 1),
    ]


def _short(one: Estimate, digits: int) -> str:
    return f"{one.estimate:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def _estimate(figure: Figure) -> Estimate:
    low = figure.estimate if figure.low is None else figure.low
    high = figure.estimate if figure.high is None else figure.high
    return Estimate(figure.estimate, low, high, figure.n or 0, figure.groups or 0, 0)


def _checklist(file: str) -> tuple[Sequence[str], Rows]:
    keys = ("item", "text", "status", "answer")
    rows = [tuple(item[key].replace("|", "\\|") for key in keys) for item in _items(file)]
    return ("item", "asked for", "", "where, or why not"), rows


def _items(file: str) -> list[dict[str, str]]:
    path = ROOT / "docs" / "reporting" / f"{file}.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        items = list(csv.DictReader(stream))
    for item in items:
        if item["status"] not in STATUSES or not item["answer"]:
            raise TablesError(f"{path.name}: item {item['item']} has no status or no answer.")
    return items


def _patients(f: Figures, name: str) -> str:
    if name in NOT_PATIENTS or name not in f.sources["data"]:
        return "unknown"
    count = f.value(f"data:{name} / patients")
    return "unknown" if count == "0" else count


def _card_lines(f: Figures, card: DataCard) -> Iterator[str]:
    yield f"## `{card.set}`"
    yield ""
    yield f"{card.title}." if card.title != card.set else card.origin
    yield ""
    yield "| | |"
    yield "|---|---|"
    is_trained = card.set in f.sources["card"]["images"]
    rows = [
        ("Origin", card.origin),
        ("Page", f"<{card.page}>" if card.page else "not recorded"),
        ("Licence", card.terms),
        ("Cite", card.citation or "not recorded"),
        ("In the embedded model", "learned from" if is_trained else "not learned from"),
        ("Counts", _counts(f, card.set)),
        ("Who is in it", card.people),
        ("Labels", card.labels),
        ("What is wrong with it", " ".join(card.wrong)),
        (
            "What follows for the weights",
            card.use if is_trained else f"None of it is in them. {card.use}",
        ),
    ]
    for name, text in rows:
        yield f"| {name} | {text.replace('|', chr(92) + '|')} |"


def _counts(f: Figures, name: str) -> str:
    if name not in f.sources["data"]:
        return "not described"

    def count(*keys: str) -> str:
        return f.value(f"data:{' / '.join((name, *keys))}")

    facts = f.sources["data"][name]
    parts = [f"{count('images')} images or volumes"]
    parts += [
        f"{count(key)} {words}"
        for key, words in (
            ("tumor", "with a tumor"),
            ("no_tumor", "without"),
            ("unlabeled", "without a label"),
            ("masks", "with a mask"),
        )
        if facts[key]
    ]
    patients = _patients(f, name)
    parts.append("patients unknown" if patients == "unknown" else f"{patients} patients")
    sequences = ", ".join(f"{one} {count('sequences', one)}" for one in facts["sequences"])
    return f"{'; '.join(parts)}. Sequences: {sequences}."
