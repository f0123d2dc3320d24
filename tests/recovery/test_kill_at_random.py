"""The real command ended at moments nobody chose, by signals and without a word."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from random import Random

import pytest
from tests.cli.commands import COMMAND, QUICK_TREND, environment, exchange, stage4, truth_of
from tests.recovery.evidence import books_of, contradictions

pytestmark = pytest.mark.long

RUNS = 6
CODES = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bot_that_is_ended_again_and_again_keeps_its_books(tmp_path: Path, seed: int) -> None:
    """Whatever ends it and whenever, the next run goes on and ends with the exchange's books."""
    draw = Random(seed)  # noqa: S311 - chooses moments, keeps no secret
    db = tmp_path / "state.db"
    orders = []
    with exchange(seed) as address:
        env = environment(tmp_path, address, **QUICK_TREND)
        for _ in range(RUNS):
            number = draw.choice(sorted(CODES))
            with subprocess.Popen(
                [*COMMAND, "stage4-run", "--loop", "--db", str(db)],
                env=env,
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as bot:
                assert bot.stderr is not None
                # The first line comes when the bot is assembled; from then on it trades.
                assert bot.stderr.readline().startswith("armed as sandbox")
                time.sleep(draw.uniform(0.0, 0.6))
                bot.send_signal(number)
                output, errors = bot.communicate(timeout=30)
            assert (bot.returncode, output) == (CODES[number], ""), errors
            assert "Traceback" not in errors
            orders.append(len(truth_of(address)["orders"]))
        document = stage4(tmp_path, address, db, 3, **QUICK_TREND)
        assert document["ledger_balanced"]
        assert set(document["exchange_difference"].values()) == {"0"}
        truth = truth_of(address)
    assert contradictions(books_of(db), truth) == []
    assert orders[0] < orders[-1] <= len(truth["orders"])
