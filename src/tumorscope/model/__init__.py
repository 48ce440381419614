"""The artifact and the classifier: all that serving needs, without a training framework."""
