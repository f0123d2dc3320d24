"""Failures: from an answer that is not a success to the exception that says what happened.

Decided by HTTP status first and by the `message` text second: the exchange's integers drifted over
the years, and its 401 once came with `success: true`. Never add: retrying, logging, headers in
messages.
"""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ["failure_of", "is_order_missing", "is_refusal", "is_temporary", "unreadable"]

_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_SERVER_FAULT: Final = 500

_MAINTENANCE: Final = frozenset({"SYSTEM_UNDER_MAINTENANCE", "ORDER_CANCEL_BLOCKED"})
_ORDER_MISSING: Final = frozenset({"ORDER NOT FOUND", "NO_ORDER_MATCHES_YOUR_REQUEST"})
# Every documented window but those of one second lasts a minute, so that is the safe guess.
_RETRY_AFTER_S_DEFAULT: Final = 60.0
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_REASON_LENGTH_MAX: Final = 200

_decode_refusal = Decoder(RefusalModel).decode


def failure_of(
    *, endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes
) -> BtcturkKitError:
    """Return the exception for an answer that is not a success; it is the caller who raises it.

    Args:
        endpoint: What was asked.
        status: The HTTP status.
        headers: With lower-case names; only `retry-after` is read.
        body: The whole body: JSON, HTML, cut JSON or nothing.

    Example:
        >>> error = failure_of(endpoint=Endpoint.ORDER, status=400, headers={},
        ...                    body=b'{"success":false,"message":"Order not found","code":1152}')
        >>> error.reason, is_order_missing(error)
        ('Order not found', True)
    """
    refusal = _read(body)
    reason = _one_line(refusal.message) if refusal is not None else ""
    venue_code = refusal.code if refusal is not None and refusal.code is not None else ""
    if status == _UNAUTHORIZED:
        return _unauthorized(endpoint, reason, venue_code)
    if status == _TOO_MANY:
        period = refusal.period if refusal is not None else None
        return RateLimited(
            status=status,
            reason=reason or "TOO_MANY_REQUESTS",
            retry_after_s=_retry_after_s(headers.get("retry-after"), period),
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


def _one_line(message: str | None) -> str:
    return " ".join((message or "").split())[:_REASON_LENGTH_MAX]


def _describe(body: bytes) -> str:
    start = body.lstrip()[:1]
    if not start:
        return "empty"
    if start == b"<":
        return "an HTML page"
    if start in (b"{", b"["):
        return "cut or unexpected JSON"
    return "not JSON"


def _retry_after_s(header: str | None, period: str | None) -> float:
    """Read the seconds of the header; else the length of the exceeded window; else a minute."""
    if header is not None and header.strip().isdecimal():
        return float(header)
    if period and period[:-1].isdecimal() and period[-1] in _SECONDS:
        return float(int(period[:-1]) * _SECONDS[period[-1]])
    return _RETRY_AFTER_S_DEFAULT
