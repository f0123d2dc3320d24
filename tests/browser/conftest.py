"""A real browser, and exchanges on sockets for it to look at.

Debian's Chromium is driven through its own driver; nothing is downloaded, and no name of a host but
this machine's resolves in the browser.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.listing import bundled_listing
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.testing.exchange_thread import ExchangeThread
from btcturk_kit.wire.signing import Credentials

TOKEN = "control-token-of-the-test"
SECRET = "QUFBQQ=="
ANN = Credentials("0123456789abcdef0123456789abcdef", SECRET)
PATIENCE_S = 30

# selenium's own downloader stays off; what it talks to is on this machine.
os.environ["SE_OFFLINE"] = "true"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1280,1000",
)

T = TypeVar("T")


class Place:
    """An exchange on a virtual clock, served by a thread, that can stop and come back.

    Args:
        listings: Its pairs.
    """

    def __init__(self, listings: list[Listing]) -> None:
        self._listings = listings
        self._control_port = 0
        self._running: ExchangeThread | None = None

    def start(self) -> None:
        """Listen, the control interface on the port of before if there was one."""
        self.local = LocalExchange(
            listings=self._listings,
            seed=3,
            api_key=ANN.api_key,
            api_secret=SECRET,
            balances={"TRY": 10**8, "BTC": "12.5"},
            control_port=self._control_port,
            control_token=TOKEN,
        )
        self._running = ExchangeThread(self.local).__enter__()
        self.address = self._running.address
        self._control_port = urlsplit(self.address.control).port or 0

    def stop(self) -> None:
        """Close every connection and listen no more."""
        running, self._running = self._running, None
        if running is not None:
            running.__exit__(None, None, None)

    @property
    def exchange(self) -> Exchange:
        """The exchange itself, to be looked at in its own thread."""
        return self.local.exchange

    def on_loop(self, function: Callable[[], T]) -> T:
        """Call something in the thread of the exchange and return its answer."""
        assert self._running is not None

        async def called(_: LocalExchange) -> T:
            return function()

        return self._running.call(called)

    # ---- calls from outside

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"{self.address.control}/"

    def send(
        self,
        base: str,
        method: str,
        target: str,
        fields: object = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request and return status, headers with lower-case names, and body."""
        connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=PATIENCE_S)
        try:
            body = None if fields is None else json.dumps(fields).encode()
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return response.status, names, response.read()
        finally:
            connection.close()

    def control(self, method: str, target: str, fields: object = None) -> Any:
        """Call the control interface; the call must succeed."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        status, _, body = self.send(self.address.control, method, target, fields, headers)
        assert status == 200, body
        return json.loads(body)

    def advance(self, by_ms: int) -> None:
        """Move the virtual clock."""
        now_ms = self.control("GET", "/v1/clock")["now_ms"]
        self.control("POST", "/v1/clock/advance", {"to_ms": now_ms + by_ms})

    def signed(self, method: str, target: str, fields: object = None) -> Any:
        """Call the exchange as `ANN`; the call must succeed."""
        stamp = str(self.control("GET", "/v1/clock")["now_ms"])
        headers = {
            "X-PCK": ANN.api_key,
            "X-Stamp": stamp,
            "X-Signature": ANN.sign(stamp),
            "Content-Type": "application/json",
        }
        status, _, body = self.send(self.address.rest, method, target, fields, headers)
        assert status == 200, body
        return json.loads(body)

    def submit(self, **fields: Any) -> Any:
        """Place an order of BTCTRY and return what the exchange says of it."""
        return self.signed("POST", "/api/v1/order", {"pairSymbol": "BTCTRY", **fields})["data"]

    def rest_order(self, client_order_id: str = "resting") -> Any:
        """Place an order to buy a tenth below the market."""
        price = int(Decimal(self.control("GET", "/v1/book?symbol=BTCTRY")["bids"][0][0]) * 9 / 10)
        return self.submit(
            quantity="0.5",
            price=str(price),
            orderMethod="limit",
            orderType="buy",
            newOrderClientId=client_order_id,
        )


class Page:
    """The page in a tab of the browser.

    Attributes:
        expected: Parts of the console messages that a test provokes.
    """

    def __init__(self, driver: webdriver.Chrome, place: Place) -> None:
        self.driver = driver
        self.place = place
        self.expected: tuple[str, ...] = ()
        self._addresses: list[str] = []

    def open(self, token: str = TOKEN) -> None:
        """Open it with a token in the fragment of its address, and wait until it is live."""
        self.driver.get(f"{self.place.url}#token={token}")
        self.until(lambda: self.text("link") == "live")

    def text(self, name: str) -> str:
        """Return the text of an element."""
        return str(self.run("return document.getElementById(arguments[0]).textContent", name))

    def is_hidden(self, name: str) -> bool:
        """Whether an element is not shown."""
        script = "return document.getElementById(arguments[0]).checkVisibility()"
        return not self.run(script, name)

    def rows(self, name: str) -> list[list[str]]:
        """Return the texts of a table's body, cell by cell; parts of a cell are lines."""
        return list(
            self.run(
                "return [...document.getElementById(arguments[0]).rows].map((row) =>"
                " [...row.cells].map((cell) => [...cell.children].map((part) =>"
                " part.textContent).join('\\n')))",
                name,
            )
        )

    def orders(self) -> list[list[str]]:
        """Return the open orders of the first account."""
        return list(
            self.run(
                "return [...document.querySelectorAll('.account:first-child .orders tbody tr')]"
                ".map((row) => [...row.cells].map((cell) => cell.textContent))"
            )
        )

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.05).until(lambda _: holds())

    def picture(self, path: Path, *, width: int, scheme: str) -> None:
        """Save the whole page as it looks at a width in a color scheme."""
        self.look(width=width, scheme=scheme)
        self.driver.save_screenshot(str(path))

    def look(self, *, width: int, scheme: str) -> None:
        """Give the page a width, its own height, and a color scheme."""
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        for height in (900, None):
            tall = height or self.run("return document.documentElement.scrollHeight")
            metrics = {"width": width, "height": tall, "deviceScaleFactor": 1, "mobile": False}
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def console(self) -> list[str]:
        """Return what the console holds and the test did not expect."""
        messages = [entry["message"] for entry in self.driver.get_log("browser")]
        return [one for one in messages if not any(part in one for part in self.expected)]

    def addresses(self) -> list[str]:
        """Return every address the page has asked so far."""
        events = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        self._addresses += [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return self._addresses


def start_browser(folder: Path, *flags: str) -> webdriver.Chrome:
    """Start Debian's Chromium with an empty profile."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.fail("there is no Chromium: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={folder}", *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(executable_path=driver))


@pytest.fixture(scope="session")
def listing() -> Listing:
    """Return the bundled pair, its tape read once."""
    return bundled_listing()


@pytest.fixture
def place(listing: Listing) -> Iterator[Place]:
    """Return a running exchange with two pairs and one account."""
    rules = replace(listing.rules, symbol=Symbol("ETHTRY"), base=Asset("ETH"))
    place = Place([listing, Listing(rules, listing.tape)])
    place.start()
    yield place
    place.stop()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Return the browser of all tests."""
    driver = start_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: webdriver.Chrome, place: Place) -> Iterator[Page]:
    """Return a tab; after the test its console is empty and it has asked this machine only."""
    page = Page(driver, place)
    driver.get("about:blank")  # leaves the browser's own first tab, which may still be loading
    for kind in ("browser", "performance"):  # what a test before this one left
        driver.get_log(kind)
    yield page
    hosts = {urlsplit(address).hostname for address in page.addresses()}
    messages = page.console()
    driver.get("about:blank")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert hosts == {"127.0.0.1"}
    assert messages == []
