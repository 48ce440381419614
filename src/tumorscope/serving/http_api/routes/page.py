"""The built web page, and a word on how to build it where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flask import Blueprint, Response, send_from_directory
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound
from werkzeug.routing import PathConverter

from tumorscope.labels import NOTICE

_INDEX: Final = "index.html"
_UNBUILT: Final = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>tumorscope</title>
<link rel="icon" href="data:,">
<h1>tumorscope</h1>
<p>The service is running, but its web page has not been built.
Build it with <code>make web</code> and load this page again.</p>
<p>The API is described at <a href="docs">/docs</a>.</p>
<p>{NOTICE}</p>
</html>
"""


class _PagePath(PathConverter):
    """Any path but those of the API, whose wrong methods would otherwise be unknown addresses."""

    regex = r"(?!(?:api|docs|metrics|healthz|readyz)(?:/|$))[^/].*?"


def page_blueprint(folder: Path) -> Blueprint:
    """Return the routes of the page.

    Parameters
    ----------
    folder
        That the build wrote: ``index.html`` and ``assets/`` with a hash in each name.
    """
    blueprint = Blueprint("page", __name__)
    blueprint.record(lambda state: state.app.url_map.converters.update(page=_PagePath))

    @blueprint.get("/")
    @blueprint.get("/<page:name>")
    def get_page(name: str = _INDEX) -> ResponseReturnValue:
        """Answer with a file of the page; its views have no addresses of their own here."""
        try:
            return _kept(send_from_directory(folder, name), name)
        except NotFound:
            if name != _INDEX:
                raise
            return Response(_UNBUILT, mimetype="text/html")

    return blueprint


def _kept(response: Response, name: str) -> Response:
    """Let browsers keep what has a hash in its name, and ask again for the rest."""
    hashed = name.startswith("assets/")
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if hashed else "no-cache"
    )
    return response
