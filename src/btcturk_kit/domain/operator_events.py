"""What an operator does to the books, as ledger events: transfers, evidence, corrections.

Each carries its reason in what the hash covers. The legs of an event sum to zero in every asset.
Never add: an event that the exchange's own history makes (`ledger_events`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Literal, NamedTuple

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.ledger_events import event_of
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import InvariantViolation

__all__ = [
    "LotEvidence",
    "Pocket",
    "adjustment_event",
    "assignment_event",
    "explicit_transfers",
    "levy_event",
    "lots_event",
    "transfer_event",
    "valuation_event",
]

# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT
_EXTERNAL = Account.EXTERNAL
_FEE = Account.FEE
_TAX = Account.TAX
_TREASURY = Account.TREASURY


def _derived(kind: str, text: str) -> str:
    """Return a key that equal facts share and no others."""
    return f"{kind}:{sha256(text.encode()).hexdigest()[:24]}"


Pocket = Literal["bot", "treasury", "unassigned"]
"""Whose quote cash it is."""


@exact
def transfer_event(
    key: str,
    amount: Decimal,
    *,
    source: Pocket,
    target: Pocket,
    quote: Asset,
    now_ms: int,
    reason: str,
) -> LedgerEvent:
    """Book an operator's transfer of quote between trading cash, treasury and unassigned cash."""
    legs = (Leg(Account(source), quote, -amount), Leg(Account(target), quote, amount))
    return event_of(
        key, EventKind.TRANSFER, legs, event_time_ms=now_ms, known_ms=now_ms, note=reason
    )


@exact
def assignment_event(
    key: str,
    asset: Asset,
    quantity: Decimal,
    *,
    cost_try: Decimal,
    acquired_ms: int,
    to_bot: bool,
    now_ms: int,
    evidence: str,
) -> LedgerEvent:
    """Move coins between the owner's book and the bot's, with their cost and date.

    Args:
        key: Derived from the operation.
        asset: The coin.
        quantity: How many, positive.
        cost_try: What they cost; they leave one book and enter the other at it.
        acquired_ms: When they were acquired.
        to_bot: Whether the bot gets them.
        now_ms: The instant of the assignment.
        evidence: Where cost and date come from.
    """
    source, target = (_EXTERNAL, _BOT) if to_bot else (_BOT, _EXTERNAL)
    legs = (
        Leg(source, asset, -quantity, -cost_try),
        Leg(target, asset, quantity, cost_try, acquired_ms),
    )
    return event_of(
        key, EventKind.ASSIGNMENT, legs, event_time_ms=now_ms, known_ms=now_ms, note=evidence
    )


class LotEvidence(NamedTuple):
    """What some coins had cost.

    Attributes:
        quantity: Positive.
        cost_try: Charges included.
        acquired_ms: When they were bought.
    """

    quantity: Decimal
    cost_try: Decimal
    acquired_ms: int


@exact
def lots_event(
    asset: Asset,
    lots: Sequence[LotEvidence],
    *,
    event_time_ms: int,
    known_ms: int,
    evidence: str,
) -> LedgerEvent:
    """Give coins of the owner whose cost was not known their lots; no balance changes.

    Args:
        asset: The coin.
        lots: What is known now.
        event_time_ms: When the coins came into the books (the opening, a deposit): what was sold
            since then is folded anew.
        known_ms: When the evidence is booked.
        evidence: Where it comes from.
    """
    known = ZERO
    legs: list[Leg] = []
    for lot in lots:
        legs.append(Leg(_EXTERNAL, asset, lot.quantity, lot.cost_try, lot.acquired_ms))
        known = known + lot.quantity
    legs.insert(0, Leg(_EXTERNAL, asset, -known))
    event = event_of(
        "", EventKind.LOTS, legs, event_time_ms=event_time_ms, known_ms=known_ms, note=evidence
    )
    return event._replace(key=_derived("lots", f"{event_time_ms}|{event.content}"))


@exact
def valuation_event(event: LedgerEvent, rate_try: Decimal, *, known_ms: int) -> LedgerEvent:
    """Tell what a charge was worth whose rate was not known when its trade was booked.

    Args:
        event: The trade's event, with a charge of no value.
        rate_try: TRY per unit of the charged asset at the time of the trade.
        known_ms: When the rate becomes known.

    Raises:
        InvariantViolation: Every charge of that event has its value.
    """
    open_legs = [leg for leg in event.legs if _is_unvalued_charge(leg)]
    if not open_legs:
        raise InvariantViolation(f"event {event.key} has no charge without a value")
    charged = open_legs[0].asset
    worth = ZERO
    legs: list[Leg] = []
    for leg in open_legs:
        value = leg.amount * rate_try
        worth = worth + value
        legs.append(Leg(leg.account, charged, ZERO, value))
    base, payer = event.legs[0], next(leg for leg in event.legs if leg.asset == charged)
    legs.insert(0, Leg(base.account, base.asset, ZERO, worth))
    legs.append(Leg(payer.account, charged, ZERO, -worth))
    return event_of(
        f"valuation:{event.key}",
        EventKind.VALUATION,
        legs,
        event_time_ms=event.event_time_ms,
        known_ms=known_ms,
        note=f"rate {canonical_decimal(rate_try)}",
    )


def _is_unvalued_charge(leg: Leg) -> bool:
    is_charge = leg.account in (_FEE, _TAX)
    return is_charge and leg.asset != TRY and leg.value_try is None and bool(leg.amount)


@exact
def adjustment_event(
    key: str, legs: Sequence[Leg], *, event_time_ms: int, known_ms: int, reason: str
) -> LedgerEvent:
    """Book a correction that an operator made, such as taking an explained amount out of suspense.

    Args:
        key: Derived from the operation.
        legs: Balanced in every asset.
        event_time_ms: When it happened.
        known_ms: When it is booked.
        reason: Why; part of what the hash covers.
    """
    kind = EventKind.ADJUSTMENT
    return event_of(key, kind, legs, event_time_ms=event_time_ms, known_ms=known_ms, note=reason)


@exact
def levy_event(
    key: str,
    amount: Decimal,
    *,
    kind: Literal[EventKind.TRANSACTION_TAX, EventKind.WITHHOLDING],
    payer: Account,
    event_time_ms: int,
    known_ms: int,
    reason: str,
) -> LedgerEvent:
    """Book a tax on a trade or a gain that was paid in TRY; never the tax on a fee.

    Args:
        key: Derived from the evidence.
        amount: What was paid, positive.
        kind: Transaction tax or withholding.
        payer: The account it was paid from: `BOT`, `UNASSIGNED` or `TREASURY`.
        event_time_ms: When it was due.
        known_ms: When it is booked.
        reason: The rule or the document it was paid under.
    """
    legs = (Leg(payer, TRY, -amount), Leg(Account.LEVY, TRY, amount))
    return event_of(key, kind, legs, event_time_ms=event_time_ms, known_ms=known_ms, note=reason)


_EXPLICIT = frozenset(
    {
        EventKind.TRANSFER,
        EventKind.ASSIGNMENT,
        EventKind.ADJUSTMENT,
        EventKind.TRANSACTION_TAX,
        EventKind.WITHHOLDING,
    }
)
_NOTHING = (ZERO, ZERO)


@exact
def explicit_transfers(event: LedgerEvent) -> tuple[Decimal, Decimal]:
    """Return what an event moved into trading capital and into the treasury, in TRY.

    Only an operator's doing counts; what a trade realizes is the capital policy's business. Coins
    count at the value they were moved at.
    """
    if event.kind not in _EXPLICIT:
        return _NOTHING
    trading = treasury = ZERO
    for leg in event.legs:
        worth = leg.amount if leg.asset == TRY else leg.value_try or ZERO
        if leg.account is _BOT:
            trading = trading + worth
        elif leg.account is _TREASURY:
            treasury = treasury + worth
    return trading, treasury
