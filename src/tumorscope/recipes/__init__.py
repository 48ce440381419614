"""The glue: each recipe joins data, training, model and evaluation, and reads top to bottom."""
