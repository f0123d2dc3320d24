"""The page and its document over HTTP."""

from __future__ import annotations

from btcturk_kit.sandbox.page import PAGE_HEADERS, PAGE_PATHS, page_file

from .conftest import Caller


def test_the_page_needs_no_token(exchange: Caller) -> None:
    """Its files are sent as they are, with their types and the strict policy, and only for GET."""
    for path in PAGE_PATHS:
        reply = exchange.send("GET", path, base=exchange.address.control)
        assert (reply.status, reply.body) == (200, page_file(path).body)
        assert reply.headers["content-type"] == page_file(path).content_type
        for name, value in PAGE_HEADERS.items():
            assert reply.headers[name.lower()] == value
    assert exchange.send("POST", "/", body=b"{}", base=exchange.address.control).status == 405


def test_what_the_page_shows_needs_the_token(exchange: Caller) -> None:
    """A wrong token is told, an unknown pair too; without a pair the first one is shown."""
    assert exchange.control("GET", "/v1/overview", token="wrong").status == 401
    assert exchange.control("GET", "/v1/overview?symbol=XXXTRY").status == 404
    first, named = (
        exchange.control("GET", f"/v1/overview{query}").json for query in ("", "?symbol=BTC_TRY")
    )
    assert first == named
    assert (first["pair"]["symbol"], first["clock"]) == ("BTCTRY", "virtual")
    assert first["now_ms"] == exchange.now_ms()
