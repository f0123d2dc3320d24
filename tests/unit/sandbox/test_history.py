"""The history of the exchange: complete enough to rebuild every balance, equal for equal runs."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from random import Random

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.orders import LimitOrder, MarketBuy, MarketSell, Side, StopMarketSell
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.history import History
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.pair import Listing

BTCTRY = Symbol("BTCTRY")
TRY, BTC = Asset("TRY"), Asset("BTC")
NAMES = ("ann", "bob")


def busy_days(listing: Listing, *, seed: int, flow: int) -> Exchange:
    """Return an exchange on which two customers did three hundred things at random."""
    chance = Random(flow)  # noqa: S311 - a repeatable flow, not a secret
    exchange = Exchange([listing], seed=seed)
    for name in NAMES:
        exchange.open_account(name, {TRY: Decimal("700000.05"), BTC: Decimal("0.70000001")})
    placed: list[int] = []
    for number in range(300):
        name = chance.choice(NAMES)
        last = int(exchange.ticker(BTCTRY).last)
        quantity = Decimal(chance.randrange(10_000, 9_000_000)).scaleb(-8)
        what = chance.randrange(7)
        if what < 3:
            price = Decimal(last * chance.randrange(9_900, 10_100) // 10_000)
            request = LimitOrder(BTCTRY, chance.choice(tuple(Side)), quantity, price)
        elif what == 3:
            request = MarketBuy(BTCTRY, Decimal(chance.randrange(50, 30_000)))
        elif what == 4:
            request = MarketSell(BTCTRY, quantity)
        elif what == 5:
            request = StopMarketSell(BTCTRY, quantity, Decimal(last * 99 // 100))
        else:
            exchange.advance_to(exchange.now_ms + chance.randrange(1, 900_000))
            if placed:
                exchange.cancel(name, chance.choice(placed))
            exchange.deposit(name, TRY, Decimal(number).scaleb(-2))
            exchange.withdraw(name, BTC, Decimal(number).scaleb(-8))
            continue
        order = exchange.submit(name, request, client_order_id=f"{name}-{number}")
        if isinstance(order, PlacedOrder):
            placed.append(order.order_id)
    return exchange


def test_equal_runs_have_equal_bytes(listing: Listing) -> None:
    """Tape, seed and order flow decide every byte of the history; another seed or flow differs."""
    first = busy_days(listing, seed=4, flow=1).history.lines()
    assert len(first.splitlines()) > 300
    assert busy_days(listing, seed=4, flow=1).history.lines() == first
    assert busy_days(listing, seed=5, flow=1).history.lines() != first
    assert busy_days(listing, seed=4, flow=2).history.lines() != first


def test_balances_are_a_fold_of_the_history(listing: Listing) -> None:
    """Openings, transfers and trades of the history alone give every customer's money."""
    exchange = busy_days(listing, seed=7, flow=3)
    owned: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    ops = set()
    for line in exchange.history.lines().splitlines():
        entry = json.loads(line)
        assert list(entry) == ["t", "actor", "op", "id", "outcome"]
        ops.add(entry["op"])
        actor, words = entry["actor"], entry["outcome"].split()
        if entry["op"] == "open":
            for amount, asset in zip(words[2::2], words[3::2], strict=True):
                owned[actor, asset] += Decimal(amount)
        elif entry["op"] in ("deposit", "withdraw"):
            sign = 1 if entry["op"] == "deposit" else -1
            owned[actor, words[1]] += sign * Decimal(words[0])
        elif entry["op"] == "trade":
            _, _, _, side, quantity, _, price, _, fee, _, tax, _ = words
            sign = 1 if side == "buy" else -1
            owned[actor, "BTC"] += sign * Decimal(quantity)
            owned[actor, "TRY"] -= sign * Decimal(quantity) * Decimal(price)
            owned[actor, "TRY"] -= Decimal(fee) + Decimal(tax)
    assert ops == {
        "open",
        "submit",
        "trade",
        "cancel",
        "canceled",
        "triggered",
        "deposit",
        "withdraw",
    }
    for name in NAMES:
        for asset in (TRY, BTC):
            balance = exchange.holding(name).account.balance(asset)
            assert owned[name, asset] == balance.free + balance.locked


def test_the_oldest_entries_go_first_and_are_counted() -> None:
    """A full history says how much it forgot, and positions go on counting from the beginning."""
    history = History(entries_max=3)
    for number in range(5):
        history.note(number, "ann", "submit", str(number), "accepted")
    assert history.count == 5
    assert history.forgotten == 2
    assert [entry.t for entry in history.entries()] == [2, 3, 4]
    assert [entry.t for entry in history.entries(after=4)] == [4]
    assert [entry.t for entry in history.entries(after=1)] == [2, 3, 4]
    assert list(history.entries(after=5)) == []
    assert list(history.entries(after=10**30)) == []
