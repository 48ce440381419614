"""The HTTP service.

A request passes through `edge` (admission), `routes` (parsing) and `jobs` (inference); `schemas`
defines its shape, and `base` holds settings, logs, metrics and problems. From the top: `routes`,
`jobs`, `edge`, `schemas`, `base`; each imports only those below it.
"""
