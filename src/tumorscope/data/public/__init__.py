"""Public collections: what is known of each, how it is downloaded and converted."""
