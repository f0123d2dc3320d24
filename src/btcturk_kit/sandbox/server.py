"""The exchange as ASGI applications: the one of its API, and the one of the graph host.

All requests are carried out one after another in one event loop. Imported only to serve: it needs
the extra `sandbox`. Never add: rules of the exchange, listening on anything but loopback.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.control import ControlApi, send_page
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.page import PAGE_PATHS
from btcturk_kit.sandbox.public import PublicApi
from btcturk_kit.sandbox.rest.answers import Answers
from btcturk_kit.sandbox.rest.graph_answers import GraphAnswers
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.stream.server import StreamServer
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.wire import encode

__all__ = ["by_port", "make_app", "make_graph_app"]

_METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")
_JSON = "application/json"
_NOT_FOUND, _FAULT = 404, 500


def make_app(
    exchange: Exchange,
    access: Access,
    *,
    hands: Hands,
    control_token: str,
    stream: StreamServer | None = None,
    faults: RestFaults | None = None,
) -> Starlette:
    """Return the ASGI application of an exchange.

    Args:
        exchange: Its accounts are those `access` has keys for.
        access: Keys and windows.
        hands: What moves the exchange's clock.
        control_token: The bearer token of the control API.
        stream: The stream of the same exchange, if there is one; it must run in the same event
            loop.
        faults: Faults of requests, those of the graph host among them if it is given the same; None
            for some of its own.
    """
    faults = faults or RestFaults(exchange)
    public = PublicApi(exchange, access, Answers(exchange, faults), hands, faults)
    control = ControlApi(exchange, hands, stream, token=control_token, faults=faults)
    return Starlette(
        routes=[
            Route("/api/{rest:path}", public.respond, methods=_METHODS),
            Route("/v1/{rest:path}", control.respond, methods=_METHODS),
            *(Route(path, send_page) for path in PAGE_PATHS),
        ],
        exception_handlers={_NOT_FOUND: _nothing_here, Exception: _internal_error},
    )


def make_graph_app(
    exchange: Exchange, access: Access, *, hands: Hands, faults: RestFaults | None = None
) -> Starlette:
    """Return the ASGI application of the graph host, whose paths the control API has too."""
    graph = PublicApi(exchange, access, GraphAnswers(exchange), hands, faults)
    return Starlette(
        routes=[Route("/v1/{rest:path}", graph.respond, methods=_METHODS)],
        exception_handlers={_NOT_FOUND: _nothing_here, Exception: _internal_error},
    )


def by_port(app: ASGIApp, others: Mapping[int, ASGIApp]) -> ASGIApp:
    """Return one application of several: that of the port a connection came in on, else `app`."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        await others.get(server[1] if server else 0, app)(scope, receive, send)

    return chosen


async def _nothing_here(_request: Request, _error: Exception) -> Response:
    return Response(status_code=_NOT_FOUND)


async def _internal_error(_request: Request, _error: Exception) -> Response:
    return Response(encode.refusal("INTERNAL_ERROR", _FAULT), _FAULT, media_type=_JSON)
