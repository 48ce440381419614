"""Public sets: downloaded where the license allows and checked by hash, converted, listed.

In: names of sets. Out: folders with images, masks and a manifest.
"""
