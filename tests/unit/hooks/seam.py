"""What hooks are tested with: a proposal, a market to stand in, and plug-ins of one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from btcturk_kit.domain.cycle import CycleRecord, Mark, OrderProposal
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.orders import LimitOrder, Order, OrderType, Side
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.hooks.specs import hookimpl

__all__ = ["BTCTRY", "PROPOSAL", "RECORD", "RULES", "Place", "gateway_of", "plugin"]

BTC, TRY, BTCTRY = Asset("BTC"), Asset("TRY"), Symbol("BTCTRY")

RULES = PairRules(
    symbol=BTCTRY, base=BTC, quote=TRY, price_scale=0, quantity_scale=8, min_notional=Decimal(100)
)

PROPOSAL = OrderProposal(
    "trend",
    LimitOrder(BTCTRY, Side.BUY, Decimal("0.001"), Decimal(1_000_000)),
    BTCTRY,
    Side.BUY,
    OrderType.LIMIT,
    Decimal(1_000_000),
    Decimal("0.001"),
    Decimal(1_000),
    reduces_risk=False,
)

RECORD = CycleRecord(
    7,
    1_700_000_000_000,
    RiskMode.NORMAL,
    3,
    1,
    0,
    0,
    Decimal(100_000),
    Decimal(100_000),
    Decimal(0),
    "0" * 64,
)


class Place:
    """A present for strategies and guards: whatever a test needs it to be."""

    def __init__(
        self,
        *,
        price: int = 1_000_000,
        bid: int | None = None,
        ask: int | None = None,
        position: Position | None = None,
        mode: RiskMode = RiskMode.NORMAL,
        is_holding: bool = False,
        is_working: bool = False,
        cash: int = 100_000,
    ) -> None:
        self.now_ms = 1_700_000_000_000
        self.mode = mode
        self.trading_capital_try = Decimal(cash)
        self.investable_try = Decimal(cash)
        self._mark = Mark(Decimal(price), Decimal(bid or price), Decimal(ask or price), self.now_ms)
        self._position = position or Position(BTC)
        self._is_holding = is_holding
        self._is_working = is_working

    def mark(self, symbol: Symbol) -> Mark:
        """Return the market."""
        assert symbol == BTCTRY
        return self._mark

    def position(self, symbol: Symbol) -> Position:
        """Return the lots."""
        assert symbol == BTCTRY
        return self._position

    def is_holding(self, symbol: Symbol) -> bool:
        """Whether more than dust is held."""
        assert symbol == BTCTRY
        return self._is_holding

    def is_working(self, symbol: Symbol) -> bool:
        """Whether an order works."""
        assert symbol == BTCTRY
        return self._is_working

    def orders(self, symbol: Symbol) -> tuple[Order, ...]:
        """Return no order."""
        assert symbol == BTCTRY
        return ()

    def rules(self, symbol: Symbol) -> PairRules:
        """Return the rules."""
        assert symbol == BTCTRY
        return RULES


def plugin(**functions: Callable[..., Any]) -> object:
    """Return a plug-in object whose hooks are these functions."""
    return type(
        "Plugin", (), {name: staticmethod(hookimpl(one)) for name, one in functions.items()}
    )()


def gateway_of(plugins: Mapping[str, object]) -> HookGateway:
    """Return a gateway to these plug-ins, registered in this order."""
    return HookGateway(load_plugins((), extra=plugins))
