"""The DICOM node: receives, answers, writes the answers down.

In: associations. Out: lines of answers.
"""
