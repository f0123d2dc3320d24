"""Policies replayed over a ledger: the one in force gives the journal, others their own."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import pairwise

import pytest

from btcturk_kit.domain.capital import (
    CapitalState,
    Granularity,
    ProfitBasis,
    SelfFinancing,
    SplitBasis,
)
from btcturk_kit.domain.cycle import Observation
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import treasury_event
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.operator_events import transfer_event, valuation_event
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.pipeline.booking import book, late_assets
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.finance import finance_cycle
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.reporting.policy_replay import outcome_of, realized_steps, replay_policy

from .ledgers import DAY_MS, START_MS, TRY, fill, opening, random_ledger, sold

BUY, SELL = Side.BUY, Side.SELL
HIGH = SelfFinancing(profit_basis=ProfitBasis.HIGH_WATER_MARK)
EVERY_POLICY = [
    SelfFinancing(
        trading_ratio=1 - ratio, treasury_ratio=ratio, basis=basis, profit_basis=profit,
        granularity=granularity,
    )
    for ratio in (Decimal(0), Decimal("0.4"), Decimal(1))
    for basis in SplitBasis
    for profit in ProfitBasis
    for granularity in Granularity
]  # fmt: skip


def opened(events: list[LedgerEvent]) -> CapitalState:
    """Return the capital after the opening."""
    ledger = Ledger().post(events[0])
    own = events[0].legs
    return CapitalState(
        "main", next(leg.amount for leg in own if leg.asset == TRY), last_event_count=1,
        last_event_key=ledger.last_event_key, content_hash=ledger.content_hash,
    )  # fmt: skip


def round_trips(*results: int) -> list[LedgerEvent]:
    """Return a ledger that realizes these results, one after the other."""
    events = [opening(TRY="100000")]
    for number, result in enumerate(results):
        events.append(sold(fill(2 * number + 1, BUY, "1", "1000", day=2 * number + 1)))
        events.append(sold(fill(2 * number + 2, SELL, "1", f"{1000 + result}", day=2 * number + 2)))
    return events


def test_a_break_even_ledger_tells_the_two_profit_bases_apart() -> None:
    """After +100, -100 and +150 the checkpoint rule kept 100, the high-water mark 60."""
    events = round_trips(100, -100, 150)
    steps = realized_steps(events, account="main")
    plain = outcome_of(replay_policy(steps, opened(events), SelfFinancing()), steps)
    high = outcome_of(replay_policy(steps, opened(events), HIGH), steps)
    assert (plain.treasury_try, high.treasury_try) == (100, 60)
    assert (plain.trading_capital_try, high.trading_capital_try) == (100_050, 100_090)
    assert (plain.split_count, high.split_count) == (2, 2)
    assert (plain.drawdown_try, plain.peak_try) == (100, 100_060)


@pytest.mark.parametrize("seed", [5, 6])
def test_every_policy_keeps_the_sum(seed: int) -> None:
    """What both have together is moved by realized results and transfers alone."""
    events = random_ledger(seed)
    steps = realized_steps(events, account="main")
    start = opened(events)
    facts = [step.checkpoint for step in steps]
    last = facts[-1]
    moved = sum((one.trading_transfer_try + one.treasury_transfer_try for one in facts), Decimal(0))
    for policy in EVERY_POLICY:
        journal = replay_policy(steps, start, policy)
        total = journal[-1].trading_capital_try + journal[-1].treasury_try
        assert total == start.trading_capital_try + last.realized_net_total + moved
        assert journal[-1].content_hash == last.content_hash
        kept = [row.treasury_try for row in journal]
        explicit = any(one.treasury_transfer_try for one in facts)
        assert explicit or all(after >= before for before, after in pairwise(kept))


def journal_of(events: list[LedgerEvent], policy: SelfFinancing) -> list[CapitalState]:
    """Book facts one by one as a running bot does, and return the journal that it writes."""
    profile = Profile(
        account="main",
        symbols=(),
        day_end=lambda now_ms: now_ms,
        risk=RiskBudgetPolicy(financing=policy),
    )
    balances = [
        (leg.asset, leg.amount) for leg in events[0].legs if leg.account is not Account.OPENING
    ]
    commit = open_account(
        "main",
        tuple(Balance(asset, amount, Decimal(0)) for asset, amount in balances),
        quote=TRY,
        now_ms=START_MS,
        day_end=lambda now_ms: now_ms,
    )
    assert commit.events == (events[0],)
    state, rows = commit.state, list(commit.capital_rows)
    booked = [events[0]]
    for event in events[1:]:
        late = tuple(
            (asset, tuple(one for one in booked if any(leg.asset == asset for leg in one.legs)))
            for asset in late_assets(state, [event])
        )
        draft = Draft(state, Observation(event.known_ms, {}, history=late), profile, {})
        book(draft, event)
        finance_cycle(draft)
        rows += draft.capital_rows
        booked.append(event)
        state = state._replace(
            ledger=draft.ledger, positions=draft.positions, external=draft.external,
            capital=draft.capital, unvalued=draft.unvalued,
        )  # fmt: skip
    return rows


@pytest.mark.parametrize("seed", [8, pytest.param(range(9, 20), marks=pytest.mark.long)])
def test_the_policy_in_force_replayed_is_the_journal(seed: int | range) -> None:
    """Row by row what a bot under that policy stored, whatever happened and however late."""
    for one in [seed] if isinstance(seed, int) else seed:
        facts = random_ledger(one)
        # Every fact in a cycle of its own; every fifth one becomes known ten facts late.
        late = [facts.pop(place) for place in range(len(facts) - 12, 5, -5)]
        for place, fact in zip(range(len(facts), 16, -4), late, strict=False):
            facts.insert(place, fact)
        events = [
            fact._replace(known_ms=START_MS + 30 * DAY_MS + place) if place else fact
            for place, fact in enumerate(facts)
            if fact.kind is not EventKind.TREASURY
        ]
        events = _valued_after_their_trades(events)
        for policy in EVERY_POLICY:
            stored = journal_of(events, policy)
            steps = realized_steps(events, account="main")
            assert list(replay_policy(steps, stored[0], policy)) == stored


def _valued_after_their_trades(events: list[LedgerEvent]) -> list[LedgerEvent]:
    """Leave out valuations that came before the trade they value."""
    known: set[str] = set()
    kept: list[LedgerEvent] = []
    for event in events:
        explained = event.key.removeprefix("valuation:")
        if explained == event.key or explained in known:
            kept.append(event)
            known.add(event.key)
    return kept


def test_what_the_policy_in_force_set_aside_is_not_a_fact_of_the_ledger() -> None:
    """Treasury transfers of the recorded policy change nothing for the replayed one."""
    events = round_trips(100, 50)
    split = treasury_event(events[2].key, Decimal(40), quote=TRY, now_ms=START_MS)
    with_split = [*events[:3], split, *events[3:]]
    assert realized_steps(with_split, account="main") == realized_steps(events, account="main")


def test_facts_of_one_instant_are_one_step_of_the_literal_rule() -> None:
    """A gain and a loss of one cycle are split as their sum, an operator's transfer beside it."""
    events = [event._replace(known_ms=START_MS + DAY_MS) for event in round_trips(100, -60)]
    moved = transfer_event(
        "transfer:1", Decimal(500), source="bot", target="unassigned", quote=TRY,
        now_ms=START_MS + DAY_MS, reason="rent",
    )  # fmt: skip
    events.append(moved)
    steps = realized_steps(events, account="main")
    literal = SelfFinancing(granularity=Granularity.CHECKPOINT)
    journal = replay_policy(steps, opened(events), literal)
    assert len(journal) == 2
    assert (journal[-1].treasury_try, journal[-1].trading_capital_try) == (16, 100_024 - 500)
    by_event = replay_policy(steps, opened(events), SelfFinancing())
    assert by_event[-1].treasury_try == 40
    assert outcome_of(journal, steps).drawdown_try == 0


@pytest.mark.parametrize("method", CostMethod)
def test_a_late_fact_restates_what_was_realized(method: CostMethod) -> None:
    """Booked in any order, the last step has the totals of the books in order."""
    events = round_trips(100, -30, 60)
    shuffled = [events[0], *random.Random(3).sample(events[1:], 6)]  # noqa: S311 - any order
    ordered = realized_steps(events, account="main", method=method)
    late = realized_steps(shuffled, account="main", method=method)
    assert late[-1].checkpoint.realized_net_total == 130
    assert ordered[-1].checkpoint.realized_net_total == 130
    assert late[-1].checkpoint.event_count == ordered[-1].checkpoint.event_count


def test_nothing_is_split_while_a_charge_has_no_value() -> None:
    """Steps are deferred from the trade whose charge has no rate until its value is told."""
    bnb = Asset("BNB")
    events = round_trips(100)
    trade = sold(fill(9, BUY, "1", "1000", day=9, fee="0.1", charge_asset=bnb))
    told = valuation_event(trade, Decimal(60), known_ms=START_MS + 20 * DAY_MS)
    bought = sold(fill(8, BUY, "1", "50", day=8, base=bnb))
    later = sold(fill(10, SELL, "1", "1100", day=10))
    steps = realized_steps([*events, bought, trade, later, told], account="main")
    assert [step.checkpoint.is_deferred for step in steps] == [
        False,
        False,
        False,
        True,
        True,
        False,
    ]
    journal = replay_policy(steps, opened(events), SelfFinancing())
    assert [row.deferred_try for row in journal][-3:] == [Decimal(-5), Decimal(95), Decimal(0)]
    assert journal[-1].treasury_try == 40 + Decimal("0.4") * 95
