"""Which processor a measurement was made on."""

from __future__ import annotations

from tumorscope.system.machine import describe_processor as processor

__all__ = ["processor"]
