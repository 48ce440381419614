"""The artifact and inference with it: sessions, calibration, evidence, series.

In: scans. Out: answers (:mod:`tumorscope.answer`). Imports `answer`, `imaging` and what lies below
them, never `training`, `audit`, `data` or `evaluation`.
"""
