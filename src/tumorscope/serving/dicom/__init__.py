"""The DICOM node: receives, answers, stores the answers.

In: associations. Out: lines of answers.
"""
