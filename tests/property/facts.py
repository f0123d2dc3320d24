"""Facts that properties are held against: amounts, fills, and sequences of them.

Amounts have as many digits as the exchange hands out: quantities to 16 places, prices to 8, money
to 8. Nothing here computes what is tested.
"""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.orders import Side

__all__ = [
    "BTC",
    "ETH",
    "START_MS",
    "TRY",
    "amounts",
    "fill_of",
    "fills",
    "fractions",
    "ratios",
    "scaled",
]

TRY, BTC, ETH = Asset("TRY"), Asset("BTC"), Asset("ETH")
START_MS = 1_700_000_000_000


def scaled(units: int, places: int) -> Decimal:
    """Return units of 10**-places as an exact decimal, in whatever context."""
    sign = 1 if units < 0 else 0
    digits = tuple(int(digit) for digit in str(abs(units)))
    return Decimal((sign, digits, -places))


def fractions(places: int, low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Return exact decimals of so many places between two whole numbers."""
    unit = 10**places
    return st.builds(scaled, st.integers(low * unit, high * unit), st.just(places))


amounts = fractions(8, -1_000_000, 1_000_000)
"""Money of either sign."""

ratios = st.builds(scaled, st.integers(0, 10_000), st.just(4))
"""From 0 to 1 in steps of a hundredth of a percent."""


def fill_of(
    trade: int,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    *,
    fee: Decimal = Decimal(0),
    tax: Decimal = Decimal(0),
    event_time_ms: int = START_MS,
    client_order_id: str | None = "bk1-test",
    base: Asset = BTC,
) -> Fill:
    """Return a trade of ours."""
    return Fill(
        TradeId(trade),
        OrderId(1),
        None if client_order_id is None else ClientOrderId(client_order_id),
        Symbol(f"{base}{TRY}"),
        base,
        TRY,
        side,
        quantity,
        price,
        fee,
        tax,
        event_time_ms,
    )


_quantities = st.one_of(
    # Coarse sizes meet each other exactly, fine ones never do.
    st.builds(scaled, st.integers(1, 20), st.just(1)),
    st.builds(scaled, st.integers(1, 10**17), st.just(16)),
)
_prices = st.one_of(
    st.builds(scaled, st.integers(1, 10**9), st.just(0)),
    st.builds(scaled, st.integers(1, 10**12), st.just(8)),
)
_charges = st.builds(scaled, st.integers(0, 10**10), st.just(8))


@st.composite
def fills(draw: st.DrawFn, *, at_most: int = 12, bases: tuple[Asset, ...] = (BTC,)) -> list[Fill]:
    """Draw trades in the order of their keys; several may share an instant."""
    found: list[Fill] = []
    now_ms = START_MS
    for trade in range(1, draw(st.integers(0, at_most)) + 1):
        now_ms += draw(st.integers(0, 2))
        found.append(
            fill_of(
                trade,
                draw(st.sampled_from(Side)),
                draw(_quantities),
                draw(_prices),
                fee=draw(_charges),
                tax=draw(_charges),
                event_time_ms=now_ms,
                base=draw(st.sampled_from(bases)),
            )
        )
    return found
