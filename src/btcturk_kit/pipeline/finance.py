"""Finance: one realized difference through the capital policy, the treasury's share set aside."""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.capital import Granularity, checkpoint_after
from btcturk_kit.domain.ledger import Ledger, treasury_event
from btcturk_kit.pipeline.draft import Draft

__all__ = ["finance_cycle", "finance_event"]

# A member named once costs a fraction of one looked up at each use.
_CHECKPOINT = Granularity.CHECKPOINT


def finance_event(
    draft: Draft, before: Ledger, *, realized_net: Decimal, realized_gross: Decimal
) -> None:
    """Apply the checkpoint from `before` to the draft's ledger; book the treasury's share.

    Args:
        draft: The draft, its ledger already carrying the fact.
        before: The ledger without it.
        realized_net: Realized net total after it, all assets, TRY.
        realized_gross: Realized gross total after it.
    """
    after = draft.ledger
    checkpoint = checkpoint_after(
        before,
        after,
        account=draft.capital.account,
        realized_net=realized_net,
        realized_gross=realized_gross,
    )
    capital = draft.profile.risk.apply_self_financing(draft.capital, checkpoint)
    share = capital.treasury_try - draft.capital.treasury_try
    if capital is draft.capital:
        return
    draft.capital = capital
    draft.capital_rows.append(capital)
    if share:
        event = treasury_event(
            after.last_event_key,
            share,
            quote=draft.profile.quote,
            event_time_ms=draft.observation.now_ms,
        )
        draft.ledger = after.post(event)
        draft.events.append(event)


def finance_cycle(
    draft: Draft, before: Ledger, *, realized_net: Decimal, realized_gross: Decimal
) -> None:
    """Apply one checkpoint for the whole cycle, under the literal rule of one split per cycle."""
    if draft.profile.risk.financing.granularity is not _CHECKPOINT:
        return
    if draft.ledger.event_count != before.event_count:
        finance_event(draft, before, realized_net=realized_net, realized_gross=realized_gross)
