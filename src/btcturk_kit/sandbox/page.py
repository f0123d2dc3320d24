"""The page of a running exchange: its files, and the headers it is sent with.

The page holds no secret, so it needs no token; what it shows comes from the control interface,
which asks for one. Never add: HTTP, what the page shows (`overview`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

__all__ = ["PAGE_HEADERS", "PAGE_PATHS", "PageFile", "page_file"]

PAGE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Nothing but the files of the page and its own origin; and no text ever becomes markup,
        # because the browser refuses every way of turning it into some.
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
)
"""What every file of the page is sent with."""

_SCRIPT: Final = "text/javascript; charset=utf-8"

_FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", _SCRIPT),
    "/link.js": ("link.js", _SCRIPT),
    "/board.js": ("board.js", _SCRIPT),
    "/chart.js": ("chart.js", _SCRIPT),
    "/write.js": ("write.js", _SCRIPT),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

PAGE_PATHS: Final = tuple(_FILES)
"""Where the files of the page are."""


class PageFile(NamedTuple):
    """One file of the page."""

    body: bytes
    content_type: str


@cache
def page_file(path: str) -> PageFile:
    """Return the file at one of `PAGE_PATHS`; it is read once.

    Raises:
        KeyError: The page has no such path.

    Example:
        >>> page_file("/").content_type
        'text/html; charset=utf-8'
    """
    name, content_type = _FILES[path]
    body = files("btcturk_kit.sandbox").joinpath("page_files", name).read_bytes()
    return PageFile(body, content_type)
