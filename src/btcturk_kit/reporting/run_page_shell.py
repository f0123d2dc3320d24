"""One self-contained file of HTML: styles, scripts and data inside, and nothing from anywhere else.

The page's own policy names the hashes of its style and its scripts, so that a browser runs nothing
that was smuggled in with a name, and asks no network. Never add: an inline handler, a link to a
file or an address.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files

__all__ = ["page_document", "page_file"]


@cache
def page_file(name: str) -> str:
    """Return the text of a file beside this module: `folder/file`; it is read once."""
    return files("btcturk_kit.reporting").joinpath(*name.split("/")).read_text("utf-8")


def page_document(
    title: str,
    body: str,
    *,
    styles: Sequence[str],
    scripts: Sequence[str] = (),
    data: Mapping[str, object] | None = None,
) -> str:
    """Return a page.

    Args:
        title: Of the window; any text.
        body: Markup in which every text is escaped already.
        styles: Files of styles.
        scripts: Files of scripts, run in order after the body.
        data: What the scripts find as JSON in the element `data`.
    """
    style = "\n".join(map(page_file, styles))
    programs = [page_file(one) for one in scripts]
    sources = " ".join(map(_source, programs)) or "'none'"
    policy = (
        f"default-src 'none'; script-src {sources}; style-src {_source(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title)}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        body,
    ]
    if data is not None:
        parts.append(f'<script type="application/json" id="data">{_json_text(data)}</script>')
    parts += [f"<script>{one}</script>" for one in programs]
    return "\n".join([*parts, "</body>", "</html>", ""])


def _source(text: str) -> str:
    """Return the source expression that allows exactly this text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json_text(data: Mapping[str, object]) -> str:
    """Return JSON that ends no element, whatever texts are in it."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
