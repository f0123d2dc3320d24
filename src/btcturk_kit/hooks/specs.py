"""The hooks a plug-in may implement, one function each, with the contract in its docstring.

Hooks are synchronous and pure: no clock, no file, no socket. Arguments are frozen values; an
implementation may take fewer of them. Arguments may be added, never removed in a minor release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from btcturk_kit.domain.cycle import CycleRecord, OrderProposal, Review, RiskVote
    from btcturk_kit.domain.tax_rules import TaxRule
    from btcturk_kit.hooks.strategy import StrategyContext, StrategyDefinition

__all__ = [
    "PROJECT",
    "hookimpl",
    "hookspec",
    "kit_cycle_recorded",
    "kit_define_strategy",
    "kit_review_order",
    "kit_tax_rules",
    "kit_vote_risk",
]

PROJECT = "btcturk_kit"
"""pluggy project name and entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def kit_define_strategy() -> StrategyDefinition:  # type: ignore[empty-body]  # a specification
    """Offer a strategy under the plug-in's name.

    Called once when a run is put together. The factory makes one object per pair; see
    `StrategyDefinition`.
    """


@hookspec
def kit_review_order(  # type: ignore[empty-body]  # a specification
    proposal: OrderProposal, context: StrategyContext
) -> Review:
    """Say allow, shrink or deny to one exact order before it is sent.

    Every guard is asked; deny wins over shrink, shrink over allow, the smallest ratio counts, all
    reasons are kept. A guard that raises or answers something else denies. Return `ALLOW` when
    there is nothing to say.
    """


@hookspec
def kit_vote_risk(context: StrategyContext) -> RiskVote | None:
    """Ask for a stricter mode or a smaller size in the coming orders.

    The strictest mode and the smallest multiplier win. None says nothing. A plug-in that raises
    counts as a vote for `OBSERVE_ONLY`.
    """


@hookspec
def kit_cycle_recorded(record: CycleRecord) -> None:
    """Take note of a finished event cycle. Cannot change or stop anything; errors are ignored."""


@hookspec
def kit_tax_rules() -> tuple[TaxRule, ...]:  # type: ignore[empty-body]  # a specification
    """Offer dated tax rules for the yearly statement; see `TaxRule`.

    Asked once for each statement that names the plug-in. A rule that is not in force is returned
    too, with that state: the statement lists it and computes nothing from it.
    """
