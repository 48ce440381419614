"""One manifest of several.

    python -m benchmarks.join_manifests ONE.csv OTHER.csv --output ALL.csv

Columns that one of them lacks are left empty there. An image that stands twice in them is refused:
it would count twice.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tumorscope.errors import UsageError
from tumorscope.system.csv_rows import read_rows
from tumorscope.system.files import check_output, whole_file

PLACE: Final = ("path", "slice_index", "plane")
"""What names an image, or a slice of a volume."""


def main() -> None:
    """Write the joined manifest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    check_output(options.output, overwrite=False)
    rows = [row for path in options.manifests for row in _rows(path)]
    counts = Counter(tuple(row.get(name, "") for name in PLACE) for row in rows)
    for place, count in counts.items():
        if count > 1:
            raise SystemExit(
                f"{place[0]} is in these manifests {count} times; leave one row of it."
            )
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with whole_file(options.output, "w") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} rows of {len(options.manifests)} manifests are in {options.output}")


def _rows(path: Path) -> list[dict[str, str]]:
    return [cells for _, cells in read_rows(path, _check_columns, error=UsageError)]


def _check_columns(names: Sequence[str]) -> None:
    if "path" not in names:
        raise SystemExit(f"A manifest has a column path; received {', '.join(names)}.")


if __name__ == "__main__":
    main()
