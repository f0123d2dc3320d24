"""Fill the pages of the API reference from the package itself, so that none can be out of date.

`<!-- modules of domain -->` becomes a section for each module of that package, and
`<!-- public names -->` the table of what `from btcturk_kit import ...` gives.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from typing import TYPE_CHECKING

import btcturk_kit

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]

_SECTION = """
## `{short}`

```{{eval-rst}}
.. automodule:: {name}
```
"""


def setup(app: Sphinx) -> dict[str, bool]:
    """Fill in the pages as they are read."""
    app.connect("source-read", _fill_in)
    return {"parallel_read_safe": True}


def _fill_in(_app: Sphinx, docname: str, source: list[str]) -> None:
    if not docname.startswith("reference/api/"):
        return
    text = re.sub(r"<!-- modules of (\S+) -->", lambda found: _sections(found[1]), source[0])
    source[0] = text.replace("<!-- public names -->", _public_names())


def _sections(name: str) -> str:
    """Return one section per public module of a package, or the one of a module."""
    top = import_module(f"btcturk_kit.{name}")
    if not hasattr(top, "__path__"):
        return _SECTION.format(short=name, name=top.__name__)
    return "".join(
        _SECTION.format(short=module.name.removeprefix("btcturk_kit."), name=module.name)
        for module in pkgutil.walk_packages(top.__path__, f"{top.__name__}.")
        if not module.ispkg and not module.name.rpartition(".")[2].startswith("_")
    )


def _public_names() -> str:
    rows = ["| Name | What it is |", "| --- | --- |"]
    for name in getattr(btcturk_kit, "__all__", ()):
        value = getattr(btcturk_kit, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            head = (inspect.getdoc(value) or "").partition("\n")[0].replace("|", "or")
            rows.append(f"| {{py:obj}}`~{value.__module__}.{value.__qualname__}` | {head} |")
        else:
            rows.append(f"| `{name}` | |")
    return "\n".join(rows)
