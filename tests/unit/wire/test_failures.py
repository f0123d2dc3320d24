"""Answers that are no success become the error that says what happened."""

from __future__ import annotations

import json

import pytest

from btcturk_kit.errors import (
    AuthenticationError,
    BtcturkKitError,
    ClockSkewError,
    MaintenanceError,
    ProtocolError,
    RateLimited,
    VenueError,
)
from btcturk_kit.wire.failures import (
    failure_of,
    is_order_missing,
    is_refusal,
    is_temporary,
    retry_after_s,
)
from btcturk_kit.wire.pacing import Endpoint

HTML = b"\n<html><body>502 Bad Gateway</body></html>"


def body_of(message: str, *, success: bool = False, code: int = 1) -> bytes:
    """Return a refusal in the exchange's envelope."""
    return json.dumps({"success": success, "message": message, "code": code}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, body_of("BALANCE_NOT_ENOUGH"), VenueError),
        (400, body_of("SYSTEM_UNDER_MAINTENANCE"), MaintenanceError),
        (503, body_of("SYSTEM_UNDER_MAINTENANCE"), MaintenanceError),
        (400, body_of("ORDER_CANCEL_BLOCKED"), MaintenanceError),
        (401, body_of("Unauthorized - Invalid Nonce"), ClockSkewError),
        (401, body_of("Unauthorized - Invalid Nonce", success=True), ClockSkewError),
        (401, body_of("Unauthorized - Invalid Signature", success=True), AuthenticationError),
        (401, b"", AuthenticationError),
        (401, HTML, AuthenticationError),
        (429, body_of("TOO_MANY_REQUESTS"), RateLimited),
        (429, b"", RateLimited),
        (500, body_of("INTERNAL_ERROR"), VenueError),
        (502, HTML, VenueError),
        (504, b"", VenueError),
        (404, b"", ProtocolError),
        (403, HTML, ProtocolError),
        (400, b'{"success":fal', ProtocolError),
        (400, b"\xff\xfe", ProtocolError),
        (302, b"", ProtocolError),
        (201, body_of("SUCCESS", success=True), ProtocolError),
        (200, body_of("FAILED_MARKET_ORDER"), VenueError),
        (200, HTML, ProtocolError),
        (200, b"[" * 5_000, ProtocolError),
    ],
)
def test_kinds(status: int, body: bytes, kind: type[BtcturkKitError]) -> None:
    """Status first, then the message; exactly this kind and no broader one."""
    error = failure_of(endpoint=Endpoint.SUBMIT, status=status, headers={}, body=body)
    assert type(error) is kind
    assert str(Endpoint.SUBMIT) in error.message
    assert "\n" not in error.message


WED = "Wed, 23 Sep 2026 03:20:00 GMT"


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, b"", 7.0),
        ({"retry-after": " 7 "}, b"", 7.0),
        ({"retry-after": "0"}, b"", 1.0),
        ({"retry-after": "90000"}, b"", 90_000.0),
        ({"retry-after": "9" * 400}, b"", 604_800.0),
        ({"retry-after": "7"}, b'{"success":false,"period":"10m"}', 7.0),
        ({}, b'{"success":false,"message":"TOO_MANY_REQUESTS","period":"10m"}', 600.0),
        ({}, b'{"success":false,"message":"TOO_MANY_REQUESTS","period":"1s"}', 1.0),
        ({}, b'{"success":false,"period":"soon"}', 60.0),
        ({"retry-after": WED, "date": "Wed, 23 Sep 2026 03:18:30 GMT"}, b"", 90.0),
        ({"retry-after": WED, "date": "Wed, 23 Sep 2026 03:20:01 GMT"}, b"", 1.0),
        ({"retry-after": "Fri, 25 Sep 2026 03:20:00 GMT", "date": WED}, b"", 172_800.0),
        ({"retry-after": "Fri, 02 Oct 2026 03:20:00 GMT", "date": WED}, b"", 604_800.0),
        ({"retry-after": "Wednesday, 23-Sep-26 03:20:07 GMT", "date": WED}, b"", 7.0),
        ({"retry-after": "Wed Sep 23 03:20:07 2026", "date": WED}, b"", 7.0),
        ({"retry-after": "Thu Oct  1 03:20:00 2026", "date": WED}, b"", 604_800.0),
        ({"retry-after": WED, "date": "Wednesday, 23-Sep-26 03:20:00 GMT"}, b"", 60.0),
        ({"retry-after": "Saturday, 23-Sep-76 03:20:07 GMT", "date": WED}, b"", 604_800.0),
        ({"retry-after": "Friday, 23-Sep-77 03:20:07 GMT", "date": WED}, b"", 1.0),
        ({"retry-after": WED}, b"", 60.0),
        ({"retry-after": WED}, b'{"success":false,"period":"2m"}', 120.0),
        ({"retry-after": "Wed, 31 Feb 2026 03:20:00 GMT", "date": WED}, b"", 60.0),
        ({"retry-after": "Wed, 23 Sex 2026 03:20:00 GMT", "date": WED}, b"", 60.0),
        ({"retry-after": "-5"}, b"", 60.0),
        ({"retry-after": "1.5"}, b"", 60.0),
        ({}, b"", 60.0),
    ],
)
def test_seconds_to_wait(headers: dict[str, str], body: bytes, seconds: float) -> None:
    """The header counts, else the exceeded period, else a minute; a second to a week.

    A date counts against the date of the answer: both clocks are the exchange's.
    """
    error = failure_of(endpoint=Endpoint.TICKER, status=429, headers=headers, body=body)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == seconds
    assert retry_after_s(headers, body) == seconds


@pytest.mark.parametrize("date", [WED, "Wednesday, 23-Sep-26 03:20:00 GMT"])
def test_a_date_counts_against_the_time_the_caller_knows(date: str) -> None:
    """If the answer has no date of its own; a part of a second is waited for in full."""
    now_ms = 1_790_133_600_000 - 90_500
    error = failure_of(
        endpoint=Endpoint.TICKER,
        status=429,
        headers={"retry-after": date},
        body=b"",
        now_ms=now_ms,
    )
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 91
    assert retry_after_s({"retry-after": date}, b"", now_ms=now_ms) == 91
    told = {"retry-after": date, "date": "Wed, 23 Sep 2026 03:19:00 GMT"}
    assert retry_after_s(told, b"", now_ms=now_ms) == 60


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Order not found", True),
        ("ORDER NOT FOUND", True),
        ("NO_ORDER_MATCHES_YOUR_REQUEST", True),
        ("ORDER_COULD_NOT_BE_CANCELED", False),
    ],
)
def test_missing_orders(message: str, *, expected: bool) -> None:
    """Two texts say that there is no such order, whatever number stands beside them."""
    error = failure_of(endpoint=Endpoint.ORDER, status=400, headers={}, body=body_of(message))
    assert is_order_missing(error) is expected


@pytest.mark.parametrize(
    ("status", "body", "refusal", "temporary"),
    [
        (400, body_of("BALANCE_NOT_ENOUGH"), True, False),
        (401, b"", True, False),
        (429, b"", True, False),
        (400, body_of("SYSTEM_UNDER_MAINTENANCE"), True, True),
        (503, body_of("SYSTEM_UNDER_MAINTENANCE"), False, True),
        (500, body_of("INTERNAL_ERROR"), False, True),
        (502, HTML, False, True),
        (403, HTML, False, False),
        (404, b"", False, False),
        (200, HTML, False, False),
    ],
)
def test_what_a_failure_leaves_open(
    status: int, body: bytes, *, refusal: bool, temporary: bool
) -> None:
    """Only a readable refusal below 500 proves that nothing was carried out."""
    error = failure_of(endpoint=Endpoint.SUBMIT, status=status, headers={}, body=body)
    assert is_refusal(error) is refusal
    assert is_temporary(error) is temporary


def test_a_long_message_is_cut() -> None:
    """The exchange's words are kept to one line of at most 200 characters."""
    error = failure_of(
        endpoint=Endpoint.SUBMIT, status=400, headers={}, body=body_of("a\n b" + "c" * 1_000)
    )
    assert isinstance(error, VenueError)
    assert error.reason.startswith("a bccc")
    assert len(error.reason) == 200


def test_codes_are_numbers_or_texts() -> None:
    """The code is carried as it came but on one line, and is empty where there is none."""
    for body, code in (
        (b'{"success":false,"code":"TWO\\n LINES"}', "TWO LINES"),
        (b'{"success":false,"code":"SUCCESS"}', "SUCCESS"),
        (b'{"success":false,"code":1052}', 1052),
        (b'{"success":false}', ""),
    ):
        error = failure_of(endpoint=Endpoint.CANCEL, status=400, headers={}, body=body)
        assert isinstance(error, VenueError)
        assert error.venue_code == code
