"""What the commands of simulated runs share: their data, pairs, days, parameters and settings.

Never add: a command, an import of the pipeline at the head: the help needs none of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from btcturk_kit.cli.output import decimal_text, warn
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.domain.identifiers import Symbol
    from btcturk_kit.settings import Settings

__all__ = [
    "amount_above_0",
    "instant_ms",
    "load_limits",
    "named_parameters",
    "options_of",
    "progress",
    "require_apart",
    "require_span",
    "settings_document",
    "symbols_of",
    "when",
]

_SECRET = frozenset({"api_key", "api_secret", "control_token"})


def instant_ms(text: str | None, zone: str, *, is_end: bool = False) -> int | None:
    """Return an instant in UTC milliseconds: of a day in the day zone, a time, or milliseconds.

    Args:
        text: `2024-03-01`, `2024-03-01T12:00`, with an offset if it is not the day zone's time, or
            UTC milliseconds; None stays None.
        zone: The day zone.
        is_end: Read a day as its last instant.

    Raises:
        ConfigurationError: It is none of these.

    Example:
        >>> instant_ms("2024-03-01", "Europe/Istanbul"), instant_ms("1700000000000", "UTC")
        (1709240400000, 1700000000000)
    """
    if text is None:
        return None
    if text.isdecimal() and len(text) > len("20240301"):
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is no instant", hint="write 2024-03-01, 2024-03-01T12:00 or milliseconds"
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(zone))
    is_day = len(text) <= len("2024-03-01")
    if is_end and is_day:
        found = found.replace(hour=23, minute=59, second=59, microsecond=999_000)
    return round(found.timestamp() * 1_000)


def named_parameters(texts: Sequence[str], strategies: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of `--set`, as `Backtest` takes them.

    Raises:
        ConfigurationError: No name, or no value; with several strategies, none of theirs.

    Example:
        >>> named_parameters(["fast_bars=3"], ["trend"])
        {'fast_bars': '3'}
        >>> named_parameters(["trend.fast_bars=3"], ["trend", "take-profit"])
        {'trend': {'fast_bars': '3'}}
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ConfigurationError(f"--set {text!r}", hint="write --set name=value")
        if len(strategies) == 1:
            found[name.removeprefix(f"{strategies[0]}.")] = value
            continue
        strategy, _, parameter = name.partition(".")
        if strategy not in strategies or not parameter:
            raise ConfigurationError(
                f"--set {text!r} says not whose it is",
                hint=f"write --set {strategies[0]}.name=value",
            )
        found.setdefault(strategy, {})[parameter] = value
    return found


def require_apart(report: Path | None, journal: Path | None) -> None:
    """Make sure that the two files of a run are two: the second would take the first one's place.

    Raises:
        ConfigurationError: Both have one name.
    """
    if report is not None and journal is not None and report.absolute() == journal.absolute():
        raise ConfigurationError(f"--report and --journal are both {report}", hint="name two files")


def require_span(from_ms: int | None, to_ms: int | None) -> None:
    """Make sure that a span does not end before it begins.

    Raises:
        ConfigurationError: It does.
    """
    if from_ms is not None and to_ms is not None and to_ms < from_ms:
        raise ConfigurationError("--to is before --from", hint="give the earlier one to --from")


def load_limits(env_file: Path | None) -> Settings:
    """Return the settings, of which a simulated run takes policies, limits and guards."""
    from btcturk_kit.settings import load_settings  # noqa: PLC0415 - pydantic costs 60 ms

    settings, unknown = load_settings(env_file=env_file)
    for name in unknown:
        warn(f"{name} is not a setting")
    return settings


def settings_document(settings: Settings) -> dict[str, Any]:
    """Return the settings that are not as shipped, without secrets: they explain a result."""
    changed = sorted(settings.model_fields_set - _SECRET)
    return {name: _plain(getattr(settings, name)) for name in changed}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return decimal_text(value)
    return value if isinstance(value, (int, float, str, dict, tuple)) else str(value)


def options_of(
    settings: Settings,
    *,
    address: str,
    strategies: Sequence[str],
    pairs: str | None,
    begin: str | None,
    end: str | None,
    interval_seconds: float | None,
    capital: str,
    assignments: Sequence[str],
) -> tuple[Any, dict[str, Any]]:
    """Return the dataset, and what `Backtest` and `lookahead` are called with beside it.

    Raises:
        ConfigurationError: A dataset that cannot be read, or an option that cannot be.
    """
    from btcturk_kit.adapters.dataset_files import read_dataset  # noqa: PLC0415 - as above
    from btcturk_kit.compose.kits import build_profile  # noqa: PLC0415 - as above

    symbols = symbols_of(pairs)
    zone = settings.day_zone
    from_ms, to_ms = instant_ms(begin, zone), instant_ms(end, zone, is_end=True)
    require_span(from_ms, to_ms)
    data = read_dataset(address, symbols=symbols)
    return data, {
        "strategy": list(strategies),
        "parameters": named_parameters(assignments, strategies),
        "guards": settings.guards,
        "symbols": symbols,
        "from_ms": from_ms,
        "to_ms": to_ms,
        "interval_ms": None if interval_seconds is None else _milliseconds(interval_seconds),
        "capital_try": amount_above_0(capital),
        "profile": build_profile(settings, "backtest", tuple(data.pairs)),
    }


def _milliseconds(seconds: float) -> int:
    if not isfinite(seconds) or round(seconds * 1_000) < 1:
        raise ConfigurationError(
            f"--interval-seconds {seconds:g}", hint="write the length of a bar, such as 1 or 0.5"
        )
    return round(seconds * 1_000)


def symbols_of(pairs: str | None) -> tuple[Symbol, ...] | None:
    """Return the pairs of an option by commas, None without it.

    Raises:
        ConfigurationError: It names none.

    Example:
        >>> symbols_of("btc_try, ETHTRY")
        ('BTCTRY', 'ETHTRY')
    """
    from btcturk_kit.domain.identifiers import Symbol  # noqa: PLC0415 - as above

    if pairs is None:
        return None
    named = [name.strip().upper().replace("_", "") for name in pairs.split(",")]
    found = tuple([Symbol(name) for name in named if name])
    if not found:
        raise ConfigurationError(
            f"--pairs {pairs!r} names no pair", hint="write BTCTRY,ETHTRY, or leave it out for all"
        )
    return found


def amount_above_0(text: str) -> Decimal:
    """Return the capital that an option gives.

    Raises:
        ConfigurationError: It is no amount above 0.
    """
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise ConfigurationError(f"capital of {text!r} TRY", hint="write an amount above 0")
    return amount


@contextmanager
def progress(what: str) -> Iterator[Callable[[float], None] | None]:
    """Draw a bar with the time left on a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only where something is drawn
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def when(now_ms: int, zone: str) -> str:
    """Return an instant for people, in the day zone.

    Example:
        >>> when(1_700_000_000_000, "Europe/Istanbul")
        '2023-11-15 01:13'
    """
    moment = datetime.fromtimestamp(now_ms / 1_000, ZoneInfo(zone))
    return moment.strftime("%Y-%m-%d %H:%M")
