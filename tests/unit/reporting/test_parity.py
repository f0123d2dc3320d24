"""Two runs are compared field by field, whatever their orders and accounts are called."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.parity import ParityReport, compare_runs
from btcturk_kit.reporting.parity_fields import generic, read_cycles

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 1 January 2026, a Thursday

Document = dict[str, Any]


def day_of(now_ms: int) -> date:
    """Return the day in UTC."""
    return datetime.fromtimestamp(now_ms / 1000, tz=UTC).date()


def document(now_ms: int, *, order: str = "bk-1", fee: str = "0.2", **rest: Any) -> Document:
    """Return a document with what a comparison looks at."""
    gross = Decimal(10)
    net = gross - Decimal(fee) - Decimal("0.04")
    return {
        "schema": "stage7_cycle/1",
        "account": "one",
        "now_ms": now_ms,
        "intents": [{"side": "buy", "reason": "it rose"}],
        "submits": [{"client_order_id": order, "side": "buy", "price": "100.50"}],
        "cancels": [],
        "fills": [{"client_order_id": order, "ordinal": 0, "price": "100.50"}],
        "events": [{"key": f"fill:{now_ms}", "kind": "fill"}],
        "capital": {"trading_capital_try": "1000", "cause": "any"},
        "metrics": {
            "equity_try": str(1000 + net),
            "gross_try": str(gross),
            "net_try": str(net),
            "fees_try": fee,
            "tax_try": "0.04",
        },
        "anomalies": [{"code": "order_rejected", "detail": f"{order}: too small"}],
        "flag": True,
        "nothing": None,
        "digest": order,
        **rest,
    }


def compared(a: list[Document], b: list[Document], **options: Any) -> ParityReport:
    """Compare two journals on days of UTC."""
    return compare_runs(a, b, day_of=day_of, **options)


def test_equal_runs_of_two_accounts_are_equal() -> None:
    """Names of orders and accounts, numbers of the exchange and digests do not matter."""
    one = [document(START_MS, order="bk-1"), document(START_MS + 1, order="bk-2")]
    other = [document(START_MS, order="x9"), document(START_MS + 1, order="x1")]
    for cycle in other:
        cycle |= {"account": "two", "events": [{"key": "fill:7", "kind": "fill"}]}
    report = compared(one, other)
    assert report.is_equal
    assert (report.cycles_a, report.cycles_b, report.first_ms, report.first) == (2, 2, None, ())
    assert not report.fields
    assert not report.days
    assert not report.weeks


def test_each_kind_of_difference_is_told_with_both_values() -> None:
    """A price, a missing row, a missing field and a missing cycle are each named."""
    one = [document(START_MS), document(START_MS + 1, order="b"), document(START_MS + 2, order="c")]
    other = deepcopy(one[:2])
    other[0]["fills"][0]["price"] = "100.51"
    other[1]["fills"] = []
    other[1]["flag"] = False
    report = compared(one, other)
    told = [one[2:] for one in report.differences]
    assert told == [
        ("fills.0.price", "100.50", "100.51"),
        ("fills.length", "1", "0"),
        ("fills.0.client_order_id", f"order {START_MS + 1}#0", "(absent)"),
        ("fills.0.ordinal", "0", "(absent)"),
        ("fills.0.price", "100.50", "(absent)"),
        ("flag", "true", "false"),
        ("cycle", "present", "(absent)"),
    ]
    assert report.first_ms == START_MS
    assert report.first == report.differences[:1]
    assert report.fields["fills.price"] == 2


def test_another_order_behind_the_same_fill_is_a_difference() -> None:
    """A trade belongs to the order that was decided at an instant and a place, not to a name."""
    one, other = (
        [document(START_MS, order="a"), document(START_MS + 1, order="b")] for _ in range(2)
    )
    other[1]["fills"][0]["client_order_id"] = "a"
    fields = [row.field for row in compared(one, other).differences]
    assert fields == ["fills.0.client_order_id"]


def test_an_order_from_before_the_journal_is_named_by_its_turn() -> None:
    """Two runs that go on from an earlier one name its orders alike."""
    one, other = ([document(START_MS, order=order)] for order in ("a", "b"))
    for journal, name in ((one, "old-1"), (other, "old-2")):
        journal[0]["cancels"] = [{"client_order_id": name}, {"client_order_id": None}]
    assert compared(one, other).is_equal


def test_cycles_of_one_instant_are_matched_by_their_place() -> None:
    """The closing cycle shares the last instant; it is a cycle of its own."""
    one = [document(START_MS), document(START_MS, order="b")]
    report = compared(one, [document(START_MS)])
    assert [(row.place, row.field) for row in report.differences] == [(1, "cycle")]


def test_rounding_is_by_name_and_only_where_asked() -> None:
    """A field can be rounded half to even before it is compared; no other is."""
    one, other = [document(START_MS)], [document(START_MS)]
    other[0]["fills"][0]["price"] = "100.5000001"
    assert not compared(one, other).is_equal
    assert compared(one, other, places={"fills.price": 2}).is_equal
    assert compared(one, other, places={"fills.price": 2, "nothing": 1}).is_equal
    with pytest.raises(ConfigurationError, match="cannot be rounded"):
        compared(one, other, places={"intents.reason": 2})


def test_a_field_can_be_left_out_with_all_below_it() -> None:
    """Leaving out `fills` leaves out everything in it."""
    one, other = [document(START_MS)], [document(START_MS)]
    other[0]["fills"] = []
    assert compared(one, other, ignored={"digest", "fills"}).is_equal


def test_money_is_rolled_up_by_day_and_week() -> None:
    """A fee paid on one day differs on that day and in that week, and in no other."""
    one = [document(START_MS + at * DAY_MS, order=str(at)) for at in range(6)]
    other = [
        document(START_MS + at * DAY_MS, order=str(at), fee="0.2" if at < 4 else "0.3")
        for at in range(6)
    ]
    report = compared(one, other)
    days = {(row.span, row.figure): row.difference for row in report.days}
    assert days == {
        ("2026-01-05", "equity_try"): Decimal("-0.1"),
        ("2026-01-05", "fees_try"): Decimal("0.1"),
        ("2026-01-05", "net_try"): Decimal("-0.1"),
    }
    assert {row.span for row in report.weeks} == {"2026-W02"}
    fees = next(row for row in report.weeks if row.figure == "fees_try")
    assert (fees.a, fees.b, fees.difference) == (0, Decimal("0.1"), Decimal("0.1"))


def test_a_day_that_one_run_lacks_counts_as_no_change() -> None:
    """A run that ends earlier earned nothing afterwards."""
    one = [document(START_MS), document(START_MS + DAY_MS, order="b", fee="0.5")]
    report = compared(one, one[:1])
    fees = next(row for row in report.days if row.figure == "fees_try")
    assert (fees.span, fees.a, fees.b) == ("2026-01-02", Decimal("0.3"), 0)


@pytest.mark.parametrize("journals", [([], []), ([], None), (None, [])])
def test_an_empty_journal_equals_nothing(journals: tuple[Any, Any]) -> None:
    """Two runs without a cycle are no proof of anything."""
    a, b = ([document(START_MS)] if one is None else one for one in journals)
    with pytest.raises(ConfigurationError, match="holds no cycle"):
        compared(a, b)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"now_ms": None}, "now_ms is None"),
        ({"now_ms": True}, "now_ms is True"),
        ({"now_ms": -1}, "now_ms is -1"),
        ({"now_ms": START_MS - 1}, "goes back"),
        ({"metrics": {}}, "metrics.net_try is missing"),
        ({"metrics": None}, "metrics.net_try is missing"),
    ],
)
def test_a_broken_document_is_refused_by_its_place(change: Document, told: str) -> None:
    """Times that are none or go back, and figures that are missing, are no run."""
    journal = [document(START_MS), document(START_MS + 1) | change]
    with pytest.raises(ConfigurationError, match=f"mine, document 2.*{told}"):
        read_cycles(journal, name="mine")


def test_a_missing_field_is_named() -> None:
    """A document without its decisions says too little."""
    broken = document(START_MS)
    del broken["submits"], broken["fills"]
    with pytest.raises(ConfigurationError, match="document 1 has no submits and no fills"):
        read_cycles([broken], name="mine")


def test_the_identity_of_net_must_hold_to_the_last_digit() -> None:
    """Figures of which net is not gross less charges cannot be compared with anything."""
    broken = document(START_MS)
    broken["metrics"]["net_try"] = "9.7600000000000001"
    with pytest.raises(ConfigurationError, match=r"net_try is .*gross less fees less tax is 9\.76"):
        read_cycles([broken], name="mine")


def test_a_path_loses_its_places() -> None:
    """Counting fields needs their names alone."""
    assert generic("intents.10.price") == "intents.price"
