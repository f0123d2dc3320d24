"""Profit and loss as the cycle keeps it: totals, days and trips, in the step that books a fact."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.attribution import realized_steps
from btcturk_kit.domain.cycle import CycleState, Decision, Mark
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger import Account, Leg
from btcturk_kit.domain.ledger_events import difference_event, fill_event
from btcturk_kit.domain.lots import lot_moves
from btcturk_kit.domain.money import ZERO, exactly, mul
from btcturk_kit.domain.operator_events import (
    adjustment_event,
    assignment_event,
    transfer_event,
    valuation_event,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.performance import Performance, mark_equity, mark_quiet, unrealized
from btcturk_kit.domain.pnl_days import PnlDay, day_so_far, day_start
from btcturk_kit.domain.pnl_report import pnl_report
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.pipeline.perform import mark_performance

from .desk import (
    BTC,
    BTCTRY,
    DAY_END_MS,
    DAY_MS,
    ETH,
    ETHTRY,
    NOW_MS,
    OPENED_MS,
    RULES,
    TRY,
    balances,
    booked,
    buy,
    decide_on,
    fill,
    kit_of,
    mark,
    observe,
    opened,
    profile_of,
    sell,
)

USDT, BNB = Asset("USDT"), Asset("BNB")


def at(price: str, now_ms: int = NOW_MS) -> dict[Symbol, Mark]:
    """Return a market of BTC alone."""
    return {BTCTRY: mark(price, at=now_ms)}


def balanced(day: PnlDay) -> bool:
    """Return whether a day's equity moved by what is attributed to it, net and gross."""
    total = day.total
    with exactly():
        change = day.equity_end_try - day.equity_start_try
        net = total.realized_net + day.unrealized_net_end - day.unrealized_net_start
        gross = total.realized_gross + day.unrealized_gross_end - day.unrealized_gross_start
        charges = total.fees_try + total.tax_try
        return change == net + day.flows_try == gross - charges + day.flows_try


def known_late(state: CycleState, *fills: Fill, late: Fill, now_ms: int = NOW_MS) -> Decision:
    """Decide on a trade that became known after others of its asset."""
    history = tuple(fill_event(one, is_own=True, known_ms=NOW_MS) for one in fills)
    seen = observe(now_ms, fills=(late,), history=((BTC, history),))
    return decide_on(state, seen)


def draft_of(state: CycleState, now_ms: int = NOW_MS, **changes: object) -> Draft:
    """Return a draft that books what a test gives it."""
    return Draft(state, observe(now_ms, **changes), profile_of(), RULES)


def test_a_round_trip_in_one_pair() -> None:
    """What a pair earned, paid and turned over, and the trip it was."""
    state = booked(opened(), buy(1, "0.01", "1000000", fee="20", tax="4"))
    decision = decide_on(state, observe(fills=(sell(2, "0.01", "1010000", fee="21", tax="5"),)))
    totals = decision.state.performance.symbols[BTCTRY]
    assert totals == (BTC, Decimal(50), Decimal(100), 41, 9, Decimal(10_000), Decimal(10_100), 2)
    assert totals.turnover_try == 20_100
    (trip,) = decision.trips
    assert trip == (BTC, OPENED_MS + 10_000, OPENED_MS + 20_000, Decimal("0.01"), 50, 100, 41, 9, 0)
    assert (trip.duration_ms, trip.is_restated) == (10_000, False)


def test_a_trip_ends_at_dust_and_the_next_one_takes_it() -> None:
    """Coins worth less than the dust limit are as good as none; their result comes later."""
    state = booked(opened(), buy(1, "0.01", "1000000"))
    first = decide_on(state, observe(fills=(sell(2, "0.009995", "1100000"),)))
    assert [trip.quantity for trip in first.trips] == [Decimal("0.01")]
    more = decide_on(first.state, observe(fills=(sell(3, "0.000005", "1200000"),)))
    assert more.trips == ()  # dust to nothing is no trip
    state = booked(more.state, buy(4, "0.01", "1000000"))
    last = decide_on(state, observe(fills=(sell(5, "0.01", "1000000"),)))
    assert [trip.realized_net for trip in last.trips] == [Decimal(1)]
    assert last.trips[0].realized_net + first.trips[0].realized_net == (
        last.state.performance.total.realized_net
    )


def test_a_part_of_a_position_that_is_sold_ends_no_trip() -> None:
    """A trip goes on while more than dust is left, and counts what came in."""
    state = booked(opened(), buy(1, "0.01", "1000000"), buy(2, "0.02", "1000000"))
    decision = decide_on(state, observe(fills=(sell(3, "0.01", "1000000"),)))
    assert decision.trips == ()
    trip = decision.state.performance.trips[BTC]
    assert (trip.opened_ms, trip.quantity) == (OPENED_MS + 10_000, Decimal("0.03"))


def test_a_sub_cent_token_loses_no_digit() -> None:
    """Eighteen decimals at a price of 0.00000123: every sum is exact."""
    token = Asset("PEPE")
    small = "123456789.123456789012345678"
    trades = (
        fill(1, Side.BUY, small, "0.00000123", fee="0.00000001", base=token),
        fill(2, Side.SELL, "0.000000000000000001", "0.00000124", base=token),
    )
    state = booked(opened(), *trades)
    prices = {Symbol("PEPETRY"): mark("0.00000125")}
    decision = decide_on(state, observe(NOW_MS + 1, marks=prices))
    performance = decision.state.performance
    totals = performance.symbols[Symbol("PEPETRY")]
    assert totals.bought_try == mul(Decimal(small), Decimal("0.00000123"))
    assert totals.sold_try == Decimal("0.00000124E-18")
    day = day_so_far(performance, decision.state)
    assert balanced(day)
    report = pnl_report(decision.state, dict(performance.marks))
    assert report.equity_try == performance.equity_try == decision.equity_try


def test_a_profit_taking_day_shows_no_loss() -> None:
    """The split moves cash to the treasury: trading capital changes, equity and results do not."""
    state = booked(opened(), buy(1, "0.02", "1000000"))
    before = decide_on(state, observe(NOW_MS, marks=at("1100000"))).state
    taken = decide_on(
        before, observe(NOW_MS, marks=at("1100000"), fills=(sell(2, "0.02", "1100000"),))
    ).state
    assert taken.capital.treasury_try == 800
    assert taken.capital.trading_capital_try == 101_200
    assert taken.performance.equity_try == before.performance.equity_try == 102_000
    assert taken.performance.drawdown_try == 0
    day = day_so_far(taken.performance, taken)
    assert (day.total.realized_net, day.flows_try, day.treasury_try) == (2_000, 0, 800)
    assert balanced(day)


def test_midnight_ends_the_day_with_the_last_equity_before_it() -> None:
    """What becomes known after midnight is of the new day; the ended one is told once."""
    state = booked(opened(), buy(1, "0.01", "1000000"))
    last = decide_on(state, observe(DAY_END_MS - 1, marks=at("1200000", DAY_END_MS - 1)))
    assert last.days == ()
    first = decide_on(
        last.state,
        observe(DAY_END_MS, marks=at("1100000", DAY_END_MS), fills=(sell(2, "0.01", "1100000"),)),
    )
    (ended,) = first.days
    assert (ended.start_ms, ended.end_ms) == (OPENED_MS, DAY_END_MS)
    assert (ended.equity_start_try, ended.equity_end_try) == (100_000, 102_000)
    assert (ended.unrealized_net_end, ended.total.realized_net) == (2_000, 0)
    assert not first.is_quiet
    day = day_so_far(first.state.performance, first.state)
    assert (day.equity_start_try, day.equity_end_try) == (102_000, 101_000)
    assert (day.start_ms, day.total.realized_net, day.total.fills) == (DAY_END_MS, 1_000, 1)
    assert (day.high_try, day.drawdown_try) == (102_000, 1_000)
    assert balanced(ended)
    assert balanced(day)


def test_quiet_cycles_before_midnight_end_the_day() -> None:
    """The last instant before midnight may be one in which nothing was decided."""
    state = booked(opened(), buy(1, "0.01", "1000000"))
    quiet = mark_quiet(state.performance, [100_300_00, 100_500_00], 2)
    seen = observe(DAY_END_MS, marks=at("1100000", DAY_END_MS))
    (ended,) = decide_on(state._replace(performance=quiet), seen).days
    assert (ended.equity_end_try, ended.high_try) == (100_500, 100_500)
    assert balanced(ended)


@pytest.mark.parametrize(
    "equities",
    [
        [],
        [9_000, 8_000, 9_500],
        [11_000],
        [9_000, 12_000, 7_000, 13_000, 12_999],
        [10_000, 10_001, 9_999],
        [12_000, 11_000, 11_500],
    ],
)
@pytest.mark.parametrize("high", ["100", "100.001", "99.999"])
def test_quiet_instants_are_marked_as_decided_ones(equities: list[int], high: str) -> None:
    """All at once gives the highest equity and the deepest fall that one by one gives."""
    start = Performance(high_try=Decimal(high), drawdown_try=Decimal(5), equity_try=Decimal(99))
    one_by_one = start
    for units in equities:
        one_by_one = mark_equity(one_by_one, Decimal(units).scaleb(-2), ())
    assert mark_quiet(start, equities, 2) == one_by_one


def test_the_first_cycle_of_a_day_needs_no_earlier_one() -> None:
    """A bot that was off for days begins with the equity it had, and no day is made up."""
    state = booked(opened(), buy(1, "0.01", "1000000"))
    now_ms = OPENED_MS + 5 * DAY_MS + 1
    decision = decide_on(state, observe(now_ms, marks=at("900000", now_ms)))
    assert len(decision.days) == 1
    day = day_so_far(decision.state.performance, decision.state)
    assert day.start_ms == OPENED_MS + 5 * DAY_MS
    assert (day.equity_start_try, day.equity_end_try) == (100_000, 99_000)
    assert balanced(day)


def ms(text: str) -> int:
    """Return an instant that is written in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("noon", "start", "hours"),
    [
        ("2015-11-08T12:00", "2015-11-07T21:00", 25),  # the clock was put back that night
        ("2016-03-27T12:00", "2016-03-26T22:00", 23),  # and forward
        ("2016-11-06T12:00", "2016-11-05T21:00", 24),  # the year in which it stayed
        ("2026-11-26T12:00", "2026-11-25T21:00", 24),
    ],
)
def test_a_historic_change_of_the_zones_offset(noon: str, start: str, hours: int) -> None:
    """A day is from midnight to midnight of the zone, however long that is, and none is lost."""
    day_end = day_end_in("Europe/Istanbul")
    now_ms, start_ms = ms(noon), ms(start)
    assert day_start(now_ms, day_end) == start_ms
    assert day_start(start_ms, day_end) == start_ms
    assert day_start(start_ms - 1, day_end) < start_ms
    state = open_account(
        "main", balances("1000"), quote=TRY, now_ms=start_ms - 5, day_end=day_end
    ).state
    kit = kit_of(profile=profile_of(day_end=day_end))
    rows = []
    for hour in range(hours + 1):
        decision = decide_on(state, observe(start_ms + hour * 3_600_000), kit=kit)
        state = decision.state
        rows += decision.days
    assert [(day.end_ms - day.start_ms) for day in rows] == [5, hours * 3_600_000]
    assert state.performance.day.start_ms == start_ms + hours * 3_600_000


def usdt_trade(trade: int, side: Side, quantity: str, price: str, rate: str) -> Fill:
    """Return a trade of BTC against USDT with a fee in USDT."""
    return Fill(
        TradeId(trade),
        OrderId(trade),
        ClientOrderId("bk1-a"),
        Symbol("BTCUSDT"),
        BTC,
        USDT,
        side,
        Decimal(quantity),
        Decimal(price),
        Decimal(2),
        ZERO,
        OPENED_MS + 10_000 * trade,
        None,
        None,
        Decimal(rate),
    )


def test_a_trade_in_usdt_is_valued_at_its_own_time() -> None:
    """Turnover, fee and result are at the rate of the trade; what is left is marked at today's."""
    state = opened()
    tether = fill(1, Side.BUY, "1000", "40", base=USDT)
    draft = draft_of(state)
    with exactly():
        for one in (
            tether,
            usdt_trade(2, Side.BUY, "0.01", "25000", "41"),
            usdt_trade(3, Side.SELL, "0.01", "26000", "42"),
        ):
            book(draft, fill_event(one, is_own=True))
    totals = draft.performance.symbols[Symbol("BTCUSDT")]
    assert (totals.bought_try, totals.sold_try) == (250 * 41, 260 * 42)
    assert totals.fees_try == 2 * 41 + 2 * 42
    # 250 and 2 USDT that had cost 40 were given at 41; BTC was bought and sold at TRY values.
    assert totals.realized_net == 252 * 1 + (258 * 42 - 252 * 41)
    seen = {Symbol("USDTTRY"): mark("45")}
    after = decide_on(
        state._replace(
            ledger=draft.ledger,
            positions=draft.positions,
            capital=draft.capital,
            performance=draft.performance,
        ),
        observe(marks=seen),
    ).state
    report = pnl_report(after, dict(after.performance.marks))
    (held,) = report.holdings
    assert (held.asset, held.quantity, held.value_try) == (USDT, 1_006, 1_006 * 45)
    assert balanced(day_so_far(after.performance, after))


def test_a_coin_without_a_mark_counts_at_its_cost_and_is_named() -> None:
    """Nothing is made up where there is no market."""
    state = booked(opened(), buy(1, "0.01", "1000000", fee="10"))
    report = pnl_report(state, {})
    assert report.unmarked == (BTC,)
    assert (report.unrealized_net, report.unrealized_gross) == (0, 10)
    assert (report.equity_try, report.exposure_try) == (100_000, 10_010)
    assert report.opening_try == 100_000


def test_a_late_trade_restates_where_it_became_known() -> None:
    """The totals are those of all trades in their order; the trip and the day say what changed."""
    first, sold = buy(2, "0.01", "1000000"), sell(3, "0.01", "1100000")
    state = booked(opened(), first, sold)
    late = known_late(state, first, sold, late=buy(1, "0.01", "900000"))
    totals = late.state.performance.symbols[BTCTRY]
    assert totals.realized_net == 2_000
    day = day_so_far(late.state.performance, late.state)
    assert (day.restated_net, day.total.realized_net) == (1_000, 2_000)
    assert late.trips == ()
    trip = late.state.performance.trips[BTC]
    assert (trip.restated_net, trip.opened_ms) == (1_000, NOW_MS)
    known = late.state
    (closed,) = decide_on(known, observe(fills=(sell(9, "0.01", "1000000"),))).trips
    assert (closed.realized_net, closed.restated_net, closed.is_restated) == (1_000, 1_000, True)


def test_a_late_trade_that_leaves_nothing_is_a_trip_of_its_own() -> None:
    """A restatement while nothing is held stands in a row that opened and closed when known."""
    bought = buy(2, "0.02", "1000000")
    early = sell(3, "0.01", "1100000")
    state = booked(opened(), bought, early, sell(5, "0.01", "1100000"))
    draft = draft_of(
        state,
        history=(
            (
                BTC,
                tuple(
                    fill_event(one, is_own=True, known_ms=NOW_MS)
                    for one in (bought, early, sell(5, "0.01", "1100000"))
                ),
            ),
        ),
    )
    small = fill(4, Side.BUY, "0.000001", "500000")
    with exactly():
        book(draft, fill_event(small, is_own=True, known_ms=NOW_MS))
    assert draft.trips == []  # nothing changed but dust that came in
    with exactly():
        book(
            draft,
            fill_event(fill(1, Side.BUY, "0.000002", "500000"), is_own=True, known_ms=NOW_MS),
        )
    (trip,) = draft.trips
    assert (trip.opened_ms, trip.closed_ms) == (NOW_MS, NOW_MS)
    assert trip.realized_net == trip.restated_net == 1
    assert draft.performance.restated_net == 1


def test_a_late_trade_in_another_pair_restates_the_pair_that_sold() -> None:
    """Each pair has what its own trades realized, whichever trade made it known."""
    state = opened()
    draft = draft_of(state)
    first, sold = buy(2, "0.01", "1000000"), sell(3, "0.01", "1100000")
    tether = fill(1, Side.BUY, "1000", "40", base=USDT, at=OPENED_MS + 1)
    late = usdt_trade(1, Side.BUY, "0.01", "22500", "40")._replace(
        trade_id=TradeId(7), event_time_ms=OPENED_MS + 5_000, fee=ZERO
    )
    with exactly():
        for one in (tether, first, sold):
            book(draft, fill_event(one, is_own=True, known_ms=NOW_MS))
        draft.history = {
            BTC: [one for one in draft.events if any(move.asset == BTC for move in lot_moves(one))]
        }
        book(draft, fill_event(late, is_own=True, known_ms=NOW_MS))
    symbols = draft.performance.symbols
    assert symbols[BTCTRY].realized_net == 2_000  # 1,100,000 - 900,000 a coin
    assert symbols[Symbol("BTCUSDT")].realized_net == 0
    assert draft.performance.restated_net == 1_000


def test_a_charge_that_is_valued_later_counts_under_its_trade() -> None:
    """A fee in a coin without a rate costs nothing until it is valued, then its pair pays."""
    state = opened()
    draft = draft_of(state)
    coin = fill(1, Side.BUY, "10", "100", base=BNB)
    trade = buy(2, "0.01", "1000000", fee="1")._replace(charge_asset=BNB)
    with exactly():
        for one in (coin, trade):
            book(draft, fill_event(one, is_own=True, known_ms=NOW_MS))
        assert draft.performance.symbols[BTCTRY].fees_try == 0
        booked_trade = draft.events[-1]
        draft.history = {
            BTC: [booked_trade],
            BNB: list(draft.events),
        }
        book(draft, valuation_event(booked_trade, Decimal(120), known_ms=NOW_MS))
    totals = draft.performance.symbols[BTCTRY]
    assert (totals.fees_try, totals.fills) == (120, 1)
    assert totals.realized_net == 20  # the coin had cost 100 and paid 120
    net, gross = unrealized(draft, Decimal(100_000))
    assert gross - net == 120


def test_flows_are_neither_gain_nor_loss() -> None:
    """Cash and coins that an operator moves change equity and its high, and no result."""
    state = opened("100000", coins="1", capital="50000")
    draft = draft_of(state)
    with exactly():
        book(
            draft,
            transfer_event(
                "transfer:1",
                Decimal(30_000),
                source="unassigned",
                target="bot",
                quote=TRY,
                now_ms=NOW_MS,
                reason="more",
            ),
        )
        book(
            draft,
            assignment_event(
                "assignment:1",
                BTC,
                Decimal("0.01"),
                cost_try=Decimal(9_000),
                acquired_ms=OPENED_MS - 1,
                to_bot=True,
                now_ms=NOW_MS,
                evidence="a receipt",
            ),
        )
        draft.equity_try = Decimal(90_000)
        mark_performance(draft)
    performance = draft.performance
    assert performance.flows_try == 39_000
    assert performance.high_try == 90_000
    assert performance.total.is_nothing
    assert performance.trips[BTC].opened_ms == NOW_MS
    assert balanced(day_so_far(performance, draft))


def test_coins_given_back_realize_under_their_try_pair() -> None:
    """An assignment out of the bot's book realizes what no trade did."""
    state = booked(opened(), buy(1, "0.01", "1000000"))
    draft = draft_of(state)
    with exactly():
        book(
            draft,
            assignment_event(
                "assignment:1",
                BTC,
                Decimal("0.01"),
                cost_try=Decimal(11_000),
                acquired_ms=OPENED_MS,
                to_bot=False,
                now_ms=NOW_MS,
                evidence="asked",
            ),
        )
    performance = draft.performance
    assert performance.symbols[BTCTRY].realized_net == 1_000
    assert (performance.flows_try, performance.symbols[BTCTRY].fills) == (-11_000, 1)
    assert [trip.realized_net for trip in draft.trips] == [1_000]


def test_trades_and_deposits_of_the_owner_are_not_the_bots() -> None:
    """A trade that somebody else made on the account leaves every figure as it was."""
    state = opened("100000", coins="1")
    decision = decide_on(state, observe(fills=(sell(1, "0.5", "1000000", name="somebody"),)))
    assert decision.state.performance.symbols == {}
    assert decision.state.performance.flows_try == 0
    assert decision.state.ledger.balance(Account.UNASSIGNED, TRY) == 500_000


def test_a_difference_to_the_exchange_is_no_result() -> None:
    """What is put into suspense moves neither equity nor any figure of the bot."""
    draft = draft_of(opened())
    before = draft.performance
    with exactly():
        book(draft, difference_event([(TRY, Decimal(5))], count=1, now_ms=NOW_MS))
    assert draft.performance is before


def test_an_adjustment_may_move_one_coin_twice() -> None:
    """The results of both legs are one result of the event, under the coin's TRY pair."""
    state = booked(opened(), buy(1, "0.02", "1000000"))
    draft = draft_of(state)
    legs = [
        Leg(Account.BOT, BTC, Decimal("-0.005"), Decimal(-6_000)),
        Leg(Account.BOT, BTC, Decimal("-0.005"), Decimal(-7_000)),
        Leg(Account.ADJUSTMENT, BTC, Decimal("0.01"), Decimal(13_000)),
    ]
    event = adjustment_event(
        "adjustment:1", legs, event_time_ms=NOW_MS, known_ms=NOW_MS, reason="a correction"
    )
    with exactly():
        book(draft, event)
    own = fill_event(buy(1, "0.02", "1000000"), is_own=True)
    steps = realized_steps(BTC, [own, event], method=CostMethod.FIFO)
    assert [(share.pair.symbol, share.net) for share in steps.values()] == [(BTCTRY, 3_000)]
    assert draft.performance.symbols[BTCTRY].realized_net == 3_000
    assert draft.performance.flows_try == -13_000


def test_books_without_a_performance_begin_one() -> None:
    """A state file of an earlier version brings what its lots have realized, and goes on."""
    state = booked(
        opened(),
        buy(1, "0.01", "1000000", fee="10"),
        sell(2, "0.004", "1100000", fee="4"),
        buy(3, "0.1", "100000", base=ETH),
        sell(4, "0.1", "110000", base=ETH),
    )
    older = state._replace(performance=Performance())
    decision = decide_on(older, observe(NOW_MS + 1))
    performance = decision.state.performance
    assert decision.days == ()
    assert performance.total.realized_net == state.performance.total.realized_net
    assert performance.symbols[BTCTRY].fees_try == 14
    assert set(performance.trips) == {BTC}
    assert performance.symbols[ETHTRY].fees_try == 0
    day = day_so_far(performance, decision.state)
    assert balanced(day)
    report = pnl_report(decision.state, dict(performance.marks))
    assert report.opening_try == 100_000
