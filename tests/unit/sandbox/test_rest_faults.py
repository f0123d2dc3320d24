"""Plans of faults of requests: which request each takes, what is answered, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.rest.control import FAULT_ROUTES, RestControl
from btcturk_kit.sandbox.rest.fault_answers import answer_of, first_half
from btcturk_kit.sandbox.rest.faults import (
    ANSWER_KINDS,
    Asked,
    Body,
    RestFault,
    RestFaultKind,
    RestFaultPlan,
    RestScript,
)
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.wire.pacing import Endpoint

SUBMIT = Asked(Endpoint.SUBMIT, "ann")
READ = Asked(Endpoint.BALANCES, "bob")
VIEW_KINDS = frozenset(RestFaultKind) - ANSWER_KINDS
FREE = {
    RestFaultKind.DELAY,
    RestFaultKind.RESET,
    RestFaultKind.BAD_GATEWAY,
    RestFaultKind.SERVER_ERROR,
}
WITH_BODY = {
    RestFaultKind.BAD_GATEWAY,
    RestFaultKind.TOO_MANY,
    RestFaultKind.SERVER_ERROR,
    RestFaultKind.UNAUTHORIZED,
}
TIMED = {
    RestFaultKind.DELAY,
    RestFaultKind.LATE_HISTORY,
    RestFaultKind.INVISIBLE_ORDERS,
    RestFaultKind.STALE_BALANCES,
    RestFaultKind.LATE_FILL_AFTER_CANCEL,
    RestFaultKind.CLOCK_JUMP,
}


def fault_of(kind: RestFaultKind, **fields: Any) -> RestFault:
    """Return a fault, with a time if it needs one."""
    return RestFault(kind=kind, **{"ms": 100, **fields} if kind in TIMED else fields)


def plan_of(*faults: RestFault, seed: int = 1) -> RestFaultPlan:
    """Return a plan."""
    return RestFaultPlan(RestScript(faults=faults, seed=seed))


def taken(plan: RestFaultPlan, *asked: Asked) -> list[bool]:
    """Return which requests a fault takes."""
    return [plan.take(one) is not None for one in asked]


def test_the_first_fault_that_is_due_takes_a_request() -> None:
    """Those behind it do not count that request."""
    first, second = fault_of(RestFaultKind.RESET), fault_of(RestFaultKind.BAD_GATEWAY)
    plan = plan_of(first, second)
    assert [plan.take(SUBMIT) for _ in range(3)] == [first, second, None]
    assert plan.rows() == [{"kind": "reset", "hits": 1}, {"kind": "bad_gateway", "hits": 1}]


def test_requests_pass_first_and_hits_end() -> None:
    """`after` lets matching requests pass, `count` says how many are hit."""
    plan = plan_of(fault_of(RestFaultKind.RESET, after=2, count=2))
    assert taken(plan, *[SUBMIT] * 6) == [False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("fields", "hit"),
    [
        ({}, [True, True]),
        ({"endpoints": (Endpoint.SUBMIT,)}, [True, False]),
        ({"endpoints": (Endpoint.SUBMIT, Endpoint.BALANCES)}, [True, True]),
        ({"api_key": "bob"}, [False, True]),
        ({"endpoints": (Endpoint.SUBMIT,), "api_key": "bob"}, [False, False]),
    ],
)
def test_a_fault_hits_what_it_names(fields: dict[str, Any], hit: list[bool]) -> None:
    """Endpoints and keys narrow it; nothing means everything."""
    plan = plan_of(fault_of(RestFaultKind.RESET, count=None, **fields))
    assert taken(plan, SUBMIT, READ) == hit


def test_chance_hangs_on_the_seed_alone() -> None:
    """Equal seeds hit equal requests, another seed others, and about as many as was asked for."""

    def hits(seed: int) -> list[bool]:
        plan = plan_of(fault_of(RestFaultKind.RESET, count=None, chance_bps=2_500), seed=seed)
        return taken(plan, *[SUBMIT] * 400)

    assert hits(1) == hits(1) != hits(2)
    assert sum(hits(1)) in range(70, 131)


@pytest.mark.parametrize("kind", RestFaultKind)
def test_how_often_a_fault_hits_unless_it_says(kind: RestFaultKind) -> None:
    """A fault of one request hits once; what is shown and the clock are off until told."""
    assert fault_of(kind).hits_max == (1 if kind in ANSWER_KINDS else None)
    assert fault_of(kind, count=3).hits_max == 3
    assert fault_of(kind, count=None).hits_max is None


@pytest.mark.parametrize("kind", RestFaultKind)
def test_whether_a_request_takes_effect(kind: RestFaultKind) -> None:
    """Some faults know both ways, the others one; a plan that contradicts is refused."""
    carries_out = {"delay", "lose_answer", "cut_body", "wrong_json"}
    assert fault_of(kind).is_carried_out is (kind in carries_out)
    for carried_out in (True, False):
        if kind in FREE:
            assert fault_of(kind, carried_out=carried_out).is_carried_out is carried_out
        else:
            with pytest.raises(ConfigurationError, match="decides by itself"):
                fault_of(kind, carried_out=carried_out)


@pytest.mark.parametrize("kind", RestFaultKind)
def test_times_that_a_fault_needs(kind: RestFaultKind) -> None:
    """A kind that is about time has to say how long; none lasts longer than a day."""
    if kind in TIMED:
        with pytest.raises(ConfigurationError, match="needs ms"):
            RestFault(kind=kind)
    with pytest.raises(ConfigurationError, match="a day"):
        RestFault(kind=kind, ms=86_400_001)
    if kind is RestFaultKind.CLOCK_JUMP:
        assert RestFault(kind=kind, ms=-5_000).span_ms == -5_000
        with pytest.raises(ConfigurationError, match="not 0"):
            RestFault(kind=kind, ms=0)
    else:
        assert RestFault(kind=kind, ms=0).span_ms == 0
        with pytest.raises(ConfigurationError, match="between 0"):
            RestFault(kind=kind, ms=-1)


def test_times_that_have_a_default() -> None:
    """The settlement lag that users measured, and the shortest block of a window."""
    assert fault_of(RestFaultKind.SETTLEMENT_LAG).span_ms == 150
    assert fault_of(RestFaultKind.TOO_MANY).span_ms == 1_000
    assert fault_of(RestFaultKind.LOSE_ANSWER).span_ms == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"faults": [{"kind": "explode"}]},
        {"faults": [{"kind": "reset", "endpoint": "x"}]},
        {"faults": [{"kind": "reset", "endpoints": ["POST /api/v1/orders"]}]},
        {"faults": [{"kind": "reset", "after": -1}]},
        {"faults": [{"kind": "reset", "count": 0}]},
        {"faults": [{"kind": "reset", "chance_bps": 0}]},
        {"faults": [{"kind": "reset", "chance_bps": 10_001}]},
        {"faults": [{"kind": "reset", "status": 500}]},
        {"faults": [{"kind": "server_error", "status": 502}]},
        {"faults": [{"kind": "reset", "body": "html"}]},
        {"seeds": 1},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    """Unknown words, and fields that do not go together."""
    with pytest.raises(ConfigurationError, match=r"no plan|no fault|count is|whole number"):
        RestScript.of(fields)


@pytest.mark.parametrize("kind", RestFaultKind)
def test_a_body_can_be_chosen_where_there_is_one(kind: RestFaultKind) -> None:
    """Of refusals and failures, not of what ends a connection."""
    if kind in WITH_BODY:
        assert fault_of(kind, body=Body.EMPTY).body is Body.EMPTY
    else:
        with pytest.raises(ConfigurationError, match="no body"):
            fault_of(kind, body=Body.HTML)


@pytest.mark.parametrize(
    ("fields", "status", "start"),
    [
        ({"kind": "bad_gateway"}, 502, b"<html>"),
        ({"kind": "too_many"}, 429, b'{"message":"TOO_MANY_REQUESTS","success":false,"code":429'),
        ({"kind": "too_many", "body": "html"}, 429, b"<html>"),
        ({"kind": "server_error"}, 500, b'{"success":false,"message":"INTERNAL_ERROR"'),
        ({"kind": "server_error", "status": 500, "body": "html"}, 500, b"<html>"),
        ({"kind": "server_error", "status": 503}, 503, b'{"success":false,"message":"SYSTEM_UND'),
        ({"kind": "server_error", "status": 504}, 504, b"<html>"),
        ({"kind": "unauthorized"}, 401, b'{"success":true,"message":"Unauthorized - '),
        ({"kind": "unauthorized", "body": "empty"}, 401, b""),
    ],
)
def test_what_is_answered_in_place_of_the_exchange(
    fields: dict[str, Any], status: int, start: bytes
) -> None:
    """The exchange's own words where it has some, a gateway's page elsewhere; never both."""
    (fault,) = RestScript.of({"faults": [fields]}).faults
    answer = answer_of(fault)
    assert answer.status == status
    assert answer.body.startswith(start)
    assert bool(answer.body) == bool(start)
    media_types = {b"": "", b"<": "text/html", b"{": "application/json"}
    assert answer.media_type == media_types[start[:1]]
    assert answer.retry_after_s == (1 if status == 429 else None)


def test_a_wait_is_told_in_whole_seconds() -> None:
    """Rounded up, in the header and of a documented window in the body."""
    answer = answer_of(fault_of(RestFaultKind.TOO_MANY, ms=59_001))
    assert answer.retry_after_s == 60


def test_half_a_body() -> None:
    """Half of nothing is nothing."""
    assert [first_half(one) for one in (b"", b"{}", b"[1]")] == [b"", b"{", b"["]


def test_the_words_of_a_hit() -> None:
    """What was asked, whether it was carried out and with which answer, and what came of it."""

    def told(kind: str, answered: int | None = None, **fields: Any) -> str:
        (fault,) = RestScript.of({"faults": [{"kind": kind, **fields}]}).faults
        return fault.outcome(SUBMIT, answered=answered)

    assert told("lose_answer", 200) == "POST /api/v1/order carried out with 200, not answered"
    assert told("lose_request") == "POST /api/v1/order not carried out, not answered"
    assert told("delay", 400, ms=7) == "POST /api/v1/order carried out with 400, delayed by 7 ms"
    assert told("server_error", status=504).endswith("not carried out, answered 504")
    assert told("clock_jump", ms=-9) == "POST /api/v1/order met another time by -9 ms"
    assert told("settlement_lag") == "POST /api/v1/order refused after a trade"


@pytest.mark.parametrize("kind", RestFaultKind)
def test_every_kind_has_words(kind: RestFaultKind) -> None:
    """They begin with what was asked."""
    assert fault_of(kind).outcome(SUBMIT, answered=200).startswith("POST /api/v1/order ")


def test_only_what_changes_an_answer_is_a_hit() -> None:
    """An answer that is the same under the fault counts for nothing; the others apply in turn."""
    faults = (
        fault_of(RestFaultKind.LATE_HISTORY, ms=1, count=1, after=1),
        fault_of(RestFaultKind.LATE_HISTORY, ms=10),
        fault_of(RestFaultKind.CLOCK_JUMP),
        fault_of(RestFaultKind.LATE_HISTORY, api_key="zoe"),
    )
    told: list[str] = []
    plan = RestFaultPlan(RestScript(faults=faults), told=lambda *hit: told.append(hit[2]))

    def bent(shown: int) -> int:
        return plan.bend(
            RestFaultKind.LATE_HISTORY,
            READ,
            shown,
            lambda fault, number: number + fault.span_ms if number else number,
        )

    assert [bent(0), bent(1), bent(1), bent(1)] == [0, 11, 12, 11]
    assert [row["hits"] for row in plan.rows()] == [1, 3, 0, 0]
    assert told == ["GET /api/v1/users/balances shown without the latest trades"] * 4
    assert plan.longest_ms(RestFaultKind.LATE_HISTORY) == 100
    assert plan.longest_ms(RestFaultKind.STALE_BALANCES) == -1


def test_what_is_shown_takes_no_request() -> None:
    """A fault of what is shown never stands in the way of a request, nor is anybody told."""
    plan = plan_of(*(fault_of(kind) for kind in sorted(VIEW_KINDS)))
    assert plan.take(SUBMIT) is None
    assert plan.bend(RestFaultKind.CLOCK_JUMP, READ, 1, lambda fault, ms: ms + fault.span_ms) == 101


def test_a_seeded_mix_has_every_fault_of_one_request() -> None:
    """Without end, each as likely as asked, before and after acceptance."""
    script = RestScript.seeded(7, bps=20, ms=5)
    assert {fault.kind for fault in script.faults} == ANSWER_KINDS
    assert {(fault.count, fault.chance_bps) for fault in script.faults} == {(None, 20)}
    both = {(kind, is_done) for kind in FREE - {"delay"} for is_done in (False, True)}
    assert both <= {(fault.kind, fault.is_carried_out) for fault in script.faults}
    assert len(script.faults) == 15
    assert script == RestScript.seeded(7, bps=20, ms=5)


def test_a_plan_is_played_over_the_control_interface(exchange: Exchange) -> None:
    """One plan at a time; hits of both are told, and playing is in the history."""
    faults = RestFaults(exchange)
    control = RestControl(faults, stream_rows=lambda: [{"kind": "drop", "hits": 4}])
    play, hits = "POST /v1/rest/faults", "GET /v1/faults"
    assert {play, hits, "POST /v1/rest/mix"} == FAULT_ROUTES
    script = {"faults": [{"kind": "reset"}, {"kind": "shuffled_fills"}], "seed": 9}
    assert control.answer(play, script) == {"faults": 2}
    assert faults.plan is not None
    assert faults.lens is not None
    assert faults.plan.take(SUBMIT) is not None
    assert control.answer(hits, {}) == {
        "rest": [{"kind": "reset", "hits": 1}, {"kind": "shuffled_fills", "hits": 0}],
        "stream": [{"kind": "drop", "hits": 4}],
    }
    control.answer(play, {"faults": [{"kind": "reset"}]})
    assert faults.lens is None
    assert control.answer(play, {}) == {"faults": 0}
    assert (faults.plan, faults.lens) == (None, None)
    without_stream = RestControl(faults, stream_rows=None)
    assert without_stream.answer(hits, {}) == {"rest": [], "stream": []}
    told = [one.outcome for one in exchange.history.entries() if one.op == "play"]
    assert told == ["faults: 2, seed: 9", "faults: 1, seed: 1", "faults: 0, seed: 1"]


def test_a_seeded_mix_is_played_over_the_control_interface(exchange: Exchange) -> None:
    """Any client can ask for it by seed; a field that is not one of its is refused."""
    faults = RestFaults(exchange)
    control = RestControl(faults, stream_rows=None)
    assert control.answer("POST /v1/rest/mix", {"seed": 3, "bps": 10}) == {"faults": 15}
    assert faults.plan is not None
    assert faults.plan.script == RestScript.seeded(3, bps=10)
    for fields in ({"seeds": 3}, {"bps": 0}):
        with pytest.raises(ConfigurationError, match=r"no mix|whole number"):
            control.answer("POST /v1/rest/mix", fields)
    assert faults.plan.script.seed == 3


def test_who_is_not_a_customer_is_anonymous(exchange: Exchange) -> None:
    """A key that nobody has is not repeated in the history."""
    faults = RestFaults(exchange)
    faults.note(Asked(Endpoint.TICKER, ""), "reset", "x")
    faults.note(Asked(Endpoint.BALANCES, "somebody's secret"), "reset", "x")
    faults.note(Asked(Endpoint.BALANCES, "ann"), "reset", "x")
    actors = [one.actor for one in exchange.history.entries() if one.op == "fault"]
    assert actors == ["anonymous", "anonymous", "ann"]
