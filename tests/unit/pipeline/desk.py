"""A desk to decide at: an opened account, a market, orders and trades, and one call to decide.

Helpers build facts only. What a decision makes of them is for the tests to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from btcturk_kit.domain.cycle import (
    CancelIntent,
    CycleState,
    Decision,
    Intent,
    Mark,
    Observation,
    StateCommit,
)
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.mode_memory import ModeMemory
from btcturk_kit.domain.order_events import VenueOrder
from btcturk_kit.domain.orders import Order, OrderStatus, OrderType, Side
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.hooks.strategy import Strategy
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.decide import BoundStrategy, Kit, decide
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.pipeline.profile import Profile

__all__ = [
    "BTC",
    "BTCTRY",
    "DAY_END_MS",
    "DAY_MS",
    "ETH",
    "ETHTRY",
    "NOW_MS",
    "OPENED_MS",
    "RULES",
    "TRY",
    "balances",
    "booked",
    "buy",
    "decide_on",
    "fill",
    "intent_to_buy",
    "intent_to_sell",
    "kit_of",
    "listed",
    "mark",
    "observe",
    "opened",
    "opening_of",
    "order",
    "profile_of",
    "sell",
    "suspended",
    "with_orders",
]

TRY, BTC, ETH = Asset("TRY"), Asset("BTC"), Asset("ETH")
BTCTRY, ETHTRY = Symbol("BTCTRY"), Symbol("ETHTRY")
OPENED_MS = 1_700_000_000_000
NOW_MS = OPENED_MS + 60_000
"""The instant most decisions of these tests are made at."""
DAY_MS = 86_400_000
DAY_END_MS = OPENED_MS + DAY_MS

RULES = {
    symbol: PairRules(
        symbol=symbol,
        base=base,
        quote=TRY,
        price_scale=2,
        quantity_scale=8,
        min_notional=Decimal(100),
    )
    for symbol, base in ((BTCTRY, BTC), (ETHTRY, ETH))
}


def _day_end(now_ms: int) -> int:
    """Return the end of a day that began when the account was opened."""
    return OPENED_MS + ((now_ms - OPENED_MS) // DAY_MS + 1) * DAY_MS


def profile_of(*, limits: RiskLimits | None = None, **changes: Any) -> Profile:
    """Return a profile of two pairs, changed as asked."""
    risk = RiskBudgetPolicy(limits=limits or RiskLimits())
    fields: dict[str, Any] = {
        "account": "main",
        "symbols": (BTCTRY, ETHTRY),
        "day_end": _day_end,
        "risk": risk,
    }
    return Profile(**(fields | changes))


def kit_of(
    *strategies: Strategy,
    plugins: Mapping[str, object] | None = None,
    profile: Profile | None = None,
    rules: dict[Symbol, PairRules] | None = None,
) -> Kit:
    """Return a kit with these strategies on BTCTRY and these plug-ins."""
    chosen, pairs = profile or profile_of(), rules or RULES
    return Kit(
        chosen,
        pairs,
        HookGateway(load_plugins((), extra=plugins)),
        tuple(
            BoundStrategy(f"plugin{number}", BTCTRY, one) for number, one in enumerate(strategies)
        ),
        CycleContext(pairs, chosen),
    )


def opening_of(
    cash: str = "100000", *, coins: str = "0", capital: str | None = None
) -> StateCommit:
    """Return the commit that opens an account."""
    return open_account(
        "main",
        balances(cash, coins),
        quote=TRY,
        now_ms=OPENED_MS,
        day_end=_day_end,
        trading_capital_try=None if capital is None else Decimal(capital),
    )


def opened(
    cash: str = "100000", *, coins: str = "0", capital: str | None = None, **changes: Any
) -> CycleState:
    """Return the state of a new account."""
    return opening_of(cash, coins=coins, capital=capital).state._replace(**changes)


def balances(cash: str, coins: str = "0", *, locked: str = "0") -> tuple[Balance, ...]:
    """Return free cash, free coins, and locked cash, as the exchange lists them."""
    return (
        Balance(TRY, Decimal(cash), Decimal(locked)),
        Balance(BTC, Decimal(coins), Decimal(0)),
    )


def mark(price: str, *, bid: str | None = None, ask: str | None = None, at: int = 0) -> Mark:
    """Return a market; bid and ask are the price unless given."""
    return Mark(Decimal(price), Decimal(bid or price), Decimal(ask or price), at or NOW_MS)


def observe(now_ms: int = NOW_MS, **changes: Any) -> Observation:
    """Return an observation: BTC at a million, ETH at a hundred thousand, nothing new."""
    fields: dict[str, Any] = {
        "now_ms": now_ms,
        "marks": {BTCTRY: mark("1000000", at=now_ms), ETHTRY: mark("100000", at=now_ms)},
    }
    return Observation(**(fields | changes))


def decide_on(
    state: CycleState,
    observation: Observation | None = None,
    *intents: Intent | CancelIntent,
    kit: Kit | None = None,
    ask: bool = False,
    previous_equity: str | None = None,
    observe_only: bool = False,
) -> Decision:
    """Decide; with `ask` the strategies of the kit are asked, else these intents are theirs."""
    before = None if previous_equity is None else Decimal(previous_equity)
    return decide(
        state,
        observation or observe(),
        kit or kit_of(),
        intents=None if ask else intents,
        assessment=None,
        previous_equity=lambda: before,
        observe_only=observe_only,
    )


def fill(
    trade: int,
    side: Side,
    quantity: str,
    price: str,
    *,
    fee: str = "0",
    tax: str = "0",
    at: int | None = None,
    name: str | None = "bk1-a",
    order_id: int = 70,
    base: Asset = BTC,
) -> Fill:
    """Return a trade, ten seconds after the opening for each of its number unless told."""
    return Fill(
        TradeId(trade),
        OrderId(order_id),
        None if name is None else ClientOrderId(name),
        Symbol(f"{base}{TRY}"),
        base,
        TRY,
        side,
        Decimal(quantity),
        Decimal(price),
        Decimal(fee),
        Decimal(tax),
        OPENED_MS + 10_000 * trade if at is None else at,
    )


def buy(trade: int, quantity: str, price: str, **rest: Any) -> Fill:
    """Return a buy."""
    return fill(trade, Side.BUY, quantity, price, **rest)


def sell(trade: int, quantity: str, price: str, **rest: Any) -> Fill:
    """Return a sell."""
    return fill(trade, Side.SELL, quantity, price, **rest)


def suspended(state: CycleState, cash: str) -> CycleState:
    """Return the state after two looks at a balance that nobody can explain, mode forgiven."""
    for at in range(2):
        seen = observe(NOW_MS - 2 + at, balances=balances(cash))
        state = decide_on(state, seen, observe_only=True).state
    return state._replace(mode=ModeMemory())


def booked(state: CycleState, *fills: Fill, kit: Kit | None = None) -> CycleState:
    """Return the state after these trades were booked."""
    return decide_on(state, observe(fills=tuple(fills)), kit=kit).state


def order(name: str = "bk1-a", **changes: Any) -> Order:
    """Return a working limit buy of 0.01 BTC at a million, changed as asked."""
    fields: dict[str, Any] = {
        "client_order_id": ClientOrderId(name),
        "symbol": BTCTRY,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "strategy": "trend",
        "status": OrderStatus.OPEN,
        "sent_ms": OPENED_MS + 30_000,
        "updated_ms": OPENED_MS + 30_000,
        "price": Decimal(1_000_000),
        "quantity": Decimal("0.01"),
        "reserved": Decimal(10_024),
        "order_id": OrderId(70),
    }
    return Order(**(fields | changes))


def with_orders(state: CycleState, *orders: Order) -> CycleState:
    """Return the state with these orders working."""
    return state._replace(orders={one.client_order_id: one for one in orders})


def listed(one: Order, status: OrderStatus, *, left: str, order_id: int = 70) -> VenueOrder:
    """Return our order as the exchange lists it."""
    return VenueOrder(
        OrderId(order_id),
        one.client_order_id,
        one.symbol,
        one.side,
        one.order_type,
        status,
        one.price,
        one.quantity or Decimal(0),
        Decimal(left),
        OPENED_MS,
    )


def intent_to_buy(
    spend: str | None = "1000",
    *,
    quantity: str | None = None,
    price: str | None = "1000000",
    **rest: Any,
) -> Intent:
    """Return a wish to buy BTC: a limit order, or a market order without a price."""
    fields: dict[str, Any] = {
        "strategy": "trend",
        "symbol": BTCTRY,
        "side": Side.BUY,
        "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "quantity": None if quantity is None else Decimal(quantity),
        "quote_amount": None if spend is None else Decimal(spend),
        "price": None if price is None else Decimal(price),
    }
    return Intent(**(fields | rest))


def intent_to_sell(quantity: str | None = None, *, price: str | None = None, **rest: Any) -> Intent:
    """Return a wish to sell BTC: at the market, or a limit order with a price."""
    fields: dict[str, Any] = {
        "strategy": "trend",
        "symbol": BTCTRY,
        "side": Side.SELL,
        "order_type": OrderType.MARKET if price is None else OrderType.LIMIT,
        "quantity": None if quantity is None else Decimal(quantity),
        "price": None if price is None else Decimal(price),
    }
    return Intent(**(fields | rest))
