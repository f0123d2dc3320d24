"""Fill the page of quirks from the list that the package ships, so that it cannot be out of date.

`<!-- quirks -->` becomes a section for each quirk, `<!-- facts -->` the table of what is known.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from btcturk_kit.sandbox.quirk_book import FactEntry, QuirkEntry, facts, quirks

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill in the page as it is read."""
    app.connect("source-read", _fill_in)
    return {"parallel_read_safe": True}


def _fill_in(_app: Sphinx, docname: str, source: list[str]) -> None:
    if docname != "reference/quirks":
        return
    sections = "\n\n".join(map(_section, quirks()))
    source[0] = source[0].replace("<!-- quirks -->", sections).replace("<!-- facts -->", _facts())


def _section(quirk: QuirkEntry) -> str:
    rows = [f"| `{name}` | {_cell(text)} |" for name, text in quirk.readings.items()]
    money = " Changes what orders do." if quirk.is_money else ""
    return "\n".join(
        [
            f"### `{quirk.name}`",
            "",
            f"{quirk.about} ({quirk.fact}; seen {quirk.seen}; {_sources(quirk.source)}){money}",
            "",
            "| Reading | Means |",
            "| --- | --- |",
            *rows,
        ]
    )


def _facts() -> str:
    head = ["| Fact | What is known | Here |", "| --- | --- | --- |"]
    rows = [
        f"| {one.fact} | {_cell(one.says)} {_sources(one.source)} | {_here(one)} |"
        for one in facts()
    ]
    return "\n".join(head + rows)


def _here(fact: FactEntry) -> str:
    words = [_cell(fact.here)]
    words += [f"Quirks: {', '.join(f'`{name}`' for name in fact.quirks)}."] if fact.quirks else []
    for one in fact.play:
        fields = json.dumps(one["fields"], separators=(", ", ": "))
        words.append(f"`{one['control']}` with `{fields}`")
    return " ".join(words)


def _sources(sources: tuple[str, ...]) -> str:
    links = [f"<{one}>" if one.startswith("http") else _cell(one) for one in sources]
    return ", ".join(links)


def _cell(text: str) -> str:
    """Return a text that does not end the cell it stands in."""
    return text.replace("|", "\\|").replace("\n", " ")
