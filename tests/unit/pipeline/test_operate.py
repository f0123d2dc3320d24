"""What an operator asks for: carried out once, or refused for good with a reason."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.capital import Granularity, SelfFinancing
from btcturk_kit.domain.cycle import CycleState, Decision
from btcturk_kit.domain.guard_memory import Latch
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent
from btcturk_kit.domain.operations import (
    AssignCoins,
    BookFlow,
    BookLevy,
    BookLots,
    CapitalPocket,
    Explanation,
    FlowKind,
    LevyKind,
    Operation,
    OperationRequest,
    OverrideMode,
    RearmPeak,
    ReleaseLatch,
    ResolveSuspense,
    TransferCapital,
    UnreadableRequest,
    ValueCharge,
)
from btcturk_kit.domain.operator_events import LotEvidence
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.decide import Kit, carry_out
from btcturk_kit.pipeline.operate import needs_market, refusal_of

from .desk import (
    BTC,
    BTCTRY,
    DAY_MS,
    NOW_MS,
    OPENED_MS,
    TRY,
    balances,
    booked,
    buy,
    decide_on,
    intent_to_sell,
    kit_of,
    observe,
    opened,
    opening_of,
    order,
    profile_of,
    sell,
    with_orders,
)

D = Decimal
TRADING, TREASURY = CapitalPocket.TRADING, CapitalPocket.TREASURY
UNASSIGNED = CapitalPocket.UNASSIGNED
NORMAL = RiskMode.NORMAL


class Desk:
    """A state, every event that led to it, and a hand that asks for operations."""

    def __init__(
        self, cash: str = "1000", *, coins: str = "0", capital: str = "600", kit: Kit | None = None
    ) -> None:
        opening = opening_of(cash, coins=coins, capital=capital)
        self.state: CycleState = opening.state
        self.events: list[LedgerEvent] = list(opening.events)
        self.kit = kit or kit_of()
        self.number = 0

    def trade(self, *fills: object) -> None:
        """Book trades."""
        seen = observe(fills=fills, history=self.history())
        self.take(decide_on(self.state, seen, kit=self.kit))

    def history(self) -> tuple[tuple[Asset, tuple[LedgerEvent, ...]], ...]:
        """Return what a store would tell of two coins."""
        return tuple(
            (asset, tuple(one for one in self.events if _touches(one, asset)))
            for asset in (BTC, Asset("BNB"))
        )

    def take(self, decision: Decision) -> Decision:
        """Go on from a decision."""
        self.events += decision.events
        self.state = decision.state
        return decision

    def ask(self, request: OperationRequest, *, reason: str = "because", **seen: object) -> str:
        """Ask for one operation; return why it was refused."""
        self.number += 1
        asked = Operation(self.number, NOW_MS, reason, request)
        seen = {"operations": (asked,), "history": self.history()} | seen
        decision = self.take(decide_on(self.state, observe(**seen), kit=self.kit))
        assert self.state.last_operation == self.number
        assert self.state.ledger.imbalance() == {}
        told = [one.detail for one in decision.anomalies if one.code == "operation_refused"]
        if told:
            assert decision.events == ()
        assert all(one.mode is NORMAL for one in decision.anomalies)
        return told[0].removeprefix(f"operation {self.number}: ") if told else ""

    def balance(self, account: Account, asset: Asset = TRY) -> Decimal:
        """Return a balance."""
        return self.state.ledger.balance(account, asset)


def _touches(event: LedgerEvent, asset: Asset) -> bool:
    return any(leg.asset == asset for leg in event.legs)


def transfer(source: CapitalPocket, target: CapitalPocket, amount: str) -> TransferCapital:
    """Return a wish to move TRY."""
    return TransferCapital(source=source, target=target, amount=D(amount))


# --- transfers


def test_a_transfer_moves_capital_and_what_losses_are_measured_against() -> None:
    """Into trading capital, into the treasury, and out again: never a gain, never a loss."""
    desk = Desk()
    assert desk.ask(transfer(UNASSIGNED, TRADING, "300.5")) == ""
    capital, risk = desk.state.capital, desk.state.risk
    assert (capital.trading_capital_try, capital.treasury_try) == (D("900.5"), 0)
    assert (risk.peak_equity_try, risk.day_start_equity_try) == (D("900.5"), D("900.5"))
    assert risk.day_start_capital_try == D("900.5")
    assert desk.ask(transfer(TRADING, TREASURY, "100")) == ""
    assert desk.ask(transfer(TREASURY, UNASSIGNED, "40")) == ""
    capital, risk = desk.state.capital, desk.state.risk
    assert (capital.trading_capital_try, capital.treasury_try) == (D("800.5"), 60)
    assert (risk.peak_equity_try, risk.peak_treasury_try) == (D("860.5"), 60)
    assert desk.balance(Account.UNASSIGNED) == D("139.5")
    assert desk.state.mode.mode is NORMAL


@pytest.mark.parametrize(
    ("source", "amount"), [(TRADING, "600.01"), (TREASURY, "0.01"), (UNASSIGNED, "400.01")]
)
def test_more_than_there_is_is_refused(source: CapitalPocket, amount: str) -> None:
    """An anomaly says what there is; nothing is in the books, and it is not tried again."""
    desk = Desk()
    target = TRADING if source is not TRADING else TREASURY
    assert "is more than the" in desk.ask(transfer(source, target, amount))
    before = desk.state
    again = Operation(1, NOW_MS, "because", transfer(UNASSIGNED, TRADING, "1"))
    after = decide_on(before, observe(operations=(again,)))
    assert (after.events, after.anomalies, after.is_quiet) == ((), (), True)


def test_what_buys_have_reserved_cannot_leave() -> None:
    """Cash of a resting order is spoken for."""
    desk = Desk()
    desk.state = with_orders(desk.state, order(reserved=D(500)))
    assert "more than the 100 TRY" in desk.ask(transfer(TRADING, TREASURY, "101"))
    assert desk.ask(transfer(TRADING, TREASURY, "100")) == ""


def test_a_transfer_ends_an_exhausted_capital() -> None:
    """After a loss beyond it only money helps, and it does."""
    desk = Desk()
    desk.trade(buy(1, "0.0006", "1000000"), sell(2, "0.0006", "1000000", fee="10"))
    assert desk.state.capital.trading_capital_try == 590
    lost = desk.state.capital._replace(trading_capital_try=D(-10))
    balances_ = {**desk.state.ledger.balances, (Account.BOT, TRY): D(-10)}
    ledger = desk.state.ledger._replace(balances={**balances_, (Account.FEE, TRY): D(610)})
    desk.state = desk.state._replace(capital=lost, ledger=ledger)
    assert desk.state.capital.is_exhausted
    assert desk.ask(transfer(UNASSIGNED, TRADING, "200")) == ""
    assert desk.state.capital.trading_capital_try == 190
    assert not desk.state.capital.is_exhausted


def test_no_reason_no_operation() -> None:
    """Every operation says why."""
    assert Desk().ask(transfer(UNASSIGNED, TRADING, "1"), reason=" ") == "no reason is given"


def test_a_text_nobody_can_read_is_refused() -> None:
    """A row of a later version does not keep the bot from running."""
    assert Desk().ask(UnreadableRequest(text="?", problem="it is new")) == "it is new"


def test_operations_are_carried_out_in_their_order() -> None:
    """What the first one moved, the second one can use."""
    state = opened("1000", capital="600")
    both = (
        Operation(3, NOW_MS, "a", transfer(UNASSIGNED, TRADING, "400")),
        Operation(4, NOW_MS, "b", transfer(TRADING, TREASURY, "1000")),
    )
    after = decide_on(state, observe(operations=both)).state
    assert (after.capital.treasury_try, after.last_operation) == (1000, 4)


def test_alone_nothing_is_judged() -> None:
    """While no bot runs the books change, and neither the mode nor the marks are looked at."""
    state = opened("1000", capital="600")
    asked = Operation(1, NOW_MS, "a", transfer(UNASSIGNED, TRADING, "400"))
    decision = carry_out(state, observe(operations=(asked,), marks={}), profile_of())
    assert decision.state.capital.trading_capital_try == 1000
    assert (decision.assessment, decision.submits) == (None, ())


def test_alone_equity_goes_on_at_the_last_prices() -> None:
    """Only what is moved changes it: no market is no loss, neither of the day nor of the run."""
    state = booked(opened("1000", capital="600"), buy(1, "0.0001", "1000000"))
    asked = Operation(1, NOW_MS, "a", transfer(UNASSIGNED, TRADING, "100"))
    late_ms = NOW_MS + 5 * DAY_MS
    alone = carry_out(state, observe(late_ms, operations=(asked,), marks={}), profile_of())
    told = alone.state.performance
    assert (alone.equity_try, told.equity_try, told.drawdown_try) == (700, 700, 0)
    assert told.marks == state.performance.marks
    (day,) = alone.days  # the day of the last run is over; what is moved belongs to this one
    assert (day.equity_start_try, day.equity_end_try, day.flows_try) == (600, 600, 0)
    assert day.drawdown_try == 0
    assert (told.day.equity_try, told.flows_try - told.day.flows_try) == (600, 100)


def test_alone_no_part_of_the_trade_history_is_left_behind() -> None:
    """It was not read: trades made while no bot ran are booked by the run that comes."""
    state = opened("1000", capital="600")
    asked = Operation(1, NOW_MS, "a", transfer(UNASSIGNED, TRADING, "400"))
    late_ms = NOW_MS + 5 * DAY_MS
    alone = carry_out(state, observe(late_ms, operations=(asked,), marks={}), profile_of())
    assert alone.state.cursor_ms == state.cursor_ms == OPENED_MS


@pytest.mark.parametrize("granularity", list(Granularity))
def test_one_split_for_each_cycle_knows_transfers_too(granularity: Granularity) -> None:
    """A gain and a transfer in one cycle: each moves what it moves."""
    financing = SelfFinancing(granularity=granularity)
    kit = kit_of(profile=profile_of(risk=RiskBudgetPolicy(financing=financing)))
    desk = Desk(kit=kit)
    gain = (buy(1, "0.0001", "1000000"), sell(2, "0.0001", "2000000"))
    assert desk.ask(transfer(UNASSIGNED, TRADING, "50"), fills=gain) == ""
    assert desk.state.capital.trading_capital_try == 600 + 50 + 60
    assert desk.state.capital.treasury_try == 40


# --- coins


def test_coins_acquired_elsewhere_are_sold_only_after_they_are_the_bots() -> None:
    """Never before; afterwards at the cost they were given."""
    desk = Desk(coins="0.5")
    seen = balances("1000", "0.5")
    refused = decide_on(desk.state, observe(balances=seen), intent_to_sell("0.1"))
    assert (refused.submits, refused.reviews[0][1].guard) == ((), "inventory")
    request = AssignCoins(
        asset=BTC, quantity=D("0.2"), to_bot=True, cost_try=D(100), acquired_ms=5, evidence="old"
    )
    assert desk.ask(request) == ""
    position = desk.state.positions[BTC]
    assert (position.quantity, position.cost, position.lots[0].event_time_ms) == (D("0.2"), 100, 5)
    assert desk.state.external[BTC].quantity == D("0.3")
    assert desk.state.capital.trading_capital_try == 700
    # The market values them at 200,000: that is no gain of the bot's.
    assert desk.state.risk.day_start_equity_try == 600 + 200_000
    allowed = decide_on(desk.state, observe(balances=seen), intent_to_sell("0.1"))
    assert allowed.submits[0].request.quantity == D("0.1")  # type: ignore[union-attr] # a market sell
    desk.trade(sell(3, "0.1", "1000000", at=NOW_MS + 5))
    assert desk.state.capital.last_realized_pnl_total_try == 100_000 - 50


def test_the_owners_older_coins_beside_the_bots() -> None:
    """Coins of unknown cost do not mix with what the bot bought, and come back unknown."""
    desk = Desk("100000", coins="1", capital="100000")
    desk.trade(buy(1, "0.01", "1000000"), buy(2, "0.01", "1100000"))
    assert "is not known: give the cost" in desk.ask(
        AssignCoins(asset=BTC, quantity=D("0.5"), to_bot=True)
    )
    back = AssignCoins(asset=BTC, quantity=D("0.015"), to_bot=False)
    assert desk.ask(back) == ""
    assert desk.state.positions[BTC].cost == 5_500
    assert desk.state.capital.trading_capital_try == 100_000 - 15_500
    owners = desk.state.external[BTC]
    assert (owners.quantity, owners.cost) == (D("1.015"), 15_500)
    dates = [lot.event_time_ms for lot in owners.lots if lot.has_cost]
    assert dates == [OPENED_MS + 10_000, OPENED_MS + 20_000]
    assert desk.state.capital.last_realized_pnl_total_try == 0
    # Sold first is what is oldest: of that nobody knows the cost.
    desk.trade(sell(3, "1", "1000000", name=None, at=NOW_MS + 5))
    assert desk.state.external[BTC].unpriced_quantity == 1


def test_coins_with_a_known_cost_need_none() -> None:
    """The lots that are moved keep their costs and their dates."""
    desk = Desk(coins="1")
    lots = (LotEvidence(D("0.4"), D(40), 7), LotEvidence(D("0.4"), D(80), 9))
    assert desk.ask(BookLots(asset=BTC, lots=lots, evidence="papers")) == ""
    assert desk.ask(AssignCoins(asset=BTC, quantity=D("0.6"), to_bot=True)) == ""
    assert [lot[0] for lot in desk.state.positions[BTC].lots] == [7, 9]
    assert desk.state.positions[BTC].cost == 80


@pytest.mark.parametrize("to_bot", [True, False])
def test_no_more_coins_than_there_are(to_bot: bool) -> None:  # noqa: FBT001 - parametrized
    """Of either book, what sells have reserved apart; and never out of an uncovered sale."""
    desk = Desk("100000", coins="0.01", capital="100000")
    desk.trade(buy(1, "0.02", "1000000"))
    resting = order(side=Side.SELL, quantity=D("0.01"), reserved=D("0.01"))
    desk.state = with_orders(desk.state, resting)
    problem = desk.ask(AssignCoins(asset=BTC, quantity=D("0.011"), to_bot=to_bot))
    assert "0.011 BTC is more than the 0.01 BTC" in problem
    assert "more than the 0 ETH" in desk.ask(
        AssignCoins(asset=Asset("ETH"), quantity=D(1), to_bot=to_bot)
    )
    short = Desk()
    short.trade(sell(1, "1", "100", name=None if to_bot else "bk1-a"))
    assert "more than the 0 BTC" in short.ask(AssignCoins(asset=BTC, quantity=D(1), to_bot=to_bot))


# --- suspense


def in_suspense(amount: str, coins: str = "0") -> Desk:
    """Return a desk with a difference of TRY, or of coins, in suspense."""
    desk = Desk(coins="1")
    seen = balances(str(D(1000) + D(amount)), str(1 + D(coins)))
    for at in (2, 1):
        seen_then = observe(NOW_MS - at, balances=seen)
        desk.take(decide_on(desk.state, seen_then, observe_only=True))
    desk.state = desk.state._replace(mode=desk.state.mode._replace(mode=NORMAL))
    return desk


@pytest.mark.parametrize(
    ("to", "account"),
    [
        (Explanation.OWNER, Account.UNASSIGNED),
        (Explanation.BOT, Account.BOT),
        (Explanation.DEPOSIT, Account.UNASSIGNED),
        (Explanation.UNDO, Account.DIFFERENCE),
    ],
)
def test_more_cash_than_the_books_is_resolved(to: Explanation, account: Account) -> None:
    """It goes where the operator says it belongs, in parts or as a whole."""
    desk = in_suspense("500")
    before = desk.balance(account)
    assert "more than the 500 TRY" in desk.ask(ResolveSuspense(asset=TRY, to=to, amount=D(501)))
    assert desk.ask(ResolveSuspense(asset=TRY, to=to, amount=D(200))) == ""
    assert desk.ask(ResolveSuspense(asset=TRY, to=to)) == ""
    assert desk.balance(Account.SUSPENSE) == 0
    assert desk.balance(account) == before + 500
    assert desk.ask(ResolveSuspense(asset=TRY, to=to)) == "no TRY is in suspense"
    flow = -500 if to is Explanation.DEPOSIT else 0
    assert desk.balance(Account.FLOW) == flow
    gained = 500 if to is Explanation.BOT else 0
    assert desk.state.capital.trading_capital_try == 600 + gained
    assert desk.state.risk.day_start_equity_try == 600 + gained  # found, not earned


@pytest.mark.parametrize("to", [Explanation.OWNER, Explanation.BOT, Explanation.WITHDRAWAL])
def test_less_cash_than_the_books_is_resolved(to: Explanation) -> None:
    """What is gone is taken from who lost it; a loss of the bot's counts as a loss."""
    desk = in_suspense("-100")
    problem = desk.ask(ResolveSuspense(asset=TRY, to=Explanation.DEPOSIT))
    assert problem == "the exchange has less TRY than the books: that is no deposit"
    assert desk.ask(ResolveSuspense(asset=TRY, to=to)) == ""
    lost = 100 if to is Explanation.BOT else 0
    assert desk.state.capital.trading_capital_try == 600 - lost
    assert desk.state.risk.day_start_equity_try == 600
    more = in_suspense("-700")
    assert "more than the" in more.ask(ResolveSuspense(asset=TRY, to=to))
    gained = in_suspense("1").ask(ResolveSuspense(asset=TRY, to=Explanation.WITHDRAWAL))
    assert "has more TRY" in gained


def test_coins_in_suspense_are_resolved() -> None:
    """The bot's need a cost, the owner's have none that is known; what is gone leaves the lots."""
    desk = in_suspense("0", "0.5")
    to_bot = ResolveSuspense(asset=BTC, to=Explanation.BOT, amount=D("0.2"))
    assert "give the cost" in desk.ask(to_bot)
    costly = ResolveSuspense(asset=BTC, to=Explanation.BOT, amount=D("0.2"), cost_try=D(30))
    assert desk.ask(costly) == ""
    assert desk.state.positions[BTC].cost == 30
    assert desk.state.capital.trading_capital_try == 630
    assert desk.ask(ResolveSuspense(asset=BTC, to=Explanation.OWNER)) == ""
    assert desk.state.external[BTC].quantity == D("1.3")
    gone = in_suspense("0", "-0.1")
    assert "more than the 0 BTC" in gone.ask(ResolveSuspense(asset=BTC, to=Explanation.BOT))
    assert gone.ask(ResolveSuspense(asset=BTC, to=Explanation.WITHDRAWAL)) == ""
    assert gone.state.external[BTC].quantity == D("0.9")
    mine = in_suspense("0", "-0.1")
    give = AssignCoins(asset=BTC, quantity=D("0.2"), to_bot=True, cost_try=D(50), evidence="e")
    assert mine.ask(give) == ""
    assert mine.ask(ResolveSuspense(asset=BTC, to=Explanation.BOT)) == ""
    assert mine.state.capital.trading_capital_try == 600 + 25
    assert mine.state.capital.last_realized_pnl_total_try == 0


# --- booking by hand


def flow(kind: FlowKind, amount: str, *, asset: Asset = TRY, at: int = NOW_MS) -> BookFlow:
    """Return a wish to book a flow."""
    return BookFlow(asset=asset, amount=D(amount), flow=kind, event_time_ms=at, evidence="a slip")


def test_flows_booked_by_hand_are_the_owners() -> None:
    """In, out and as a gift; the evidence is part of what is hashed."""
    desk = Desk(coins="1")
    assert desk.ask(flow(FlowKind.DEPOSIT, "50")) == ""
    assert desk.ask(flow(FlowKind.WITHDRAWAL, "450")) == ""
    assert desk.ask(flow(FlowKind.AIRDROP, "3", asset=BTC)) == ""
    assert desk.ask(flow(FlowKind.WITHDRAWAL, "4", asset=BTC)) == ""
    assert desk.balance(Account.UNASSIGNED) == 0
    assert desk.balance(Account.EXTERNAL, BTC) == 0
    assert desk.state.capital.trading_capital_try == 600
    kinds = [one.kind for one in desk.events[1:]]
    assert kinds == [
        EventKind.DEPOSIT,
        EventKind.WITHDRAWAL,
        EventKind.AIRDROP,
        EventKind.WITHDRAWAL,
    ]
    assert all(one.content.endswith("|a slip") for one in desk.events[1:])
    assert "more than the 0 TRY" in desk.ask(flow(FlowKind.WITHDRAWAL, "1"))
    assert "more than the 0 BTC" in desk.ask(flow(FlowKind.WITHDRAWAL, "1", asset=BTC))


@pytest.mark.parametrize("at", [OPENED_MS, NOW_MS + 1])
def test_a_flow_is_after_the_opening_and_not_in_the_future(at: int) -> None:
    """What was before is inside the opening."""
    assert "is not between the opening" in Desk().ask(flow(FlowKind.DEPOSIT, "1", at=at))


@pytest.mark.parametrize("levy", list(LevyKind))
@pytest.mark.parametrize("payer", [TRADING, UNASSIGNED])
def test_a_tax_is_a_cost(levy: LevyKind, payer: CapitalPocket) -> None:
    """Who pays it has less, and what the bot pays counts against it."""
    desk = Desk()
    assert desk.ask(BookLevy(levy=levy, amount=D(30), payer=payer)) == ""
    assert desk.balance(Account.LEVY) == 30
    assert desk.events[-1].kind.value == levy.value
    paid = 30 if payer is TRADING else 0
    assert desk.state.capital.trading_capital_try == 600 - paid
    assert desk.state.risk.day_start_equity_try == 600
    assert "is more than" in desk.ask(BookLevy(levy=levy, amount=D(700), payer=payer))


# --- evidence


def test_evidence_gives_lots_once_and_not_more_than_there_is() -> None:
    """The same evidence twice changes nothing; too much of it is refused with the numbers."""
    desk = Desk(coins="1")
    lots = (LotEvidence(D("0.6"), D(60), 7),)
    assert desk.ask(BookLots(asset=BTC, lots=lots, evidence="papers")) == ""
    known = desk.state.external[BTC]
    assert [(lot.quantity, lot.has_cost) for lot in known.lots] == [
        (D("0.6"), True),
        (D("0.4"), False),
    ]
    count = desk.state.ledger.event_count
    assert desk.ask(BookLots(asset=BTC, lots=lots, evidence="papers")) == ""
    assert desk.state.ledger.event_count == count
    problem = desk.ask(BookLots(asset=BTC, lots=lots, evidence="other papers"))
    assert "0.6 BTC is explained, but only 0.4 BTC of unknown cost" in problem


def test_evidence_that_comes_late_is_put_where_it_belongs() -> None:
    """Coins sold since then are sold at the cost that is known now; of a deposit as well."""
    desk = Desk(coins="1")
    desk.trade(sell(1, "0.5", "1000", name=None))
    assert desk.state.external[BTC].unpriced_quantity == D("0.5")
    lots = (LotEvidence(D(1), D(100), 7),)
    assert desk.ask(BookLots(asset=BTC, lots=lots, evidence="papers")) == ""
    position = desk.state.external[BTC]
    assert (position.cost, position.realized_net) == (50, 450)
    at = OPENED_MS + 20_000
    assert desk.ask(flow(FlowKind.DEPOSIT, "2", asset=BTC, at=at)) == ""
    later = BookLots(asset=BTC, lots=(LotEvidence(D(2), D(8), 9),), evidence="more", since_ms=at)
    assert desk.ask(later) == ""
    assert desk.state.external[BTC].cost == 58


def test_evidence_of_a_later_moment_is_not_taken_its_coins() -> None:
    """What is explained already cannot be explained once more from an earlier moment."""
    desk, at = Desk(coins="1"), OPENED_MS + 20_000
    assert desk.ask(flow(FlowKind.DEPOSIT, "2", asset=BTC, at=at)) == ""
    all_of_it = (LotEvidence(D(3), D(300), 7),)
    assert desk.ask(BookLots(asset=BTC, lots=all_of_it, evidence="all", since_ms=at)) == ""
    again = (LotEvidence(D(1), D(90), 5),)
    problem = desk.ask(BookLots(asset=BTC, lots=again, evidence="again"))
    assert problem == (f"3 BTC is explained, but only 2 BTC of unknown cost were there at {at + 1}")


@pytest.mark.parametrize("method", list(CostMethod))
def test_a_late_sale_before_evidence_takes_coins_that_it_explains(method: CostMethod) -> None:
    """Nothing is claimed of what it brought, and no later cycle stands still for it."""
    desk, at = Desk(coins="1", kit=kit_of(profile=profile_of(cost_method=method))), OPENED_MS + 20
    assert desk.ask(flow(FlowKind.DEPOSIT, "2", asset=BTC, at=at)) == ""
    lots = (LotEvidence(D(2), D(200), 7), LotEvidence(D(1), D(90), 8))
    assert desk.ask(BookLots(asset=BTC, lots=lots, evidence="all", since_ms=at)) == ""
    desk.trade(sell(1, "0.5", "1000", name=None, at=at - 1))
    position = desk.state.external[BTC]
    assert position.quantity == desk.balance(Account.EXTERNAL, BTC) == D("2.5")
    assert (position.cost, position.realized_net) == (240, 0)
    early = (LotEvidence(D("0.1"), D(1), 5),)
    assert "is explained, but only" in desk.ask(BookLots(asset=BTC, lots=early, evidence="more"))
    # Of the coins that were there at first more are sold than there are known to be any more.
    desk.trade(sell(2, "0.7", "1000", name=None, at=at - 1))
    after = desk.state.external[BTC]
    assert (after.quantity, after.unpriced_quantity) == (D("1.8"), D("1.2"))


def test_under_average_a_restart_sells_the_same_coins() -> None:
    """Coins of unknown and of known cost are kept in the order a store gives them back in."""
    desk = Desk(coins="10", kit=kit_of(profile=profile_of(cost_method=CostMethod.AVERAGE)))
    lots = (LotEvidence(D(2), D(20), 7), LotEvidence(D(2), D(60), 8))
    assert desk.ask(BookLots(asset=BTC, lots=lots, evidence="papers")) == ""
    kept = desk.state.external[BTC].lots
    assert [(lot.quantity, lot.cost) for lot in kept] == [(4, 80), (6, 0)]
    assert list(kept) == sorted(kept)


def test_lots_given_back_at_once_realize_nothing_whatever_the_number() -> None:
    """Several lots leave in their order, each at what it costs; the number decides nothing."""
    for number in range(12):
        desk = Desk()
        desk.number = number
        desk.trade(buy(1, "0.00003", "100001"), buy(2, "0.00007", "200003"))
        before = desk.state.capital
        assert desk.ask(AssignCoins(asset=BTC, quantity=D("0.00009"), to_bot=False)) == ""
        position, capital = desk.state.positions[BTC], desk.state.capital
        assert (position.realized_net, capital.treasury_try) == (0, 0)
        moved = desk.state.external[BTC]
        assert before.trading_capital_try - capital.trading_capital_try == moved.cost
        assert [lot.quantity for lot in moved.lots] == [D("0.00003"), D("0.00006")]
        assert desk.state.performance.restated_net == 0


def test_a_charge_without_a_rate_waits_and_is_split_once_it_is_valued() -> None:
    """Pending, nothing is split; with the rate the gain is one difference."""
    desk = Desk("100000", capital="100000")
    charged = buy(1, "0.01", "1000000")._replace(
        fee=D("0.5"), tax=D("0.1"), charge_asset=Asset("BNB")
    )
    desk.trade(charged)
    assert desk.state.unvalued == ("fill:1",)
    desk.trade(sell(2, "0.01", "1100000"))
    assert desk.state.capital.deferred_try == 1000
    assert desk.state.capital.treasury_try == 0
    assert "no charge of fill:2 waits" in desk.ask(ValueCharge(event_key="fill:2", rate_try=D(1)))
    assert desk.ask(ValueCharge(event_key="fill:1", rate_try=D(200))) == ""
    assert desk.state.unvalued == ()
    assert desk.state.capital.deferred_try == 0
    assert desk.state.capital.treasury_try == (1000 - 120) * D("0.4")
    assert "waiting: none does" in desk.ask(ValueCharge(event_key="fill:1", rate_try=D(200)))


def test_an_amount_that_no_exact_sum_holds_is_refused() -> None:
    """It must not stop this cycle and every later one."""
    desk = Desk("100000", capital="100000")
    charged = buy(1, "0.0000000000000001", "1000000.0000000000000001")
    desk.trade(charged._replace(fee=D("0.5"), charge_asset=Asset("BNB")))
    problem = desk.ask(ValueCharge(event_key="fill:1", rate_try=D("9" * 30)))
    assert "more digits than they keep" in problem
    assert desk.state.unvalued == ("fill:1",)


# --- risk


def test_the_peak_is_armed_anew_from_the_equity_of_the_moment() -> None:
    """Drawdown counts from here; the day's loss does not."""
    desk = Desk()
    desk.state = desk.state._replace(risk=desk.state.risk._replace(peak_equity_try=D(10_000)))
    assert desk.ask(RearmPeak()) == ""
    assert desk.state.risk.peak_equity_try == 600
    assert desk.state.risk.day_start_equity_try == 600


def test_the_mode_is_tightened_at_once_and_loosened_with_an_end() -> None:
    """A looser mode needs an end that is not over."""
    desk = Desk()
    assert desk.ask(OverrideMode(mode=RiskMode.OBSERVE_ONLY)) == ""
    assert desk.state.mode.mode is RiskMode.OBSERVE_ONLY
    reduce = RiskMode.REDUCE_RISK_ONLY
    assert "say until when" in desk.ask(OverrideMode(mode=reduce))
    assert "before it begins" in desk.ask(OverrideMode(mode=NORMAL, until_ms=NOW_MS))
    assert desk.ask(OverrideMode(mode=NORMAL, until_ms=NOW_MS + 1)) == ""
    assert desk.state.mode.mode is NORMAL


def test_an_override_is_kept_with_its_reason_and_lifted_by_normal_without_an_end() -> None:
    """What it held ends with it; the mode then steps down as it always does."""
    desk = Desk()
    assert desk.ask(OverrideMode(mode=RiskMode.OBSERVE_ONLY), reason="a look") == ""
    override = desk.state.mode.override
    assert override is not None
    assert (override.reason, override.until_ms, override.is_loosening) == ("a look", None, False)
    assert desk.ask(OverrideMode(mode=NORMAL)) == ""
    assert desk.state.mode.override is None
    assert desk.state.mode.mode is RiskMode.OBSERVE_ONLY
    assert "say until when" in desk.ask(OverrideMode(mode=NORMAL))


def test_a_latch_is_released_by_its_pair() -> None:
    """One that is not set is named in the refusal, with those that are."""
    desk = Desk()
    assert desk.ask(ReleaseLatch(latch="ETHTRY")) == "ETHTRY has no latch; latched pairs: none"
    latch = Latch(BTCTRY, NOW_MS, "twenty buys in a minute")
    desk.state = desk.state._replace(guards=desk.state.guards._replace(latches=(latch,)))
    assert "latched pairs: BTCTRY" in desk.ask(ReleaseLatch(latch="ETHTRY"))
    assert desk.ask(ReleaseLatch(latch="BTCTRY"), reason="looked at") == ""
    assert desk.state.guards.latches == ()


# --- what no check foresees


def test_what_our_own_checks_missed_is_refused_too() -> None:
    """A wish must never stop the books: lots that contradict the ledger are told, not raised."""
    desk = Desk()
    wrong = desk.state.capital._replace(trading_capital_try=D(1))
    state = desk.state._replace(capital=wrong)
    asked = Operation(1, NOW_MS, "a", transfer(UNASSIGNED, TRADING, "1"))
    assert "trading capital" in refusal_of(state, observe(), profile_of(), asked)


def test_which_operations_need_the_market() -> None:
    """Those that bring coins into the bot's equity, or take them out of it."""
    assert needs_market(AssignCoins(asset=BTC, quantity=D(1), to_bot=False))
    assert needs_market(ResolveSuspense(asset=BTC, to=Explanation.BOT))
    assert not needs_market(ResolveSuspense(asset=TRY, to=Explanation.BOT))
    assert not needs_market(ResolveSuspense(asset=BTC, to=Explanation.OWNER))
    assert not needs_market(RearmPeak())


def test_an_average_ledger_gives_coins_at_the_average() -> None:
    """The cost that leaves is the cost a sale would take."""
    kit = kit_of(profile=profile_of(cost_method=CostMethod.AVERAGE))
    desk = Desk("100000", capital="100000", kit=kit)
    desk.trade(buy(1, "0.01", "1000000"), buy(2, "0.01", "2000000"))
    assert desk.ask(AssignCoins(asset=BTC, quantity=D("0.01"), to_bot=False)) == ""
    assert desk.state.positions[BTC].cost == 15_000
