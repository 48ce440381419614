"""Let imagededup and cleanvision look for copies in a folder and print the pairs as JSON.

Run by bench_duplicates with ``--peers PYTHON``, the interpreter of an environment of their own:

    python -m venv peers
    peers/bin/pip install cleanvision scikit-learn
    peers/bin/pip install --no-deps imagededup

imagededup imports torch for its neural method, which needs weights from elsewhere and is not
measured; its hashing methods do not, so a stand-in takes the place of torch where it is missing.
"""

import contextlib
import importlib
import itertools
import json
import sys
import time
from pathlib import Path
from unittest import mock

METHODS = ("PHash", "DHash", "AHash", "WHash")


def _stand_in_for_torch():
    try:
        importlib.import_module("torch")
    except ModuleNotFoundError:
        for name in ("torch", "torch.utils", "torch.utils.data", "torchvision"):
            sys.modules[name] = mock.MagicMock()
        for name in ("torchvision.models", "torchvision.transforms"):
            sys.modules[name] = mock.MagicMock()


def imagededup_pairs(folder, method):
    """Return the pairs that a hashing method finds at its default distance."""
    _stand_in_for_torch()
    hasher = getattr(importlib.import_module("imagededup.methods"), method)(verbose=False)
    found = hasher.find_duplicates(image_dir=str(folder), num_enc_workers=0, num_dist_workers=0)
    return {tuple(sorted((one, other))) for one, others in found.items() for other in others}


def cleanvision_pairs(folder):
    """Return the pairs of its exact and near duplicates, with its defaults."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder))
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
    sets = [group for kind in ("exact_duplicates", "near_duplicates")
            for group in lab.info[kind]["sets"]]  # fmt: skip
    names = [sorted(Path(path).name for path in group) for group in sets]
    return {pair for group in names for pair in itertools.combinations(group, 2)}


def main():
    """Print, for each tool, its pairs of names and its processor time."""
    folder = Path(sys.argv[1])
    runs = {f"imagededup {one}": (imagededup_pairs, folder, one) for one in METHODS}
    runs["cleanvision"] = (cleanvision_pairs, folder)
    answers = {}
    for name, (find, *arguments) in runs.items():
        began = time.process_time()
        with contextlib.redirect_stdout(sys.stderr):
            pairs = find(*arguments)
        answers[name] = {"pairs": sorted(pairs), "seconds": time.process_time() - began}
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
