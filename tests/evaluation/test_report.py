import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix, roc_auc_score

from tests.evaluation.references import DECISIONS
from tumorscope.errors import UsageError
from tumorscope.evaluation.intervals import Estimate
from tumorscope.evaluation.report import (
    GALLERY_FILE,
    PREDICTIONS_FILE,
    REPORT_FILES,
    build_report,
)
from tumorscope.evaluation.tables import format_estimate
from tumorscope.labels import NOTICE

COMMAND = "tumorscope evaluate --manifest 'a &amp; <b>.csv' --output report"
PICTURES = {name for name in REPORT_FILES if name.endswith(".png")}


@pytest.fixture
def build(tmp_path, make_data):
    def run(data=None, *, output="report", title="made model", **options):
        data = make_data() if data is None else data
        folder = tmp_path / output
        return build_report(data, output=folder, command=COMMAND, title=title, **options), folder

    return run


@pytest.fixture(scope="module")
def built(tmp_path_factory, make_data):
    """A report that tests may read and must not change: metrics and folder."""
    folder = tmp_path_factory.mktemp("evaluation") / "report"
    return build_report(make_data(), output=folder, command=COMMAND, title="<b>& | made"), folder


class _Page(HTMLParser):
    """What a reader of the page meets."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_folder_holds_the_whole_report_and_nothing_else(built):
    _, folder = built
    of_recipe = {PREDICTIONS_FILE, GALLERY_FILE}
    assert {path.name for path in folder.iterdir()} == set(REPORT_FILES) - of_recipe


def test_failures_come_first(built):
    metrics, folder = built
    assert metrics["sections"]["weakest"]
    titles = re.findall(r"^## (.*)$", (folder / "report.md").read_text(encoding="utf-8"), re.M)
    assert titles[0].startswith("Where it is right least often")
    assert titles[1] == "All images"
    assert len(titles) == len(set(titles))


def test_metrics_file_is_what_is_returned_and_strict_json(built):
    metrics, folder = built

    def refuse(constant):
        raise AssertionError(constant)

    text = (folder / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refuse) == metrics
    assert metrics["command"] == COMMAND
    assert metrics["notice"] == NOTICE


def test_numbers_are_those_of_scikit_learn(built, make_data):
    data = make_data()
    metrics, _ = built
    overall = metrics["sections"]["overall"]["all images"]
    assert overall["roc_auc"]["estimate"] == pytest.approx(roc_auc_score(data.y_true, data.y_score))
    for name, threshold in data.operating_points.items():
        found = metrics["sections"]["operating_points"][name]["specificity"]["estimate"]
        assert found == pytest.approx(
            DECISIONS["specificity"](data.y_true, data.y_score >= threshold)
        )


def test_confusion_has_truth_in_rows_and_tumor_first(built, make_data):
    data = make_data()
    metrics, _ = built
    missed = int(((data.y_true == 1) & ~data.is_called).sum())
    alarms = int(((data.y_true == 0) & data.is_called).sum())
    (_, found_missed), (found_alarms, _) = metrics["confusion"]
    assert (found_missed, found_alarms) == (missed, alarms)
    assert missed != alarms


def test_types_are_measured_on_tumors_of_known_type(built, make_data):
    data = make_data()
    metrics, _ = built
    known = data.type_true >= 0
    found = metrics["sections"]["type"]["all sets"]
    expected = (data.type_prob.argmax(axis=1) == data.type_true)[known].mean()
    assert found["accuracy"]["estimate"] == pytest.approx(expected)
    assert found["accuracy"]["n_images"] == known.sum() == np.sum(metrics["type_confusion"])
    called = data.type_prob[known].argmax(axis=1)
    counts = confusion_matrix(data.type_true[known], called)
    assert metrics["type_confusion"] == counts.tolist()
    assert counts.tolist() != counts.T.tolist()
    glioma = data.type_true == 0
    expected = (data.type_prob.argmax(axis=1) == 0)[glioma].mean()
    assert found["recall_glioma"]["estimate"] == pytest.approx(expected)
    assert "small" not in metrics["sections"]["type"]


def test_sensitivity_by_type_is_of_calls(built, make_data):
    data = make_data()
    metrics, _ = built
    glioma = data.type == "glioma"
    found = metrics["sections"]["sensitivity_by_type"]["glioma"]["sensitivity"]
    rows = glioma & (data.y_true == 1)
    assert found["estimate"] == pytest.approx(data.is_called[rows].mean())
    assert found["n_images"] == rows.sum()


def test_localization_of_true_positives_and_of_all(built, make_data):
    data = make_data()
    metrics, _ = built
    masked = ~np.isnan(data.dice)
    found = metrics["sections"]["localization"]
    hits = masked & data.is_called
    assert found["true positives with a mask"]["peak_in_mask"]["estimate"] == pytest.approx(
        data.peak_inside[hits].mean()
    )
    assert found["all tumors with a mask"]["dice"]["estimate"] == pytest.approx(
        data.dice[masked].mean()
    )
    assert found["all tumors with a mask"]["dice"]["n_images"] == masked.sum()


def test_single_class_sets_have_no_area(built):
    metrics, folder = built
    by_set = metrics["sections"]["by_set"]
    assert set(by_set["tumors_only"]) == {"sensitivity"}
    assert set(by_set["free_only"]) == {"specificity"}
    line = re.search(r"^\| tumors_only .*$", (folder / "report.md").read_text(), re.M)
    assert line.group().count("| \N{EN DASH} |") >= 1


def test_subgroup_that_is_unknown_throughout_is_left_out(built):
    metrics, _ = built
    assert "by_plane" not in metrics["sections"]
    assert "by_sequence" in metrics["sections"]


def test_controls_stand_beside_the_model(build, make_data):
    data = make_data()
    metrics, folder = build(make_data(control_scores={"width and height only": data.y_true * 0.9}))
    rows = metrics["sections"]["controls"]
    assert list(rows) == ["this model", "width and height only"]
    assert rows["width and height only"]["roc_auc"]["estimate"] == 1
    assert rows["this model"] == {
        name: metrics["sections"]["overall"]["all images"][name] for name in rows["this model"]
    }
    assert "| width and height only |" in (folder / "report.md").read_text()


def test_rows_left_out_are_counted_and_named(build):
    metrics, folder = build(left_out={"a.png": "The file is empty (0 bytes)."})
    assert metrics["left_out"] == {"a.png": "The file is empty (0 bytes)."}
    assert "1 more rows could not be read" in (folder / "report.md").read_text()


def test_markdown_begins_with_the_command_and_says_the_notice(built):
    _, folder = built
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.startswith(f"    {COMMAND}\n")
    assert NOTICE in text
    assert "<b>" not in "".join(text.splitlines(keepends=True)[1:])  # the command is code
    assert {name for name in PICTURES if f"({name})" in text} == PICTURES


def test_table_rows_have_as_many_cells_as_the_header(build, fields, make_data):
    odd = np.where(fields["set"] == "both", "bo|th*", fields["set"])
    _, folder = build(make_data(set=odd))
    counts = []
    for line in (folder / "report.md").read_text().splitlines():
        if line.startswith("|"):
            counts.append(len(re.split(r"(?<!\\)\|", line)))
        elif counts:
            assert len(set(counts)) == 1
            counts = []


def test_page_needs_nothing_but_itself(built):
    _, folder = built
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = _Page(text)
    sources = [image["src"] for image in page.all("img")]
    assert len(sources) == len(PICTURES)
    for source in sources:
        kind, content = source.split(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content).startswith(b"\x89PNG")
    assert not page.all("script") + page.all("link")
    assert not re.search(r"https?://", text)
    assert NOTICE in page.text
    assert COMMAND in page.text
    assert "<b>&" in page.text


def test_page_is_accessible(built):
    _, folder = built
    page = _Page((folder / "report.html").read_text(encoding="utf-8"))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert {attrs.get("scope") for attrs in page.all("th")} == {"col", "row"}
    descriptions = [image["alt"] for image in page.all("img")]
    assert len(set(descriptions)) == len(descriptions)
    assert min(map(len, descriptions)) > 20


def test_pictures_are_drawn(built):
    _, folder = built
    for name in PICTURES:
        with Image.open(folder / name) as picture:
            assert min(picture.size) > 500
            assert len(np.unique(np.asarray(picture.convert("L")))) > 20


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_a_report_without_a_curve(build, make_data, label):
    data = make_data()
    metrics, folder = build(make_data(rows=data.y_true == label))
    assert "roc_auc" not in metrics["sections"]["overall"]["all images"]
    assert not (folder / "roc.png").exists()
    assert (folder / "confusion.png").exists()


def test_without_types_and_masks_their_tables_are_left_out(build, fields, make_data):
    data = make_data(type_true=np.full(300, -1), peak_inside=None, dice=fields["dice"] * np.nan)
    metrics, folder = build(data)
    assert not {"type", "sensitivity_by_type", "localization"} & set(metrics["sections"])
    assert not (folder / "confusion_types.png").exists()


def test_one_image_has_a_report(build, make_data):
    metrics, _ = build(make_data(rows=slice(0, 1)))
    assert metrics["n_images"] == 1


def test_existing_report_is_kept_unless_told(build):
    _, folder = build()
    before = (folder / "metrics.json").read_bytes()
    with pytest.raises(UsageError, match="not empty; add --overwrite"):
        build(title="another")
    assert (folder / "metrics.json").read_bytes() == before
    metrics, _ = build(title="another", overwrite=True)
    assert json.loads((folder / "metrics.json").read_text())["title"] == metrics["title"]


def test_overwriting_touches_nothing_but_the_report(build, make_data):
    _, folder = build()
    (folder / "notes.txt").write_text("mine")
    data = make_data()
    build(make_data(rows=data.y_true == 1), overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "roc.png").exists()  # of the former report


def test_empty_folder_can_be_used(build, tmp_path):
    (tmp_path / "report").mkdir()
    build()


def test_output_that_is_a_file_is_refused(build, tmp_path):
    (tmp_path / "report").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        build(overwrite=True)
    assert (tmp_path / "report").read_text() == "mine"


def test_output_below_a_file_is_a_clear_error(build, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot be written"):
        build(output="file/report")


def test_failure_leaves_no_report_behind(build, monkeypatch, tmp_path):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tumorscope.evaluation.report.plot_scores", fail)
    with pytest.raises(UsageError, match="No space left"):
        build()
    assert list((tmp_path / "report").iterdir()) == []


def test_same_data_same_numbers(built, build):
    again, _ = build(title=built[0]["title"])
    assert again == built[0]


def test_words_never_judge_a_patient(built):
    _, folder = built
    text = ((folder / "report.md").read_text() + (folder / "report.html").read_text()).lower()
    text = re.sub(r"base64,[^\"]*", "", text)
    assert not re.search(r"\b(normal|healthy|diagnos\w*|severity|confidence)\b", text)


@pytest.mark.parametrize(
    ("one", "cell"),
    [
        (Estimate(0.9, 0.8, 0.95, 50, 40, 2000), "0.900 [0.800, 0.950]"),
        (Estimate(1.0, 0.9, 1.0, 50, 40, 2000, "clopper-pearson"), "1.000 [0.900, 1.000] *"),
        (Estimate(0.9, 0.8, 0.95, 50, 4, 2000, "mover"), "0.900 [0.800, 0.950] *"),
        (Estimate(0.9, 0.8, 0.95, 50, 4, 2000), "0.900 [0.800, 0.950] \N{DAGGER}"),
        (Estimate(1.0, np.nan, np.nan, 50, 40, 2000, "none"), "1.000 [no interval]"),
        (None, "\N{EN DASH}"),
    ],
)
def test_cells_say_how_far_to_trust_them(one, cell):
    assert format_estimate(one) == cell
