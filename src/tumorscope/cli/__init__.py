"""The command line: options in, text out.

Imports everything; nothing imports it.
"""
