"""Let imagededup and cleanvision look for copies in a folder and print the pairs as JSON.

Run by bench_duplicates with ``--peers PYTHON``, the interpreter of an environment of their own:

    python -m venv peers
    peers/bin/pip install cleanvision scikit-learn
    peers/bin/pip install --no-deps imagededup

imagededup imports torch for its neural method, which needs weights from elsewhere and is not
measured; its hashing methods do not, so a stand-in takes the place of torch where it is missing.
"""

import contextlib
import importlib.abc
import importlib.machinery
import itertools
import json
import resource
import sys
import types
from pathlib import Path
from unittest import mock

_CLASSES = ("DataLoader", "Dataset", "Module", "Tensor")
METHODS = ("PHash", "DHash", "AHash", "WHash")


class _Anything(types.ModuleType):
    """A module in which every name is there and does nothing."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {}) if name in _CLASSES else mock.MagicMock()


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds torch and torchvision, and everything in them."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Anything(spec.name)

    def exec_module(self, module):
        """Do nothing: there is nothing to run."""


def _stand_in_for_torch():
    try:
        importlib.import_module("torch")
    except ModuleNotFoundError:
        importlib.import_module("sklearn.metrics.pairwise")  # looks for torch when it is loaded
        sys.meta_path.append(_StandIn())


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


def _processor_time():
    """Return seconds of this process and of those it has started and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main():
    """Print, for each tool, its pairs of names and its processor time."""
    folder = Path(sys.argv[1])
    runs = {f"imagededup {one}": (imagededup_pairs, folder, one) for one in METHODS}
    runs["cleanvision"] = (cleanvision_pairs, folder)
    answers = {}
    for name, (find, *arguments) in runs.items():
        began = _processor_time()
        with contextlib.redirect_stdout(sys.stderr):
            pairs = find(*arguments)
        answers[name] = {"pairs": sorted(pairs), "seconds": _processor_time() - began}
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
