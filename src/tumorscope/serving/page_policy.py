"""What a page of ours may do in a browser: load and run what comes from its own server alone."""

from __future__ import annotations

from typing import Final

NO_FRAMES: Final = "frame-ancestors 'none'"
"""Of a header; where a page says its policy itself, browsers do not heed it."""


def content_security_policy(*, scripts: str = "'self'") -> str:
    """Return a content security policy.

    Parameters
    ----------
    scripts
        Where scripts may come from, and what else they may do.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            # Component libraries set style attributes; scripts cannot hide in them.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
