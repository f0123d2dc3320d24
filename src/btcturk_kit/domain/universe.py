"""The universe: which pairs may be opened, scored from what is known of each, and explained.

A candidate is ranked in each part (liquidity in quote volume, spread, volatility, momentum) and its
rank is brought to 0 ... 1: ranks, because one pair that trades a hundred times more than the others
would push all of them to one end of a min-max scale, and one bad tick would move every score. A
part counts by its weight; the weights sum to exactly 1, so a score is between 0 and 1 and is the
sum of its parts. What disqualifies a pair disqualifies that pair alone. Never add: a clock, a
score that mixes units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, NamedTuple

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.money import ONE, ZERO, divide_half_even, exact
from btcturk_kit.errors import ConfigurationError, UnknownSymbolError

__all__ = [
    "Exclusion",
    "PairFacts",
    "PairScore",
    "ScorePart",
    "ScoreWeights",
    "UniverseLimits",
    "configured_universe",
    "exclusion_of",
    "score_pairs",
]

_PLACES: Final = 12
_MIDDLE: Final = Decimal("0.5")


class PairFacts(NamedTuple):
    """What is known of one pair; None where nobody told.

    Attributes:
        quote_volume: Traded in 24 hours, in the quote; not the base volume of the exchange's row.
        open: Price 24 hours ago.
        event_time_ms: The exchange's time of the oldest of these facts.
        listed_ms: When trading in it began.
        is_trading: Whether orders are taken.
    """

    symbol: Symbol
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    quote_volume: Decimal | None = None
    event_time_ms: int = 0
    listed_ms: int | None = None
    is_trading: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreWeights:
    """How much each part of a score counts; they sum to exactly 1."""

    liquidity: Decimal = Decimal("0.40")
    spread: Decimal = Decimal("0.25")
    volatility: Decimal = Decimal("0.15")
    momentum: Decimal = Decimal("0.20")

    @exact
    def __post_init__(self) -> None:
        for name, value in self.parts():
            if not ZERO <= value <= ONE:
                raise ConfigurationError(
                    f"weight {name} is {value}", hint="choose a ratio from 0 to 1"
                )
        whole = self.liquidity + self.spread + self.volatility + self.momentum
        if whole != ONE:
            raise ConfigurationError(
                f"the weights of the universe sum to {whole}", hint="make them sum to exactly 1"
            )

    def parts(self) -> tuple[tuple[str, Decimal], ...]:
        """Return name and weight of each part, in the order in which scores are told."""
        return (
            ("liquidity", self.liquidity),
            ("spread", self.spread),
            ("volatility", self.volatility),
            ("momentum", self.momentum),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UniverseLimits:
    """What disqualifies a pair.

    Attributes:
        spread_ratio_max: (Ask - bid) / ask.
        quote_volume_min: In 24 hours.
        data_age_ms_max: Older facts say nothing; one stale pair excludes only itself.
        listed_ms_min: A younger pair has no history to be judged by; 0 asks for none.
        blacklist: Never; stable coins belong here where gains in TRY are wanted.
        entry_ratio: By how much better than the limits of spread and volume a pair has to be that
            is no member: one near a limit does not come and go at every review. 1 asks for nothing.
    """

    spread_ratio_max: Decimal = Decimal("0.01")
    quote_volume_min: Decimal = Decimal(1_000_000)
    data_age_ms_max: int = 60_000
    listed_ms_min: int = 0
    blacklist: frozenset[Symbol] = frozenset()
    entry_ratio: Decimal = Decimal("0.80")

    def __post_init__(self) -> None:
        if not ZERO < self.entry_ratio <= ONE:
            raise ConfigurationError(
                f"entry_ratio of the universe is {self.entry_ratio}",
                hint="choose a ratio above 0, and at most 1",
            )


class Exclusion(NamedTuple):
    """Why a pair is no candidate.

    Attributes:
        code: `blacklisted`, `closed`, `no_data`, `stale`, `too_young`, `too_wide` or `too_thin`.
    """

    symbol: Symbol
    code: str
    detail: str


class ScorePart(NamedTuple):
    """One part of a score: points = normalized x weight."""

    name: str
    value: Decimal
    normalized: Decimal
    weight: Decimal
    points: Decimal


class PairScore(NamedTuple):
    """The score of one candidate, with where it comes from."""

    symbol: Symbol
    total: Decimal
    parts: tuple[ScorePart, ...]


def configured_universe(
    names: Iterable[str], rules: Mapping[Symbol, PairRules], *, quote: Asset
) -> tuple[Symbol, ...]:
    """Return the pairs an operator named, in that order, each once.

    Case and separators do not matter (`btc-try`, `BTC_TRY`); a name is never replaced by another.

    Raises:
        UnknownSymbolError: The exchange lists no such pair; with the names that come near.
        ConfigurationError: No pair at all, or one in another quote.

    Example:
        >>> configured_universe([], {}, quote=Asset("TRY"))
        Traceback (most recent call last):
            ...
        btcturk_kit.errors.ConfigurationError: the universe is empty
    """
    found: dict[Symbol, None] = {}
    for name in names:
        symbol = Symbol("".join(sign for sign in name.upper() if sign not in " -_/"))
        known = rules.get(symbol)
        if known is None:
            near = get_close_matches(symbol, rules, n=3)
            raise UnknownSymbolError(name, suggestions=tuple(near))
        if known.quote != quote:
            raise ConfigurationError(
                f"pair {symbol} is quoted in {known.quote}", hint=f"name pairs in {quote}"
            )
        found[symbol] = None
    if not found:
        raise ConfigurationError("the universe is empty", hint="name at least one pair")
    return tuple(found)


@exact
def exclusion_of(
    facts: PairFacts, limits: UniverseLimits, *, now_ms: int, is_entry: bool = False
) -> Exclusion | None:
    """Return the first reason why a pair is no candidate, None if it is one.

    Args:
        facts: Of the pair.
        limits: What disqualifies.
        now_ms: The instant.
        is_entry: Whether it would come anew, for which it has to be better than the limits.
    """
    symbol = facts.symbol
    better = limits.entry_ratio if is_entry else ONE
    if symbol in limits.blacklist:
        return Exclusion(symbol, "blacklisted", "the operator excludes it")
    if not facts.is_trading:
        return Exclusion(symbol, "closed", "no orders are taken")
    missing = [
        name
        for name in ("bid", "ask", "last", "open", "high", "low", "quote_volume")
        if getattr(facts, name) is None
    ]
    bid, ask, low, opened = facts.bid, facts.ask, facts.low, facts.open
    volume = facts.quote_volume
    if missing or bid is None or ask is None or low is None or opened is None or volume is None:
        return Exclusion(symbol, "no_data", f"no {', '.join(missing)}")
    if min(bid, ask, low, opened) <= 0:
        return Exclusion(symbol, "no_data", "a price is not positive")
    age_ms = now_ms - facts.event_time_ms
    if age_ms > limits.data_age_ms_max:
        return Exclusion(symbol, "stale", f"{age_ms} ms old, {limits.data_age_ms_max} allowed")
    if limits.listed_ms_min and (
        facts.listed_ms is None or now_ms - facts.listed_ms < limits.listed_ms_min
    ):
        return Exclusion(symbol, "too_young", f"{limits.listed_ms_min} ms of trading wanted")
    width, allowed = ask - bid, limits.spread_ratio_max * better * ask
    if width > allowed:
        return Exclusion(symbol, "too_wide", f"spread {width}, {allowed} allowed")
    if volume * better < limits.quote_volume_min:
        least = divide_half_even(limits.quote_volume_min, better, 2)
        detail = f"{volume} traded in 24 hours, {least} wanted"
        return Exclusion(symbol, "too_thin", detail)
    return None


@exact
def score_pairs(candidates: Iterable[PairFacts], weights: ScoreWeights) -> tuple[PairScore, ...]:
    """Return the candidates' scores, best first; equal scores by volume, then by name.

    The result does not depend on the order of the candidates. None of them may be excluded.

    Example:
        >>> def pair(name: str, volume: int) -> PairFacts:
        ...     price = Decimal(100)
        ...     return PairFacts(Symbol(name), price, price, price, price, price, price,
        ...                      Decimal(volume))
        >>> ranked = score_pairs([pair("ATRY", 1), pair("BTRY", 2)], ScoreWeights())
        >>> [(one.symbol, f"{one.total:.2f}") for one in ranked]
        [('BTRY', '0.70'), ('ATRY', '0.30')]
    """
    rows = list(candidates)
    values = [_values(one) for one in rows]
    columns = [
        _ranked([row[at] for row in values], is_high_good=is_high_good)
        for at, is_high_good in enumerate((True, False, False, True))
    ]
    scored: list[tuple[Decimal, Decimal, PairScore]] = []
    for at, facts in enumerate(rows):
        parts = tuple(
            [
                ScorePart(
                    name, values[at][part], columns[part][at], weight, columns[part][at] * weight
                )
                for part, (name, weight) in enumerate(weights.parts())
            ]
        )
        whole = ZERO
        for one in parts:
            whole = whole + one.points
        scored.append((-whole, -values[at][0], PairScore(facts.symbol, whole, parts)))
    scored.sort(key=lambda row: (row[0], row[1], row[2].symbol))
    return tuple([score for _, _, score in scored])


def _values(facts: PairFacts) -> tuple[Decimal, ...]:
    """Return liquidity, spread, volatility and momentum of a pair that lacks nothing."""
    bid, ask, last = facts.bid or ZERO, facts.ask or ONE, facts.last or ZERO
    high, low, opened = facts.high or ZERO, facts.low or ONE, facts.open or ONE
    return (
        facts.quote_volume or ZERO,
        divide_half_even(ask - bid, ask, _PLACES),
        divide_half_even(high - low, low, _PLACES),
        divide_half_even(last - opened, opened, _PLACES),
    )


def _ranked(column: Sequence[Decimal], *, is_high_good: bool) -> list[Decimal]:
    """Return the place of each value from 0 (worst) to 1 (best); equal values share their middle.

    Where all are equal, each is in the middle: a part that tells nothing apart moves nothing.
    """
    last = len(column) - 1
    if last == 0:
        return [_MIDDLE]
    below: dict[Decimal, int] = {}
    equal: dict[Decimal, int] = {}
    for at, value in enumerate(sorted(column, reverse=not is_high_good)):
        below.setdefault(value, at)
        equal[value] = equal.get(value, 0) + 1
    halves = {value: 2 * below[value] + equal[value] - 1 for value in below}
    return [divide_half_even(Decimal(halves[one]), Decimal(2 * last), _PLACES) for one in column]
