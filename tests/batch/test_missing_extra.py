"""Without the extra the command says what to install, and nothing else needs it."""

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import sys
sys.modules[{name!r}] = None
sys.argv = ["tumorscope", *{words!r}]
from tumorscope.cli.main import main
main()
"""


@pytest.mark.parametrize("name", ["pyarrow", "fsspec"])
def test_the_error_names_the_extra(name: str, tmp_path: Path) -> None:
    words = ["batch", str(tmp_path), "--output", str(tmp_path / "t.parquet")]
    program = WITHOUT.format(name=name, words=words)
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "pip install 'tumorscope[scale]'" in run.stderr
    assert list(tmp_path.iterdir()) == []
