"""Double entry: facts as events of balanced legs, and the fold of them.

Per asset, an account with a plus is something we hold or paid for; every event sums to zero in
every asset it touches. What we hold is split by who may use it:

* `BOT` - spendable by the order path (for TRY: cash; for coins: the bot's own lots),
* `TREASURY` - set aside by the capital policy; no order can draw on it,
* `UNASSIGNED` - quote cash the operator did not give to the bot,
* `EXTERNAL` - coins the owner holds outside the bot,
* `SUSPENSE` - a difference to the exchange nobody has explained yet.

The counterparts are `OPENING`, `TRADE` (the other side of a trade), `FEE`, `TAX` (the tax on the
fee), `LEVY` (a tax on the trade or the gain itself), `FLOW` (deposits and withdrawals), `ROUNDING`,
`DIFFERENCE` and `ADJUSTMENT`. How a fact becomes an event is in `ledger_events`, what events do to
lots in `lots`. Never add: a price, a rate, a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from btcturk_kit.domain.canonical import GENESIS, chain
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.errors import LedgerImbalance

__all__ = [
    "HELD",
    "Account",
    "EventKind",
    "Ledger",
    "LedgerEvent",
    "Leg",
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
    ADJUSTMENT = "adjustment"
    LEVY = "levy"


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
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    AIRDROP = "airdrop"
    TRANSFER = "transfer"  # an operator moved quote between bot, treasury and unassigned cash
    ASSIGNMENT = "assignment"  # an operator moved coins between the bot's book and the owner's
    LOTS = "lots"  # evidence of what coins had cost, and when they were bought
    VALUATION = "valuation"  # what a charge was worth, told after the event
    DIFFERENCE = "difference"  # an unexplained difference to the exchange, put into suspense
    ADJUSTMENT = "adjustment"  # an explicit correction with a reason; empties suspense
    TRANSACTION_TAX = "transaction_tax"
    WITHHOLDING = "withholding"


_TREASURY = EventKind.TREASURY
"""A member named once costs a fraction of one looked up at each use."""


class Leg(NamedTuple):
    """An amount put into (plus) or taken from (minus) one account.

    Attributes:
        amount: In units of the asset.
        value_try: What it was worth in TRY when it happened, with the sign of the amount; None for
            TRY itself, and where it is not known. On an account that is held: what came into the
            lots, charges included, or what they brought, charges taken off. On `TRADE`: the trade
            itself. On `FEE` and `TAX`: the charge.
        acquired_ms: When the coins were acquired, if that was not when the event happened.
    """

    account: Account
    asset: Asset
    amount: Decimal
    value_try: Decimal | None = None
    acquired_ms: int | None = None


class LedgerEvent(NamedTuple):
    """One booked fact. It has two times: when it happened, and when we knew.

    Attributes:
        key: Derived from the fact, so that a second reading gives the same key.
        event_time_ms: When it happened.
        known_ms: When it was booked.
        legs: Amounts that sum to zero in every asset.
        content: Canonical text of the fact the legs follow from; the content hash covers it.
    """

    key: str
    kind: EventKind
    event_time_ms: int
    known_ms: int
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
        >>> from btcturk_kit.domain.ledger_events import opening_event
        >>> ledger = Ledger().post(opening_event(
        ...     {Asset("TRY"): Decimal(1000)}, bot_quote=Decimal(1000), quote=Asset("TRY"),
        ...     now_ms=0))
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
            for account, asset, amount, _, _ in event.legs:
                slot = (account, asset)
                held = balances.get(slot)
                balances[slot] = amount if held is None else held + amount
                part = sums.get(asset)
                sums[asset] = amount if part is None else part + amount
            for asset, off in sums.items():
                if off:
                    raise LedgerImbalance(f"event {event.key}: {asset} legs are off by {off}")
            if event.kind is not _TREASURY:
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
