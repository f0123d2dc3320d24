"""Whatever a REST answer holds: a value, a protocol error or the exchange's refusal."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.errors import ProtocolError, VenueError
from btcturk_kit.wire import decode

from ..property.frames import mutated  # noqa: TID252 - tests are no package of their own
from .test_frames import values

SAMPLES = [
    path.read_text("utf-8").strip()
    for path in sorted((Path(__file__).parents[1] / "wire" / "payloads").glob("*.json"))
    if path.stat().st_size < 20_000
]

SHARE = settings(max_examples=settings.default.max_examples // 8)
"""What each of these tests takes of the examples that the profile allows."""

ARGUMENTS: dict[str, Any] = {
    "symbol": Symbol("BTCTRY"),
    "received_ms": 1,
    "client_order_id": ClientOrderId("bk1-fuzz"),
}
"""What readers need beside the body, by the name of their argument."""


def readers() -> list[str]:
    """Return the name of every function of `decode` that reads a body."""
    return [
        name
        for name in decode.__all__
        if inspect.isfunction(getattr(decode, name))
        and next(iter(inspect.signature(getattr(decode, name)).parameters)) == "body"
    ]


def reader(name: str) -> Callable[[bytes], object]:
    """Return a function of `decode` that needs nothing but the body."""
    function = getattr(decode, name)
    needed = {
        one.name: ARGUMENTS[one.name]
        for one in inspect.signature(function).parameters.values()
        if one.kind is one.KEYWORD_ONLY and one.default is one.empty
    }
    return lambda body: function(body, **needed)


def _enveloped(data: Any) -> str:
    return json.dumps({"success": True, "message": None, "code": 0, "data": data})


bodies = st.one_of(
    mutated(SAMPLES).map(lambda text: text.encode("utf-8", "replace")),
    values.map(lambda value: _enveloped(value).encode()),
    values.map(lambda value: json.dumps(value).encode()),
    st.binary(),
)


def test_there_are_readers() -> None:
    """The search finds them; it would otherwise pass without reading anything."""
    assert {"tickers", "balances", "fills", "order_book", "accepted_order"} <= set(readers())


@pytest.mark.parametrize("name", readers())
@SHARE
@given(body=bodies)
@example(body=b"")
@example(body=b"<html>502</html>")
@example(body=b'{"success":true,"data":' + b"[" * 100_000)
@example(body=b'{"success":true,"data":[{"asset":"TRY","free":"1e999999999","locked":"sNaN"}]}')
@example(body=b'{"success":true,"data":[{"id":1e400}]}')
@example(body=b'{"serverTime":NaN}')
def test_the_only_exceptions_are_ours(name: str, body: bytes) -> None:
    """A protocol error or what the exchange's refusal says, on one line, whatever came."""
    complaint = ""
    try:
        reader(name)(body)
    except (ProtocolError, VenueError) as error:
        complaint = error.message
    assert "\n" not in complaint
