"""The soak: millions of frames through reading and the kept books, with flat memory.

A few seeded blocks of messages are replayed over and over in one process: mostly differences of
three pairs, with the other types between them, unknown types, damage, and lost messages that need
a resync. Every replay of a block must end in the same counts, and memory must not grow after the
first tenth. `soak_book.py 10000000` (or another number) exits with 1 if either fails.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Final

from book_tape import BookTape

from btcturk_kit.domain.candles import Candle, CandleSeries, NoData, Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import StaleBook, UnknownFrame
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.live_book import LiveBook
from btcturk_kit.wire.stream import read_book, read_event, type_of
from btcturk_kit.wire.tally import Tally

__all__ = ["main"]

FRAMES: Final = 10_000_000
BLOCKS: Final = 8
BLOCK_FRAMES: Final = 10_000
LOOKS: Final = 20
"""How often rate and memory are printed."""

GROWTH_KIB_MAX: Final = 2_048
BOOK_TYPES: Final = (431, 432)
PAIRS: Final = ("BTCUSDT", "BTCTRY", "ETHTRY")
SAMPLES: Final = Path(__file__).parent.parent / "tests" / "wire" / "frames"


def samples() -> list[str]:
    """Return the recorded messages that are no books, and two of types nobody knows."""
    texts = [path.read_text("utf-8").strip() for path in sorted(SAMPLES.glob("*.json"))]
    others = [text for text in texts if type_of(text) not in BOOK_TYPES]
    return [*others, '[301,{"type":301}]', '[777,{"type":777,"x":[1,2,3]}]']


def block(seed: int) -> list[str]:
    """Return one block of frames: it begins with a whole book of every pair."""
    draw = Random(seed)  # noqa: S311 - a day to replay, no secret
    others = samples()
    tapes = [BookTape(seed=seed * 10 + at, symbol=pair) for at, pair in enumerate(PAIRS)]
    frames = [tape.whole_book() for tape in tapes]
    while len(frames) < BLOCK_FRAMES:
        tape, luck = draw.choice(tapes), draw.random()
        if luck < 0.85:
            frames.append(tape.difference())
        elif luck < 0.98:
            frames.append(draw.choice(others))
        elif luck < 0.985:
            tape.difference()  # a message that is lost, and a few before the resync
            frames += [tape.difference(), tape.difference(), tape.whole_book()]
        elif luck < 0.99:
            frames.append(tape.whole_book())
        else:
            text = draw.choice([*others, tape.difference()])
            at = draw.randrange(len(text))
            junk = draw.choice(["", "\x00", "NaN", '"', "[" * 40, "}}"])
            frames += [f"{text[:at]}{junk}{text[at + 1 :]}", tape.whole_book()]
    return frames


class Desk:
    """What a session keeps of a stream: books, the tally, one series of candles."""

    def __init__(self) -> None:
        self.books = {pair: LiveBook(Symbol(pair)) for pair in PAIRS}
        self.tally = Tally()
        self.candles = CandleSeries(Symbol("BTCTRY"), Resolution.MINUTE_1, keep=500)
        self._minute_ms = 0

    def replay(self, frames: list[str]) -> Counter[str]:
        """Read a block and return how often what happened."""
        counts: Counter[str] = Counter()
        for text in frames:
            try:
                if type_of(text) in BOOK_TYPES:
                    frame = read_book(text)
                    book = self.books.get(frame.symbol)
                    if book is None:
                        counts["other pair"] += 1
                        continue
                    counts["stale" if book.apply(frame, received_ms=0) else "applied"] += 1
                    if isinstance(book.best(), StaleBook):
                        counts["not readable"] += 1
                else:
                    event = read_event(text, tally=self.tally)
                    counts["unknown" if isinstance(event, UnknownFrame) else "event"] += 1
            except ProtocolError:
                counts["damaged"] += 1
        self._next_candle()
        return counts

    def _next_candle(self) -> None:
        price = Decimal(self._minute_ms % 7 + 1)
        candle = Candle(
            Symbol("BTCTRY"),
            Resolution.MINUTE_1,
            self._minute_ms,
            price,
            price,
            price,
            price,
            price,
        )
        self.candles.add(candle)
        self.candles.cover(self._minute_ms, self._minute_ms + 60_000)
        assert not isinstance(self.candles.at(self._minute_ms), NoData)
        self._minute_ms += 120_000  # every other minute has no candle and no coverage


def resident_kib() -> int:
    """Return the memory of this process; where the system does not tell, the most it ever had."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return getrusage(RUSAGE_SELF).ru_maxrss


def main() -> int:
    """Replay, print, and return 1 if memory grew or a block ended differently."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES
    blocks = [block(seed) for seed in range(1, BLOCKS + 1)]
    desk = Desk()
    expected: list[Counter[str]] = []
    done, base_kib, worst_kib, problems = 0, 0, 0, 0
    look_every = max(total // LOOKS, 1)
    next_look, last_at, last_done = look_every, perf_counter(), 0
    turn = 0
    while done < total:
        frames = blocks[turn % BLOCKS]
        counts = desk.replay(frames)
        if turn < BLOCKS:
            expected.append(counts)
        elif counts != expected[turn % BLOCKS]:
            problems += 1
            print(f"block {turn % BLOCKS} ended differently: {counts}")
        done += len(frames)
        turn += 1
        if done >= next_look:
            gc.collect()
            now, kib = perf_counter(), resident_kib()
            print(
                f"{done:>12,} frames  {(done - last_done) / (now - last_at):>10,.0f}/s  {kib:,} KiB"
            )
            if done >= total // 10:
                base_kib = base_kib or kib
                worst_kib = max(worst_kib, kib)
            next_look, last_at, last_done = next_look + look_every, perf_counter(), done
    growth_kib = worst_kib - base_kib
    counted = sum(expected, Counter())
    print(f"per {sum(map(len, blocks)):,} frames: {dict(counted)}")
    print(f"unknown words: {desk.tally.counts}")
    print(f"memory grew by {growth_kib:,} KiB after warm-up; {GROWTH_KIB_MAX:,} are allowed")
    return int(problems > 0 or growth_kib > GROWTH_KIB_MAX)


if __name__ == "__main__":
    sys.exit(main())
