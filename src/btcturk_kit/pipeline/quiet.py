"""Quiet cycles: feed bars, watch trip-wires, ask strategies; no object while nothing happens.

The scan walks a frame instant by instant. It stops at the first one where something may have
happened: an order may have filled or grown too old, equity crossed a floor, exposure its ceiling,
a holding the line to dust, a spread too wide, a day ended, or a strategy proposed. A rule that
speaks for another reason than these leaves no instant quiet; frames of a live market never are.
Everything is compared in integers of one unit, 10**-(price scale + 16) of the quote, so the
comparisons are exact. Never add: a `Decimal`, a call per instant that can be spared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.cycle import Anomaly, CancelIntent, CycleState, Intent
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.market import MarketFrame
from btcturk_kit.domain.money import EXACT, ZERO, exact
from btcturk_kit.domain.orders import Order, Side
from btcturk_kit.domain.risk import RiskAssessment
from btcturk_kit.domain.risk_memory import RiskMemory, refused_orders
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import require
from btcturk_kit.hooks.strategy import BarView, checked_intents
from btcturk_kit.pipeline.books import UNSETTLED
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.feeds import NEVER, Feed
from btcturk_kit.pipeline.reconcile import due_ms
from btcturk_kit.pipeline.tape import Tape

__all__ = ["QuietScan", "Stop"]

# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT
_BUY = Side.BUY
_SUSPENSE = Account.SUSPENSE
_TREASURY = Account.TREASURY
_NORMAL = RiskMode.NORMAL


_QUANTITY_PLACES = 16
_NO_WIRE = (-NEVER, NEVER)

Wires = Mapping[Symbol, tuple[int, int]]


class Stop(NamedTuple):
    """Where a scan stopped.

    Attributes:
        at: Instant of the frame, or the end given to `scan`.
        intents: What strategies proposed there; None when they were not asked.
        anomalies: Strategies that failed there.
        is_touch: A price reached a wire, and that is all: if the exchange has no news either, the
            scan can go on.
    """

    at: int
    intents: tuple[Intent | CancelIntent, ...] | None
    anomalies: tuple[Anomaly, ...]
    is_touch: bool = False


class QuietScan:
    """The inner loop of a run, with the trip-wires of the last event cycle.

    Args:
        kit: Policies and strategies of the run.
        publication_ms: How long after it happened a recorded trade or book is published.

    Attributes:
        equities: Equity at every instant, in integer units of 10**-`unit_places` of the quote.
    """

    def __init__(self, kit: Kit, *, publication_ms: int = 0) -> None:
        self._kit = kit
        bound = [(one.symbol, one.strategy) for one in kit.strategies]
        self._tape = Tape(bound, publication_ms=publication_ms)
        self._has_tape = False
        self._proposers = tuple((one.strategy.propose, one.name) for one in kit.strategies)
        places = max(rules.price_places for rules in kit.rules.values())
        self._price_places = {s: rules.price_places for s, rules in kit.rules.items()}
        self._max_price_places = places
        self.unit_places = places + _QUANTITY_PLACES
        self.equities: list[int] = []
        self._feeds: tuple[Feed, ...] = ()
        self._times_ms: Sequence[int] = ()
        self._next = 0  # the instant the next scan begins at
        self._is_live = self._has_suspense = False
        self._always = True
        self._has_voters = kit.gateway.has_voters
        self._cash = self._floor = self._daily_floor = self._treasury_now = 0
        self._peak = self._armed_peak = 0
        self._treasury_try = self._unfed = self._room = ZERO
        self._ledger: Ledger | None = None
        self._memory: RiskMemory | None = None
        self._capital: CapitalState | None = None
        self._orders: Mapping[ClientOrderId, Order] | None = None
        self._ceiling = self._day_end_ms = self._due_ms = self._wide_ms = 0
        self._position_ceiling: int | None = None
        limits = kit.profile.risk.limits
        self._ratio_num, self._ratio_den = limits.drawdown_ratio.as_integer_ratio()
        self._spread_ratio = limits.spread_ratio_max.as_integer_ratio()

    def enter(self, frame: MarketFrame) -> None:
        """Stand at the start of a frame."""
        feeds: list[Feed] = []
        for columns in frame.bars:
            places = self._price_places.get(columns.symbol)
            require(
                places == columns.price_scale,
                f"bars of {columns.symbol} have prices of {columns.price_scale} decimals, the pair "
                f"of {places}",
            )
            on_bars = tuple(
                bound.strategy.on_bar
                for bound in self._kit.strategies
                if bound.symbol == columns.symbol and hasattr(bound.strategy, "on_bar")
            )
            feeds.append(Feed(BarView(columns), on_bars, columns))
        self._feeds = tuple(feeds)
        self._times_ms, self._next = frame.times_ms, 0
        self._is_live = bool(frame.books or frame.tickers)
        self._has_tape = self._tape.enter(frame)
        self._ledger = None  # the new feeds have no quantities yet

    @exact
    def arm(
        self, state: CycleState, *, assessment: RiskAssessment | None, wires: Wires | None
    ) -> None:
        """Set the trip-wires; while a mode is in force every instant is looked at.

        What did not change since the last time, by identity, is not computed again.
        """
        memory = state.risk
        if state.ledger is not self._ledger:
            self._arm_holdings(state)
            self._capital = None  # the ceiling counts what was just counted
        self._always = (
            wires is None
            or assessment is None
            or self._is_live
            or self._has_voters
            or assessment.wanted is not _NORMAL
            or state.mode.mode is not _NORMAL
            or self._has_lasting_reason(state)
        )
        if memory is not self._memory:
            self._arm_floors(memory)
        if wires is None:
            return
        if state.capital is not self._capital or state.orders is not self._orders:
            self._arm_ceiling(state)
        self._wide_ms = NEVER
        for feed in self._feeds:
            if feed.bid is not feed.ask:  # as they are in candles without a book
                self._arm_spread(feed, state)
            low, high = _NO_WIRE
            if feed.quantity > 0:
                if self._position_ceiling is not None:
                    high = self._position_ceiling // feed.quantity
                if self._kit.context.is_holding(feed.view.symbol):
                    low = feed.held_from
                else:
                    high = min(high, feed.held_from - 1)
            feed.own_low, feed.own_high = low, high
        self.rewire(wires)

    def rewire(self, wires: Wires) -> None:
        """Take over between which prices nothing can happen to our orders."""
        for feed in self._feeds:
            low, high = wires.get(feed.view.symbol, _NO_WIRE)
            feed.low_wire = max(low, feed.own_low)
            feed.high_wire = min(high, feed.own_high)

    def is_calm(self, at: int) -> bool:
        """Whether no bar of an instant reached a wire of what is held."""
        return all(
            feed.own_low <= feed.low[at] and feed.high[at] <= feed.own_high for feed in self._feeds
        )

    def _has_lasting_reason(self, state: CycleState) -> bool:
        """Whether a rule may speak at the next instant although nothing happens there."""
        limits = self._kit.profile.risk.limits
        if state.mode.override is not None or self._has_suspense or state.unvalued:
            return True
        if len(state.orders) > limits.unknown_orders_max:
            in_doubt = sum([order.status in UNSETTLED for order in state.orders.values()])
            if in_doubt > limits.unknown_orders_max:
                return True
        if not state.risk.submits:
            return False
        refused = refused_orders(state.risk, limits, now_ms=self._kit.context.now_ms)
        return refused > limits.reject_ratio_max * limits.reject_window

    def _arm_spread(self, feed: Feed, state: CycleState) -> None:
        symbol = feed.view.symbol
        if not feed.quantity and not any(one.symbol == symbol for one in state.orders.values()):
            return
        wide = feed.next_wide(self._next, self._spread_ratio)
        if wide < len(self._times_ms):
            self._wide_ms = min(self._wide_ms, self._times_ms[wide])

    def _arm_ceiling(self, state: CycleState) -> None:
        self._orders, profile = state.orders, self._kit.profile
        if state.capital is not self._capital:
            self._capital = state.capital
            capital = max(state.capital.trading_capital_try, ZERO)
            limits = profile.risk.limits
            self._room = limits.gross_exposure_ratio * capital - self._unfed
            # A position cannot outgrow all of them together: mostly its own ceiling says nothing.
            if limits.position_ratio < limits.gross_exposure_ratio:
                most = limits.position_ratio * capital
                self._position_ceiling = int(most.scaleb(self.unit_places))
        room, self._due_ms = self._room, NEVER
        for order in state.orders.values():
            if order.side is _BUY:
                room = room - order.reserved
            until_ms = due_ms(order, profile)
            self._due_ms = min(self._due_ms, until_ms)
        self._ceiling = int(room.scaleb(self.unit_places))

    def _arm_holdings(self, state: CycleState) -> None:
        quote, ledger, rules = self._kit.profile.quote, state.ledger, self._kit.rules
        self._ledger = ledger
        self._has_suspense = False
        for (account, _), amount in ledger.balances.items():
            if account is _SUSPENSE and amount:
                self._has_suspense = True
        self._treasury_try = treasury = ledger.balance(_TREASURY, quote)
        places = self.unit_places
        cash = ledger.balance(_BOT, quote) + treasury
        self._cash = int(cash.scaleb(places))
        self._treasury_now = int(treasury.scaleb(places))
        unfed = dict(state.positions)
        for feed in self._feeds:
            symbol = feed.view.symbol
            position = unfed.pop(rules[symbol].base, None)
            feed.quantity = 0
            if position is not None and position.quantity:
                shift = _QUANTITY_PLACES + self._max_price_places - self._price_places[symbol]
                feed.quantity = int(position.quantity.scaleb(shift))
                dust = rules[symbol].min_notional
                if dust is not feed.dust:
                    feed.dust = dust
                    least = max(self._kit.profile.risk.limits.dust_try, dust)
                    feed.dust_units = _ceil(least.scaleb(places))
                feed.held_from = -(-feed.dust_units // feed.quantity)
        # With no market to mark them at coins count at their cost, as in assess: as equity and as
        # exposure.
        self._unfed = sum([one.cost for one in unfed.values() if one.quantity], ZERO)
        self._cash += int(self._unfed.scaleb(places))

    def _arm_floors(self, memory: RiskMemory) -> None:
        known, self._memory = self._memory, memory
        if known is not None and self._peak == self._armed_peak and known[:5] == memory[:5]:
            return  # neither the peak nor the day moved
        policy, places = self._kit.profile.risk, self.unit_places
        self._peak = self._armed_peak = int(memory.peak_equity_try.scaleb(places))
        allowed = policy.limits.daily_loss_ratio * max(memory.day_start_capital_try, ZERO)
        daily = memory.day_start_equity_try - allowed
        self._daily_floor = _ceil(daily.scaleb(places))
        self._floor = max(self._daily_floor, _ceil(policy.equity_floor(memory).scaleb(places)))
        self._day_end_ms = memory.day_end_ms

    def amount(self, units: int) -> Decimal:
        """Return units as an exact amount of quote."""
        return Decimal(units).scaleb(-self.unit_places, context=EXACT)

    def caught_up(self, memory: RiskMemory) -> RiskMemory:
        """Return the risk memory with the highest equity the scan has seen since it was armed."""
        if self._peak == self._armed_peak:
            return memory
        return memory._replace(
            peak_equity_try=self.amount(self._peak), peak_treasury_try=self._treasury_try
        )

    def scan(  # noqa: C901, PLR0912 - the hot loop, kept flat on purpose
        self, frame: MarketFrame, start: int, stop: int, *, is_seen: bool = False
    ) -> Stop:
        """Walk from `start` and return the first instant that needs a cycle, or `stop`.

        Args:
            frame: Where the scan stands.
            start: The first instant.
            stop: The first one that is not walked over.
            is_seen: The first instant has been looked at before, and nothing was found: only the
                strategies have not been asked yet.
        """
        times, feeds, context = frame.times_ms, self._feeds, self._kit.context
        proposers, note_equity = self._proposers, self.equities.append
        cash, floor, peak, always = self._cash, self._floor, self._peak, self._always
        ceiling, wake_ms = self._ceiling, min(self._day_end_ms, self._due_ms, self._wide_ms)
        if self._kit.steering is not None:
            wake_ms = min(wake_ms, self._kit.steering.wake_ms)
        tell = self._tape.tell if self._has_tape else None
        failures: list[Anomaly] = []
        if is_seen:
            wanted = self._ask(failures)
            if wanted or failures:
                return Stop(start, wanted, tuple(failures))
            start += 1
        for index in range(start, stop):
            value = 0
            touched = False
            if tell is not None:
                failures += tell(times[index])
            for feed in feeds:
                view = feed.view
                view._index = index  # noqa: SLF001 - strategies may only read it
                for on_bar in feed.on_bars:
                    try:
                        on_bar(view)
                    except Exception as error:  # noqa: BLE001 - one strategy must not stop a run
                        failures.append(_failure(on_bar, error))
                value += feed.quantity * feed.close[index]
                if feed.low[index] < feed.low_wire or feed.high[index] > feed.high_wire:
                    touched = True
            equity = cash + value
            note_equity(equity)
            if equity > peak:
                peak = self._peak = equity
                floor = self._floor = self._floor_at(peak)
            context._index = index  # noqa: SLF001 - as above
            if always or equity < floor or value > ceiling or times[index] >= wake_ms or failures:
                self._next = index + 1
                return Stop(index, None, tuple(failures))
            if touched:
                self._next = index + 1
                return Stop(index, None, (), is_touch=True)
            wanted = ()
            for propose, name in proposers:
                try:
                    intents = propose(context)
                    if intents:
                        wanted = (*wanted, *checked_intents(intents))
                except Exception as error:  # noqa: BLE001 - one strategy must not stop a run
                    failures.append(Anomaly("strategy_failed", _NORMAL, f"{name}: {error!r}"))
            if wanted or failures:
                self._next = index + 1
                return Stop(index, wanted, tuple(failures))
        self._next = stop
        return Stop(stop, None, ())

    def _ask(self, failures: list[Anomaly]) -> tuple[Intent | CancelIntent, ...]:
        """Ask the strategies at the instant the context stands at."""
        wanted: tuple[Intent | CancelIntent, ...] = ()
        for propose, name in self._proposers:
            try:
                intents = propose(self._kit.context)
                if intents:
                    wanted = (*wanted, *checked_intents(intents))
            except Exception as error:  # noqa: BLE001 - one strategy must not stop a run
                failures.append(Anomaly("strategy_failed", _NORMAL, f"{name}: {error!r}"))
        return wanted

    def _floor_at(self, peak: int) -> int:
        """Return the equity floor for a new peak; treasury stood still since the last event."""
        at_risk = max(0, peak - self._treasury_now)
        return max(self._daily_floor, peak - self._ratio_num * at_risk // self._ratio_den)


def _ceil(amount: Decimal) -> int:
    """Return the least integer that is not below a positive amount."""
    down = int(amount)
    return down if down == amount else down + 1


def _failure(method: Callable[..., object], error: Exception) -> Anomaly:
    owner = type(getattr(method, "__self__", method)).__name__
    return Anomaly("strategy_failed", _NORMAL, f"{owner}.on_bar: {error!r}")
