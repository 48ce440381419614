"""The command line; every verb only translates between the terminal and the rooms below."""
