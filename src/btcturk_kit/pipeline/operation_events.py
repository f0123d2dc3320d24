"""What an operation becomes: the ledger events that carry it out, or the reason why it cannot be.

Amounts that are not there, costs nobody knows, things that are not what the operator takes them
for: each is a sentence, not an exception. Never add: booking, a change of the draft.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.instants import instant_text
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.ledger_events import flow_event
from btcturk_kit.domain.lots import Book, lot_moves, order_key
from btcturk_kit.domain.money import MONEY_PLACES, ZERO, exact, share_half_even
from btcturk_kit.domain.operations import (
    AssignCoins,
    BookFlow,
    BookLevy,
    BookLots,
    CapitalPocket,
    Explanation,
    FlowKind,
    LevyKind,
    Operation,
    OperationRequest,
    ResolveSuspense,
    TransferCapital,
    ValueCharge,
)
from btcturk_kit.domain.operator_events import (
    adjustment_event,
    assignment_event,
    levy_event,
    lots_event,
    transfer_event,
    valuation_event,
)
from btcturk_kit.domain.positions import Lot, Position, fold_moves
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.pipeline.books import reserved_quote
from btcturk_kit.pipeline.draft import Draft

__all__ = ["Refusal", "events_for", "lots_event_of"]

_POCKETS = {
    CapitalPocket.TRADING: Account.BOT,
    CapitalPocket.TREASURY: Account.TREASURY,
    CapitalPocket.UNASSIGNED: Account.UNASSIGNED,
}
_WORDS = {Account.BOT: "bot", Account.TREASURY: "treasury", Account.UNASSIGNED: "unassigned"}
_IN, _OUT = Explanation.DEPOSIT, Explanation.WITHDRAWAL

Events = tuple[LedgerEvent, ...]


class Refusal(NamedTuple):
    """Why an operation is not carried out."""

    problem: str


@exact
def events_for(draft: Draft, operation: Operation) -> Events | Refusal:
    """Return the events that carry out an operation on the books, none if they are there already.

    An operation on risk alone has none either.
    """
    if not operation.reason.strip():
        return Refusal("no reason is given")
    request: OperationRequest = operation.request
    if isinstance(request, TransferCapital):
        return _transfer(draft, operation, request)
    if isinstance(request, AssignCoins):
        return _assignment(draft, operation, request)
    if isinstance(request, ResolveSuspense):
        return _resolution(draft, operation, request)
    if isinstance(request, BookFlow):
        return _flow(draft, operation, request)
    if isinstance(request, BookLevy):
        return _levy(draft, operation, request)
    if isinstance(request, BookLots):
        return _lots(draft, request)
    if isinstance(request, ValueCharge):
        return _valuation(draft, request)
    return ()


def _key(operation: Operation, part: int = 0) -> str:
    return f"operation:{operation.number}" if not part else f"operation:{operation.number}:{part}"


def _cash(draft: Draft, account: Account) -> Decimal:
    """Return the TRY of an account that may leave it: what buys have reserved may not."""
    there = draft.ledger.balance(account, TRY)
    if account is Account.BOT:
        there = there - reserved_quote(draft.orders.values())
    return max(ZERO, there)


def _too_much(amount: Decimal, asset: Asset, there: Decimal, where: str) -> Refusal:
    return Refusal(f"{amount} {asset} is more than the {there} {asset} {where}")


def _transfer(draft: Draft, operation: Operation, request: TransferCapital) -> Events | Refusal:
    source, target = _POCKETS[request.source], _POCKETS[request.target]
    there = _cash(draft, source)
    if request.amount > there:
        where = f"that can leave {request.source}"
        return _too_much(request.amount, TRY, there, where)
    event = transfer_event(
        _key(operation),
        request.amount,
        source=_WORDS[source],  # type: ignore[arg-type] # the words are the literals
        target=_WORDS[target],  # type: ignore[arg-type] # as above
        quote=TRY,
        now_ms=draft.observation.now_ms,
        reason=operation.reason,
    )
    return (event,)


class _Part(NamedTuple):
    """A part of a lot; no cost where nobody knows it."""

    quantity: Decimal
    cost: Decimal | None
    acquired_ms: int


def _oldest(position: Position, quantity: Decimal) -> list[_Part]:
    """Return the parts of lots that a quantity takes, oldest first, at the cost a sale takes."""
    found: list[_Part] = []
    left = quantity
    for lot in position.lots:
        if not left:
            break
        taken = min(left, lot.quantity)
        found.append(_Part(taken, _cost_of(lot, taken), lot.event_time_ms))
        left = left - taken
    return found


def _cost_of(lot: Lot, taken: Decimal) -> Decimal | None:
    if not lot.has_cost:
        return None
    if taken == lot.quantity:
        return lot.cost
    return share_half_even(lot.cost, taken, lot.quantity, MONEY_PLACES)


def _coins(draft: Draft, asset: Asset, *, of_bot: bool) -> tuple[Position, Decimal]:
    """Return a position and how much of it may leave: what sells have reserved may not."""
    position = (draft.positions if of_bot else draft.external).get(asset) or Position(asset)
    there = position.quantity
    if any(lot.quantity < 0 for lot in position.lots):
        there = ZERO  # an uncovered sale: a trade is not known yet
    if of_bot:
        there = there - draft.reserved_base(asset)
    return position, max(ZERO, there)


def _assignment(draft: Draft, operation: Operation, request: AssignCoins) -> Events | Refusal:
    asset, quantity = request.asset, request.quantity
    position, there = _coins(draft, asset, of_bot=not request.to_bot)
    if quantity > there:
        whose = "owner's" if request.to_bot else "bot's"
        return _too_much(quantity, asset, there, f"that can leave the {whose} book")
    parts = _oldest(position, quantity)
    if request.cost_try is not None:
        acquired_ms = request.acquired_ms
        if acquired_ms is None:
            acquired_ms = parts[0].acquired_ms
        parts = [_Part(quantity, request.cost_try, acquired_ms)]
    events: list[LedgerEvent] = []
    for number, part in enumerate(parts):
        if part.cost is None:
            return Refusal(f"what {part.quantity} {asset} cost is not known: give the cost")
        event = assignment_event(
            _key(operation, number),
            asset,
            part.quantity,
            cost_try=part.cost,
            acquired_ms=part.acquired_ms,
            to_bot=request.to_bot,
            now_ms=draft.observation.now_ms,
            evidence=request.evidence or operation.reason,
        )
        events.append(event)
    return tuple(events)


def _resolution(draft: Draft, operation: Operation, request: ResolveSuspense) -> Events | Refusal:
    asset, to = request.asset, request.to
    suspended = draft.ledger.balance(Account.SUSPENSE, asset)
    if not suspended:
        return Refusal(f"no {asset} is in suspense")
    amount = abs(suspended) if request.amount is None else request.amount
    if amount > abs(suspended):
        return _too_much(amount, asset, abs(suspended), "in suspense")
    signed = amount if suspended > 0 else -amount
    if (to is _IN and signed < 0) or (to is _OUT and signed > 0):
        way = "more" if signed > 0 else "less"
        return Refusal(f"the exchange has {way} {asset} than the books: that is no {to}")
    legs = [Leg(Account.SUSPENSE, asset, -signed)]
    if to is Explanation.UNDO:
        legs.append(Leg(Account.DIFFERENCE, asset, signed))
    else:
        other = _receiver(draft, request, signed)
        if isinstance(other, Refusal):
            return other
        legs.append(other)
        if to in (_IN, _OUT):
            legs.append(Leg(Account.DIFFERENCE, asset, signed))
            legs.append(Leg(Account.FLOW, asset, -signed))
    now_ms = draft.observation.now_ms
    event = adjustment_event(
        _key(operation), legs, event_time_ms=now_ms, known_ms=now_ms, reason=operation.reason
    )
    return (event,)


def _receiver(draft: Draft, request: ResolveSuspense, signed: Decimal) -> Leg | Refusal:
    """Return the leg of whoever gains or loses what stood in suspense."""
    asset, of_bot = request.asset, request.to is Explanation.BOT
    if asset == TRY:
        account = Account.BOT if of_bot else Account.UNASSIGNED
        there = _cash(draft, account)
        if -signed > there:
            return _too_much(-signed, asset, there, f"of {account}")
        return Leg(account, asset, signed)
    account = Account.BOT if of_bot else Account.EXTERNAL
    position, there = _coins(draft, asset, of_bot=of_bot)
    if -signed > there:
        return _too_much(-signed, asset, there, f"of {account}")
    if not of_bot:
        return Leg(account, asset, signed)
    if signed > 0:
        if request.cost_try is None:
            return Refusal(f"what {signed} {asset} cost is not known: give the cost")
        return Leg(account, asset, signed, request.cost_try)
    lost = sum((part.cost or ZERO for part in _oldest(position, -signed)), ZERO)
    return Leg(account, asset, signed, -lost)


def _flow(draft: Draft, operation: Operation, request: BookFlow) -> Events | Refusal:
    asset, amount, at_ms = request.asset, request.amount, request.event_time_ms
    now_ms, opened_ms = draft.observation.now_ms, draft.previous.opened_ms
    if not opened_ms < at_ms <= now_ms:
        return Refusal(
            f"{instant_text(at_ms)} is not between the opening ({instant_text(opened_ms)})"
            f" and now ({instant_text(now_ms)})"
        )
    is_out = request.flow is FlowKind.WITHDRAWAL
    if is_out:
        if asset == TRY:
            there = _cash(draft, Account.UNASSIGNED)
        else:
            _, there = _coins(draft, asset, of_bot=False)
        if amount > there:
            return _too_much(amount, asset, there, "of the owner's")
    event = flow_event(
        _key(operation),
        asset,
        -amount if is_out else amount,
        quote=TRY,
        event_time_ms=at_ms,
        known_ms=now_ms,
        is_airdrop=request.flow is FlowKind.AIRDROP,
    )
    return (event._replace(content=f"{event.content}|{request.evidence}"),)


def _levy(draft: Draft, operation: Operation, request: BookLevy) -> Events | Refusal:
    payer, now_ms = _POCKETS[request.payer], draft.observation.now_ms
    there = _cash(draft, payer)
    if request.amount > there:
        return _too_much(request.amount, TRY, there, f"of {request.payer}")
    is_withheld = request.levy is LevyKind.WITHHOLDING
    event = levy_event(
        _key(operation),
        request.amount,
        kind=EventKind.WITHHOLDING if is_withheld else EventKind.TRANSACTION_TAX,
        payer=payer,
        event_time_ms=now_ms,
        known_ms=now_ms,
        reason=operation.reason,
    )
    return (event,)


def lots_event_of(request: BookLots, *, opened_ms: int, known_ms: int) -> LedgerEvent:
    """Return the event that books evidence for lots; equal evidence gives an equal key.

    It takes effect just after what it explains: of one instant, facts without a number have no
    natural order.
    """
    since_ms = opened_ms if request.since_ms is None else request.since_ms
    return lots_event(
        request.asset,
        request.lots,
        event_time_ms=since_ms + 1,
        known_ms=known_ms,
        evidence=request.evidence,
    )


def _lots(draft: Draft, request: BookLots) -> Events | Refusal:
    asset, known = request.asset, draft.history.get(request.asset, [])
    opened_ms = draft.previous.opened_ms
    event = lots_event_of(request, opened_ms=opened_ms, known_ms=draft.observation.now_ms)
    if any(one.key == event.key for one in known):
        return ()
    # Evidence of a later moment explains what this leaves: of that there must be enough too.
    since, facts = order_key(event), [*known, event]
    for one in facts:
        if one.kind is EventKind.LOTS and order_key(one) >= since:
            explained, unknown = -one.legs[0].amount, _unknown_at(draft, one, facts)
            if explained > unknown:
                return Refusal(
                    f"{explained} {asset} is explained, but only {unknown} {asset} of unknown cost "
                    f"were there at {one.event_time_ms}"
                )
    return (event,)


def _unknown_at(draft: Draft, evidence: LedgerEvent, facts: list[LedgerEvent]) -> Decimal:
    """Return how many of the owner's coins had no known cost just before some evidence."""
    asset, until = evidence.legs[0].asset, order_key(evidence)
    moves = [move for one in facts if order_key(one) < until for move in lot_moves(one)]
    then = fold_moves(Book.EXTERNAL, asset, moves, method=draft.profile.cost_method)
    return sum((lot.quantity for lot in then.lots if not lot.has_cost), ZERO)


def _valuation(draft: Draft, request: ValueCharge) -> Events | Refusal:
    key = request.event_key
    for known in draft.history.values():
        for event in known:
            if event.key == key and key in draft.unvalued:
                return (valuation_event(event, request.rate_try, known_ms=_now(draft)),)
    waiting = ", ".join(draft.unvalued) or "none does"
    return Refusal(f"no charge of {key} waits for a rate; waiting: {waiting}")


def _now(draft: Draft) -> int:
    return draft.observation.now_ms
