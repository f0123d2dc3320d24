"""Words: none about the machine it was written on, none left unfinished, reasons for waivers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TEXT_SUFFIXES = frozenset({".py", ".md", ".toml", ".txt", ".sql", ".html", ".css", ".js", ".yml"})
GENERATED = frozenset({".nox", ".git", "build", "dist", "_build", ".venv", "venv", "htmlcov"})

MACHINE_FOLDERS = ("home", "mnt", "root", "shared", "tmp", "Users", "work")
MACHINE_PATH = re.compile(rf"(?<![\w/*])(?:\.\.)?/(?:{'|'.join(MACHINE_FOLDERS)})/\w")

WAIVER = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover)(?P<rest>.*)$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")


def test_no_file_names_a_path_of_a_machine(root: Path) -> None:
    """No file of the project names a directory outside of it: nobody else has that directory."""
    assert [
        f"{path.relative_to(root)}:{number}: {line.strip()[:80]}"
        for path in _texts(root)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ] == []


def test_nothing_is_left_unfinished(root: Path) -> None:
    """The package holds no mark of unfinished work."""
    assert [
        f"{path.relative_to(root)}:{number}"
        for path in sorted((root / "src").rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ] == []


def test_waived_rules_carry_a_reason(root: Path) -> None:
    """A comment that switches a check off names the rule and says why.

    The form is `# noqa: RULE - reason`, `# type: ignore[rule] # reason`.
    """
    offenders = []
    for path in _texts(root):
        if path.suffix != ".py":
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            waiver = WAIVER.search(line)
            if waiver and not re.search(r"(-|#)\s+.*\w{3,}", waiver["rest"]):
                offenders.append(f"{path.relative_to(root)}:{number}: {line.strip()}")
    assert offenders == []


def test_every_test_says_what_holds(test_files: dict[str, ast.Module]) -> None:
    """Every test function has a docstring that states the behaviour."""
    assert [
        f"{name}:{node.name}"
        for name, tree in test_files.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not _is_fixture(node)
        and not ast.get_docstring(node)
    ] == []


def test_no_test_is_skipped(test_files: dict[str, ast.Module]) -> None:
    """No test is skipped or expected to fail: it runs or it is not there."""
    assert [
        f"{name}:{node.lineno}"
        for name, tree in test_files.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"skip", "skipif", "xfail", "importorskip"}
    ] == []


def test_the_machine_runs_the_command_of_the_readme(root: Path) -> None:
    """The script that machines run holds the test command of the README, letter by letter."""
    commands = [
        line.removeprefix("$ ")
        for block in re.findall(
            r"```(?:bash|console|sh)\n(.*?)```", _read(root / "README.md"), re.DOTALL
        )
        for line in block.splitlines()
        if line.endswith("nox")
    ]
    assert commands
    assert all(command in _read(root / ".ci" / "run") for command in commands)


def _texts(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if any(part in GENERATED or part.endswith("_cache") for part in parts):
            continue
        if path.is_file() and (path.suffix in TEXT_SUFFIXES or path.name == "run"):
            yield path


def _read(path: Path) -> str:
    return path.read_text("utf-8")


def _is_fixture(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("fixture" in ast.unparse(one) for one in node.decorator_list)
