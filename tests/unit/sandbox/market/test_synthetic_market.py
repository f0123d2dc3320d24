"""A made-up market: what takes part, how often what happens, and that the seed is all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.sandbox.market.runs import check_order, halts, played

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.moves import HouseQuotes, HouseTake, MarketMove, PairHalt
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.market.synthetic_actors import Middle
from btcturk_kit.sandbox.market.synthetic_market import SYNTHETIC_START_MS, SyntheticMarket
from btcturk_kit.sandbox.market.synthetic_settings import SyntheticSettings
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.matching import MatchingEngine

CALM = SyntheticSettings(jumps_per_day=0, quiet_spells_per_day=0, halts_per_day=0)
HOUR_MS = 3_600_000


def market(ways: SyntheticSettings = CALM, *, name: str = "") -> SyntheticMarket:
    """Return a market that opens at 100000 with one decimal."""
    return SyntheticMarket(Decimal(100_000), price_places=1, settings=ways, name=name)


def test_a_run_is_a_function_of_seed_settings_and_name() -> None:
    """The start only shifts it; another seed or name is another market."""
    one = played(market(), seed=3, span_ms=HOUR_MS)
    assert played(market(), seed=3, span_ms=HOUR_MS) == one
    assert played(market(), seed=3, start_ms=10**12, span_ms=HOUR_MS) == one
    assert played(market(), seed=4, span_ms=HOUR_MS) != one
    assert played(market(name="ETHTRY"), seed=3, span_ms=HOUR_MS) != one
    assert market().play(seed=3, start_ms=None).start_ms == SYNTHETIC_START_MS


def test_everybody_quotes_and_trades_under_a_name_of_its_own() -> None:
    """At the start all makers quote; within an hour every taker has come several times."""
    moves = played(market(), span_ms=HOUR_MS)
    assert [move.maker for at, move in moves if at == 0 and isinstance(move, HouseQuotes)] == [
        "house:maker-1",
        "house:maker-2",
        "house:maker-3",
    ]
    quoted = Counter(move.maker for _, move in moves if isinstance(move, HouseQuotes))
    taken = Counter(move.taker for _, move in moves if isinstance(move, HouseTake))
    assert sorted(taken) == [f"house:taker-{number}" for number in range(1, 5)]
    assert min(quoted.values()) > 100
    assert min(taken.values()) > 50
    assert len({move.side for _, move in moves if isinstance(move, HouseTake)}) == 2


def test_ladders_are_ordered_and_all_numbers_whole() -> None:
    """Best first, bids below asks, positive amounts of eight places."""
    for _, move in played(market(), span_ms=HOUR_MS // 4):
        if isinstance(move, HouseTake):
            assert type(move.units) is int
            assert move.units > 0
            assert move.units % 10**8 == 0
        elif isinstance(move, HouseQuotes):
            bids, asks = ([price for price, _ in side] for side in (move.bids, move.asks))
            assert len(bids) == len(asks) == CALM.levels
            assert bids == sorted(set(bids), reverse=True)
            assert asks == sorted(set(asks))
            assert bids[0] < asks[0]
            assert all(
                type(price) is type(units) is int and units > 0 and units % 10**8 == 0
                for price, units in move.bids + move.asks
            )


def test_a_level_is_worth_what_the_settings_say() -> None:
    """On average, within a fifth."""
    ways = replace(CALM, level_notional=50_000, makers=40)
    worth = [
        Decimal(price) / 10 * units / 10**16
        for at, move in played(market(ways), span_ms=1)
        if isinstance(move, HouseQuotes)
        for price, units in move.bids + move.asks
    ]
    assert len(worth) == 40 * 16
    assert 40_000 < sum(worth) / len(worth) < 60_000


def test_makers_cross_each_other_rarely_and_trade() -> None:
    """A slow one is caught by a fast one: some renewals trade, few of all do."""
    engine = MatchingEngine(price_places=1)
    crossed = renewed = 0
    for _, move in played(market(SyntheticSettings(halts_per_day=0)), span_ms=2 * HOUR_MS):
        if isinstance(move, HouseQuotes):
            renewed += 1
            crossed += bool(engine.quote(move.maker, bids=move.bids, asks=move.asks))
        elif isinstance(move, HouseTake):
            quantity = engine.quantity_of(move.units)
            engine.market_take(0, owner=move.taker, side=move.side, quantity=quantity)
    assert 0 < crossed < renewed // 20


def test_takers_come_in_bursts() -> None:
    """As often as said another trade of its side follows within 0.4 seconds; none without."""

    def close_ones(ways: SyntheticSettings) -> tuple[int, int]:
        takes = [
            (at, move.side)
            for at, move in played(market(ways), span_ms=8 * HOUR_MS)
            if isinstance(move, HouseTake)
        ]
        close = [(one, other) for one, other in pairwise(takes) if other[0] - one[0] < 400]
        return sum(one[1] is other[1] for one, other in close), len(takes)

    ways = replace(CALM, makers=1, levels=1, takers=1, take_wait_ms=Span(20_000, 20_001))
    bursts, count = close_ones(ways)
    assert 35 * count < 100 * bursts < 45 * count
    assert close_ones(replace(ways, burst_bps=0))[0] < bursts // 20


def test_the_middle_spreads_as_the_volatility_says() -> None:
    """The root of the mean square over an hour is within a fifth of it; none stands still."""
    squares = []
    for number in range(60):
        middle = Middle(10**6, volatility_bps=60, source=str(number))
        for _ in range(3_600):
            middle.walk()
        squares.append(((middle.steps - 10**6) // 100) ** 2)
    assert 48**2 < sum(squares) / len(squares) < 72**2
    still = Middle(10**6, volatility_bps=0, source="0")
    still.walk()
    assert still.steps == 10**6


def test_the_middle_stays_in_sight_of_its_opening() -> None:
    """However often it jumps: a twentieth to twenty times."""
    middle = Middle(10**4, volatility_bps=0, source="1")
    seen = []
    for _ in range(20_000):
        middle.jump(Span(4_999, 5_000))
        seen.append(middle.steps)
    assert min(seen) == 500
    assert max(seen) <= 200_000


def test_halts_close_the_pair_and_open_it_with_new_quotes() -> None:
    """In between nobody acts; at the end all makers quote, and then it opens."""
    ways = replace(CALM, halts_per_day=600, halt_ms=Span(5_500, 5_501))
    moves = played(market(ways), span_ms=2 * HOUR_MS)
    check_order(moves)
    times = halts(moves)
    assert 20 < len(times) // 2 < 90
    for (closed_ms, _), (opened_ms, _) in zip(times[::2], times[1::2], strict=False):
        assert opened_ms - closed_ms == 6_000  # a spell ends with the second it is over in
        inside = [move for at, move in moves if closed_ms < at < opened_ms]
        assert inside == []
        number = moves.index((opened_ms, PairHalt(is_halted=False)))
        makers = [getattr(move, "maker", "") for _, move in moves[number - 3 : number]]
        assert makers == ["house:maker-1", "house:maker-2", "house:maker-3"]


def test_in_quiet_spells_all_quotes_are_pulled_and_nobody_trades() -> None:
    """Then the makers come back, each in its own time."""
    ways = replace(CALM, quiet_spells_per_day=600, quiet_ms=Span(30_000, 30_001))
    moves = played(market(ways), span_ms=2 * HOUR_MS)
    check_order(moves)
    pulled = [
        at for at, move in moves if isinstance(move, HouseQuotes) and not (move.bids or move.asks)
    ]
    assert 20 < len(pulled) // 3 < 90
    for at_ms in pulled:
        assert not [at for at, _ in moves if at_ms < at < at_ms + 30_000]
    makers = {move.maker for at, move in moves if at in pulled and isinstance(move, HouseQuotes)}
    assert len(makers) == 3


def test_jumps_come_as_often_as_said() -> None:
    """Without volatility the middle changes by jumps alone, each as far as said."""
    ways = replace(
        CALM,
        makers=1,
        volatility_bps=0,
        skew_bps_max=0,
        jumps_per_day=600,
        jump_bps=Span(200, 201),
        refresh_ms=Span(1_000, 1_001),
    )
    bids = [
        move.bids[0][0]
        for _, move in played(market(ways), span_ms=2 * HOUR_MS)
        if isinstance(move, HouseQuotes)
    ]
    leaps = [after / before for before, after in pairwise(bids) if after != before]
    assert 25 < len(leaps) < 80
    assert all(abs(abs(leap - 1) - 0.02) < 0.001 for leap in leaps)


def test_it_has_no_past_and_no_end() -> None:
    """After hours there is a next move."""
    playback = market().play(seed=1, start_ms=0)
    assert playback.opening_price == 100_000
    assert playback.recorded_hours(0, NEVER_MS) == []
    moves: list[MarketMove] = []
    while playback.next_ms() < 3 * HOUR_MS:
        moves.append(playback.take())
    assert playback.next_ms() < 4 * HOUR_MS


def test_without_takers_makers_are_alone() -> None:
    """A setting of one kind changes no draw of another."""
    alone = played(market(replace(CALM, takers=0)), span_ms=HOUR_MS)
    assert alone == [
        entry for entry in played(market(), span_ms=HOUR_MS) if isinstance(entry[1], HouseQuotes)
    ]


@pytest.mark.parametrize(
    "ways",
    [
        {"makers": 0},
        {"makers": 101},
        {"takers": -1},
        {"levels": 0},
        {"level_notional": 0},
        {"volatility_bps": 10_001},
        {"burst_bps": 10_000},
        {"half_spread_bps": Span(5, 5)},
        {"half_spread_bps": Span(0, 5)},
        {"refresh_ms": Span(9, 5)},
        {"jump_bps": Span(1, 9_000)},
        {"halts_per_day": 80_000, "jumps_per_day": 80_000},
    ],
)
def test_settings_that_no_market_can_have_are_refused(ways: dict[str, int | Span]) -> None:
    """In one line that names the setting and what may be given."""
    with pytest.raises(ConfigurationError, match="of a synthetic market") as raised:
        SyntheticSettings(**ways)  # type: ignore[arg-type] # the point of the test
    assert next(iter(ways)).split("_")[0] in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize("price", ["100.05", "99.9"])
def test_an_opening_price_that_does_not_fit_is_refused(price: str) -> None:
    """Between two steps, or of fewer than a thousand."""
    with pytest.raises(ConfigurationError, match="cannot open at"):
        SyntheticMarket(Decimal(price), price_places=1)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**9),
    halts_per_day=st.integers(0, 20_000),
    quiet_spells_per_day=st.integers(0, 20_000),
    jumps_per_day=st.integers(0, 20_000),
    price=st.integers(1_000, 10**9),
)
def test_time_never_goes_back_and_halts_are_paired(
    *, seed: int, halts_per_day: int, quiet_spells_per_day: int, jumps_per_day: int, price: int
) -> None:
    """However wild the market."""
    ways = SyntheticSettings(
        halts_per_day=halts_per_day,
        quiet_spells_per_day=quiet_spells_per_day,
        jumps_per_day=jumps_per_day,
        halt_ms=Span(1, 20_000),
        quiet_ms=Span(1, 20_000),
        refresh_ms=Span(1, 5_000),
    )
    wild = SyntheticMarket(Decimal(price), price_places=0, settings=ways)
    moves = list(islice(played(wild, seed=seed, span_ms=120_000), 2_000))
    check_order(moves)
    for _, move in moves:
        if isinstance(move, HouseQuotes):
            assert all(step > 0 and units > 0 for step, units in move.bids + move.asks)
