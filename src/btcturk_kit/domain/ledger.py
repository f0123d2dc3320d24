"""Double entry: facts as events of balanced legs, and the fold of them.

Per asset, an account with a plus is something we hold or paid for; every event sums to zero in
every asset it touches. What we hold is split by who may use it:

* `BOT` - spendable by the order path (for TRY: cash; for coins: the bot's own lots),
* `TREASURY` - set aside by the capital policy; no order can draw on it,
* `UNASSIGNED` - quote cash the operator did not give to the bot,
* `EXTERNAL` - coins the owner holds outside the bot,
* `SUSPENSE` - a difference to the exchange nobody has explained yet.

The counterparts are `OPENING`, `TRADE` (the other side of a trade), `FEE`, `TAX`, `FLOW` (deposits
and withdrawals), `ROUNDING` and `DIFFERENCE`. Never add: a price, a rate, a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from btcturk_kit.domain.canonical import GENESIS, canonical_decimal, chain
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import LedgerImbalance

__all__ = [
    "HELD",
    "Account",
    "EventKind",
    "Ledger",
    "LedgerEvent",
    "Leg",
    "difference_event",
    "fill_event",
    "flow_event",
    "opening_event",
    "treasury_event",
]


class Account(StrEnum):
    """Accounts of the ledger; each exists once per asset."""

    BOT = "bot"
    TREASURY = "treasury"
    UNASSIGNED = "unassigned"
    EXTERNAL = "external"
    SUSPENSE = "suspense"
    OPENING = "opening"
    TRADE = "trade"
    FEE = "fee"
    TAX = "tax"
    FLOW = "flow"
    ROUNDING = "rounding"
    DIFFERENCE = "difference"


HELD = (
    Account.BOT,
    Account.TREASURY,
    Account.UNASSIGNED,
    Account.EXTERNAL,
    Account.SUSPENSE,
)
"""The accounts whose sum must equal what the exchange says we have of an asset."""


class EventKind(StrEnum):
    """Kinds of ledger event."""

    OPENING = "opening"
    FILL = "fill"
    TREASURY = "treasury"  # the capital policy's own transfer; not counted as a fact
    FLOW = "flow"
    DIFFERENCE = "difference"


# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT
_DIFFERENCE = Account.DIFFERENCE
_EXTERNAL = Account.EXTERNAL
_FEE = Account.FEE
_FLOW = Account.FLOW
_OPENING = Account.OPENING
_SUSPENSE = Account.SUSPENSE
_TAX = Account.TAX
_TRADE = Account.TRADE
_TREASURY = Account.TREASURY
_UNASSIGNED = Account.UNASSIGNED
_KIND_DIFFERENCE = EventKind.DIFFERENCE
_KIND_FILL = EventKind.FILL
_KIND_FLOW = EventKind.FLOW
_KIND_OPENING = EventKind.OPENING
_KIND_TREASURY = EventKind.TREASURY
_BUY = Side.BUY


class Leg(NamedTuple):
    """An amount put into (plus) or taken from (minus) one account."""

    account: Account
    asset: Asset
    amount: Decimal


class LedgerEvent(NamedTuple):
    """One booked fact.

    Attributes:
        key: Derived from the fact, so that a second reading gives the same key.
        legs: Amounts that sum to zero in every asset.
        content: Canonical text of the fact the legs follow from; it is what the hash covers.
    """

    key: str
    kind: EventKind
    event_time_ms: int
    legs: tuple[Leg, ...]
    content: str


_EMPTY: Mapping[tuple[Account, Asset], Decimal] = MappingProxyType({})


class Ledger(NamedTuple):
    """The fold of all events so far: balances, a count and a content hash.

    Posting returns a new ledger; the old one stays as it was. The policy's own treasury transfers
    move balances but are left out of the count and the hash, because they follow from the facts.

    Attributes:
        balances: (account, asset) to amount; missing means zero.
        event_count: Facts booked.
        last_event_key: Key of the last fact, empty at the start.
        content_hash: SHA-256 chain over the facts in ledger sequence.

    Example:
        >>> from decimal import Decimal
        >>> ledger = Ledger().post(opening_event(
        ...     {Asset("TRY"): Decimal(1000)}, bot_quote=Decimal(1000), quote=Asset("TRY"),
        ...     event_time_ms=0))
        >>> ledger.held(Asset("TRY"))
        Decimal('1000')
    """

    balances: Mapping[tuple[Account, Asset], Decimal] = _EMPTY
    event_count: int = 0
    last_event_key: str = ""
    content_hash: str = GENESIS

    @exact
    def post(self, *events: LedgerEvent) -> Ledger:
        """Return the ledger after `events`, in this order.

        Raises:
            LedgerImbalance: The legs of an event do not sum to zero in some asset.
        """
        balances = dict(self.balances)
        count, last, digest = self.event_count, self.last_event_key, self.content_hash
        for event in events:
            sums: dict[Asset, Decimal] = {}
            for account, asset, amount in event.legs:
                slot = (account, asset)
                held = balances.get(slot)
                balances[slot] = amount if held is None else held + amount
                part = sums.get(asset)
                sums[asset] = amount if part is None else part + amount
            for asset, off in sums.items():
                if off:
                    raise LedgerImbalance(f"event {event.key}: {asset} legs are off by {off}")
            if event.kind is not _KIND_TREASURY:
                count += 1
                last = event.key
                digest = chain(digest, f"{last}|{event.event_time_ms}|{event.content}")
        return Ledger(balances, count, last, digest)

    def balance(self, account: Account, asset: Asset) -> Decimal:
        """Return one account's balance."""
        return self.balances.get((account, asset), ZERO)

    @exact
    def held(self, asset: Asset) -> Decimal:
        """Return what the books say the exchange holds for us of `asset`, free and locked."""
        result = ZERO
        for account in HELD:
            result = result + self.balances.get((account, asset), ZERO)
        return result

    def assets(self) -> tuple[Asset, ...]:
        """Return every asset that was ever booked, sorted."""
        return tuple(sorted({asset for _, asset in self.balances}))

    @exact
    def imbalance(self) -> dict[Asset, Decimal]:
        """Return the assets whose accounts do not sum to zero; empty when the books balance."""
        sums: dict[Asset, Decimal] = {}
        for (_, asset), amount in self.balances.items():
            sums[asset] = sums.get(asset, ZERO) + amount
        return {asset: amount for asset, amount in sums.items() if amount}


def _event(key: str, kind: EventKind, event_time_ms: int, legs: list[Leg]) -> LedgerEvent:
    """Make an event whose content is its legs."""
    text = ";".join([f"{a}:{b}:{canonical_decimal(c)}" for a, b, c in legs])
    return LedgerEvent(key, kind, event_time_ms, tuple(legs), text)


@exact
def opening_event(
    balances: Mapping[Asset, Decimal], *, bot_quote: Decimal, quote: Asset, event_time_ms: int
) -> LedgerEvent:
    """Book what the account held before the bot's first cycle.

    Args:
        balances: Asset to total (free and locked).
        bot_quote: How much of the quote asset the bot may trade with; the rest is unassigned.
        quote: The quote asset, TRY.
        event_time_ms: The instant of the snapshot.
    """
    legs: list[Leg] = []
    for asset in sorted(balances):
        amount = balances[asset]
        if not amount:
            continue
        if asset == quote:
            legs.append(Leg(_BOT, asset, bot_quote))
            rest = amount - bot_quote
            if rest:
                legs.append(Leg(_UNASSIGNED, asset, rest))
        else:
            legs.append(Leg(_EXTERNAL, asset, amount))
        legs.append(Leg(_OPENING, asset, -amount))
    return _event("opening", _KIND_OPENING, event_time_ms, legs)


@exact
def fill_event(fill: Fill, *, is_own: bool) -> LedgerEvent:
    """Book one trade: base against quote, fee and tax as legs of their own.

    Args:
        fill: The trade.
        is_own: Whether an order of the bot made it. A trade of somebody else on the account moves
            the owner's coins and the unassigned cash instead of the bot's.
    """
    coins = _BOT if is_own else _EXTERNAL
    cash = _BOT if is_own else _UNASSIGNED
    base, quote, quantity = fill.base, fill.quote, fill.quantity
    notional = fill.price * quantity
    charges = fill.fee + fill.tax
    if fill.side is _BUY:
        cash_change = -(notional + charges)
        trade_quote, base_change = notional, quantity
    else:
        cash_change = notional - charges
        trade_quote, base_change = -notional, -quantity
    legs = (
        Leg(coins, base, base_change),
        Leg(_TRADE, base, -base_change),
        Leg(cash, quote, cash_change),
        Leg(_TRADE, quote, trade_quote),
        Leg(_FEE, quote, fill.fee),
        Leg(_TAX, quote, fill.tax),
    )
    return LedgerEvent(f"fill:{fill.trade_id}", _KIND_FILL, fill.event_time_ms, legs, fill.content)


@exact
def treasury_event(
    cause_key: str, share: Decimal, *, quote: Asset, event_time_ms: int
) -> LedgerEvent:
    """Move the treasury's share of a realized gain out of the bot's reach."""
    legs = (Leg(_BOT, quote, -share), Leg(_TREASURY, quote, share))
    return LedgerEvent(f"split:{cause_key}", _KIND_TREASURY, event_time_ms, legs, "")


@exact
def flow_event(
    key: str, asset: Asset, amount: Decimal, *, quote: Asset, event_time_ms: int
) -> LedgerEvent:
    """Book a deposit (plus) or a withdrawal (minus): the owner's money, not the bot's."""
    account = _UNASSIGNED if asset == quote else _EXTERNAL
    legs = [Leg(account, asset, amount), Leg(_FLOW, asset, -amount)]
    return _event(key, _KIND_FLOW, event_time_ms, legs)


@exact
def difference_event(
    differences: Iterable[tuple[Asset, Decimal]], *, count: int, now_ms: int
) -> LedgerEvent:
    """Put unexplained differences to the exchange into suspense, where everybody can see them.

    Args:
        differences: (asset, exchange minus books).
        count: Facts booked before it; makes the key unique.
        now_ms: The instant of the comparison.
    """
    legs: list[Leg] = []
    for asset, amount in differences:
        legs.append(Leg(_SUSPENSE, asset, amount))
        legs.append(Leg(_DIFFERENCE, asset, -amount))
    return _event(f"difference:{now_ms}:{count}", _KIND_DIFFERENCE, now_ms, legs)
