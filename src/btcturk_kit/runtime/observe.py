"""Phase 1 of an event cycle: read the venue into one frozen observation."""

from __future__ import annotations

from btcturk_kit.domain.cycle import Anomaly, CycleState, Mark, Observation
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import OWN_PREFIX, Asset, ClientOrderId, OrderId, Symbol
from btcturk_kit.domain.ledger import LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.pipeline.booking import late_assets
from btcturk_kit.pipeline.books import history_from_ms
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.ports.store import StateStore
from btcturk_kit.ports.venue import Venue

__all__ = ["observe_venue"]

_SKEW_MS = 10_000
"""More than our clock may be ahead of the exchange's, which refuses stamps 5 s off."""

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
) -> Observation:
    """Read orders, then trades, then balances, in this order.

    Orders before trades: an order seen as ended has all its trades in the history read after it,
    unless the history lags, which the pipeline notices by the sums. Orders without the exchange's
    number are looked up by our own: that is crash recovery, and it is the only path.
    """
    seen, lookups = await _orders(state, venue)
    fills = await _fills(state, venue, profile, lookups)
    return Observation(
        now_ms,
        marks,
        fills,
        seen,
        lookups,
        await venue.balances(),
        _history(state, store, fills, now_ms=now_ms),
        anomalies,
    )


async def _orders(state: CycleState, venue: Venue) -> tuple[tuple[VenueOrder, ...], _Lookups]:
    seen: list[VenueOrder] = []
    lookups: list[tuple[ClientOrderId, VenueOrder | None]] = []
    listed: dict[str | None, VenueOrder] = {}
    for symbol in sorted({order.symbol for order in state.orders.values()}):
        for one in await venue.open_orders(symbol):
            listed[one.client_order_id] = one
    for name, order in sorted(state.orders.items()):
        found = listed.get(name)
        if found is None and order.order_id is not None:
            found = await venue.order(order.order_id, order.symbol)
        elif found is None:
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
    booked = {trade_id: (at_ms, facts) for at_ms, trade_id, facts in state.seen}
    fresh: list[Fill] = []
    names: dict[OrderId, ClientOrderId | None] = {
        order.order_id: name for name, order in state.orders.items() if order.order_id is not None
    }
    names.update({found.order_id: name for name, found in lookups if found is not None})
    for fill in await venue.fills(profile.symbols, since_ms=since_ms):
        told = booked.get(fill.trade_id)
        if told is not None and told == (fill.event_time_ms, told[1] and fill.facts):
            continue
        # The history may repeat itself. What it tells differently goes on: the ledger refuses it.
        booked.setdefault(fill.trade_id, (fill.event_time_ms, fill.facts))
        if fill.client_order_id is None:
            # The history does not always say whose order it was; the order itself does.
            if fill.order_id not in names:
                order = await venue.order(fill.order_id, fill.symbol)
                names[fill.order_id] = None if order is None else order.client_order_id
            fill = fill._replace(client_order_id=names[fill.order_id])  # noqa: PLW2901 - completed
        is_own = (fill.client_order_id or "").startswith(OWN_PREFIX)
        if is_own or fill.event_time_ms >= state.opened_ms:
            fresh.append(fill)
    return tuple(fresh)


def _history(
    state: CycleState, store: StateStore, fills: tuple[Fill, ...], *, now_ms: int
) -> tuple[tuple[Asset, tuple[LedgerEvent, ...]], ...]:
    """Read the booked events of each asset that a late trade makes fold again."""
    if not fills:
        return ()
    events = [
        fill_event(
            fill, is_own=(fill.client_order_id or "").startswith(OWN_PREFIX), known_ms=now_ms
        )
        for fill in fills
    ]
    return tuple([(asset, store.events_with(asset)) for asset in late_assets(state, events)])
