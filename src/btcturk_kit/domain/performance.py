"""Performance: what the bot earned, paid and turned over, kept as the books grow.

Totals per pair, flows, the trip of each asset and the present day are carried from event to event,
so that a report costs the same after a thousand events and after a million. A fact counts in the
day in which it became known, the day in which the capital policy took it: a day that is over is
never rewritten. Equity is the bot's cash and treasury and its coins at their marks; over any span,
to the last digit,

    change of equity = realized net + change of unrealized net + flows
                     = realized gross + change of unrealized gross - fees - tax + flows.

Never add: a scan of history, a second account of what the ledger says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from operator import sub as minus
from types import MappingProxyType
from typing import NamedTuple, Protocol

from btcturk_kit.domain.attribution import (
    Pair,
    Share,
    Totals,
    add_totals,
    add_trade,
    pair_of,
    pair_of_asset,
)
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger import Account, EventKind, Ledger, LedgerEvent
from btcturk_kit.domain.lots import LotMove
from btcturk_kit.domain.money import ZERO, exact, sub, within
from btcturk_kit.domain.operator_events import explicit_transfers
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.round_trips import RoundTrip, TripState, end_trip, follow_trip, is_dust
from btcturk_kit.domain.valued_fills import TRY

__all__ = [
    "Books",
    "Change",
    "DayStart",
    "Late",
    "Performance",
    "mark_equity",
    "mark_quiet",
    "note_event",
    "start_performance",
    "unrealized",
]

# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT
_FILL = EventKind.FILL
_TREASURY = Account.TREASURY

_add_trade = within(add_trade)
_end_trip = within(end_trip)
_follow_trip = within(follow_trip)
_is_dust = within(is_dust)
_NO_TRIP = TripState()
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


class DayStart(NamedTuple):
    """Where a day began. Amounts in TRY.

    Attributes:
        start_ms: First instant of the day in the day zone; of the account, on its first day.
        end_ms: First instant of the next day; 0 before the first day.
        equity_try: Last equity that was known before the day.
        unrealized_net: What was unrealized in it, charges of the open lots inside.
        unrealized_gross: The same before charges.
        flows_try: All flows before the day.
        restated_net: All restatements before the day.
        symbols: Totals before the day.
    """

    start_ms: int = 0
    end_ms: int = 0
    equity_try: Decimal = ZERO
    unrealized_net: Decimal = ZERO
    unrealized_gross: Decimal = ZERO
    flows_try: Decimal = ZERO
    restated_net: Decimal = ZERO
    symbols: Mapping[Symbol, Totals] = MappingProxyType({})


class Performance(NamedTuple):
    """Running totals of one account since its opening. Amounts in TRY.

    Attributes:
        symbols: Totals per traded pair; their sum is the account's.
        trips: Where the round trip of each asset stands.
        flows_try: What was moved into the bot's equity and out of it: transfers, assignments,
            levies, adjustments.
        restated_net: By how much facts that came late changed results of earlier ones; a part of
            the realized totals, told apart.
        day: Where the present day began.
        high_try: Highest equity of the day, flows moved out of the way.
        drawdown_try: How far equity fell below the day's highest, at most.
        equity_try: Equity when it was last marked.
        marks: TRY per unit of each coin held then, for those with a market.
    """

    symbols: Mapping[Symbol, Totals] = MappingProxyType({})
    trips: Mapping[Asset, TripState] = MappingProxyType({})
    flows_try: Decimal = ZERO
    restated_net: Decimal = ZERO
    day: DayStart = DayStart()
    high_try: Decimal = ZERO
    drawdown_try: Decimal = ZERO
    equity_try: Decimal = ZERO
    marks: tuple[tuple[Asset, Decimal], ...] = ()

    @property
    def total(self) -> Totals:
        """The totals of all pairs, under TRY."""
        result = Totals(TRY)
        for totals in self.symbols.values():
            result = add_totals(result, totals)
        return result


class Late(NamedTuple):
    """What a late fact did to the results of an asset.

    Attributes:
        shares: What changed, per pair.
        restated_net: How much of it were results of earlier facts.
    """

    shares: tuple[Share, ...]
    restated_net: Decimal


class Change(NamedTuple):
    """What one move did to the bot's lots of an asset; `late` where they were folded anew."""

    move: LotMove
    before: Position
    after: Position
    late: Late | None = None


class Books(Protocol):
    """The ledger and the bot's lots at one moment."""

    @property
    def ledger(self) -> Ledger:
        """Double-entry balances."""
        ...

    @property
    def positions(self) -> Mapping[Asset, Position]:
        """The bot's lots by asset."""
        ...


@exact
def unrealized(books: Books, equity_try: Decimal) -> tuple[Decimal, Decimal]:
    """Return what is unrealized in an equity, net and gross: what the lots are above their cost."""
    net = equity_try - books.ledger.balance(_BOT, TRY) - books.ledger.balance(_TREASURY, TRY)
    gross = net
    for position in books.positions.values():
        net = net - position.cost
        gross = gross - position.gross_cost
    return net, gross


@exact
def start_performance(books: Books, *, now_ms: int, day_end: Callable[[int], int]) -> Performance:
    """Return the performance of an account from now on.

    Books that were kept before there was a performance bring what their lots have realized; their
    charges stand as fees, and their turnover is not known.

    Args:
        books: The ledger and the bot's lots.
        now_ms: Where the first day starts.
        day_end: Maps an instant to the first instant of the next day.
    """
    equity = books.ledger.balance(_BOT, TRY) + books.ledger.balance(_TREASURY, TRY)
    symbols: dict[Symbol, Totals] = {}
    trips: dict[Asset, TripState] = {}
    for asset, one in books.positions.items():
        equity = equity + one.cost
        charges = one.realized_gross - one.realized_net + one.cost - one.gross_cost
        symbols[pair_of_asset(asset).symbol] = Totals(
            asset, one.realized_net, one.realized_gross, charges
        )
        if one.lots:
            trips[asset] = TripState(one.lots[0].event_time_ms, one.quantity)
    net, gross = unrealized(books, equity)
    end_ms = day_end(now_ms)
    day = DayStart(now_ms, end_ms, equity, net, gross, symbols=dict(symbols))
    return Performance(symbols, trips, day=day, high_try=equity, equity_try=equity)


@exact
def note_event(
    performance: Performance,
    event: LedgerEvent,
    changes: Sequence[Change],
    *,
    dust_try: Decimal,
    pair: Pair | None = None,
) -> tuple[Performance, tuple[RoundTrip, ...]]:
    """Return the performance after one more event, and the round trips it closed.

    Args:
        performance: The performance so far.
        event: The event.
        changes: What it did to the bot's lots, asset by asset.
        dust_try: Coins worth less are as good as none.
        pair: For a valuation: the pair of the trade it belongs to.
    """
    flow = ZERO
    if event.kind is _FILL:
        if not changes:
            return performance, ()  # a trade of the owner's
        pair = pair_of(event)
    else:
        moved, kept = explicit_transfers(event)
        if not (changes or moved or kept):
            return performance, ()
        flow = moved + kept
    symbols = dict(performance.symbols)
    restated, net, gross = _add_shares(symbols, changes, pair)
    if pair is not None:
        symbols[pair.symbol] = _add_trade(symbols.get(pair.symbol), event, pair.base, net, gross)
    trips, closed = _follow(performance.trips, event, changes, symbols, dust_try)
    after_event = _tuple(
        Performance,
        (
            symbols,
            trips,
            performance.flows_try + flow,
            performance.restated_net + restated,
            performance.day,
            performance.high_try + flow,
            performance.drawdown_try,
            performance.equity_try,
            performance.marks,
        ),
    )
    return after_event, closed


def _add_shares(
    symbols: dict[Symbol, Totals], changes: Sequence[Change], pair: Pair | None
) -> tuple[Decimal, Decimal, Decimal]:
    """Add what was realized to its pairs; return what was restated, and the event's own part."""
    restated = net = gross = ZERO
    for move, before, after, late in changes:
        if late is not None:
            restated = restated + late.restated_net
            shares = late.shares
        else:
            more = after.realized_net - before.realized_net
            more_gross = after.realized_gross - before.realized_gross
            if pair is not None:
                net, gross = net + more, gross + more_gross
                continue
            shares = (Share(pair_of_asset(move.asset), more, more_gross),)
        for share in shares:
            if share.pair == pair:
                net, gross = net + share.net, gross + share.gross
            elif share.net or share.gross:
                _add_part(symbols, share.pair, Totals(share.pair.base, share.net, share.gross))
    return restated, net, gross


def _add_part(symbols: dict[Symbol, Totals], pair: Pair, part: Totals) -> None:
    known = symbols.get(pair.symbol)
    symbols[pair.symbol] = part if known is None else add_totals(known, part)


def _follow(
    trips: Mapping[Asset, TripState],
    event: LedgerEvent,
    changes: Sequence[Change],
    symbols: Mapping[Symbol, Totals],
    dust_try: Decimal,
) -> tuple[Mapping[Asset, TripState], tuple[RoundTrip, ...]]:
    """Follow the trips of the assets an event moved; return them, and those that closed."""
    followed: dict[Asset, TripState] | None = None
    closed: list[RoundTrip] = []
    for move, _, position, late in changes:
        asset = move.asset
        trip = trips.get(asset) or _NO_TRIP
        is_flat = _is_dust(position, move, dust_try)
        if is_flat is None:
            is_flat = trip.opened_ms is None
        after, times_ms = _follow_trip(
            trip,
            move,
            is_flat=is_flat,
            late_at_ms=None if late is None else event.known_ms,
            restated_net=ZERO if late is None else late.restated_net,
        )
        if times_ms is not None:
            fees, tax = _charges_for(asset, symbols)
            after, ended = _end_trip(after, position, times_ms, fees_try=fees, tax_try=tax)
            if trip.opened_ms is None and not any(ended[4:]):
                continue  # a late fact that changed nothing
            closed.append(ended)
        if after is not trip:
            followed = followed or dict(trips)
            followed[asset] = after
    return followed or trips, tuple(closed)


def _charges_for(asset: Asset, symbols: Mapping[Symbol, Totals]) -> tuple[Decimal, Decimal]:
    """Return fees and tax of all trades of an asset so far, whatever it was traded against."""
    fees = tax = ZERO
    for totals in symbols.values():
        if totals.base == asset:
            fees, tax = fees + totals.fees_try, tax + totals.tax_try
    return fees, tax


def mark_equity(
    performance: Performance, equity_try: Decimal, marks: tuple[tuple[Asset, Decimal], ...]
) -> Performance:
    """Return the performance with equity as it is now.

    Args:
        performance: The performance so far.
        equity_try: The bot's cash, treasury, and coins at their marks.
        marks: What those were, for each coin held that has a market.
    """
    symbols, trips, flows, restated, day, high, drawdown, _, _ = performance
    if equity_try > high:
        high = equity_try
    else:
        down = sub(high, equity_try)
        drawdown = max(drawdown, down)
    after = (symbols, trips, flows, restated, day, high, drawdown, equity_try, marks)
    return _tuple(Performance, after)


@exact
def mark_quiet(performance: Performance, equities: Sequence[int], places: int) -> Performance:
    """Return the performance after instants at which nothing was decided.

    As `mark_equity` at each of them, without an object for any.

    Args:
        performance: The performance so far.
        equities: Equity at each instant, in integer units.
        places: A unit is 10**-places of TRY.
    """
    if not equities:
        return performance
    high, drawdown = performance.high_try, performance.drawdown_try
    known = int(high.scaleb(places))  # a whole number of units is above it if it is above this
    until = len(equities)
    if max(equities) > known:
        until = next(at for at, equity in enumerate(equities) if equity > known)
        higher = equities[until:]
        falls = max(map(minus, accumulate(higher, max), higher))
        drawdown = max(drawdown, Decimal(falls).scaleb(-places))
        high = Decimal(max(higher)).scaleb(-places)
    if until:
        least = Decimal(min(equities[:until])).scaleb(-places)
        drawdown = max(drawdown, performance.high_try - least)
    last = Decimal(equities[-1]).scaleb(-places)
    symbols, trips, flows, restated, day, _, _, _, marks = performance
    return Performance(symbols, trips, flows, restated, day, high, drawdown, last, marks)
