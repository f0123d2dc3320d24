"""The first state of an account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.cycle import StateCommit
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.mode_memory import ModeMemory
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.pipeline.opening import open_account

from .desk import BTC, DAY_END_MS, OPENED_MS, TRY, balances


def opening(*found: Balance, capital: str | None = None) -> StateCommit:
    """Open an account that holds this."""
    return open_account(
        "main",
        found,
        quote=TRY,
        now_ms=OPENED_MS,
        day_end=lambda _: DAY_END_MS,
        trading_capital_try=None if capital is None else Decimal(capital),
    )


def test_the_first_trading_capital_is_all_try() -> None:
    """Free and locked together; coins are the owner's."""
    state = opening(*balances("900", "2", locked="100")).state
    assert state.capital.trading_capital_try == 1000
    assert state.ledger.balance(Account.BOT, TRY) == 1000
    assert state.ledger.balance(Account.EXTERNAL, BTC) == 2
    assert state.positions == {}


def test_a_smaller_capital_leaves_the_rest_unassigned() -> None:
    """What the operator does not give is in the books, but not the bot's."""
    state = opening(*balances("1000"), capital="250.5").state
    assert state.capital.trading_capital_try == Decimal("250.5")
    assert state.ledger.balance(Account.UNASSIGNED, TRY) == Decimal("749.5")
    assert state.ledger.held(TRY) == 1000


@pytest.mark.parametrize(
    ("cash", "capital"), [("0", None), ("100", "100.01"), ("100", "0"), ("100", "-1")]
)
def test_a_capital_that_is_not_there_is_refused(cash: str, capital: str | None) -> None:
    """Nothing is opened on nothing, or on more than there is; the message has both numbers."""
    with pytest.raises(ConfigurationError, match=f"holds {cash}"):
        opening(*balances(cash), capital=capital)


def test_an_account_without_quote_is_refused() -> None:
    """Coins alone cannot be traded with."""
    with pytest.raises(ConfigurationError, match="holds 0 TRY"):
        opening(Balance(BTC, Decimal(1), Decimal(0)))


def test_the_opening_is_one_commit() -> None:
    """Event, capital and state belong together; the capital stands at the opening event."""
    commit = opening(*balances("1000"))
    state = commit.state
    assert commit.previous_count == 0
    assert commit.events[0].key == "opening"
    assert commit.capital_rows == (state.capital,)
    assert state.capital.last_event_count == state.ledger.event_count == 1
    assert state.capital.content_hash == state.ledger.content_hash
    assert (state.opened_ms, state.cursor_ms, state.cycle) == (OPENED_MS, OPENED_MS, 0)
    assert state.mode == ModeMemory()
    assert state.risk.peak_equity_try == state.risk.day_start_equity_try == 1000
    assert state.risk.day_end_ms == DAY_END_MS
