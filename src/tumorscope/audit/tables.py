"""Tables of findings, in CSV or Parquet by the name of the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tumorscope.data.manifest import write_table
from tumorscope.errors import needs_extra
from tumorscope.system.files import check_output, whole_file


def save_table(
    path: Path,
    columns: Sequence[str],
    table: Iterable[Mapping[str, Any]],
    *,
    overwrite: bool = False,
) -> None:
    """Write rows whole or not at all: Parquet if the name ends in ``.parquet``, CSV elsewhere.

    In Parquet numbers and truth values keep their types; in CSV what is unknown is empty.

    Raises
    ------
    UsageError
        If the file exists and ``overwrite`` is false, or its folder does not exist.
    MissingExtraError
        If Parquet is asked for and not installed.
    """
    if path.suffix.lower() != ".parquet":
        write_table(path, columns, table, overwrite=overwrite)
        return
    with needs_extra("Parquet", "data"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    check_output(path, overwrite=overwrite)
    rows = list(table)
    arrays = {column: pa.array([row.get(column) for row in rows]) for column in columns}
    with whole_file(path) as stream:
        pq.write_table(pa.table(arrays), stream)


def save_thresholds(path: Path, thresholds: Mapping[str, Any]) -> None:
    """Record the thresholds beside the measurements that they were applied to."""
    path.write_text(json.dumps(thresholds, indent=2, sort_keys=True) + "\n", encoding="utf-8")
