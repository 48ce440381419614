"""Check the licences of what is installed beside tumorscope, and name those that are not known.

    python deploy/supply/licenses.py [LOCK]

With a lock file only what it names is looked at. Exit code 1: something has a licence that is
not on the list, or none; 2: something of the lock file is not installed, so nothing can be said.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Final

ALLOWED: Final = re.compile(
    r"^((the )?(mit|bsd|apache|isc|psf|python software foundation|unicode|cc0|new bsd)\b.*|mit-cmu|"
    r"hpnd|mpl-2\.0|mozilla public license 2\.0.*|zlib|0bsd|unlicense|public domain|3-clause bsd.*|"
    r"simplified bsd)$",
    re.IGNORECASE,
)
"""Permissive ones, and MPL 2.0, which asks nothing of who does not change its files."""

KNOWN: Final = {
    "pynrrd": "MIT",
    "python-gdcm": "BSD-3-Clause",
    "matplotlib": "PSF-2.0",
    "pillow": "MIT-CMU",
    "pydicom": "MIT and BSD-3-Clause",
}
"""Looked up by hand where a package says it in words of its own."""


def main() -> int:
    """Print a table; return the exit code."""
    names = _locked(Path(sys.argv[1])) if len(sys.argv) > 1 else None
    missing, unknown = [], []
    for name in names or sorted(one.metadata["Name"].lower() for one in distributions()):
        try:
            found = distribution(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        licence = KNOWN.get(name.lower()) or _licence(found)
        print(f"{name:32} {found.version:16} {licence}")
        if name.lower() not in KNOWN and not _is_allowed(licence):
            unknown.append(f"{name} ({licence or 'none named'})")
    if missing:
        print(f"not installed, so not checked: {', '.join(missing)}", file=sys.stderr)
    if unknown:
        print(f"not on the list: {', '.join(unknown)}", file=sys.stderr)
        return 1
    return 2 if missing else 0


def _locked(lock: Path) -> list[str]:
    """Return the packages of a lock file that are for this platform."""
    lines = re.findall(r"^([\w.-]+)==\S+(?: ; ([^\\\n]+))?", lock.read_text(encoding="utf-8"), re.M)
    return [name for name, marker in lines if not marker or _applies(marker)]


def _applies(marker: str) -> bool:
    from packaging.markers import Marker

    return Marker(marker.strip()).evaluate()


def _licence(found: Distribution) -> str:
    metadata = found.metadata
    if said := metadata.get("License-Expression"):
        return str(said)
    classes = metadata.get_all("Classifier") or []
    kinds = [one.split(" :: ")[-1] for one in classes if one.startswith("License ::")]
    text = str(metadata.get("License") or "").strip()
    return " AND ".join(kinds) or (text.splitlines()[0] if text else "")


def _is_allowed(licence: str) -> bool:
    parts = [one.strip(" ()") for one in re.split(r"\b(?:AND|OR)\b|;|,|\bwith\b", licence)]
    return bool(licence) and all(ALLOWED.match(part) for part in parts if part)


if __name__ == "__main__":
    raise SystemExit(main())
