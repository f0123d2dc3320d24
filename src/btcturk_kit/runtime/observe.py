"""Phase 1 of an event cycle: read the venue into one frozen observation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from btcturk_kit.domain.cycle import Anomaly, CycleState, Mark, Observation
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import (
    OWN_PREFIX,
    Asset,
    ClientOrderId,
    OrderId,
    Symbol,
    TradeId,
)
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import lot_moves, order_key
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.operations import Operation, ValueCharge, assets_of
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.transfers import Transfer
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.pipeline.booking import late_assets
from btcturk_kit.pipeline.books import history_from_ms
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.pipeline.transfers import fresh_transfers, transfer_events, transfer_key
from btcturk_kit.ports.store import StateStore
from btcturk_kit.ports.venue import Venue

__all__ = ["history_of", "observe_venue"]

_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name

_SKEW_MS = 10_000
"""More than our clock may be ahead of the exchange's, which refuses stamps 5 s off."""

_CONFIRMED_MS_MAX: Final = 7 * 86_400_000
"""How long after it began a transfer is still looked for."""

_History = tuple[tuple[Asset, tuple[LedgerEvent, ...]], ...]
_Lookups = tuple[tuple[ClientOrderId, VenueOrder | None], ...]


async def observe_venue(
    state: CycleState,
    venue: Venue,
    store: StateStore,
    profile: Profile,
    *,
    now_ms: int,
    marks: dict[Symbol, Mark],
    anomalies: tuple[Anomaly, ...] = (),
    conditions: tuple[Ticker, ...] = (),
    operations: tuple[Operation, ...] = (),
    with_transfers: bool = False,
) -> Observation:
    """Read orders, then trades, then transfers if they are wanted, then balances, in this order.

    Orders before trades: an order seen as ended has all its trades in the history read after it,
    unless the history lags, which the pipeline notices by the sums. Orders without the exchange's
    number are looked up by our own: that is crash recovery, and it is the only path.
    """
    seen, lookups = await _orders(state, venue, profile) if state.orders else ((), ())
    fills = await _fills(state, venue, profile, lookups)
    if fills:
        fills = _not_booked(fills, store)
    transfers = await _transfers(state, venue, store) if with_transfers else ()
    history: _History = ()
    if transfers or operations or not _are_newest(state, fills):
        # In the order in which they will be booked.
        events = sorted([_event_of(fill, now_ms=now_ms) for fill in fills], key=order_key)
        moved = [event for one in transfers for event in transfer_events(one, known_ms=now_ms)]
        events += sorted(moved, key=order_key)
        history = history_of(state, store, events, operations)
    return _tuple(
        Observation,
        (
            now_ms,
            marks,
            fills,
            seen,
            lookups,
            await venue.balances(),
            history,
            anomalies,
            conditions,
            venue.health(),
            transfers,
            operations,
        ),
    )


async def _transfers(state: CycleState, venue: Venue, store: StateStore) -> tuple[Transfer, ...]:
    """Read deposits and withdrawals that are not booked yet.

    A few days back from what is known: one can be confirmed long after it began.

    Raises:
        LedgerConflict: One that is booked is told with another content.
    """
    since_ms = max(state.opened_ms, state.cursor_ms - _CONFIRMED_MS_MAX)
    found = await venue.transfers(since_ms=since_ms)
    booked = store.booked([transfer_key(one) for one in found]) if found else ()
    return fresh_transfers(found, booked, opened_ms=state.opened_ms)


async def _orders(
    state: CycleState, venue: Venue, profile: Profile
) -> tuple[tuple[VenueOrder, ...], _Lookups]:
    """Read our orders; of a pair that is gone nothing is listed, only single orders are found."""
    seen: list[VenueOrder] = []
    lookups: list[tuple[ClientOrderId, VenueOrder | None]] = []
    listed: dict[str | None, VenueOrder] = {}
    for symbol in sorted({one.symbol for one in state.orders.values()} & {*profile.symbols}):
        for one in await venue.open_orders(symbol):
            listed[one.client_order_id] = one
    for name, order in sorted(state.orders.items()):
        found = listed.get(name)
        if found is None and order.order_id is not None:
            found = await venue.order(order.order_id, order.symbol)
        elif found is None and order.symbol in profile.symbols:
            found = await venue.find_order(name, order.symbol, since_ms=order.sent_ms)
        if order.order_id is None or found is None:
            lookups.append((name, found))
        else:
            seen.append(found if found.client_order_id else found._replace(client_order_id=name))
    return tuple(seen), tuple(lookups)


async def _fills(
    state: CycleState, venue: Venue, profile: Profile, lookups: _Lookups
) -> tuple[Fill, ...]:
    """Read the trades that are not booked yet; of the owner's own, those since the opening."""
    since_ms = max(state.opened_ms - _SKEW_MS, history_from_ms(state, profile))
    symbols = profile.symbols
    if state.orders:
        mine = [one.symbol for one in state.orders.values()]
        symbols = tuple(dict.fromkeys((*symbols, *mine)))
    found = await venue.fills(symbols, since_ms=since_ms)
    if not found:
        return ()
    booked = {trade_id: (at_ms, facts) for at_ms, trade_id, facts in state.seen}
    fresh: list[Fill] = []
    names: dict[OrderId, ClientOrderId | None] = {
        order.order_id: name for name, order in state.orders.items() if order.order_id is not None
    }
    names.update({order.order_id: name for name, order in lookups if order is not None})
    listed: dict[TradeId, Fill] = {}
    for fill in found:
        # The history may repeat itself. What it tells differently goes on: the ledger refuses it.
        told = booked.get(fill.trade_id)
        if told is None and fill.trade_id in listed:
            first = listed[fill.trade_id]
            told = (first.event_time_ms, first.facts)
        listed.setdefault(fill.trade_id, fill)
        if told is not None and told == (fill.event_time_ms, told[1] and fill.facts):
            continue
        if fill.client_order_id is None:
            # The history does not always say whose order it was; the order itself does.
            if fill.order_id not in names:
                seen = await venue.order(fill.order_id, fill.symbol)
                names[fill.order_id] = None if seen is None else seen.client_order_id
            fill = fill._replace(client_order_id=names[fill.order_id])  # noqa: PLW2901 - completed
        is_own = (fill.client_order_id or "").startswith(OWN_PREFIX)
        if is_own or fill.event_time_ms >= state.opened_ms:
            fresh.append(fill)
    return tuple(fresh)


def _are_newest(state: CycleState, fills: tuple[Fill, ...]) -> bool:
    """Whether every trade is younger than all that is booked of its coin: the usual case.

    Nothing is late then, and nobody needs the history.
    """
    for fill in fills:
        if fill.charge_asset is not None or fill.quote != TRY or not fill.quantity:
            return False
        key = (fill.event_time_ms, fill.trade_id)
        for book in (state.positions, state.external):
            position = book.get(fill.base)
            if position is not None and key < position.last_key:
                return False
    return True


def _not_booked(fills: tuple[Fill, ...], store: StateStore) -> tuple[Fill, ...]:
    """Leave out what the store has booked already: it knows more than the window of the state.

    The window misses a trade when the history is read farther back than it was before: a longer
    overlap, a step of the clock. What is told differently goes on: the store refuses it.
    """
    told = {event.key: event for event in store.booked([_key_of(one) for one in fills])}
    if not told:
        return fills
    return tuple([one for one in fills if not _is_told_by(told.get(_key_of(one)), one)])


def _key_of(fill: Fill) -> str:
    return f"fill:{fill.trade_id}"


def _is_told_by(event: LedgerEvent | None, fill: Fill) -> bool:
    """Whether a booked trade is this one; whose order it was is not always told."""
    if event is None or event.event_time_ms != fill.event_time_ms:
        return False
    _, _, facts = event.content.partition("|")
    return f"{facts}|".startswith(f"{fill.facts}|")


def _event_of(fill: Fill, *, now_ms: int) -> LedgerEvent:
    is_own = (fill.client_order_id or "").startswith(OWN_PREFIX)
    return fill_event(fill, is_own=is_own, known_ms=now_ms)


def history_of(
    state: CycleState,
    store: StateStore,
    events: Iterable[LedgerEvent],
    operations: Iterable[Operation],
) -> _History:
    """Read the booked events of each asset that a late fact or an operation makes fold again."""
    assets = set(late_assets(state, events))
    for operation in operations:
        assets.update(assets_of(operation.request))
        if isinstance(operation.request, ValueCharge):
            for event in store.booked([operation.request.event_key]):
                assets.update(move.asset for move in lot_moves(event))
    return tuple([(asset, store.events_with(asset)) for asset in sorted(assets)])
