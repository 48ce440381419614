"""Arrays in, numbers out: metrics with intervals over independent groups."""

from importlib.util import find_spec

from tumorscope.errors import MissingExtraError

if any(find_spec(name) is None for name in ("scipy", "sklearn")):
    raise MissingExtraError(feature="Evaluation", extra="train")
