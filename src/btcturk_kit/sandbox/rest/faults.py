"""Faults of requests as a plan: which are lost, held or badly answered, and what is not shown yet.

A plan is data: the same plan, seed and requests give the same faults. Nothing is wrong by itself:
without a plan every request is carried out and answered as it is. Beside it, `lens` says what is
shown under a plan and `fault_answers` what is answered; faults of the stream have a plan of their
own, in the same words.

Never add: sockets, waiting, a change of the exchange itself.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from msgspec import UNSET, Struct, UnsetType, ValidationError, convert

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.due import WHOLE_BPS, Due, check_timing
from btcturk_kit.simulation.chance import Chance
from btcturk_kit.wire.pacing import Endpoint

__all__ = [
    "ANSWER_KINDS",
    "Asked",
    "Body",
    "RestFault",
    "RestFaultKind",
    "RestFaultPlan",
    "RestScript",
]

_Shown = TypeVar("_Shown")

_MS_MAX: Final = 86_400_000  # a day: a longer fault is a mistake in the unit
_SETTLEMENT_MS: Final = 150  # as users measured it: broker-api-docs issue 371
_RETRY_AFTER_MS: Final = 1_000  # the block of the shortest documented window
_STATUSES: Final = (500, 503, 504)


class RestFaultKind(StrEnum):
    """What happens to a request that a fault hits."""

    # One request, one hit.
    DELAY = "delay"  # the answer comes later; or the request is carried out later
    LOSE_REQUEST = "lose_request"  # nothing is carried out and nothing is answered
    LOSE_ANSWER = "lose_answer"  # it is carried out and never answered
    CUT_BODY = "cut_body"  # the connection ends in the middle of the body
    WRONG_JSON = "wrong_json"  # only the first half of the body comes, as a whole answer
    RESET = "reset"  # the TCP connection is reset in place of an answer
    BAD_GATEWAY = "bad_gateway"  # the page of a gateway comes in place of an answer, status 502
    TOO_MANY = "too_many"  # it is refused with 429 although there was room
    SERVER_ERROR = "server_error"  # it is answered with 500, 503 or 504
    UNAUTHORIZED = "unauthorized"  # it is refused with 401 although it is signed well
    # What is true is not shown yet; a hit is an answer that would have been another one.
    LATE_HISTORY = "late_history"  # a trade is in the history only later
    INVISIBLE_ORDERS = "invisible_orders"  # a new order is in no list, nor under its number
    DUPLICATE_FILLS = "duplicate_fills"  # the history tells each trade twice
    SHUFFLED_FILLS = "shuffled_fills"  # the history is in no order
    STALE_BALANCES = "stale_balances"  # balances are those of before
    LATE_FILL_AFTER_CANCEL = "late_fill_after_cancel"  # what a cancel missed is shown after it
    SETTLEMENT_LAG = "settlement_lag"  # an order soon after a trade is refused
    # The exchange's own clock.
    CLOCK_JUMP = "clock_jump"  # the time it tells and stamps are measured by is off


class Body(StrEnum):
    """What a refusal has for a body."""

    DOCUMENTED = "documented"  # as in the documentation, or as it was seen
    HTML = "html"
    EMPTY = "empty"


_K = RestFaultKind
ANSWER_KINDS: Final = frozenset(
    {
        _K.DELAY,
        _K.LOSE_REQUEST,
        _K.LOSE_ANSWER,
        _K.CUT_BODY,
        _K.WRONG_JSON,
        _K.RESET,
        _K.BAD_GATEWAY,
        _K.TOO_MANY,
        _K.SERVER_ERROR,
        _K.UNAUTHORIZED,
    }
)
"""Faults of one request; of the others every one that applies bends what is shown."""

_CARRIES_OUT: Final = frozenset({_K.DELAY, _K.LOSE_ANSWER, _K.CUT_BODY, _K.WRONG_JSON})
_EITHER_WAY: Final = frozenset({_K.DELAY, _K.RESET, _K.BAD_GATEWAY, _K.SERVER_ERROR})
_HAVE_BODIES: Final = frozenset({_K.BAD_GATEWAY, _K.TOO_MANY, _K.SERVER_ERROR, _K.UNAUTHORIZED})
_MS_DEFAULT: Final = {_K.SETTLEMENT_LAG: _SETTLEMENT_MS, _K.TOO_MANY: _RETRY_AFTER_MS}
_NEED_MS: Final = frozenset(
    {
        _K.DELAY,
        _K.LATE_HISTORY,
        _K.INVISIBLE_ORDERS,
        _K.STALE_BALANCES,
        _K.LATE_FILL_AFTER_CANCEL,
        _K.CLOCK_JUMP,
    }
)

_TOLD: Final = {
    _K.DELAY: "delayed",
    _K.LOSE_REQUEST: "not answered",
    _K.LOSE_ANSWER: "not answered",
    _K.CUT_BODY: "answered in part",
    _K.WRONG_JSON: "answered with half a document",
    _K.RESET: "connection reset",
    _K.BAD_GATEWAY: "answered 502",
    _K.TOO_MANY: "answered 429",
    _K.SERVER_ERROR: "answered",  # with one of several statuses
    _K.UNAUTHORIZED: "answered 401",
    _K.LATE_HISTORY: "shown without the latest trades",
    _K.INVISIBLE_ORDERS: "shown without the latest orders",
    _K.DUPLICATE_FILLS: "shown with every trade twice",
    _K.SHUFFLED_FILLS: "shown in no order",
    _K.STALE_BALANCES: "shown as before",
    _K.LATE_FILL_AFTER_CANCEL: "shown without what the cancel missed",
    _K.SETTLEMENT_LAG: "refused after a trade",
    _K.CLOCK_JUMP: "met another time",
}


class Asked(NamedTuple):
    """A request as far as a fault can tell it from others.

    `api_key` is the key it claims to be signed with; empty if it claims none.
    """

    endpoint: Endpoint
    api_key: str


class RestFault(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault; every given field narrows it. Times are those of the market.

    Attributes:
        kind: What happens.
        endpoints: What it hits; empty for everything. Written as method and path.
        api_key: Whose requests; empty for everybody's.
        after: Matching requests that pass before the first hit.
        count: Hits; None for no end. Left out, a fault of one request hits once, and one of what is
            shown, or of the clock, has no end.
        chance_bps: How likely a matching request is hit, drawn from the seed.
        ms: How long; how far off. Of a lost request or answer, when its connection is closed; left
            out, it is held until the client gives up. Of 429, the wait it asks for.
        carried_out: Whether the request takes effect all the same, where a fault knows both: by
            default it does under `delay` (the answer is late), and not under `reset`,
            `bad_gateway` and `server_error`.
        status: Of `server_error`: 500, 503 or 504.
        body: Of a refusal.

    Raises:
        ConfigurationError: The fields do not go together.
    """

    kind: RestFaultKind
    endpoints: tuple[Endpoint, ...] = ()
    api_key: str = ""
    after: int = 0
    count: int | UnsetType | None = UNSET
    chance_bps: int = WHOLE_BPS
    ms: int | None = None
    carried_out: bool | None = None
    status: int | None = None
    body: Body = Body.DOCUMENTED

    def __post_init__(self) -> None:
        check_timing(self)
        kind = self.kind
        if self.ms is None:
            _refuse_if(kind in _NEED_MS, f"{kind} needs ms")
        elif kind is _K.CLOCK_JUMP:
            _refuse_if(not 0 < abs(self.ms) <= _MS_MAX, "ms is not 0 and within a day")
        else:
            _refuse_if(not 0 <= self.ms <= _MS_MAX, "ms is between 0 and a day")
        says_otherwise = self.carried_out is not None and kind not in _EITHER_WAY
        _refuse_if(says_otherwise, f"{kind} decides by itself whether a request is carried out")
        is_failure = kind is _K.SERVER_ERROR
        fits = self.status is None or (is_failure and self.status in _STATUSES)
        _refuse_if(not fits, f"status is of {_K.SERVER_ERROR} only: 500, 503 or 504")
        fits = self.body is Body.DOCUMENTED or kind in _HAVE_BODIES
        _refuse_if(not fits, f"{kind} has no body to choose")

    @property
    def hits_max(self) -> int | None:
        """How many requests are hit; None for no end."""
        if self.count is UNSET:
            return 1 if self.kind in ANSWER_KINDS else None
        return self.count

    @property
    def is_carried_out(self) -> bool:
        """Whether a request that is hit takes effect."""
        return self.kind in _CARRIES_OUT if self.carried_out is None else self.carried_out

    @property
    def span_ms(self) -> int:
        """How long, how far off; 0 where neither was said and neither has a default."""
        return _MS_DEFAULT.get(self.kind, 0) if self.ms is None else self.ms

    @property
    def status_told(self) -> int:
        """The status of `server_error`."""
        return self.status or _STATUSES[0]

    def matches(self, asked: Asked) -> bool:
        """Whether it can hit the request."""
        return (not self.endpoints or asked.endpoint in self.endpoints) and (
            self.api_key in ("", asked.api_key)
        )

    def outcome(self, asked: Asked, *, answered: int | None = None) -> str:
        """Say in words what a hit did.

        Args:
            asked: What was hit.
            answered: The status with which the exchange carried it out; None if it did not, or if
                what it answered is only shown otherwise.
        """
        told = _TOLD[self.kind]
        if self.kind is _K.SERVER_ERROR:
            told = f"{told} {self.status_told}"
        if self.kind in {_K.DELAY, _K.CLOCK_JUMP}:
            told = f"{told} by {self.span_ms} ms"
        if self.kind not in ANSWER_KINDS:
            return f"{asked.endpoint} {told}"
        if answered is None:
            return f"{asked.endpoint} not carried out, {told}"
        return f"{asked.endpoint} carried out with {answered}, {told}"


class RestScript(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole plan as data.

    Attributes:
        faults: Of those of one request the first that is due takes it; the others all apply.
        seed: For the faults that are drawn, and for the order of shuffled trades.
    """

    faults: tuple[RestFault, ...] = ()
    seed: int = 1

    @classmethod
    def of(cls, fields: dict[str, Any]) -> RestScript:
        """Read a plan from a JSON object.

        Raises:
            ConfigurationError: A field is unknown, missing or of the wrong kind, or the fields of
                a fault do not go together.

        Example:
            >>> fields = {"kind": "lose_answer", "endpoints": ["POST /api/v1/order"]}
            >>> RestScript.of({"faults": [fields]}).faults[0].is_carried_out
            True
        """
        try:
            return convert(fields, cls)
        except ValidationError as error:
            raise ConfigurationError(
                f"this is no plan of faults: {error}", hint=f"kinds are {', '.join(RestFaultKind)}"
            ) from error

    @classmethod
    def seeded(cls, seed: int, *, bps: int = 50, ms: int = 50) -> RestScript:
        """Return a mix without end of every fault of one request, before and after acceptance.

        Args:
            seed: Draws which request meets which fault.
            bps: How likely each fault of the mix hits a request. There are fifteen.
            ms: How long an answer is late, and after which a lost one's connection is closed.
        """

        def one(
            kind: RestFaultKind,
            *,
            ms: int | None = None,
            carried_out: bool | None = None,
            status: int | None = None,
        ) -> RestFault:
            return RestFault(
                kind=kind,
                count=None,
                chance_bps=bps,
                ms=ms,
                carried_out=carried_out,
                status=status,
            )

        either_way = [
            one(kind, carried_out=carried_out)
            for kind in (_K.RESET, _K.BAD_GATEWAY, _K.SERVER_ERROR)
            for carried_out in (False, True)
        ]
        faults = (
            one(_K.DELAY, ms=ms),
            one(_K.LOSE_REQUEST, ms=ms),
            one(_K.LOSE_ANSWER, ms=ms),
            *either_way,
            one(_K.SERVER_ERROR, status=503),
            one(_K.SERVER_ERROR, status=504),
            one(_K.CUT_BODY),
            one(_K.WRONG_JSON),
            one(_K.TOO_MANY),
            one(_K.UNAUTHORIZED),
        )
        return cls(faults=faults, seed=seed)


Told = Callable[[Asked, RestFault, str], None]
"""Called with every hit: what was asked, the fault, and what it did in words."""


class RestFaultPlan:
    """A plan at work: it remembers what it has done.

    Args:
        script: The plan.
        told: Called with every hit on what is shown; of a fault of one request its caller tells.

    Example:
        >>> fault = RestFault(kind=RestFaultKind.RESET, after=1)
        >>> plan = RestFaultPlan(RestScript(faults=(fault,)))
        >>> asked = Asked(Endpoint.BALANCES, "ann")
        >>> [plan.take(asked) is fault for _ in range(3)]
        [False, True, False]
    """

    def __init__(self, script: RestScript, *, told: Told | None = None) -> None:
        self.script = script
        self.chance = Chance(script.seed)
        self._told = told
        self._due = [(fault, Due(number, fault)) for number, fault in enumerate(script.faults)]
        self.has_views = any(fault.kind not in ANSWER_KINDS for fault in script.faults)

    def rows(self) -> list[dict[str, object]]:
        """Return how often each fault has hit, in the order of the plan."""
        hits = zip(self.script.faults, self.hits(), strict=True)
        return [{"kind": fault.kind.value, "hits": hit} for fault, hit in hits]

    def hits(self) -> tuple[int, ...]:
        """Return how often each fault has hit, without its kind."""
        return tuple(due.hits for _, due in self._due)

    def take(self, asked: Asked) -> RestFault | None:
        """Return the fault that takes a request, None if it passes.

        A request is counted by every fault up to the one that takes it.
        """
        for fault, due in self._due:
            if fault.kind in ANSWER_KINDS and fault.matches(asked) and due.takes(self.chance):
                return fault
        return None

    def longest_ms(self, kind: RestFaultKind) -> int:
        """Return the longest time of the faults of a kind, -1 if there is none."""
        return max((fault.span_ms for fault, _ in self._due if fault.kind is kind), default=-1)

    def bend(
        self,
        kind: RestFaultKind,
        asked: Asked,
        shown: _Shown,
        bent: Callable[[RestFault, _Shown], _Shown],
    ) -> _Shown:
        """Return what is shown after all faults of a kind; a hit is one that changes it.

        Args:
            kind: Which faults.
            asked: For what it is shown.
            shown: What would be shown.
            bent: Returns what a fault makes of it; an equal value if it changes nothing.
        """
        for fault, due in self._due:
            if fault.kind is not kind or not fault.matches(asked):
                continue
            changed = bent(fault, shown)
            if changed == shown or not due.takes(self.chance):
                continue
            shown = changed
            if self._told is not None:
                self._told(asked, fault, fault.outcome(asked))
        return shown


def _refuse_if(is_wrong: bool, problem: str) -> None:  # noqa: FBT001 - reads as a sentence
    if is_wrong:
        raise ConfigurationError(f"this is no fault: {problem}")
