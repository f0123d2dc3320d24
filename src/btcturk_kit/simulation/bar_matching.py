"""Orders against bars: which of them a bar fills, at which price, how much.

A market order fills at the bar's open (at the touch when a book was seen), as does a limit order
that crosses it on arrival, as a taker; otherwise a limit order fills at its price as a maker only
when the bar trades *through* it. All orders together take at most a share of the bar's volume,
oldest first; the rest meets the next bar. A bar in which nobody traded meets nothing, whatever its
prices. There is no queue, and the tape does not react.

Never add: money (the desk books), books, tapes of trades.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.market import BarColumns
from btcturk_kit.domain.money import ZERO, floor_places, mul, sub
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, OrderType, Side
from btcturk_kit.simulation.chance import Chance, Span
from btcturk_kit.simulation.desk import Desk
from btcturk_kit.simulation.trigger import Triggers
from btcturk_kit.simulation.venue_models import BarPath, VenueModels
from btcturk_kit.simulation.working import PairOrders, Working

__all__ = ["BarMatching", "Meeting", "has_traded"]

_BUY = Side.BUY
_LIMIT = OrderType.LIMIT
_MARKET = OrderType.MARKET


class Meeting:
    """One bar of one pair, while orders meet it.

    Attributes:
        buy_at: What an arriving buy pays, in steps.
        sell_at: What an arriving sell gets, in steps.
        available: What is left of our share of the volume; None for no limit.
        start_ms: When the bar began.
        now_ms: When it closed.
        rises: Whether something happened to an order on a way up.
        falls: The same on a way down.
    """

    __slots__ = (
        "available",
        "buy_at",
        "columns",
        "falls",
        "index",
        "now_ms",
        "rises",
        "sell_at",
        "start_ms",
    )

    def __init__(
        self, columns: BarColumns, index: int, *, has_book: bool, start_ms: int, now_ms: int
    ) -> None:
        self.columns = columns
        self.index = index
        self.buy_at = columns.ask[index] if has_book else columns.open[index]
        self.sell_at = columns.bid[index] if has_book else columns.open[index]
        self.available: Decimal | None = None
        self.start_ms = start_ms
        self.now_ms = now_ms
        self.rises = self.falls = False


class BarMatching:
    """Matches the orders of a desk with bars.

    Args:
        desk: Whose orders.
        models: What is assumed of the exchange.
        chance: Draws the moments of races inside a bar.
        triggers: Turns stop orders into the orders behind them.

    Attributes:
        ambiguous: Bars in which orders waited both above and below, so that it mattered which of
            high and low came first.
    """

    def __init__(self, desk: Desk, models: VenueModels, chance: Chance, triggers: Triggers) -> None:
        self.ambiguous = 0
        self._desk = desk
        self._models = models
        self._chance = chance
        self._triggers = triggers
        self._has_latency = not models.latency.is_none
        self._slips = bool(models.slippage.bps or models.slippage.ticks)

    def meet(self, pair: PairOrders, meeting: Meeting) -> None:
        """Let one bar meet the orders of its pair."""
        columns, index = meeting.columns, meeting.index
        volume = columns.volume[index]
        if volume:
            bar_volume = Decimal(volume).scaleb(-columns.volume_scale)
            meeting.available = self._models.participation.most_of(bar_volume)
        if self._models.path is BarPath.UNORDERED:
            self._meet_unordered(pair, meeting)
        else:
            self._meet_on_path(pair, meeting)
        self.ambiguous += meeting.rises and meeting.falls

    def _orders(self, pair: PairOrders, meeting: Meeting) -> list[Working]:
        """Return the orders the bar can meet, oldest first."""
        now_ms, has_latency = meeting.now_ms, self._has_latency
        return [
            order
            for order in pair.orders.values()
            if order.placed_ms < now_ms and not (has_latency and order.arrives_ms > now_ms)
        ]

    # ---- high and low in no order

    def _meet_unordered(self, pair: PairOrders, meeting: Meeting) -> None:
        columns, index = meeting.columns, meeting.index
        low, high = columns.low[index], columns.high[index]
        for order in self._orders(pair, meeting):
            is_buy = order.side is _BUY
            touch = meeting.buy_at if is_buy else meeting.sell_at
            if self._takes(order, touch):
                self._take(pair, order, touch, meeting)
                continue
            order.is_resting = True
            if low < order.price if is_buy else high > order.price:
                if is_buy:
                    meeting.falls = True
                else:
                    meeting.rises = True
                if not self._has_latency or self._is_in_time(order, meeting):
                    self._give(pair, order, meeting)
        if pair.stops:
            for stop in self._triggers.reached(pair, self._range(meeting), meeting.now_ms):
                if stop.side is _BUY:
                    meeting.rises = True
                else:
                    meeting.falls = True
                self._set_off(pair, stop, self._met_at(stop, meeting), meeting)

    def _range(self, meeting: Meeting) -> tuple[int, int]:
        columns, index = meeting.columns, meeting.index
        if self._triggers.is_touch:
            return columns.ask[index], columns.bid[index]
        return columns.high[index], columns.low[index]

    def _met_at(self, stop: Working, meeting: Meeting) -> int:
        """Return the price that a stop order meets: its trigger, or the open if that is beyond."""
        columns, index, is_buy = meeting.columns, meeting.index, stop.side is _BUY
        if self._triggers.is_touch:
            return columns.ask[index] if is_buy else columns.bid[index]
        first, trigger = columns.open[index], stop.stop or 0
        return max(first, trigger) if is_buy else min(first, trigger)

    def _set_off(self, pair: PairOrders, stop: Working, price: int, meeting: Meeting) -> None:
        """Let the order behind a stop order arrive at a price of the bar."""
        order = self._triggers.fire(pair, stop, meeting.now_ms)
        if self._takes(order, price):
            self._take(pair, order, price, meeting)
        else:
            order.is_resting = True

    # ---- high and low in an invented order

    def _meet_on_path(self, pair: PairOrders, meeting: Meeting) -> None:
        columns, index = meeting.columns, meeting.index
        first, last = columns.open[index], columns.close[index]
        high, low = columns.high[index], columns.low[index]
        for order in self._orders(pair, meeting):
            touch = meeting.buy_at if order.side is _BUY else meeting.sell_at
            if self._takes(order, touch):
                self._take(pair, order, touch, meeting)
            else:
                order.is_resting = True
        is_touch = self._triggers.is_touch
        if is_touch:
            for stop in self._triggers.reached(pair, self._range(meeting), meeting.now_ms):
                self._set_off(pair, stop, self._met_at(stop, meeting), meeting)
        path = (high, low, last) if self._models.path is BarPath.HIGH_FIRST else (low, high, last)
        met: set[int] = set()
        for point in (first, *path):
            self._leg(pair, meeting, first, point, met, with_stops=not is_touch)
            first = point

    def _leg(
        self,
        pair: PairOrders,
        meeting: Meeting,
        start: int,
        end: int,
        met: set[int],
        *,
        with_stops: bool,
    ) -> None:
        """Go straight from one price to another and meet what lies between, nearest first."""
        is_up = end > start
        while True:
            found = self._limits_between(pair, meeting, end, is_up=is_up)
            if with_stops:
                found += _stops_between(pair, meeting, start, end)
            found = [one for one in found if one[1] not in met]
            if not found:
                return
            at, number, order = min(found, key=lambda one: (one[0] if is_up else -one[0], one[1]))
            met.add(number)
            if is_up:
                meeting.rises = True
            else:
                meeting.falls = True
            if order.stop is not None:
                self._set_off(pair, order, at, meeting)
            elif not self._has_latency or self._is_in_time(order, meeting):
                self._give(pair, order, meeting)

    def _limits_between(
        self, pair: PairOrders, meeting: Meeting, end: int, *, is_up: bool
    ) -> list[tuple[int, int, Working]]:
        """Return the resting orders that a leg to a price trades through."""
        return [
            (order.price, order.order_id, order)
            for order in self._orders(pair, meeting)
            if order.order_type is _LIMIT
            and (order.side is not _BUY) is is_up
            and (order.price < end if is_up else order.price > end)
        ]

    # ---- one order

    def _is_in_time(self, order: Working, meeting: Meeting) -> bool:
        """Whether the bar came to a resting order after it arrived and before its cancel.

        A bar does not say when; the moment is drawn from the client order id.
        """
        due_ms = order.cancel_due_ms
        if order.arrives_ms <= meeting.start_ms and due_ms is None:
            return True
        span = Span(meeting.start_ms + 1, max(meeting.now_ms, meeting.start_ms + 1) + 1)
        at_ms = self._chance.number("race", f"{order.client_order_id}|{meeting.now_ms}", span)
        return order.arrives_ms <= at_ms and (due_ms is None or at_ms <= due_ms)

    def _takes(self, order: Working, touch: int) -> bool:
        """Whether an order takes a price as it arrives there, or the market jumped beyond its own.

        A resting order is met at its own price then. Where the market only comes up to it, it does
        not trade: a bar has to trade through its price.
        """
        if order.order_type is _MARKET:
            return True
        beyond = order.price - touch if order.side is _BUY else touch - order.price
        return beyond > 0 or (beyond == 0 and not order.is_resting)

    def _take(self, pair: PairOrders, order: Working, touch: int, meeting: Meeting) -> None:
        """Fill an order that arrives at a price; one that rests gets its own, as whoever met it."""
        if order.is_resting:
            self._give(pair, order, meeting)
            return
        order.is_resting = order.order_type is _LIMIT
        price = Decimal(touch).scaleb(-pair.scale)
        if self._slips:
            price = self._models.slippage.price_of(price, side=order.side, places=pair.scale)
            if isinstance(order.request, LimitOrder):
                limit = order.request.price
                price = min(price, limit) if order.side is _BUY else max(price, limit)
        if order.worst is not None:
            worst = Decimal(order.worst).scaleb(-pair.scale)
            if price > worst if order.side is _BUY else price < worst:
                self._desk.end_canceled(pair, order, meeting.now_ms)
                return
        self._part(pair, order, price, meeting, is_maker=False)

    def _give(self, pair: PairOrders, order: Working, meeting: Meeting) -> None:
        """Fill a resting order that the bar traded through."""
        price = Decimal(order.price).scaleb(-pair.scale)
        self._part(pair, order, price, meeting, is_maker=True)

    def _part(
        self,
        pair: PairOrders,
        order: Working,
        price: Decimal,
        meeting: Meeting,
        *,
        is_maker: bool,
    ) -> None:
        available = meeting.available
        part = order.remaining
        is_market_buy = isinstance(order.request, MarketBuy)
        if available is not None:
            most = available
            if is_market_buy:  # its remainder is an amount of quote
                most = floor_places(mul(available, price), 8)
            part = min(part, most)
        if not part:
            return
        quantity = order.fees.affordable_quantity(part, price=price) if is_market_buy else part
        ends = part == order.remaining
        if quantity:
            self._desk.fill(
                pair,
                order,
                price,
                quantity,
                is_maker=is_maker,
                at_ms=meeting.now_ms,
                ends=ends,
                most=part,
            )
        else:  # less than the price of the smallest unit
            self._desk.end_canceled(pair, order, meeting.now_ms)
        if available is not None:
            meeting.available = max(ZERO, sub(available, quantity))


def has_traded(columns: BarColumns, index: int, now_ms: int) -> bool:
    """Whether somebody traded in a bar, as far as its recording tells: only then anything can fill.

    Nobody did in a close that is carried forward, nor where volumes are told and there was none.
    """
    if columns.has_volume and not columns.volume[index]:
        return False
    seen_ms = columns.seen_ms
    return seen_ms is None or seen_ms[index] >= now_ms


def _stops_between(
    pair: PairOrders, meeting: Meeting, start: int, end: int
) -> list[tuple[int, int, Working]]:
    """Return the stop orders that a leg sets off, with the price they meet."""
    found: list[tuple[int, int, Working]] = []
    for order in pair.stops.values():
        stop, is_buy = order.stop or 0, order.side is _BUY
        is_gap = stop <= start if is_buy else stop >= start
        is_hit = stop <= end if is_buy else stop >= end
        if order.arrives_ms < meeting.now_ms and (is_gap or is_hit):
            found.append((start if is_gap else stop, order.order_id, order))
    return found
