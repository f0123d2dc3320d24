"""The transport port: one HTTP exchange, bytes in and bytes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

__all__ = ["HttpRequest", "HttpResponse", "HttpTransport"]


class HttpRequest(NamedTuple):
    """One request. `target` is path and query, already encoded; `base_url` has no path."""

    method: str
    base_url: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class HttpResponse(NamedTuple):
    """One response with lower-case header names and the whole, decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport(Protocol):
    """Send one request and read its response, once, without any retry.

    Adapters: `Httpx2Transport`; `MemoryTransport` for tests and benchmarks.

    Two things a transport may say of itself: `is_offline = True` that it reaches nobody, so that
    nothing is counted together with others and no clock is measured; `lane_width`, how many
    requests of a kind it carries at once, so that more are not stamped before they can go.
    """

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send and return the response, whatever its status.

        Raises:
            TransportError: Nothing was sent (no connection, no address).
            OutcomeUnknown: Something may have been sent and no whole response came back.
        """
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...
