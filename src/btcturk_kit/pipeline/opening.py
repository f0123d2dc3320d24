"""Opening: the first state of an account, from what the exchange says it holds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.cycle import CycleState, StateCommit
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Ledger
from btcturk_kit.domain.ledger_events import opening_event
from btcturk_kit.domain.lots import lot_moves
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, add, exact
from btcturk_kit.domain.positions import Position, apply_move
from btcturk_kit.domain.risk import ModeMemory, RiskMemory
from btcturk_kit.errors import ConfigurationError

__all__ = ["open_account"]


@exact
def open_account(
    account: str,
    balances: tuple[Balance, ...],
    *,
    quote: Asset,
    now_ms: int,
    day_end: Callable[[int], int],
    trading_capital_try: Decimal | None = None,
) -> StateCommit:
    """Return the commit that opens an account's books.

    Args:
        account: Name of the account.
        balances: What the exchange holds for us now.
        quote: TRY.
        now_ms: The instant of the balances; older trades are inside them and are not booked again.
        day_end: First instant of the next day.
        trading_capital_try: What the bot may trade with; None for all of the quote there is.

    Raises:
        ConfigurationError: There is no quote, or less than the trading capital asked for.
    """
    totals = {one.asset: add(one.free, one.locked) for one in balances}
    available = totals.get(quote, ZERO)
    capital_try = available if trading_capital_try is None else trading_capital_try
    if capital_try <= 0 or capital_try > available:
        raise ConfigurationError(
            f"trading capital {capital_try} {quote}, but the account holds {available} {quote}",
            hint="deposit, or choose a smaller trading capital",
        )
    event = opening_event(totals, bot_quote=capital_try, quote=quote, now_ms=now_ms)
    ledger = Ledger().post(event)
    capital = CapitalState(
        account=account,
        trading_capital_try=capital_try,
        last_event_count=ledger.event_count,
        last_event_key=ledger.last_event_key,
        content_hash=ledger.content_hash,
    )
    external = {
        move.asset: apply_move(Position(move.asset, book=move.book), move)
        for move in lot_moves(event)
    }
    risk = RiskMemory(capital_try, ZERO, day_end(now_ms), capital_try, capital_try)
    state = CycleState(
        account,
        0,
        ledger,
        {},
        capital,
        risk,
        ModeMemory(),
        {},
        (),
        now_ms,
        now_ms,
        external=external,
    )
    return StateCommit(
        state=state,
        previous_count=0,
        now_ms=now_ms,
        events=(event,),
        capital_rows=(capital,),
        positions=tuple(external.values()),
    )
