"""The report of a run and the heat map in a real browser, opened from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from tests.unit.reporting.runs import BTCTRY, ISTANBUL, real_run

from btcturk_kit.domain.cycle import Intent, Review, Verdict
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.simulated_run import ReviewedIntent, SimulatedRun
from btcturk_kit.reporting.heat_map import heat_map_page
from btcturk_kit.reporting.run_page import run_page
from btcturk_kit.reporting.statistics import statistics_of

PATIENCE_S = 30
HOSTILE = "<img src=x onerror=\"window.hurt='yes'\"></script><script>window.hurt='yes'</script>"
CHARTS = ("equity", "fall", "price-0", "capital", "trips", "refusals")

# The pixels of a chart, read from a copy: reading the chart itself makes the browser complain.
PIXELS = """
const pixels = (canvas) => {
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext('2d', { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, copy.width, copy.height).data;
};
"""

# Shares of pixels that differ from the first one, canvas by canvas.
PAINTED = f"""
{PIXELS}
return [...document.querySelectorAll('.canvas canvas')].map((canvas) => {{
  const found = new Uint32Array(pixels(canvas).buffer);
  return found.filter((one) => one !== found[0]).length / found.length;
}});
"""

# How many pixels of a chart have a color of the page.
OF_COLOR = f"""
{PIXELS}
const [name, color] = arguments;
const probe = document.createElement('canvas');
[probe.width, probe.height] = [1, 1];
const paint = probe.getContext('2d');
paint.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(color).trim();
paint.fillRect(0, 0, 1, 1);
const [wanted] = new Uint32Array(pixels(probe).buffer);
const found = new Uint32Array(pixels(document.querySelector(`#${{name}} canvas`)).buffer);
return found.filter((one) => one === wanted).length;
"""


class Report:
    """A page of a file in a tab of the browser."""

    def __init__(self, driver: webdriver.Chrome, folder: Path) -> None:
        self.driver = driver
        self._folder = folder

    def open(self, page: str, *, width: int = 1280, scheme: str = "light") -> None:
        """Write the page to a file and open it from there."""
        path = self._folder / "page.html"
        path.write_text(page, "utf-8")
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        self._size(width, 900)
        self.driver.get(path.as_uri())

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def until_drawn(self, count: int) -> None:
        """Wait until the page says that its charts are drawn, and each fills its frame."""
        filled = (
            "return document.documentElement.dataset.drawn === arguments[0] &&"
            " [...document.querySelectorAll('.canvas')].every((box) =>"
            " Math.abs(box.clientWidth - box.querySelector('canvas').clientWidth) < 2)"
        )
        WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.05).until(
            lambda _: self.run(filled, str(count))
        )

    def picture(self, path: Path, *, width: int) -> None:
        """Save the whole page as it looks at a width."""
        tall = self.run("return document.documentElement.scrollHeight")
        self._size(width, tall)
        self.driver.save_screenshot(str(path))

    def is_wider_than_its_window(self) -> bool:
        """Whether the page as a whole would scroll sideways."""
        root = "document.documentElement"
        return bool(self.run(f"return {root}.scrollWidth > {root}.clientWidth"))

    def _size(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.fixture
def report(driver: webdriver.Chrome, tmp_path: Path) -> Iterator[Report]:
    """Return a tab; after the test its console is empty and it has read one file only."""
    driver.get("about:blank")
    for kind in ("browser", "performance"):  # what a test before this one left
        driver.get_log(kind)
    yield Report(driver, tmp_path)
    messages = [entry["message"] for entry in driver.get_log("browser")]
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    driver.get("about:blank")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert messages == []
    assert {urlsplit(one).scheme for one in asked} == {"file"}
    assert len(asked) == 1


@pytest.fixture(scope="module")
def run() -> SimulatedRun:
    """Return a run of the real runner, with names that were chosen to do harm."""
    found = real_run(2_000)
    intent = Intent("trend", BTCTRY, Side.BUY, OrderType.MARKET, quote_amount=Decimal(100))
    said = Review(Verdict.DENY, HOSTILE, "the spread of 0.9 % is wide", code="spread")
    times = found.equity.times_ms
    return replace(
        found,
        name=f"trend on a walk {HOSTILE}",
        strategies=(HOSTILE,),
        refusals=tuple(ReviewedIntent(times[at * at], intent, said) for at in range(44)),
    )


def page_of(run: SimulatedRun) -> str:
    """Return the page of a run."""
    return run_page(run, statistics_of(run, day_end=ISTANBUL), parameters={"fast": HOSTILE})


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (400, "light")])
def test_the_report_draws_every_chart(
    report: Report, run: SimulatedRun, tmp_path: Path, width: int, scheme: str
) -> None:
    """From a file, without a network: no canvas is blank, nothing is too wide, no name did harm."""
    report.open(page_of(run), width=width, scheme=scheme)
    report.until_drawn(len(CHARTS))
    painted = report.run(PAINTED)
    assert len(painted) == len(CHARTS)
    assert min(painted) > 0.005
    assert report.run(OF_COLOR, "price-0", "--good") > 100  # triangles of purchases
    assert report.run(OF_COLOR, "price-0", "--bad") > 100
    assert report.run(OF_COLOR, "equity", "--first") > 200
    assert report.run(OF_COLOR, "equity", "--second") > 200
    assert not report.is_wider_than_its_window()
    assert report.run("return window.hurt") is None
    assert report.run("return document.images.length") == 0
    assert HOSTILE in report.run("return document.querySelector('h1').textContent")
    report.picture(tmp_path / f"report-{width}-{scheme}.png", width=width)


def test_the_keyboard_reads_a_chart(report: Report, run: SimulatedRun) -> None:
    """Arrow keys move along the curve, and what stands there is told in words, in the day zone."""
    report.open(page_of(run))
    report.until_drawn(len(CHARTS))
    box = report.driver.find_element(By.ID, "equity")
    box.send_keys(Keys.ARROW_RIGHT)
    legend = "return document.querySelector('#equity .u-legend').textContent"
    assert "2023-11-15 01:00" in report.run(legend)
    spot = "return document.getElementById('equity-spot').textContent"
    assert "Equity 100,000" in report.run(spot)
    box.send_keys(Keys.PAGE_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert "2023-11-17 03:00" in report.run(legend)
    box.send_keys(Keys.ESCAPE)
    names = report.run(
        "return [...document.querySelectorAll('.canvas')].map((one) =>"
        " `${one.getAttribute('role')} ${one.tabIndex} ${one.getAttribute('aria-label')}`)"
    )
    assert all(one.startswith("img 0 ") for one in names)


def test_a_mark_under_the_pointer_is_told(report: Report, run: SimulatedRun) -> None:
    """The trade beside the cursor stands below the chart, with its side, amount and price."""
    report.open(page_of(run))
    report.until_drawn(len(CHARTS))
    report.run(
        "const over = document.querySelector('#price-0 .u-over');"
        "const { left, top, width } = over.getBoundingClientRect();"
        "for (let x = 0; x < width && !document.getElementById('price-0-spot').textContent; x += 4)"
        " over.dispatchEvent(new MouseEvent('mousemove',"
        " { clientX: left + x, clientY: top + 20, movementX: 4, movementY: 1, bubbles: true }))"
    )
    said = "return document.getElementById('price-0-spot').textContent"
    WebDriverWait(report.driver, PATIENCE_S).until(lambda _: report.run(said))
    first = run.fills[0]
    assert f"▲ bought {first.quantity:f} at {first.price:,f}" in report.run(said)


def test_paper_is_light_whatever_the_screen_is(report: Report, run: SimulatedRun) -> None:
    """Before printing the charts are drawn in the colors of paper, and after it as they were."""
    report.open(page_of(run), scheme="dark")
    report.until_drawn(len(CHARTS))
    ground = "return getComputedStyle(document.documentElement).getPropertyValue('--panel').trim()"
    dark = report.run(ground)
    report.run("dispatchEvent(new Event('beforeprint'))")
    assert report.run(ground) == "#ffffff"
    assert report.run(OF_COLOR, "equity", "--first") > 200
    report.run("dispatchEvent(new Event('afterprint'))")
    assert report.run(ground) == dark
    assert report.run(OF_COLOR, "equity", "--first") > 200


@pytest.mark.parametrize("width", [1280, 400])
def test_the_heat_map_needs_no_script(report: Report, tmp_path: Path, width: int) -> None:
    """Cells have the colors of their values, the best one is outlined."""
    values = [[0.1 * (row - 3) * (column - 4) for column in range(12)] for row in range(9)]
    page = heat_map_page(
        range(9),
        range(12),
        values,
        title=HOSTILE,
        row_name="fast_bars",
        column_name="slow_bars",
        value_name="Sharpe ratio",
    )
    report.open(page, width=width)
    shades = report.run(
        "return [...document.querySelectorAll('.heat tbody td')].map((one) =>"
        " getComputedStyle(one).backgroundColor)"
    )
    assert len(shades) == 108
    assert len(set(shades)) > 10
    best = report.driver.find_element(By.CSS_SELECTOR, ".heat .best")
    assert best.text == "3.50"
    assert not report.is_wider_than_its_window()
    assert report.run("return window.hurt") is None
    report.picture(tmp_path / f"heat-map-{width}.png", width=width)
