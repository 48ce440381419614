"""What tells the class without looking at the anatomy: size, border, grey range, compression.

In: a labeled collection. Out: the AUROC of each non-anatomical feature, with its interval.
"""
