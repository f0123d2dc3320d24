"""Stage-7 runs over recorded bars: real risk inputs, a steered universe, documents, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from sqlite3 import connect
from typing import Any, NamedTuple

import pytest
from tests.unit.reporting.published import adapter
from tests.unit.runtime.floor import BTCTRY, ETHTRY, PAIRS, split, two_pairs

from btcturk_kit.adapters.journal_file import read_journal
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.compose.stage7 import stage7_simulation
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import MarketFrame, OrderBook
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.runtime.run_report import RunReport
from btcturk_kit.settings import FixedSettings, Settings
from btcturk_kit.simulation.venue_models import Throttle, VenueModels


class Recorded:
    """Two pairs of recorded bars, as blocks."""

    def __init__(self, frame: MarketFrame) -> None:
        self._frames = [frame]

    async def pair_rules(self) -> Mapping[Symbol, PairRules]:
        """Return the rules of both pairs."""
        return PAIRS

    async def next_frame(self) -> MarketFrame | None:
        """Return the block, then None."""
        return self._frames.pop() if self._frames else None


class Ran(NamedTuple):
    """A run and what it wrote."""

    report: RunReport
    documents: list[dict[str, Any]]
    pre_cycle: str | None
    versions: int


def settings(**changes: Any) -> Settings:
    """Return settings of a quick trend bot on both pairs."""
    return FixedSettings(
        **{
            "symbols": (BTCTRY, ETHTRY),
            "parameters": {"trend": {"fast_bars": 4, "slow_bars": 12}},
            **changes,
        }
    )


def ran(
    tmp_path: Path,
    frame: MarketFrame,
    *,
    max_cycles: int | None = None,
    chosen: Settings | None = None,
    **options: Any,
) -> Ran:
    """Run stage 7 over a frame, with a journal, on the state in this folder."""

    async def run() -> Ran:
        async with stage7_simulation(
            chosen or settings(),
            Recorded(frame),
            PAIRS,
            db=tmp_path / "s7.sqlite3",
            journal=tmp_path / "s7.jsonl",
            **options,
        ) as bot:
            report = await bot.runner.run(max_cycles=max_cycles)
            versions = len(bot.steering.adaptive.versions)
            documents = list(read_journal(tmp_path / "s7.jsonl"))
            return Ran(report, documents, bot.pre_cycle, versions)

    return asyncio.run(run())


def test_a_run_writes_a_valid_document_of_every_event_cycle(tmp_path: Path) -> None:
    """Trades happen, each document has the published shape, and net is gross less charges."""
    found = ran(tmp_path, two_pairs(200, seed=3))
    assert found.report.cycles == 200
    check = adapter()
    for one in found.documents:
        check.validate_python(one)
        figures = {name: Decimal(text) for name, text in one["metrics"].items()}
        charges = figures["fees_try"] + figures["tax_try"]
        assert figures["net_try"] == figures["gross_try"] - charges
    last = found.documents[-1]
    assert last["metrics"]["fills"] > 4
    assert last["digest"] == found.report.state.digest
    assert [one["symbol"] for one in last["universe"]["members"]] == [BTCTRY, ETHTRY]
    assert last["parameters"]["version"] == found.versions


def test_the_risk_decision_measures_every_pair(tmp_path: Path) -> None:
    """Volume and volatility of 24 hours stand in every risk decision, from the recorded bars."""
    found = ran(tmp_path, two_pairs(60, seed=3))
    rules = found.documents[-1]["risk"]["rules"]
    for rule in ("volume", "volatility"):
        rows = [one for one in rules if one["rule"] == rule]
        assert [one["symbol"] for one in rows] == [BTCTRY, ETHTRY]
        assert all(Decimal(one["measured"]) > 0 for one in rows)


@pytest.mark.parametrize(
    ("rule", "limit"),
    [
        ("drawdown", {"drawdown_ratio": "0.0001"}),
        ("daily_loss", {"daily_loss_ratio": "0.0001"}),
        ("volume", {"volume_try_min": "1e30"}),
        ("volatility", {"volatility_ratio_max": "0.0001"}),
        ("fee_burn", {"fee_burn_ratio": "0.000001"}),
    ],
)
def test_each_input_drives_the_decision(tmp_path: Path, rule: str, limit: dict[str, str]) -> None:
    """With its limit lowered, and nothing else, the rule speaks: its input is measured."""
    frame = two_pairs(120, seed=3)
    calm = ran(tmp_path / "calm", frame) if (tmp_path / "calm").mkdir() is None else None
    (tmp_path / "tight").mkdir()
    tight = ran(tmp_path / "tight", frame, chosen=settings(**limit))
    assert calm is not None

    def crossed(one: Ran) -> bool:
        return any(
            row["rule"] == rule and row["is_crossed"]
            for document in one.documents
            for row in document["risk"]["rules"]
        )

    assert crossed(tight)
    assert not crossed(calm)


def test_a_wide_spread_drives_the_decision(tmp_path: Path) -> None:
    """The spread of a held pair is measured from bid and ask of the recording."""
    frame = two_pairs(120, seed=3)
    wide = tuple(
        [
            replace(
                one,
                ask=[
                    value * 110 // 100 if at >= 60 else value for at, value in enumerate(one.close)
                ],
            )
            for one in frame.bars
        ]
    )
    found = ran(tmp_path, replace(frame, bars=wide))
    rows = [row for one in found.documents for row in one["risk"]["rules"]]
    assert any(row["rule"] == "spread" and row["is_crossed"] for row in rows)
    assert any(one["mode"]["final"] == "REDUCE_RISK_ONLY" for one in found.documents)


def test_the_age_of_data_drives_the_decision(tmp_path: Path) -> None:
    """Where all books are older than the limit, the bot observes only."""
    found = ran(tmp_path, aged(BTCTRY, ETHTRY))
    row = next(one for one in found.documents[0]["risk"]["rules"] if one["rule"] == "stale_data")
    assert (row["measured"], row["is_crossed"]) == ("31000", True)
    assert found.documents[0]["mode"]["final"] == "OBSERVE_ONLY"


def test_an_old_pair_that_is_not_held_stops_no_other(tmp_path: Path) -> None:
    """It is not bought itself (`stale_pair`); the bot goes on with the pairs whose price is new."""
    found = ran(tmp_path, aged(BTCTRY))
    assert found.report.cycles > 0
    assert found.report.state.mode.mode is RiskMode.NORMAL
    assert found.documents == []


def aged(*symbols: Symbol) -> MarketFrame:
    """Return an instant of two pairs; the books of these are 31 seconds old."""
    frame = split(two_pairs(1, seed=3))[0]
    now_ms = frame.times_ms[0]
    return replace(
        frame, books=tuple([OrderBook(one, (), (), now_ms - 31_000, now_ms) for one in symbols])
    )


def test_a_losing_streak_drives_the_decision(tmp_path: Path) -> None:
    """As many losing round trips in a row as are allowed make orders smaller."""
    found = ran(tmp_path, two_pairs(200, seed=3), chosen=settings(loss_streak=1))
    rows = [
        (row, one["risk"]["multiplier"])
        for one in found.documents
        for row in one["risk"]["rules"]
        if row["rule"] == "loss_streak"
    ]
    assert any(row["is_crossed"] and multiplier == "0.5" for row, multiplier in rows)
    assert any(not row["is_crossed"] and multiplier == "1" for row, multiplier in rows)


def test_a_dynamic_universe_is_reviewed_and_explained(tmp_path: Path) -> None:
    """Scores with their parts stand in the document; each member came once, at the first look."""
    found = ran(tmp_path, two_pairs(80, seed=3), is_dynamic=True)
    universe = found.documents[-1]["universe"]
    assert universe["kind"] == "dynamic"
    assert [one["rank"] for one in universe["scores"]] == [1, 2]
    for one in universe["scores"]:
        assert Decimal(one["total"]) == sum(Decimal(part["points"]) for part in one["parts"])
    changed = [row for one in found.documents for row in one["anomalies"]]
    assert sum(row["code"] == "universe_changed" for row in changed) == 2


def test_a_run_goes_on_where_the_last_one_stood(tmp_path: Path) -> None:
    """Two halves on one state tell the same decisions as one run, and one journal holds both."""
    frame = two_pairs(120, seed=3)
    for name in ("whole", "halves"):
        (tmp_path / name).mkdir()
    whole = ran(tmp_path / "whole", frame)
    ran(tmp_path / "halves", frame, max_cycles=60)
    second = ran(tmp_path / "halves", frame)
    assert second.report.cycles == 60
    state, other = second.report.state, whole.report.state
    assert state.performance.total == other.performance.total
    assert state.capital._replace(account="") == other.capital._replace(account="")
    names = [
        (one["client_order_id"], one["ordinal"])
        for document in second.documents
        for one in document["fills"]
    ]
    assert len(names) == len(set(names))


def test_a_pre_cycle_of_stage_4_runs_before(tmp_path: Path) -> None:
    """Its digest stands in every document, and it took the first instant."""
    found = ran(tmp_path, two_pairs(50, seed=3), has_pre_cycle=True)
    assert found.report.cycles == 49
    assert {one["pre_cycle"] for one in found.documents} == {found.pre_cycle}


class StoppedError(Exception):
    """Raised at a statement, as if the process had ended there."""


def whole_state(path: Path) -> tuple[Any, ...]:
    """Return what a file holds: fills, events, positions, charges and how far they go."""
    with closing(connect(path)) as file:
        return tuple(
            tuple(file.execute(f"SELECT * FROM {name} ORDER BY 1, 2"))  # noqa: S608 - our tables
            for name in TABLES
        )


TABLES = ("fills", "ledger_events", "ledger_legs", "positions", "orders", "cycle_state")


def test_a_restart_goes_on_with_members_parameters_and_digest(tmp_path: Path) -> None:
    """Three parts on one file end where one run ends: the same seats, versions and digest."""
    frame = two_pairs(150, seed=3)
    ends = []
    for name, parts in (("one", (None,)), ("three", (40, 50, None))):
        (tmp_path / name).mkdir()
        for part in parts:
            found = ran(tmp_path / name, frame, max_cycles=part, is_dynamic=True)
        last = found.documents[-1]
        stored = SqliteStateStore.peek(tmp_path / name / "s7.sqlite3", account="stage7")
        assert stored is not None
        state = dict(stored.strategy_states)["steering"]
        ends.append((last["universe"], last["parameters"], found.report.state.digest, state))
    assert ends[0] == ends[1]
    assert ends[0][1]["version"] > 1


def test_a_pair_outside_the_universe_is_sold_and_never_bought(tmp_path: Path) -> None:
    """A pair that becomes too wide leaves at the review: buys are denied, its coins are sold."""
    frame = two_pairs(200, seed=3)
    ether = frame.bars[1]
    wide = replace(
        ether,
        ask=[close if at < 60 else close * 103 // 100 for at, close in enumerate(ether.close)],
    )
    found = ran(
        tmp_path,
        replace(frame, bars=(frame.bars[0], wide)),
        is_dynamic=True,
        chosen=settings(spread_ratio_max="1"),
    )
    after = [one for one in found.documents if one["now_ms"] > frame.times_ms[60]]
    assert all(
        [row["symbol"] for row in one["universe"]["members"]] == [BTCTRY] for one in after[1:]
    )
    excluded = {(row["symbol"], row["code"]) for row in after[-1]["universe"]["excluded"]}
    assert excluded == {(ETHTRY, "too_wide")}
    codes = {row["code"] for one in after for row in one["reviews"] if row["verdict"] == "deny"}
    assert "universe" in codes
    sides = {row["side"] for one in after for row in one["submits"] if row["symbol"] == ETHTRY}
    assert "buy" not in sides


def test_throttles_of_the_exchange_tighten_the_parameters(tmp_path: Path) -> None:
    """One request a day: what is told to wait is evidence, and fewer orders a cycle follow."""
    models = VenueModels(throttle=Throttle(windows=((1, 3 * 86_400_000),)))
    found = ran(tmp_path, two_pairs(200, seed=3), models=models)
    changes = [
        row
        for one in found.documents
        for row in one["parameters"]["changes"]
        if row["evidence"].startswith("throttled")
    ]
    assert {row["name"] for row in changes} >= {"orders_per_cycle_max"}
    assert all(Decimal(row["after"]) < Decimal(row["before"]) for row in changes[:1])


def test_a_commit_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """Ended at any statement of the cycle that books a trade: all of it is there, or none."""
    frame = two_pairs(60, seed=3)
    path = tmp_path / "s7.sqlite3"
    calm = ran(tmp_path, frame)
    at_ms = next(one["now_ms"] for one in calm.documents if one["fills"])
    before = frame.times_ms.index(at_ms)
    for file in tmp_path.iterdir():
        file.unlink()
    ran(tmp_path, frame, max_cycles=before)
    start = path.read_bytes()
    old = whole_state(path)
    states: set[tuple[Any, ...]] = set()
    names: list[str] = []
    stop_at = 0
    while True:
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(start)
        names.clear()

        def count(name: str, last: int = stop_at) -> None:
            names.append(name)
            if len(names) > last:
                raise StoppedError(name)

        try:
            ran(tmp_path, frame, max_cycles=1, on_statement=count)
        except StoppedError:
            states.add(whole_state(path)[:4])
            stop_at += 1
        else:
            break
    new = whole_state(path)
    assert old[:4] != new[:4]
    assert states <= {old[:4], new[:4]}
    assert len(states) == 2
    assert len(names) > 15
