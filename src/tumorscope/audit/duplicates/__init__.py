"""Copies of an image: cropped, mirrored, rotated or re-encoded.

In: images of a collection. Out: pairs with their evidence, and a page that shows them.
"""
