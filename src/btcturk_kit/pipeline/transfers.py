"""Transfers: deposits and withdrawals the exchange tells of become facts, each once.

They are the owner's: unassigned cash, coins outside the bot. What the exchange calls confirmed is
booked. State money it never calls confirmed, even when it has arrived, and of a charge it does not
say whether the amount contains it: there the balance decides. Never add: starting a transfer.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import product
from typing import Final

from btcturk_kit.domain.balances import balance_differences
from btcturk_kit.domain.ledger import HELD, Account, LedgerEvent
from btcturk_kit.domain.ledger_events import flow_event
from btcturk_kit.domain.lots import order_key
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.transfers import Transfer, TransferKind
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import LedgerConflict
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.draft import Draft

__all__ = ["book_transfers", "fresh_transfers", "transfer_events", "transfer_key"]

_TRIED_MAX: Final = 10
"""More transfers of one asset in one look are not searched for a fitting choice."""


def transfer_key(transfer: Transfer) -> str:
    """Return the key of the event that books a transfer; both directions are numbered apart."""
    return f"flow:{transfer.kind}:{transfer.transfer_id}"


@exact
def transfer_events(transfer: Transfer, *, known_ms: int) -> tuple[LedgerEvent, ...]:
    """Return the events a transfer can be: its charge beside the amount, and inside it."""
    charge = transfer.fee + transfer.tax
    amounts = [transfer.amount]
    if charge:
        # With the charge inside the amount, what moved without it is less going out, more coming in
        inside = -charge if transfer.kind is TransferKind.WITHDRAWAL else charge
        amounts.append(transfer.amount + inside)
    sign = 1 if transfer.kind is TransferKind.DEPOSIT else -1
    return tuple(
        flow_event(
            transfer_key(transfer),
            transfer.asset,
            sign * amount,
            quote=TRY,
            event_time_ms=transfer.event_time_ms,
            known_ms=known_ms,
            fee=transfer.fee,
            tax=transfer.tax,
        )
        for amount in amounts
    )


def fresh_transfers(
    transfers: Iterable[Transfer], booked: Iterable[LedgerEvent], *, opened_ms: int
) -> tuple[Transfer, ...]:
    """Return the transfers since the opening that are not booked yet.

    Raises:
        LedgerConflict: One that is booked is told with another content.
    """
    known = {event.key: event for event in booked}
    found: list[Transfer] = []
    for one in transfers:
        event = known.get(transfer_key(one))
        if event is None:
            if one.event_time_ms > opened_ms and one.amount:
                found.append(one)
            continue
        told = [(like.event_time_ms, like.content) for like in transfer_events(one, known_ms=0)]
        if (event.event_time_ms, event.content) not in told:
            raise LedgerConflict(
                f"{one.kind} {one.transfer_id} is booked as {event.content!r} at "
                f"{event.event_time_ms}, now it is told as {told[0][1]!r} at {told[0][0]}"
            )
    return tuple(found)


@exact
def book_transfers(draft: Draft) -> None:
    """Book what has arrived or gone, oldest first."""
    observation = draft.observation
    if not observation.transfers or observation.balances is None:
        return
    open_amounts = balance_differences(draft.ledger, observation.balances)
    chosen: list[LedgerEvent] = []
    for asset in sorted({one.asset for one in observation.transfers}):
        mine = [one for one in observation.transfers if one.asset == asset]
        # What stands in suspense may be the very same thing, told late.
        suspended = draft.ledger.balance(Account.SUSPENSE, asset)
        wanted = open_amounts.get(asset, ZERO) + suspended
        chosen += _choice(mine, wanted, known_ms=observation.now_ms)
    for event in sorted(chosen, key=order_key):
        book(draft, event)


def _choice(transfers: list[Transfer], wanted: Decimal, *, known_ms: int) -> list[LedgerEvent]:
    """Return the events that explain a difference to the digit; else the confirmed ones."""
    options: list[tuple[LedgerEvent | None, ...]] = []
    for one in transfers:
        events = transfer_events(one, known_ms=known_ms)
        # What is not confirmed is left out as long as the difference can do without it.
        options.append(events if one.is_confirmed else (None, *events))
    if len(options) <= _TRIED_MAX:
        for choice in product(*options):
            taken = [event for event in choice if event is not None]
            if sum((_moved(event) for event in taken), ZERO) == wanted:
                return taken
    return [transfer_events(one, known_ms=known_ms)[0] for one in transfers if one.is_confirmed]


def _moved(event: LedgerEvent) -> Decimal:
    return sum((leg.amount for leg in event.legs if leg.account in HELD), ZERO)
