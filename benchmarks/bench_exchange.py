"""The local exchange: matches per second in the pure core, signed orders per second over HTTP.

Two reports. In the core, one flow of random limit orders, with `Decimal` in and out, goes through
our engine, a bare matcher on two heaps of integers, which is about the least that price-time
priority can cost in Python and can neither cancel nor show its depth, and `fastlob` where it is
installed. Over HTTP, 50 connections send signed limit orders to the exchange in a process of its
own on one core, beside the bare framework that answers a constant.

What is counted is CPU time of one core, so that other work of the machine is not in the figures;
the rate that a client saw stands beside it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from heapq import heappop, heappush
from importlib.util import find_spec
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import NamedTuple

from harness import Bound, Report, Row, on_core, paired_rounds

from btcturk_kit.domain.orders import Side
from btcturk_kit.simulation.matching import MatchingEngine

__all__ = ["main"]

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("BENCH_EXCHANGE_ROUNDS", "5"))
CORE_ORDERS = 50_000
HTTP_ORDERS = 2_000
PRICES = range(1_000, 1_021)
MATCHES_MIN = 50_000.0
ORDERS_MIN = 1_500.0

KIT, HEAPS, FASTLOB = "kit, MatchingEngine", "bare heaps of integers", "fastlob"
EXCHANGE, BARE = "exchange", "bare"


class Order(NamedTuple):
    """An order of the flow, in integers and as it comes in."""

    number: int
    side: Side
    steps: int
    lots: int
    price: Decimal
    quantity: Decimal


def main() -> None:
    """Measure and report."""
    _core().finish()
    _http().finish()


# ---- the pure core


def _core() -> Report:
    orders = list(_flow())
    matches = _kit(orders)
    assert matches == _heaps(orders), "the two matchers do not agree"
    runs: dict[str, Callable[[], object]] = {
        KIT: lambda: _kit(orders),
        HEAPS: lambda: _heaps(orders),
    }
    if find_spec("fastlob") is not None:
        runs[FASTLOB] = _fastlob(orders)
    report = Report(
        name="exchange_core",
        question=f"matches of {len(orders):,} random limit orders at {len(PRICES)} prices",
        unit="matches per CPU second",
    )
    subjects = {name: _rate_of(run, matches) for name, run in runs.items()}
    report.add_rounds(paired_rounds(subjects, rounds=ROUNDS), baseline=HEAPS)
    report.bounds.append(
        Bound(
            name="matches per second of one core",
            allowed=MATCHES_MIN,
            measured=report.rows[0].median,
            is_least=True,
        )
    )
    return report


def _flow() -> Iterator[Order]:
    draw = Random(1)  # noqa: S311 - a repeatable flow, not a secret
    for number in range(1, CORE_ORDERS + 1):
        side = draw.choice((Side.BUY, Side.SELL))
        steps, lots = draw.choice(PRICES), draw.randrange(1, 1_000)
        yield Order(number, side, steps, lots, Decimal(steps), Decimal(lots).scaleb(-3))


def _rate_of(run: Callable[[], object], matches: int) -> Callable[[], float]:
    def measured() -> float:
        began = process_time()
        run()
        return matches / (process_time() - began)

    return measured


def _kit(orders: list[Order]) -> int:
    limit = MatchingEngine(price_places=0).limit
    return sum(
        len(limit(one.number, owner="o", side=one.side, price=one.price, quantity=one.quantity))
        for one in orders
    )


def _heaps(orders: list[Order]) -> int:
    """Match with two heaps of lists: key, number, lots; the key of a bid is negative."""
    bids: list[list[int]] = []
    asks: list[list[int]] = []
    trades: list[tuple[int, int, int, int]] = []
    for one in orders:
        is_buy = one.side is Side.BUY
        key = -one.steps if is_buy else one.steps
        mine, theirs = (bids, asks) if is_buy else (asks, bids)
        lots = one.lots
        while lots and theirs and theirs[0][0] <= -key:
            maker = theirs[0]
            matched = min(lots, maker[2])
            lots -= matched
            maker[2] -= matched
            trades.append((maker[1], one.number, abs(maker[0]), matched))
            if not maker[2]:
                heappop(theirs)
        if lots:
            heappush(mine, [key, one.number, lots])
    return len(trades)


def _fastlob(orders: list[Order]) -> Callable[[], object]:
    # It has no types and is not always there.
    import fastlob  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    logging.disable(logging.WARNING)
    sides = {Side.BUY: fastlob.OrderSide.BID, Side.SELL: fastlob.OrderSide.ASK}

    engine = MatchingEngine(price_places=0)
    for one in orders:
        engine.limit(one.number, owner="o", side=one.side, price=one.price, quantity=one.quantity)
    lots = [
        sum(int(level.quantity * 1_000) for level in engine.depth(side, levels=len(PRICES)))
        for side in (Side.BUY, Side.SELL)
    ]

    def run() -> None:
        with fastlob.Orderbook() as book:
            for one in orders:
                book(fastlob.OrderParams(sides[one.side], one.price, one.lots))
            assert [book.bids_volume(), book.asks_volume()] == lots, "another book is left"

    return run


# ---- over HTTP


class Server(NamedTuple):
    """What is served, with which parser of requests, on which event loop."""

    what: str
    parser: str
    loop: str

    def __str__(self) -> str:
        return f"{self.what}, {self.parser}, {self.loop}"


def _http() -> Report:
    parsers = ["h11"] + ["httptools"] * (find_spec("httptools") is not None)
    loops = ["asyncio"] + ["uvloop"] * (find_spec("uvloop") is not None)
    servers = [
        Server(what, parser, loop)
        for what in (EXCHANGE, BARE)
        for parser in parsers
        for loop in loops
    ]
    rounds: dict[Server, list[dict[str, float]]] = {server: [] for server in servers}
    order = list(servers)
    for _ in range(ROUNDS):
        for server in order:
            rounds[server].append(_measured(server))
        order.reverse()
    report = Report(
        name="exchange_http",
        question="signed limit orders, 50 connections; ratios to the bare framework alike",
        unit="orders per CPU second of the server",
    )
    for server, figures in rounds.items():
        rates = [1e6 / one["cpu_us"] for one in figures]
        bare = rounds[server._replace(what=BARE)]
        ratios = [base["cpu_us"] / one["cpu_us"] for one, base in zip(figures, bare, strict=True)]
        cpu_us, rate = (median(one[name] for one in figures) for name in ("cpu_us", "rate"))
        report.rows.append(
            Row(
                subject=str(server),
                median=median(rates),
                low=min(rates),
                high=max(rates),
                ratio=median(ratios) if server.what != BARE else None,
                note=f"{cpu_us:,.0f} us of CPU an order; the client saw {rate:,.0f}/s",
            )
        )
        if server.what == EXCHANGE:
            report.bounds.append(
                Bound(
                    name=f"orders per second of one core, {server}",
                    allowed=ORDERS_MIN,
                    measured=median(rates),
                    is_least=True,
                )
            )
    return report


def _measured(server: Server) -> dict[str, float]:
    with _serving(server) as (pid, ready):
        address = (ready["rest"], ready["api_key"], ready["api_secret"])
        client = subprocess.run(
            [
                *on_core(0),
                sys.executable,
                "exchange_caller.py",
                *address,
                str(pid),
                str(HTTP_ORDERS),
            ],
            cwd=HERE,
            check=True,
            capture_output=True,
            timeout=300,
        )
    figures: dict[str, float] = json.loads(client.stdout)
    # Where the system does not tell the CPU time of another program, the rate has to do.
    figures["cpu_us"] = figures["cpu_us"] or 1e6 / figures["rate"]
    return figures


@contextmanager
def _serving(server: Server) -> Iterator[tuple[int, dict[str, str]]]:
    with subprocess.Popen(
        [*on_core(-1), sys.executable, "exchange_server.py", *server],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        yield child.pid, json.loads(child.stdout.readline())
        # Leaving closes its standard input, which ends it.


if __name__ == "__main__":
    main()
