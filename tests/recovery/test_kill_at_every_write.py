"""`kill -9` at every write boundary of recorded cycles: the bot recovers by itself, books equal.

A write boundary is a statement of the store, or the moment before or after a request that changes
something at the exchange. The exchange stays up and its clock stands still while the bot is dead.
Every phase of a cycle ends at one: observe and decide at `begin`, commit at `after:commit`, execute
at `after POST`, settle at the next `begin`, record at the next `after:commit`.
With BTCTURK_KIT_TEST_ALL_BOUNDARIES=1 the bot dies at every statement inside a transaction too;
without, at every sixteenth of those (nobody can tell them apart) and at all other boundaries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import environment
from tests.recovery.evidence import Books, books_of, contradictions

pytestmark = pytest.mark.long

SHARES = 6
EVERY = "BTCTURK_KIT_TEST_ALL_BOUNDARIES"
SUBMIT, CANCEL = "POST /api/v1/order", "DELETE /api/v1/order"

# A quick strategy with large orders: thirteen hours hold orders that rest, orders that fill in one
# and in several parts, a canceled one, gains that are split and losses.
SEED, CYCLES, BEYOND = 77, 13, 4
TREND = {
    "fast_bars": 1,
    "slow_bars": 2,
    "band_ratio": "0.0001",
    "entry_offset_ratio": "0.001",
    "size_ratio": "0.9",
}
SETTINGS = {
    "BTCTURK_KIT_PARAMETERS": json.dumps({"trend": TREND}),
    "BTCTURK_KIT_ORDER_RATIO": "1",
    "BTCTURK_KIT_ORDER_TTL_SECONDS": "3600",
}


@pytest.fixture(scope="module", params=range(SHARES))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the names of the boundaries, the undisturbed run and a share of the kills."""
    folder = tmp_path_factory.mktemp("nursery")
    job = {
        "folder": str(folder),
        "seed": SEED,
        "cycles": CYCLES,
        "beyond": BEYOND,
        "settings": SETTINGS,
        "share": request.param,
        "shares": SHARES,
        "is_every": os.environ.get(EVERY) == "1",
    }
    # Not measured: it forks, and the processes that matter end by SIGKILL.
    env = {
        name: text
        for name, text in environment(folder).items()
        if not name.startswith("COVERAGE_PROCESS")
    }
    program = Path(__file__).with_name("nursery.py")
    done = subprocess.run(
        [sys.executable, program, json.dumps(job)],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_kill_at_every_write_boundary_leaves_the_books_right(report: dict[str, Any]) -> None:
    """Started again, it ends with the exchange's books; where all was sent, with the same as ever.

    What was decided and not yet sent when the bot died is not sent later as if nothing had been:
    the exchange shows that the order was never accepted, so it is abandoned and the strategy asks
    anew; a cancel is decided again. Every other kill leaves no trace: same trades, same books, same
    decisions.
    """
    names, whole = report["names"], report["whole"]
    assert whole["code"] == 0
    undisturbed = books_of(Path(whole["db"]))
    assert contradictions(undisturbed, whole["truth"]) == []
    _expect_all_that_can_happen(names, undisturbed)
    assert len(report["kills"]) > 20
    problems: list[str] = []
    for kill in report["kills"]:
        where = f"killed at {kill['number']} ({names[kill['number']]}): "
        problems += [where + one for one in _problems(kill, names, undisturbed)]
    assert problems == []


def _expect_all_that_can_happen(names: list[str], undisturbed: Books) -> None:
    """Hold the recording itself to what it was chosen for."""
    assert names.count(f"before {SUBMIT}") >= 5
    assert names.count(f"before {CANCEL}") == names.count(f"after {CANCEL}") >= 1
    assert names.count("insert fills") >= 4
    assert len(undisturbed.fills) > len(undisturbed.orders)
    assert {"filled", "canceled"} <= {status for status, *_ in undisturbed.orders.values()}
    assert len(undisturbed.transfers) >= 1
    totals = [realized for *_, realized in undisturbed.capital]
    assert any(after < before for before, after in pairwise(totals))


def _problems(kill: dict[str, Any], names: list[str], undisturbed: Books) -> list[str]:
    if not kill["was_killed"]:
        return ["it was not killed"]
    if kill["code"] != 0:
        return [f"it did not recover: {kill['document']}"]
    document, books = kill["document"], books_of(Path(kill["db"]))
    found = contradictions(books, kill["truth"])
    if not document["ledger_balanced"] or set(document["exchange_difference"].values()) != {"0"}:
        found.append(f"it says {document}")
    sent = {order["client_order_id"] for order in kill["truth"]["orders"]}
    lost = set(books.orders) - sent
    unsent = _command_after(names, kill["number"])
    if (len(lost), {books.orders[name][0] for name in lost}) != (
        (1, {"abandoned"}) if unsent == SUBMIT else (0, set())
    ):
        found.append(f"orders that were never sent: {lost}")
    if kill["number"] == len(names) - 1:
        # A run that ends books what it still can at its last instant, not an hour later.
        books = books._replace(digest=undisturbed.digest)
    if unsent is None and books != undisturbed:
        changed = [
            name for name in Books._fields if getattr(books, name) != getattr(undisturbed, name)
        ]
        found.append(f"other {', '.join(changed)} than without the kill")
    return found


def _command_after(names: list[str], number: int) -> str | None:
    """Return the command that was durable and not yet sent when the bot was killed, if any."""
    for name in names[number:]:
        if name in {f"before {SUBMIT}", f"before {CANCEL}"}:
            return name.removeprefix("before ")
        if name in {"begin", "before:commit"}:  # what comes next is not durable yet, or done
            break
    return None
