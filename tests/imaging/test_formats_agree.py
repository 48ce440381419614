"""Everything that knows formats knows them from the one table."""

import re
from pathlib import Path

from tests.imaging.made_files import FILES, nifti, raster
from tumorscope.data.collection import open_collection
from tumorscope.imaging.formats.__main__ import typescript
from tumorscope.imaging.formats.table import (
    FORMATS,
    PICTURE_ENDINGS,
    READ_NAMES,
    SLICE_ENDINGS,
    VOLUME_ENDINGS,
    by_name,
    is_named_as_scan,
    is_named_as_volume,
    recognize,
)
from tumorscope.imaging.inputs.read import read_scans
from tumorscope.imaging.scan import Scan
from tumorscope.serving.http_api.routes.model_card import FORMATS as CARD

ROOT = Path(__file__).parents[2]
READ = (*PICTURE_ENDINGS, *SLICE_ENDINGS, *VOLUME_ENDINGS)


def test_every_format_that_is_read_has_a_reader_and_a_made_file() -> None:
    made = {recognize(content).name for content in (make() for make in FILES.values())}  # type: ignore[union-attr]
    assert made - {"gzip"} == set(READ_NAMES)
    for one in FORMATS:
        if one.reader is not None:
            assert callable(one.load_reader())
        else:
            assert one.advice, one.name


def test_every_ending_names_its_format() -> None:
    for one in FORMATS:
        for ending in one.all_endings:
            found = by_name(f"folder.x\\a{ending.upper()}")
            assert found is not None
            assert found.name == one.name
            assert is_named_as_scan(f"a{ending}")


def test_curation_looks_at_what_predict_reads(tmp_path: Path) -> None:
    for number, content in enumerate(make() for make in FILES.values()):
        (tmp_path / f"IM{number:04d}").write_bytes(content)
    for ending in READ:
        content = nifti() if ending in VOLUME_ENDINGS else raster("PNG")
        (tmp_path / f"named{ending}").write_bytes(content)
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "DICOMDIR").write_text("words")
    answered = {Path(one.source).name for one in read_scans(tmp_path) if isinstance(one, Scan)}
    curated = {row.path for row in open_collection(tmp_path).rows}
    assert curated == answered
    assert answered == {path.name for path in tmp_path.iterdir()} - {"notes.txt", "DICOMDIR"}


def test_volumes_are_those_of_the_table() -> None:
    assert all(is_named_as_volume(f"a{ending}") for ending in VOLUME_ENDINGS)
    assert not any(
        is_named_as_volume(f"a{ending}") for ending in (*PICTURE_ENDINGS, *SLICE_ENDINGS)
    )


def test_model_card_and_page_agree() -> None:
    assert (*READ_NAMES, "zip") == CARD
    stored = (ROOT / "web" / "src" / "domain" / "formats.gen.ts").read_text()
    assert stored == typescript(), (
        "run: python -m tumorscope.imaging.formats > web/src/domain/formats.gen.ts"
    )


def test_documents_name_every_format() -> None:
    page = (ROOT / "docs" / "reference" / "formats.md").read_text()
    read, _, unread = page.partition("Not read, with an error that names it:")
    for one in FORMATS:
        first = re.split(r"[ (]", one.name)[0] if one.name.startswith("MINC") else one.name
        first = first.split(" (")[0].split(" or ")[0]
        if one.is_read:
            assert first in read, one.name
            for ending in one.endings if one.kind == "volume" else ():
                assert f"`{ending}`" in read, ending
        elif one.name != "gzip":
            assert first in unread, one.name
    readme = (ROOT / "README.md").read_text()
    assert all(name in readme for name in READ_NAMES)
