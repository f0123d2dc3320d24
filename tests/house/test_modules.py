"""The shape of modules: heads, exports, sizes, names, imports.

An exception to a rule is listed here with its reason; a reason that no longer applies fails too.
"""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

LONG_MODULES: dict[str, str] = {
    "__init__.py": "the list of public names, as type checkers, importers and readers need it",
}
"""Module → why it is longer than `MODULE_LINES_MAX`."""

LONG_FUNCTIONS: dict[str, str] = {}
"""`module:function` → why it is longer than `FUNCTION_LINES_MAX`: a straight list of steps."""

BANNED_NAMES = frozenset({"manager", "service", "util", "utils", "common", "info", "process"})
NAMES_ALLOWED = {
    "runtime/risk_budget.py:RiskBudgetService": "the name of the design: people look for it",
    "sandbox/process.py": "starts and stops an operating-system process",
    "sandbox/process.py:SandboxProcess": "such a process",
}


def test_every_module_has_a_head(modules: dict[str, ast.Module]) -> None:
    """A module says at its head what is inside; an empty package file has nothing to say."""
    assert [
        name for name, tree in modules.items() if tree.body and not ast.get_docstring(tree)
    ] == []


def test_every_module_names_its_exports(modules: dict[str, ast.Module]) -> None:
    """A module with code lists its public names in `__all__`; the linter keeps it sorted."""
    offenders = []
    for name, tree in modules.items():
        code = [node for node in tree.body if not _is_docstring(node)]
        if code and _exports(tree) is None:
            offenders.append(name)
    assert offenders == []


def test_exported_names_exist_and_public_names_are_exported(modules: dict[str, ast.Module]) -> None:
    """A module exports what it defines, and what it defines in public it exports.

    A command is reached through the application it is registered with, not by import.
    """
    offenders = []
    for name, tree in modules.items():
        if PurePosixPath(name).name == "__init__.py":
            continue  # a package re-exports what its modules define
        defined = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        commands = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_command(node)
        }
        public = {one for one in defined - commands if not one.startswith("_")}
        exported = set(_exports(tree) or [])
        offenders += [f"{name}: {one} is not exported" for one in sorted(public - exported)]
        offenders += [
            f"{name}: {one} is not there" for one in sorted(exported - defined - _assigned(tree))
        ]
    assert offenders == []


def test_modules_are_short(modules: dict[str, ast.Module], root: Path) -> None:
    """A module longer than the limit stands in the list, and only such a module."""
    long = {
        name
        for name in modules
        if len((root / "src" / "btcturk_kit" / name).read_text("utf-8").splitlines())
        > MODULE_LINES_MAX
    }
    assert long == set(LONG_MODULES)


def test_functions_are_short(modules: dict[str, ast.Module]) -> None:
    """A function longer than the limit, its docstring apart, stands in the list."""
    long = {
        f"{name}:{node.name}"
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _body_lines(node) > FUNCTION_LINES_MAX
    }
    assert long == set(LONG_FUNCTIONS)


def test_names_say_something(modules: dict[str, ast.Module]) -> None:
    """No module or class is called by a word that says nothing about it."""
    offenders = set()
    for name, tree in modules.items():
        path = PurePosixPath(name)
        if BANNED_NAMES & {
            word for part in (*path.parts[:-1], path.stem) for word in part.split("_")
        }:
            offenders.add(name)
        offenders |= {
            f"{name}:{node.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and any(node.name.lower().endswith(word) for word in BANNED_NAMES)
        }
    existing = {name for name in NAMES_ALLOWED if name.partition(":")[0] in modules}
    assert offenders == existing


def test_percent_is_not_a_unit(modules: dict[str, ast.Module]) -> None:
    """Nothing is named `_pct`: a ratio is 0 to 1, a rate is in basis points."""
    assert [
        f"{name}: {identifier}"
        for name, tree in modules.items()
        for identifier in sorted(_identifiers(tree))
        if "pct" in identifier.lower().split("_")
    ] == []


def test_no_module_imports_the_package_front(modules: dict[str, ast.Module]) -> None:
    """Inner modules import from the module that defines a name, never from the lazy front."""
    assert [
        name
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "btcturk_kit" and not node.level)
        or (isinstance(node, ast.Import) and any(one.name == "btcturk_kit" for one in node.names))
    ] == []


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    called = [one.func for one in node.decorator_list if isinstance(one, ast.Call)]
    return any(
        isinstance(one, ast.Attribute) and one.attr in {"command", "callback"} for one in called
    )


def _exports(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value:
            targets, value = [node.target], node.value
        else:
            continue
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
            return [str(one) for one in ast.literal_eval(value)]
    return None


def _assigned(tree: ast.Module) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _identifiers(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found.add(value)
    return found


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if _is_docstring(node.body[0]) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
