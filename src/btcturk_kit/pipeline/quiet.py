"""Quiet cycles: feed bars, watch trip-wires, ask strategies; no object while nothing happens.

The scan walks a frame instant by instant. It stops at the first one where something may have
happened: an order may have filled, equity crossed a floor, exposure its ceiling, a day ended, or a
strategy proposed. Everything is compared in integers of one unit, 10**-(price scale + 16) of the
quote, so the comparisons are exact. Never add: a `Decimal`, a call per instant that can be spared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import NamedTuple

from btcturk_kit.domain.cycle import Anomaly, CancelIntent, CycleState, Intent
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.domain.money import EXACT, add, sub
from btcturk_kit.domain.risk import RiskMode
from btcturk_kit.hooks.strategy import BarView
from btcturk_kit.pipeline.decide import Kit

__all__ = ["QuietScan", "Stop"]

_QUANTITY_PLACES = 16
_NEVER = 1 << 400
_UP = Context(prec=200, rounding=ROUND_CEILING)
_DOWN = Context(prec=200, rounding=ROUND_FLOOR)

Wires = Mapping[Symbol, tuple[int, int]]


class Stop(NamedTuple):
    """Where a scan stopped.

    Attributes:
        at: Instant of the frame, or the end given to `scan`.
        intents: What strategies proposed there; None when they were not asked.
        anomalies: Strategies that failed there.
    """

    at: int
    intents: tuple[Intent | CancelIntent, ...] | None
    anomalies: tuple[Anomaly, ...]


class _Feed:
    """One pair's columns, its view and who is fed with it; amounts in the scan's units."""

    __slots__ = ("close", "high", "high_wire", "low", "low_wire", "on_bars", "quantity", "view")

    def __init__(
        self,
        view: BarView,
        on_bars: tuple[Callable[[BarView], None], ...],
        columns: tuple[Sequence[int], Sequence[int], Sequence[int]],
    ) -> None:
        self.view = view
        self.on_bars = on_bars
        self.close, self.low, self.high = columns
        self.quantity = 0
        self.low_wire = -_NEVER
        self.high_wire = _NEVER


class QuietScan:
    """The inner loop of a run, with the trip-wires of the last event cycle.

    Args:
        kit: Policies and strategies of the run.

    Attributes:
        equities: Equity at every instant, in integer units of 10**-`unit_places` of the quote.
    """

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._proposers = tuple((one.strategy.propose, one.name) for one in kit.strategies)
        places = max(rules.price_places for rules in kit.rules.values())
        self._price_places = {s: rules.price_places for s, rules in kit.rules.items()}
        self._max_price_places = places
        self.unit_places = places + _QUANTITY_PLACES
        self.equities: list[int] = []
        self._feeds: tuple[_Feed, ...] = ()
        self._always = True
        self._cash = self._floor = self._daily_floor = self._peak = self._treasury_now = 0
        self._ceiling = self._day_end_ms = 0
        ratio = kit.profile.risk.limits.drawdown_ratio.as_integer_ratio()
        self._ratio_num, self._ratio_den = ratio

    def enter(self, frame: MarketFrame) -> None:
        """Stand at the start of a frame."""
        feeds: list[_Feed] = []
        for columns in frame.bars:
            on_bars = tuple(
                bound.strategy.on_bar
                for bound in self._kit.strategies
                if bound.symbol == columns.symbol and hasattr(bound.strategy, "on_bar")
            )
            feeds.append(
                _Feed(BarView(columns), on_bars, (columns.close, columns.low, columns.high))
            )
        self._feeds = tuple(feeds)

    def arm(self, state: CycleState, *, wanted: RiskMode, wires: Wires | None) -> None:
        """Set the trip-wires; while a mode is in force every instant is looked at."""
        profile, rules = self._kit.profile, self._kit.rules
        quote, ledger, memory = profile.quote, state.ledger, state.risk
        self._always = (
            wires is None or wanted is not RiskMode.NORMAL or state.mode.mode is not RiskMode.NORMAL
        )
        treasury = ledger.balance(Account.TREASURY, quote)
        self._cash = self._units(add(ledger.balance(Account.BOT, quote), treasury), _DOWN)
        self._peak = self._units(memory.peak_equity_try, _DOWN)
        self._treasury_now = self._units(treasury, _DOWN)
        self._floor = self._units(profile.risk.equity_floor(memory), _UP)
        allowed = profile.risk.limits.daily_loss_ratio * max(
            memory.day_start_capital_try, Decimal(0)
        )
        self._daily_floor = self._units(sub(memory.day_start_equity_try, allowed), _UP)
        self._day_end_ms = memory.day_end_ms
        capital = max(state.capital.trading_capital_try, Decimal(0))
        exposure = profile.risk.limits.gross_exposure_ratio * capital
        for order in state.orders.values():
            if order.side == "buy":
                exposure = sub(exposure, order.reserved)
        self._ceiling = self._units(exposure, _DOWN)
        for feed in self._feeds:
            symbol = feed.view.symbol
            position = state.positions.get(rules[symbol].base)
            feed.quantity = 0
            if position is not None and position.quantity:
                shift = _QUANTITY_PLACES + self._max_price_places - self._price_places[symbol]
                feed.quantity = int(position.quantity.scaleb(shift, context=EXACT))
            if wires is not None:
                feed.low_wire, feed.high_wire = wires.get(symbol, (-_NEVER, _NEVER))

    def _units(self, amount: Decimal, context: Context) -> int:
        return int(
            amount.scaleb(self.unit_places, context=_DOWN).to_integral_value(context=context)
        )

    def amount(self, units: int) -> Decimal:
        """Return units as an exact amount of quote."""
        return Decimal(units).scaleb(-self.unit_places, context=EXACT)

    @property
    def peak_try(self) -> Decimal:
        """Highest equity seen, in quote."""
        return self.amount(self._peak)

    def scan(self, frame: MarketFrame, start: int, stop: int) -> Stop:  # noqa: C901 - the hot loop, kept flat on purpose
        """Walk from `start` and return the first instant that needs a cycle, or `stop`."""
        times, feeds, context = frame.times_ms, self._feeds, self._kit.context
        proposers, note_equity = self._proposers, self.equities.append
        cash, floor, peak, always = self._cash, self._floor, self._peak, self._always
        ceiling, day_end_ms = self._ceiling, self._day_end_ms
        failures: list[Anomaly] = []
        for index in range(start, stop):
            value = 0
            tripped = always
            for feed in feeds:
                view = feed.view
                view.index = index
                for on_bar in feed.on_bars:
                    try:
                        on_bar(view)
                    except Exception as error:  # noqa: BLE001 - one strategy must not stop a run
                        failures.append(_failure(on_bar, error))
                        tripped = True
                value += feed.quantity * feed.close[index]
                if feed.low[index] < feed.low_wire or feed.high[index] > feed.high_wire:
                    tripped = True
            equity = cash + value
            note_equity(equity)
            if equity > peak:
                peak = self._peak = equity
                floor = self._floor_at(peak)
            context.index = index
            if tripped or equity < floor or value > ceiling or times[index] >= day_end_ms:
                return Stop(index, None, tuple(failures))
            wanted: tuple[Intent | CancelIntent, ...] = ()
            for propose, name in proposers:
                try:
                    intents = propose(context)
                except Exception as error:  # noqa: BLE001 - one strategy must not stop a run
                    failures.append(
                        Anomaly("strategy_failed", RiskMode.NORMAL, f"{name}: {error!r}")
                    )
                    continue
                if intents:
                    wanted = (*wanted, *intents)
            if wanted or failures:
                return Stop(index, wanted, tuple(failures))
        return Stop(stop, None, ())

    def _floor_at(self, peak: int) -> int:
        """Return the equity floor for a new peak; treasury stood still since the last event."""
        at_risk = max(0, peak - self._treasury_now)
        return max(self._daily_floor, peak - self._ratio_num * at_risk // self._ratio_den)


def _failure(method: Callable[..., object], error: Exception) -> Anomaly:
    owner = type(getattr(method, "__self__", method)).__name__
    return Anomaly("strategy_failed", RiskMode.NORMAL, f"{owner}.on_bar: {error!r}")
