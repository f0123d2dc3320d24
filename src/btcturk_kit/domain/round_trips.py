"""Round trips of one asset: from holding nothing (but dust) to holding nothing again.

Trips are followed in the order in which facts become known, and divide what the asset earned and
paid without a gap: a trip takes everything since the one before it closed. So the closed trips and
what is open add up to the totals, to the last digit, whatever comes late. A late fact belongs to
the trip during which it became known, which says by how much it changed older results. Never add: a
look at the present, a trip that is rewritten once it has closed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.lots import LotMove
from btcturk_kit.domain.money import ZERO, exact, is_product_below
from btcturk_kit.domain.positions import Position

__all__ = ["RoundTrip", "TripState", "end_trip", "follow_trip", "is_dust"]


class RoundTrip(NamedTuple):
    """What the bot earned and paid with one asset from flat to flat. Amounts in TRY.

    Attributes:
        opened_ms: When the first trade happened; when it became known, if that was late.
        closed_ms: The same of the trade that ended it.
        quantity: What came in, in units of the asset.
        realized_net: Earned, charges of both sides inside.
        realized_gross: Earned before charges.
        fees_try: Paid for trades of this asset.
        tax_try: Paid as tax on those fees.
        restated_net: By how much facts that came late changed results of earlier trades.
    """

    asset: Asset
    opened_ms: int
    closed_ms: int
    quantity: Decimal
    realized_net: Decimal
    realized_gross: Decimal
    fees_try: Decimal
    tax_try: Decimal
    restated_net: Decimal = ZERO

    @property
    def duration_ms(self) -> int:
        """From the first trade to the last."""
        return self.closed_ms - self.opened_ms

    @property
    def is_restated(self) -> bool:
        """Whether a part of the result belongs to trades before this trip."""
        return bool(self.restated_net)


class TripState(NamedTuple):
    """Where the trip of an asset stands: what its totals were when the last one closed.

    Attributes:
        opened_ms: When the open trip began; None while the asset is flat.
        quantity: What came in since.
        realized_net: Total of the asset at the last close.
        realized_gross: The same before charges.
        fees_try: Total fees of the asset's trades at the last close.
        tax_try: The same of the tax.
        restated_net: Change of older results since the last close.
    """

    opened_ms: int | None = None
    quantity: Decimal = ZERO
    realized_net: Decimal = ZERO
    realized_gross: Decimal = ZERO
    fees_try: Decimal = ZERO
    tax_try: Decimal = ZERO
    restated_net: Decimal = ZERO


@exact
def is_dust(position: Position, move: LotMove, dust_try: Decimal) -> bool | None:
    """Tell whether what is left is worth less than `dust_try` at the price of the move.

    Returns:
        None where the move has no price: then nothing can be said of what is left.
    """
    left = position.quantity
    if not left:
        return True
    if move.gross is None or not move.quantity:
        return None
    return is_product_below(abs(left), abs(move.gross), dust_try, abs(move.quantity))


@exact
def follow_trip(
    trip: TripState,
    move: LotMove,
    *,
    is_flat: bool,
    late_at_ms: int | None,
    restated_net: Decimal,
) -> tuple[TripState, tuple[int, int] | None]:
    """Follow one move; return the trip after it, and when it opened and closed if it did.

    Args:
        trip: The trip so far.
        move: What came in or went out.
        is_flat: Whether nothing but dust is left.
        late_at_ms: When the move became known, if that was late; None otherwise.
        restated_net: By how much a late move changed older results.

    Returns:
        The trip, still with the totals of the last close; `end_trip` gives it those of this one.
    """
    at_ms = move.event_time_ms if late_at_ms is None else late_at_ms
    opened_ms = trip.opened_ms
    if opened_ms is None and is_flat and late_at_ms is None:
        return trip, None  # dust to dust
    if move.quantity < 0 and opened_ms is not None and not is_flat and late_at_ms is None:
        return trip, None
    came_in = move.quantity if move.quantity > 0 else ZERO
    began_ms = at_ms if opened_ms is None else opened_ms
    after = TripState(
        began_ms,
        trip.quantity + came_in,
        trip.realized_net,
        trip.realized_gross,
        trip.fees_try,
        trip.tax_try,
        trip.restated_net + restated_net,
    )
    return after, (began_ms, max(began_ms, at_ms)) if is_flat else None


@exact
def end_trip(
    trip: TripState,
    position: Position,
    times_ms: tuple[int, int],
    *,
    fees_try: Decimal,
    tax_try: Decimal,
) -> tuple[TripState, RoundTrip]:
    """Close a trip; return where the next one starts from, and the trip.

    Args:
        trip: The trip.
        position: The asset's lots and totals after the last move.
        times_ms: When it opened and closed.
        fees_try: Fees of all trades of the asset so far.
        tax_try: Tax on them.
    """
    net, gross = position.realized_net, position.realized_gross
    closed = RoundTrip(
        position.asset,
        *times_ms,
        trip.quantity,
        net - trip.realized_net,
        gross - trip.realized_gross,
        fees_try - trip.fees_try,
        tax_try - trip.tax_try,
        trip.restated_net,
    )
    return TripState(None, ZERO, net, gross, fees_try, tax_try), closed
