"""Ledgers to export: random ones with every kind of event, and a few small ones by hand."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.ledger_events import (
    difference_event,
    fill_event,
    flow_event,
    opening_event,
    treasury_event,
)
from btcturk_kit.domain.operator_events import (
    LotEvidence,
    adjustment_event,
    assignment_event,
    levy_event,
    lots_event,
    transfer_event,
    valuation_event,
)
from btcturk_kit.domain.orders import Side

__all__ = ["BTC", "DAY_MS", "START_MS", "TRY", "day_of", "fill", "opening", "random_ledger", "sold"]

TRY, BTC, BNB, USDT = Asset("TRY"), Asset("BTC"), Asset("BNB"), Asset("USDT")
DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
_ZONE = timezone(timedelta(hours=3))


def day_of(now_ms: int) -> date:
    """Return the date of an instant, three hours east of Greenwich."""
    return datetime.fromtimestamp(now_ms // 1000, tz=UTC).astimezone(_ZONE).date()


def opening(**balances: str) -> LedgerEvent:
    """Return an opening in which the bot gets all TRY."""
    found = {Asset(name): Decimal(text) for name, text in balances.items()}
    return opening_event(found, bot_quote=found.get(TRY, Decimal(0)), quote=TRY, now_ms=START_MS)


def fill(
    number: int,
    side: Side,
    quantity: str,
    price: str,
    *,
    day: int,
    fee: str = "0",
    tax: str = "0",
    base: Asset = BTC,
    **more: Any,
) -> Fill:
    """Return a trade so many days after the opening."""
    quote = more.pop("quote", TRY)
    return Fill(
        TradeId(number), OrderId(number), None, Symbol(f"{base}{quote}"), base, quote, side,
        Decimal(quantity), Decimal(price), Decimal(fee), Decimal(tax), START_MS + day * DAY_MS,
        **more,
    )  # fmt: skip


def sold(one: Fill, *, is_own: bool = True) -> LedgerEvent:
    """Return the event of a trade, booked when it happened."""
    return fill_event(one, is_own=is_own, known_ms=one.event_time_ms)


def random_ledger(seed: int, count: int = 60) -> list[LedgerEvent]:
    """Return a ledger with trades in TRY and USDT, charges in four assets, and everything else."""
    chance = random.Random(seed)  # noqa: S311 - the same ledger for the same seed
    events = [opening(TRY="1000000", BTC="0.5", USDT="5000", BNB="3.5")]
    if seed % 2:
        known = LotEvidence(Decimal("0.2"), Decimal("1234.56789"), START_MS - 90 * DAY_MS)
        more = LotEvidence(Decimal("0.1"), Decimal(777), START_MS - 80 * DAY_MS)
        events.append(_evidence(known, more))
    at_ms = START_MS
    for number in range(1, count + 1):
        at_ms += chance.randrange(2_000, DAY_MS)
        trade = _random_trade(chance, number, at_ms)
        event = fill_event(trade, is_own=chance.random() < 0.7, known_ms=at_ms)
        events.append(event)
        if trade.charge_asset == BNB and trade.charge_rate is None and chance.random() < 0.5:
            events.append(valuation_event(event, Decimal("11111.2"), known_ms=at_ms + 5))
        events += _something_else(chance, number, at_ms + 1_000)
    return events


def _evidence(*lots: LotEvidence) -> LedgerEvent:
    return lots_event(
        BTC, lots, event_time_ms=START_MS + 1, known_ms=START_MS + DAY_MS, evidence="papers"
    )


def _random_trade(chance: random.Random, number: int, at_ms: int) -> Fill:
    quantity = Decimal(chance.randrange(1, 10**12)).scaleb(-12)
    quote = chance.choice([TRY, TRY, USDT])
    price = Decimal(chance.randrange(1, 10**9 if quote == TRY else 10**7)).scaleb(-2)
    charged = chance.choice([None, None, BTC, BNB])
    fee = {None: quantity * price, BTC: quantity, BNB: Decimal("1.23")}[charged] / 1000
    fee = fee.quantize(Decimal("1e-8"))
    rate = Decimal("12345.67") if charged == BNB and chance.random() < 0.5 else None
    return Fill(
        TradeId(number), OrderId(number), None, Symbol(f"BTC{quote}"), BTC, quote,
        chance.choice([Side.BUY, Side.SELL]), quantity, price, fee,
        (fee / 5).quantize(Decimal("1e-8")), at_ms, charged, rate,
        Decimal("34.5678") if quote == USDT else None,
    )  # fmt: skip


def _something_else(chance: random.Random, number: int, at_ms: int) -> list[LedgerEvent]:
    both = {"event_time_ms": at_ms, "known_ms": at_ms}
    match chance.randrange(14):
        case 0:
            amount = Decimal(chance.choice(["0.3", "-0.1"]))
            return [flow_event(f"crypto:{number}", BTC, amount, quote=TRY, **both)]
        case 1:
            to_bot = chance.random() < 0.5
            return [
                assignment_event(
                    f"assignment:{number}", BTC, Decimal("0.05"), cost_try=Decimal("1234.5"),
                    acquired_ms=at_ms - 3 * DAY_MS, to_bot=to_bot, now_ms=at_ms, evidence="papers",
                )
            ]  # fmt: skip
        case 2:
            share = Decimal("1.23456789")
            return [treasury_event(f"fill:{number}", share, quote=TRY, now_ms=at_ms)]
        case 3:
            difference = difference_event([(BTC, Decimal("0.001"))], count=number, now_ms=at_ms)
            legs = (
                Leg(Account.SUSPENSE, BTC, Decimal("-0.001")),
                Leg(Account.EXTERNAL, BTC, Decimal("0.001"), chance.choice([None, Decimal(50)])),
            )
            found = adjustment_event(
                f"resolution:{number}",
                legs,
                event_time_ms=at_ms + 1,
                known_ms=at_ms,
                reason="found",
            )
            return [difference, found]
        case 4:
            kinds = (EventKind.TRANSACTION_TAX, EventKind.WITHHOLDING)
            kind = chance.choice(kinds)
            return [
                levy_event(
                    f"levy:{number}", Decimal("3.21"), kind=kind, payer=Account.BOT, reason="law 1",
                    **both,
                )
            ]  # fmt: skip
        case 5:
            return [
                transfer_event(
                    f"transfer:{number}", Decimal(100), source="bot", target="unassigned",
                    quote=TRY, now_ms=at_ms, reason="rent",
                )
            ]  # fmt: skip
        case _:
            return []
