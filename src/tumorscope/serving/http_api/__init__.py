"""The HTTP service.

A request passes `edge` (is it let in?), `routes` (what does it ask?) and `jobs` (its answer); what
it may be is said in `schemas`, and `base` holds settings, logs, metrics and problems. Each room
imports only those below it.
"""
