"""Quirks of answers: what other readings make of a row or an answer that was just written.

Rows are written the way they are trusted most (`wire`); each function here returns the row as it is
unless a quirk reads otherwise, and changes only what that quirk names. Never add: what an endpoint
answers, anything that depends on the account or on the market.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.money import ceil_places
from btcturk_kit.domain.orders import Side
from btcturk_kit.sandbox.rest.calls import OK, Answer
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.sandbox.venue.refusals import (
    NO_ORDER_MATCHES,
    NOT_ENOUGH_WITH_OPEN_ORDERS,
    Refused,
)
from btcturk_kit.wire.encode import Row, plain_number, plain_text

__all__ = [
    "accepted_message",
    "bent_accepted",
    "bent_balance",
    "bent_book",
    "bent_fill",
    "bent_order",
    "bent_order_reply",
    "bent_refusal",
]

_MONEY_OF_BALANCE: Final = ("balance", "locked", "free", "orderFund", "requestFund")
_CAPITAL_METHODS: Final = {
    "limit": "Limit",
    "market": "Market",
    "stoplimit": "StopLimit",
    "stopmarket": "StopMarket",
}


def bent_balance(row: Row, quirks: Quirks) -> Row:
    """Return one asset of the balances."""
    if quirks.balance_decimals == "comma":
        row |= {name: row[name].replace(".", ",") for name in _MONEY_OF_BALANCE}
    if quirks.balance_timestamp == "absent":
        del row["timestamp"]
    return row


def bent_order(row: Row, quirks: Quirks) -> Row:
    """Return one order of a listing."""
    if quirks.order_keys == "lower":
        return {name.lower() if name.startswith("pairSymbol") else name: row[name] for name in row}
    return row


def bent_accepted(row: Row, quirks: Quirks) -> Row:
    """Return the data of the answer to a new order."""
    if quirks.accepted_words == "capital":
        row |= {"type": row["type"].title(), "method": _CAPITAL_METHODS[row["method"]]}
    if quirks.accepted_stop_price == "price" and row["stopPrice"] is None:
        row["stopPrice"] = row["price"]
    return row


def accepted_message(quirks: Quirks) -> str:
    """Return the message of the answer to a new order."""
    return "OK" if quirks.accepted_message == "ok" else "SUCCESS"


def bent_fill(row: Row, fill: Fill, quirks: Quirks, *, base_places: int) -> Row:
    """Return one trade of the history."""
    if quirks.history_amount == "up":
        # Away from zero: a buy shows more than was credited, a sell more than was delivered.
        amount = ceil_places(fill.quantity, base_places)
        row["amount"] = plain_text(amount if fill.side is Side.BUY else -amount)
    if quirks.history_costs == "zero":
        row |= {"fee": "0", "tax": "0"}
    return row


def bent_book(row: Row, quirks: Quirks) -> Row:
    """Return the data of the order book."""
    if quirks.book_timestamp == "float":
        row["timestamp"] = plain_number(Decimal(f"{row['timestamp']}.0"))
    return row


def bent_refusal(refused: Refused, quirks: Quirks) -> Refused:
    """Return a refusal with the number that goes with its message."""
    if refused == NO_ORDER_MATCHES:
        return refused._replace(code=int(quirks.no_match_code))
    if refused == NOT_ENOUGH_WITH_OPEN_ORDERS:
        return refused._replace(code=int(quirks.open_orders_code))
    return refused


def bent_order_reply(answer: Answer, quirks: Quirks) -> Answer:
    """Return the answer to a new order, which may repeat its HTTP status in front."""
    if quirks.order_reply_status == "absent":
        return answer
    data = b"" if answer.status == OK else b'"data":null,'
    return answer._replace(
        body=b'{"httpStatusCode":%d,%s%s' % (answer.status, data, answer.body[1:])
    )
