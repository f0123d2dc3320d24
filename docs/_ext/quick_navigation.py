"""Draw the navigation beside each page from titles alone, so that a build does not take minutes.

The theme asks for titles only, page by page; Sphinx copies every entry of every page, thousands of
them of the API reference, before it takes the titles. The result is the same to the byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace what the theme calls; runs before the theme, whose priority is 500."""
    titles: dict[str, nodes.bullet_list] = {}

    def prepare(_app: Sphinx, env: BuildEnvironment) -> None:
        titles.update({name: _titles_of(toc) for name, toc in env.tocs.items()})

    def replace(
        app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object
    ) -> None:
        whole = context.get("toctree")
        if whole is None:
            return

        def toctree(**options: object) -> str:
            if not options.get("titles_only"):
                return str(whole(**options))
            kept, app.env.tocs = app.env.tocs, titles
            try:
                return str(whole(**options))
            finally:
                app.env.tocs = kept

        context["toctree"] = toctree

    app.connect("env-check-consistency", prepare)
    app.connect("html-page-context", replace, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _titles_of(toc: nodes.bullet_list) -> nodes.bullet_list:
    """Return the title of a page and the pages below it, without its sections and entries."""
    found = toc.copy()
    for item in toc.children:
        kept = item.copy()
        kept.append(item[0].deepcopy())
        if below := [node.deepcopy() for node in item.findall(addnodes.toctree)]:
            kept.append(nodes.bullet_list("", *below))
        found.append(kept)
    return found
