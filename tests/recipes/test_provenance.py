"""What a run says of itself, and what it keeps to itself."""

import pytest

from tumorscope.recipes.provenance import without_folders


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        (
            "tumorscope evaluate /home/jane/split.csv --root ../data --split test",
            "tumorscope evaluate split.csv --root data --split test",
        ),
        (
            "tumorscope evaluate --model=/a/b.tumorscope 'C:\\Scans\\a b'",
            "tumorscope evaluate --model=b.tumorscope 'a b'",
        ),
        (
            "tumorscope evaluate scans/ --patient-pattern 'p/(\\d+)/' --labels a/b=1",
            "tumorscope evaluate scans --patient-pattern 'p/(\\d+)/' --labels a/b=1",
        ),
    ],
)
def test_a_command_in_an_artifact_names_files_alone(command: str, kept: str) -> None:
    assert without_folders(command) == kept
