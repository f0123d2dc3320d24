"""Whatever a socket delivers: an event or a protocol error, and memory that stays bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.stream_events import StaleBook, UnknownFrame
from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.live_book import LiveBook
from btcturk_kit.wire.stream import RAW_LENGTH_MAX, read_book, read_event, type_of
from btcturk_kit.wire.stream_reading import READERS
from btcturk_kit.wire.tally import Tally

from ..property.frames import mutated  # noqa: TID252 - tests are no package of their own
from .kept import replayed

SAMPLES = [
    path.read_text("utf-8").strip()
    for path in sorted((Path(__file__).parents[1] / "wire" / "frames").glob("*.json"))
]

SHARE = settings(max_examples=settings.default.max_examples // 2)
"""What each of these tests takes of the examples that the profile allows."""

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=12),
        st.sampled_from(["NaN", "-Infinity", "1e400", "0E-999999", "9" * 40, "-0", "1_0", "1,5"]),
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def replaced(draw: st.DrawFn) -> str:
    """Draw a real message in which some fields have values of any kind."""
    kind, model = json.loads(draw(st.sampled_from(SAMPLES)))
    rows = [model, *(row for one in model.values() if isinstance(one, list) for row in one)]
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.sampled_from(rows))
        key = draw(st.sampled_from(sorted(row)))
        if draw(st.integers(0, 4)):
            row[key] = draw(values)
        else:
            row.pop(key)
        if not row:
            break
    return json.dumps([draw(st.sampled_from([kind, *READERS])), model])


frames = st.one_of(
    mutated(SAMPLES),
    replaced(),
    st.builds(lambda kind, model: json.dumps([kind, model]), st.integers(), values),
    st.text(),
    st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.binary().map(lambda raw: f"[432,{raw.decode('latin-1')}"),
)


def is_small(tally: Tally) -> bool:
    """Whether a tally keeps few words, and short ones."""
    return len(tally.counts) <= 257 and all(len(word) <= 80 for word in tally.counts)


@SHARE
@given(text=frames)
@replayed("frames", lambda raw: {"text": raw.decode("utf-8", "surrogateescape")})
@example(text="[432," + "[" * 100_000)
@example(text='[401,{"items":' + '{"items":' * 20_000)
@example(text='[422,{"D":"' + "9" * 5_000 + '","I":"1","A":"1","P":"1","PS":"X","S":1}]')
@example(text='[422,{"D":"1","I":"1","A":"1e999999999999999999","P":"1","PS":"X","S":1}]')
@example(text='[422,{"D":"1","I":"1","A":"1","P":"sNaN","PS":"X","S":1}]')
@example(text='[431,{"CS":1,"PS":"\ud800","AO":[],"BO":[],"channel":"obdiff"}]')
@example(text='[991,{"current":"\\ud800"}]')
def test_the_only_exception_is_a_protocol_error(text: str) -> None:
    """For every reader of frames; what is kept of an unknown frame is bounded."""
    tally = Tally()
    complaints = [complaint_of(type_of, text), complaint_of(read_book, text)]
    try:
        event = read_event(text, tally=tally)
    except ProtocolError as error:
        complaints.append(error.message)
        event = None
    assert all(len(one.splitlines()) <= 1 for one in complaints)
    assert is_small(tally)
    if isinstance(event, UnknownFrame):
        assert len(event.raw) <= RAW_LENGTH_MAX


def complaint_of(read: Callable[[str], object], text: str) -> str:
    """Return the message of the only exception that may come, or nothing."""
    try:
        read(text)
    except ProtocolError as error:
        return error.message
    return ""


@SHARE
@given(texts=st.lists(frames, max_size=8))
@replayed("frames", lambda raw: {"texts": raw.decode("utf-8", "surrogateescape").splitlines()})
def test_a_kept_book_survives_any_frames(texts: list[str]) -> None:
    """It never raises, never holds more than its window, and shows positive numbers in order."""
    book = LiveBook(Symbol("BTCUSDT"))
    for text in texts:
        try:
            frame = read_book(text)
        except ProtocolError:
            continue
        book.apply(frame, received_ms=0)
        for side in (book._bids, book._asks):
            assert len(side.rows) <= 100
        shown = book.view()
        if not isinstance(shown, StaleBook):
            prices = [one.price for one in (*reversed(shown.bids), *shown.asks)]
            assert prices == sorted(set(prices))
            assert all(price > 0 for price in prices)
