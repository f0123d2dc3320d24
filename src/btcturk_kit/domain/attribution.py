"""Attribution: which trade earned what, as a fold over the ledger in the order of event time.

The result of an asset is a sum over its moves, and each move belongs to the pair that was traded;
what no trade realized (an operator's assignment of coins) counts under the asset's TRY pair. The
fold knows no order of arrival: the same facts give the same shares. It reads all of history, so it
is for late facts, reports by event time and proofs; what is needed every day is kept by
`performance`. Never add: a rate or a mark.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent
from btcturk_kit.domain.lots import Book, LotMove, lot_moves, order_key
from btcturk_kit.domain.money import ZERO, add, exact
from btcturk_kit.domain.positions import CostMethod, Position, apply_move, ordered_moves
from btcturk_kit.domain.valued_fills import TRY

__all__ = [
    "Pair",
    "Result",
    "Share",
    "Totals",
    "add_totals",
    "add_trade",
    "fold_totals",
    "late_shares",
    "pair_of",
    "pair_of_asset",
    "realized_steps",
    "results",
    "sub_totals",
]

# A member named once costs a fraction of one looked up at each use.
_BOT = Book.BOT
_BOT_ACCOUNT = Account.BOT
_FEE = Account.FEE
_FILL = EventKind.FILL
_TAX = Account.TAX
_VALUATION = EventKind.VALUATION


class Totals(NamedTuple):
    """What trading one pair earned, paid and turned over. Amounts in TRY at the trade's own time.

    Attributes:
        base: The asset that was traded.
        realized_net: Earned by what was sold, charges of both sides inside.
        realized_gross: The same before charges.
        fees_try: Commissions paid.
        tax_try: Tax paid on them.
        bought_try: Turnover of purchases, charges not included.
        sold_try: Turnover of sales.
        fills: Trades.
    """

    base: Asset
    realized_net: Decimal = ZERO
    realized_gross: Decimal = ZERO
    fees_try: Decimal = ZERO
    tax_try: Decimal = ZERO
    bought_try: Decimal = ZERO
    sold_try: Decimal = ZERO
    fills: int = 0

    @property
    def turnover_try(self) -> Decimal:
        """Purchases and sales together."""
        return add(self.bought_try, self.sold_try)

    @property
    def is_nothing(self) -> bool:
        """Whether every figure is zero."""
        return not any(self[1:])


@exact
def add_totals(one: Totals, more: Totals) -> Totals:
    """Return the sum, under the first one's base."""
    return Totals(
        one.base,
        one.realized_net + more.realized_net,
        one.realized_gross + more.realized_gross,
        one.fees_try + more.fees_try,
        one.tax_try + more.tax_try,
        one.bought_try + more.bought_try,
        one.sold_try + more.sold_try,
        one.fills + more.fills,
    )


@exact
def sub_totals(later: Totals, earlier: Totals) -> Totals:
    """Return what came between two totals of one pair."""
    return Totals(
        later.base,
        later.realized_net - earlier.realized_net,
        later.realized_gross - earlier.realized_gross,
        later.fees_try - earlier.fees_try,
        later.tax_try - earlier.tax_try,
        later.bought_try - earlier.bought_try,
        later.sold_try - earlier.sold_try,
        later.fills - earlier.fills,
    )


class Pair(NamedTuple):
    """A traded pair and its base."""

    symbol: Symbol
    base: Asset


class Share(NamedTuple):
    """What one move of lots realized, in TRY, and for which pair."""

    pair: Pair
    net: Decimal
    gross: Decimal


def pair_of(event: LedgerEvent) -> Pair:
    """Return the pair of a trade's event."""
    base = event.legs[0].asset
    return Pair(Symbol(f"{base}{event.legs[2].asset}"), base)


def pair_of_asset(asset: Asset) -> Pair:
    """Return the pair under which counts what no trade realized."""
    return Pair(Symbol(f"{asset}{TRY}"), asset)


@exact
def realized_steps(
    asset: Asset, events: Iterable[LedgerEvent], *, method: CostMethod
) -> dict[tuple[int, int], Share]:
    """Return what each move of the bot's lots of an asset realized, by its order key.

    Moves that realized nothing are left out.
    """
    moves: list[LotMove] = []
    pairs: dict[tuple[int, int], Pair] = {}
    for event in events:
        for move in lot_moves(event):
            if move.asset == asset and move.book is _BOT:
                moves.append(move)
                if event.kind is _FILL:
                    pairs[move.order_key] = pair_of(event)
    steps: dict[tuple[int, int], Share] = {}
    position = Position(asset)
    for move in ordered_moves(_BOT, asset, moves):
        after = apply_move(position, move, method=method)
        net = after.realized_net - position.realized_net
        gross = after.realized_gross - position.realized_gross
        position = after
        if net or gross:
            key = move.order_key
            known = steps.get(key)
            if known is not None:  # an event that moves one asset twice
                net, gross = known.net + net, known.gross + gross
            steps[key] = Share(pairs.get(key) or pair_of_asset(asset), net, gross)
    return steps


@exact
def late_shares(
    asset: Asset, events: Iterable[LedgerEvent], late: LedgerEvent, *, method: CostMethod
) -> tuple[tuple[Share, ...], Decimal]:
    """Return what a late event changed, per pair, and how much of that was results of others.

    Args:
        asset: The asset that is folded anew.
        events: Everything known that moves it, the late event inside.
        late: The event that became known late.
        method: How sold quantity finds its cost.
    """
    known = list(events)
    before = realized_steps(asset, [one for one in known if one.key != late.key], method=method)
    after = realized_steps(asset, known, method=method)
    own = None if late.kind is _VALUATION else order_key(late)
    by_pair: dict[Pair, Share] = {}
    restated = ZERO
    for steps, sign in ((before, -1), (after, 1)):
        for key, (pair, net, gross) in steps.items():
            share = by_pair.get(pair) or Share(pair, ZERO, ZERO)
            by_pair[pair] = Share(pair, share.net + sign * net, share.gross + sign * gross)
            if key != own:
                restated = restated + sign * net
    return tuple([share for share in by_pair.values() if share.net or share.gross]), restated


class Result(NamedTuple):
    """What one fact earned, paid or turned over, when, and for which pair."""

    event_time_ms: int
    symbol: Symbol
    part: Totals


@exact
def results(events: Iterable[LedgerEvent], *, method: CostMethod) -> tuple[Result, ...]:
    """Fold all events of a ledger into results, each at the time of the fact it belongs to."""
    known = list(events)
    pairs = {event.key: pair_of(event) for event in known if event.kind is _FILL}
    found: list[Result] = []
    assets: dict[Asset, None] = {}
    for event in known:
        for leg in event.legs:
            if leg.account is _BOT_ACCOUNT and leg.asset != TRY:
                assets[leg.asset] = None
        if event.legs and event.legs[0].account is _BOT_ACCOUNT:
            pair = pairs.get(event.key.removeprefix("valuation:"))
            if pair is not None:
                part = add_trade(None, event, pair.base, ZERO, ZERO)
                found.append(Result(event.event_time_ms, pair.symbol, part))
    for asset in assets:
        for (at_ms, _), share in realized_steps(asset, known, method=method).items():
            part = Totals(share.pair.base, share.net, share.gross)
            found.append(Result(at_ms, share.pair.symbol, part))
    return tuple(found)


@exact
def add_trade(
    totals: Totals | None, event: LedgerEvent, base: Asset, net: Decimal, gross: Decimal
) -> Totals:
    """Return the totals of a pair after one of its trades, or after the valuation of a charge.

    A charge that has no value yet counts nothing.

    Args:
        totals: So far; None for a new pair.
        event: The trade or the valuation.
        base: What is traded.
        net: What it realized.
        gross: The same before charges.
    """
    known = Totals(base) if totals is None else totals
    _, old_net, old_gross, fees, taxes, bought, sold, fills = known
    legs = event.legs
    for account, asset, amount, value, _ in legs:
        if account is _FEE:
            fees = fees + (amount if asset == TRY else value or ZERO)
        elif account is _TAX:
            taxes = taxes + (amount if asset == TRY else value or ZERO)
    if event.kind is _FILL:
        fills += 1
        worth = legs[1].value_try or ZERO
        if worth < 0:  # the other side gave the base away: we bought
            bought = bought - worth
        else:
            sold = sold + worth
    return Totals(base, old_net + net, old_gross + gross, fees, taxes, bought, sold, fills)


def fold_totals(events: Iterable[LedgerEvent], *, method: CostMethod) -> dict[Symbol, Totals]:
    """Fold all events of a ledger into the totals of each pair, whatever order they came in."""
    totals: dict[Symbol, Totals] = {}
    for _, symbol, part in results(events, method=method):
        known = totals.get(symbol)
        totals[symbol] = part if known is None else add_totals(known, part)
    return totals
