"""The OMS simulator alone: a paper account, three bars, and what the exchange would have done.

    python examples/11_oms_simulator_alone.py

It is pure: the bars come from this file, and nothing is random. What it assumes of the exchange is
a bundle of models, and each says what of it is not true (docs: The OMS simulator).
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit import (
    BTCTRY_LEVEL_1,
    Asset,
    BarColumns,
    ClientOrderId,
    LimitOrder,
    MarketFrame,
    OmsSimulator,
    PairRules,
    Side,
    SubmitOrder,
    Symbol,
)

BTCTRY = Symbol("BTCTRY")
rules = PairRules(
    symbol=BTCTRY, base=Asset("BTC"), quote=Asset("TRY"), price_scale=0, quantity_scale=8
)
bars = BarColumns(
    symbol=BTCTRY,
    price_scale=0,
    volume_scale=8,
    open=[1000, 1000, 990],
    high=[1000, 1005, 1020],
    low=[1000, 949, 985],
    close=[1000, 990, 1015],
    volume=[500_000_000] * 3,  # five coins a bar, of which an account gets at most a tenth
    bid=[1000, 990, 1015],
    ask=[1000, 990, 1015],
)
frame = MarketFrame(times_ms=[0, 60_000, 120_000], bars=(bars,))

oms = OmsSimulator({BTCTRY: rules}, BTCTRY_LEVEL_1, {Asset("TRY"): Decimal(10_000)})
oms.advance(frame, 0)
for name, price in (("first", 950), ("second", 940)):
    request = LimitOrder(BTCTRY, Side.BUY, Decimal("0.8"), Decimal(price))
    print(oms.submit(SubmitOrder(ClientOrderId(name), request)))
for index in (1, 2):
    oms.advance(frame, index)

for fill in oms.fills_since(0):
    print(
        f"{fill.client_order_id}: {fill.quantity:f} at {fill.price},"
        f" fee {fill.fee:f}, tax {fill.tax:f}"
    )
for balance in oms.balances():
    print(f"{balance.asset}: {balance.free.normalize():f} free, {balance.locked:f} in orders")
oms.audit()
