"""Labels that the images contradict.

In: a labeled collection. Out: suspects with the reason, most suspicious first.
"""
