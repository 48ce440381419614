"""The reference pages describe every field and column that there is."""

from pathlib import Path

from tumorscope.data.manifest import COLUMNS, REQUIRED_COLUMNS
from tumorscope.labels import PLANES, SPLITS, TUMOR_TYPES
from tumorscope.model.artifact import read_artifact

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def text_of(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def test_every_column_of_a_manifest_is_described() -> None:
    text = text_of("manifest.md")
    columns = text.partition("## Columns")[2].partition("## Which command")[0]
    for name in COLUMNS:
        assert f"`{name}`" in columns, name
    for name in REQUIRED_COLUMNS:
        assert f"| `{name}` | required |" in columns, name
    for value in (*PLANES, *SPLITS, *TUMOR_TYPES):
        assert f"`{value}`" in columns, value


def test_every_field_of_an_artifact_is_described() -> None:
    text = text_of("artifact.md")
    for name in read_artifact().manifest.to_dict():
        assert f"`{name}`" in text, name
