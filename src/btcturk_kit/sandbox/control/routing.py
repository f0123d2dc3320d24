"""What a route of the control interface is: the fields it takes, and what is made of them.

Never add: HTTP, a route.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.json import Encoder

__all__ = ["Fields", "NoFields", "Reply", "Route", "document", "plain", "problem"]

_encode = Encoder().encode


class Fields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of a body, or of a query for a `GET`; what is not declared is refused."""


class NoFields(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """No fields at all."""


class Reply(NamedTuple):
    """What is answered."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"


class Route(NamedTuple):
    """What answers a method and path.

    Attributes:
        fields: A kind of `Fields`, or `dict[str, Any]` if the answer checks them itself.
        answer: Called with them; a `ConfigurationError` is answered 400 with its message.
    """

    fields: Any
    answer: Callable[[Any], Reply | Awaitable[Reply]]


def document(data: Mapping[str, Any], status: int = 200) -> Reply:
    """Answer with a JSON document."""
    return Reply(_encode(data), status)


def problem(message: str, status: int) -> Reply:
    """Answer with what is wrong, in a sentence."""
    return document({"message": message}, status)


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Write decimals as plain text, without exponents."""
    return {
        name: format(value, "f") if isinstance(value, Decimal) else value
        for name, value in fields.items()
    }
