"""Finance: one realized difference through the capital policy, the treasury's share set aside."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from btcturk_kit.domain.capital import Granularity, apply_self_financing, checkpoint_after
from btcturk_kit.domain.ledger import Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import treasury_event
from btcturk_kit.domain.money import ZERO, exact, within
from btcturk_kit.domain.operator_events import explicit_transfers
from btcturk_kit.pipeline.draft import Draft

__all__ = ["finance_cycle", "finance_event"]

# A member named once costs a fraction of one looked up at each use.
_CHECKPOINT = Granularity.CHECKPOINT
_apply = within(apply_self_financing)
_post = within(Ledger.post)
_treasury_event = within(treasury_event)


@exact
def finance_event(draft: Draft, before: Ledger, events: Iterable[LedgerEvent]) -> None:
    """Apply the checkpoint from `before` to the draft's ledger; book the treasury's share.

    Args:
        draft: The draft, its ledger and realized totals already carrying the facts.
        before: The ledger without them.
        events: The facts.
    """
    after, now_ms = draft.ledger, draft.observation.now_ms
    trading: Decimal = ZERO
    treasury: Decimal = ZERO
    for event in events:
        moved, kept = explicit_transfers(event)
        trading, treasury = trading + moved, treasury + kept
    checkpoint = checkpoint_after(
        before,
        after,
        account=draft.capital.account,
        realized_net=draft.realized_net,
        realized_gross=draft.realized_gross,
        trading_transfer=trading,
        treasury_transfer=treasury,
        is_deferred=bool(draft.unvalued),
    )
    capital = _apply(draft.capital, checkpoint, draft.profile.risk.financing)
    if capital is draft.capital:
        return
    share = capital.treasury_try - draft.capital.treasury_try - treasury
    draft.capital = capital
    draft.capital_rows.append(capital)
    if share:
        event = _treasury_event(
            after.last_event_key, share, quote=draft.profile.quote, now_ms=now_ms
        )
        draft.ledger = _post(after, event)
        draft.events.append(event)


def finance_cycle(draft: Draft) -> None:
    """Apply one checkpoint for the whole cycle, under the literal rule of one split per cycle."""
    if draft.profile.risk.financing.granularity is not _CHECKPOINT:
        return
    before = draft.previous.ledger
    if draft.ledger.event_count != before.event_count:
        finance_event(draft, before, tuple(draft.events))
