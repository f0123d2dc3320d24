"""What `import btcturk_kit` costs above the bare interpreter, beside `import ccxt`.

Each figure is one fresh interpreter from start to end, wall time. Modules are counted in one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from time import perf_counter

from harness import Bound, Report, Row, paired_rounds

__all__ = ["main"]

ROUNDS = 15
BARE = "bare interpreter"
KIT = "import btcturk_kit"
STATEMENTS = {
    BARE: "pass",
    KIT: KIT,
    "every public name": "from btcturk_kit import *",
    "import ccxt": "import ccxt",
}

WALL_MS_MAX = 60.0
MODULES_MAX = 150


def main() -> None:
    """Measure and report."""
    statements = dict(STATEMENTS)
    if find_spec("ccxt") is None:
        del statements["import ccxt"]
    for statement in statements.values():
        _wall_ms(statement)  # the first start compiles and fills the disk cache
    figures = paired_rounds(
        {name: _measured(statement) for name, statement in statements.items()}, rounds=ROUNDS
    )
    bare = median(figures[BARE])
    report = Report(
        name="import", question="wall time above the bare interpreter, fresh each time", unit="ms"
    )
    for name, measured in figures.items():
        modules = _modules_added(statements[name])
        report.rows.append(
            Row(
                subject=name,
                median=median(measured) - (0 if name == BARE else bare),
                low=min(measured) - (0 if name == BARE else bare),
                high=max(measured) - (0 if name == BARE else bare),
                note=f"{modules} modules added",
            )
        )
    report.bounds = [
        Bound(
            name="wall of import btcturk_kit",
            allowed=WALL_MS_MAX,
            measured=median(figures[KIT]) - bare,
        ),
        Bound(
            name="modules of import btcturk_kit",
            allowed=MODULES_MAX,
            measured=_modules_added(KIT),
        ),
    ]
    report.finish()


def _measured(statement: str) -> Callable[[], float]:
    return lambda: _wall_ms(statement)


def _wall_ms(statement: str) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return (perf_counter() - started) * 1000


def _modules_added(statement: str) -> int:
    code = (
        f"import sys; before = set(sys.modules)\n{statement}\nprint(len(set(sys.modules) - before))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, encoding="ascii"
    )
    return int(run.stdout)


if __name__ == "__main__":
    main()
