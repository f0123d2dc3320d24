"""What a decision and a finished state have in common: the books, and sums over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.cycle import Mark
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, Symbol
from btcturk_kit.domain.ledger import Account, Ledger
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.orders import Order, OrderStatus, Side
from btcturk_kit.domain.positions import Position
from btcturk_kit.errors import InvariantViolation
from btcturk_kit.pipeline.profile import Profile

__all__ = [
    "UNSETTLED",
    "Books",
    "cash_and_treasury",
    "certain_coins",
    "history_from_ms",
    "investable_cash",
    "marked_value",
    "require_law",
    "reserved_quote",
]

# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT
_EXTERNAL = Account.EXTERNAL
_SUSPENSE = Account.SUSPENSE
_TREASURY = Account.TREASURY
_UNASSIGNED = Account.UNASSIGNED
_BUY = Side.BUY


UNSETTLED = frozenset({OrderStatus.PENDING, OrderStatus.UNKNOWN})
"""Orders that are not provably known to the exchange; nothing new happens in their pair."""


_SENT_MARGIN_MS = 60_000


class Books(Protocol):
    """Ledger, lots, capital and working orders at one moment."""

    @property
    def ledger(self) -> Ledger:
        """Double-entry balances."""
        ...

    @property
    def positions(self) -> Mapping[Asset, Position]:
        """Open lots by asset."""
        ...

    @property
    def capital(self) -> CapitalState:
        """Trading capital and treasury."""
        ...

    @property
    def cursor_ms(self) -> int:
        """Event time of the newest booked trade, or later when there was none for a day."""
        ...

    @property
    def orders(self) -> Mapping[ClientOrderId, Order]:
        """Our orders that are not terminal."""
        ...


@exact
def marked_value(
    positions: Mapping[Asset, Position], marks: Mapping[Symbol, Mark], quote: Asset
) -> Decimal:
    """Return the bot's coins at their marks, in quote; a coin without a mark counts at its cost."""
    value = ZERO
    for asset, position in positions.items():
        if not position.quantity:
            continue
        mark = marks.get(Symbol(f"{asset}{quote}"))
        value = value + (position.cost if mark is None else position.quantity * mark.price)
    return value


@exact
def cash_and_treasury(ledger: Ledger, quote: Asset) -> Decimal:
    """Return the bot's quote cash and the treasury: the part of equity that needs no mark."""
    balance = ledger.balances.get
    return balance((_BOT, quote), ZERO) + balance((_TREASURY, quote), ZERO)


@exact
def certain_coins(books: Books, balances: tuple[Balance, ...] | None, asset: Asset) -> Decimal:
    """Return how many of the bot's coins are there for certain: the exchange must have them too.

    The owner's coins beside them are never counted, but they cover nothing either: what the
    exchange does not hold at all cannot be sold.
    """
    position = books.positions.get(asset)
    held = ZERO if position is None else position.quantity
    if balances is None:
        return held
    there = ZERO
    for balance in balances:
        if balance.asset == asset:
            there = balance.free + balance.locked
    return min(held, there)


@exact
def reserved_quote(orders: Iterable[Order], *, only_unsettled: bool = False) -> Decimal:
    """Return the quote reserved by buys.

    Args:
        orders: Our working orders.
        only_unsettled: Count only those not provably known to the exchange yet.
    """
    result = ZERO
    for order in orders:
        if order.side is _BUY and (not only_unsettled or order.status in UNSETTLED):
            result = result + order.reserved
    return result


@exact
def require_law(books: Books, quote: Asset) -> None:
    """Make sure that books, lots and capital tell one story.

    Trading capital is the bot's cash and the cost of its lots, the treasury is the ledger's, and
    the lots of each coin add up to the ledger's balance of it.

    Raises:
        InvariantViolation: They do not; nothing may be written.
    """
    balance, cost = books.ledger.balances.get, ZERO
    for asset, position in books.positions.items():
        cost = cost + position.cost
        held = balance((_BOT, asset), ZERO)
        if position.quantity != held:
            raise InvariantViolation(f"lots of {position.quantity} {asset}, ledger {held}")
    capital = books.capital
    own = balance((_BOT, quote), ZERO) + cost
    if capital.trading_capital_try != own:
        raise InvariantViolation(f"trading capital {capital.trading_capital_try}, books {own}")
    kept = balance((_TREASURY, quote), ZERO)
    if capital.treasury_try != kept:
        raise InvariantViolation(f"treasury {capital.treasury_try}, ledger {kept}")


def history_from_ms(books: Books, profile: Profile) -> int:
    """Return from when on the trade history is read again: trades can appear late.

    Back from the newest booked trade by the overlap, and at least to before the oldest order that
    is still working, whose trades may be older than those of another pair.
    """
    since_ms = books.cursor_ms - profile.overlap_ms
    for order in books.orders.values():
        sent_ms = order.sent_ms - _SENT_MARGIN_MS
        since_ms = min(since_ms, sent_ms)
    return since_ms


@exact
def investable_cash(
    books: Books, balances: tuple[Balance, ...] | None, profile: Profile
) -> Decimal:
    """Return the quote that new buys may use, charges included; never negative.

    max(0, min(exchange free, books free) - what pending and unknown buys may take - treasury -
    unassigned - the operator's reserve - positive suspense), and at most trading capital minus the
    cost of open lots minus everything reserved. Unsettled proceeds of sells count as nothing.
    """
    quote, in_ledger = profile.quote, books.ledger.balances.get
    reserved = unsettled = ZERO
    for order in books.orders.values():
        if order.side is _BUY:
            reserved = reserved + order.reserved
            if order.status in UNSETTLED:
                unsettled = unsettled + order.reserved
    treasury, unassigned = (
        in_ledger((_TREASURY, quote), ZERO),
        in_ledger((_UNASSIGNED, quote), ZERO),
    )
    suspense = in_ledger((_SUSPENSE, quote), ZERO)
    held = in_ledger((_BOT, quote), ZERO) + treasury + unassigned + suspense
    held = held + in_ledger((_EXTERNAL, quote), ZERO)
    free = held - (reserved - unsettled)
    for balance in balances or ():
        if balance.asset == quote and balance.free < free:
            free = balance.free
    fenced = treasury + profile.reserve_try + unsettled
    if unassigned > 0:
        fenced = fenced + unassigned
    if suspense > 0:
        fenced = fenced + suspense
    cost = ZERO
    for position in books.positions.values():
        cost = cost + position.cost
    own = books.capital.trading_capital_try - cost - reserved
    if unassigned < 0:  # the bot's cash that the owner spent by hand
        own = own + unassigned
    return max(ZERO, min(free - fenced, own))
