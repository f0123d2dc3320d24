"""What may not stand in the core: binary fractions, clocks, chance, and values that can change."""

from __future__ import annotations

import ast

EXACT_PACKAGES = ("domain", "wire", "simulation", "pipeline", "reporting")

FLOATS_ALLOWED = {
    "domain/money.py:decimal_of": "names the type in order to refuse it",
    "domain/order_events.py:CancelRejected": "`retry_after_s` is a duration, not money",
    "domain/order_events.py:OrderRejected": "`retry_after_s` is a duration, not money",
}
"""`module:top-level name` → why `float` may stand in it."""

FLOAT_MODULES = {
    "reporting/statistics": "ratios of returns are binary fractions; money stays exact beside them",
    "reporting/run_page": "a picture is drawn with binary fractions; money in tables stays exact",
    "reporting/heat_map": "scores of a sweep are ratios, and a color is one of twenty",
}
"""Beginning of module names → why `float` may stand in them."""

CLOCK_READS = frozenset({"now", "utcnow", "today"})


def test_no_binary_fractions_in_the_core(modules: dict[str, ast.Module]) -> None:
    """No `float`, as a call, an annotation or a literal, where money is computed."""
    offenders = {
        f"{name}:{owner}"
        for name, tree in modules.items()
        if name.startswith(EXACT_PACKAGES) and not name.startswith(tuple(FLOAT_MODULES))
        for owner, node in _owned(tree)
        if _is_float(node)
    }
    assert sorted(offenders - set(FLOATS_ALLOWED)) == []


def test_float_exceptions_are_still_needed(modules: dict[str, ast.Module]) -> None:
    """An entry of the list of exceptions names a place that still holds a `float`."""
    used = {
        f"{name}:{owner}"
        for name, tree in modules.items()
        for owner, node in _owned(tree)
        if _is_float(node)
    }
    assert sorted(set(FLOATS_ALLOWED) - used) == []
    assert [one for one in FLOAT_MODULES if not any(name.startswith(one) for name in used)] == []


def test_no_clock_is_read_through_datetime(modules: dict[str, ast.Module]) -> None:
    """The core never asks `datetime` what time it is; import contracts cover the other clocks."""
    assert [
        f"{name}:{node.lineno}"
        for name, tree in modules.items()
        if name.startswith((*EXACT_PACKAGES, "hooks"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK_READS
    ] == []


def test_addresses_are_taken_apart_and_not_opened(modules: dict[str, ast.Module]) -> None:
    """Of `urllib`, which import contracts see as one, the core uses the parser only."""
    assert [
        f"{name}:{node.lineno}"
        for name, tree in modules.items()
        if name.startswith((*EXACT_PACKAGES, "hooks"))
        for node in ast.walk(tree)
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").partition(".")[0] == "urllib"
            and node.module != "urllib.parse"
        )
        or (
            isinstance(node, ast.Import)
            and any(one.name.startswith("urllib") for one in node.names)
        )
    ] == []


def test_domain_values_are_frozen(modules: dict[str, ast.Module]) -> None:
    """Every dataclass of the domain is frozen and slotted."""
    offenders = []
    for name, tree in modules.items():
        if not name.startswith("domain"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for one in node.decorator_list:
                    text = ast.unparse(one)
                    if text.startswith("dataclass") and not (
                        "frozen=True" in text and "slots=True" in text
                    ):
                        offenders.append(f"{name}:{node.name}")
    assert offenders == []


def _owned(tree: ast.Module) -> list[tuple[str, ast.AST]]:
    """Return every node with the top-level class, function or constant that it stands in."""
    return [(_name(statement), node) for statement in tree.body for node in ast.walk(statement)]


def _name(statement: ast.stmt) -> str:
    if isinstance(statement, ast.AnnAssign):
        return ast.unparse(statement.target)
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    return str(getattr(statement, "name", "<module>"))


def _is_float(node: ast.AST) -> bool:
    return (isinstance(node, ast.Name) and node.id == "float") or (
        isinstance(node, ast.Constant) and isinstance(node.value, float)
    )
