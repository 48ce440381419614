"""The programs of docs, as modules."""

import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
if str(DOCS) not in sys.path:  # as when they run as programs
    sys.path.insert(0, str(DOCS))
