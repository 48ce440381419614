"""What stands on both sides of a split, and what it is worth in points of AUROC.

In: two collections, and probabilities where there are some. Out: pairs and de-leaked figures.
"""
