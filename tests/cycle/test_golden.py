"""Golden decisions: what the bot did in one recorded night, to the last digit.

After an intended change, `python -m tests.cycle.test_golden` from the root of the project writes
the file anew; its difference then belongs into the review of the change.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.cli.commands import QUICK_TREND, exchange, stage4, truth_of
from tests.recovery.evidence import books_of

GOLDEN = Path(__file__).with_name("golden.json")
SEED, CYCLES = 35, 17


def observed(folder: Path) -> dict[str, Any]:
    """Run the recorded hours and return every order, trade and state of the capital."""
    with exchange(SEED) as address:
        start_ms = truth_of(address)["now_ms"]
        found = stage4(folder, address, folder / "state.db", CYCLES, **QUICK_TREND)
        truth = truth_of(address)
    return {
        "orders": [
            {"after_ms": one["created_ms"] - start_ms}
            | {name: one[name] for name in ("side", "order_type", "price", "quantity", "status")}
            for one in truth["orders"]
        ],
        "trades": [
            {"after_ms": one["event_time_ms"] - start_ms}
            | {name: one[name] for name in ("side", "price", "quantity", "fee", "tax")}
            for one in truth["trades"]
        ],
        "capital": [
            [str(amount) for amount in row] for row in books_of(folder / "state.db").capital
        ],
        "equity_try": found["equity_try"],
        "mode": found["mode"],
    }


def test_the_recorded_night_is_traded_as_ever(tmp_path: Path) -> None:
    """The same market, settings and code give the same orders, trades and split."""
    assert observed(tmp_path) == json.loads(GOLDEN.read_text("utf-8"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        text = json.dumps(observed(Path(temporary)), indent=1)
    GOLDEN.write_text(text + "\n", "utf-8")
