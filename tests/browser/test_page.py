"""The page in a real browser, against a real exchange."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from websockets.sync.client import connect

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.sandbox.venue.pair import PairState, PriceBand

from .conftest import TOKEN, Page, Place, start_browser

BTCTRY = Symbol("BTCTRY")
HOSTILE = "<img src=x onerror=\"window.hurt='yes'\">"
LEVELS = 15


def shown_book(page: Page) -> tuple[list[list[str]], list[list[str]]]:
    """Return bids and asks as price and amount, best first, without empty rows."""
    bids, asks = ([row[:2] for row in page.rows(side) if row[0]] for side in ("bids", "asks"))
    return bids, asks[::-1]


def test_the_book_is_the_exchanges(page: Page, place: Place) -> None:
    """Both sides show the prices and amounts that the control interface tells, to the letter."""
    page.open()
    told = place.control("GET", "/v1/book?symbol=BTCTRY")
    assert shown_book(page) == (told["bids"][:LEVELS], told["asks"][:LEVELS])
    place.advance(3_600_000)
    later = place.control("GET", "/v1/book?symbol=BTCTRY")
    assert later["bids"] != told["bids"]
    page.until(lambda: shown_book(page) == (later["bids"][:LEVELS], later["asks"][:LEVELS]))
    assert page.text("clock") == "virtual"


def test_a_trade_appears_first_and_its_side_has_a_sign(page: Page, place: Place) -> None:
    """Whoever cannot see colors reads the side of the taker; the line has moved."""
    page.open()
    before = page.rows("trades")
    place.submit(quantity="50000", orderMethod="market", orderType="buy")
    page.until(lambda: page.rows("trades") != before)
    (trade,) = place.on_loop(lambda: place.exchange.public_trades(BTCTRY, count=1))
    _, side, price, quantity = page.rows("trades")[0]
    assert (side, price, quantity) == ("▲ buy", f"{trade.price:f}", f"{trade.quantity:f}")
    assert page.driver.find_element(By.ID, "line").get_attribute("aria-label")
    who, what, outcome = page.rows("history")[0][1:]
    assert (who, what.split("\n")[0]) == ("012345…cdef", "trade")
    assert f"BTCTRY buy {quantity} at {price}" in outcome


def test_an_order_rests_in_its_account_until_it_is_canceled(page: Page, place: Place) -> None:
    """Its account shows it with what it locks, and no more when it is gone."""
    page.open()
    assert page.orders() == []
    order = place.rest_order()
    page.until(lambda: len(page.orders()) == 1)
    what, price, left = page.orders()[0]
    assert "▼" not in what
    assert "▲ buy limit" in what
    assert str(order["id"]) in what
    assert "resting" in what
    assert price == str(order["price"])
    assert left == "0.5of 0.5"
    assert "0123456789abcdef" not in page.run("return document.body.textContent")
    assert "012345…cdef" in page.run("return document.body.textContent")
    place.signed("DELETE", f"/api/v1/order?id={order['id']}")
    page.until(lambda: "cancel queued" in page.orders()[0][0])
    place.advance(10_000)
    page.until(lambda: page.orders() == [])


def test_faults_in_force_show_how_often_they_have_struck(page: Page, place: Place) -> None:
    """A fault waits, strikes and is spent; the session it struck is listed."""
    page.open()
    assert page.text("faults-empty") == "None: the exchange behaves."
    fault = {"kind": "repeat", "types": [402], "count": 2}
    place.control("POST", "/v1/stream/faults", {"faults": [fault]})
    row = ["stream", "repeat type 402"]
    page.until(lambda: page.rows("faults") == [[*row, "0 of 2", "waiting"]])
    with connect(place.address.ws, proxy=None) as listener:
        join = {"type": 151, "channel": "ticker", "event": "BTCTRY", "join": True}
        listener.send(json.dumps([151, join]))
        page.until(lambda: page.rows("faults") == [[*row, "1 of 2", "striking"]])
        assert page.rows("sessions")[0][1:3] == ["not logged in", "ticker:BTCTRY"]
        place.advance(3_600_000)
        page.until(lambda: page.rows("faults") == [[*row, "2 of 2", "spent"]])
    page.until(lambda: page.rows("sessions") == [])


def test_the_state_of_the_pair_shows(page: Page, place: Place) -> None:
    """A halt, market orders that are off, and a band are seen; an open pair says so."""
    page.open()
    assert page.text("state") == "open"
    assert page.is_hidden("market-orders")
    place.on_loop(lambda: place.exchange.set_state(BTCTRY, PairState.HALTED))
    place.on_loop(lambda: place.exchange.set_market_orders(BTCTRY, is_on=False))
    band = PriceBand(Decimal("100.50"), Decimal(200))
    place.on_loop(lambda: place.exchange.set_band(BTCTRY, band))
    page.until(lambda: page.text("state") == "halted")
    page.until(lambda: page.text("band") == "band 100.50 to 200")
    assert not page.is_hidden("market-orders")
    place.on_loop(lambda: place.exchange.set_state(BTCTRY, PairState.OPEN))
    page.until(lambda: page.text("state") == "open")


def test_another_pair_is_picked_with_the_keyboard(page: Page, place: Place) -> None:
    """The picker is the first thing the tabulator reaches, and every long list comes after it."""
    page.open()
    body = page.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    picker = page.driver.switch_to.active_element
    assert picker.get_attribute("id") == "pair"
    picker.send_keys("E")
    page.until(lambda: page.text("volume").endswith("ETH"))
    told = place.control("GET", "/v1/book?symbol=ETHTRY")
    page.until(lambda: shown_book(page)[0] == told["bids"][:LEVELS])
    reached = []
    for _ in range(5):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.driver.switch_to.active_element.get_attribute("aria-labelledby"))
    assert reached == [
        f"{name}-title" for name in ("trades", "accounts", "faults", "sessions", "history")
    ]


def test_the_token_is_asked_for_and_a_wrong_one_is_told(page: Page, place: Place) -> None:
    """Without a token nothing is asked; a wrong one is said to be wrong; a right one is kept.

    It lives as long as the tab and is in no address.
    """
    page.expected = ("401 (Unauthorized)",)
    page.driver.get(place.url)
    page.until(lambda: not page.is_hidden("ask"))
    assert page.is_hidden("board")
    box = page.driver.find_element(By.ID, "token")
    assert page.driver.switch_to.active_element == box
    for wrong, told in (("wrong", "does not know this token"), ("café", "This is no token")):
        box.send_keys(wrong, Keys.ENTER)
        page.until(lambda told=told: told in page.text("ask-problem"))
        assert page.is_hidden("board")
    box.send_keys(TOKEN, Keys.ENTER)
    page.until(lambda: page.text("link") == "live")
    page.driver.refresh()
    page.until(lambda: page.text("link") == "live")
    page.driver.get("about:blank")
    page.open()
    assert page.driver.current_url == place.url
    asked = page.addresses()
    assert any("/v1/overview" in one for one in asked)
    assert not [one for one in asked if TOKEN in urlsplit(one).query]


def test_a_lost_connection_is_told_and_found_again(page: Page, place: Place) -> None:
    """What is shown then is marked as old; the page comes back by itself."""
    page.expected = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    page.open()
    place.stop()
    page.until(lambda: page.text("link") == "connection lost")
    assert page.text("banner-text").startswith("Connection lost since ")
    assert not page.is_hidden("banner")
    assert page.run("return document.getElementById('board').className") == "stale"
    place.start()
    page.until(lambda: page.text("link") == "live")
    assert page.is_hidden("banner")
    assert page.run("return document.getElementById('board').className") == ""


def test_a_tab_nobody_sees_does_not_ask(page: Page) -> None:
    """While its window is minimized the page pauses, and goes on when it is seen again."""
    page.open()
    page.driver.minimize_window()
    page.until(lambda: page.text("link") == "paused")
    page.driver.set_window_size(1280, 1000)
    page.until(lambda: page.text("link") == "live")


def test_what_others_chose_the_letters_of_is_text(page: Page, place: Place) -> None:
    """Markup in a client order id and in the name of a channel is shown and runs nothing."""
    page.open()
    place.rest_order(HOSTILE)
    with connect(place.address.ws, proxy=None) as listener:
        join = {"type": 151, "channel": HOSTILE, "event": HOSTILE, "join": True}
        listener.send(json.dumps([151, join]))
        page.until(lambda: page.orders() and page.rows("sessions"))
        assert page.orders()[0][0].endswith(HOSTILE)
        assert page.rows("sessions")[0][2] == f"{HOSTILE}:{HOSTILE}"
    assert page.run("return document.querySelectorAll('main img').length") == 0
    assert page.run("return window.hurt === undefined")


def test_the_browser_itself_would_refuse_markup(page: Page) -> None:
    """Were a text ever made markup by mistake, the policy of the page stops it."""
    page.expected = ("TrustedHTML", "Trusted Type", "Refused to execute", "Executing inline")
    page.open()
    outcome = page.run(
        "try { document.body.innerHTML = '<b>' } catch (error) { return error.name }"
    )
    assert outcome == "TypeError"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_the_window(
    page: Page, place: Place, tmp_path: Path, width: int, scheme: str
) -> None:
    """Nothing is wider than the window, and a picture of it is kept for people to look at."""
    place.rest_order("bot-7:entry")
    place.rest_order(HOSTILE)
    for side, amount in (("buy", "50000"), ("sell", "0.02"), ("buy", "125000")):
        place.submit(quantity=amount, orderMethod="market", orderType=side)
        place.advance(400_000)
    faults = [
        {"kind": "repeat", "types": [402], "count": 1},
        {"kind": "drop", "channel": "obdiff", "event": "BTCTRY", "chance_bps": 50, "count": None},
    ]
    place.control("POST", "/v1/stream/faults", {"faults": faults})
    with connect(place.address.ws, proxy=None) as listener:
        for channel in ("ticker", "obdiff", "trade"):
            join = {"type": 151, "channel": channel, "event": "BTCTRY", "join": True}
            listener.send(json.dumps([151, join]))
        page.open()
        page.until(lambda: page.rows("sessions") and page.rows("sessions")[0][2].count(":") == 3)
        picture = tmp_path / f"page-{width}-{scheme}.png"
        page.picture(picture, width=width, scheme=scheme)
        assert picture.stat().st_size
        assert page.run("return document.documentElement.scrollWidth") == width
        ground = page.run("return getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(15, 21, 24)") == (scheme == "dark")


def test_the_browser_asks_nobody_but_the_exchange(place: Place, tmp_path: Path) -> None:
    """Whatever the browser would like to tell its makers, it connects to this machine only.

    This is read from its own log of the network, which holds more than pages see.
    """
    log = tmp_path / "net.json"
    driver = start_browser(tmp_path / "profile", f"--log-net-log={log}")
    try:
        page = Page(driver, place)
        page.open()
    finally:
        driver.quit()
    record = json.loads(log.read_text("utf-8"))
    kinds = {number: name for name, number in record["constants"]["logEventTypes"].items()}
    events = [(kinds[one["type"]], one.get("params", {})) for one in record["events"]]
    dialed = {
        params["address"].rpartition(":")[0]
        for kind, params in events
        if kind == "TCP_CONNECT_ATTEMPT" and "address" in params
    }
    # A browser looks for addresses of other hosts; the rules it was started with find none.
    sent = {kind for kind, _ in events} & {
        "DNS_TRANSACTION",
        "HOST_RESOLVER_SYSTEM_TASK",
        "UDP_BYTES_SENT",
    }
    assert dialed == {"127.0.0.1"}
    assert not sent
