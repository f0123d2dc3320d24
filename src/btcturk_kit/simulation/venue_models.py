"""What the OMS simulator assumes of an exchange: a bundle of small models, each replaceable.

Every model is a frozen value, so two runs can be told to have assumed the same, and a report can
say what was assumed. Each says in its docstring what of it is not true. What is drawn hangs on the
seed and the client order id, never on the call. Never add: state, orders, balances.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.market import DepthColumns, TradeColumns
from btcturk_kit.domain.money import ONE, ZERO, add, ceil_places, floor_places, mul, sub
from btcturk_kit.domain.orders import Side
from btcturk_kit.simulation.chance import Chance, Span
from btcturk_kit.simulation.latency import NO_LATENCY, Latency

__all__ = [
    "BarPath",
    "Collar",
    "LevelFees",
    "Participation",
    "Publication",
    "Queue",
    "Rejection",
    "Repeats",
    "SampledBook",
    "Slippage",
    "StopTrigger",
    "Throttle",
    "VenueModels",
]

_BPS: Final = 10_000
_BY_NAME: Final = Span(0, _BPS)


class BarPath(StrEnum):
    """Which of a bar's high and low came first.

    Known lies: a bar does not say it. `UNORDERED` lets both happen to whoever profits or suffers
    from them; the other two invent an order. Run both and compare: a result that hangs on the
    invented order is no result. A bar goes straight from point to point, four points a bar.
    """

    UNORDERED = "unordered"
    HIGH_FIRST = "high_first"
    LOW_FIRST = "low_first"


class Repeats(StrEnum):
    """What a client order id does that was used before.

    Known lies: `IDEMPOTENT` is not what BtcTurk does: nobody checks there, so a second order is
    placed, which is `AS_EXCHANGE`. The memory of the other model never ends.
    """

    AS_EXCHANGE = "as_exchange"
    IDEMPOTENT = "idempotent"


class StopTrigger(StrEnum):
    """What sets a stop order off: the last trade, or the best opposite price.

    Known lies: on bars the touch is known at the close only, so a touch inside a bar is missed. The
    trade that sets an order off is over when the order behind it arrives, at the same instant.
    """

    LAST_TRADE = "last_trade"
    TOUCH = "touch"


class SampledBook(StrEnum):
    """How orders meet a book that was seen at one instant, as in a dry run on the live market.

    Known lies: `TOUCH` gives any quantity at the best price of the next look. `LADDER` walks what
    was seen, at most its levels, as if nobody else took any of it; between two looks nothing
    happens; what is taken is there again at the next look.
    """

    TOUCH = "touch"
    LADDER = "ladder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """When others learn what happened at the exchange.

    Known lies: the delay is the same for everything and always.

    Args:
        delay_ms: From the event to its publication.

    Example:
        >>> Publication(delay_ms=750).visible_until_ms(60_000)
        59250
    """

    delay_ms: int = 750

    def visible_until_ms(self, now_ms: int) -> int:
        """Return the last event time that is published at an instant, inclusive."""
        return now_ms - self.delay_ms

    def trades_seen(self, trades: TradeColumns, now_ms: int) -> int:
        """Return how many trades of a tape, from its start on, are published at an instant."""
        return bisect_right(trades.times_ms, now_ms - self.delay_ms)

    def updates_seen(self, depth: DepthColumns, now_ms: int) -> int:
        """Return how many updates of a book, from its start on, are published at an instant."""
        return bisect_right(depth.times_ms, now_ms - self.delay_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Who is served before a resting order at its price.

    `as_exchange` plays the recorded book on the core of the local exchange: trades walk what they
    find there, an amount that grows goes behind our order, one that shrinks does so before it.
    `pessimistic` lets only trades at the price bring us forward, and cancels only where more was
    before us than is left there. `proportional` takes of every cancel our share of the level.

    Known lies: nobody reacts to our orders. Who cancels is not recorded: the first of the three is
    kind to us, the second hard, the third a guess between them. Our own orders do not meet each
    other but in the first. On a tape of trades without a book nobody knows what stands before us.

    Args:
        model: Which of the three, on books.
        tape_ahead: On a tape of trades: the base quantity before every new order at its price; None
            if only trades through the price fill it.
    """

    model: Literal["pessimistic", "proportional", "as_exchange"] = "pessimistic"
    tape_ahead: Decimal | None = None

    def after_change(self, ahead: int, before: int, now: int) -> int:
        """Return what is before us when a level goes from one amount to another without a trade.

        Example:
            >>> Queue().after_change(60, 100, 50)
            50
            >>> Queue(model="proportional").after_change(60, 100, 50)
            30
        """
        if now >= before:
            return ahead
        if self.model == "proportional":
            return ahead * now // before
        return min(ahead, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """How much of a bar's volume all our orders together can take, oldest first.

    No share, and none at all, fills anything in a bar without volume: nobody traded. Where no bar
    of a pair has one (`BarColumns.has_volume`) volumes are not known and nothing is limited.

    Known lies: the share is the same in thin and thick bars, and the price does not move for it.

    Args:
        share_bps: Of the volume; None for any quantity in every bar that traded.
    """

    share_bps: int | None = 1_000

    def most_of(self, volume: Decimal) -> Decimal | None:
        """Return the most that can be taken of a volume, None for no limit."""
        if self.share_bps is None:
            return None
        return floor_places(mul(volume, Decimal(self.share_bps).scaleb(-4)), 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slippage:
    """How much worse than the price of a bar or a tape an arriving order trades.

    It is in the price of the trade and nowhere else: never subtract it again. Books need none, the
    ladder is the slippage.

    Known lies: it does not depend on the quantity, the volume or the hour.

    Args:
        bps: Of the price.
        ticks: In steps of the pair's price, on top.

    Example:
        >>> Slippage(bps=10).price_of(Decimal(1001), side=Side.BUY, places=0)
        Decimal('1003')
    """

    bps: int = 0
    ticks: int = 0

    def price_of(self, price: Decimal, *, side: Side, places: int) -> Decimal:
        """Return the price that is paid or got, rounded against us to a step of the pair."""
        if not self.bps and not self.ticks:
            return price
        share = Decimal(self.bps).scaleb(-4)
        steps = Decimal(self.ticks).scaleb(-places)
        if side is Side.BUY:
            return ceil_places(add(mul(price, add(ONE, share)), steps), places)
        worse = floor_places(sub(mul(price, sub(ONE, share)), steps), places)
        return max(worse, Decimal(1).scaleb(-places))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A share of the submits is refused for no reason that could be seen before.

    Known lies: real refusals come in bursts, when everybody is refused. These come one by one.

    Args:
        share_bps: How many of ten thousand.
    """

    share_bps: int = 0

    def rejects(self, chance: Chance, client_order_id: str) -> bool:
        """Whether the order of this name is refused, however often it is sent."""
        if not self.share_bps:
            return False
        return chance.number("rejection", client_order_id, _BY_NAME) < self.share_bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """The request windows of the exchange, in simulated time, for submits and for cancels apart.

    A window opens with its first request. One request too many is refused and blocks for as long as
    the window is; what is refused is not counted.

    Known lies: a run asks for nothing else, as if the account's other programs were still. A
    program that paces itself never meets this.

    Args:
        windows: Requests and milliseconds of each window; none for no limit.
    """

    windows: tuple[tuple[int, int], ...] = ((10, 1_000), (300, 60_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Collar:
    """How far a market order goes from the best opposite price at its acceptance, inclusive.

    What cannot trade inside it is canceled and freed.

    Known lies: on bars the best price at acceptance is the touch that was seen at the instant of
    the decision.

    Args:
        bps: The distance. The model `as_exchange` of a queue has that of the exchange, always.
        is_on_bars: Whether bars and tapes of trades keep it too.
    """

    bps: int = 500
    is_on_bars: bool = False

    def worst_of(self, best: int, *, side: Side) -> int:
        """Return the last price, in steps, that an order of this side reaches.

        Example:
            >>> Collar().worst_of(1001, side=Side.BUY), Collar().worst_of(1001, side=Side.SELL)
            (1051, 951)
        """
        if side is Side.BUY:
            return best * (_BPS + self.bps) // _BPS
        return -(-best * (_BPS - self.bps) // _BPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFees:
    """Rates by the own volume of the last 30 days, from the exchange's table.

    The level is that of the moment at which an order is accepted; the order keeps it.

    Known lies: the exchange counts once a day and at an hour of its own; here each trade counts at
    once. A quote without a rate in `try_rates` adds no volume.

    Args:
        opening_volume_try: The volume of the 30 days before the run. It falls away 30 days after
            the first trade or order of the run.
        try_rates: TRY per unit of other quotes.
    """

    opening_volume_try: Decimal = ZERO
    try_rates: tuple[tuple[Asset, Decimal], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueModels:
    """All models of one simulated exchange. The defaults are those of candles.

    Args:
        latency: How long submits and cancels are under way.
        publication: When what happened can be seen; whoever feeds a strategy asks it.
        queue: Who is before us at our price.
        participation: Our share of a bar.
        slippage: What arriving pays on top, on bars and tapes.
        fees: Rates by volume; None for those the simulator was given.
        rejection: Refusals without a reason.
        throttle: Request windows; None for none.
        repeats: Client order ids that come again.
        path: High or low first.
        stops: What sets stop orders off.
        collar: How far market orders go.
        sampled_book: What a book of one instant gives.

    Example:
        >>> VenueModels() == VenueModels(), VenueModels().describe()["slippage"]
        (True, {'bps': 0, 'ticks': 0})
    """

    latency: Latency = NO_LATENCY
    publication: Publication = Publication()
    queue: Queue = Queue()
    participation: Participation = Participation()
    slippage: Slippage = Slippage()
    fees: LevelFees | None = None
    rejection: Rejection = Rejection()
    throttle: Throttle | None = None
    repeats: Repeats = Repeats.AS_EXCHANGE
    path: BarPath = BarPath.UNORDERED
    stops: StopTrigger = StopTrigger.LAST_TRADE
    collar: Collar = Collar()
    sampled_book: SampledBook = SampledBook.TOUCH

    def describe(self) -> dict[str, object]:
        """Return every assumption by name, in values that JSON can hold."""
        return {one.name: _described(getattr(self, one.name)) for one in fields(self)}


def _described(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _described(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return [_described(one) for one in value] if isinstance(value, tuple) else value
