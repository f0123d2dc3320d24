"""The day, the peak, streaks of days, refused orders, and what money moved by hand does to them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.risk_limits import SUBMITS_KEPT
from btcturk_kit.domain.risk_memory import (
    RiskMemory,
    begin_day,
    note_charges,
    note_peak,
    note_submits,
    rearm_peak,
    shift_for_flow,
)
from btcturk_kit.errors import ConfigurationError

MEMORY = RiskMemory(
    Decimal(1_200), Decimal(200), 100, Decimal(1_000), Decimal(900), day_charges_try=Decimal(7)
)


def next_day(equity: str, memory: RiskMemory = MEMORY) -> RiskMemory:
    """Return the memory after a midnight at this equity."""
    return begin_day(memory, day_end_ms=200, equity_try=Decimal(equity), capital_try=Decimal(800))


def test_a_day_begins_where_the_last_one_ended() -> None:
    """Equity and capital of then; charges from nothing; the peak stays."""
    memory = next_day("950")
    assert (memory.day_end_ms, memory.day_start_equity_try, memory.day_start_capital_try) == (
        200,
        950,
        800,
    )
    assert memory.day_charges_try == 0
    assert memory.peak_equity_try == 1_200


def test_losing_days_in_a_row_are_counted() -> None:
    """A day that wins ends the streak, a day that does neither leaves it."""
    twice = next_day("930", next_day("950"))
    assert twice.loss_days == 2
    assert next_day("930", twice).loss_days == 2
    assert next_day("930.01", twice).loss_days == 0


def test_the_peak_rises_with_its_treasury() -> None:
    """At the peak itself nothing changes."""
    assert note_peak(MEMORY, equity_try=Decimal(1_200), treasury_try=Decimal(9)) is MEMORY
    risen = note_peak(MEMORY, equity_try=Decimal(1_201), treasury_try=Decimal(9))
    assert (risen.peak_equity_try, risen.peak_treasury_try) == (1_201, 9)


def test_charges_add_up() -> None:
    """None change nothing, a correction takes off."""
    assert note_charges(MEMORY, Decimal(0)) is MEMORY
    assert note_charges(MEMORY, Decimal("-1.5")).day_charges_try == Decimal("5.5")


def test_the_peak_is_rearmed_with_a_reason_only() -> None:
    """Down to the present equity, with its treasury; the day is untouched."""
    memory = rearm_peak(
        MEMORY, equity_try=Decimal(700), treasury_try=Decimal(100), reason="a new start"
    )
    assert memory == MEMORY._replace(peak_equity_try=Decimal(700), peak_treasury_try=Decimal(100))
    with pytest.raises(ConfigurationError, match="without a reason"):
        rearm_peak(MEMORY, equity_try=Decimal(1), treasury_try=Decimal(0), reason=" ")


def test_a_deposit_and_a_withdrawal_shift_peak_and_day() -> None:
    """What was lost is the same before and after, and the limits follow the capital."""
    memory = shift_for_flow(MEMORY, Decimal(500))
    assert (memory.peak_equity_try, memory.day_start_equity_try) == (1_700, 1_500)
    assert (memory.peak_treasury_try, memory.day_start_capital_try) == (200, 1_400)
    assert shift_for_flow(memory, Decimal(-500)) == MEMORY


def test_a_transfer_out_of_the_treasury_is_no_loss() -> None:
    """To the bot: equity stays, more is at risk. Out of the account: equity and peak fall alike."""
    to_bot = shift_for_flow(MEMORY, Decimal(0), treasury_try=Decimal(-50))
    assert (to_bot.peak_equity_try, to_bot.peak_treasury_try) == (1_200, 150)
    assert to_bot.day_start_capital_try == 950
    out = shift_for_flow(MEMORY, Decimal(-50), treasury_try=Decimal(-50))
    assert (out.peak_equity_try, out.peak_treasury_try) == (1_150, 150)
    assert out.day_start_capital_try == 900


def test_the_window_of_answers_is_bounded() -> None:
    """The oldest are dropped."""
    memory = note_submits(MEMORY, [True], now_ms=5)
    memory = note_submits(memory, [True] * SUBMITS_KEPT, now_ms=6)
    assert memory.submits == ((6, True),) * SUBMITS_KEPT


def test_the_window_begins_with_a_refusal() -> None:
    """Orders that were accepted before change no count; without a refusal nothing is kept."""
    assert note_submits(MEMORY, [], now_ms=5) is MEMORY
    assert note_submits(MEMORY, [False, False], now_ms=5) is MEMORY
    memory = note_submits(MEMORY, [False, True, False], now_ms=5)
    assert memory.submits == ((5, True), (5, False))
    assert note_submits(memory, [False] * SUBMITS_KEPT, now_ms=6).submits == ()
