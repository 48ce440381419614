import tests.docs  # noqa: F401  docs/tables.py can be imported
