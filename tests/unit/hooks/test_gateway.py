"""The one place that calls plug-ins: each by itself, checked, combined without an order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, getcontext, localcontext
from typing import Any

import pluggy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from btcturk_kit.domain.cycle import ALLOW, OrderProposal, Review, RiskVote, Verdict
from btcturk_kit.domain.money import exactly
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import PluginError
from btcturk_kit.hooks import specs
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.specs import hookimpl

from .seam import PROPOSAL, RECORD, Place, gateway_of, plugin

DENY = Review(Verdict.DENY, reason="no")
HALF = Review(Verdict.SHRINK, reason="half", ratio=Decimal("0.5"))


def answering(answer: Any) -> Callable[[], Any]:
    """Return a function that gives this answer, or raises it."""

    def answer_it() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return answer_it


def reviewed(**answers: Any) -> Review:
    """Return what guards of these names and answers say together."""
    guards = {name: plugin(kit_review_order=answering(one)) for name, one in answers.items()}
    return gateway_of(guards).review(PROPOSAL, Place())


def voted(**answers: Any) -> Any:
    """Return what voters of these names and answers say together."""
    voters = {name: plugin(kit_vote_risk=answering(one)) for name, one in answers.items()}
    return gateway_of(voters).vote(Place())


# --- guards


def test_without_guards_everything_is_allowed() -> None:
    """The shared answer, so that nothing is made."""
    assert reviewed() is ALLOW
    assert reviewed(a=ALLOW, b=Review(Verdict.ALLOW, "b", "fine")) is ALLOW


def test_deny_wins_over_shrink_and_shrink_over_allow() -> None:
    """The strictest verdict, with the reasons of all who had something to say."""
    assert reviewed(a=ALLOW, b=HALF) == HALF._replace(guard="b")
    both = reviewed(a=HALF, b=DENY, c=ALLOW)
    assert both == Review(Verdict.DENY, "a+b", "a: half; b: no", None)


def test_the_smallest_ratio_counts() -> None:
    """Of two that shrink, the smaller size."""
    third = Review(Verdict.SHRINK, reason="third", ratio=Decimal("0.3"))
    both = reviewed(a=HALF, b=third)
    assert (both.verdict, both.ratio) == (Verdict.SHRINK, Decimal("0.3"))
    assert both.reason == "a: half; b: third"


def test_a_guard_can_give_its_own_name() -> None:
    """A plug-in with several rules says which one spoke."""
    assert reviewed(a=DENY._replace(guard="a.night")).guard == "a.night"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ValueError("secret"), "ValueError"),
        (None, "no Review"),
        (True, "no Review"),
        ("allow", "no Review"),
        (HALF._replace(ratio=None), "ratio"),
        (HALF._replace(ratio=Decimal(0)), "ratio"),
        (HALF._replace(ratio=Decimal(1)), "ratio"),
        (HALF._replace(ratio=Decimal("-0.5")), "ratio"),
        (HALF._replace(ratio=Decimal("NaN")), "ratio"),
        (HALF._replace(ratio=0.5), "ratio"),
    ],
)
def test_a_guard_that_breaks_its_contract_denies(answer: Any, words: str) -> None:
    """Guards fail closed, under their name; what an exception said is not repeated."""
    result = reviewed(broken=answer, fine=ALLOW)
    assert result.verdict is Verdict.DENY
    assert result.guard == "broken"
    assert words in result.reason
    assert "secret" not in result.reason


@pytest.mark.parametrize("verdict", ["deny", "allow", "odd", None, 3])
def test_a_verdict_that_is_none_denies(verdict: Any) -> None:
    """Alone and beside others, an answer that only looks like a review stops the order."""
    bogus = Review(verdict, "bogus", "says so")
    for others in ({}, {"other": DENY}, {"other": HALF}, {"other": bogus}):
        assert reviewed(broken=bogus, **others).verdict is Verdict.DENY


def test_a_guard_that_raises_does_not_silence_the_others() -> None:
    """Every guard is asked, in whatever order, and all reasons are kept."""
    result = reviewed(a=ValueError("x"), b=DENY, c=HALF)
    assert result.verdict is Verdict.DENY
    assert result.guard == "a+b+c"


answers = st.one_of(
    st.just(ALLOW),
    st.builds(
        lambda verdict, reason, ratio: Review(verdict, "", reason, ratio),
        st.sampled_from(Verdict),
        st.text("abc", max_size=3),
        st.one_of(st.none(), st.decimals("0", "1", places=2)),
    ),
    st.just(ValueError("broken")),
    st.none(),
)


@settings(max_examples=40)  # each example looks through the installed plug-ins several times
@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), answers, max_size=5), st.data())
def test_the_order_of_registration_never_matters(
    found: dict[str, Any], data: st.DataObject
) -> None:
    """Guards registered in any order say the same, and at least as strict as each alone."""
    names = data.draw(st.permutations(list(found)))
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    for name in names:
        manager.register(plugin(kit_review_order=answering(found[name])), name=name)
    shuffled = HookGateway(manager).review(PROPOSAL, Place())
    assert shuffled == reviewed(**found)
    rank = list(Verdict).index
    for name, answer in found.items():
        alone = reviewed(**{name: answer})
        assert rank(shuffled.verdict) >= rank(alone.verdict)
        if shuffled.verdict is Verdict.SHRINK and alone.ratio is not None:
            assert shuffled.ratio is not None
            assert shuffled.ratio <= alone.ratio


# --- voters


def test_without_voters_nothing_is_asked_for() -> None:
    """The normal mode and the whole size."""
    assert voted() == (RiskVote(), ())
    assert not gateway_of({}).has_voters
    assert gateway_of({"a": plugin(kit_vote_risk=answering(None))}).has_voters


def test_the_strictest_mode_and_the_smallest_size_win() -> None:
    """From different voters, with all reasons in the order of their names."""
    result, anomalies = voted(
        b=RiskVote(RiskMode.REDUCE_RISK_ONLY, reason="news"),
        a=RiskVote(RiskMode.NORMAL, Decimal("0.2"), "thin"),
        c=None,
    )
    assert result == RiskVote(RiskMode.REDUCE_RISK_ONLY, Decimal("0.2"), "a: thin; b: news")
    assert anomalies == ()


@pytest.mark.parametrize(
    "answer",
    [
        ValueError("x"),
        7,
        RiskVote(multiplier=Decimal("1.01")),
        RiskVote(multiplier=Decimal(-1)),
        RiskVote(multiplier=Decimal("NaN")),
        RiskVote(multiplier=Decimal("Infinity")),
        RiskVote("OBSERVE_ONLY"),  # type: ignore[arg-type]  # text is no mode
        RiskVote(multiplier=1),  # type: ignore[arg-type]  # a number is no decimal
    ],
)
def test_a_voter_that_breaks_its_contract_asks_for_the_strictest(answer: Any) -> None:
    """It is named in an anomaly that asks for `OBSERVE_ONLY`; the other votes still count."""
    result, (anomaly,) = voted(broken=answer, fine=RiskVote(multiplier=Decimal("0.5")))
    assert (anomaly.code, anomaly.mode) == ("risk_vote_failed", RiskMode.OBSERVE_ONLY)
    assert "broken" in anomaly.detail
    assert result.multiplier == Decimal("0.5")


# --- observers and strategies


def test_an_observer_that_fails_hurts_nobody() -> None:
    """The others are told all the same."""
    told: list[str] = []
    gateway_of(
        {
            "a": plugin(kit_cycle_recorded=answering(ValueError("x"))),
            "b": plugin(kit_cycle_recorded=lambda: told.append("b")),
        }
    ).recorded(RECORD)
    assert told == ["b"]


@pytest.mark.parametrize("answer", [None, "trend", ValueError("x")])
def test_a_strategy_that_is_none_stops_the_start(answer: Any) -> None:
    """A definition of another type, or an exception, names its plug-in before anything runs."""
    gateway = gateway_of({"mine": plugin(kit_define_strategy=answering(answer))})
    with pytest.raises(PluginError, match="'mine'"):
        gateway.strategies()


# --- binding


@pytest.mark.parametrize("hook", ["kit_define_strategy", "kit_review_order", "kit_vote_risk"])
def test_async_hooks_are_refused(hook: str) -> None:
    """A decision hook is synchronous; an `async def` is refused when the gateway is made."""

    async def answer() -> None:
        """Never called."""

    with pytest.raises(PluginError, match=f"{hook} is `async def`") as caught:
        gateway_of({"mine": plugin(**{hook: answer})})
    assert caught.value.plugin == "mine"


def test_an_implementation_may_take_fewer_arguments_in_any_order() -> None:
    """By name: the context alone, both the other way round, or none."""
    seen: list[Any] = []

    def context_only(context: Any) -> Review:
        seen.append(("context", context))
        return ALLOW

    def swapped(context: Any, proposal: OrderProposal) -> Review:
        seen.append((proposal, context))
        return ALLOW

    place = Place()
    gateway_of(
        {
            "a": plugin(kit_review_order=context_only),
            "b": plugin(kit_review_order=swapped),
            "c": plugin(kit_review_order=lambda: ALLOW),
        }
    ).review(PROPOSAL, place)
    assert seen == [("context", place), (PROPOSAL, place)]


def test_methods_of_objects_are_implementations() -> None:
    """A plug-in with state of its own is an object with marked methods."""

    class Counting:
        """Counts what it was asked."""

        count = 0

        @hookimpl
        def kit_review_order(self) -> Review:
            """Count and allow."""
            self.count += 1
            return ALLOW

    counting = Counting()
    gateway = gateway_of({"mine": counting})
    gateway.review(PROPOSAL, Place())
    gateway.review(PROPOSAL, Place())
    assert counting.count == 2


def test_plugins_compute_in_the_usual_context() -> None:
    """A division in a guard is an ordinary one, and our exact context is back afterwards."""
    precisions: list[int] = []

    def divide() -> Any:
        precisions.append(getcontext().prec)
        _ = Decimal(1) / Decimal(3)
        return None

    def review() -> Review:
        divide()
        return ALLOW

    gateway = gateway_of(
        {"a": plugin(kit_review_order=review, kit_vote_risk=divide, kit_cycle_recorded=divide)}
    )
    with localcontext(Context(prec=9)) as mine:
        assert gateway.review(PROPOSAL, Place()) is ALLOW
        assert gateway.vote(Place()) == (RiskVote(), ())
        gateway.recorded(RECORD)
        assert getcontext() is mine
    with exactly():
        assert gateway.review(PROPOSAL, Place()) is ALLOW
    assert precisions == [28, 28, 28, 28]
