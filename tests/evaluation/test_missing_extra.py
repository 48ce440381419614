import subprocess
import sys

import pytest

CODE = """
import sys
sys.modules["{missing}"] = None
from tumorscope.errors import MissingExtraError
try:
    import tumorscope.evaluation.intervals
except MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize("missing", ["matplotlib", "scipy", "sklearn"])
def test_missing_library_names_the_extra(missing):
    code = CODE.format(missing=missing)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'tumorscope[train]'" in done.stdout
