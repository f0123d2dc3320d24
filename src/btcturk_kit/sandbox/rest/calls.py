"""One call and its answer, and how values of a query are read.

Never add: what an endpoint answers.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from btcturk_kit.sandbox.rest.forms import whole_number
from btcturk_kit.sandbox.venue.refusals import Refused
from btcturk_kit.wire import encode
from btcturk_kit.wire.pacing import Endpoint

__all__ = ["OK", "Answer", "Answering", "Call", "CannotReadError", "Query", "refuse", "whole"]

OK = 200
_BAD_REQUEST = 400


class Query(Protocol):
    """The values of a query; a name may come more than once."""

    def get(self, key: str, default: str, /) -> str:
        """Return the value of a name, the default if it is missing."""
        ...

    def getlist(self, key: str, /) -> list[str]:
        """Return all values of a name."""
        ...


class Call(NamedTuple):
    """One request. `owner` is the customer who signed it, empty on a public endpoint."""

    owner: str
    path: str
    query: Query
    body: bytes


class Answer(NamedTuple):
    """Status and body of the response."""

    status: int
    body: bytes


class Answering(Protocol):
    """The endpoints of one host."""

    def serves(self, endpoint: Endpoint) -> bool:
        """Whether this host has the endpoint."""
        ...

    def answer(self, endpoint: Endpoint, call: Call) -> Answer:
        """Return the answer to a call of a served endpoint."""
        ...


class CannotReadError(Exception):
    """A value of the query is not what the endpoint takes."""


def refuse(refused: Refused) -> Answer:
    """Return the answer to what the exchange will not do."""
    return Answer(_BAD_REQUEST, encode.refusal(refused.message, refused.code))


def whole(call: Call, name: str, default: int) -> int:
    """Read a whole number of the query; a value that is none refuses the call.

    Raises:
        CannotReadError: It is none.
    """
    text = call.query.get(name, "")
    if not text:
        return default
    number = whole_number(text)
    if number is None:
        raise CannotReadError
    return number
