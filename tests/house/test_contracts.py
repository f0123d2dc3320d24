"""The import contracts themselves: each is there, and each would notice an offence."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

OFFENCES = {
    "Layers": ("errors.py", "import btcturk_kit.domain.money"),
    "Purity": ("domain/money.py", "import time"),
    "Edges": ("adapters/__init__.py", "import btcturk_kit.pipeline"),
    "Words": ("runtime/__init__.py", "import btcturk_kit.wire"),
    "Plug-ins": ("runtime/__init__.py", "import pluggy"),
    "Cycles": ("domain/identifiers.py", "import btcturk_kit.domain.money"),
}
"""First word of a contract's name → a module, and a line that breaks the contract."""


def test_every_contract_has_an_offence_below(root: Path) -> None:
    """No contract stands in the configuration without the proof that it bites."""
    configuration = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    names = [one["name"] for one in configuration["tool"]["importlinter"]["contracts"]]
    assert [name.partition(":")[0] for name in names] == list(OFFENCES)


@pytest.mark.parametrize("contract", OFFENCES)
def test_a_contract_notices_an_offence(contract: str, root: Path, tmp_path: Path) -> None:
    """One offending line in a copy of the package breaks the contract that forbids it."""
    shutil.copytree(
        root / "src" / "btcturk_kit",
        tmp_path / "btcturk_kit",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(root / "pyproject.toml", tmp_path)
    module, line = OFFENCES[contract]
    with (tmp_path / "btcturk_kit" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    # The linter runs in the copy; the first entry of the path makes it import the copy.
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}; lint_imports_command(['--no-cache'])"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    broken = [one for one in run.stdout.splitlines() if one.endswith("BROKEN")]
    assert any(one.startswith(f"{contract}:") for one in broken), run.stdout + run.stderr
