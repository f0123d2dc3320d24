"""A made-up market that never ends: several makers, several takers, jumps, quiet spells, halts.

Everything is invented, from the seed and the settings; no file is read. A middle price wanders once
a second like a coin-tossing walk whose steps are parts of the price, and rarely jumps. Each maker
(`house:maker-1` and so on) renews its ladder around what it takes for the middle, in its own
rhythm: after a jump a slow one is caught by a fast one, and they trade. Each taker
(`house:taker-1` and so on) comes in bursts. In a quiet spell all makers pull their quotes and
nobody of the house trades. In a halt the pair is closed and the middle wanders on; at its end the
makers quote anew and then the pair opens, so that nobody meets an old quote.

What it does not show: takers move the book and not the middle, so trends have no cause; makers
manage no inventory; volume has no time of day; the market does not react to anyone's orders.
Profits made here say nothing about profits on the real exchange.

Never add: floats, a look at what customers do.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from heapq import heapify, heapreplace
from random import Random
from typing import Final

from btcturk_kit.domain.money import EXACT, floor_places
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.moves import MarketMove, PairHalt
from btcturk_kit.sandbox.market.synthetic_actors import STEPS_MIN, Maker, Middle, Taker
from btcturk_kit.sandbox.market.synthetic_settings import SECONDS_PER_DAY, SyntheticSettings
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["SYNTHETIC_START_MS", "SyntheticMarket", "SyntheticPlayback"]

SYNTHETIC_START_MS: Final = 1_704_067_200_000
"""When a market without a recorded time starts: 2024-01-01 00:00 UTC."""

_SECOND_MS = 1_000
_SETTINGS = SyntheticSettings()


class SyntheticMarket:
    """A made-up market that can move a pair.

    Args:
        opening_price: Where the middle starts.
        price_places: Decimals of a price of the pair.
        settings: Its ways.
        name: Part of every draw, so that two markets of one exchange do not move alike.

    Raises:
        ConfigurationError: The opening price has more decimals than the pair, or fewer than
            1000 steps.

    Example:
        >>> market = SyntheticMarket(Decimal("47.832"), price_places=3)
        >>> playback = market.play(seed=1, start_ms=0)
        >>> playback.next_ms(), playback.take().maker
        (0, 'house:maker-1')
    """

    def __init__(
        self,
        opening_price: Decimal,
        *,
        price_places: int,
        settings: SyntheticSettings = _SETTINGS,
        name: str = "",
    ) -> None:
        steps = opening_price.scaleb(price_places, context=EXACT)
        if floor_places(steps, 0) != steps or steps < STEPS_MIN:
            raise ConfigurationError(
                f"a synthetic market cannot open at {opening_price} with {price_places} decimals",
                hint=f"give a price with the pair's decimals, of at least {STEPS_MIN} steps",
            )
        self.opening_price = opening_price
        self.price_places = price_places
        self.settings = settings
        self.name = name

    def play(self, *, seed: int, start_ms: int | None) -> SyntheticPlayback:
        """Begin a run, in 2024 without a start; see `Tape`."""
        start_ms = SYNTHETIC_START_MS if start_ms is None else start_ms
        return SyntheticPlayback(self, seed=seed, start_ms=start_ms)


class SyntheticPlayback:
    """What the house does next, and when; there is always a next move.

    Args:
        market: The market.
        seed: Draws everything.
        start_ms: When it starts on the exchange's clock.
    """

    def __init__(self, market: SyntheticMarket, *, seed: int, start_ms: int) -> None:
        settings, places = market.settings, market.price_places
        source = f"{seed}|{market.name}"
        self.start_ms = start_ms
        self.opening_price = market.opening_price
        self._settings = settings
        self._middle = Middle(
            int(market.opening_price.scaleb(places, context=EXACT)),
            volatility_bps=settings.volatility_bps,
            source=source,
        )
        self._makers = [
            Maker(number, settings, price_places=places, source=source)
            for number in range(1, settings.makers + 1)
        ]
        takers = [
            Taker(number, settings, price_places=places, source=source)
            for number in range(1, settings.takers + 1)
        ]
        self._actors: list[Maker | Taker] = [*self._makers, *takers]
        self._chance = Random(f"{source}|spells")  # noqa: S311 - a repeatable market, not a secret
        self._halt_end_ms: int | None = None
        self._quiet_end_ms: int | None = None
        # Who acts when; the clock is number -1 and goes before everybody else of its instant.
        self._agenda = [(start_ms + _SECOND_MS, -1)]
        self._agenda += [
            (start_ms + (0 if isinstance(actor, Maker) else actor.wait_ms()), number)
            for number, actor in enumerate(self._actors)
        ]
        heapify(self._agenda)
        self._moves: deque[MarketMove] = deque()
        self._now_ms = start_ms

    def next_ms(self) -> int:
        """Return the instant of the next move."""
        while not self._moves:
            self._now_ms, number = self._agenda[0]
            self._act(number)
            wait_ms = _SECOND_MS if number < 0 else self._actors[number].wait_ms()
            heapreplace(self._agenda, (self._now_ms + wait_ms, number))
        return self._now_ms

    def take(self) -> MarketMove:
        """Return the next move and go on to the one after it; ask `next_ms` first."""
        return self._moves.popleft()

    def recorded_hours(self, first_ms: int, behind_ms: int) -> list[GraphCandle]:  # noqa: ARG002 - see `Playback`
        """Return no hours: a made-up market has no past."""
        return []

    def _act(self, number: int) -> None:
        if number < 0:
            self._tick()
        elif self._halt_end_ms is None and self._quiet_end_ms is None:
            actor, middle = self._actors[number], self._middle
            if isinstance(actor, Maker):
                self._moves.append(actor.quotes(middle.steps))
            else:
                self._moves.append(actor.take(middle.steps, is_rising=middle.is_rising))

    def _tick(self) -> None:
        """Let a second pass: the middle wanders, spells end, and perhaps one begins."""
        self._middle.walk()
        if self._quiet_end_ms is not None and self._now_ms >= self._quiet_end_ms:
            self._quiet_end_ms = None
        if self._halt_end_ms is not None and self._now_ms >= self._halt_end_ms:
            self._halt_end_ms = None
            self._moves += [maker.quotes(self._middle.steps) for maker in self._makers]
            self._moves.append(PairHalt(is_halted=False))
            return
        self._begin_spell()

    def _begin_spell(self) -> None:
        settings, chance = self._settings, self._chance
        drawn = chance.randrange(SECONDS_PER_DAY)
        if self._halt_end_ms is not None:
            return
        if drawn < settings.halts_per_day:
            self._halt_end_ms = self._now_ms + chance.randrange(*settings.halt_ms)
            self._quiet_end_ms = None
            self._moves.append(PairHalt(is_halted=True))
            return
        drawn -= settings.halts_per_day
        if drawn < settings.jumps_per_day:
            self._middle.jump(settings.jump_bps)
            return
        drawn -= settings.jumps_per_day
        if drawn < settings.quiet_spells_per_day and self._quiet_end_ms is None:
            self._quiet_end_ms = self._now_ms + chance.randrange(*settings.quiet_ms)
            self._moves += [maker.withdrawn() for maker in self._makers]
