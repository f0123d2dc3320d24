"""The values of a sweep: what is tried, over which span, and what came of it.

Never add: how a trial is run, what comes next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.errors import BtcturkKitError
from btcturk_kit.research.sharpe import Moments, moments_of

__all__ = [
    "DAY_ZONE",
    "WHOLE",
    "Run",
    "Span",
    "Trial",
    "TrialOutcome",
    "TrialResult",
    "TrialState",
    "Value",
    "attempted",
    "digest_of",
    "one_line",
    "value_text",
]

Value = int | Decimal | str
"""Of a parameter."""

_ERROR_LENGTH_MAX = 300


class Span(NamedTuple):
    """The part of a dataset that a trial is judged on: from ≤ instant < to; None for its ends.

    Attributes:
        warm_up_ms: How long before `from_ms` the strategy is fed already, unjudged; None for all
            that is recorded before.
    """

    from_ms: int | None = None
    to_ms: int | None = None
    warm_up_ms: int | None = None


DAY_ZONE: Final = "Europe/Istanbul"
"""Whose midnights cut returns, and begin the days that a span is told in."""

WHOLE: Final = Span()
"""All of a dataset."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of parameters to be tried.

    Attributes:
        number: Its place in the search, from 0.
        keeps_returns: Whether the result must hold every return, to be joined to others.
    """

    number: int
    parameters: Mapping[str, Value]
    span: Span = WHOLE
    keeps_returns: bool = False


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What a run function answers.

    Attributes:
        score: What the search maximizes.
        figures: What else is worth a column: exact, by name.
        returns: Of equal periods, usually days, in order of time; without them a result has no
            Sharpe ratio to deflate.
    """

    score: Decimal
    figures: Mapping[str, Decimal] = field(default_factory=dict)
    returns: tuple[float, ...] = ()


class TrialState(StrEnum):
    """What became of a trial."""

    FINISHED = "finished"
    SKIPPED = "skipped"
    """The strategy refuses these parameters together; nothing was run."""
    FAILED = "failed"
    """It raised, and would again."""
    LOST = "lost"
    """Its worker died, twice; nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What came of a trial.

    Attributes:
        score: None unless it finished.
        figures: Of its outcome.
        moments: Of its returns; None if there are too few, or all are equal.
        returns: Empty unless the trial keeps them.
        error: Why it did not finish, in one line.
    """

    number: int
    parameters: Mapping[str, Value]
    span: Span = WHOLE
    state: TrialState = TrialState.FINISHED
    score: Decimal | None = None
    figures: Mapping[str, Decimal] = field(default_factory=dict)
    moments: Moments | None = None
    returns: tuple[float, ...] = ()
    error: str = ""

    def told_as(self, trial: Trial) -> TrialResult:
        """Return this result under the number of another trial of the same parameters."""
        return replace(self, number=trial.number, parameters=trial.parameters)


class Run(Protocol):
    """What runs a trial: a function at the top of a module, or an object that can be pickled.

    Optional methods of such an object: `check(parameters)` raises `ConfigurationError` for
    parameters that cannot be together; `identity() -> Mapping[str, str]` tells everything apart
    from trial and span that its answers depend on: a journal is good for one identity.
    """

    def __call__(self, trial: Trial, /) -> TrialOutcome:
        """Run it; the same trial gives the same outcome, wherever and whenever."""
        ...


def attempted(run: Run, trial: Trial) -> TrialResult:
    """Run a trial; whatever it raises is its result.

    Example:
        >>> def always_one(trial):
        ...     return TrialOutcome(Decimal(1))
        >>> attempted(always_one, Trial(7, {"bars": 3})).score
        Decimal('1')
    """
    parameters, span = trial.parameters, trial.span
    try:
        outcome = run(trial)
        score: object = outcome.score
        if not (isinstance(score, Decimal) and score.is_finite()):
            raise TypeError(f"score {score!r} is no finite Decimal")  # noqa: TRY301 - told as the rest
        return TrialResult(
            number=trial.number,
            parameters=parameters,
            span=span,
            score=outcome.score,
            figures=dict(outcome.figures),
            moments=moments_of(outcome.returns),
            returns=outcome.returns if trial.keeps_returns else (),
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - nor may sys.exit() in a plug-in end the others
        return TrialResult(
            number=trial.number,
            parameters=parameters,
            span=span,
            state=TrialState.FAILED,
            error=one_line(error),
        )


def one_line(error: BaseException) -> str:
    """Return what an exception says, in one line of bearable length."""
    if isinstance(error, BtcturkKitError):
        return error.message[:_ERROR_LENGTH_MAX]
    lines = str(error).splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text[:_ERROR_LENGTH_MAX]


def value_text(value: Value) -> str:
    """Return a parameter as it is written on the command line."""
    return canonical_decimal(value) if isinstance(value, Decimal) else str(value)


def digest_of(results: tuple[TrialResult, ...]) -> str:
    """Return SHA-256 over results, to the last bit: equal results have equal digests."""
    lines = [repr(_plain(one)) for one in results]
    return sha256("\n".join(lines).encode()).hexdigest()


def _plain(one: TrialResult) -> tuple[Any, ...]:
    return (
        one.number,
        sorted((name, value_text(value)) for name, value in one.parameters.items()),
        tuple(one.span),
        one.state.value,
        one.error,
        None if one.score is None else str(one.score),
        sorted((name, str(value)) for name, value in one.figures.items()),
        None if one.moments is None else tuple(one.moments),
        one.returns,
    )
