"""The one place that calls plug-ins: each by itself, results checked, combined without order.

pluggy's own call loop loses every result when one implementation raises, so the gateway binds the
implementations once, at composition, and calls them one by one. The result never depends on the
order of registration.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pluggy

from btcturk_kit.domain.cycle import (
    ALLOW,
    Anomaly,
    CycleRecord,
    OrderProposal,
    Review,
    RiskVote,
    Verdict,
)
from btcturk_kit.domain.money import ONE, plainly
from btcturk_kit.domain.risk_mode import RiskMode, strictest
from btcturk_kit.domain.tax_rules import TaxRule
from btcturk_kit.errors import PluginError
from btcturk_kit.hooks.strategy import StrategyContext, StrategyDefinition

__all__ = ["HookGateway"]

_RANK = {Verdict.ALLOW: 0, Verdict.SHRINK: 1, Verdict.DENY: 2}


class HookGateway:
    """Typed access to the plug-ins of one composition.

    Args:
        plugins: A plug-in manager with the specifications added and the plug-ins registered.

    Raises:
        PluginError: An implementation is `async def`.
    """

    __slots__ = ("_guards", "_observers", "_strategies", "_tax_packs", "_voters")

    def __init__(self, plugins: pluggy.PluginManager) -> None:
        self._strategies = _bind(plugins.hook.kit_define_strategy, ())
        self._guards = _bind(plugins.hook.kit_review_order, ("proposal", "context"))
        self._voters = _bind(plugins.hook.kit_vote_risk, ("context",))
        self._observers = _bind(plugins.hook.kit_cycle_recorded, ("record",))
        self._tax_packs = _bind(plugins.hook.kit_tax_rules, ())

    def strategies(self) -> dict[str, StrategyDefinition]:
        """Return the strategies on offer by plug-in name.

        Raises:
            PluginError: A plug-in fails to give its definition, or gives something else.
        """
        found: dict[str, StrategyDefinition] = {}
        for name, call in self._strategies:
            try:
                definition = call()
            except Exception as error:
                raise PluginError(name, f"kit_define_strategy failed: {error!r}") from error
            if not isinstance(definition, StrategyDefinition):
                raise PluginError(name, "kit_define_strategy must return a StrategyDefinition")
            found[name] = definition
        return found

    def tax_rules(self) -> tuple[tuple[str, TaxRule], ...]:
        """Return the tax rules on offer, each with its plug-in, by plug-in, first day and name.

        Raises:
            PluginError: A plug-in fails to give its rules, or gives something else.
        """
        found: list[tuple[str, TaxRule]] = []
        for name, call in self._tax_packs:
            try:
                rules = tuple(call())
            except Exception as error:
                raise PluginError(name, f"kit_tax_rules failed: {error!r}") from error
            if not all(isinstance(one, TaxRule) for one in rules):
                raise PluginError(name, "kit_tax_rules must return TaxRule values")
            found += [(name, one) for one in rules]
        return tuple(sorted(found, key=lambda one: (one[0], one[1].from_day, one[1].name)))

    @property
    def has_voters(self) -> bool:
        """Whether some plug-in votes on risk; then no instant is quiet without asking it."""
        return bool(self._voters)

    def review(self, proposal: OrderProposal, context: StrategyContext) -> Review:
        """Return the strictest review of all guards; their reasons joined, sorted by guard."""
        if not self._guards:
            return ALLOW
        with plainly():
            answers = [self._ask(name, call, proposal, context) for name, call in self._guards]
        strict: list[Review] = []
        for name, given in answers:
            answer = given
            if answer is ALLOW:
                continue
            if not isinstance(answer, Review) or not isinstance(answer.verdict, Verdict):
                answer = Review(Verdict.DENY, name, "returned no Review")
            if answer.verdict is not Verdict.ALLOW:
                strict.append(_checked(answer, name))
        if not strict:
            return ALLOW
        if len(strict) == 1:
            return strict[0]
        worst = max(strict, key=lambda one: _RANK[one.verdict]).verdict
        ratios = [one.ratio for one in strict if one.ratio is not None]
        reason = "; ".join(sorted(f"{one.guard}: {one.reason}" for one in strict))
        guard = "+".join(sorted(one.guard for one in strict))
        return Review(worst, guard, reason, min(ratios) if worst is Verdict.SHRINK else None)

    @staticmethod
    def _ask(
        name: str,
        guard: Callable[..., Any],
        proposal: OrderProposal,
        context: StrategyContext,
    ) -> tuple[str, Any]:
        try:
            return name, guard(proposal, context)
        except Exception as error:  # noqa: BLE001 - a guard that fails must deny
            return name, Review(Verdict.DENY, name, f"failed: {type(error).__name__}")

    def vote(self, context: StrategyContext) -> tuple[RiskVote, tuple[Anomaly, ...]]:
        """Return the strictest mode and the smallest multiplier, and what went wrong."""
        if not self._voters:
            return _NO_VOTE, ()
        modes: list[RiskMode] = []
        multiplier = ONE
        reasons: list[str] = []
        anomalies: list[Anomaly] = []
        for name, call in self._voters:
            try:
                with plainly():
                    vote = call(context)
                if vote is None:
                    continue
                if not _is_vote(vote):
                    raise PluginError(name, "kit_vote_risk must return a RiskVote in [0, 1]")  # noqa: TRY301 - one path for all faults
            except Exception as error:  # noqa: BLE001 - a voter that fails must tighten
                anomalies.append(
                    Anomaly("risk_vote_failed", RiskMode.OBSERVE_ONLY, f"{name}: {error}")
                )
                continue
            modes.append(vote.mode)
            multiplier = min(multiplier, vote.multiplier)
            reasons.append(f"{name}: {vote.reason}")
        return RiskVote(strictest(*modes), multiplier, "; ".join(sorted(reasons))), tuple(anomalies)

    def recorded(self, record: CycleRecord) -> None:
        """Tell every observer; what an observer does wrong hurts nothing."""
        for _, call in self._observers:
            try:
                with plainly():
                    call(record)
            except Exception:  # noqa: BLE001, S112 - observers cannot hurt the run
                continue


_NO_VOTE = RiskVote()


def _is_vote(vote: object) -> bool:
    if not isinstance(vote, RiskVote):
        return False
    mode: object = vote.mode
    multiplier: object = vote.multiplier
    if not isinstance(mode, RiskMode) or not isinstance(multiplier, Decimal):
        return False
    return multiplier.is_finite() and 0 <= multiplier <= 1


def _checked(review: Review, name: str) -> Review:
    if review.verdict is Verdict.SHRINK:
        ratio = review.ratio
        if not isinstance(ratio, Decimal) or not ratio.is_finite() or not 0 < ratio < 1:
            return Review(Verdict.DENY, name, "shrink without a ratio in (0, 1)")
    return review._replace(guard=review.guard or name)


def _bind(
    caller: pluggy.HookCaller, arguments: tuple[str, ...]
) -> tuple[tuple[str, Callable[..., Any]], ...]:
    """Return (plug-in name, callable taking all arguments in order), sorted by name."""
    bound: list[tuple[str, Callable[..., Any]]] = []
    for impl in caller.get_hookimpls():
        if inspect.iscoroutinefunction(impl.function):
            raise PluginError(
                impl.plugin_name, f"{caller.name} is `async def`", hint="hooks are synchronous"
            )
        bound.append((impl.plugin_name, _reorder(impl.function, impl.argnames, arguments)))
    return tuple(sorted(bound, key=lambda one: one[0]))


def _reorder(
    function: Callable[..., Any], taken: tuple[str, ...], given: tuple[str, ...]
) -> Callable[..., Any]:
    if tuple(taken) == given:
        return function
    places = [given.index(name) for name in taken]
    return lambda *values: function(*[values[place] for place in places])
