"""Copies of a picture under other names: cropped, mirrored, turned, re-saved.

In: pictures of a collection. Out: pairs with their evidence, and a page that shows them.
"""
