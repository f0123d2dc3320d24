"""The control interface over HTTP: the token, the table of routes, and one message on mistakes.

Imported only to serve: it needs the extra `sandbox`. Never add: what a route does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from hmac import compare_digest
from inspect import isawaitable
from typing import Any

from msgspec import DecodeError, ValidationError, convert
from msgspec.json import decode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.bodies import bounded_body, too_large
from btcturk_kit.sandbox.control.customers import CustomerRoutes
from btcturk_kit.sandbox.control.desk import Desk
from btcturk_kit.sandbox.control.markets import MarketRoutes
from btcturk_kit.sandbox.control.routing import Reply, Route, document, problem
from btcturk_kit.sandbox.page import PAGE_HEADERS, PAGE_PATHS, page_file
from btcturk_kit.sandbox.rest.control import FAULT_ROUTES, RestControl
from btcturk_kit.sandbox.stream.control import STREAM_ROUTES, StreamControl

__all__ = ["make_control_app"]

_METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")
_BAD_REQUEST, _UNAUTHORIZED, _NOT_FOUND, _FAULT = 400, 401, 404, 500


def make_control_app(desk: Desk, *, token: str) -> ASGIApp:
    """Return the ASGI application of the control interface.

    Args:
        desk: The exchange that is controlled.
        token: What whoever may control it sends as its bearer token.
    """
    return Starlette(
        routes=[
            *(HttpRoute(path, _send_page) for path in PAGE_PATHS),
            HttpRoute("/v1/{rest:path}", _ControlApi(desk, token).respond, methods=_METHODS),
        ],
        exception_handlers={_NOT_FOUND: _nothing_here, Exception: _internal_error},
    )


class _ControlApi:
    """Answers whoever knows the token."""

    def __init__(self, desk: Desk, token: str) -> None:
        self._desk = desk
        self._authorization = f"Bearer {token}".encode()
        self._routes: dict[str, Route] = {
            **MarketRoutes(desk).routes(),
            **CustomerRoutes(desk).routes(),
            **_checked_there(STREAM_ROUTES, StreamControl(desk.stream).answer),
            **_checked_there(FAULT_ROUTES, _fault_control(desk).answer),
        }

    async def respond(self, request: Request) -> Response:
        """Answer one request."""
        sent = request.headers.get("authorization", "").encode()
        if not compare_digest(sent, self._authorization):
            return _response(problem("the control token is missing or wrong", _UNAUTHORIZED))
        self._desk.hands.follow()
        route = self._routes.get(f"{request.method} {request.scope['path']}")
        if route is None:
            return Response(status_code=_NOT_FOUND)
        body = b"" if request.method == "GET" else await bounded_body(request)
        if body is None:
            return too_large()
        try:
            reply = route.answer(_fields(request, body, route))
            return _response(await reply if isawaitable(reply) else reply)
        except ValidationError as error:
            return _response(problem(str(error), _BAD_REQUEST))
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return _response(problem("the body is not a JSON object", _BAD_REQUEST))
        except ConfigurationError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return _response(problem(error.message + hint, _BAD_REQUEST))


def _fields(request: Request, body: bytes, route: Route) -> Any:  # noqa: ANN401 - the route says what
    """Return what the query of a `GET` or the body of anything else holds."""
    if request.method == "GET":
        return convert(dict(request.query_params), route.fields, strict=False)
    return decode(body or b"{}", type=route.fields)


def _fault_control(desk: Desk) -> RestControl:
    def stream_rows() -> list[dict[str, object]]:
        return desk.stream.plan.rows()  # of the plan that is played when somebody asks

    return RestControl(desk.faults, stream_rows=stream_rows)


def _checked_there(
    routes: Iterable[str], answer: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> dict[str, Route]:
    """Return routes whose fields are checked by what answers them."""

    def reply(route: str, fields: dict[str, Any]) -> Reply:
        return document(answer(route, fields))

    return {one: Route(dict[str, Any], partial(reply, one)) for one in routes}


async def _send_page(request: Request) -> Response:
    """Send the page, which needs no token and holds nothing: it asks for the token itself."""
    file = page_file(request.scope["path"])
    return Response(file.body, media_type=file.content_type, headers=PAGE_HEADERS)


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers), media_type=reply.content_type)


async def _nothing_here(_request: Request, _error: Exception) -> Response:
    return Response(status_code=_NOT_FOUND)


async def _internal_error(_request: Request, error: Exception) -> Response:
    return _response(problem(f"the exchange failed: {error}", _FAULT))
