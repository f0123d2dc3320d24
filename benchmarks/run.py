"""Run the benches: all of them, or those whose names are given (`run.py import pipeline`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["main"]

HERE = Path(__file__).parent


def main() -> int:
    """Run each bench in an interpreter of its own and return the number that crashed."""
    scripts = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    wanted = sys.argv[1:] or list(scripts)
    unknown = sorted(set(wanted) - set(scripts))
    if unknown:
        print(f"no bench is called {', '.join(unknown)}; there are {', '.join(scripts)}")
        return 2
    crashed = 0
    for name in wanted:
        run = subprocess.run([sys.executable, str(scripts[name])], check=False, cwd=HERE)
        crashed += run.returncode != 0
    return crashed


if __name__ == "__main__":
    sys.exit(main())
