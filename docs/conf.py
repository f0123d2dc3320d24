"""How the documentation is built. Warnings are errors; nothing is fetched from the network."""

from __future__ import annotations

import sys
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "btcturk-kit"
author = "the btcturk-kit authors"
copyright = "the btcturk-kit authors"
release = distribution_version("btcturk-kit")
version = release

extensions = [
    "api_pages",
    "myst_parser",
    "quick_navigation",
    "quirk_pages",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
OTHER_PROJECTS = (
    *("asyncio", "collections", "concurrent", "contextlib", "dataclasses", "datetime", "decimal"),
    *("enum", "mmap", "os", "pathlib", "socket", "sqlite3", "types", "typing", "zoneinfo"),
    *("click", "httpx2", "msgspec", "pluggy", "pydantic", "pydantic_settings", "starlette"),
    *("structlog", "typer", "typing_extensions", "uvicorn", "websockets"),
)
# Types of other projects, and annotations that stand as text in a signature: the documentation of
# other projects is not ours, and a build needs no network. References in pages are all checked.
nitpick_ignore_regex = [
    (
        r"py:.*",
        rf"({'|'.join(OTHER_PROJECTS)})(\..*)?",
    ),
    (r"py:class", r"[A-Z]\w*"),
    (r"py:class", r"array"),  # of array
    (r"py:class", r"date"),  # of datetime
    (r"py:.*", r".*\._\w+"),  # private names, as bases of public ones
    (r"py:class", r"_[A-Z]\w*"),  # private aliases, and the parameters of a decorated function
    (r"py:class", r"tuple\[\w+"),  # a signature with a default `<factory>` is cut at its commas
    (r"py:class", r"btcturk_kit\.settings\.Settings"),  # its reference is the page of settings
    (r"py:exc", r"ConnectionClosed"),  # of websockets, as its users write it
    # Members of this enumeration, in the type of an argument; they have no entries of their own.
    (r"py:attr", r"btcturk_kit\.wire\.pacing\.Endpoint\.[A-Z_]+"),
]
default_role = "code"

# A class's name in an annotation that stands as text may be the name of two classes; a page names a
# class in full.
suppress_warnings = ["ref.python"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# A default stands as it is written: evaluated, `environ=os.environ` publishes what the builder has.
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# Examples in docstrings run in the tests, in the namespace of their module; here only the
# examples that pages mark as such are run.
doctest_test_doctest_blocks = ""

html_theme = "furo"
html_title = f"btcturk-kit {release}"


def setup(app: Sphinx) -> None:
    """Prepare docstrings for reStructuredText; runs before napoleon, whose priority is 500."""
    app.connect("autodoc-process-docstring", _prepare, priority=400)


def _prepare(
    _app: Sphinx, what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    if what == "module":
        # Indented parts of a module head are drawings: keep their lines as they are.
        is_drawing = False
        for index in range(len(lines) - 1, -1, -1):
            is_indented = lines[index].startswith("    ")
            if is_indented:
                is_drawing = True
            elif is_drawing and not lines[index].strip():
                continue
            elif is_drawing:
                lines[index + 1 : index + 1] = ["", "::", ""]
                is_drawing = False
    elif what in {"attribute", "property", "data"} and lines:
        # Without the empty comment napoleon reads "Places of a cost: ..." as a type and a text.
        lines[:0] = ["..", ""]
