"""A seeded market that every mode can know completely: sampled books of one pair."""

from __future__ import annotations

from array import array
from collections.abc import Set as AbstractSet
from itertools import pairwise
from random import Random
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import DepthColumns, TradeColumns
from btcturk_kit.sandbox.venue.listing import bundled_listing

BTC, TRY = Asset("BTC"), Asset("TRY")
BTCTRY = Symbol("BTCTRY")
RULES: PairRules = bundled_listing().rules
START_MS = 1_767_225_600_000  # 2026-01-01, midnight UTC: the first decision
CYCLE_MS = 10_000
_LOTS = 10**8
_LEVELS = 12


class Market(NamedTuple):
    """The books, and when a bot looks at them.

    Attributes:
        lead_ms: From the first book to the first decision.
    """

    depth: DepthColumns
    lead_ms: int
    cycles: int


def market(
    *, seed: int, cycles: int, lead_ms: int = 750, cycle_ms: int = CYCLE_MS, still: int = 1
) -> Market:
    """Return one book per decision instant, `lead_ms` before it.

    So many in a row as `still` says have the same prices, with other amounts.
    """
    draw = Random(seed)  # noqa: S311 - a made-up market
    middle = 3_000_000
    times_ms, snapshots, starts, ends, prices, quantities, bids, asks = (
        array("q") for _ in range(8)
    )
    for at in range(cycles):
        if not at % still:
            middle = max(2_000_000, middle + draw.randint(-600, 600))
            half = draw.randint(3, 60)
        steps = draw if still == 1 else Random(at // still)  # noqa: S311 - as above
        times_ms.append(START_MS + at * cycle_ms - lead_ms)
        snapshots.append(1)
        for sign, best in ((-1, bids), (1, asks)):
            if sign == 1:
                starts.append(len(prices))
            price = middle + sign * half
            best.append(price)
            for _ in range(_LEVELS):
                prices.append(price)
                quantities.append(draw.randint(_LOTS // 100, 2 * _LOTS))
                price += sign * steps.randint(1, 40)
        ends.append(len(prices))
    depth = DepthColumns(
        symbol=BTCTRY,
        price_scale=RULES.price_places,
        quantity_scale=8,
        times_ms=times_ms,
        is_snapshot=snapshots,
        ask_starts=starts,
        ends=ends,
        price=prices,
        quantity=quantities,
        best_bid=bids,
        best_ask=asks,
    )
    return Market(depth, lead_ms, cycles)


def trades_of(books: Market, *, seed: int, after_ms: int) -> TradeColumns:
    """Return one trade per book, so long after it: at its touch, for about what is there.

    Whoever rests there too is served or not by who was there before. One more comes with the first
    book, before anybody is there to trade with: bars of trades begin where bars of books do.
    """
    draw = Random(seed)  # noqa: S311 - made-up trades
    depth = books.depth
    prices, quantities, sides = (array("q", [one]) for one in (depth.best_ask[0], 1, 1))
    begin = 0
    for at, end in enumerate(depth.ends):
        is_buy = draw.randrange(2)
        touch = depth.ask_starts[at] if is_buy else begin
        prices.append(depth.price[touch])
        quantities.append(draw.randint(1, depth.quantity[touch] * 5 // 4))
        sides.append(is_buy)
        begin = end
    return TradeColumns(
        symbol=BTCTRY,
        price_scale=depth.price_scale,
        quantity_scale=depth.quantity_scale,
        times_ms=array("q", [depth.times_ms[0], *(at_ms + after_ms for at_ms in depth.times_ms)]),
        price=prices,
        quantity=quantities,
        is_buy=sides,
    )


def without(depth: DepthColumns, missed: AbstractSet[int]) -> DepthColumns:
    """Return the books but those of some cycles, as a recorder that was away leaves them."""
    if not missed:
        return depth
    kept = [at for at in range(len(depth.times_ms)) if at not in missed]
    spans = list(pairwise([0, *depth.ends]))
    ends, starts, prices, quantities = (array("q") for _ in range(4))
    for at in kept:
        begin, end = spans[at]
        starts.append(len(prices) + depth.ask_starts[at] - begin)
        prices.extend(depth.price[begin:end])
        quantities.extend(depth.quantity[begin:end])
        ends.append(len(prices))
    return DepthColumns(
        symbol=depth.symbol,
        price_scale=depth.price_scale,
        quantity_scale=depth.quantity_scale,
        times_ms=array("q", [depth.times_ms[at] for at in kept]),
        is_snapshot=array("q", [1] * len(kept)),
        ask_starts=starts,
        ends=ends,
        price=prices,
        quantity=quantities,
        best_bid=array("q", [depth.best_bid[at] for at in kept]),
        best_ask=array("q", [depth.best_ask[at] for at in kept]),
    )
