"""Fills: what one trade of ours means, in the history and on the stream alike.

Both say it with the same fields, so there is one set of rules for what money is taken from. Never
add: reading bytes, a default for a field that money depends on.
"""

from __future__ import annotations

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.models import TradeModel
from btcturk_kit.wire.reading import exact_amount, positive_amount
from btcturk_kit.wire.words import side_of

__all__ = ["fill_of"]


def fill_of(row: TradeModel, where: str) -> Fill:
    """Return a trade of ours, its amounts positive.

    The quantity is `preciseAmount`; older answers have only the rounded `amount`.

    Args:
        row: As the exchange wrote it: negative on a sell, costs always negative.
        where: Named in errors.

    Raises:
        ProtocolError: A field is missing, or two of them contradict each other.
    """
    side = side_of(row.orderType, where)
    signed = row.preciseAmount if row.preciseAmount is not None else row.amount
    if signed is None:
        raise ProtocolError(f"{where}: trade {row.id} lacks `preciseAmount` and `amount`")
    quantity = exact_amount(signed, where)
    if not quantity or (quantity < 0) is (side is Side.BUY):
        # Which of the two is wrong cannot be known, and the ledger would move the wrong way.
        raise ProtocolError(f"{where}: trade {row.id} is a {side} of {quantity}")
    fee, tax = exact_amount(row.fee, where), exact_amount(row.tax, where)
    # The exchange writes costs as negative numbers; a positive one would be income, which it does
    # not document and which must not be booked as a cost.
    if fee > 0 or tax > 0:
        raise ProtocolError(f"{where}: trade {row.id} has a positive `fee` or `tax`")
    return Fill(
        trade_id=TradeId(row.id),
        order_id=OrderId(row.orderId),
        client_order_id=ClientOrderId(row.orderClientId) if row.orderClientId else None,
        symbol=Symbol(f"{row.numeratorSymbol}{row.denominatorSymbol}"),
        base=Asset(row.numeratorSymbol),
        quote=Asset(row.denominatorSymbol),
        side=side,
        quantity=quantity.copy_abs(),
        price=positive_amount(row.price, where),
        fee=fee.copy_abs(),
        tax=tax.copy_abs(),
        event_time_ms=row.timestamp,
    )
