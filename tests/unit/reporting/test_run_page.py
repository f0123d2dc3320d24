"""The page of a run: complete, bounded, self-contained, and deaf to hostile names."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from random import Random
from typing import Any

import pytest

from btcturk_kit.domain.cycle import Anomaly, Intent, Review, Verdict
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.orders import OrderType, Side
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.simulated_run import (
    CapitalPoint,
    EquityCurve,
    PriceColumn,
    ReviewedIntent,
    SimulatedRun,
)
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.heat_map import heat_map_page
from btcturk_kit.reporting.run_page import run_page
from btcturk_kit.reporting.run_page_series import MARKS_MAX, equity_chart, price_chart
from btcturk_kit.reporting.run_page_shell import page_file
from btcturk_kit.reporting.run_page_tables import TRADES_MAX
from btcturk_kit.reporting.statistics import statistics_of

from .runs import BTCTRY, DAY_MS, ISTANBUL, MIDNIGHT_MS, fill, made_run, real_run, trip, utc_day_end

HOSTILE = "</script><img src=x onerror=\"alert('x')\">&<!--"
BUY, SELL = Side.BUY, Side.SELL


def page_of(run: SimulatedRun, **rest: Any) -> str:
    """Return the page of a run."""
    return run_page(run, statistics_of(run, day_end=utc_day_end), **rest)


def data_of(page: str) -> Any:
    """Return what the scripts of a page draw."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


class Reader(HTMLParser):
    """Collects the elements of a page and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def refusal(at_ms: int, *, guard: str = "spread-guard", code: str = "spread") -> ReviewedIntent:
    """Return what a guard said to an order."""
    intent = Intent("trend", BTCTRY, BUY, OrderType.MARKET, quote_amount=Decimal(100))
    return ReviewedIntent(at_ms, intent, Review(Verdict.DENY, guard, f"{code} is wide", code=code))


def big_run(count: int, trades: int) -> SimulatedRun:
    """Return a run of many instants and trades, a minute apart."""
    chance = Random(3)  # noqa: S311 - a repeatable market, no secret
    times = range(MIDNIGHT_MS, MIDNIGHT_MS + count * 60_000, 60_000)
    closes = [10**6]
    for _ in range(count - 1):
        closes.append(max(1, closes[-1] + chance.randint(-900, 900)))
    step = count // trades
    fills = [
        fill(at, (BUY, SELL)[at % 2], "0.01", closes[at * step], times[at * step])
        for at in range(trades)
    ]
    trips = [
        trip(str(chance.randint(-90, 99)), opened_ms=times[at * step], closed_ms=times[at * step])
        for at in range(trades // 2)
    ]
    return made_run(
        closes, times_ms=times, opening=10**6, closes={"BTCTRY": closes}, fills=fills, trips=trips
    )


@pytest.fixture(scope="module")
def run() -> SimulatedRun:
    """Return a real run, with refusals and anomalies put in."""
    found = real_run(700)
    times = found.equity.times_ms
    return replace(
        found,
        refusals=(*[refusal(times[at]) for at in range(0, 60, 5)], refusal(times[9], code="other")),
        anomalies=((times[3], Anomaly("strategy_failed", RiskMode.NORMAL, "it <raised>")),) * 2,
    )


def test_the_page_holds_every_part(run: SimulatedRun) -> None:
    """Head, labels, tiles, charts and tables; numbers with separators, times in the day zone."""
    found = statistics_of(run, day_end=ISTANBUL)
    page = run_page(run, found, parameters={"fast_bars": 6})
    text = Reader(page).text
    names = {one["name"] for one in data_of(page)["charts"]}
    assert names == {"equity", "fall", "price-0", "capital", "trips", "refusals"}
    for one in (
        run.name,
        run.dataset,
        run.state.digest,
        "fast_bars",
        "2023-11-15 01:00",  # 22:00 UTC
        f"{found.money.closing_try:,.2f}",
        f"{found.trips.fills} trades",
        "all 700 instants are drawn",
        "Rules and fees of today on made-up prices.",
        "The risk-free rate is zero",
        "USDT: no USDT/TRY rates were given.",
        "spread is wide",
        "it <raised>",
        "Under water",
    ):
        assert one in text
    assert "that nothing explains" not in text
    assert page.count("<tr>") > len(run.trips) + 40


def test_the_page_asks_nobody_and_runs_only_its_own_scripts(run: SimulatedRun) -> None:
    """No address to load, no handler, no style in an element; the policy names exact hashes."""
    page = page_of(run)
    elements = Reader(page).elements
    for tag, attributes in elements:
        assert tag not in {"link", "iframe", "img", "object", "embed", "base", "form"}
        assert not {"src", "href", "style", "srcset"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    (policy,) = [one["content"] for tag, one in elements if "http-equiv" in one]
    assert policy is not None
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    for text, kind in [(scripts[0], "script"), (scripts[1], "script"), (style, "style")]:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert digest in policy.partition(f"{kind}-src")[2].partition(";")[0]
    assert "default-src 'none'" in policy
    assert len(scripts) == 2
    assert not re.search(r"@import|url\(", style)


def test_a_hostile_name_stays_a_text(run: SimulatedRun) -> None:
    """Whoever names a strategy, a dataset, a pair or a guard writes no markup and no script."""
    times = run.equity.times_ms
    hostile = replace(
        run,
        name=HOSTILE,
        dataset=HOSTILE,
        strategies=(HOSTILE,),
        labels=(HOSTILE,),
        prices=tuple(one._replace(symbol=Symbol(HOSTILE)) for one in run.prices),
        trips=tuple(one._replace(asset=Asset(HOSTILE)) for one in run.trips),
        refusals=(refusal(times[0], guard=HOSTILE, code=HOSTILE),),
        anomalies=((times[0], Anomaly(HOSTILE, RiskMode.NORMAL, HOSTILE)),),
    )
    plain, page = Reader(page_of(run)), page_of(hostile, parameters={HOSTILE: HOSTILE})
    read = Reader(page)
    assert {tag for tag, _ in read.elements} == {tag for tag, _ in plain.elements}
    assert page.count("<script") == page_of(run).count("<script")
    assert read.text.count(HOSTILE) >= 10
    assert "<img" not in page
    assert len(data_of(page)["charts"]) == 6


def test_a_large_run_is_a_page_of_bounded_size() -> None:
    """Instants and trades are thinned: five times as many make a page of about the same size."""
    small, large = (page_of(big_run(count, count // 8)) for count in (10_000, 50_000))
    assert len(large) < 1.1 * len(small)
    assert len(large) < 700_000
    text = Reader(large).text
    assert "6,250 trades in" in text
    assert "of 50,000 instants are drawn" in text
    assert f"The {TRADES_MAX} of 3,125" in text


def test_thinning_keeps_every_high_and_low() -> None:
    """The lowest and the highest point of the curve are drawn at their own instants."""
    run = big_run(30_000, 100)
    chart = equity_chart(run, charge_ratio=0)
    values = chart["series"][0]["values"]
    units = run.equity.units
    assert len(values) < 10_000
    for extreme in (min(units), max(units)):
        at = run.equity.times_ms[units.index(extreme)] // 1000
        assert values[chart["x"].index(at)] == extreme
    assert (chart["x"][0], chart["x"][-1]) == (
        run.equity.times_ms[0] // 1000,
        run.equity.times_ms[-1] // 1000,
    )
    assert chart["x"] == sorted(set(chart["x"]))


def test_no_trade_is_left_out_of_the_marks() -> None:
    """Marks of many trades say how many they stand for; together they are all of them."""
    run = big_run(20_000, 2 * MARKS_MAX)
    (prices,) = run.prices
    marks = price_chart(run, prices, "price-0")["marks"]
    assert len(marks) < MARKS_MAX
    assert sum(one[4] for one in marks) == len(run.fills)
    bought = sum(one.quantity for one in run.fills if one.side is BUY)
    assert sum(Decimal(one[3]) for one in marks if one[2]) == bought
    few = replace(run, fills=run.fills[:7])
    single = price_chart(few, prices, "price-0")["marks"]
    assert [one[4] for one in single] == [1] * 7


def test_a_run_that_did_nothing_has_a_page_too() -> None:
    """No trade, no trip, no refusal, no pair: what is missing is said, no chart of it is made."""
    page = page_of(made_run([100, 100, 100], closes={}))
    names = {one["name"] for one in data_of(page)["charts"]}
    assert names == {"equity", "fall", "capital"}
    text = Reader(page).text
    assert "There was none." in text
    assert "None closed." in text
    assert "every day had the same return" in text
    assert "Hold: no pair in TRY has a price at the first instant." in text
    assert "n/a" in text


def test_labels_can_be_missing_and_a_wrong_run_is_shouted() -> None:
    """Nothing to warn of makes no box; equity that nothing explains comes first in it."""
    trips = [trip("0")] * 30
    run = made_run([100] * 60, trips=trips)
    found = statistics_of(run, day_end=utc_day_end, risk_free=[(0, Decimal(0))])
    assert "Read this first" not in run_page(run, found)
    wrong = made_run([100, 107])
    assert (
        "Equity moved by 7 TRY that nothing explains: this run is wrong."
        in Reader(page_of(wrong)).text
    )


def test_moved_money_is_told_beside_the_curves_it_moves() -> None:
    """Equity and drawdown are drawn as they were: what an operator moved is a step in them."""
    text = Reader(page_of(made_run([150, 150], flows={0: 50}))).text
    assert text.count("money moved in or out is a step") == 2
    assert "is a step" not in Reader(page_of(made_run([100, 100]))).text


def test_only_the_busiest_pairs_are_drawn() -> None:
    """Of twenty pairs the twelve with the most trades have a chart, and the page says so."""
    closes = {f"C{at:02}TRY": [10, 11, 12] for at in range(20)}
    fills = [
        fill(1, BUY, "1", 10, MIDNIGHT_MS + DAY_MS, symbol=Symbol("C19TRY"), base=Asset("C19")),
        fill(2, BUY, "1", 10, MIDNIGHT_MS + DAY_MS, symbol=Symbol("GONETRY"), base=Asset("GONE")),
    ]
    page = page_of(made_run([100, 100, 100], closes=closes, fills=fills))
    text = Reader(page).text
    assert "C19TRY, closes" in text
    assert "8 pairs with fewer trades are not drawn" in text
    assert sum(one["name"].startswith("price-") for one in data_of(page)["charts"]) == 12


def test_instants_between_seconds_and_very_many_refusals() -> None:
    """Times keep their milliseconds; more kinds of refusals than fit are counted."""
    times = [MIDNIGHT_MS + 1, MIDNIGHT_MS + 60_001]
    run = made_run([100, 101], times_ms=times)
    many = [refusal(times[0], code=f"code-{at}") for at in range(205)]
    late = replace(
        run,
        refusals=(*many, refusal(times[1] + 10**9), refusal(0)),
        capital=(CapitalPoint(times[1] + 1, Decimal(1), Decimal(0)),),
    )
    page = page_of(late)
    charts = {one["name"]: one for one in data_of(page)["charts"]}
    assert charts["equity"]["x"] == [times[0] / 1000, times[1] / 1000]
    assert sum(charts["refusals"]["series"][0]["values"]) == 207
    assert "6 more kinds are left out." in Reader(page).text
    one_price = PriceColumn(BTCTRY, 2, [100, 101])
    curve = EquityCurve(times, [100, 101], 0)
    drawn = price_chart(replace(run, equity=curve, prices=(one_price,)), one_price, "p")
    assert drawn["series"][0]["values"] == [1, 1.01]


def test_an_unknown_time_zone_is_refused() -> None:
    """The error says what to name instead."""
    run = made_run([100, 101])
    for zone in ("Mars/Olympus", "/etc/passwd"):
        with pytest.raises(ConfigurationError, match="no time zone"):
            page_of(run, zone=zone)


# --- heat maps


def test_a_heat_map_shows_each_value_and_the_best() -> None:
    """A cell for each pair of parameters, its number in it, its color by sign and size."""
    page = heat_map_page(
        [6, HOSTILE],
        [24, 48, 96],
        [[1.0, 0.5, None], [-1.0, 0.0, -0.01]],
        title=HOSTILE,
        row_name="fast",
        column_name=HOSTILE,
        value_name="Sharpe",
        labels=("Made up.",),
    )
    read = Reader(page)
    kinds = [one.get("class") for tag, one in read.elements if tag == "td"][1:]
    assert kinds == ["up-8 best", "up-4", None, "down-8", "even", "even"]
    assert "best of 5 tries" in read.text
    assert "n/a" in read.text
    assert read.text.count(HOSTILE) >= 2
    assert "<script" not in page
    assert "script-src 'none'" in page


def test_a_heat_map_of_nothing_and_one_that_does_not_fit() -> None:
    """Without a value there is no best; a wrong number of values is refused."""
    named = {"title": "t", "row_name": "r", "column_name": "c", "value_name": "v"}
    assert "Read this first" not in heat_map_page([1], [1], [[None]], **named)
    with pytest.raises(ConfigurationError, match="1 x 2 cells"):
        heat_map_page([1], [1, 2], [[1.0]], **named)
    with pytest.raises(ConfigurationError, match="2 x 1 cells"):
        heat_map_page([1, 2], [1], [[1.0]], **named)


# --- the vendored library


def test_the_chart_library_is_the_version_its_page_names() -> None:
    """The file says of itself which version it is; the licence lies beside it."""
    script = page_file("chart_library/uPlot.iife.min.js")
    found = re.match(r"/\*! https://github\.com/leeoniya/uPlot \(v([\d.]+)\) \*/", script)
    assert found is not None
    assert f"# uPlot {found[1]}\n" in page_file("chart_library/README.md")
    assert page_file("chart_library/LICENSE-uPlot").startswith("The MIT License (MIT)")
