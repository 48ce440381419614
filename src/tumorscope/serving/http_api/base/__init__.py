"""Settings, logs, metrics, keys and problems: what all other rooms of the service need."""
