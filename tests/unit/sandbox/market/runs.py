"""Playing a tape without an exchange, for tests."""

from __future__ import annotations

from btcturk_kit.sandbox.market.moves import MarketMove, PairHalt
from btcturk_kit.sandbox.market.playing import NEVER_MS, Tape


def played(
    tape: Tape, *, seed: int = 1, start_ms: int | None = 0, span_ms: int = NEVER_MS
) -> list[tuple[int, MarketMove]]:
    """Return the moves of the first part of a run, each with its instant after the start."""
    playback = tape.play(seed=seed, start_ms=start_ms)
    moves: list[tuple[int, MarketMove]] = []
    while (at_ms := playback.next_ms()) < min(NEVER_MS, playback.start_ms + span_ms):
        moves.append((at_ms - playback.start_ms, playback.take()))
    return moves


def halts(moves: list[tuple[int, MarketMove]]) -> list[tuple[int, bool]]:
    """Return when the pair closed and opened."""
    return [(at_ms, move.is_halted) for at_ms, move in moves if isinstance(move, PairHalt)]


def check_order(moves: list[tuple[int, MarketMove]]) -> None:
    """Check that time never goes back and that halts come in pairs, each with its end."""
    times = [at_ms for at_ms, _ in moves]
    assert times == sorted(times)
    states = [is_halted for _, is_halted in halts(moves)]
    assert states == [number % 2 == 0 for number in range(len(states))]
