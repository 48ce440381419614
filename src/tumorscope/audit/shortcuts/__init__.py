"""Features that predict the class without the anatomy: size, border, gray range, compression.

In: a labeled collection. Out: the AUROC of each such feature, with its interval.
"""
