"""Phase 1 of an event cycle: read the venue into one frozen observation."""

from __future__ import annotations

from btcturk_kit.domain.cycle import Anomaly, CycleState, Mark, Observation
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, Symbol
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.risk import RiskMode
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.ports.store import StateStore
from btcturk_kit.ports.venue import Venue

__all__ = ["observe_venue"]


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
    noted = list(anomalies)
    seen, lookups = await _orders(state, venue, noted)
    since_ms = max(state.opened_ms, state.cursor_ms - profile.overlap_ms)
    booked = set(state.seen)
    fills = tuple(
        [
            fill
            for fill in await venue.fills(profile.symbols, since_ms=since_ms)
            if fill.event_time_ms >= state.opened_ms and fill.order_key not in booked
        ]
    )
    return Observation(
        now_ms,
        marks,
        fills,
        seen,
        lookups,
        await venue.balances(),
        _history(state, store, fills),
        tuple(noted),
    )


async def _orders(
    state: CycleState, venue: Venue, noted: list[Anomaly]
) -> tuple[tuple[VenueOrder, ...], tuple[tuple[ClientOrderId, VenueOrder | None], ...]]:
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
            if found is None:
                noted.append(
                    Anomaly(
                        "order_missing",
                        RiskMode.REDUCE_RISK_ONLY,
                        f"the exchange does not know {name} ({order.order_id})",
                    )
                )
                continue
        elif found is None:
            found = await venue.find_order(name, order.symbol, since_ms=order.sent_ms)
        if order.order_id is None:
            lookups.append((name, found))
        elif found is not None:
            seen.append(found if found.client_order_id else found._replace(client_order_id=name))
    return tuple(seen), tuple(lookups)


def _history(
    state: CycleState, store: StateStore, fills: tuple[Fill, ...]
) -> tuple[tuple[Asset, tuple[Fill, ...]], ...]:
    """Read the booked trades of each asset that a late trade makes fold again."""
    late: set[Asset] = set()
    for fill in fills:
        position = state.positions.get(fill.base)
        if position is not None and fill.order_key < position.last_key:
            late.add(fill.base)
    # Trades of one batch can be out of order among themselves as well; then the batch is sorted
    # before it is booked, so only the comparison with what was booked before matters here.
    return tuple([(asset, store.fills_of(asset)) for asset in sorted(late)])
