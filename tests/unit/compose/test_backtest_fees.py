"""What a backtest charges and reserves: tables by pair and day, and bars without volume."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.compose.recorded import HOUR_MS, START_MS, Chance, hours, pair_of_pairs
from tests.unit.compose.test_backtest import loose

from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.simulation_data import dataset_of
from btcturk_kit.domain.cycle import Decision, Intent
from btcturk_kit.domain.datasets import Dataset, FeeLevel, FeeTable
from btcturk_kit.domain.equity_identity import check_equity_identity
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.simulated_run import SimulatedRun
from btcturk_kit.hooks.strategy import StrategyContext
from btcturk_kit.simulation.venue_models import LevelFees, VenueModels

BTCTRY, ETHTRY = Symbol("BTCTRY"), Symbol("ETHTRY")


def level(from_ms: int, maker: str, taker: str, tax: str) -> FeeLevel:
    """Return a level of a table."""
    return FeeLevel(from_ms, Decimal(maker), Decimal(taker), Decimal(tax))


OLD = level(0, "0.0018", "0.0018", "0.18")
TABLE = FeeTable((OLD, level(START_MS + HOUR_MS // 2, "0.0012", "0.0024", "0.20")))
CHEAP = FeeTable((level(0, "0.0006", "0.0012", "0.20"),))


def with_fees(data: Dataset, **tables: FeeTable) -> Dataset:
    """Return the same recording with other tables."""
    pairs = {symbol: replace(one, fees=tables[symbol]) for symbol, one in data.pairs.items()}
    return replace(data, pairs=pairs)


def two_pairs() -> Dataset:
    """Return four hours, of which the second and third dip by a tenth."""

    def bars(symbol: str, price: int) -> Dataset:
        low = price * 9 // 10
        return dataset_of(
            symbol,
            times_ms=[START_MS + HOUR_MS * at for at in range(4)],
            close=[price] * 4,
            low=[price, low, low, price],
            volume=[1_000] * 4,
        )

    both = {**bars("BTCTRY", 1_000).pairs, **bars("ETHTRY", 500).pairs}
    return with_fees(Dataset(name="two", pairs=both), BTCTRY=TABLE, ETHTRY=CHEAP)


class Dip:
    """Bids 4 % below: in both pairs at once, and in the first again an hour later."""

    def __init__(self, symbol: Symbol) -> None:
        self._symbol = symbol

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Bid for 960."""
        hour = (context.now_ms - START_MS) // HOUR_MS
        if hour > (self._symbol == BTCTRY):
            return ()
        price = context.mark(self._symbol).bid * Decimal("0.96")
        quantity = 960 / price
        return (Intent("dip", self._symbol, Side.BUY, OrderType.LIMIT, quantity, price=price),)

    def dump_state(self) -> str:
        """Return nothing."""
        return ""

    def load_state(self, text: str) -> None:
        """Take up nothing."""


def reserved_of(data: Dataset, **options: object) -> tuple[set[Decimal], SimulatedRun]:
    """Return what the first orders reserve, and the run."""
    found: set[Decimal] = set()

    def note(decision: Decision, now_ms: int) -> None:
        if now_ms == START_MS:
            found.update(order.reserved for order in decision.state.orders.values())

    chosen: dict[str, object] = {"profile": loose(), **options}
    run = Backtest(data, Dip, on_decision=note, **chosen).run()  # type: ignore[arg-type] # any option
    return found, run


def test_an_order_pays_what_its_pair_charged_when_it_was_placed() -> None:
    """Three bids of 960 fill as makers; the first table of the first pair ends before its fill.

    960 x 0.00152542 (0.0018 / 1.18) = 1.4644032, and 18 %: 0.26359258. 960 x 0.0005 = 0.48 and
    0.096. The bid of the second hour: 960 x 0.001 = 0.96 and 0.192. Cash: 100000 - 2880 -
    1.72799578 - 0.576 - 1.152; two coins at 1000 and two at 500 on top are the equity.
    """
    found, run = reserved_of(two_pairs())
    charges = [(one.symbol, one.event_time_ms - START_MS, one.fee, one.tax) for one in run.fills]
    assert sorted(charges) == [
        (BTCTRY, HOUR_MS, Decimal("1.4644032"), Decimal("0.26359258")),
        (BTCTRY, 2 * HOUR_MS, Decimal("0.96"), Decimal("0.192")),
        (ETHTRY, HOUR_MS, Decimal("0.48"), Decimal("0.096")),
    ]
    assert run.equity.amount(-1) == Decimal("97116.54400422") + 3_000
    assert run.state.ledger.imbalance() == {}
    assert found == {Decimal("962.304")}  # 960 x 1.0024, the dearest of both pairs and both days


def test_a_buy_reserves_no_less_than_the_dearest_rate_of_the_run() -> None:
    """A profile that says less is raised, one of more is kept; later days do not count."""
    data = two_pairs()
    cheap, dear = (replace(loose(), taker_rate=Decimal(one)) for one in ("0.001", "0.01"))
    assert reserved_of(data, profile=cheap)[0] == {Decimal("962.304")}
    assert reserved_of(data, profile=dear)[0] == {Decimal("969.6")}
    assert reserved_of(data, profile=cheap, to_ms=START_MS)[0] == {Decimal("961.728")}
    assert reserved_of(data, profile=None, symbols=["ETHTRY"])[0] == {Decimal("961.152")}


def test_levels_by_volume_win_over_the_tables() -> None:
    """Tables without any charge are not asked, and what is reserved is that of the first level."""
    free = FeeTable((level(0, "0", "0", "0.2"),))
    data = with_fees(two_pairs(), BTCTRY=free, ETHTRY=free)
    found, run = reserved_of(data, profile=None, models=VenueModels(fees=LevelFees()))
    assert found == {Decimal("962.304")}
    assert {(one.fee, one.tax) for one in run.fills} == {(Decimal("0.96"), Decimal("0.192"))}


_RATES = st.decimals("0", "0.02", places=4)
_LEVELS = st.tuples(_RATES, _RATES, st.sampled_from([Decimal("0.18"), Decimal("0.20")]))


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    one=st.lists(_LEVELS, min_size=4, max_size=4),
    step=st.integers(1, 60),
)
def test_whatever_the_tables_money_is_conserved_and_no_order_lacks_money(
    seed: int, one: list[tuple[Decimal, Decimal, Decimal]], step: int
) -> None:
    """Each fill pays a table of its pair; the books balance, and no bid was short of its fees."""
    tables = [
        FeeTable(
            tuple(
                [FeeLevel(START_MS + step * HOUR_MS * at, *rates) for at, rates in enumerate(two)]
            )
        )
        for two in (one[:2], one[2:])
    ]
    data = with_fees(pair_of_pairs(120, seed=seed), BTCTRY=tables[0], ETHTRY=tables[1])
    told: list[str] = []

    def note(decision: Decision, _now_ms: int) -> None:
        told.extend(f"{one.code} {one.detail}" for one in decision.anomalies)

    run = Backtest(
        data,
        lambda symbol: Chance(seed, symbol),
        profile=loose(),
        capital_try=Decimal(4_000),
        on_decision=note,
    ).run()
    assert not [one for one in told if one.startswith("order_rejected")]
    assert run.state.ledger.imbalance() == {}
    check_equity_identity(run)
    rates = {
        BTCTRY: [rate for maker, taker, _ in one[:2] for rate in (maker, taker)],
        ETHTRY: [rate for maker, taker, _ in one[2:] for rate in (maker, taker)],
    }
    for fill in run.fills:
        near = min(abs(fill.fee + fill.tax - fill.notional * one) for one in rates[fill.symbol])
        assert near <= Decimal("0.00000002") * (1 + fill.notional)


def test_nothing_fills_in_an_hour_without_trades() -> None:
    """Of hours that tell volumes two tell none: what waits there fills after them."""
    data = hours(60)
    pair = data.pairs[BTCTRY]
    assert pair.bars is not None
    still = {10, 11}
    volumes = [0 if at in still else one for at, one in enumerate(pair.bars.volume)]
    held = replace(data, pairs={BTCTRY: replace(pair, bars=replace(pair.bars, volume=volumes))})

    class Once(Chance):
        """Buys at one instant."""

        def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
            """Buy for 100 before the first of them."""
            if context.now_ms != START_MS + 9 * HOUR_MS:
                return ()
            amount = Decimal(100)
            return (Intent("once", BTCTRY, Side.BUY, OrderType.MARKET, quote_amount=amount),)

    profile = replace(loose(), order_ttl_ms=10 * HOUR_MS)
    for conditions in (False, True):  # in one block, and instant by instant
        run = Backtest(
            held, lambda symbol: Once(1, symbol), profile=profile, conditions=conditions
        ).run()
        assert [one.event_time_ms for one in run.fills] == [START_MS + 12 * HOUR_MS]
        assert not [one for one in run.labels if "volumes" in one]


@pytest.mark.parametrize("volume", [None, [0] * 50])
def test_unknown_volumes_fill_anything_and_a_label_says_so(volume: list[int] | None) -> None:
    """A column of closes, or of zeros alone, is no word on volumes."""
    times = range(START_MS, START_MS + 50 * HOUR_MS, HOUR_MS)
    closes = [1_000 + at for at in range(50)]
    data = dataset_of("BTCTRY", times_ms=times, close=closes, volume=volume)
    run = Backtest(data, lambda symbol: Chance(3, symbol), profile=loose()).run()
    assert run.fills
    told = "BTCTRY: no volumes are known: any quantity fills at the prices of a bar"
    assert told in run.labels
