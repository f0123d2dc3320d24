"""Recordings: lines that notice any change, bytes that come back, keys that are not in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.errors import ProtocolError
from btcturk_kit.wire.recording import (
    HIDDEN,
    Base64,
    Chain,
    Closed,
    Connected,
    Connecting,
    Ended,
    Entry,
    Failed,
    FrameReceived,
    FrameSent,
    Requested,
    Responded,
    Started,
    body_bytes,
    body_text,
    hidden_frame,
    hidden_headers,
)

ENTRIES: tuple[Entry, ...] = (
    Started(at_ms=1, at_ns=2),
    Requested(
        at_ms=1,
        at_ns=2,
        call=1,
        method="POST",
        base_url="https://a",
        target="/x?y=1",
        headers=(("x-stamp", "1"),),
        body="{}",
    ),
    Responded(at_ms=1, at_ns=2, call=1, status=200, headers=(), body=Base64("/w==")),
    Failed(at_ms=1, at_ns=2, call=2, error="RateLimited", message="slow", retry_after_s=7),
    Connecting(at_ms=1, at_ns=2, call=3, url="wss://a"),
    Connected(at_ms=1, at_ns=2, call=3),
    FrameSent(at_ms=1, at_ns=2, call=3, text="[1,{}]"),
    FrameReceived(at_ms=1, at_ns=2, call=3, text="ğ"),
    Closed(at_ms=1, at_ns=2, call=3),
    Ended(at_ms=1, at_ns=2, lines=10),
)


def written() -> list[bytes]:
    """Return a line per entry, chained."""
    chain = Chain()
    return [chain.line_of(entry) for entry in ENTRIES]


def read(lines: list[bytes]) -> list[Entry]:
    """Read lines back, checking each."""
    chain = Chain()
    return [chain.entry_of(line) for line in lines]


def test_entries_come_back_as_they_were() -> None:
    """Every kind of line is read as what was written, plus the hash of the line before."""
    for entry, line, back in zip(ENTRIES, written(), read(written()), strict=True):
        document = json.loads(line)
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        assert type(back) is type(entry)
        assert {**document, "previous": ""} == {
            **json.loads(Chain().line_of(entry)),
            "previous": "",
        }
        assert back.previous == document["previous"]


def test_the_first_line_follows_nothing_and_each_other_its_predecessor() -> None:
    """Zeros first; then hashes, all different."""
    links = [json.loads(line)["previous"] for line in written()]
    assert links[0] == "0" * 64
    assert len(set(links)) == len(links)


@pytest.mark.parametrize("at", range(len(ENTRIES) - 1))
def test_an_edited_line_is_noticed(at: int) -> None:
    """One digit of a time is enough; the message names the two lines."""
    lines = written()
    lines[at] = lines[at].replace(b'"at_ms":1', b'"at_ms":3')
    with pytest.raises(ProtocolError, match=f"line {at + 2} .* does not follow line {at + 1}"):
        read(lines)


@pytest.mark.parametrize("at", range(1, len(ENTRIES) - 1))
def test_a_missing_or_moved_line_is_noticed(at: int) -> None:
    """Cut out, or exchanged with the next one."""
    lines = written()
    with pytest.raises(ProtocolError, match="does not follow"):
        read(lines[:at] + lines[at + 1 :])
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    with pytest.raises(ProtocolError, match="does not follow"):
        read(lines)


def test_a_file_without_its_first_line_is_noticed() -> None:
    """A recording begins where it began."""
    with pytest.raises(ProtocolError, match="not its beginning"):
        read(written()[1:])


def test_a_file_may_continue_another() -> None:
    """The first line of the next file carries the hash of the last line of this one."""
    chain = Chain()
    chain.line_of(ENTRIES[0])
    following = Chain(chain.previous)
    line = following.line_of(Started(at_ms=5, at_ns=6))
    assert json.loads(line)["previous"] == chain.previous
    assert read([line, following.line_of(ENTRIES[-1])])[1].at_ms == 1


@pytest.mark.parametrize(
    "line", [b"", b"nonsense\n", b"[]\n", b'{"kind":"other"}\n', b"\xff\n", b"[" * 5_000]
)
def test_a_damaged_line_is_a_protocol_error(line: bytes) -> None:
    """Whatever stands there, the error is ours."""
    with pytest.raises(ProtocolError, match="cannot be read"):
        read([line])


@given(st.binary())
def test_bodies_come_back_to_the_byte(body: bytes) -> None:
    """Text or not, through a line of the file."""
    entry = Responded(at_ms=0, at_ns=0, call=1, status=200, headers=(), body=body_text(body))
    chain = Chain()
    first, second = chain.line_of(ENTRIES[0]), chain.line_of(entry)
    back = read([first, second])[1]
    assert isinstance(back, Responded)
    assert body_bytes(back.body) == body


def test_base64_that_is_none_is_a_protocol_error() -> None:
    """A body that somebody wrote by hand."""
    with pytest.raises(ProtocolError):
        body_bytes(Base64("no"))


def test_what_is_hidden_in_headers() -> None:
    """Key, signature and cookies go, in any case of letters; the stamp and the rest stay."""
    headers = [
        ("X-PCK", "a"),
        ("x-signature", "b"),
        ("Cookie", "c"),
        ("set-cookie", "d"),
        ("Authorization", "e"),
        ("x-stamp", "1"),
        ("accept", "*/*"),
    ]
    assert hidden_headers(headers) == (
        ("X-PCK", HIDDEN),
        ("x-signature", HIDDEN),
        ("Cookie", HIDDEN),
        ("set-cookie", HIDDEN),
        ("Authorization", HIDDEN),
        ("x-stamp", "1"),
        ("accept", "*/*"),
    )


@pytest.mark.parametrize(
    ("frame", "hidden"),
    [
        (
            '[114,{"type":114,"publicKey":"k","timestamp":1,"nonce":3000,"signature":"a/b="}]',
            (
                '[114,{"type":114,"publicKey":"[hidden]","timestamp":1,"nonce":3000,'
                '"signature":"[hidden]"}]'
            ),
        ),
        (r'{"signature" : "a\"b","x":"c"}', '{"signature" : "[hidden]","x":"c"}'),
        ('[111,{"token":"jwt"}]', '[111,{"token":"[hidden]"}]'),
        ('[151,{"channel":"signature","event":"publicKey"}]',) * 2,
        ('[422,{"P":"1"}]',) * 2,
    ],
)
def test_what_is_hidden_in_frames(frame: str, hidden: str) -> None:
    """The texts of a login's key and signature; nothing else of a frame changes."""
    assert hidden_frame(frame) == hidden
