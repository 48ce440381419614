"""The artifact and what it answers: sessions, calibration, evidence, series.

In: scans. Out: answers (:mod:`tumorscope.answer`). Imports `imaging` and `answer`, never the
laboratory.
"""
