"""Double entry on chosen facts: which account each amount goes to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger import HELD, Account, EventKind, Ledger, LedgerEvent, Leg
from btcturk_kit.domain.ledger_events import (
    difference_event,
    fill_event,
    flow_event,
    opening_event,
    treasury_event,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import LedgerImbalance

TRY, BTC = Asset("TRY"), Asset("BTC")

BUY = Fill(
    TradeId(7),
    OrderId(70),
    ClientOrderId("bk1-a"),
    Symbol("BTCTRY"),
    BTC,
    TRY,
    Side.BUY,
    Decimal("0.5"),
    Decimal(1000),
    Decimal("1.00"),
    Decimal("0.20"),
    99,
)


def _opened() -> Ledger:
    """Return books of 1000 TRY, 800 of them the bot's, and one coin of the owner's."""
    return Ledger().post(
        opening_event(
            {TRY: Decimal(1000), BTC: Decimal(1)},
            bot_quote=Decimal(800),
            quote=TRY,
            now_ms=10,
        )
    )


def _net(event: LedgerEvent) -> dict[tuple[Account, Asset], Decimal]:
    """Return the sum of an event's legs by account."""
    result: dict[tuple[Account, Asset], Decimal] = {}
    for account, asset, amount, _, _ in event.legs:
        result[account, asset] = result.get((account, asset), Decimal(0)) + amount
    return {slot: amount for slot, amount in result.items() if amount}


def test_an_opening_divides_what_there_is() -> None:
    """Quote goes to the bot and what it may not use to unassigned; coins are the owner's."""
    ledger = _opened()
    assert ledger.balance(Account.BOT, TRY) == 800
    assert ledger.balance(Account.UNASSIGNED, TRY) == 200
    assert ledger.balance(Account.EXTERNAL, BTC) == 1
    assert ledger.balance(Account.BOT, BTC) == 0
    assert ledger.balance(Account.OPENING, TRY) == -1000
    assert (ledger.held(TRY), ledger.held(BTC)) == (1000, 1)
    assert ledger.assets() == (BTC, TRY)
    assert (ledger.event_count, ledger.last_event_key) == (1, "opening")


def test_an_opening_leaves_out_what_is_nothing() -> None:
    """An asset of zero has no legs, and a bot that gets everything leaves nothing unassigned."""
    event = opening_event(
        {TRY: Decimal(5), BTC: Decimal(0)}, bot_quote=Decimal(5), quote=TRY, now_ms=0
    )
    assert _net(event) == {(Account.BOT, TRY): 5, (Account.OPENING, TRY): -5}


def test_a_buy_of_the_bot() -> None:
    """Coins in, cash out with fee and tax, which have accounts of their own."""
    event = fill_event(BUY, is_own=True)
    assert _net(event) == {
        (Account.BOT, BTC): Decimal("0.5"),
        (Account.TRADE, BTC): Decimal("-0.5"),
        (Account.BOT, TRY): Decimal("-501.20"),
        (Account.TRADE, TRY): Decimal(500),
        (Account.FEE, TRY): Decimal("1.00"),
        (Account.TAX, TRY): Decimal("0.20"),
    }
    assert (event.key, event.kind, event.event_time_ms) == ("fill:7", EventKind.FILL, 99)


def test_a_sell_of_the_bot() -> None:
    """Coins out, proceeds in less fee and tax."""
    event = fill_event(BUY._replace(side=Side.SELL), is_own=True)
    assert _net(event) == {
        (Account.BOT, BTC): Decimal("-0.5"),
        (Account.TRADE, BTC): Decimal("0.5"),
        (Account.BOT, TRY): Decimal("498.80"),
        (Account.TRADE, TRY): Decimal(-500),
        (Account.FEE, TRY): Decimal("1.00"),
        (Account.TAX, TRY): Decimal("0.20"),
    }


def test_a_trade_of_somebody_else_moves_the_owners_money() -> None:
    """A manual trade never touches what the bot may spend."""
    moved = _net(fill_event(BUY, is_own=False))
    assert moved[Account.EXTERNAL, BTC] == Decimal("0.5")
    assert moved[Account.UNASSIGNED, TRY] == Decimal("-501.20")
    assert not any(account is Account.BOT for account, _ in moved)


@pytest.mark.parametrize(("asset", "account"), [(TRY, Account.UNASSIGNED), (BTC, Account.EXTERNAL)])
@pytest.mark.parametrize("amount", [Decimal("12.5"), Decimal(-3)])
def test_a_flow_is_the_owners(asset: Asset, account: Account, amount: Decimal) -> None:
    """A deposit or a withdrawal changes what is the owner's, by exactly its amount."""
    event = flow_event("flow:1", asset, amount, quote=TRY, event_time_ms=5)
    assert _net(event) == {(account, asset): amount, (Account.FLOW, asset): -amount}
    assert event.kind is (EventKind.DEPOSIT if amount > 0 else EventKind.WITHDRAWAL)


def test_a_difference_goes_where_everybody_sees_it() -> None:
    """What nobody can explain is held in suspense, with either sign."""
    event = difference_event([(BTC, Decimal("0.1")), (TRY, Decimal(-4))], count=3, now_ms=55)
    ledger = _opened().post(event)
    assert ledger.balance(Account.SUSPENSE, BTC) == Decimal("0.1")
    assert ledger.balance(Account.SUSPENSE, TRY) == -4
    assert (ledger.held(TRY), ledger.held(BTC)) == (996, Decimal("1.1"))
    assert event.key == "difference:55:3"


def test_treasury_follows_from_the_facts() -> None:
    """The policy's transfer moves money and is still held, but is not counted as a fact."""
    before = _opened()
    after = before.post(treasury_event("fill:7", Decimal(40), quote=TRY, now_ms=99))
    assert after.balance(Account.TREASURY, TRY) == 40
    assert after.balance(Account.BOT, TRY) == 760
    assert after.held(TRY) == 1000
    assert (after.event_count, after.content_hash, after.last_event_key) == (
        before.event_count,
        before.content_hash,
        before.last_event_key,
    )


def test_posting_leaves_the_old_ledger_alone() -> None:
    """A ledger is a value: what was posted later is not in it."""
    before = _opened()
    before.post(fill_event(BUY, is_own=True))
    assert before == _opened()
    assert Ledger().balance(Account.BOT, TRY) == 0
    assert Ledger().assets() == ()


def test_the_hash_knows_content_and_order() -> None:
    """Another amount, time or order of facts gives another hash; the same facts the same."""
    one, two = (
        fill_event(BUY, is_own=True),
        flow_event("f", TRY, Decimal(1), quote=TRY, event_time_ms=1),
    )
    hashes = {
        _opened().post(one, two).content_hash,
        _opened().post(two, one).content_hash,
        _opened().post(one, two._replace(event_time_ms=2)).content_hash,
        _opened().post(fill_event(BUY._replace(fee=Decimal(2)), is_own=True), two).content_hash,
    }
    assert len(hashes) == 4
    assert _opened().post(one).post(two).content_hash in hashes


def test_legs_that_do_not_balance_raise() -> None:
    """An event off by its last digit is refused, with the asset and the amount."""
    event = LedgerEvent(
        "odd",
        EventKind.DEPOSIT,
        0,
        0,
        (Leg(Account.BOT, TRY, Decimal("1.00000001")), Leg(Account.FLOW, TRY, Decimal(-1))),
        "",
    )
    with pytest.raises(LedgerImbalance, match=r"odd.*TRY.*1E-8"):
        Ledger().post(event)


def test_books_that_do_not_balance_show_it() -> None:
    """`imbalance` names the asset that does not sum to zero, and nothing when all do."""
    assert _opened().imbalance() == {}
    broken = Ledger(balances={(Account.BOT, TRY): Decimal(1), (Account.FLOW, TRY): Decimal(-2)})
    assert broken.imbalance() == {TRY: Decimal(-1)}


def test_what_is_held_is_held_for_somebody() -> None:
    """The five accounts that stand for money at the exchange, and no other."""
    assert {one.value for one in HELD} == {
        "bot",
        "treasury",
        "unassigned",
        "external",
        "suspense",
    }
