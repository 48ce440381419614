"""What Schemathesis uploads: scans, damaged scans and any bytes."""

import schemathesis
from hypothesis import strategies as st

from tests.serving.made_scans import FORMATS, made

_WHOLE = st.sampled_from(sorted(FORMATS)).map(made)
_CUT = st.builds(lambda content, end: content[:end], _WHOLE, st.integers(0, 2000))

schemathesis.openapi.format("binary", st.one_of(_WHOLE, _CUT, st.binary(max_size=64)))
