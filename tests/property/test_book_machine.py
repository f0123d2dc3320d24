"""Books under everything that can happen to them, in any order, beside naive ones.

A machine trades, deposits, transfers, assigns, loses and finds coins, tells trades late and twice,
values charges afterwards, and restarts. `World` compares every commit with naive books in fractions
and holds it to the laws.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.ledger_events import flow_event
from btcturk_kit.domain.money import mul
from btcturk_kit.domain.operator_events import (
    Pocket,
    adjustment_event,
    assignment_event,
    levy_event,
    transfer_event,
    valuation_event,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import BtcturkKitError, LedgerConflict

from .book_world import COINS, OPENED_MS, TRY, World, exactly
from .facts import scaled
from .naive_books import Fact, Held, Move, Trade

BTC, BNB, USDT = COINS
NOTHING = Fraction()
POCKETS: tuple[Pocket, ...] = ("bot", "treasury", "unassigned")

coarse = st.builds(scaled, st.integers(1, 30), st.just(1))
fine = st.builds(scaled, st.integers(1, 10**17), st.just(16))
prices = st.one_of(
    st.builds(scaled, st.integers(1, 10**6), st.just(0)),
    st.builds(scaled, st.integers(1, 10**10), st.just(8)),
)
charges = st.builds(scaled, st.integers(0, 10**8), st.just(8))
money = st.builds(scaled, st.integers(1, 10**12), st.just(8))
signs = st.sampled_from([1, -1])
steps = st.integers(1, 5_000)
"""Tens of milliseconds after the opening at which a trade may have happened."""


@st.composite
def trade_plans(draw: st.DrawFn) -> dict[str, Any]:
    """Draw all of a trade but its number."""
    base, quote = draw(
        st.sampled_from([(BTC, TRY), (BTC, TRY), (BTC, USDT), (BNB, TRY), (USDT, TRY)])
    )
    charged = draw(st.sampled_from([BNB, quote, base, TRY]))
    fee, tax = draw(charges), draw(charges)
    quantity = draw(st.one_of(coarse, fine))
    if charged == base:
        quantity, fee, tax = draw(coarse), fee / 100, tax / 100
    is_third = charged not in (base, quote, TRY)
    return {
        "is_own": draw(st.integers(0, 2)) > 0,
        "side": draw(st.sampled_from(Side)),
        "base": base,
        "quote": quote,
        "quantity": quantity,
        "price": draw(prices),
        "fee": fee,
        "tax": tax,
        "event_time_ms": OPENED_MS + 10 * draw(steps),
        "charge_asset": None if charged == quote else charged,
        "charge_rate": draw(st.one_of(st.none(), prices)) if is_third else None,
        "quote_rate": None if quote == TRY else draw(prices),
    }


def trade_of(number: int, plan: dict[str, Any]) -> tuple[Fill, Trade]:
    """Return a trade as the exchange tells it, and as the naive books see it."""
    rest = {name: value for name, value in plan.items() if name != "is_own"}
    fill = Fill(
        trade_id=TradeId(number),
        order_id=OrderId(number),
        client_order_id=ClientOrderId("bk1-test") if plan["is_own"] else None,
        symbol=Symbol(f"{plan['base']}{plan['quote']}"),
        **rest,
    )
    unit, rate = plan["quote_rate"], plan["charge_rate"]
    return fill, Trade(
        number=number,
        is_own=plan["is_own"],
        base=fill.base,
        quote=fill.quote,
        sign=1 if fill.side is Side.BUY else -1,
        quantity=exactly(fill.quantity),
        price=exactly(fill.price),
        charges=exactly(fill.fee) + exactly(fill.tax),
        at_ms=fill.event_time_ms,
        charged=fill.charge_asset or fill.quote,
        charge_rate=None if rate is None else exactly(rate),
        quote_rate=Fraction(1) if unit is None else exactly(unit),
    )


class BookMachine(RuleBasedStateMachine):
    """What can happen to an account."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="btcturk-kit-books-")
        self.world: World
        self.count = 0

    @initialize(
        ratio=st.sampled_from([Decimal("0.40"), Decimal("0.3333"), Decimal(1), Decimal(0)]),
        above_peak=st.booleans(),
        coins=st.dictionaries(st.sampled_from(COINS), coarse),
    )
    def open(self, ratio: Decimal, above_peak: bool, coins: dict[Asset, Decimal]) -> None:  # noqa: FBT001 - drawn
        """Open an account; the owner may hold coins already."""
        folder = Path(self.folder.name)
        self.world = World(folder, ratio=ratio, above_peak=above_peak, coins=coins)

    def next_number(self) -> int:
        """Return a number no fact has yet."""
        self.count += 1
        return self.count

    @rule(plans=st.lists(trade_plans(), min_size=1, max_size=5))
    def trade(self, plans: list[dict[str, Any]]) -> None:
        """Tell new trades of one cycle, late ones among them; all older ones are told again."""
        self.world.cycle([trade_of(self.next_number(), plan) for plan in plans])

    @rule(plan=trade_plans(), exit_price=prices, has_rate=st.booleans())
    def round_trip(self, plan: dict[str, Any], exit_price: Decimal, *, has_rate: bool) -> None:
        """Buy and sell as much again in one cycle, charges in a third coin whose rate may lack."""
        rest = {"is_own": True, "fee": Decimal("0.5"), "charge_asset": BNB}
        if plan["base"] == BNB:
            return
        plan = plan | rest | {"charge_rate": Decimal(7) if has_rate else None}
        there = plan | {"side": Side.BUY}
        back = plan | {"side": Side.SELL, "price": exit_price}
        back["event_time_ms"] += 10
        self.world.cycle([trade_of(self.next_number(), one) for one in (there, back)])

    @rule(plans=st.lists(trade_plans(), min_size=2, max_size=4))
    def twice_in_one_look(self, plans: list[dict[str, Any]]) -> None:
        """A history that lists a new trade twice counts it once."""
        told = [trade_of(self.next_number(), plan) for plan in plans]
        self.world.exchange.told += [fill for fill, _ in told]
        self.world.cycle(told)

    @precondition(lambda self: self.world.trades)
    @rule(
        data=st.data(),
        change=st.sampled_from(["quantity", "price", "fee", "tax", "side", "event_time_ms"]),
        is_new=st.booleans(),
        plan=trade_plans(),
    )
    def contradict(
        self, data: st.DataObject, plan: dict[str, Any], *, change: str, is_new: bool
    ) -> None:
        """A trade told with another content stops the cycle, and nothing is written."""
        world = self.world
        before, told = world.disk.ledger_events(limit=10_000), list(world.exchange.told)
        if is_new:  # two contents of one new trade in one look
            known, _ = trade_of(self.next_number(), plan)
            world.exchange.told.append(known)
        else:
            known = data.draw(st.sampled_from(told))
        old = getattr(known, change)
        other = Side.BUY if old is Side.SELL else Side.SELL if old is Side.BUY else old + 10
        world.exchange.told.append(known._replace(**{change: other}))
        with pytest.raises(LedgerConflict):
            world.decided()
        world.exchange.told = told
        assert world.disk.ledger_events(limit=10_000) == before

    @rule(
        asset=st.sampled_from([TRY, *COINS]),
        amount=money,
        sign=signs,
        fee=charges,
        tax=charges,
        at=st.one_of(st.none(), steps),
    )
    def flow(
        self,
        asset: Asset,
        amount: Decimal,
        *,
        sign: int,
        fee: Decimal,
        tax: Decimal,
        at: int | None,
    ) -> None:
        """Deposit or withdraw, now or told late."""
        world, key = self.world, f"flow:{self.next_number()}"
        known_ms = world.tick()
        at_ms = known_ms if at is None else world.free_ms(OPENED_MS + 10 * at)
        event = flow_event(
            key,
            asset,
            sign * amount,
            quote=TRY,
            event_time_ms=at_ms,
            known_ms=known_ms,
            fee=fee,
            tax=tax,
        )
        change = sign * exactly(amount) - exactly(fee) - exactly(tax)
        owner = "unassigned" if asset == TRY else "external"
        move = Move(owner, asset, change, None, None, (at_ms, -1), at_ms)
        moves = () if asset == TRY else (move,)
        world.operate(key, event, Fact({(owner, asset): change}, moves, {asset: change}))

    @rule(
        amount=money,
        pockets=st.permutations(POCKETS),
    )
    def transfer(self, amount: Decimal, pockets: list[Pocket]) -> None:
        """Move cash between trading, treasury and unassigned; the only way out of treasury."""
        source, target, _ = pockets
        world, key = self.world, f"transfer:{self.next_number()}"
        event = transfer_event(
            key, amount, source=source, target=target, quote=TRY, now_ms=world.tick(), reason="told"
        )
        moved = {source: -exactly(amount), target: exactly(amount)}
        fact = Fact(
            {(pocket, "TRY"): change for pocket, change in moved.items()},
            trading=moved.get("bot", NOTHING),
            treasury=moved.get("treasury", NOTHING),
        )
        world.operate(key, event, fact)

    @precondition(lambda self: self.assignable())
    @rule(
        data=st.data(),
        part=st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.1")]),
        cost=money,
        days=st.integers(1, 1_000),
    )
    def assign(self, data: st.DataObject, part: Decimal, cost: Decimal, days: int) -> None:
        """Give coins of the owner to the bot at a cost and a date, or take some back at theirs."""
        world, key = self.world, f"assignment:{self.next_number()}"
        source, asset = data.draw(st.sampled_from(self.assignable()))
        to_bot = source == "external"
        target = "bot" if to_bot else "external"
        positions = world.state.external if to_bot else world.state.positions
        quantity = mul(positions[asset].quantity, part)
        now_ms = world.tick()
        acquired_ms = world.free_ms(OPENED_MS - 86_400_000 * days)
        if not to_bot:
            cost = _cost_of(world.naive.held("bot", asset), exactly(quantity))
        event = assignment_event(
            key,
            asset,
            quantity,
            cost_try=cost,
            acquired_ms=acquired_ms,
            to_bot=to_bot,
            now_ms=now_ms,
            evidence="told",
        )
        moved, worth = exactly(quantity), exactly(cost)
        at = (now_ms, -1)
        moves = (
            Move(source, asset, -moved, -worth, -worth, at, now_ms),
            Move(target, asset, moved, worth, worth, at, acquired_ms),
        )
        fact = Fact(
            {(source, asset): -moved, (target, asset): moved},
            moves,
            trading=worth if to_bot else -worth,
        )
        world.operate(key, event, fact)

    @rule(asset=st.sampled_from([TRY, *COINS]), amount=money, sign=signs)
    def drift(self, asset: Asset, amount: Decimal, sign: int) -> None:
        """Let the exchange hold what nobody can explain: it goes to suspense."""
        self.world.drift_by(asset, sign * amount)

    @precondition(lambda self: self.suspended())
    @rule(data=st.data(), to_bot=st.booleans(), worth=money, at=st.one_of(st.none(), steps))
    def resolve(self, data: st.DataObject, to_bot: bool, worth: Decimal, at: int | None) -> None:  # noqa: FBT001 - drawn
        """Take an explained amount out of suspense, for the bot or for the owner."""
        world, key = self.world, f"adjustment:{self.next_number()}"
        asset, amount = data.draw(st.sampled_from(self.suspended()))
        owner = Account.UNASSIGNED if asset == TRY else Account.EXTERNAL
        target = Account.BOT if to_bot else owner
        value = worth.copy_sign(amount) if asset != TRY and to_bot else None
        known_ms = world.tick()
        at_ms = known_ms if at is None else world.free_ms(OPENED_MS + 10 * at)
        legs = (Leg(Account.SUSPENSE, asset, -amount), Leg(target, asset, amount, value))
        event = adjustment_event(
            key, legs, event_time_ms=at_ms, known_ms=known_ms, reason="explained"
        )
        change = exactly(amount)
        net = None if value is None else exactly(value)
        move = Move(str(target), asset, change, net, net, (at_ms, -1), at_ms)
        fact = Fact(
            {("suspense", asset): -change, (str(target), asset): change},
            () if asset == TRY else (move,),
            trading=((change if net is None else net) if to_bot else NOTHING),
        )
        world.operate(key, event, fact)

    @rule(
        amount=money,
        kind=st.sampled_from([EventKind.TRANSACTION_TAX, EventKind.WITHHOLDING]),
        payer=st.sampled_from([Account.BOT, Account.UNASSIGNED]),
    )
    def levy(
        self,
        amount: Decimal,
        kind: Literal[EventKind.TRANSACTION_TAX, EventKind.WITHHOLDING],
        payer: Account,
    ) -> None:
        """Pay a tax that the exchange takes."""
        world, key, now_ms = self.world, f"levy:{self.next_number()}", self.world.tick()
        event = levy_event(
            key,
            amount,
            kind=kind,
            payer=payer,
            event_time_ms=now_ms,
            known_ms=now_ms,
            reason="told",
        )
        paid = -exactly(amount)
        fact = Fact(
            {(str(payer), "TRY"): paid},
            outside={"TRY": paid},
            trading=paid if payer is Account.BOT else NOTHING,
        )
        world.operate(key, event, fact)

    @precondition(lambda self: self.unvalued())
    @rule(data=st.data(), rate=prices)
    def value(self, data: st.DataObject, rate: Decimal) -> None:
        """Tell what a charge was worth whose coin had no rate."""
        world = self.world
        number = data.draw(st.sampled_from(self.unvalued()))
        trade = world.trades[number] = replace(world.trades[number], charge_rate=exactly(rate))
        key = f"fill:{number}"
        booked = world.disk.events_with(Asset(trade.charged))
        event = next(one for one in booked if one.key == key)
        world.operate(key, valuation_event(event, rate, known_ms=world.tick()), trade.fact())

    @precondition(lambda self: self.operations())
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """An operation or evidence that is booked already is refused by both stores."""
        world = self.world
        before = world.disk.ledger_events(limit=10_000)
        event = data.draw(st.sampled_from(self.operations()))
        event = event._replace(known_ms=world.tick())
        with pytest.raises(BtcturkKitError):
            world.keep_again(event)
        assert world.disk.ledger_events(limit=10_000) == before

    @rule()
    def restart(self) -> None:
        """Go on from what the stores hold."""
        self.world.restart()

    def assignable(self) -> list[tuple[str, Asset]]:
        """Return whose coins there are."""
        state = self.world.state
        both = (("external", state.external), ("bot", state.positions))
        return [
            (owner, asset)
            for owner, positions in both
            for asset, position in positions.items()
            if position.quantity > 0
        ]

    def suspended(self) -> list[tuple[Asset, Decimal]]:
        """Return what stands in suspense."""
        balances = self.world.state.ledger.balances.items()
        return [(slot[1], one) for slot, one in balances if slot[0] is Account.SUSPENSE and one]

    def unvalued(self) -> list[int]:
        """Return the numbers of trades with a charge of no known worth."""
        trades = self.world.trades.items()
        return [
            number for number, trade in trades if trade.charges and trade.worth_of_charges() is None
        ]

    def operations(self) -> list[LedgerEvent]:
        """Return what was booked that is no trade."""
        return [one for one in self.world.script if isinstance(one, LedgerEvent)]

    def teardown(self) -> None:
        """Look at the whole life again."""
        if hasattr(self, "world"):
            self.world.check_life()
            self.world.close()
        self.folder.cleanup()


def _cost_of(held: Held, quantity: Fraction) -> Decimal:
    """Return what the oldest coins of this quantity had cost."""
    copy = deepcopy(held)
    zero = Fraction()
    copy.take(Move("bot", "", -quantity, zero, zero, (0, 0), 0))
    cost = (held.net - copy.net) * 10**40
    assert cost.denominator == 1
    return scaled(int(cost), 40)


def test_books_live_through_everything() -> None:
    """Laws, naive books, replay, as-of and batching agree after whatever happened."""
    run_state_machine_as_test(
        BookMachine, settings=settings(max_examples=25, stateful_step_count=14)
    )


@pytest.mark.long
def test_books_live_through_everything_for_long() -> None:
    """The same, eight times as often."""
    run_state_machine_as_test(
        BookMachine, settings=settings(max_examples=200, stateful_step_count=14)
    )
