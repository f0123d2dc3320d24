"""One test for each hook: what an implementation is given, and what becomes of its answer."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.cycle import ALLOW, CycleRecord, OrderProposal, Review, RiskVote, Verdict
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.tax_rules import TaxBase, TaxKind, TaxRule, TaxRuleState
from btcturk_kit.errors import PluginError
from btcturk_kit.hooks import specs
from btcturk_kit.hooks.builtin.trend import Trend, TrendParameters
from btcturk_kit.hooks.strategy import StrategyDefinition

from .seam import PROPOSAL, RECORD, Place, gateway_of, plugin


def test_hook_kit_define_strategy() -> None:
    """A plug-in offers a strategy under its own name; several plug-ins offer several."""
    one = StrategyDefinition(TrendParameters, Trend)

    @dataclass(frozen=True)
    class Nothing:
        """Parameters of nothing."""

    two = StrategyDefinition(
        Nothing, lambda _parameters, _symbol: Trend(TrendParameters(), _symbol)
    )
    gateway = gateway_of(
        {
            "mine": plugin(kit_define_strategy=lambda: one),
            "other": plugin(kit_define_strategy=lambda: two),
            "guard": plugin(kit_review_order=lambda: ALLOW),
        }
    )
    assert gateway.strategies() == {"mine": one, "other": two}


def test_hook_kit_review_order() -> None:
    """A guard gets the exact order and the present, and its answer decides about the order."""
    seen: list[tuple[OrderProposal, Any]] = []

    def review(proposal: OrderProposal, context: Any) -> Review:
        seen.append((proposal, context))
        return Review(Verdict.DENY, reason="no")

    place = Place()
    answer = gateway_of({"mine": plugin(kit_review_order=review)}).review(PROPOSAL, place)
    assert answer == Review(Verdict.DENY, "mine", "no")
    assert seen == [(PROPOSAL, place)]


def test_hook_kit_vote_risk() -> None:
    """A voter gets the present and asks for a mode and a size, or for nothing."""
    seen: list[Any] = []

    def vote(context: Any) -> RiskVote:
        seen.append(context)
        return RiskVote(RiskMode.REDUCE_RISK_ONLY, Decimal("0.5"), "storm")

    place = Place()
    silent = plugin(kit_vote_risk=lambda: None)
    gateway = gateway_of({"mine": plugin(kit_vote_risk=vote), "silent": silent})
    result, anomalies = gateway.vote(place)
    assert result == RiskVote(RiskMode.REDUCE_RISK_ONLY, Decimal("0.5"), "mine: storm")
    assert anomalies == ()
    assert seen == [place]


def test_hook_kit_cycle_recorded() -> None:
    """An observer is told of a finished cycle; what it answers is nobody's business."""
    seen: list[CycleRecord] = []

    def note(record: CycleRecord) -> str:
        seen.append(record)
        return "thank you"

    gateway_of({"mine": plugin(kit_cycle_recorded=note)}).recorded(RECORD)
    assert seen == [RECORD]


def test_hook_kit_tax_rules() -> None:
    """Packs offer dated rules; each comes with its plug-in, by plug-in, first day and name."""
    old = TaxRule(
        name="b",
        kind=TaxKind.WITHHOLDING,
        state=TaxRuleState.NOT_IN_FORCE,
        from_day=date(2026, 1, 1),
        base=TaxBase.GAINS,
        source="bill 2",
    )
    new = replace(old, name="a", from_day=date(2027, 1, 1))
    gateway = gateway_of(
        {
            "two": plugin(kit_tax_rules=lambda: (new, old)),
            "one": plugin(kit_tax_rules=lambda: (new,)),
            "none": plugin(kit_tax_rules=lambda: ()),
            "guard": plugin(kit_review_order=lambda: ALLOW),
        }
    )
    assert gateway.tax_rules() == (("one", new), ("two", old), ("two", new))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: ("law 1",), "must return TaxRule values"),
        (lambda: 1 / 0, "kit_tax_rules failed: ZeroDivisionError"),
        (lambda: None, "kit_tax_rules failed: TypeError"),
    ],
)
def test_a_pack_that_gives_no_rules_is_named(answer: Any, problem: str) -> None:
    """A statement with a broken pack is not made: its rules would be missing in silence."""
    with pytest.raises(PluginError, match=problem) as caught:
        gateway_of({"pack": plugin(kit_tax_rules=answer)}).tax_rules()
    assert caught.value.plugin == "pack"


def _hooks() -> list[str]:
    return [name for name in specs.__all__ if name.startswith("kit_")]


@pytest.mark.parametrize("name", _hooks())
def test_every_hook_has_its_test_here(name: str) -> None:
    """A hook without a test of its own name in this module fails this one."""
    assert f"test_hook_{name}" in globals()


@pytest.mark.parametrize("name", _hooks())
def test_every_hook_is_a_specification(name: str) -> None:
    """A hook has the prefix, a docstring that is its contract, an empty body, and is marked."""
    hook = getattr(specs, name)
    assert inspect.getdoc(hook)
    assert hasattr(hook, f"{specs.PROJECT}_spec")
    assert not inspect.iscoroutinefunction(hook)
    arguments = [None] * len(inspect.signature(hook).parameters)
    assert hook(*arguments) is None


def test_all_hooks_of_the_module_are_exported() -> None:
    """What is marked as a hook is public."""
    marked = {name for name, one in vars(specs).items() if hasattr(one, f"{specs.PROJECT}_spec")}
    assert marked == set(_hooks())
