"""An account that lives through cycles of arbitrary facts: what profit and loss is held against.

A cycle is taken as the pipeline takes it: the day is turned, each event is booked, equity is
marked. Nothing here computes what is tested.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from btcturk_kit.domain.cycle import CycleState, Mark, Observation
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import lot_moves, order_key
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, exactly
from btcturk_kit.domain.operator_events import (
    assignment_event,
    levy_event,
    transfer_event,
    valuation_event,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.pnl_days import PnlDay
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.round_trips import RoundTrip
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.books import cash_and_treasury, marked_value, require_law
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.pipeline.perform import mark_performance, turn_day
from btcturk_kit.pipeline.profile import Profile

from .facts import scaled

__all__ = ["BTC", "DAY_MS", "OPENED_MS", "USDT", "Life", "cycles", "day_end", "fills_of"]

BTC, ETH, USDT, BNB = Asset("BTC"), Asset("ETH"), Asset("USDT"), Asset("BNB")
COINS = (BTC, ETH, USDT, BNB)
DAY_MS = 86_400_000
OPENED_MS = 20_000 * DAY_MS
PAIRS = ((BTC, TRY), (ETH, TRY), (BTC, USDT), (USDT, TRY), (BNB, TRY))


def day_end(now_ms: int) -> int:
    """Return the end of a day in UTC."""
    return (now_ms // DAY_MS + 1) * DAY_MS


class Life:
    """One account from its opening on.

    Attributes:
        state: Where it stands.
        events: The whole ledger, the opening first.
        days: Days that ended.
        trips: Round trips that closed.
    """

    def __init__(self, *, method: CostMethod = CostMethod.FIFO, dust: str = "10") -> None:
        limits = RiskLimits(dust_try=Decimal(dust))
        self.profile = Profile(
            account="main",
            symbols=(),
            day_end=day_end,
            risk=RiskBudgetPolicy(limits=limits),
            cost_method=method,
        )
        self.method = method
        opening = open_account(
            "main",
            (
                Balance(TRY, Decimal(100_000), ZERO),
                *[Balance(coin, Decimal(1_000), ZERO) for coin in COINS],
            ),
            quote=TRY,
            now_ms=OPENED_MS,
            day_end=day_end,
            trading_capital_try=Decimal(80_000),
        )
        self.state: CycleState = opening.state
        self.events: list[LedgerEvent] = list(opening.events)
        self.days: list[PnlDay] = []
        self.trips: list[RoundTrip] = []

    def cycle(
        self,
        now_ms: int,
        events: Sequence[LedgerEvent],
        marks: Mapping[Asset, Decimal],
    ) -> None:
        """Take one cycle."""
        seen = {
            Symbol(f"{coin}{TRY}"): Mark(price, price, price, now_ms)
            for coin, price in marks.items()
        }
        history = tuple([(coin, self._history(coin)) for coin in COINS])
        draft = Draft(self.state, Observation(now_ms, seen, history=history), self.profile, {})
        with exactly():
            if now_ms >= self.state.performance.day.end_ms:
                turn_day(draft)
            for event in sorted(events, key=order_key):
                book(draft, event)
            require_law(draft, TRY)
            value = marked_value(draft.positions, seen, TRY)
            draft.equity_try = cash_and_treasury(draft.ledger, TRY) + value
            mark_performance(draft)
        self.events += draft.events
        self.days += draft.days
        self.trips += draft.trips
        self.state = self.state._replace(
            cycle=self.state.cycle + 1,
            ledger=draft.ledger,
            positions=draft.positions,
            external=draft.external,
            capital=draft.capital,
            unvalued=draft.unvalued,
            performance=draft.performance,
        )

    def _history(self, coin: Asset) -> tuple[LedgerEvent, ...]:
        return tuple(
            event for event in self.events if any(move.asset == coin for move in lot_moves(event))
        )

    def live(self, plan: Sequence[tuple[int, list[dict[str, Any]], dict[Asset, Decimal]]]) -> None:
        """Live through a plan that `cycles` drew."""
        for _ in self.steps(plan):
            pass

    def steps(
        self, plan: Sequence[tuple[int, list[dict[str, Any]], dict[Asset, Decimal]]]
    ) -> Iterator[None]:
        """Live through a plan, stopping after each cycle."""
        now_ms = OPENED_MS
        for step_ms, acts, marks in plan:
            now_ms += step_ms
            made = [event for act in acts for event in self._event(act, now_ms, len(self.events))]
            self.cycle(now_ms, list({event.key: event for event in made}.values()), marks)
            yield

    def _event(self, act: dict[str, Any], now_ms: int, count: int) -> list[LedgerEvent]:
        kind, amount, number = act["kind"], act["amount"], act["number"]
        key = f"{kind}:{count}:{number}"
        if kind == "fill":
            at_ms = max(OPENED_MS, now_ms - act["late_ms"])
            fill = fill_of_act(act, count * 1_000 + number, at_ms)
            return [fill_event(fill, is_own=not act["is_foreign"], known_ms=now_ms)]
        if kind == "transfer":
            source, target = act["pockets"]
            return [
                transfer_event(
                    key,
                    amount,
                    source=source,
                    target=target,
                    quote=TRY,
                    now_ms=now_ms,
                    reason="asked",
                )
            ]
        if kind == "assignment":
            return [
                assignment_event(
                    key,
                    act["pair"][0],
                    amount,
                    cost_try=act["price"],
                    acquired_ms=now_ms - act["late_ms"],
                    to_bot=act["side"] is Side.BUY,
                    now_ms=now_ms,
                    evidence="told",
                )
            ]
        if kind == "levy":
            return [
                levy_event(
                    key,
                    amount,
                    kind=EventKind.WITHHOLDING,
                    payer=Account.BOT,
                    event_time_ms=now_ms,
                    known_ms=now_ms,
                    reason="law",
                )
            ]
        by_key = {event.key: event for event in self.events}
        return [
            valuation_event(by_key[key], act["price"], known_ms=now_ms)
            for key in self.state.unvalued[:1]
        ]


def fill_of_act(act: dict[str, Any], trade: int, at_ms: int) -> Fill:
    """Return the trade an act tells of."""
    base, quote = act["pair"]
    charged = {"quote": None, "base": base, "third": BNB, "open": BNB}[act["charged"]]
    is_third = charged is not None and charged not in (base, quote)
    rate = act["rate"] if act["charged"] == "third" and is_third else None
    return Fill(
        TradeId(trade),
        OrderId(trade),
        ClientOrderId("bk1-a"),
        Symbol(f"{base}{quote}"),
        base,
        quote,
        act["side"],
        act["amount"],
        act["price"],
        act["fee"],
        act["tax"],
        at_ms,
        charged,
        rate,
        None if quote == TRY else act["rate"],
    )


def _decimals(places: int, low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.builds(scaled, st.integers(low, high), st.just(places))


_POCKETS = [("bot", "unassigned"), ("unassigned", "bot"), ("treasury", "bot"), ("bot", "treasury")]

acts = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ["fill", "fill", "fill", "fill", "transfer", "assignment", "levy", "valuation"]
        ),
        "number": st.integers(0, 999),
        "pair": st.sampled_from(PAIRS),
        "side": st.sampled_from([Side.BUY, Side.SELL]),
        "amount": _decimals(5, 1, 300_000),
        "price": _decimals(3, 1, 200_000),
        "fee": _decimals(8, 0, 10_000_000),
        "tax": _decimals(8, 0, 1_000_000),
        "charged": st.sampled_from(["quote", "quote", "base", "third", "open"]),
        "rate": _decimals(4, 1, 1_000_000),
        "late_ms": st.sampled_from([0, 0, 0, 60_000, DAY_MS // 2, 3 * DAY_MS]),
        "is_foreign": st.sampled_from([False, False, False, True]),
        "pockets": st.sampled_from(_POCKETS),
    }
)
"""Anything that may become known: only the fields its kind needs are looked at."""

marks_of = st.dictionaries(st.sampled_from(COINS), _decimals(4, 1, 2_000_000), max_size=4)

cycles = st.lists(
    st.tuples(
        st.sampled_from([0, 60_000, 3_600_000, DAY_MS // 2, 5 * DAY_MS]),
        st.lists(acts, max_size=3),
        marks_of,
    ),
    max_size=8,
)
"""What happens, cycle by cycle: time passed, facts that became known, marks."""


fills_of = st.lists(
    acts.map(lambda act: act | {"kind": "fill", "is_foreign": False}), min_size=2, max_size=9
)
"""Trades of the bot, to be told in any order."""
