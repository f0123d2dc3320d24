"""The look-ahead check: another future must not change what was decided before it.

A run is repeated up to chosen instants, each time over data that is the same up to there and
different after. Every decision, and what every strategy has kept in mind, must be the same. What
the check cannot see: a strategy that has its future from elsewhere, a file or a closure over the
data. Never add: an opinion on how good a strategy is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from random import Random
from typing import Any, NamedTuple

from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.simulation_future import FUTURES, with_future
from btcturk_kit.compose.simulation_kit import StrategyChoice
from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.cycle import CancelIntent, Decision, Intent
from btcturk_kit.domain.datasets import Dataset
from btcturk_kit.errors import ConfigurationError

__all__ = ["LookaheadFinding", "LookaheadReport", "lookahead"]


class LookaheadFinding(NamedTuple):
    """One decision that a future changed.

    Attributes:
        cut_ms: The data is the same up to here.
        future: What came after it instead; one of `FUTURES`.
        warm_up_bars: Bars fed before the first instant; None for all there are.
        now_ms: The first instant at which something differs, at or before the cut.
        strategy: Whose decision it was; empty where it cannot be told.
        what: `intents`, `decision` (something that follows from them), or `state`: what a strategy
            keeps in mind differs, and no decision does yet.
        recorded: What it was with the recorded future.
        changed: What it was with the other one.
    """

    cut_ms: int
    future: str
    warm_up_bars: int | None
    now_ms: int
    strategy: str
    what: str
    recorded: str
    changed: str


class LookaheadReport(NamedTuple):
    """What the check did and found; a strategy without findings passed.

    Attributes:
        cuts_ms: Where the data was cut.
        futures: What was put after each cut.
        warm_ups: The lengths of warm-up it was done with.
        decisions: Decisions that were compared.
        findings: One for each cut, future and warm-up that made a difference, earliest first.
        failures: What the strategies raised over the recorded future, once each: what fails wants
            nothing, and nothing is the same in any future.
    """

    cuts_ms: tuple[int, ...]
    futures: tuple[str, ...]
    warm_ups: tuple[int | None, ...]
    decisions: int
    findings: tuple[LookaheadFinding, ...]
    failures: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether no future changed anything."""
        return not self.findings


class _Line(NamedTuple):
    """One decision: its instant, what each strategy wanted, and all of it as a digest."""

    now_ms: int
    intents: tuple[tuple[str, str], ...]
    digest: str
    failures: tuple[str, ...]


class _Track(NamedTuple):
    """Every decision up to a cut, and what each strategy keeps in mind there."""

    lines: tuple[_Line, ...]
    states: tuple[tuple[str, str], ...]


def lookahead(
    dataset: Dataset,
    strategy: StrategyChoice | Iterable[StrategyChoice],
    *,
    cuts: int = 6,
    seed: int = 0,
    **options: Any,  # noqa: ANN401 - those of `Backtest`
) -> LookaheadReport:
    """Check that no decision depends on what comes after it.

    Half of the cuts are instants at which the strategy wanted something, the rest are spread over
    the run. With bars before the run everything is done twice: all of them fed, and none.

    Args:
        dataset: What is played.
        strategy: As for `Backtest`.
        cuts: How many instants; each costs four runs up to it for each warm-up.
        seed: Of the choice of cuts and of what is drawn.
        options: Of `Backtest`: parameters, guards, pairs, span, capital, profile.

    Raises:
        ConfigurationError: No cut, or what `Backtest` refuses.

    Example:
        >>> from btcturk_kit.compose.simulation_data import dataset_of
        >>> hours = range(0, 90 * 3_600_000, 3_600_000)
        >>> data = dataset_of("BTCTRY", times_ms=hours, close=[1000 + at for at in range(90)])
        >>> lookahead(data, "take-profit", cuts=2).is_clean
        True
    """
    if cuts < 1:
        raise ConfigurationError(f"{cuts} cuts", hint="at least 1")
    strategies = _listed(strategy)
    whole = Backtest(dataset, strategies, **options)
    lines = _played(whole)
    instants = whole.instants
    places = _places(instants, lines, cuts, seed)
    given = options.pop("warm_up_bars", None)
    warm_ups = (given, 0) if whole.bars_before and given != 0 else (given,)
    findings: list[LookaheadFinding] = []
    compared = 0
    for warm_up in warm_ups:
        for place in places:
            cut_ms = instants[place]
            limits = {**options, "warm_up_bars": warm_up, "max_cycles": place + 1}
            recorded = _track(Backtest(dataset, strategies, **limits))
            compared += len(recorded.lines) * len(FUTURES)
            for future in FUTURES:
                other = with_future(dataset, cut_ms, future, seed=seed)
                changed = _track(Backtest(other, strategies, **limits))
                found = _difference(recorded, changed, cut_ms)
                if found is not None:
                    findings.append(LookaheadFinding(cut_ms, future, warm_up, *found))
    findings.sort(key=lambda one: (one.now_ms, one.cut_ms))
    cuts_ms = tuple(instants[place] for place in places)
    failures = tuple(dict.fromkeys(one for line in lines for one in line.failures))
    return LookaheadReport(cuts_ms, tuple(FUTURES), warm_ups, compared, tuple(findings), failures)


def _listed(
    strategy: StrategyChoice | Iterable[StrategyChoice],
) -> StrategyChoice | tuple[StrategyChoice, ...]:
    """Return several strategies so that they can be gone through more than once."""
    if isinstance(strategy, (str, tuple)) or callable(strategy):
        return strategy
    return tuple(strategy)


def _places(
    instants: Sequence[int], lines: Sequence[_Line], cuts: int, seed: int
) -> tuple[int, ...]:
    """Return the places of the cuts among the instants; never the last, which has no future."""
    end = len(instants) - 1
    if end < 1:
        raise ConfigurationError("one instant has no future", hint="choose a longer span")
    draw = Random(seed)  # noqa: S311 - a repeatable choice, no secret
    place_of = {now_ms: place for place, now_ms in enumerate(instants[:end])}
    wanted = [place_of[one.now_ms] for one in lines if one.intents and one.now_ms in place_of]
    chosen = set(draw.sample(wanted, min(len(wanted), cuts // 2)))
    rest = cuts - len(chosen)
    chosen.update(end * (number + 1) // (rest + 1) for number in range(rest))
    return tuple(sorted(min(place, end - 1) for place in chosen))


def _played(backtest: Backtest) -> list[_Line]:
    """Run a backtest and return its decisions."""
    lines: list[_Line] = []

    def note(decision: Decision, now_ms: int) -> None:
        intents = tuple((one.strategy, _text(one)) for one in decision.intents)
        told = [f"{one.code} {one.detail}" for one in decision.anomalies]
        failed = tuple(one.detail for one in decision.anomalies if one.code == "strategy_failed")
        lines.append(_Line(now_ms, intents, " ".join([decision.state.digest, *told]), failed))

    backtest.tell(note)
    backtest.run()
    return lines


def _track(backtest: Backtest) -> _Track:
    lines = _played(backtest)
    states = tuple((one.name, one.strategy.dump_state()) for one in backtest.strategies)
    return _Track(tuple(lines), states)


def _difference(
    recorded: _Track, changed: _Track, cut_ms: int
) -> tuple[int, str, str, str, str] | None:
    """Return instant, strategy, kind and both texts of the first difference, None for none."""
    for one, other in zip_longest(recorded.lines, changed.lines):
        if one == other:
            continue
        now_ms = min(line.now_ms for line in (one, other) if line is not None)
        # A decision at a later instant than the other's means that here there was none.
        mine = one.intents if one is not None and one.now_ms == now_ms else ()
        theirs = other.intents if other is not None and other.now_ms == now_ms else ()
        if mine == theirs:
            return now_ms, "", "decision", _digest(one, now_ms), _digest(other, now_ms)
        return (now_ms, _culprit(mine, theirs), "intents", _texts(mine), _texts(theirs))
    for (name, state), (_, new) in zip(recorded.states, changed.states, strict=True):
        if state != new:
            return cut_ms, name, "state", state, new
    return None


def _culprit(one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]) -> str:
    """Return whose intent is the first that differs."""
    for mine, theirs in zip_longest(one, other):
        if mine != theirs:
            return str((mine or theirs)[0])
    return ""  # pragma: no cover - asked only where they differ


def _digest(line: _Line | None, now_ms: int) -> str:
    return "nothing" if line is None or line.now_ms != now_ms else line.digest


def _texts(intents: tuple[tuple[str, str], ...]) -> str:
    return "; ".join(text for _, text in intents) or "nothing"


def _text(intent: Intent | CancelIntent) -> str:
    if isinstance(intent, CancelIntent):
        return f"cancel {intent.client_order_id}"
    parts = [str(intent.side), str(intent.order_type), str(intent.symbol)]
    for label, amount in (
        ("quantity", intent.quantity),
        ("for", intent.quote_amount),
        ("at", intent.price),
    ):
        if amount is not None:
            parts.append(f"{label} {canonical_decimal(amount)}")
    return " ".join(parts)
