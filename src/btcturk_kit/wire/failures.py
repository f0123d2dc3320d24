"""Failures: from an answer that is not a success to the exception that says what happened.

Decided by HTTP status first and by the `message` text second: the exchange's integers drifted over
the years, and its 401 once came with `success: true`. Never add: retrying, logging, headers in
messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import DecodeError, ValidationError
from msgspec.json import Decoder

from btcturk_kit.errors import (
    AuthenticationError,
    BtcturkKitError,
    ClockSkewError,
    MaintenanceError,
    ProtocolError,
    RateLimited,
    VenueError,
)
from btcturk_kit.wire.models import RefusalModel
from btcturk_kit.wire.pacing import Endpoint

__all__ = [
    "failure_of",
    "is_order_missing",
    "is_refusal",
    "is_temporary",
    "retry_after_s",
    "unreadable",
]

_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_SERVER_FAULT: Final = 500

_MAINTENANCE: Final = frozenset({"SYSTEM_UNDER_MAINTENANCE", "ORDER_CANCEL_BLOCKED"})
_ORDER_MISSING: Final = frozenset({"ORDER NOT FOUND", "NO_ORDER_MATCHES_YOUR_REQUEST"})
# Every documented window but those of one second lasts a minute, so that is the safe guess.
_RETRY_AFTER_S_DEFAULT: Final = 60
# The shortest documented window: "now" is rounding, not an invitation to be refused again.
_RETRY_AFTER_S_MIN: Final = 1
# A wait is obeyed in full, and it is the caller's deadline that ends it. Only what cannot be meant
# is cut, so that it does not become a number that nobody can count with.
_RETRY_AFTER_S_MAX: Final = 7 * 86_400
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
# Ten digits are more than the longest wait, and not too many to be read.
_DIGITS_MAX: Final = 10
_REASON_LENGTH_MAX: Final = 200
_DAY: Final = "(?P<day>[ 0-9][0-9])"
_MONTH: Final = "(?P<month>[A-Z][a-z]{2})"
_TIME: Final = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# RFC 9110, 5.6.7: the one form of a date that may be sent, and two that must still be read.
_HTTP_DATES: Final = tuple(
    re.compile(form)
    for form in (
        rf"[A-Z][a-z]{{2}}, {_DAY} {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"[A-Z][a-z]{{5,8}}, {_DAY}-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
        rf"[A-Z][a-z]{{2}} {_MONTH} {_DAY} {_TIME} (?P<year>[0-9]{{4}})",
    )
)
_YEAR_DIGITS_OLD: Final = 2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_MS_PER_S: Final = 1_000
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)

_decode_refusal = Decoder(RefusalModel).decode


def failure_of(
    *,
    endpoint: Endpoint,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now_ms: int | None = None,
) -> BtcturkKitError:
    """Return the exception for an answer that is not a success; it is the caller who raises it.

    Args:
        endpoint: What was asked.
        status: The HTTP status.
        headers: With lower-case names; only `retry-after` and `date` are read.
        body: The whole body: JSON, HTML, cut JSON or nothing.
        now_ms: The exchange's time as the caller knows it; what a `retry-after` that is a date is
            measured against if the answer itself has no date.

    Example:
        >>> error = failure_of(endpoint=Endpoint.ORDER, status=400, headers={},
        ...                    body=b'{"success":false,"message":"Order not found","code":1152}')
        >>> error.reason, is_order_missing(error)
        ('Order not found', True)
    """
    refusal = _read(body)
    reason = _one_line(refusal.message) if refusal is not None else ""
    venue_code = refusal.code if refusal is not None and refusal.code is not None else ""
    if isinstance(venue_code, str):
        venue_code = _one_line(venue_code)
    if status == _UNAUTHORIZED:
        return _unauthorized(endpoint, reason, venue_code)
    if status == _TOO_MANY:
        period = refusal.period if refusal is not None else None
        return RateLimited(
            status=status,
            reason=reason or "TOO_MANY_REQUESTS",
            retry_after_s=_wait_s(headers, period, now_ms),
            endpoint=endpoint,
        )
    if refusal is None and status < _SERVER_FAULT:
        return unreadable(endpoint, status=status, body=body)
    if refusal is not None and refusal.success and status < _BAD_REQUEST:
        # Neither a documented success nor a refusal: the request may have been carried out.
        return unreadable(
            endpoint, status=status, body=body, problem="a success that cannot be read"
        )
    kind = MaintenanceError if reason.upper() in _MAINTENANCE else VenueError
    return kind(
        status=status,
        reason=reason or f"the answer is {_describe(body)}",
        venue_code=venue_code,
        endpoint=endpoint,
    )


def retry_after_s(headers: Mapping[str, str], body: bytes, *, now_ms: int | None = None) -> int:
    """Return the seconds to wait after a 429: as the header says, else the body, else a minute.

    The header holds seconds or a date. Never less than a second and never more than a week.

    Args:
        headers: With lower-case names; only `retry-after` and `date` are read.
        body: Of the answer; its `period` is the length of the window that is full.
        now_ms: The exchange's time, for a date in an answer that has no date itself.

    Example:
        >>> retry_after_s({"retry-after": "7"}, b"")
        7
    """
    refusal = _read(body)
    return _wait_s(headers, refusal.period if refusal is not None else None, now_ms)


def unreadable(endpoint: Endpoint, *, status: int, body: bytes, problem: str = "") -> ProtocolError:
    """Return the exception for an answer that says nothing we can act on."""
    what = problem or f"the answer is {_describe(body)}"
    return ProtocolError(f"{endpoint}: {what} (HTTP {status})")


def is_order_missing(error: BtcturkKitError) -> bool:
    """Whether the exchange says that it has no such order of ours."""
    return isinstance(error, VenueError) and error.reason.upper() in _ORDER_MISSING


def is_refusal(error: BtcturkKitError) -> bool:
    """Whether the exchange certainly did not carry out the request.

    A server fault or an unreadable answer is no refusal: the request may have been carried out.
    """
    return isinstance(error, VenueError) and error.status < _SERVER_FAULT


def is_temporary(error: BtcturkKitError) -> bool:
    """Whether asking again soon can help: a server fault or maintenance, not a rate limit."""
    if isinstance(error, MaintenanceError):
        return True
    return isinstance(error, VenueError) and error.status >= _SERVER_FAULT


def _unauthorized(endpoint: Endpoint, reason: str, venue_code: int | str) -> VenueError:
    if "nonce" in reason.lower():
        return ClockSkewError(
            status=_UNAUTHORIZED,
            reason=reason,
            venue_code=venue_code,
            endpoint=endpoint,
            hint="set this machine's clock: the exchange accepts stamps within 5 s of its own",
        )
    return AuthenticationError(
        status=_UNAUTHORIZED,
        reason=reason or "no reason given",
        venue_code=venue_code,
        endpoint=endpoint,
        hint="check the key, the secret, its permissions and the addresses it allows",
    )


def _read(body: bytes) -> RefusalModel | None:
    try:
        return _decode_refusal(body)
    except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError):
        return None


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())[:_REASON_LENGTH_MAX]


def _describe(body: bytes) -> str:
    start = body.lstrip()[:1]
    if not start:
        return "empty"
    if start == b"<":
        return "an HTML page"
    if start in (b"{", b"["):
        return "cut or unexpected JSON"
    return "not JSON"


def _wait_s(headers: Mapping[str, str], period: str | None, now_ms: int | None) -> int:
    told_s = _told_s(headers, now_ms)
    if told_s is None and period and period[:-1].isdecimal() and period[-1] in _SECONDS:
        told_s = int(period[:-1][:_DIGITS_MAX]) * _SECONDS[period[-1]]
    if told_s is None:
        return _RETRY_AFTER_S_DEFAULT
    return min(max(told_s, _RETRY_AFTER_S_MIN), _RETRY_AFTER_S_MAX)


def _told_s(headers: Mapping[str, str], now_ms: int | None) -> int | None:
    """Read the header: seconds, or a date against the date of the answer itself.

    Both dates are the exchange's, so a clock that is wrong here does not matter. `now_ms` stands
    in for the second one.
    """
    header = headers.get("retry-after", "").strip()
    if header.isdecimal():
        return int(header[:_DIGITS_MAX])
    answered_ms = _date_ms(headers.get("date", "").strip(), near_ms=now_ms)
    if answered_ms is None:
        answered_ms = now_ms
    if answered_ms is None:
        return None
    until_ms = _date_ms(header, near_ms=answered_ms)
    # Rounded up: a second too early is refused again.
    return None if until_ms is None else -((answered_ms - until_ms) // _MS_PER_S)


def _date_ms(text: str, *, near_ms: int | None = None) -> int | None:
    """Return a date in UTC milliseconds; `near_ms` tells the century of a year of two digits."""
    for form in _HTTP_DATES:
        found = form.fullmatch(text)
        if found is not None and found["month"] in _MONTHS:
            break
    else:
        return None
    year = int(found["year"])
    if len(found["year"]) == _YEAR_DIGITS_OLD:
        if near_ms is None:
            return None
        # RFC 9110: not more than 50 years ahead.
        latest = (_EPOCH + timedelta(milliseconds=near_ms)).year + 50
        year += (latest - year) // 100 * 100
    try:
        moment = datetime(
            year,
            _MONTHS.index(found["month"]) + 1,
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            int(found["second"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return (moment - _EPOCH) // _MILLISECOND
