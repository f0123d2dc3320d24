"""Every example runs as a user would run it, without keys, and ends in what it promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.commands import unmeasured

EXAMPLES = Path(__file__).parents[2] / "examples"

LAST_WORDS = {
    "01_client_tour.py": ["it is canceled", "spent 4999.99"],
    "02_ledger_alone.py": ["Every asset sums to zero: True.", "is refused: event gift"],
    "03_capital_policy_alone.py": ["1060.00       40.00", "1090.00       60.00"],
    "04_stage4_bot.py": ["TRY: the bot has", "exchange less books 0.00000000"],
    "05_rate_limiter_alone.py": ["10 at   1.25 s", "after 60.0 s"],
    "06_matching_engine_alone.py": ["0.50 at 100 from bob", "done: False"],
    "07_recorded_hours.py": ["15384 hours", "digest"],
    "08_streams.py": ["rests", "it is stale", "resync", "it is right again"],
    "09_local_exchange_in_a_test.py": ["unknown, but rests", "connection reset", "filled once"],
    "11_oms_simulator_alone.py": ["first: 0.50000000 at 950", "BTC: 0.5 free"],
    "10_export_the_books.py": [
        "-0.01 BTC {}",
        "result unknown",
        "treasury   1371.52",
        "2025-12-10",
    ],
    "12_backtest_in_twenty_lines.py": ["15384 hours", "after", "looks ahead: False"],
    "13_stage7_bot.py": ["1000 hours", "1. BTCTRY", "net is gross less charges: True"],
    "14_parity_check.py": [
        "the replay: equal is True",
        "with order_ratio changed: equal is False",
        "no answer to POST /api/v1/order",
        "20000 became 10000",
        "field by field:",
    ],
}
"""Example → texts that it prints, in this order."""


def test_every_example_is_listed() -> None:
    """The list above has every example, so that none goes unchecked."""
    assert sorted(LAST_WORDS) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", LAST_WORDS)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    """The script ends without a word on standard error and prints what it is about."""
    run = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name)],
        cwd=tmp_path,
        env={**unmeasured(os.environ), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    at = 0
    for words in LAST_WORDS[name]:
        assert words in run.stdout[at:], run.stdout
        at = run.stdout.index(words, at)
