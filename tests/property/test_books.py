"""Laws of the books: every asset sums to zero, what is held is somebody's, equity adds up.

The books are folded here from the parts of the domain, fill by fill, the way a bot that the user
puts together would.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.capital import (
    CapitalState,
    ProfitBasis,
    SelfFinancing,
    SplitBasis,
    apply_self_financing,
    checkpoint_after,
)
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, EventKind, Ledger, LedgerEvent, Leg
from btcturk_kit.domain.ledger_events import (
    difference_event,
    fill_event,
    flow_event,
    opening_event,
    treasury_event,
)
from btcturk_kit.domain.money import ZERO, add, sub, total
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import CostMethod, Position, apply_fill
from btcturk_kit.errors import LedgerImbalance

from .facts import BTC, ETH, START_MS, TRY, amounts, fills, fractions

OPENING_TRY, BOT_TRY = Decimal("100000.5"), Decimal(90_000)


class Books:
    """Ledger, lots and capital of one account, and what its exchange holds."""

    def __init__(self, policy: SelfFinancing, method: CostMethod) -> None:
        self.policy, self.method = policy, method
        opening = {TRY: OPENING_TRY, BTC: Decimal(3), ETH: Decimal(0)}
        event = opening_event(opening, bot_quote=BOT_TRY, quote=TRY, now_ms=START_MS)
        self.ledger = Ledger().post(event)
        self.exchange = {asset: Fraction(amount) for asset, amount in opening.items()}
        self.positions: dict[Asset, Position] = {}
        self.charges = Fraction()
        self.capital = CapitalState(
            account="main",
            trading_capital_try=BOT_TRY,
            last_event_count=self.ledger.event_count,
            last_event_key=self.ledger.last_event_key,
            content_hash=self.ledger.content_hash,
        )

    def book(self, fill: Fill, *, is_own: bool = True) -> None:
        """Book one trade, its lots, its split and the transfer to treasury."""
        sign = 1 if fill.side is Side.BUY else -1
        notional = Fraction(fill.price) * Fraction(fill.quantity)
        paid = Fraction(fill.fee) + Fraction(fill.tax)
        self.exchange[fill.base] += sign * Fraction(fill.quantity)
        self.exchange[TRY] -= sign * notional + paid
        before = self.ledger
        self.ledger = before.post(fill_event(fill, is_own=is_own))
        if is_own:
            self.charges += paid
            old = self.positions.get(fill.base, Position(fill.base))
            self.positions[fill.base] = apply_fill(old, fill, method=self.method)
        checkpoint = checkpoint_after(
            before,
            self.ledger,
            account="main",
            realized_net=total([one.realized_net for one in self.positions.values()]),
            realized_gross=total([one.realized_gross for one in self.positions.values()]),
        )
        capital = apply_self_financing(self.capital, checkpoint, self.policy)
        share = sub(capital.treasury_try, self.capital.treasury_try)
        self.capital = capital
        if share:
            self.ledger = self.ledger.post(
                treasury_event(
                    self.ledger.last_event_key,
                    share,
                    quote=TRY,
                    now_ms=fill.event_time_ms,
                )
            )

    def balance(self, account: Account, asset: Asset = TRY) -> Fraction:
        """Return one balance as a fraction."""
        return Fraction(self.ledger.balance(account, asset))

    def cost(self) -> Fraction:
        """Return what the bot's open lots cost."""
        return sum((Fraction(one.cost) for one in self.positions.values()), Fraction())


books = st.builds(
    Books,
    st.builds(
        SelfFinancing,
        basis=st.sampled_from(SplitBasis),
        profit_basis=st.sampled_from(ProfitBasis),
    ),
    st.sampled_from(CostMethod),
)
histories = fills(at_most=10, bases=(BTC, ETH))
NARROW = Context(prec=5)


@given(books, histories, st.randoms(use_true_random=False))
def test_books_balance_after_every_post(
    account: Books, history: list[Fill], chance: st.DataObject
) -> None:
    """Every asset sums to zero, and what the books hold is what the exchange holds, exactly."""
    for fill in history:
        with localcontext(NARROW):
            account.book(fill, is_own=chance.random() < 0.8)  # type: ignore[attr-defined] # Random
        assert account.ledger.imbalance() == {}
        for asset, held in account.exchange.items():
            assert Fraction(account.ledger.held(asset)) == held


@given(books, histories)
def test_the_law_of_capital_holds_after_every_post(account: Books, history: list[Fill]) -> None:
    """Trading capital + treasury + unassigned = TRY cash + cost of the bot's lots, exactly.

    Also while a lot is short because a sell became known before its buy.
    """
    for fill in history:
        account.book(fill)
        cash = sum(
            account.balance(one) for one in (Account.BOT, Account.TREASURY, Account.UNASSIGNED)
        )
        capital = Fraction(account.capital.trading_capital_try)
        treasury = Fraction(account.capital.treasury_try)
        unassigned = Fraction(OPENING_TRY - BOT_TRY)
        assert capital + treasury + unassigned == cash + account.cost()
        assert account.balance(Account.TREASURY) == treasury
        assert account.balance(Account.UNASSIGNED) == unassigned


@given(books, histories, st.data())
def test_equity_moves_by_realized_and_unrealized(
    account: Books, history: list[Fill], data: st.DataObject
) -> None:
    """The change of equity is realized net plus change of unrealized net, to the last digit.

    And the same in gross terms, less fees and taxes. The marks are anything.
    """
    marks = {BTC: Fraction(100), ETH: Fraction(7)}
    prices = fractions(8, 1, 1_000_000)

    def equity_and_unrealized() -> tuple[Fraction, Fraction, Fraction]:
        worth = sum(
            (Fraction(one.quantity) * marks[one.asset] for one in account.positions.values()),
            Fraction(),
        )
        gross = sum((Fraction(one.gross_cost) for one in account.positions.values()), Fraction())
        cash = account.balance(Account.BOT) + account.balance(Account.TREASURY)
        return cash + worth, worth - account.cost(), worth - gross

    start, net_start, gross_start = equity_and_unrealized()
    for fill in history:
        account.book(fill)
        marks[fill.base] = Fraction(data.draw(prices))
        now, net_now, gross_now = equity_and_unrealized()
        realized = sum((Fraction(x.realized_net) for x in account.positions.values()), Fraction())
        gross = sum((Fraction(x.realized_gross) for x in account.positions.values()), Fraction())
        assert now - start == realized + net_now - net_start
        assert now - start == gross + gross_now - gross_start - account.charges


@given(books, histories)
def test_trades_never_touch_treasury(account: Books, history: list[Fill]) -> None:
    """No leg of a trade is on treasury: only the split's own transfer is."""
    for fill in history:
        for is_own in (True, False):
            event = fill_event(fill, is_own=is_own)
            assert all(leg.account is not Account.TREASURY for leg in event.legs)
            if is_own:
                assert all(leg.account is not Account.UNASSIGNED for leg in event.legs)
            else:
                assert all(leg.account is not Account.BOT for leg in event.legs)
        account.book(fill)
        assert account.balance(Account.TREASURY) == Fraction(account.capital.treasury_try)


events = st.one_of(
    fills(at_most=1).filter(bool).map(lambda found: fill_event(found[0], is_own=True)),
    st.builds(
        lambda amount: flow_event("flow:1", BTC, amount, quote=TRY, event_time_ms=5), amounts
    ),
    st.builds(
        lambda amount: difference_event([(BTC, amount), (TRY, -amount)], count=0, now_ms=5), amounts
    ),
    st.builds(lambda amount: treasury_event("fill:1", amount, quote=TRY, now_ms=5), amounts),
)


@given(st.lists(events, max_size=8))
def test_posting_in_one_call_or_one_by_one_is_the_same(found: list[LedgerEvent]) -> None:
    """How events are batched changes neither balances nor count nor hash; the old ledger stays."""
    start = Ledger()
    one_by_one = start
    for event in found:
        one_by_one = one_by_one.post(event)
    assert start.post(*found) == one_by_one
    assert start == Ledger()
    assert one_by_one.imbalance() == {}
    facts = [event for event in found if event.kind is not EventKind.TREASURY]
    assert one_by_one.event_count == len(facts)
    without = start.post(*facts)
    assert (without.content_hash, without.last_event_key) == (
        one_by_one.content_hash,
        one_by_one.last_event_key,
    )


@given(events, amounts.filter(bool), st.integers(0, 3), st.data())
def test_legs_that_do_not_balance_are_refused(
    event: LedgerEvent, off: Decimal, where: int, data: st.DataObject
) -> None:
    """An event off by any digit in any asset raises, and the ledger it was posted to stays."""
    legs = list(event.legs)
    at = where % len(legs)
    legs[at] = Leg(legs[at].account, legs[at].asset, add(legs[at].amount, off))
    account = data.draw(st.sampled_from(Account))
    ledger = Ledger().post(opening_event({TRY: Decimal(1)}, bot_quote=ZERO, quote=TRY, now_ms=0))
    with pytest.raises(LedgerImbalance, match="off by"), localcontext(NARROW):
        ledger.post(event._replace(legs=tuple(legs)))
    assert ledger.balance(account, BTC) == 0
