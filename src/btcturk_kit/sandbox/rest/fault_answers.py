"""What a fault answers in place of the exchange, and what it leaves of the exchange's own answer.

Never add: connections, when a fault is due.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from btcturk_kit.sandbox.rest.faults import Body, RestFault, RestFaultKind
from btcturk_kit.wire import encode
from btcturk_kit.wire.pacing import Refusal

__all__ = ["JSON", "FaultAnswer", "answer_of", "first_half"]

JSON: Final = "application/json"
_HTML: Final = "text/html"
_TITLES: Final = {
    401: "401 Authorization Required",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
_UNAUTHORIZED, _TOO_MANY, _BAD_GATEWAY = 401, 429, 502
_INTERNAL_ERROR, _MAINTENANCE = 500, 503
_MS_PER_S: Final = 1_000
# Numbers of the exchange's own answers: INTERNAL_ERROR was seen, the other is in the May 2024 list.
_REFUSALS: Final = {
    _INTERNAL_ERROR: ("INTERNAL_ERROR", 500),
    _MAINTENANCE: ("SYSTEM_UNDER_MAINTENANCE", 1216),
}
_STATUS_OF: Final = {
    RestFaultKind.BAD_GATEWAY: _BAD_GATEWAY,
    RestFaultKind.TOO_MANY: _TOO_MANY,
    RestFaultKind.UNAUTHORIZED: _UNAUTHORIZED,
}


class FaultAnswer(NamedTuple):
    """Status, body, its media type (empty without a body), and the seconds to wait, if any."""

    status: int
    body: bytes
    media_type: str
    retry_after_s: int | None = None


def answer_of(fault: RestFault) -> FaultAnswer:
    """Return what a fault answers that refuses or fails.

    The 401 of the exchange says `success: true`, as it was seen; gateways answer with pages.

    Example:
        >>> answer_of(RestFault(kind=RestFaultKind.UNAUTHORIZED)).body
        b'{"success":true,"message":"Unauthorized - Invalid Signature","code":1037}'
    """
    status = _STATUS_OF.get(fault.kind, fault.status_told)
    wait_s = -(-fault.span_ms // _MS_PER_S) if status == _TOO_MANY else None
    if fault.body is Body.EMPTY:
        return FaultAnswer(status, b"", "", wait_s)
    document = None if fault.body is Body.HTML else _document(status, wait_s or 0)
    if document is None:
        return FaultAnswer(status, _page(status), _HTML, wait_s)
    return FaultAnswer(status, document, JSON, wait_s)


def first_half(body: bytes) -> bytes:
    """Return the part of a body that comes."""
    return body[: len(body) // 2]


def _document(status: int, wait_s: int) -> bytes | None:
    """Return the exchange's own words; None for a status that only gateways answer with."""
    if status == _UNAUTHORIZED:
        return encode.unauthorized("Invalid Signature")
    if status == _TOO_MANY:
        return encode.rate_limited(Refusal(10, "1s", "ip", wait_s))
    refused = _REFUSALS.get(status)
    return None if refused is None else encode.refusal(*refused)


def _page(status: int) -> bytes:
    title = _TITLES[status]
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1>"
        "</center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
