"""The command line: options in, a recipe or a service called, text out.

Imports everything; nothing imports it.
"""
