"""Whatever a REST answer holds: a value, or one of our errors, and memory that stays bounded."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.errors import BtcturkKitError, ProtocolError, VenueError
from btcturk_kit.wire import decode, graph, listing, transfers
from btcturk_kit.wire.failures import failure_of
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.tally import Tally

from ..property.frames import mutated  # noqa: TID252 - tests are no package of their own
from .kept import replayed
from .test_frames import is_small, values

SAMPLES = [
    path.read_text("utf-8").strip()
    for path in sorted((Path(__file__).parents[1] / "wire" / "payloads").glob("*.json"))
    if path.stat().st_size < 20_000
]

SHARE = settings(max_examples=settings.default.max_examples // 8)
"""What each of these tests takes of the examples that the profile allows."""

MODULES: tuple[ModuleType, ...] = (decode, graph, listing, transfers)
"""Where the readers of bodies are."""

ARGUMENTS: dict[str, Any] = {
    "symbol": Symbol("BTCTRY"),
    "resolution": Resolution.HOUR_1,
    "where": Endpoint.FIAT_HISTORY,
    "received_ms": 1,
    "client_order_id": ClientOrderId("bk1-fuzz"),
}
"""What readers need beside the body, by the name of their argument."""


def _readers() -> dict[str, Callable[..., object]]:
    """Return every public function that reads a body, by module and name."""
    found = {}
    for module in MODULES:
        for name in module.__all__:
            function = getattr(module, name)
            if inspect.isfunction(function) and "body" in inspect.signature(function).parameters:
                found[f"{module.__name__.rpartition('.')[2]}.{name}"] = function
    return found


READERS = _readers()


def read(name: str, body: bytes, tally: Tally) -> object:
    """Call a reader with what it needs beside the body, and a tally if it counts."""
    given_too = {**ARGUMENTS, "tally": tally}
    parameters = inspect.signature(READERS[name]).parameters
    needed = {key: given_too[key] for key in parameters if key != "body"}
    return READERS[name](body, **needed)


def _enveloped(data: Any) -> str:
    return json.dumps({"success": True, "message": None, "code": 0, "data": data})


bodies = st.one_of(
    mutated(SAMPLES).map(lambda text: text.encode("utf-8", "replace")),
    values.map(lambda value: _enveloped(value).encode()),
    values.map(lambda value: json.dumps(value).encode()),
    st.binary(),
)

headers = st.dictionaries(
    st.sampled_from(["retry-after", "date", "content-type"]),
    st.one_of(
        st.text(),
        st.integers().map(str),
        st.builds(
            "Thu, {:02} {} {:04} {:02}:{:02}:{:02} GMT".format,
            st.integers(0, 40),
            st.sampled_from(["Jan", "Feb", "Nov", "Abc"]),
            st.integers(0, 9999),
            st.integers(0, 30),
            st.integers(0, 70),
            st.integers(0, 70),
        ),
    ),
)


def test_there_are_readers() -> None:
    """The search finds them in every module; it would otherwise pass without reading anything."""
    assert {
        "decode.tickers",
        "decode.balances",
        "decode.fills",
        "decode.order_book",
        "decode.accepted_order",
        "graph.candles",
        "graph.daily_candles",
        "listing.listing",
        "listing.pairs",
        "transfers.transfers",
    } <= set(READERS)


@pytest.mark.parametrize("name", sorted(READERS))
@SHARE
@given(body=bodies)
@replayed("bodies", lambda raw: {"body": raw})
@example(body=b"")
@example(body=b'{"success":true,"data":' + b"[" * 100_000)
@example(body=json.dumps({f"{number:0300}": number for number in range(400)}).encode())
@example(body=_enveloped({f"{number:0300}": number for number in range(400)}).encode())
@example(body=_enveloped([{f"{number:0300}": number} for number in range(400)]).encode())
def test_the_only_exceptions_are_ours(name: str, body: bytes) -> None:
    """A protocol error or what the exchange's refusal says, on one line; the tally stays small."""
    tally = Tally()
    complaint = ""
    try:
        read(name, body, tally)
    except (ProtocolError, VenueError) as error:
        complaint = error.message
    assert len(complaint.splitlines()) <= 1
    assert is_small(tally)


@SHARE
@given(
    endpoint=st.sampled_from(Endpoint),
    status=st.one_of(st.sampled_from([200, 400, 401, 404, 429, 500, 503]), st.integers()),
    headers=headers,
    body=bodies,
)
@replayed(
    "bodies",
    lambda raw: {"endpoint": Endpoint.ORDER, "status": 400, "headers": {}, "body": raw},
)
@example(
    endpoint=Endpoint.SUBMIT,
    status=429,
    headers={"retry-after": "9" * 5_000},
    body=b'{"period":"' + b"9" * 5_000 + b'm"}',
)
def test_every_failure_becomes_an_error(
    endpoint: Endpoint, status: int, headers: dict[str, str], body: bytes
) -> None:
    """Whatever status, headers and body: an error of ours is returned, its message one line."""
    error = failure_of(endpoint=endpoint, status=status, headers=headers, body=body)
    assert isinstance(error, BtcturkKitError)
    assert len(error.message.splitlines()) == 1
    assert len(error.message) < 1_000
