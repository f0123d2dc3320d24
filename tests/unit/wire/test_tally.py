"""What the exchange says anew is counted, and looking for it ends."""

from __future__ import annotations

import pytest

from btcturk_kit.wire.models import (
    BookModel,
    Envelope,
    ListingModel,
    OpenOrdersModel,
    OrderModel,
    RefusalModel,
)
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.tally import Tally, objects_in

OPEN = Envelope[OpenOrdersModel]
WHERE = Endpoint.OPEN_ORDERS
NEW_FIELD = {f"field:{WHERE}:leverage": 1}


def test_a_tally_stays_small() -> None:
    """Words are cut, and beyond 256 different ones they are counted together."""
    tally = Tally()
    for number in range(300):
        tally.add(f"{number}:" + "x" * 100)
    assert len(tally.counts) == 257
    assert tally.counts["other"] == 44
    assert max(map(len, tally.counts)) == 80


def test_looking_ends_when_every_kind_of_object_was_seen() -> None:
    """No orders show nothing about an order; the first one does, and the rest is not read."""
    tally = Tally()
    tally.look_at(WHERE, OPEN, b'{"success":true,"data":{"asks":[],"bids":[]}}')
    tally.look_at(WHERE, OPEN, b'{"success":true,"data":{"asks":[],"bids":[{"leverage":1}]}}')
    assert tally.counts == NEW_FIELD
    tally.look_at(WHERE, OPEN, b'{"success":true,"data":{"asks":[],"bids":[{"other":1}]}}')
    assert tally.counts == NEW_FIELD


def test_endpoints_are_looked_at_each_by_itself() -> None:
    """What one endpoint has shown says nothing about another."""
    tally = Tally()
    for endpoint in (WHERE, Endpoint.ORDER):
        tally.look_at(endpoint, Envelope[OrderModel], b'{"data":{"new":[{"deep":1}]},"success":1}')
    assert tally.counts == {f"field:{WHERE}:new": 1, f"field:{Endpoint.ORDER}:new": 1}


def test_known_fields_in_any_case_and_left_out_ones_are_not_new() -> None:
    """Old answers write lower case; what is left out on purpose is no drift."""
    tally = Tally()
    body = b'{"success":true,"extensions":null,"data":{"ID":1,"pairsymbol":"","Quantity":"1"}}'
    tally.look_at(WHERE, Envelope[OrderModel], body)
    assert tally.counts == {}


def test_levels_of_a_book_are_not_objects() -> None:
    """Arrays of numbers have no fields."""
    tally = Tally()
    body = b'{"success":true,"data":{"timestamp":1,"bids":[["1","2"]],"asks":[],"cs":1}}'
    tally.look_at(Endpoint.ORDER_BOOK, Envelope[BookModel], body)
    assert tally.counts == {f"field:{Endpoint.ORDER_BOOK}:cs": 1}


@pytest.mark.parametrize("odd", [b"NaN", b'"\\ud800"', b"1" * 5_000])
def test_an_answer_too_odd_to_be_looked_at_is_left_alone(odd: bytes) -> None:
    """The tolerant reader takes what the strict one does not; counting must not fail then."""
    tally = Tally()
    body = b'{"success":true,"data":{"asks":[],"bids":[]},"new":%s}' % odd
    tally.look_at(WHERE, OPEN, body)
    assert set(tally.counts) <= {f"field:{WHERE}:new"}


def test_objects_in_a_shape() -> None:
    """The models of a shape, however deep."""
    names = [model.__name__ for model in objects_in(Envelope[ListingModel])]
    assert names == [
        "Envelope",
        "ListingModel",
        "SymbolModel",
        "FilterModel",
        "CurrencyModel",
        "LengthModel",
        "TagModel",
        "BlockModel",
    ]
    assert list(objects_in(RefusalModel)) == [RefusalModel]
