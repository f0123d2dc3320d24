"""How users write the domain, checked by mypy and never run.

A line with an `ignore` must be an error: mypy warns of one that is not needed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from btcturk_kit.domain.capital import CapitalState, LedgerCheckpoint, SelfFinancing
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.ledger import Ledger
from btcturk_kit.domain.ledger_events import opening_event
from btcturk_kit.domain.money import Money, add, round_half_even
from btcturk_kit.domain.orders import (
    LimitOrder,
    MarketBuy,
    MarketSell,
    OrderRequest,
    Side,
    StopLimitOrder,
    StopMarketBuy,
    StopMarketSell,
    StopRequest,
    SubmitOrder,
)
from btcturk_kit.domain.risk import RiskBudgetPolicy

__all__: list[str] = []

BTCTRY = Symbol("BTCTRY")

# Money is Decimal, and a binary fraction is not.
assert_type(add(Decimal(1), Decimal(2)), Decimal)
assert_type(round_half_even(Decimal("1.005"), 2), Decimal)
add(1.5, Decimal(2))  # type: ignore[arg-type]  # a float is refused
Money(1.5, Asset("TRY"))  # type: ignore[arg-type]  # here too

# A market buy is sized in quote currency, so it is a type of its own.
buy: OrderRequest = MarketBuy(BTCTRY, Decimal(1000))
sell: OrderRequest = MarketSell(BTCTRY, Decimal("0.1"))
MarketBuy(BTCTRY, quantity=Decimal("0.1"))  # type: ignore[call-arg]  # it has no base quantity
LimitOrder(BTCTRY, "buy", Decimal(1), Decimal(2))  # type: ignore[arg-type]  # a side is no text
assert_type(SubmitOrder(ClientOrderId("bk1-0"), buy).request, OrderRequest)

# So is a market buy that waits; only the sell of the two has a base quantity.
stop: StopRequest = StopMarketBuy(BTCTRY, Decimal(1000), stop_price=Decimal(2))
StopMarketBuy(BTCTRY, quantity=Decimal("0.1"), stop_price=Decimal(2))  # type: ignore[call-arg]  # it has no base quantity
StopMarketSell(BTCTRY, quote_amount=Decimal(1000), stop_price=Decimal(2))  # type: ignore[call-arg]  # it has no quote amount
StopMarketSell(BTCTRY, Decimal("0.1"))  # type: ignore[call-arg]  # it has a trigger
StopMarketSell(BTCTRY, Decimal("0.1"), price=Decimal(1), stop_price=Decimal(2))  # type: ignore[call-arg]  # it has no price
StopLimitOrder(BTCTRY, Side.SELL, Decimal(1), Decimal(2))  # type: ignore[call-arg]  # it has both prices
SubmitOrder(ClientOrderId("bk1-0"), stop)  # type: ignore[arg-type]  # no cycle decides stop orders
MarketBuy(BTCTRY, 1000.0)  # type: ignore[arg-type]  # a float is refused
wrong: MarketBuy = MarketSell(BTCTRY, Decimal("0.1"))  # type: ignore[assignment]  # base is not quote

# Identifiers do not pass for one another.
PairRules(symbol="BTCTRY", base=Asset("BTC"), quote=Asset("TRY"), price_scale=0, quantity_scale=8)  # type: ignore[arg-type]  # a text is no symbol
rules = PairRules(
    symbol=BTCTRY, base=Asset("BTC"), quote=Asset("TRY"), price_scale=0, quantity_scale=8
)
assert_type(rules.quantize_price(Decimal("1.5"), side=Side.BUY), Decimal)
rules.quantize_price(Decimal("1.5"), Side.BUY)  # type: ignore[call-arg]  # the side is named

# Values cannot be changed.
rules.price_scale = 2  # type: ignore[misc]  # frozen
state = CapitalState(account="main", trading_capital_try=Decimal(1000))
state.treasury_try = Decimal(1)  # type: ignore[misc]  # frozen

# The folds return new values of the same kind.
opening = opening_event(
    {Asset("TRY"): Decimal(1000)}, bot_quote=Decimal(1000), quote=Asset("TRY"), now_ms=0
)
assert_type(Ledger().post(opening), Ledger)
step = LedgerCheckpoint("main", 1, "fill:1", "h", 0, "", Decimal(1), Decimal(1))
assert_type(RiskBudgetPolicy().apply_self_financing(state, step), CapitalState)
assert_type(SelfFinancing().treasury_ratio, Decimal)
