"""The documentation names what exists, and nothing that does not."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import btcturk_kit
from btcturk_kit import errors

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    """Return the text of one page."""
    return (DOCS / name).read_text("utf-8")


def test_every_layer_has_a_page_of_the_reference() -> None:
    """Each package of the kit that users import from is listed in the API reference."""
    packages = {
        path.parent.name
        for path in Path(btcturk_kit.__file__).parent.glob("*/__init__.py")
        if path.parent.name != "cli"  # its reference is the page of commands
    }
    listed = {
        name
        for path in (DOCS / "reference" / "api").glob("*.md")
        for name in re.findall(r"<!-- modules of (\S+) -->", path.read_text("utf-8"))
    }
    assert packages <= listed


def test_every_public_name_is_documented() -> None:
    """What `from btcturk_kit import ...` gives has a docstring and stands in a listed module."""
    assert "<!-- public names -->" in page("reference/api/index.md")
    offenders = []
    for name in btcturk_kit.__all__:
        value = getattr(btcturk_kit, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            module = import_module(value.__module__)
            if not value.__module__.startswith("btcturk_kit.") or name not in module.__all__:
                offenders.append(f"{name} is not exported by {value.__module__}")
            if not (inspect.getdoc(value) or "").strip():
                offenders.append(f"{name} has no docstring")
    assert offenders == []


def test_every_exception_is_listed_with_its_exit_code() -> None:
    """The table of exit codes holds every exception exactly once, beside its own code."""
    listed = {
        name: int(code)
        for code, names in re.findall(
            r"^\| (\d+) \|[^|]*\|([^|]*)\|$", page("reference/exit-codes.md"), re.MULTILINE
        )
        for name in re.findall(r"`(\w+)`", names)
    }
    existing = {
        name: value.exit_code
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.BtcturkKitError)
    }
    assert listed == existing


def test_every_hook_has_a_section() -> None:
    """Each hook specification has a section of its own in the page of hooks, and no other has."""
    specs = import_module("btcturk_kit.hooks.specs")
    existing = {name for name in vars(specs) if name.startswith("kit_")}
    assert existing
    assert set(re.findall(r"^#+ `(kit_\w+)`", page("hooks.md"), re.MULTILINE)) == existing


def test_every_decision_note_is_listed() -> None:
    """Each note of a decision is in the table of contents, under its number."""
    notes = sorted(path.stem for path in (DOCS / "concepts" / "decisions").glob("[0-9]*.md"))
    listed = re.findall(r"^(\d{4}-[\w-]+)$", page("concepts/decisions/index.md"), re.MULTILINE)
    assert listed == notes


def test_every_setting_is_listed() -> None:
    """The page of settings holds the environment name of every field, and no name besides."""
    settings = import_module("btcturk_kit.settings")
    existing = settings.environment_names()
    listed = re.findall(r"^\| `(BTCTURK_\w+)` \|", page("reference/settings.md"), re.MULTILINE)
    assert sorted(listed) == sorted(existing)


def test_every_default_of_a_setting_is_the_real_one() -> None:
    """Where the page of settings gives a literal as the default, the field has that default."""
    settings = import_module("btcturk_kit.settings")
    rows = re.findall(
        r"^\| `BTCTURK_KIT_(\w+)` \| `([^`]*)` \|", page("reference/settings.md"), re.MULTILINE
    )
    assert len(rows) > 25
    offenders = []
    for name, text in rows:
        default = settings.Settings.model_fields[name.lower()].get_default(
            call_default_factory=True
        )
        if isinstance(default, bool):
            shown = str(default).lower()
        elif isinstance(default, tuple):
            shown = ",".join(default)
        elif isinstance(default, float):
            shown = f"{default:g}"
        else:
            shown = str(default)
        if shown != text:
            offenders.append(f"{name}: {text} is written, {shown} is meant")
    assert offenders == []
