"""The cases by which a ledger is judged, each from the trade to the file and back.

Every commit goes through the pipeline into a state file, which is closed and opened again: what a
test sees is what another process would see.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.unit.pipeline.desk import (
    BTC,
    BTCTRY,
    ETH,
    NOW_MS,
    OPENED_MS,
    RULES,
    TRY,
    balances,
    buy,
    decide_on,
    intent_to_buy,
    intent_to_sell,
    kit_of,
    mark,
    observe,
    profile_of,
    sell,
)

from btcturk_kit import RiskMode
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.cycle import CycleState, Decision, Intent, Observation, StateCommit
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.ledger import Account, Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event
from btcturk_kit.domain.lots import lot_moves
from btcturk_kit.domain.operator_events import assignment_event, transfer_event, valuation_event
from btcturk_kit.domain.positions import fold_moves
from btcturk_kit.pipeline.booking import book, late_assets
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.decide import _freeze as frozen  # ends what no observation brings yet
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.opening import open_account

BNB = Asset("BNB")
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class Bot:
    """One account in a state file.

    Args:
        path: The file.
        kit: Policies and rules.
        cash: TRY in all.
        capital: What of it the bot trades with; None for all.
        coins: BTC that the owner holds already.
        opened_ms: When the books begin.
    """

    def __init__(
        self,
        path: Path,
        *,
        kit: Kit | None = None,
        cash: str = "100000",
        capital: str | None = None,
        coins: str = "0",
        opened_ms: int = OPENED_MS,
    ) -> None:
        self.path, self.kit = path, kit or kit_of()
        opening = open_account(
            "main",
            balances(cash, coins),
            quote=TRY,
            now_ms=opened_ms,
            day_end=self.kit.profile.day_end,
            trading_capital_try=None if capital is None else Decimal(capital),
        )
        self.equity: Decimal | None = None
        with SqliteStateStore.open(path, account="main") as store:
            store.begin_epoch()
            store.open_account(opening)

    @property
    def state(self) -> CycleState:
        """What the file holds."""
        with SqliteStateStore.inspect(self.path) as store:
            stored = store.load()
        assert stored is not None
        return stored.state

    @property
    def events(self) -> tuple[LedgerEvent, ...]:
        """All that was ever booked."""
        with SqliteStateStore.inspect(self.path) as store:
            return store.ledger_events(limit=1_000)

    def history(self, *events: LedgerEvent) -> tuple[tuple[Asset, tuple[LedgerEvent, ...]], ...]:
        """Return the events of the assets in which these come late."""
        with SqliteStateStore.inspect(self.path) as store:
            late = late_assets(self.state, events)
            return tuple((asset, store.events_with(asset)) for asset in late)

    def cycle(
        self, *intents: Intent, observation: Observation | None = None, **seen: Any
    ) -> Decision:
        """Observe, decide and keep it; without intents only books are kept."""
        if observation is None:
            observation = observe(**seen)
        fills = [fill_event(one, is_own=bool(one.client_order_id)) for one in observation.fills]
        decision = decide_on(
            self.state,
            observation._replace(history=self.history(*fills)),
            *intents,
            kit=self.kit,
            previous_equity=None if self.equity is None else str(self.equity),
            observe_only=not intents,
        )
        self.equity = decision.equity_try
        self._keep(decision, observation.now_ms)
        return decision

    def operate(self, event: LedgerEvent) -> None:
        """Book what an operator says."""
        observation = Observation(event.known_ms, {}, history=self.history(event))
        draft = Draft(self.state, observation, self.kit.profile, self.kit.rules)
        book(draft, event)
        self._keep(frozen(draft), event.known_ms)

    def _keep(self, decision: Decision, now_ms: int) -> None:
        with SqliteStateStore.open(self.path, account="main") as store:
            store.begin_epoch()
            before = store.load()
            assert before is not None
            store.commit(
                StateCommit(
                    state=decision.state,
                    previous_count=before.state.ledger.event_count,
                    now_ms=now_ms,
                    fills=decision.fills,
                    events=decision.events,
                    capital_rows=decision.capital_rows,
                    positions=decision.positions,
                    orders=decision.orders,
                    anomalies=decision.anomalies,
                )
            )
        assert self.state == decision.state
        self._require_books()

    def _require_books(self) -> None:
        """The books are the fold of what was booked, and the law of capital holds."""
        state, events = self.state, self.events
        assert Ledger().post(*events) == state.ledger
        assert state.ledger.imbalance() == {}
        moves = [move for event in events for move in lot_moves(event)]
        for position in (*state.positions.values(), *state.external.values()):
            assert fold_moves(position.book, position.asset, moves) == position
        cost = sum((one.cost for one in state.positions.values()), Decimal(0))
        cash = state.ledger.held(TRY) - state.ledger.balance(Account.SUSPENSE, TRY)
        unassigned = state.ledger.balance(Account.UNASSIGNED, TRY)
        capital = state.capital
        assert capital.trading_capital_try + capital.treasury_try + unassigned == cash + cost


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a state file that does not exist yet."""
    return tmp_path / "state.db"


def capital_of(bot: Bot) -> tuple[Decimal, Decimal]:
    """Return trading capital and treasury."""
    capital = bot.state.capital
    return capital.trading_capital_try, capital.treasury_try


def reasons_of(decision: Decision) -> set[str]:
    """Return the rules that asked for more than the normal mode."""
    assert decision.assessment is not None
    return {one.rule for one in decision.assessment.reasons if one.mode is not RiskMode.NORMAL}


def test_a_late_older_fill(path: Path) -> None:
    """A buy told after the sell it was sold by gives what it would have given in time.

    100 was realized as long as nobody knew of it, 200 since; capital takes it as one difference.
    """
    bot = Bot(path)
    older = buy(1, "1", "100", at=OPENED_MS + 10)
    newer = buy(2, "1", "200", at=OPENED_MS + 20)
    sale = sell(3, "1", "300", at=OPENED_MS + 30)
    bot.cycle(fills=(newer, sale), now_ms=NOW_MS)
    assert bot.state.capital.last_realized_pnl_total_try == 100
    assert capital_of(bot) == (100_060, 40)
    known = bot.state
    bot.cycle(fills=(older,), now_ms=NOW_MS + MINUTE_MS)
    assert bot.state.capital.last_realized_pnl_total_try == 200
    assert capital_of(bot) == (100_120, 80)
    assert [lot.cost for lot in bot.state.positions[BTC].lots] == [200]
    in_time = Bot(path.with_name("in-time.db"))
    in_time.cycle(fills=(older, newer, sale), now_ms=NOW_MS)
    assert in_time.state.positions == bot.state.positions
    assert capital_of(in_time) == capital_of(bot)
    # What was known before the late fill can still be told.
    then = [event for event in bot.events if event.known_ms <= NOW_MS]
    assert Ledger().post(*then) == known.ledger


def test_a_fee_in_a_coin_without_a_rate(path: Path) -> None:
    """No gain is split while a charge has no value; once it has, all of it is split, once."""
    bot = Bot(path)
    paid_in_coin = buy(1, "1", "1000", fee="0.01", tax="0.002")._replace(charge_asset=BNB)
    bot.cycle(fills=(paid_in_coin,))
    assert bot.state.unvalued == ("fill:1",)
    assert bot.state.ledger.balance(Account.BOT, BNB) == Decimal("-0.012")
    bot.cycle(fills=(sell(2, "1", "1500"),), now_ms=NOW_MS + MINUTE_MS)
    assert capital_of(bot) == (100_500, 0)
    assert bot.state.capital.deferred_try == 500
    (event,) = [one for one in bot.events if one.key == "fill:1"]
    bot.operate(valuation_event(event, Decimal(10_000), known_ms=NOW_MS + 2 * MINUTE_MS))
    assert bot.state.unvalued == ()
    assert bot.state.capital.deferred_try == 0
    # The charge made the coin dearer by 120; the coins it was paid with are owed, at as much.
    assert bot.state.positions[BTC].realized_net == 380
    assert bot.state.positions[BNB].cost == -120
    assert capital_of(bot) == (100_228, 152)
    # The rate is that of the trade: what the coin does later changes nothing of it.
    later = mark("99999", at=NOW_MS + HOUR_MS)
    seen = {BTCTRY: later, Symbol("BNBTRY"): later}
    bot.cycle(marks=seen, now_ms=NOW_MS + HOUR_MS)
    assert capital_of(bot) == (100_228, 152)


@pytest.mark.parametrize(
    ("price", "paid"),
    [
        ("0.00000123", "151851.85048491185185048518518394"),
        ("0.00001234", "1523456.77640960345677641234566652"),
    ],
)
def test_a_sub_cent_token(path: Path, price: str, paid: str) -> None:
    """Eighteen decimals and a price of a millionth: no digit of cost is lost, none too many.

    Cost times quantity has more digits than an exact amount may have; a part is taken all the same.
    """
    bot = Bot(path, cash="2000000")
    bought = "123456789012.123456789012345678"
    token = {"base": Asset("PEPE"), "fee": "0.27335413", "tax": "0.04920374"}
    bot.cycle(fills=(buy(1, bought, price, **token),))
    (lot,) = bot.state.positions[Asset("PEPE")].lots
    assert lot.gross_cost == Decimal(paid)  # to all its digits
    assert Fraction(lot.cost) == Fraction(paid) + Fraction("0.32255787")
    part = "41152263004.041152263004115226"
    for trade in (2, 3):
        at = NOW_MS + trade * 10
        sale = sell(trade, part, "0.00001235", at=at, **token)
        bot.cycle(fills=(sale,), now_ms=at)
    position = bot.state.positions[Asset("PEPE")]
    assert position.quantity == Decimal("41152263004.041152263004115226")
    cash = bot.state.ledger.balance(Account.BOT, TRY)
    treasury = bot.state.capital.treasury_try
    earned = Fraction(cash) + Fraction(treasury) + Fraction(position.cost) - 2_000_000
    assert Fraction(position.realized_net) == earned > 0
    # Both parts took their share of the cost, to eight places.
    rest = Fraction(lot.cost)
    for share in (3, 2):
        rest -= Fraction(round(rest / share * 10**8), 10**8)
    assert Fraction(position.cost) == rest
    left = str(position.quantity)
    bot.cycle(fills=(sell(4, left, "0.00001235", **token),), now_ms=NOW_MS + MINUTE_MS)
    assert bot.state.positions[Asset("PEPE")].lots == ()
    assert bot.state.positions[Asset("PEPE")].cost == 0


def test_a_sell_of_coins_acquired_elsewhere(path: Path) -> None:
    """Sold by hand it is the owner's business and realizes nothing; the bot cannot sell them.

    Given to the bot with cost and date they are lots like others, and their gain is split.
    """
    bot = Bot(path, coins="2", capital="90000")
    by_hand = sell(1, "0.5", "1000000", fee="10", tax="2", name=None)
    bot.cycle(fills=(by_hand,))
    external = bot.state.external[BTC]
    assert (external.quantity, external.realized_net) == (Decimal("1.5"), 0)
    assert external.unpriced_quantity == Decimal("0.5")
    assert bot.state.ledger.balance(Account.UNASSIGNED, TRY) == 10_000 + 499_988
    assert capital_of(bot) == (90_000, 0)
    later = observe(NOW_MS + DAY_MS)
    decision = decide_on(bot.state, later, intent_to_sell("0.1", price="1000000"))
    assert decision.submits == ()
    bot.operate(
        assignment_event(
            "assignment:1",
            BTC,
            Decimal("0.1"),
            cost_try=Decimal(50_000),
            acquired_ms=OPENED_MS - 400 * DAY_MS,
            to_bot=True,
            now_ms=NOW_MS + MINUTE_MS,
            evidence="bank statement",
        )
    )
    assert capital_of(bot) == (140_000, 0)
    at = NOW_MS + 2 * MINUTE_MS
    bot.cycle(fills=(sell(2, "0.1", "1000000", at=at),), now_ms=at)
    assert bot.state.positions[BTC].realized_net == 50_000
    assert capital_of(bot) == (170_000, 20_000)


def test_an_oversell_of_the_bot(path: Path) -> None:
    """A sale of more than the bot has is kept as an open short lot: no cycle fails over it."""
    bot = Bot(path, coins="2")
    bot.cycle(fills=(buy(1, "0.1", "1000000"), sell(2, "0.3", "1100000")))
    position = bot.state.positions[BTC]
    assert position.quantity == Decimal("-0.2")
    assert position.realized_net == 10_000
    assert bot.state.external[BTC].quantity == 2
    bot.cycle(now_ms=NOW_MS + MINUTE_MS)


def test_an_owners_older_coins_beside_the_bots(path: Path) -> None:
    """What the bot sells are its own coins at their own cost, however old the owner's are."""
    bot = Bot(path, coins="5")
    bot.cycle(fills=(buy(1, "0.01", "1000000", fee="2", tax="1"),))
    bot.cycle(fills=(sell(2, "0.01", "1100000", fee="2", tax="1"),), now_ms=NOW_MS + MINUTE_MS)
    assert bot.state.positions[BTC].realized_net == 994
    assert bot.state.positions[BTC].lots == ()
    external = bot.state.external[BTC]
    assert (external.quantity, external.realized_net, external.fill_count) == (5, 0, 1)
    assert bot.state.ledger.held(BTC) == 5
    # They are no inventory of the bot either: neither equity nor exposure.
    assert bot.cycle(now_ms=NOW_MS + 2 * MINUTE_MS).equity_try == 100_994


def test_a_loss_beyond_capital(path: Path) -> None:
    """It is stored as it is; the bot observes until the operator transfers, and goes on then."""
    bot = Bot(path, cash="100000", capital="10000")
    bot.cycle(fills=(buy(1, "0.015", "1000000"), sell(2, "0.015", "100000")))
    assert capital_of(bot) == (-3_500, 0)
    for cycle in range(1, 20):
        at = NOW_MS + cycle * HOUR_MS
        decision = bot.cycle(intent_to_buy(price="1000000"), now_ms=at, balances=balances("86500"))
        assert decision.state.mode.mode is RiskMode.OBSERVE_ONLY
        assert decision.submits == ()
        assert "capital_exhausted" in reasons_of(decision)
    bot.operate(
        transfer_event(
            "transfer:1",
            Decimal(53_500),
            source="unassigned",
            target="bot",
            quote=TRY,
            now_ms=NOW_MS + 20 * HOUR_MS,
            reason="new money",
        )
    )
    assert capital_of(bot) == (50_000, 0)
    decision = bot.cycle(now_ms=NOW_MS + 20 * HOUR_MS + MINUTE_MS)
    assert "capital_exhausted" not in reasons_of(decision)


def test_a_profit_taking_day(path: Path) -> None:
    """A split far beyond the daily limit moves money to the treasury; nobody has lost anything."""
    bot = Bot(path)
    bot.cycle(fills=(buy(1, "0.05", "1000000"),))
    price = mark("2000000", at=NOW_MS + MINUTE_MS)
    sale = sell(2, "0.05", "2000000", at=NOW_MS + MINUTE_MS)
    decision = bot.cycle(fills=(sale,), marks={BTCTRY: price}, now_ms=NOW_MS + MINUTE_MS)
    assert capital_of(bot) == (130_000, 20_000)
    assert decision.equity_try == 150_000
    assert reasons_of(decision) == set()
    again = bot.cycle(
        marks={BTCTRY: mark("2000000", at=NOW_MS + 2 * MINUTE_MS)}, now_ms=NOW_MS + 2 * MINUTE_MS
    )
    assert reasons_of(again) == set()
    assert bot.state.mode.mode is RiskMode.NORMAL


def test_a_delisting_with_open_lots(path: Path) -> None:
    """A coin that has no market any more counts at its cost; its lots stay, the bot goes on."""
    bot = Bot(path)
    bot.cycle(fills=(buy(1, "1", "2000", fee="4", tax="1", base=ETH),))
    at = NOW_MS + MINUTE_MS
    rules = {symbol: one for symbol, one in RULES.items() if symbol == BTCTRY}
    bot.kit = kit_of(rules=rules, profile=profile_of(symbols=(BTCTRY,)))
    decision = bot.cycle(marks={BTCTRY: mark("1000000", at=at)}, now_ms=at)
    assert decision.equity_try == 100_000
    assert bot.state.positions[ETH].cost == 2_005
    assert bot.state.ledger.balance(Account.BOT, ETH) == 1
    # What the exchange pays out in the end is a sale like any other.
    at += MINUTE_MS
    paid = sell(2, "1", "1500", base=ETH, at=at)
    bot.cycle(fills=(paid,), marks={BTCTRY: mark("1000000", at=at)}, now_ms=at)
    assert bot.state.positions[ETH].realized_net == -505
    assert capital_of(bot) == (99_495, 0)


def test_a_scale_change_with_open_lots(path: Path) -> None:
    """What is below the new scale cannot be ordered; it stays a lot with its part of the cost."""
    bot = Bot(path)
    bot.cycle(fills=(buy(1, "0.01345678", "1000000"),))
    coarser = {**RULES, BTCTRY: replace(RULES[BTCTRY], quantity_scale=3)}
    bot.kit = kit_of(rules=coarser)
    at = NOW_MS + MINUTE_MS
    cash = balances("86543.22", "0.01345678")
    wish = intent_to_sell("0.01345678", price="1000000")
    decision = bot.cycle(wish, balances=cash, now_ms=at, marks={BTCTRY: mark("1000000", at=at)})
    (submit,) = decision.submits
    assert getattr(submit.request, "quantity", None) == Decimal("0.013")
    name = str(submit.client_order_id)
    at += MINUTE_MS
    bot.cycle(fills=(sell(2, "0.013", "1000000", name=name, at=at),), now_ms=at)
    position = bot.state.positions[BTC]
    assert position.quantity == Decimal("0.00045678")
    assert position.cost == Decimal("456.78")
    assert position.realized_net == 0


ISTANBUL = ZoneInfo("Europe/Istanbul")


def local_ms(*parts: int) -> int:
    """Return an instant by the clock on a wall in Istanbul."""
    return int(datetime(*parts, tzinfo=ISTANBUL).timestamp() * 1000)  # type: ignore[arg-type,misc]  # year to second


def in_istanbul(path: Path, opened_ms: int) -> Bot:
    """Return a bot whose day ends at midnight in Istanbul."""
    kit = kit_of(profile=profile_of(day_end=day_end_in("Europe/Istanbul")))
    return Bot(path, kit=kit, opened_ms=opened_ms)


def at_mark(price: str, now_ms: int, **seen: Any) -> Observation:
    """Return an observation of BTC at a price."""
    return observe(now_ms, marks={BTCTRY: mark(price, at=now_ms)}, **seen)


def test_midnight(path: Path) -> None:
    """A loss of the last second of a day is that day's; the next one starts where it left off."""
    bot = in_istanbul(path, local_ms(2024, 5, 1, 12))
    before, midnight = local_ms(2024, 5, 1, 23, 59, 59), local_ms(2024, 5, 2)
    bought = buy(1, "0.05", "1000000", at=before - HOUR_MS)
    bot.cycle(observation=at_mark("1000000", before - HOUR_MS, fills=(bought,)))
    late = bot.cycle(observation=at_mark("880000", before))
    assert "daily_loss" in reasons_of(late)
    assert bot.state.risk.day_end_ms == midnight
    first = bot.cycle(observation=at_mark("880000", midnight))
    assert "daily_loss" not in reasons_of(first)
    assert bot.state.risk.day_end_ms == local_ms(2024, 5, 3)
    assert bot.state.risk.day_start_equity_try == 94_000
    more = bot.cycle(observation=at_mark("770000", midnight + MINUTE_MS))
    assert "daily_loss" in reasons_of(more)


def test_the_first_cycle_of_a_day(path: Path) -> None:
    """Lost before is not lost today: with a lifetime loss above the daily limit it is calm.

    Also when nothing of yesterday is remembered, as after a restart.
    """
    bot = in_istanbul(path, local_ms(2024, 5, 1, 12))
    at = local_ms(2024, 5, 1, 13)
    trades = (buy(1, "0.05", "1000000", at=at), sell(2, "0.05", "880000", at=at))
    assert "daily_loss" in reasons_of(bot.cycle(observation=at_mark("880000", at, fills=trades)))
    assert bot.state.capital.last_realized_pnl_total_try == -6_000
    bot.equity = None
    first = bot.cycle(observation=at_mark("880000", local_ms(2024, 5, 3, 9)))
    assert "daily_loss" not in reasons_of(first)
    assert bot.state.risk.day_start_equity_try == 94_000


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ((2015, 11, 8), 25),  # back to winter time, two weeks later than in Europe
        ((2016, 3, 27), 23),  # to summer time, for the last time
        ((2016, 10, 30), 24),  # when Europe went back, Turkey stayed
    ],
)
def test_a_historic_change_of_the_zones_offset(
    path: Path, day: tuple[int, int, int], hours: int
) -> None:
    """A day is from midnight to midnight by the wall clock, and has the hours it had."""
    year, month, number = day
    start = local_ms(*day)
    bot = in_istanbul(path, start - HOUR_MS)
    bought = buy(1, "0.05", "1000000", at=start - HOUR_MS)
    bot.cycle(observation=at_mark("1000000", start - HOUR_MS, fills=(bought,)))
    bot.cycle(observation=at_mark("1000000", start))
    end = start + hours * HOUR_MS
    assert bot.state.risk.day_end_ms == end
    last = datetime.fromtimestamp(end / 1000, ISTANBUL)
    assert (last.month, last.day, last.hour) == (*_after(year, month, number), 0)
    # Lost in the last hour of that day: it is of that day, and not of the next.
    assert "daily_loss" in reasons_of(bot.cycle(observation=at_mark("880000", end - 1)))
    assert "daily_loss" not in reasons_of(bot.cycle(observation=at_mark("880000", end)))


def _after(year: int, month: int, number: int) -> tuple[int, int]:
    following = date(year, month, number) + timedelta(days=1)
    return following.month, following.day
