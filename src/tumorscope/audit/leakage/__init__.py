"""Images on both sides of a split, and how much they raise the AUROC.

In: two collections, and probabilities where there are some. Out: pairs and de-leaked figures.
"""
