"""The ledger alone: facts as balanced legs, lots, and a trade that becomes known late.

    python examples/02_ledger_alone.py

Nothing here reads a clock, a file or a network.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit import (
    Account,
    Asset,
    ClientOrderId,
    Fill,
    Ledger,
    LedgerEvent,
    Leg,
    OrderId,
    Position,
    Side,
    Symbol,
    TradeId,
)
from btcturk_kit.domain.ledger import EventKind
from btcturk_kit.domain.ledger_events import fill_event, opening_event
from btcturk_kit.domain.positions import fold_fills
from btcturk_kit.errors import LedgerImbalance

TRY, BTC = Asset("TRY"), Asset("BTC")
START_MS = 1_700_000_000_000


def trade(number: int, side: Side, quantity: str, price: int, *, minute: int) -> Fill:
    """Make a trade of ours at 0.24 % with VAT, as the exchange's history would tell it."""
    fee = (Decimal(quantity) * price * Decimal("0.0020")).quantize(Decimal("1e-8"))
    return Fill(
        trade_id=TradeId(number),
        order_id=OrderId(number),
        client_order_id=ClientOrderId(f"order-{number}"),
        symbol=Symbol("BTCTRY"),
        base=BTC,
        quote=TRY,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=fee,
        tax=(fee * Decimal("0.20")).quantize(Decimal("1e-8")),
        event_time_ms=START_MS + minute * 60_000,
    )


def show(ledger: Ledger, position: Position) -> None:
    """Print what the books say now."""
    for account in (Account.BOT, Account.EXTERNAL, Account.UNASSIGNED, Account.FEE, Account.TAX):
        amounts = [f"{ledger.balance(account, asset):>18.8f} {asset}" for asset in (TRY, BTC)]
        print(f"  {account:<11}{' '.join(amounts)}")
    lots = ", ".join(f"{lot.quantity} for {lot.cost:.2f}" for lot in position.lots)
    print(f"  lots: {lots or 'none'}; realized {position.realized_net:.8f} TRY net")
    print(f"  {ledger.event_count} facts, hash {ledger.content_hash[:12]}…\n")


print("Opening: 100000 TRY, of which the bot gets 80000; 0.5 BTC are the owner's own.")
opening = opening_event(
    {TRY: Decimal(100_000), BTC: Decimal("0.5")},
    bot_quote=Decimal(80_000),
    quote=TRY,
    now_ms=START_MS,
)
ledger = Ledger().post(opening)
show(ledger, Position(BTC))

print("Two purchases and a sale that takes all of the first lot and a part of the second.")
fills = [
    trade(1, Side.BUY, "0.010", 1_000_000, minute=10),
    trade(3, Side.BUY, "0.010", 1_100_000, minute=30),
    trade(4, Side.SELL, "0.015", 1_200_000, minute=40),
]
ledger = ledger.post(*[fill_event(fill, is_own=True) for fill in fills])
show(ledger, fold_fills(BTC, fills))

print("A purchase from minute 20 becomes known late: the lots are what they would have been.")
late = trade(2, Side.BUY, "0.005", 1_050_000, minute=20)
ledger = ledger.post(fill_event(late, is_own=True))
show(ledger, fold_fills(BTC, [*fills, late]))

print(f"Every asset sums to zero: {ledger.imbalance() == {}}.")
print(f"The exchange must hold {ledger.held(TRY)} TRY and {ledger.held(BTC)} BTC for us.")
legs = (Leg(Account.BOT, TRY, Decimal(1)),)
wrong = LedgerEvent("gift", EventKind.DEPOSIT, START_MS, START_MS, legs, "")
try:
    ledger.post(wrong)
except LedgerImbalance as error:
    print(f"Money from nowhere is refused: {error}")
