"""What the age of the books adds to reading a result and to booking one: nothing.

A subject is a store with so many events. A round loads the state, adds up what a report of realized
and open results reads, books one trade with its checkpoint of the capital, and commits it.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).parent))

from bench_cycle import OLD, YOUNG, working_copy
from harness import RESULTS, Bound, Report, paired_rounds
from memory_exchange import TRY

from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.cycle import Observation, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger import Account
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.money import ZERO, add, mul
from btcturk_kit.domain.orders import Side
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.profile import Profile

__all__ = ["main"]

ROUNDS = int(os.environ.get("BENCH_REPORT_ROUNDS", "15"))
STEPS = 40
AGE_RATIO_MAX = 1.1
FIRST_TRADE = 3_000_000_000
BTC = Asset("BTC")


class Books:
    """One store, and how to work on it."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        with SqliteStateStore.inspect(path) as store:
            stored = store.load()
        if stored is None:
            raise SystemExit(f"{path} holds no account")
        account = stored.state.account
        self.profile = Profile(
            account=account, symbols=(), day_end=lambda now_ms: now_ms + 86_400_000
        )
        self.store = stack.enter_context(SqliteStateStore.open(path, account=account))
        self.store.begin_epoch()
        self.trades = 0

    def measure(self) -> float:
        """Return the CPU of one report and one checkpoint, in ms."""
        start = process_time()
        for _ in range(STEPS):
            self._step()
        return (process_time() - start) * 1_000 / STEPS

    def _step(self) -> None:
        stored = self.store.load()
        assert stored is not None
        state = stored.state
        realized = cost = ZERO
        for position in state.positions.values():
            realized, cost = add(realized, position.realized_net), add(cost, position.cost)
        fees = state.ledger.balance(Account.FEE, TRY)
        if realized != state.capital.last_realized_pnl_total_try or fees < 0 or cost < 0:
            raise SystemExit("the books do not tell what they should")
        self.trades += 1
        at_ms = state.cursor_ms + 1
        fill = Fill(
            TradeId(FIRST_TRADE + self.trades),
            OrderId(self.trades),
            None,
            Symbol("BTCTRY"),
            BTC,
            TRY,
            Side.BUY if self.trades % 2 else Side.SELL,
            Decimal("0.0001"),
            mul(Decimal(2_500_000), Decimal("1.001")),
            Decimal("0.5"),
            Decimal("0.1"),
            at_ms,
        )
        draft = Draft(state, Observation(at_ms, {}), self.profile, {})
        book(draft, fill_event(fill, is_own=True, known_ms=at_ms))
        after = state._replace(
            cycle=state.cycle + 1,
            ledger=draft.ledger,
            positions=draft.positions,
            capital=draft.capital,
            cursor_ms=at_ms,
        )
        self.store.commit(
            StateCommit(
                after,
                state.ledger.event_count,
                at_ms,
                (fill,),
                tuple(draft.events),
                tuple(draft.capital_rows),
                tuple(draft.changed_positions.values()),
            )
        )


def main() -> None:
    """Measure and report."""
    old = int(os.environ.get("BENCH_REPORT_EVENTS", OLD))
    names = {f"{count:,} events": count for count in (YOUNG, old)}
    copies = {name: working_copy(count, f"report-{count}") for name, count in names.items()}
    with ExitStack() as stack:
        subjects = {name: Books(path, stack) for name, path in copies.items()}
        figures = paired_rounds(
            {name: partial(Books.measure, one) for name, one in subjects.items()}, rounds=ROUNDS
        )
    for path in copies.values():
        for left in RESULTS.glob(f"{path.name}*"):
            left.unlink()
    report = Report(
        name="report",
        question="CPU of reading the heads of a result and committing one checkpoint",
        unit="ms",
    )
    young_name, old_name = names
    report.add_rounds(figures, baseline=young_name)
    ratios = [
        after / before for before, after in zip(figures[young_name], figures[old_name], strict=True)
    ]
    report.bounds.append(
        Bound(
            name=f"PnL report and checkpoint, {old_name} against {young_name}",
            allowed=AGE_RATIO_MAX,
            measured=median(ratios),
        )
    )
    report.finish()


if __name__ == "__main__":
    main()
