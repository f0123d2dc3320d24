"""What a state file holds, read past the library, and held against the exchange's own books."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal, localcontext
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Books", "books_of", "contradictions"]

HELD = ("bot", "treasury", "unassigned", "external", "suspense")
OWN = ("bot", "treasury")
TREASURY_RATIO = Decimal("0.40")
MONEY = Decimal("1E-8")
BOT_COSTS = "SELECT cost FROM lots WHERE book = 'bot'"
ENDED = ("filled", "canceled", "rejected", "abandoned")


class Books(NamedTuple):
    """The books of a state file.

    Attributes:
        digest: Chain over the decisions.
        content_hash: Chain over the facts of the ledger.
        balances: (asset, account) to balance, as the bot carries it.
        legs: The same, added up anew from every leg.
        off: Events whose legs do not sum to zero in some asset.
        transfers: What the capital policy put into the treasury, in order.
        capital: (trading capital, treasury, realized net total) after each checkpoint.
        lots: Cost of the open lots.
        fills: Numbers of the booked trades.
        orders: Client order id to (status, the exchange's number, what it reserves, its side).
        anomalies: Codes, in order.
    """

    digest: str
    content_hash: str
    balances: dict[tuple[str, str], Decimal]
    legs: dict[tuple[str, str], Decimal]
    off: tuple[str, ...]
    transfers: tuple[Decimal, ...]
    capital: tuple[tuple[Decimal, Decimal, Decimal], ...]
    lots: Decimal
    fills: tuple[int, ...]
    orders: dict[str, tuple[str, int | None, Decimal, str]]
    anomalies: tuple[str, ...]

    def held(self, asset: str) -> Decimal:
        """Return what the exchange should hold of an asset."""
        return sum((self.balances.get((asset, one), Decimal()) for one in HELD), Decimal())


def books_of(db: Path) -> Books:
    """Read a state file that no process has open."""
    with closing(sqlite3.connect(db)) as file, localcontext(prec=60):
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        legs: dict[tuple[str, str], Decimal] = {}
        sums: dict[tuple[str, str], Decimal] = {}
        transfers = []
        for key, kind, account, asset, amount in file.execute(
            "SELECT key, kind, account, asset, amount FROM ledger_legs JOIN ledger_events"
            " USING (seq) ORDER BY seq, ordinal"
        ):
            legs[asset, account] = legs.get((asset, account), Decimal()) + Decimal(amount)
            sums[key, asset] = sums.get((key, asset), Decimal()) + Decimal(amount)
            if (kind, account) == ("treasury", "treasury"):
                transfers.append(Decimal(amount))
        return Books(
            digest=_one(file, "SELECT digest FROM cycle_state"),
            content_hash=_one(file, "SELECT content_hash FROM ledger_head"),
            balances={
                (asset, account): Decimal(amount)
                for asset, account, amount in file.execute(
                    "SELECT asset, account, amount FROM ledger_balances"
                )
            },
            legs=legs,
            off=tuple(key for (key, _), amount in sums.items() if amount),
            transfers=tuple(transfers),
            capital=tuple(
                (Decimal(trading), Decimal(treasury), Decimal(realized))
                for trading, treasury, realized in file.execute(
                    "SELECT trading_capital_try, treasury_try, last_realized_pnl_total_try"
                    " FROM capital_journal ORDER BY seq"
                )
            ),
            lots=sum(
                (
                    Decimal(cost)
                    for (cost,) in file.execute("SELECT cost FROM lots WHERE book = 'bot'")
                ),
                Decimal(),
            ),
            fills=tuple(number for (number,) in file.execute("SELECT trade_id FROM fills")),
            orders={
                name: (status, order_id, Decimal(reserved), side)
                for name, status, order_id, reserved, side in file.execute(
                    "SELECT client_order_id, status, order_id, reserved, side FROM orders"
                )
            },
            anomalies=tuple(
                code for (code,) in file.execute("SELECT code FROM anomalies ORDER BY cycle")
            ),
        )


def contradictions(
    books: Books, truth: dict[str, Any], *, owners: frozenset[str] = frozenset()
) -> list[str]:
    """Return what is wrong with the books of a bot that trades BTC/TRY.

    Args:
        books: Of the state file.
        truth: What the exchange says of the account.
        owners: Names of the orders that the owner of the account placed by hand, none resting.
    """
    orders = [one for one in truth["orders"] if one["client_order_id"] not in owners]
    with localcontext(prec=60):
        return [
            *_about_orders(books, {**truth, "orders": orders}),
            *_about_balances(books, truth),
            *_about_the_ledger(books),
            *_about_capital(books),
        ]


def _about_orders(books: Books, truth: dict[str, Any]) -> list[str]:
    found = []
    sent = [order["client_order_id"] for order in truth["orders"]]
    found += [f"{name} was sent {sent.count(name)} times" for name in sorted(set(sent))
              if sent.count(name) > 1]  # fmt: skip
    found += [f"{name} is in no book" for name in sent if name not in books.orders]
    for order in truth["orders"]:
        status, order_id, _, _ = books.orders.get(order["client_order_id"], ("", 0, 0, ""))
        if order_id != order["order_id"]:
            found.append(f"{order['client_order_id']} has number {order_id} in the books")
        if (order["status"] in ENDED) != (status in ENDED) or (
            order["status"] in ENDED and status != order["status"]
        ):
            found.append(f"{order['client_order_id']} is {order['status']}, in the books {status}")
    for name, (status, order_id, _, _) in books.orders.items():
        if name not in sent and (order_id is not None or status not in ENDED):
            found.append(f"{name} is {status} in the books and unknown to the exchange")
    traded = [trade["trade_id"] for trade in truth["trades"]]
    if sorted(traded) != sorted(books.fills):
        found.append(f"trades {sorted(traded)} are booked as {sorted(books.fills)}")
    return found


def _about_balances(books: Books, truth: dict[str, Any]) -> list[str]:
    found = []
    for asset, side in (("TRY", "buy"), ("BTC", "sell")):
        balance = truth["balances"].get(asset, {"free": "0", "locked": "0"})
        total = Decimal(balance["free"]) + Decimal(balance["locked"])
        if books.held(asset) != total:
            found.append(f"{asset}: {total} at the exchange, {books.held(asset)} in the books")
        reserved = sum(
            (amount for status, _, amount, one in books.orders.values()
             if one == side and status not in ENDED), Decimal(),
        )  # fmt: skip
        if reserved != Decimal(balance["locked"]):
            found.append(f"{asset}: {balance['locked']} locked, {reserved} reserved")
    return found


def _about_the_ledger(books: Books) -> list[str]:
    found = [f"event {key} is off balance" for key in books.off]
    if {slot: one for slot, one in books.legs.items() if one} != {
        slot: one for slot, one in books.balances.items() if one
    }:
        found.append(f"the legs add up to {books.legs}, carried are {books.balances}")
    for asset in ("TRY", "BTC"):
        rest = sum((one for (name, _), one in books.balances.items() if name == asset), Decimal())
        if rest:
            found.append(f"{asset} is off by {rest}")
        found += [
            f"{books.balances[asset, account]} {asset} in {account}"
            for account in ("suspense", "rounding")
            if books.balances.get((asset, account))
        ]
    return found


def _about_capital(books: Books) -> list[str]:
    """Split every realized difference anew, and hold the sum of capital against what there is."""
    found = []
    shares = []
    for (trading, treasury, realized), (trading_after, treasury_after, realized_after) in pairwise(
        books.capital
    ):
        delta = realized_after - realized
        share = (max(delta, Decimal()) * TREASURY_RATIO).quantize(MONEY)
        if share:
            shares.append(share)
        if treasury_after != treasury + share or trading_after != trading + delta - share:
            found.append(f"{delta} was split into {trading_after} and {treasury_after}")
    if tuple(shares) != books.transfers:
        found.append(f"shares {shares} were transferred as {books.transfers}")
    trading, treasury, _ = books.capital[-1]
    if books.balances.get(("TRY", "treasury"), Decimal()) != treasury:
        found.append("the treasury of the ledger is not the treasury of the capital")
    # The law of the capital; what the operator did not give to the bot stands on both sides.
    own = sum((books.balances.get(("TRY", one), Decimal()) for one in OWN), Decimal())
    if trading + treasury != own + books.lots:
        found.append(f"{trading} + {treasury} is not {own} + {books.lots}")
    return found


def _one(file: sqlite3.Connection, query: str) -> str:
    (value,) = file.execute(query).fetchone()
    return str(value)
