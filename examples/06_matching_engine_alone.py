"""The matching engine and the fee arithmetic alone: price, then time, then the collar.

    python examples/06_matching_engine_alone.py

Both are pure: they know no account, no clock and no network.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit import BTCTRY_LEVEL_1, MatchingEngine, Side

engine = MatchingEngine(price_places=0)
for number, owner, price in ((1, "ann", 101), (2, "bob", 100), (3, "cem", 100), (4, "dora", 107)):
    engine.limit(number, owner=owner, side=Side.SELL, price=Decimal(price), quantity=Decimal("0.5"))

print("What rests on the ask side:")
for level in engine.depth(Side.SELL, levels=3):
    print(f"  {level.quantity:.2f} at {level.price}")

print("A buy of 0.75 at 101 takes the best price first, and there the older order first:")
for trade in engine.limit(
    5, owner="eda", side=Side.BUY, price=Decimal(101), quantity=Decimal("0.75")
):
    charge = BTCTRY_LEVEL_1.charge(trade.price * trade.quantity, is_maker=False)
    print(
        f"  {trade.quantity:.2f} at {trade.price} from {trade.maker_owner},"
        f" fee {charge.fee}, tax {charge.tax}"
    )

print("A market buy for 200 TRY, charges included, stops at the collar (5 % from the best ask):")
result = engine.market_buy(6, owner="eda", quote_amount=Decimal(200), fees=BTCTRY_LEVEL_1)
for trade in result.trades:
    print(f"  {trade.quantity} at {trade.price} from {trade.maker_owner}")
print(f"  left and given back: {result.left:.2f} TRY, done: {result.is_exhausted}")
