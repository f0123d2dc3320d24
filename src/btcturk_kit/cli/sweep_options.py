"""What the options of `sweep` mean: the space of parameters, the search, the splits.

Never add: a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from btcturk_kit.cli.simulation import instant_ms, require_span
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.research.parameter_space import Axis, Choices, Range
from btcturk_kit.research.searches import GridSearch, RandomSearch, Search
from btcturk_kit.research.splits import Split, bar_splits, day_splits
from btcturk_kit.research.trials import DAY_ZONE, Span, Value

if TYPE_CHECKING:
    from btcturk_kit.research.backtest_trial import BacktestTrial

__all__ = [
    "Stretches",
    "fixed_of",
    "require_apart",
    "search_maker",
    "space_of",
    "span_of",
    "splits_of",
    "trial_of",
]

_STEP_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretches:
    """The options of a walk forward, as they were typed."""

    lengths: str
    purge: str
    embargo: str
    step: str
    is_anchored: bool


def space_of(kind: type[Any], grid: Sequence[str], ranges: Sequence[str]) -> list[Axis]:
    """Return the space of `--grid NAME=V,V` and `--range NAME=LOW:HIGH[:STEP|:log]`.

    Args:
        kind: The strategy's dataclass of parameters.
        grid: As typed.
        ranges: As typed.

    Raises:
        ConfigurationError: A name or a value that the strategy does not have.
    """
    hints = get_type_hints(kind)
    axes: list[Axis] = []
    for text in grid:
        name, values = _named(text, hints, "--grid fast_bars=5,10")
        typed = tuple(_typed(name, hints[name], one) for one in values.split(","))
        axes.append(Choices(name, typed))
    for text in ranges:
        name, ends = _named(text, hints, "--range fast_bars=5:50, or 5:50:5, or 5:50:log")
        axes.append(_range(name, hints[name], ends.split(":")))
    return axes


def fixed_of(kind: type[Any], texts: Sequence[str]) -> dict[str, Value]:
    """Return the values of `--set NAME=VALUE`.

    Raises:
        ConfigurationError: As above.
    """
    hints = get_type_hints(kind)
    pairs = [_named(text, hints, "--set slow_bars=50") for text in texts]
    return {name: _typed(name, hints[name], value) for name, value in pairs}


def require_apart(axes: Sequence[Axis], held: Mapping[str, Value]) -> None:
    """Make sure that no parameter is searched and fixed at once.

    Raises:
        ConfigurationError: One is.
    """
    for axis in axes:
        if axis.name in held:
            raise ConfigurationError(
                f"parameter {axis.name} is searched and fixed",
                hint="leave it out of --set, or out of --grid and --range",
            )


def search_maker(
    axes: Sequence[Axis], *, random: int | None, optuna: int | None, seed: int
) -> Callable[[], Search]:
    """Return what makes the search that was asked for.

    Raises:
        ConfigurationError: Two kinds of search, or a range without draws.
    """
    if random is not None and optuna is not None:
        raise ConfigurationError("--random and --optuna exclude each other", hint="choose one")
    if random is not None:
        return lambda: RandomSearch(axes, random, seed=seed)
    if optuna is not None:
        from btcturk_kit.research.optuna_search import OptunaSearch  # noqa: PLC0415 - an extra

        return lambda: OptunaSearch(axes, optuna, seed=seed)
    listed = [axis for axis in axes if isinstance(axis, Choices)]
    if len(listed) < len(axes):
        raise ConfigurationError(
            "a --range has no end of values", hint="say how many to draw: --random N or --optuna N"
        )
    return lambda: GridSearch(listed)


def span_of(since: str | None, until: str | None) -> Span:
    """Return the span of `--from` and `--to`, read as `backtest` reads them: both belong to it."""
    from_ms, end_ms = instant_ms(since, DAY_ZONE), instant_ms(until, DAY_ZONE, is_end=True)
    require_span(from_ms, end_ms)
    return Span(from_ms, None if end_ms is None else end_ms + 1)


def trial_of(
    dataset: str,
    strategy: str,
    *,
    fixed: Mapping[str, Value],
    pairs: tuple[str, ...],
    guards: tuple[str, ...],
    seed: int,
    capital: str,
    objective: str,
) -> BacktestTrial:
    """Return what runs the trials.

    Raises:
        ConfigurationError: An amount or an objective that is none, or a pair or a guard that is
            not there.
    """
    from btcturk_kit.research.backtest_trial import BacktestTrial  # noqa: PLC0415 - heavy

    load_plugins(guards)  # tells of one that is not there before any worker is started
    try:
        amount = _finite(capital)
    except (ValueError, InvalidOperation):
        amount = Decimal(0)
    if amount <= 0:
        raise ConfigurationError(f"--capital {capital!r} is no amount", hint="write 100000")
    trial = BacktestTrial(
        dataset=dataset,
        strategy=strategy,
        fixed=fixed,
        symbols=pairs,
        guards=guards,
        seed=seed,
        capital_try=amount,
        objective=objective,
    )
    trial.instants()  # tells of a dataset that is not there before any worker is started
    return trial


def splits_of(stretches: Stretches, times_ms: Sequence[int], day_zone: str) -> tuple[Split, ...]:
    """Return the splits of `--walk-forward TRAIN:TEST`, in days (`90d:30d`) or bars (`900b:300b`).

    Args:
        stretches: As typed.
        times_ms: Instants of the dataset in the span.
        day_zone: From whose first midnight days are counted, so that daily returns are of whole
            days.

    Raises:
        ConfigurationError: Lengths that are none, or that do not fit.
    """
    train, _, test = stretches.lengths.partition(":")
    unit = train[-1:]
    count = {"unit": unit, "example": "--walk-forward 90d:30d or 900b:300b"}
    lengths: dict[str, Any] = {
        "train": _length(train, **count),
        "test": _length(test, **count),
        "purge": _length(stretches.purge or f"0{unit}", **count),
        "embargo": _length(stretches.embargo or f"0{unit}", **count),
        "step": _length(stretches.step, **count) if stretches.step else None,
        "is_anchored": stretches.is_anchored,
    }
    if unit == "b":
        return bar_splits(times_ms, **lengths)
    if not times_ms:
        raise ConfigurationError("nothing is recorded in this span", hint="choose another one")
    midnight = day_end_in(day_zone)(times_ms[0] - 1)
    return day_splits(midnight, times_ms[-1] + 1, **lengths)


def _length(text: str, *, unit: str, example: str) -> int:
    number = text[:-1]
    if unit not in ("d", "b") or text[-1:] != unit or not number.isdecimal():
        raise ConfigurationError(
            f"{text!r} is no length of this walk forward", hint=f"write all in one unit: {example}"
        )
    return int(number)


def _named(text: str, hints: Mapping[str, Any], example: str) -> tuple[str, str]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise ConfigurationError(f"{text!r} is not understood", hint=f"write {example}")
    if name not in hints:
        raise ConfigurationError(
            f"the strategy has no parameter {name!r}",
            hint=f"its parameters: {', '.join(hints) or 'none'}",
        )
    return name, values


def _range(name: str, hint: Any, parts: Sequence[str]) -> Range:  # noqa: ANN401 - any annotation
    ends = [_typed(name, hint, one) for one in parts if one != "log"]
    numbers = [one for one in ends if not isinstance(one, str)]
    is_log = parts[-1] == "log"
    if len(numbers) < len(ends) or len(parts) > _STEP_PARTS or len(numbers) + is_log < len(parts):
        numbers = []
    if len(numbers) < 2:  # noqa: PLR2004 - two ends
        raise ConfigurationError(
            f"{name}={':'.join(parts)} is no range of numbers",
            hint="write low:high, or list values",
        )
    low, high, *steps = numbers
    return Range(name, low, high, steps[0] if steps else 0, is_log=is_log)


def _typed(name: str, hint: Any, text: str) -> Value:  # noqa: ANN401 - as above
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    try:
        if int in kinds:
            return int(text)
        if Decimal in kinds or float in kinds:
            return _finite(text)
    except (ValueError, InvalidOperation):
        raise ConfigurationError(
            f"{name} {text!r} is no number of its kind",
            hint="write 5, or 0.5 where it has decimals",
        ) from None
    return text


def _finite(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value
