"""How a made-up market behaves: how many take part, how often what happens, how much.

Never add: a draw, a price.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.simulation.chance import Span

__all__ = ["SECONDS_PER_DAY", "SyntheticSettings"]

SECONDS_PER_DAY = 86_400

_BPS = 10_000
_JUMP_BPS_BEHIND = 5_001
_ACTORS_MAX = 100

_HALF_SPREAD_BPS = Span(3, 10)
_REFRESH_MS = Span(2_000, 15_000)
_TAKE_WAIT_MS = Span(5_000, 20_000)
_JUMP_BPS = Span(30, 200)
_QUIET_MS = Span(20_000, 120_000)
_HALT_MS = Span(60_000, 600_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticSettings:
    """The ways of a `SyntheticMarket`; spans are drawn from, once for each maker and taker.

    Attributes:
        makers: How many quote.
        takers: How many trade at the market.
        levels: Levels a side that each maker quotes.
        level_notional: What an average level is worth, in whole units of the quote currency.
        volatility_bps: Standard deviation of the middle over an hour.
        half_spread_bps: From a maker's middle to its best price.
        refresh_ms: Average time between two ladders of a maker.
        skew_bps_max: How far a maker's middle may stand off the market's.
        take_wait_ms: Average time between the bursts of a taker.
        burst_bps: How often a trade is followed by another of the same taker within 0.4 seconds.
        jumps_per_day: How often the middle leaps, on average.
        jump_bps: How far.
        quiet_spells_per_day: How often all makers pull their quotes, on average.
        quiet_ms: How long.
        halts_per_day: How often the pair is halted, on average.
        halt_ms: How long.

    Raises:
        ConfigurationError: A value that no market can have.

    Example:
        >>> SyntheticSettings(halts_per_day=0).makers
        3
    """

    makers: int = 3
    takers: int = 4
    levels: int = 8
    level_notional: int = 100_000
    volatility_bps: int = 60
    half_spread_bps: Span = _HALF_SPREAD_BPS
    refresh_ms: Span = _REFRESH_MS
    skew_bps_max: int = 2
    take_wait_ms: Span = _TAKE_WAIT_MS
    burst_bps: int = 4_000
    jumps_per_day: int = 4
    jump_bps: Span = _JUMP_BPS
    quiet_spells_per_day: int = 6
    quiet_ms: Span = _QUIET_MS
    halts_per_day: int = 1
    halt_ms: Span = _HALT_MS

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, behind = value if isinstance(value, Span) else (value + 1, value + 2)
            if not 0 < low < behind:
                raise ConfigurationError(
                    f"{field.name} of a synthetic market is {value}",
                    hint="give whole numbers, spans above zero with the end behind the beginning",
                )
        bounds = (
            ("makers", self.makers, 1, _ACTORS_MAX),
            ("takers", self.takers, 0, _ACTORS_MAX),
            ("levels", self.levels, 1, _ACTORS_MAX),
            ("level_notional", self.level_notional, 1, 10**12),
            ("volatility_bps", self.volatility_bps, 0, _BPS),
            ("burst_bps", self.burst_bps, 0, _BPS - 1),
            ("half_spread_bps", self.half_spread_bps.behind, 1, _BPS // 10),
            ("skew_bps_max", self.skew_bps_max, 0, _BPS // 10),
            ("jump_bps", self.jump_bps.behind, 1, _JUMP_BPS_BEHIND),
            (
                "jumps, quiet spells and halts per day",
                self.jumps_per_day + self.quiet_spells_per_day + self.halts_per_day,
                0,
                SECONDS_PER_DAY,
            ),
        )
        for name, value, least, most in bounds:
            if not least <= value <= most:
                raise ConfigurationError(
                    f"{name} of a synthetic market reach {value}",
                    hint=f"give {least} to {most}",
                )
