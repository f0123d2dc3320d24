"""The OMS simulator: orders against bars, tapes of trades and books, with the exchange's money.

An order reaches the market after the instant it was decided at, so on bars it meets the next one.
What is assumed of the exchange beyond that is a bundle of models (`venue_models`), each of which
says what of it is not true; without models a submit arrives at once, nothing is refused but for
rules and balances, and fills are those of `bar_matching`. Where a frame brings level-2 updates of a
pair, these are its market; else the tape of its trades; else its bars.

Never add: a clock, strategies, what the market does by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, BarColumns, MarketFrame
from btcturk_kit.domain.order_events import (
    CancelAccepted,
    CancelOutcome,
    CancelRejected,
    OrderAccepted,
    OrderRejected,
    VenueOrder,
)
from btcturk_kit.domain.orders import (
    CancelOrder,
    Order,
    OrderEvent,
    OrderRequest,
    OrderType,
    Side,
    StopRequest,
    SubmitOrder,
)
from btcturk_kit.simulation.bar_matching import BarMatching, Meeting, has_traded
from btcturk_kit.simulation.chance import Chance
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.entry import Entry
from btcturk_kit.simulation.fees import FeesAt, FeeSchedule
from btcturk_kit.simulation.placing import place, restore
from btcturk_kit.simulation.recorded_markets import RecordedMarkets
from btcturk_kit.simulation.sampled_ladder import SampledLadders
from btcturk_kit.simulation.stops import order_behind
from btcturk_kit.simulation.timeline import TimedMarket, walk
from btcturk_kit.simulation.trigger import Triggers
from btcturk_kit.simulation.venue_models import SampledBook, VenueModels
from btcturk_kit.simulation.windows import VolumeLevel
from btcturk_kit.simulation.working import OrderStep, PairOrders, Working

__all__ = ["Changes", "OmsSimulator"]

_BUY = Side.BUY
_CANCEL_SENT = OrderEvent.CANCEL_SENT
_MARKET = OrderType.MARKET

_accepted = partial(tuple.__new__, OrderAccepted)  # half of what the call of it costs
_NEVER = 1 << 400
_LOOK = (_NEVER, -_NEVER)  # there is something to see at the next instant, whatever the prices
_QUIET = (-_NEVER, _NEVER)


class Changes(NamedTuple):
    """What happened since somebody asked last.

    Attributes:
        orders: Every order with a step, as it stands now.
        steps: The steps, in the order they were taken.
        fills: The trades.
    """

    orders: tuple[VenueOrder, ...]
    steps: tuple[OrderStep, ...]
    fills: tuple[Fill, ...]


class OmsSimulator:
    """One simulated account.

    Args:
        rules: Trading rules per pair.
        fees: Rates, or what answers those of an order for its pair and the instant it is placed
            at (`DatedFees.at`); where `models.fees` has levels, these win.
        opening: Free balances at the start.
        models: What is assumed of the exchange.
        seed: Of everything that is drawn.
        first_id: Where the numbers of orders and trades begin; above those of an earlier run.

    Attributes:
        wires: The prices of each pair between which nothing can happen.

    Example:
        >>> from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
        >>> oms = OmsSimulator({}, BTCTRY_LEVEL_1, {Asset("TRY"): Decimal(100)})
        >>> [(one.asset, one.total) for one in oms.balances()]
        [('TRY', Decimal('100'))]
    """

    def __init__(
        self,
        rules: Mapping[Symbol, PairRules],
        fees: FeeSchedule | FeesAt,
        opening: Mapping[Asset, Decimal],
        *,
        models: VenueModels = VenueModels(),  # noqa: B008 - a frozen value
        seed: int = 0,
        first_id: int = 1,
    ) -> None:
        self.wires: dict[Symbol, tuple[int, int]] = {}
        self._models = models
        self._chance = Chance(seed)
        self._desk = Desk(rules, fees, opening, first_id=first_id)
        self._triggers = Triggers(self._desk, models)
        self._bars = BarMatching(self._desk, models, self._chance, self._triggers)
        self._entry = Entry(models, self._chance)
        self._recorded = RecordedMarkets(self._desk, models)
        self._ladders = SampledLadders(self._desk, models)
        self._is_ladder = models.sampled_book is SampledBook.LADDER
        self._has_latency = not models.latency.is_none
        if models.fees is not None:
            self._desk.levels = VolumeLevel(models.fees)
        self._now_ms = 0
        self._frame: MarketFrame | None = None
        self._index = 0
        self._told = 0  # trades that an instant with news was told for
        self._changes_told = 0
        self._canceled: set[Symbol] = set()  # pairs with a cancel that nobody has read yet

    # ---- commands

    def submit(self, command: SubmitOrder) -> OrderAccepted | OrderRejected:
        """Accept an order, or refuse it when it breaks a rule or the balance does not cover it."""
        name, request = command
        entry = self._entry
        if entry.has_models:
            answer = entry.before_submit(name, request, self._now_ms)
            if answer is not None:
                return answer
        answer = self._place(name, request, None)
        if entry.has_models:
            entry.after_submit(name, request, answer)
        return answer

    def submit_stop(
        self, client_order_id: ClientOrderId, request: StopRequest
    ) -> OrderAccepted | OrderRejected:
        """Accept a stop order, or refuse it as `submit` does."""
        entry = self._entry
        answer = entry.before_submit(client_order_id, request, self._now_ms)
        if answer is None:
            answer = self._place(client_order_id, order_behind(request), request)
            entry.after_submit(client_order_id, request, answer)
        return answer

    def cancel(self, command: CancelOrder) -> bool:
        """Cancel an order; False when it is not working any more, or the cancel was refused."""
        if self._entry.throttles:
            return isinstance(self.request_cancel(command), CancelAccepted)
        return self._cancel(command)

    def request_cancel(self, command: CancelOrder) -> CancelOutcome:
        """Cancel an order and answer as the exchange does, with the instant to ask again."""
        refused = self._entry.before_cancel(command, self._now_ms)
        if refused is not None:
            return refused
        if self._cancel(command):
            return CancelAccepted(command.client_order_id)
        return CancelRejected(command.client_order_id, "ORDER_COULD_NOT_BE_CANCELED")

    def _cancel(self, command: CancelOrder) -> bool:
        pair = self._desk.pairs.get(command.symbol)
        if pair is None:
            return False
        order = pair.orders.get(command.order_id) or pair.stops.get(command.order_id)
        if order is None:
            return False
        if order.cancel_due_ms is not None:  # repeating it is safe
            return True
        if self._has_latency:
            self._desk.step(order, _CANCEL_SENT, self._now_ms)
            after_ms = self._models.latency.cancel_after_ms(self._chance, order.client_order_id)
            order.cancel_due_ms = max(self._now_ms, order.arrives_ms) + after_ms
        else:
            self._recorded.withdraw(pair.symbol, order)
            self._desk.end_canceled(pair, order, self._now_ms)
            self._canceled.add(command.symbol)
        self.wires[command.symbol] = _LOOK
        return True

    def _place(
        self, name: ClientOrderId, request: OrderRequest, stop: StopRequest | None
    ) -> OrderAccepted | OrderRejected:
        now_ms = self._now_ms
        order = place(self._desk, name, request, stop, now_ms)
        if isinstance(order, OrderRejected):
            return order
        symbol = request.symbol
        if self._has_latency:
            order.arrives_ms = now_ms + self._models.latency.submit_after_ms(self._chance, name)
        if order.order_type is _MARKET and self._models.collar.is_on_bars:
            self._set_collar(symbol, order)
        if self._is_ladder and stop is None:
            self._ladders.arrive(self._frame, self._desk.pairs[symbol], order, now_ms)
        self.wires[symbol] = _LOOK
        return _accepted((name, order.order_id, now_ms))

    def _set_collar(self, symbol: Symbol, order: Working) -> None:
        """Limit a market order by the touch that was seen at the instant of the decision."""
        if self._frame is not None:
            for columns in self._frame.bars:
                if columns.symbol == symbol:
                    touch = columns.ask if order.side is _BUY else columns.bid
                    worst = self._models.collar.worst_of(touch[self._index], side=order.side)
                    order.worst = worst

    def restore(self, order: Order) -> None:
        """Put an order of an earlier run back to work, under its old number if it had one."""
        pair = restore(self._desk, order, self._now_ms)
        self._rewire(pair)

    # ---- time

    def advance(self, frame: MarketFrame, index: int) -> bool:
        """Let the market up to an instant meet the orders; True when something happened."""
        now_ms = frame.times_ms[index]
        start_ms = frame.times_ms[index - 1] if index else self._now_ms
        self._now_ms = now_ms
        self._index = index
        desk = self._desk
        if frame is not self._frame:
            self._frame = frame
            self._recorded.enter(frame)
        canceled, self._canceled = self._canceled, set()
        has_news = bool(canceled)
        pairs = desk.pairs
        for columns in frame.bars:
            pair = pairs.get(columns.symbol)
            if pair is None:
                continue
            has_orders = bool(pair.orders or pair.stops)
            if has_orders:
                market = self._recorded.of(pair)
                if market is not None:
                    has_news = self._walk(pair, market) or has_news
                else:
                    has_news = self._meet(pair, columns, index, start_ms) or has_news
            elif columns.symbol in canceled or self.wires.get(columns.symbol) == _LOOK:
                self.wires[columns.symbol] = _QUIET
        for symbol in self._recorded.barless:
            pair = pairs.get(symbol)
            if pair is None or not (pair.orders or pair.stops):
                continue
            market = self._recorded.of(pair)
            if market is not None:  # pragma: no branch - such a pair has a recording
                has_news = self._walk(pair, market) or has_news
        told, self._told = self._told, len(desk.fills)
        return has_news or self._told > told

    def _walk(self, pair: PairOrders, market: TimedMarket) -> bool:
        """Let a recorded market go on to now; True when an order ended."""
        before = len(self._desk.ended)
        walk(self._desk, pair, market, self._triggers, self._now_ms)
        self.wires[pair.symbol] = _LOOK if pair.orders or pair.stops else _QUIET
        return len(self._desk.ended) != before

    def _meet(self, pair: PairOrders, columns: BarColumns, index: int, start_ms: int) -> bool:
        """Let one bar meet a pair; True when a cancel was carried out."""
        symbol, now_ms = pair.symbol, self._now_ms
        low, high = self.wires.get(symbol, _QUIET)
        if not (columns.low[index] < low or columns.high[index] > high):
            return False
        if not has_traded(columns, index, now_ms):  # an order waits for the next bar that did
            self.wires[symbol] = _LOOK
            return self._carry_out_cancels(pair)
        has_book = bool(self._frame and self._frame.books)
        if has_book and self._is_ladder:
            # What was due before the look is out of the book that it shows.
            has_ended = self._carry_out_cancels(pair)
            self._ladders.meet(self._frame, pair, now_ms)
        else:
            meeting = Meeting(columns, index, has_book=has_book, start_ms=start_ms, now_ms=now_ms)
            self._bars.meet(pair, meeting)
            has_ended = self._carry_out_cancels(pair)
        self._rewire(pair)
        return has_ended

    def _carry_out_cancels(self, pair: PairOrders) -> bool:
        """End what was canceled long enough ago; True when something was."""
        if not self._has_latency:
            return False
        now_ms, has_ended = self._now_ms, False
        for order in [*pair.orders.values(), *pair.stops.values()]:
            if order.cancel_due_ms is not None and order.cancel_due_ms <= now_ms:
                self._desk.end_canceled(pair, order, now_ms)
                has_ended = True
        return has_ended

    def _rewire(self, pair: PairOrders) -> None:
        """Find the prices of a pair between which nothing can happen at the next instant."""
        now_ms, has_latency = self._now_ms, self._has_latency
        low, high = -_NEVER, _NEVER
        for order in pair.orders.values():
            price = order.price
            if not price or order.placed_ms == now_ms:  # new: look whatever the bar does
                self.wires[pair.symbol] = _LOOK
                return
            if has_latency and (order.cancel_due_ms is not None or order.arrives_ms > now_ms):
                self.wires[pair.symbol] = _LOOK
                return
            if order.side is _BUY:
                low = max(low, price)
            elif price < high:
                high = price
        if pair.stops:
            low, high = _LOOK
        self.wires[pair.symbol] = (low, high)

    # ---- what can be asked

    def balances(self) -> tuple[Balance, ...]:
        """Return free and locked of every asset."""
        return self._desk.account.balances()

    def open_orders(self, symbol: Symbol) -> tuple[VenueOrder, ...]:
        """Return the working orders of one pair, oldest first, then the stop orders that wait."""
        pair = self._desk.pairs.get(symbol)
        if pair is None:
            return ()
        now_ms = self._now_ms
        return tuple([one.listed(now_ms) for one in (*pair.orders.values(), *pair.stops.values())])

    def order(self, order_id: OrderId) -> VenueOrder | None:
        """Return a working order, or one that ended; an ended one is told once, then forgotten."""
        ended = self._desk.ended.pop(order_id, None)
        if ended is not None:
            if not self._desk.ended:
                self._canceled.clear()  # there is no cancel left that nobody has read
            return ended[0].listed(ended[1])
        for pair in self._desk.pairs.values():
            order = pair.orders.get(order_id) or pair.stops.get(order_id)
            if order is not None:
                return order.listed(self._now_ms)
        return None

    def take_changes(self) -> Changes:
        """Return what happened since this was asked last, and forget it.

        The first time it is everything that is known: open orders, those that ended and were not
        asked for, all trades, and no steps; from then on steps are kept.
        """
        desk, now_ms = self._desk, self._now_ms
        if desk.news is None:
            pairs = desk.pairs.values()
            working = [
                one for pair in pairs for one in (*pair.orders.values(), *pair.stops.values())
            ]
            known = working + [order for order, _ in desk.ended.values()]
            desk.news = ({one.order_id: one for one in known}, [])
        changed, steps = desk.news
        desk.news = ({}, [])
        orders = []
        for number in sorted(changed):
            ended = desk.ended.pop(number, None)
            orders.append(changed[number].listed(now_ms if ended is None else ended[1]))
        fills = tuple(desk.fills[self._changes_told :])
        self._changes_told = len(desk.fills)
        return Changes(tuple(orders), tuple(steps), fills)

    def fills_since(self, count: int) -> list[Fill]:
        """Return the trades after the first `count`."""
        return self._desk.fills[count:]

    @property
    def fill_count(self) -> int:
        """Trades so far."""
        return len(self._desk.fills)

    @property
    def ambiguous_bars(self) -> int:
        """Bars so far in which it mattered which of high and low came first."""
        return self._bars.ambiguous

    @property
    def models(self) -> VenueModels:
        """What is assumed of the exchange."""
        return self._models

    def audit(self) -> None:
        """Prove that nothing was created or lost, and that locks are what open orders need.

        Raises:
            InvariantViolation: It was, or they are not.
        """
        self._desk.audit()
