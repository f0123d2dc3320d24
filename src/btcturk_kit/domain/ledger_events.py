"""Facts as ledger events: one function per kind of fact, each with a key derived from the fact.

The legs of an event sum to zero in every asset. What an amount of another asset than TRY was worth
stands on its leg, because lots, results and statements in TRY are folds of the legs alone. Never
add: a look at the present, an account or a kind that `ledger` does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.valued_fills import TRY, valued_legs

__all__ = [
    "difference_event",
    "event_of",
    "fill_event",
    "flow_event",
    "opening_event",
    "treasury_event",
]

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
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name
_BUY = Side.BUY


def event_of(
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
    return event_of("opening", EventKind.OPENING, legs, event_time_ms=now_ms, known_ms=now_ms)


@exact
def fill_event(
    fill: Fill, *, is_own: bool, known_ms: int | None = None, facts: str | None = None
) -> LedgerEvent:
    """Book one trade: base against quote, fee and tax as legs of their own.

    Args:
        fill: The trade.
        is_own: Whether an order of the bot made it. A trade of somebody else on the account moves
            the owner's coins and the unassigned cash instead of the bot's.
        known_ms: When it is booked; None for at once.
        facts: The fill's, from who has them already.

    Raises:
        InvariantViolation: A trade of the bot against another asset than TRY without the rate.
    """
    trade_id, _, _, _, base, quote, side, quantity, price, fee, tax, at_ms, charged, _, _ = fill
    if known_ms is None:
        known_ms = at_ms
    content = fill.content_of(fill.facts if facts is None else facts)
    if charged is not None or quote != TRY:
        legs = valued_legs(fill, is_own=is_own)
        return LedgerEvent(f"fill:{trade_id}", _KIND_FILL, at_ms, known_ms, legs, content)
    coins, cash = (_BOT, _BOT) if is_own else (_EXTERNAL, _UNASSIGNED)
    notional = price * quantity
    if side is _BUY:
        paid = notional + fee + tax
        legs = (
            _tuple(Leg, (coins, base, quantity, paid, None)),
            _tuple(Leg, (_TRADE, base, -quantity, -notional, None)),
            _tuple(Leg, (cash, quote, -paid, None, None)),
            _tuple(Leg, (_TRADE, quote, notional, None, None)),
            _tuple(Leg, (_FEE, quote, fee, None, None)),
            _tuple(Leg, (_TAX, quote, tax, None, None)),
        )
    else:
        brought = notional - fee - tax
        legs = (
            _tuple(Leg, (coins, base, -quantity, -brought, None)),
            _tuple(Leg, (_TRADE, base, quantity, notional, None)),
            _tuple(Leg, (cash, quote, brought, None, None)),
            _tuple(Leg, (_TRADE, quote, -notional, None, None)),
            _tuple(Leg, (_FEE, quote, fee, None, None)),
            _tuple(Leg, (_TAX, quote, tax, None, None)),
        )
    event = (f"fill:{trade_id}", _KIND_FILL, at_ms, known_ms, legs, content)
    return _tuple(LedgerEvent, event)


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
    return event_of(key, kind, legs, event_time_ms=event_time_ms, known_ms=known)


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
    return event_of(key, EventKind.DIFFERENCE, legs, event_time_ms=now_ms, known_ms=now_ms)
