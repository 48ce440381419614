"""The files by which the software is cited say what its description says."""

import json
from pathlib import Path

from citing import citing_files

import tumorscope
from tumorscope.labels import NOTICE

ROOT = Path(__file__).parents[2]


def test_committed_files_are_those_of_the_description() -> None:
    for name, text in citing_files(ROOT).items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, name


def test_all_three_name_version_and_licence_and_make_no_claim() -> None:
    files = citing_files(ROOT)
    for text in files.values():
        assert tumorscope.__version__ in text
        assert "Apache-2.0" in text
        assert NOTICE in text
    assert json.loads(files["codemeta.json"])["@type"] == "SoftwareSourceCode"
    assert files["CITATION.cff"].startswith("cff-version: 1.2.0\nmessage: ")
