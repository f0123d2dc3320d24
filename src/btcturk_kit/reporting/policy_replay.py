"""What a capital policy would have made of a ledger: the same split, over the same facts.

The books and what they realized do not depend on the policy, only the split does. So the facts are
folded once (`realized_steps`), and any policy is applied to the same steps (`replay_policy`).
Never add: a split of its own, a price.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from typing import NamedTuple

from btcturk_kit.domain.capital import (
    CapitalState,
    Granularity,
    LedgerCheckpoint,
    SelfFinancing,
    apply_self_financing,
    checkpoint_after,
)
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import EventKind, Ledger, LedgerEvent
from btcturk_kit.domain.lots import Book, LotMove, is_unvalued, lot_moves
from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.operator_events import explicit_transfers
from btcturk_kit.domain.positions import CostMethod, Position, apply_move, fold_moves

__all__ = ["PolicyOutcome", "RealizedStep", "outcome_of", "realized_steps", "replay_policy"]


class RealizedStep(NamedTuple):
    """One fact, as the capital policy is told of it.

    Attributes:
        known_ms: When it was booked; facts of one instant were of one cycle.
    """

    known_ms: int
    checkpoint: LedgerCheckpoint


class PolicyOutcome(NamedTuple):
    """Where a policy ended, and how it got there. Amounts in TRY.

    Attributes:
        split_count: How often something was set aside.
        drawdown_try: The largest fall of trading capital from an earlier height; what an operator
            moved in or out is left out of both.
        peak_try: That earlier height.
    """

    trading_capital_try: Decimal
    treasury_try: Decimal
    split_count: int
    drawdown_try: Decimal
    peak_try: Decimal


@exact
def realized_steps(
    events: Iterable[LedgerEvent], *, account: str, method: CostMethod = CostMethod.FIFO
) -> tuple[RealizedStep, ...]:
    """Return a step for each fact after the opening: what was realized when it was known.

    Args:
        events: Every event of the ledger in its sequence, the opening first.
        account: Whose they are.
        method: How sold quantity finds its cost.
    """
    fold = _Fold(account, method)
    return tuple(fold.step(event) for event in events if event.kind is not EventKind.TREASURY)[1:]


class _Fold:
    """The bot's lots and totals, fact by fact; a late fact folds its asset again."""

    __slots__ = (
        "_account",
        "_gross",
        "_ledger",
        "_method",
        "_moves",
        "_net",
        "_open",
        "_positions",
    )

    def __init__(self, account: str, method: CostMethod) -> None:
        self._account = account
        self._method = method
        self._ledger = Ledger()
        self._positions: dict[Asset, Position] = {}
        self._moves: dict[Asset, list[LotMove]] = {}
        self._open: set[str] = set()
        self._net = self._gross = ZERO

    def step(self, event: LedgerEvent) -> RealizedStep:
        before = self._ledger
        self._ledger = after = before.post(event)
        fresh: dict[Asset, list[LotMove]] = {}
        for move in lot_moves(event):
            if move.book is Book.BOT:
                fresh.setdefault(move.asset, []).append(move)
        for asset, moves in fresh.items():
            self._move(asset, moves)
        if event.kind is EventKind.VALUATION:
            self._open.discard(event.key.removeprefix("valuation:"))
        elif is_unvalued(event):
            self._open.add(event.key)
        trading, treasury = explicit_transfers(event)
        checkpoint = checkpoint_after(
            before,
            after,
            account=self._account,
            realized_net=self._net,
            realized_gross=self._gross,
            trading_transfer=trading,
            treasury_transfer=treasury,
            is_deferred=bool(self._open),
        )
        return RealizedStep(event.known_ms, checkpoint)

    def _move(self, asset: Asset, moves: list[LotMove]) -> None:
        old = self._positions.get(asset) or Position(asset)
        known = self._moves.setdefault(asset, [])
        known += moves
        new = old
        for move in moves:
            if not move.quantity or move.order_key < new.last_key:
                new = fold_moves(Book.BOT, asset, known, method=self._method)
                break
            new = apply_move(new, move, method=self._method)
        self._positions[asset] = new
        self._net = self._net + new.realized_net - old.realized_net
        self._gross = self._gross + new.realized_gross - old.realized_gross


@exact
def replay_policy(
    steps: Sequence[RealizedStep], opening: CapitalState, policy: SelfFinancing
) -> tuple[CapitalState, ...]:
    """Return the capital after each applied checkpoint, the opening first: the policy's journal.

    Args:
        steps: What `realized_steps` found.
        opening: The first row of the capital journal.
        policy: Any policy; with the granularity `checkpoint` the facts that became known at one
            instant are one step, as they were one cycle.

    Example:
        >>> from decimal import Decimal
        >>> start = CapitalState("a", Decimal(1000), last_event_count=1, content_hash="h1")
        >>> gain = LedgerCheckpoint("a", 2, "fill:1", "h2", 1, "h1", Decimal(100), Decimal(100))
        >>> journal = replay_policy([RealizedStep(0, gain)], start, SelfFinancing())
        >>> [f"{one.treasury_try:f}" for one in journal]
        ['0', '40.00000000']
    """
    found = [opening]
    chosen = [step.checkpoint for step in steps]
    if policy.granularity is Granularity.CHECKPOINT:
        cycles = groupby(steps, lambda one: one.known_ms)
        chosen = [_joined([step.checkpoint for step in cycle]) for _, cycle in cycles]
    for step in chosen:
        found.append(apply_self_financing(found[-1], step, policy))
    return tuple(found)


def _joined(cycle: list[LedgerCheckpoint]) -> LedgerCheckpoint:
    """Return the facts of one cycle as one step."""
    trading = treasury = ZERO
    for step in cycle:
        trading = trading + step.trading_transfer_try
        treasury = treasury + step.treasury_transfer_try
    return cycle[-1]._replace(
        previous_count=cycle[0].previous_count,
        previous_hash=cycle[0].previous_hash,
        trading_transfer_try=trading,
        treasury_transfer_try=treasury,
    )


@exact
def outcome_of(journal: Sequence[CapitalState], steps: Sequence[RealizedStep]) -> PolicyOutcome:
    """Return what a journal came to, a stored one or a replayed one.

    Args:
        journal: Capital states, oldest first; at least the opening.
        steps: The ledger's steps: they know what an operator moved.
    """
    moved: dict[int, tuple[Decimal, Decimal]] = {}
    trading = treasury = ZERO
    for _, one in steps:
        trading = trading + one.trading_transfer_try
        treasury = treasury + one.treasury_transfer_try
        moved[one.event_count] = (trading, treasury)
    own = [
        (row.trading_capital_try - into, row.treasury_try - kept)
        for row in journal
        for into, kept in [moved.get(row.last_event_count, (ZERO, ZERO))]
    ]
    top, fall, height = own[0][0], ZERO, own[0][0]
    for capital, _ in own:
        top = max(top, capital)
        if top - capital > fall:
            fall, height = top - capital, top
    return PolicyOutcome(
        journal[-1].trading_capital_try,
        journal[-1].treasury_try,
        sum(1 for before, after in pairwise(own) if after[1] > before[1]),
        fall,
        height,
    )
