import subprocess
import sys

import pytest

CODE = """
import sys
sys.modules["{missing}"] = None
from tumorscope.errors import MissingExtraError
try:
    import tumorscope.evaluation.{module}
except MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("missing", "module"),
    [("matplotlib", "plots"), ("scipy", "intervals"), ("sklearn", "intervals")],
)
def test_missing_library_names_the_extra(missing, module):
    code = CODE.format(missing=missing, module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'tumorscope[train]'" in done.stdout


def test_leaks_and_labels_need_the_extra_data_alone():
    code = """
import sys
for name in ("keras", "tensorflow", "matplotlib", "tqdm", "onnx"):
    sys.modules[name] = None
import tumorscope.audit.labels.audit, tumorscope.audit.leakage.audit
print("found")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "found"
