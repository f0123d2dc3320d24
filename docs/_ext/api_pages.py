"""Fill the pages of the API reference from the package itself, so that none can be out of date.

`<!-- modules of domain -->` becomes a section for each module of that package, and
`<!-- public names -->` the table of what `from btcturk_kit import ...` gives.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING

from sphinx.pycode import ModuleAnalyzer

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
    app.setup_extension("sphinx.ext.autodoc")  # its event is used below
    app.connect("source-read", _fill_in)
    app.connect("autodoc-skip-member", _skip)
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


def _skip(
    _app: Sphinx, _what: str, _name: str, member: object, _skipped: object, _options: object
) -> bool | None:
    """Leave out what Python says of a named tuple's fields; the class documents them itself."""
    is_said_by_python = (getattr(member, "__doc__", None) or "").startswith("Alias for field")
    return True if is_said_by_python else None


def _public_names() -> str:
    rows = ["| Name | What it is |", "| --- | --- |"]
    texts = _constants()
    for name in btcturk_kit.__all__:
        value = getattr(btcturk_kit, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            head = (inspect.getdoc(value) or "").partition("\n")[0].replace("|", "or")
            rows.append(f"| {{py:obj}}`~{value.__module__}.{value.__qualname__}` | {head} |")
        elif name in texts:
            module, head = texts[name]
            rows.append(f"| {{py:obj}}`~{module}.{name}` | {head} |")
        else:
            rows.append(f"| `{name}` | |")
    return "\n".join(rows)


def _constants() -> dict[str, tuple[str, str]]:
    """Return module and first paragraph of the text below each documented module-level name."""
    found: dict[str, tuple[str, str]] = {}
    for module in pkgutil.walk_packages(btcturk_kit.__path__, "btcturk_kit."):
        if module.name.endswith("__main__"):
            continue
        for (owner, name), lines in ModuleAnalyzer.for_module(module.name).find_attr_docs().items():
            if not owner:
                text = " ".join(takewhile(bool, lines))
                found[name] = (module.name, text.replace("|", "or").replace("`", ""))
    return found
