"""Keeping a book: from the text of a difference to the applied book and its touch.

One hundred levels a side, seeded messages of about ten changes, texts as the exchange sends them.
Beside the kept book stands what bots use: `json.loads` and the order book of ccxt.pro, which counts
in floats. Both read the best bid and ask after every message, and in every round both must have
seen the same touches. CPU time of the process, the garbage collector on.
"""

from __future__ import annotations

import json
from statistics import median
from time import process_time
from typing import Any, Final

from book_tape import BookTape
from ccxt.async_support.base.ws.order_book import OrderBook
from harness import Bound, Report, paired_rounds

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import StaleBook
from btcturk_kit.wire.live_book import LiveBook
from btcturk_kit.wire.stream import read_book

__all__ = ["main"]

ROUNDS: Final = 15
MESSAGES: Final = 20_000
LEVELS: Final = 100
RATIO_MIN: Final = 2.0

OURS: Final = "read_book + LiveBook, exact"
PEER: Final = "json.loads + ccxt.pro OrderBook, float"

SYMBOL: Final = Symbol("BTCUSDT")

Touches = list[tuple[Any, Any, Any, Any]]


def ours(frames: list[str], touches: Touches | None = None) -> float:
    """Return messages per second of the kept book."""
    book = LiveBook(SYMBOL)
    book.apply(read_book(frames[0]), received_ms=0)
    started = process_time()
    for text in frames[1:]:
        book.apply(read_book(text), received_ms=0)
        quote = book.best()
        if touches is not None:
            assert not isinstance(quote, StaleBook)
            touches.append((quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity))
    return (len(frames) - 1) / (process_time() - started)


def peer(frames: list[str], touches: Touches | None = None) -> float:
    """Return messages per second of ccxt.pro's book, fed as its exchange classes feed it."""
    _, whole = json.loads(frames[0])
    book = OrderBook({}, LEVELS)
    asks, bids = book["asks"], book["bids"]
    for side, rows in ((asks, whole["AO"]), (bids, whole["BO"])):
        for row in rows:
            side.store(float(row["P"]), float(row["A"]))
    started = process_time()
    for text in frames[1:]:
        _, model = json.loads(text)
        for row in model["AO"]:
            asks.store(float(row["P"]), 0 if row["CP"] == 3 else float(row["A"]))
        for row in model["BO"]:
            bids.store(float(row["P"]), 0 if row["CP"] == 3 else float(row["A"]))
        book["nonce"] = model["CS"]
        bid, ask = bids[0], asks[0]
        touch = (bid[0], bid[1], ask[0], ask[1])
        if touches is not None:
            touches.append(touch)
    return (len(frames) - 1) / (process_time() - started)


def check_equal(frames: list[str]) -> None:
    """Compare every touch of both books; a bench of different answers would say nothing."""
    exact: Touches = []
    binary: Touches = []
    ours(frames, exact)
    peer(frames, binary)
    assert len(exact) == len(binary) == MESSAGES
    for one, other in zip(exact, binary, strict=True):
        assert tuple(float(number) for number in one) == other


def frames_of(*, set_share: float) -> list[str]:
    """Return a whole book and the differences after it."""
    tape = BookTape(seed=5, set_share=set_share)
    return [tape.whole_book(), *(tape.difference() for _ in range(MESSAGES))]


def measure(name: str, told: str, *, set_share: float) -> None:
    """Measure one mix of changes and report."""
    frames = frames_of(set_share=set_share)
    check_equal(frames)
    changes = sum(text.count('"CP"') for text in frames) / MESSAGES
    report = Report(
        name=name,
        question=f"messages per second of CPU, {changes:.1f} changes each, {told}",
        unit="1/s",
    )
    figures = paired_rounds({PEER: lambda: peer(frames), OURS: lambda: ours(frames)}, rounds=ROUNDS)
    report.add_rounds(figures, baseline=PEER)
    ratios = [mine / theirs for mine, theirs in zip(figures[OURS], figures[PEER], strict=True)]
    report.bounds = [
        Bound(
            name="ours over ccxt.pro, median of paired rounds",
            allowed=RATIO_MIN,
            measured=median(ratios),
            is_least=True,
        )
    ]
    report.finish()


def main() -> None:
    """Measure the mix of changes that was recorded, and one of mostly new amounts."""
    measure("book", "mostly insertions and deletions, as recorded", set_share=1 / 15)
    measure("book_sets", "four of five a new amount", set_share=0.8)


if __name__ == "__main__":
    main()
