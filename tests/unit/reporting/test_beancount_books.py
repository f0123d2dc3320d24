"""An independent program agrees: beancount recomputes balances, lots and gains from the text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import convert
from beancount.core.data import Open, Transaction
from beancount.core.inventory import Inventory

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import treasury_event
from btcturk_kit.domain.lots import Book, lot_moves
from btcturk_kit.domain.money import exactly
from btcturk_kit.domain.operator_events import (
    LotEvidence,
    assignment_event,
    lots_event,
    valuation_event,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.positions import Position, fold_moves
from btcturk_kit.reporting.beancount_books import BeancountBooks, beancount_books
from btcturk_kit.reporting.beancount_text import commodity_of

from .ledgers import BTC, DAY_MS, START_MS, TRY, day_of, fill, opening, random_ledger, sold

BUY, SELL = Side.BUY, Side.SELL
USDT, BNB, PEPE = Asset("USDT"), Asset("BNB"), Asset("PEPE")
HELD = {
    "Bot": Account.BOT,
    "Treasury": Account.TREASURY,
    "Unassigned": Account.UNASSIGNED,
    "External": Account.EXTERNAL,
    "Suspense": Account.SUSPENSE,
}
WIDE = Context(prec=60)
"""Enough digits for beancount to compute exactly what it computes with 28 by itself."""


def text_of(events: list[LedgerEvent]) -> str:
    """Return the text of a ledger."""
    return written(events)[0]


def written(events: list[LedgerEvent]) -> tuple[str, BeancountBooks]:
    """Return the text of a ledger, and what was said of it."""
    books = beancount_books(events, day_of=day_of, title="test")
    return "\n".join(books.lines) + "\n", books


@contextmanager
def loaded(text: str, *, context: Context | None = None) -> Iterator[list[Any]]:
    """Load a text with beancount, in its own arithmetic or a wider one; it must find no error."""
    with localcontext(context):
        entries, errors, _ = loader.load_string(text)
        assert [error.message for error in errors] == []
        yield entries


def inventories(entries: list[Any]) -> dict[str, Inventory]:
    """Add up every posting by account."""
    found: dict[str, Inventory] = defaultdict(Inventory)
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                found[posting.account].add_position(posting)
    return found


def balances_of(events: list[LedgerEvent]) -> dict[tuple[Account, Asset], Decimal]:
    """Return our own balances that are not zero."""
    return {slot: amount for slot, amount in Ledger().post(*events).balances.items() if amount}


def positions_of(events: list[LedgerEvent]) -> dict[tuple[Book, Asset], Position]:
    """Fold our own lots."""
    moves = [move for event in events for move in lot_moves(event)]
    return {
        (book, asset): fold_moves(book, asset, moves)
        for book, asset in {(move.book, move.asset) for move in moves}
    }


def compare(events: list[LedgerEvent]) -> None:
    """Hold beancount's balances, lots and gains against ours, to the last digit."""
    text, _ = written(events)
    with loaded(text):
        pass  # in its own arithmetic, as `bean-check` computes
    with loaded(text, context=WIDE) as entries:
        found = inventories(entries)
        _compare_balances(found, events)
        _compare_lots(found, events)
        _compare_gains(entries, events)


def _compare_balances(found: dict[str, Inventory], events: list[LedgerEvent]) -> None:
    theirs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for account, inventory in found.items():
        parts = account.split(":")
        name = parts[2] if parts[0] == "Assets" else parts[1]
        for position in inventory:
            theirs[name, position.units.currency] += position.units.number
    ours = balances_of(events)
    names = {account: name for name, account in HELD.items()} | {
        Account.TAX: "TaxOnFee",
        Account.FLOW: "Flow",
    }
    for (account, asset), amount in ours.items():
        name = names.get(account, account.value.capitalize())
        assert theirs.pop((name, commodity_of(asset))) == amount
    extra = {name for (name, _), amount in theirs.items() if amount}
    assert extra <= {"ChargesInCost", "Realized", "UnknownCost"}


def _compare_lots(found: dict[str, Inventory], events: list[LedgerEvent]) -> None:
    for (book, asset), position in positions_of(events).items():
        root = f"Assets:BtcTurk:{book.value.capitalize()}"
        commodity = commodity_of(asset)
        loose = found[f"{root}:Unpriced"].get_currency_units(commodity).number or Decimal(0)
        assert loose == sum((lot.quantity for lot in position.lots if not lot.has_cost), Decimal(0))
        theirs: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for one in found[root]:
            if one.units.currency == commodity:
                assert one.cost is not None
                key = f"{one.cost.date} {re.sub(r'/[0-9]+$', '', one.cost.label)}"
                theirs[key][0] += one.units.number
                theirs[key][1] += (one.units.number * one.cost.number).quantize(Decimal("1e-30"))
        ours = [(lot.quantity, lot.cost) for lot in position.lots if lot.has_cost]
        if sum(len(one) == 2 for one in theirs.values()) == len(ours):
            assert sorted((a, b) for a, b in theirs.values()) == sorted(ours)
        else:  # an event that brought several lots of one day
            assert sum((b for _, b in theirs.values()), Decimal(0)) == position.cost


def _compare_gains(entries: list[Any], events: list[LedgerEvent]) -> None:
    """Every transaction balances to nothing with what beancount's own booking found."""
    realized: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        if not isinstance(entry, Transaction):
            continue
        residual: dict[str, Decimal] = defaultdict(Decimal)
        for posting in entry.postings:
            weight = convert.get_weight(posting)
            residual[weight.currency] += weight.number
            if posting.account.startswith("Income:"):
                realized[posting.account.rpartition(":")[2].lower()] -= posting.units.number
        assert all(abs(one) < Decimal("1e-40") for one in residual.values()), entry
    ours: dict[str, Decimal] = defaultdict(Decimal)
    with exactly():
        for (book, _), position in positions_of(events).items():
            ours[book.value] += position.realized_net
    assert {book: gain for book, gain in realized.items() if gain} == {
        book: gain for book, gain in ours.items() if gain
    }


def books_of_everything() -> list[LedgerEvent]:
    """Return a small ledger in which beancount can compute every digit with its own 28."""
    start = opening(TRY="100000", BTC="0.5", USDT="100")
    later = START_MS + 9 * DAY_MS
    return [
        start,
        sold(fill(1, BUY, "0.3", "33333.33", day=1, fee="1.11111111", tax="0.22222222")),
        sold(fill(2, BUY, "0.7", "31000.01", day=2, fee="3", tax="0.6")),
        sold(fill(3, SELL, "0.1", "35000", day=3, fee="0.7", tax="0.14")),
        sold(fill(4, SELL, "0.5", "36000.5", day=4, fee="0.9", tax="0.18")),
        treasury_event("fill:4", Decimal("123.45678901"), quote=TRY, now_ms=START_MS + 4 * DAY_MS),
        sold(fill(5, BUY, "0.2", "900", day=5, fee="0.18", quote=USDT, quote_rate=Decimal("34.5"))),
        sold(fill(6, BUY, "0.2", "34000", day=6, fee="0.0002", charge_asset=BTC)),
        sold(fill(7, SELL, "0.2", "34100", day=7, fee="0.0002", charge_asset=BTC)),
        sold(fill(8, SELL, "0.1", "34200", day=8, fee="0.5"), is_own=False),
        assignment_event(
            "assignment:1", BTC, Decimal("0.05"), cost_try=Decimal("1500.5"), acquired_ms=START_MS,
            to_bot=True, now_ms=later, evidence="papers",
        ),
    ]  # fmt: skip


def test_the_command_of_beancount_finds_nothing(tmp_path: Path) -> None:
    """`bean-check`, run as users run it, accepts the text without a word."""
    file = tmp_path / "books.beancount"
    file.write_text(text_of(books_of_everything()), "utf-8")
    check = Path(sys.executable).with_name("bean-check")
    command = [str(check)] if check.exists() else [sys.executable, "-m", "beancount.scripts.check"]
    run = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_every_kind_of_trade_is_proved_to_the_last_digit() -> None:
    """TRY and USDT trades, charges in three assets, coins of the owner: all of it agrees."""
    events = books_of_everything()
    compare(events)
    assert written(events)[1].limits == {}


@pytest.mark.parametrize("seed", [1, 2, pytest.param(range(3, 60), marks=pytest.mark.long)])
def test_random_ledgers_are_proved_to_the_last_digit(seed: int | range) -> None:
    """Whatever happened, beancount comes to the same balances, lots and gains."""
    for one in [seed] if isinstance(seed, int) else seed:
        compare(random_ledger(one))


def test_beancount_finds_the_oldest_lots_by_itself() -> None:
    """No sale names a lot, so that which lots it takes is beancount's own finding."""
    text = text_of(books_of_everything())
    assert text.count(" {}\n") == 3
    assert not re.search(r"\{\d{4}-", text)


def test_any_changed_digit_is_noticed() -> None:
    """No figure of the text can be another in its last place without an error."""
    lines = text_of(books_of_everything()).splitlines()
    numbers = [
        (place, found)
        for place, line in enumerate(lines)
        if not line.startswith(("option", ";"))
        for found in re.finditer(r"(?<![\w.:-])-?\d+\.\d+(?![\w.])", line)
    ]
    assert len(numbers) > 60
    unnoticed = []
    for place, found in numbers:
        line, last = lines[place], found.end() - 1
        changed = f"{line[:last]}{(int(line[last]) + 1) % 10}{line[last + 1 :]}"
        text = "\n".join([*lines[:place], changed, *lines[place + 1 :]])
        if not loader.load_string(text)[1]:
            unnoticed.append(line)
    assert unnoticed == []


def test_a_late_trade_gives_the_same_text() -> None:
    """The order in which trades became known does not show in the books."""
    events = books_of_everything()
    assert text_of(events) == text_of([events[0], *reversed(events[1:])])


def test_a_partial_sale_takes_the_rounded_share_along() -> None:
    """A third of a lot of 100 costs 33.33333333, the next one the same, the last the rest."""
    events = [opening(TRY="1000"), sold(fill(1, BUY, "3", "33.33333334", day=1))]
    events += [sold(fill(number, SELL, "1", "40", day=number)) for number in (2, 3, 4)]
    text = text_of(events)
    costs = re.findall(r"1 BTC \{0 # ([0-9.]+) TRY", text)
    assert costs == ["33.33333334", "33.33333334", "33.33333334"]
    thirds = [events[0], sold(fill(1, BUY, "3", "33", day=1, fee="1")), *events[2:]]
    costs = re.findall(r"1 BTC \{0 # ([0-9.]+) TRY", text_of(thirds))
    assert costs == ["33.33333333", "33.33333334", "33.33333333"]
    compare(thirds)


def test_a_token_of_eighteen_decimals_is_exact() -> None:
    """Below a hundredth of a kuruş, with 18 decimals: the units are proved to the last one."""
    events = [
        opening(TRY="100000"),
        sold(fill(1, BUY, "123456789.123456789012345678", "0.00045678", day=1, base=PEPE)),
        sold(fill(2, SELL, "23456789.000000000000000001", "0.00055", day=2, fee="0.01", base=PEPE)),
    ]
    compare(events)
    _, books = written(events)
    assert set(books.limits) <= {"TRY"}  # price times quantity has 26 decimals and five digits
    assert any("has amounts of more than 28 digits" in line for line in books.lines)


def test_a_charge_without_a_rate_and_its_value_later() -> None:
    """A fee in a coin nobody could value costs nothing yet; once valued it is in cost and fee."""
    bought = sold(fill(1, BUY, "1", "50", day=1, base=BNB))
    trade = sold(fill(2, BUY, "1", "1000", day=2, fee="0.1", charge_asset=BNB))
    pending = [opening(TRY="5000"), bought, trade]
    compare(pending)
    assert "Equity:UnknownCost" in text_of(pending).split("open Income:Realized:External")[1]
    valued = [*pending, valuation_event(trade, Decimal(60), known_ms=START_MS + 5 * DAY_MS)]
    compare(valued)
    assert "Equity:UnknownCost" not in text_of(valued).split("open Income:Realized:External")[1]
    assert "Expenses:Fee  0.1 BNB @@ 6 TRY" in text_of(valued)


def test_coins_of_unknown_cost_are_units_without_a_cost() -> None:
    """The owner's coins are apart and realize nothing, until evidence gives them lots."""
    start = opening(TRY="1000", BTC="2")
    sale = sold(fill(1, SELL, "0.5", "100", day=3), is_own=False)
    compare([start, sale])
    assert "Income:Realized:External  -" not in text_of([start, sale])
    papers = lots_event(
        BTC, [LotEvidence(Decimal(1), Decimal(10), START_MS - DAY_MS)],
        event_time_ms=START_MS + DAY_MS, known_ms=START_MS + 5 * DAY_MS, evidence="papers",
    )  # fmt: skip
    compare([start, sale, papers])
    assert "Income:Realized:External  -45 TRY" in text_of([start, sale, papers])


def test_lots_of_one_event_and_date_are_one() -> None:
    """Papers that name one day twice give one lot of both."""
    lots = [LotEvidence(Decimal(1), Decimal(cost), START_MS - DAY_MS) for cost in (10, 20)]
    papers = lots_event(
        BTC, lots, event_time_ms=START_MS + 1, known_ms=START_MS + DAY_MS, evidence="papers"
    )
    sale = sold(fill(1, SELL, "1.5", "100", day=3), is_own=False)
    compare([opening(TRY="1000", BTC="2"), papers, sale])


def test_a_lot_whose_date_does_not_tell_its_age_is_named() -> None:
    """Two lots of one day, the older one booked later: beancount is told which one is meant."""
    early, late = START_MS + 1_000, START_MS + 2_000
    events = [
        opening(TRY="1000", BTC="2"),
        assignment_event(
            "assignment:b", BTC, Decimal(1), cost_try=Decimal(20), acquired_ms=late,
            to_bot=True, now_ms=START_MS + DAY_MS, evidence="",
        ),
        assignment_event(
            "assignment:a", BTC, Decimal(1), cost_try=Decimal(10), acquired_ms=early,
            to_bot=True, now_ms=START_MS + 2 * DAY_MS, evidence="",
        ),
        sold(fill(1, SELL, "1", "30", day=3)),
        sold(fill(2, SELL, "1", "30", day=4)),
    ]  # fmt: skip
    compare(events)
    day = day_of(early)
    assert f'-1 BTC {{{day}, "assignment:a"}}' in text_of(events)
    assert "Income:Realized:Bot  -20 TRY" in text_of(events)


def test_a_sale_before_its_purchase_is_covered_later() -> None:
    """What was sold and not there is a lot below zero, taken up by the next purchase."""
    events = [
        opening(TRY="1000"),
        sold(fill(1, SELL, "1", "100", day=1, fee="1")),
        sold(fill(2, BUY, "3", "90", day=2, fee="1")),
        sold(fill(3, SELL, "2.5", "95", day=3)),
    ]
    compare(events)


def test_an_asset_whose_name_beancount_refuses_gets_another() -> None:
    """A name that begins with a digit or is one letter is written with an `X-` before it."""
    inch, short = Asset("1INCH"), Asset("S")
    events = [
        opening(TRY="1000"),
        sold(fill(1, BUY, "1", "10", day=1, base=inch)),
        sold(fill(2, BUY, "1", "10", day=1, base=short)),
    ]
    compare(events)
    assert " 1 X-1INCH {" in text_of(events)


def test_the_text_ends_with_a_balance_for_each_account_and_asset() -> None:
    """Every balance that our ledger has is asserted the day after the last event."""
    events = books_of_everything()
    text = text_of(events)
    asserted = re.findall(r"^(\S+) balance (\S+)  (\S+) ~ (\S+) (\S+)$", text, re.MULTILINE)
    last = max(day_of(event.event_time_ms) for event in events) + timedelta(days=1)
    assert {day for day, *_ in asserted} == {str(last)}
    assert {tolerance for *_, tolerance, _ in asserted} == {"0"}
    ours = [one for one in asserted if not one[1].startswith(("Income", "Equity:UnknownCost"))]
    assert len(ours) == len(Ledger().post(*events).balances)


def test_the_reason_of_an_operation_is_in_the_text() -> None:
    """What an operator gave as evidence stands at the transaction, quotes and all, in one line."""
    given = assignment_event(
        "assignment:1", BTC, Decimal(1), cost_try=Decimal(10), acquired_ms=START_MS,
        to_bot=True, now_ms=START_MS + DAY_MS, evidence='bought "by hand",\nsee \\papers',
    )  # fmt: skip
    with loaded(text_of([opening(TRY="1", BTC="1"), given])) as entries:
        notes = [one.meta["note"] for one in entries if "note" in one.meta]
    assert notes == ['bought "by hand", see \\papers']


def test_no_events_are_books_without_entries() -> None:
    """An empty ledger is a text that beancount takes."""
    with loaded(text_of([])) as entries:
        assert entries == []


def test_accounts_that_hold_lots_book_first_in_first_out() -> None:
    """The booking method is on the accounts, not left to an option."""
    with loaded(text_of(books_of_everything())) as entries:
        methods = {one.account: one.booking for one in entries if isinstance(one, Open)}
    assert {name for name, method in methods.items() if method and method.name == "FIFO"} == {
        "Assets:BtcTurk:Bot",
        "Assets:BtcTurk:External",
    }
