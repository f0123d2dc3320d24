"""Encoding: whole answers of the exchange, and how it writes numbers. The mirror of decoding.

The local exchange and the in-memory transport answer with these bytes, so they hold what was seen
on the wire. What goes into an answer is beside it: `encode_public`, `encode_account` and
`encode_graph` turn domain values into rows. Never add: rows, routing, status codes, decisions about
what to answer.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from msgspec import Raw
from msgspec.json import Encoder

from btcturk_kit.wire.pacing import Refusal

__all__ = [
    "Row",
    "document",
    "envelope",
    "padded_text",
    "plain_number",
    "plain_text",
    "rate_limited",
    "refusal",
    "success",
    "unauthorized",
]

Row = dict[str, Any]
"""One JSON object, field by field as the exchange names them."""

_encode: Final = Encoder().encode


# ---- whole answers


def envelope(
    data: object, *, message: str | None = None, code: int | str = 0, **extra: object
) -> bytes:
    """Wrap the data of a success; `extra` comes last.

    Example:
        >>> envelope([])
        b'{"data":[],"success":true,"message":null,"code":0}'
    """
    return _encode({"data": data, "success": True, "message": message, "code": code, **extra})


def document(data: object) -> bytes:
    """Write an answer that has no envelope: server time, and everything on the graph host."""
    return _encode(data)


def success(*, code: int | str = 0) -> bytes:
    """Answer a cancel: accepted for later, without any data."""
    return _encode({"success": True, "message": "SUCCESS", "code": code})


def refusal(message: str, code: int) -> bytes:
    """Answer what the exchange will not do."""
    return _encode({"success": False, "message": message, "code": code})


def unauthorized(problem: str) -> bytes:
    """Answer a call that is not signed well; `success` is true there, as it was on the wire."""
    return _encode({"success": True, "message": f"Unauthorized - {problem}", "code": 1037})


def rate_limited(reason: Refusal) -> bytes:
    """Answer a call that is one too many.

    The sentence about an account is longer; its tail is in no source, so it is that of the library
    whose words the sentence about an address has (AspNetCoreRateLimit).
    """
    details = reason.details
    if reason.policy == "account":
        details += f" Please try again in {reason.retry_after_s} second(s)."
    return _encode(
        {
            "message": "TOO_MANY_REQUESTS",
            "success": False,
            "code": 429,
            "details": details,
            "limit": str(reason.limit),
            "period": reason.period,
            "policy": reason.policy,
        }
    )


# ---- numbers


def plain_text(value: Decimal) -> str:
    """Write a decimal plainly: no exponent, digits as they are."""
    return format(value, "f")


def padded_text(value: Decimal, places: int) -> str:
    """Write a decimal with at least `places` decimals; pads, never rounds."""
    exponent = value.as_tuple().exponent
    missing = places + exponent if isinstance(exponent, int) else 0
    if missing <= 0:
        return format(value, "f")
    return format(value, f".{places}f")


def plain_number(value: Decimal) -> Raw:
    """Write a decimal as a plain JSON number."""
    return Raw(format(value, "f").encode())
