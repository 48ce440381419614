"""What a verb of training and measuring does from start to end; each reads from top to bottom.

In: paths and settings. Out: files. Imports `training`, `data`, `evaluation`, `model` and what lies
below them.
"""
