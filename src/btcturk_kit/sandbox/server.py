"""The exchange as ASGI applications: the one of its API, and the one of the graph host.

All requests are carried out one after another in one event loop. Imported only to serve: it needs
the extra `sandbox`. Never add: rules of the exchange, listening, the control interface.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.public import PublicApi
from btcturk_kit.sandbox.rest.answers import Answers
from btcturk_kit.sandbox.rest.graph_answers import GraphAnswers
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.wire import encode

__all__ = ["METHODS", "make_app", "make_graph_app"]

METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")
"""All that may be asked for; which are served is for the handlers to say."""

_JSON = "application/json"
_NOT_FOUND, _FAULT = 404, 500

_Respond = Callable[[Request], Awaitable[Response]]


def make_app(
    exchange: Exchange,
    access: Access,
    *,
    hands: Hands,
    faults: RestFaults | None = None,
    has_graph: bool = False,
) -> ASGIApp:
    """Return the ASGI application of an exchange.

    Args:
        exchange: Its accounts are those `access` has keys for.
        access: Keys and windows.
        hands: What moves the exchange's clock.
        faults: What is played on its requests.
        has_graph: Whether it has the paths of the graph host too, for an exchange on one port.
    """
    api = PublicApi(exchange, access, Answers(exchange, faults), hands, faults)
    graph = PublicApi(exchange, access, GraphAnswers(exchange), hands, faults)
    routes = [_below("/api", api.respond)]
    return _application([*routes, _below("/v1", graph.respond)] if has_graph else routes)


def make_graph_app(
    exchange: Exchange, access: Access, *, hands: Hands, faults: RestFaults | None = None
) -> ASGIApp:
    """Return the ASGI application of the graph host."""
    graph = PublicApi(exchange, access, GraphAnswers(exchange), hands, faults)
    return _application([_below("/v1", graph.respond)])


def _below(prefix: str, respond: _Respond) -> Route:
    return Route(f"{prefix}/{{rest:path}}", respond, methods=METHODS)


def _application(routes: list[Route]) -> ASGIApp:
    return Starlette(
        routes=routes,
        exception_handlers={_NOT_FOUND: _nothing_here, Exception: _internal_error},
    )


async def _nothing_here(_request: Request, _error: Exception) -> Response:
    return Response(status_code=_NOT_FOUND)


async def _internal_error(_request: Request, _error: Exception) -> Response:
    return Response(encode.refusal("INTERNAL_ERROR", _FAULT), _FAULT, media_type=_JSON)
