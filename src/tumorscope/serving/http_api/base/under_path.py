"""The service behind a proxy that shows it under a path, such as ``https://host/tumorscope/``.

The path is what the service was started with (``--root-path``) or what a trusted proxy says in
``X-Forwarded-Prefix``. It is put before every address that the service tells, and taken off
addresses that arrive with it, so that it makes no difference whether the proxy strips it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from tumorscope.errors import UsageError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOLD: Final = "tumorscope.path-is-told"
"""In the environment of a request whose path in front of the service is known, even if empty."""

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]{1,64}){1,8}")
_ROUTES: Final = ("/api/v1", "/assets", "/docs", "/healthz", "/metrics", "/readyz")
"""How the service's own addresses begin."""

_DOTS: Final = re.compile(r"/\.{1,2}(?=/|$)")


def check_path(path: str) -> str:
    """Return a path as ``/a/b``, or an empty string for the root.

    Raises
    ------
    UsageError
        If it holds anything but plain segments, or an address of the service begins with it: it
        could not be told whether the proxy has stripped it.
    """
    stripped = path.rstrip("/")
    if stripped and (not _PATH.fullmatch(stripped) or _DOTS.search(stripped)):
        raise UsageError(
            f"{path!r} cannot be the path of the service; give one such as /tumorscope: letters, "
            "digits, '.', '_', '~' and '-' between slashes."
        )
    if stripped and any(_meet(stripped, route) for route in _ROUTES):
        raise UsageError(
            f"{path!r} cannot be the path of the service, whose own addresses begin so; give "
            "another one, such as /tumorscope."
        )
    return stripped


def _meet(one: str, other: str) -> bool:
    """Tell whether one path lies under the other."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


class UnderPath:
    """WSGI application in front of another.

    Parameters
    ----------
    app
        Answers as if there were no path, but for the addresses that it tells.
    root_path
        Under which the service is always shown; empty where only a proxy knows.
    proxies
        Addresses whose ``X-Forwarded-Prefix`` is believed.
    """

    def __init__(
        self, app: WSGIApplication, *, root_path: str = "", proxies: tuple[str, ...] = ()
    ) -> None:
        self._app = app
        self._root_path = root_path
        self._proxies = proxies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        prefix = self._root_path or self._forwarded(environ)
        if prefix:
            path = environ.get("PATH_INFO", "")
            if path == prefix:
                return _add_slash(environ, start_response)
            if path.startswith(f"{prefix}/"):
                environ["PATH_INFO"] = path.removeprefix(prefix)
            environ["SCRIPT_NAME"] = prefix
            environ[TOLD] = True
        return self._app(environ, start_response)

    def _forwarded(self, environ: WSGIEnvironment) -> str:
        """Return what a trusted proxy says; of several, the one nearest to the service."""
        said = environ.get("HTTP_X_FORWARDED_PREFIX")
        if not said or not self._is_trusted(environ.get("REMOTE_ADDR", "")):
            return ""
        try:
            return check_path(said.rpartition(",")[2].strip())
        except UsageError:
            return ""

    def _is_trusted(self, address: str) -> bool:
        return any(_matches(address, proxy) for proxy in self._proxies)


def check_proxies(proxies: Iterable[str]) -> None:
    """Raise UsageError if one is neither an address nor a network."""
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError as error:
            raise UsageError(
                f"{proxy!r} is not the address of a proxy; give one such as 10.0.0.2 or 10.0.0.0/8."
            ) from error


def _matches(address: str, proxy: str) -> bool:
    try:
        arrived = ipaddress.ip_address(address)
        mapped = getattr(arrived, "ipv4_mapped", None)  # where the service listens on ::
        return (mapped or arrived) in ipaddress.ip_network(proxy, strict=False)
    except ValueError:
        return False


def _add_slash(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Lead to the folder, against whose address the page's own are read."""
    query = environ.get("QUERY_STRING", "")
    location = f"{environ['PATH_INFO']}/" + (f"?{query}" if query else "")
    start_response("308 PERMANENT REDIRECT", [("Location", location), ("Content-Length", "0")])
    return [b""]
