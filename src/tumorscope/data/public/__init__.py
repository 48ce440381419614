"""Public sets: downloaded by hash where they may be, converted, listed as a manifest.

In: names of sets. Out: folders with pictures, masks and a manifest.
"""
