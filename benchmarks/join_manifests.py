"""One manifest of several.

    python -m benchmarks.join_manifests ONE.csv OTHER.csv --output ALL.csv

Columns that one of them lacks are left empty there. A path that two of them name is refused: the
same image would count twice.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from tumorscope.system.files import check_output, whole_file


def main() -> None:
    """Write the joined manifest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    check_output(options.output, overwrite=False)
    rows = [row for path in options.manifests for row in _rows(path)]
    seen: set[tuple[str, str]] = set()
    for row in rows:
        place = (row["path"], row.get("slice_index") or "")
        if place in seen:
            raise SystemExit(f"{place[0]} is in two of the manifests; take it out of one.")
        seen.add(place)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with whole_file(options.output, "w") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} rows of {len(options.manifests)} manifests are in {options.output}")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    main()
