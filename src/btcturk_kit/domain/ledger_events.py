"""Facts as ledger events: one function per kind of fact, each with a key derived from the fact.

The legs of an event sum to zero in every asset. What an amount of another asset than TRY was worth
stands on its leg, because lots, results and statements in TRY are folds of the legs alone. Never
add: a look at the present, an account or a kind that `ledger` does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Literal, NamedTuple

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import InvariantViolation

__all__ = [
    "TRY",
    "LotEvidence",
    "adjustment_event",
    "assignment_event",
    "difference_event",
    "explicit_transfers",
    "fill_event",
    "flow_event",
    "levy_event",
    "lots_event",
    "opening_event",
    "transfer_event",
    "treasury_event",
    "valuation_event",
]

TRY = Asset("TRY")
"""The asset that all values are in."""

# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT
_EXTERNAL = Account.EXTERNAL
_FEE = Account.FEE
_FLOW = Account.FLOW
_OPENING = Account.OPENING
_SUSPENSE = Account.SUSPENSE
_TAX = Account.TAX
_TRADE = Account.TRADE
_TREASURY = Account.TREASURY
_UNASSIGNED = Account.UNASSIGNED
_KIND_FILL = EventKind.FILL
_KIND_TREASURY = EventKind.TREASURY
_BUY = Side.BUY


def _event(
    key: str,
    kind: EventKind,
    legs: Sequence[Leg],
    *,
    event_time_ms: int,
    known_ms: int,
    note: str = "",
) -> LedgerEvent:
    """Make an event whose content is its legs, and the note if there is one."""
    text = ";".join([_leg_text(leg) for leg in legs])
    if note:
        text = f"{text}|{note}"
    return LedgerEvent(key, kind, event_time_ms, known_ms, tuple(legs), text)


def _leg_text(leg: Leg) -> str:
    text = f"{leg.account}:{leg.asset}:{canonical_decimal(leg.amount)}"
    if leg.value_try is not None:
        text = f"{text}:{canonical_decimal(leg.value_try)}"
    return text if leg.acquired_ms is None else f"{text}@{leg.acquired_ms}"


def _derived(kind: str, text: str) -> str:
    """Return a key that equal facts share and no others."""
    return f"{kind}:{sha256(text.encode()).hexdigest()[:24]}"


def _owners(asset: Asset, quote: Asset) -> Account:
    """Return where something of the owner's own stands: unassigned cash, or coins outside."""
    return _UNASSIGNED if asset == quote else _EXTERNAL


@exact
def opening_event(
    balances: Mapping[Asset, Decimal], *, bot_quote: Decimal, quote: Asset, now_ms: int
) -> LedgerEvent:
    """Book what the account held before the bot's first cycle; what coins had cost is not known.

    Args:
        balances: Asset to total (free and locked).
        bot_quote: How much of the quote asset the bot may trade with; the rest is unassigned.
        quote: The quote asset, TRY.
        now_ms: The instant of the snapshot.
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
    return _event("opening", EventKind.OPENING, legs, event_time_ms=now_ms, known_ms=now_ms)


@exact
def fill_event(fill: Fill, *, is_own: bool, known_ms: int | None = None) -> LedgerEvent:
    """Book one trade: base against quote, fee and tax as legs of their own.

    Args:
        fill: The trade.
        is_own: Whether an order of the bot made it. A trade of somebody else on the account moves
            the owner's coins and the unassigned cash instead of the bot's.
        known_ms: When it is booked; None for at once.

    Raises:
        InvariantViolation: A trade of the bot against another asset than TRY without the rate.
    """
    quote = fill.quote
    if known_ms is None:
        known_ms = fill.event_time_ms
    if quote != TRY or fill.charge_asset is not None:
        return _valued_fill_event(fill, is_own=is_own, known_ms=known_ms)
    coins = _BOT if is_own else _EXTERNAL
    cash = _BOT if is_own else _UNASSIGNED
    base, quantity, fee, tax = fill.base, fill.quantity, fill.fee, fill.tax
    notional = fill.price * quantity
    charges = fee + tax
    if fill.side is _BUY:
        paid = notional + charges
        legs = (
            Leg(coins, base, quantity, paid),
            Leg(_TRADE, base, -quantity, -notional),
            Leg(cash, quote, -paid),
            Leg(_TRADE, quote, notional),
            Leg(_FEE, quote, fee),
            Leg(_TAX, quote, tax),
        )
    else:
        brought = notional - charges
        legs = (
            Leg(coins, base, -quantity, -brought),
            Leg(_TRADE, base, quantity, notional),
            Leg(cash, quote, brought),
            Leg(_TRADE, quote, -notional),
            Leg(_FEE, quote, fee),
            Leg(_TAX, quote, tax),
        )
    key = f"fill:{fill.trade_id}"
    return LedgerEvent(key, _KIND_FILL, fill.event_time_ms, known_ms, legs, fill.content)


def _valued_fill_event(fill: Fill, *, is_own: bool, known_ms: int) -> LedgerEvent:
    """Book a trade with a leg that is neither TRY nor the base: everything is valued in TRY.

    A charge in the base takes from the quantity, one in a third asset from that asset's own lots,
    both at the rate of the trade's own time. Without that rate the values that need it stay open.
    """
    base, quote, sign = fill.base, fill.quote, 1 if fill.side is _BUY else -1
    unit = Decimal(1) if quote == TRY else fill.quote_rate
    if unit is None and is_own:
        raise InvariantViolation(
            f"trade {fill.trade_id} of the bot in {fill.symbol} has no {quote}/TRY rate"
        )
    charged = fill.charge_asset or quote
    rate: Decimal | None
    if charged == TRY:
        rate = Decimal(1)
    elif charged == quote:
        rate = unit
    elif charged == base:
        rate = None if unit is None else fill.price * unit
    else:
        rate = fill.charge_rate
    notional, charges = fill.price * fill.quantity, fill.fee + fill.tax
    gross = None if unit is None else sign * notional * unit
    cost = ZERO if rate is None else charges * rate
    base_change, quote_change = sign * fill.quantity, -sign * notional
    if charged == base:
        base_change = base_change - charges
    elif charged == quote:
        quote_change = quote_change - charges
    # What the quote brought or took is the trade's own value; charges that were paid in the base
    # or in a third asset are part of what the lot cost, or come off what it brought.
    net = None if gross is None else gross + cost
    if charged == base and net is not None:
        net = net - cost
    coins = _BOT if is_own else _EXTERNAL
    cash = _BOT if is_own else (_UNASSIGNED if quote == TRY else _EXTERNAL)
    legs = [
        Leg(coins, base, base_change, net),
        Leg(_TRADE, base, -sign * fill.quantity, None if gross is None else -gross),
        Leg(cash, quote, quote_change, _value(quote, quote_change, unit)),
        Leg(_TRADE, quote, sign * notional, _value(quote, sign * notional, unit)),
    ]
    if charged not in (base, quote):
        payer = cash if charged == TRY else coins
        legs.append(Leg(payer, charged, -charges, _value(charged, -charges, rate)))
    legs.append(Leg(_FEE, charged, fill.fee, _value(charged, fill.fee, rate)))
    legs.append(Leg(_TAX, charged, fill.tax, _value(charged, fill.tax, rate)))
    key = f"fill:{fill.trade_id}"
    return LedgerEvent(key, _KIND_FILL, fill.event_time_ms, known_ms, tuple(legs), fill.content)


def _value(asset: Asset, amount: Decimal, rate: Decimal | None) -> Decimal | None:
    return None if asset == TRY or rate is None else amount * rate


@exact
def treasury_event(cause_key: str, share: Decimal, *, quote: Asset, now_ms: int) -> LedgerEvent:
    """Move the treasury's share of a realized gain out of the bot's reach."""
    legs = (Leg(_BOT, quote, -share), Leg(_TREASURY, quote, share))
    return LedgerEvent(f"split:{cause_key}", _KIND_TREASURY, now_ms, now_ms, legs, "")


@exact
def flow_event(
    key: str,
    asset: Asset,
    amount: Decimal,
    *,
    quote: Asset,
    event_time_ms: int,
    known_ms: int | None = None,
    fee: Decimal = ZERO,
    tax: Decimal = ZERO,
    is_airdrop: bool = False,
) -> LedgerEvent:
    """Book a deposit (plus) or a withdrawal (minus): the owner's money, not the bot's.

    Args:
        key: Derived from the evidence, such as the exchange's number of the transfer.
        asset: What moved.
        amount: What came in or went out, without charges.
        quote: TRY.
        event_time_ms: When it happened.
        known_ms: When it is booked; None for at once.
        fee: What it cost, in the asset; never negative.
        tax: The tax on that, in the asset; never negative.
        is_airdrop: Whether it came from the exchange as a gift.
    """
    legs = [Leg(_owners(asset, quote), asset, amount - fee - tax), Leg(_FLOW, asset, -amount)]
    if fee or tax:
        legs += [Leg(_FEE, asset, fee), Leg(_TAX, asset, tax)]
    known = event_time_ms if known_ms is None else known_ms
    kind = EventKind.DEPOSIT if amount > 0 else EventKind.WITHDRAWAL
    if is_airdrop:
        kind = EventKind.AIRDROP
    return _event(key, kind, legs, event_time_ms=event_time_ms, known_ms=known)


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
    return _event(key, EventKind.TRANSFER, legs, event_time_ms=now_ms, known_ms=now_ms, note=reason)


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
    return _event(
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
    event = _event(
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
    return _event(
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
        legs.append(Leg(Account.DIFFERENCE, asset, -amount))
    key = f"difference:{now_ms}:{count}"
    return _event(key, EventKind.DIFFERENCE, legs, event_time_ms=now_ms, known_ms=now_ms)


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
    return _event(key, kind, legs, event_time_ms=event_time_ms, known_ms=known_ms, note=reason)


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
    return _event(key, kind, legs, event_time_ms=event_time_ms, known_ms=known_ms, note=reason)


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
