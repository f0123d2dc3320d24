"""A plug-in that somebody else wrote and installed: found by its entry point, loaded by its name.

The package is a real distribution on the path of another interpreter: nothing is patched here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

SOURCE = '''
"""A strategy and a guard of somebody else."""

from dataclasses import dataclass
from decimal import Decimal

from btcturk_kit import (
    ALLOW, Intent, OrderType, Review, Side, StrategyDefinition, Verdict, hookimpl
)


@dataclass(frozen=True)
class Parameters:
    """What can be set.

    Attributes:
        spend_try: What each purchase spends.
    """

    spend_try: Decimal = Decimal(500)


class Eager:
    """Buys whenever it can."""

    def __init__(self, parameters, symbol):
        self.parameters, self.symbol = parameters, symbol

    def propose(self, context):
        if context.is_working(self.symbol) or context.is_holding(self.symbol):
            return ()
        return (
            Intent("eager", self.symbol, Side.BUY, OrderType.MARKET,
                   quote_amount=self.parameters.spend_try),
        )

    def dump_state(self):
        return ""

    def load_state(self, text):
        pass


@hookimpl
def kit_define_strategy():
    return StrategyDefinition(Parameters, Eager)


@hookimpl
def kit_review_order(proposal):
    return Review(Verdict.DENY, reason="too dear") if proposal.price > 900_000 else ALLOW
'''

RUN = """
import asyncio, json, sys
from decimal import Decimal

from btcturk_kit.adapters.datasets import FrameMarketData
from btcturk_kit.adapters.file_lock import NoInstanceLock
from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.simulated_venue import SimulatedVenue
from btcturk_kit.compose.kits import build_kit
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import BarColumns, MarketFrame
from btcturk_kit.hooks.loading import available_plugins
from btcturk_kit.runtime.cycle_runner import CycleRunner
from btcturk_kit.settings import Settings
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1
from btcturk_kit.simulation.oms import OmsSimulator

names = available_plugins()
was_imported = "eager_plugin" in sys.modules
symbol, base, quote = Symbol("BTCTRY"), Asset("BTC"), Asset("TRY")
rules = {symbol: PairRules(symbol=symbol, base=base, quote=quote, price_scale=0, quantity_scale=8)}
settings = Settings(
    _env_file=None, strategies="eager", guards="", parameters={"eager": {"spend_try": "700"}}
)
kit = build_kit(settings, "main", rules)
closes = [1_000_000, 1_000_000, 800_000, 800_000, 800_000]
column = dict.fromkeys(("open", "high", "low", "close", "bid", "ask"), closes)
columns = BarColumns(
    symbol=symbol, price_scale=0, volume_scale=0, volume=[1000] * 5, **column
)
frame = MarketFrame(times_ms=[1_700_000_000_000 + 60_000 * at for at in range(5)], bars=(columns,))
oms = OmsSimulator(rules, BTCTRY_LEVEL_1, {quote: Decimal(10_000)})
store = MemoryStateStore(account="main")
runner = CycleRunner(
    kit=kit, market=FrameMarketData(frame, rules), venue=SimulatedVenue(oms), store=store,
    lock=NoInstanceLock(),
)
report = asyncio.run(runner.run())
fills = oms.fills_since(0)
print(json.dumps({
    "names": names,
    "was_imported": was_imported,
    "fills": [[str(one.price), str(one.notional + one.fee + one.tax)] for one in fills],
    "loaded": sorted(name for name in sys.modules if name == "eager_plugin"),
}))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an installed distribution: its module and its metadata."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "eager_plugin.py").write_text(SOURCE, "utf-8")
    (folder / "broken_plugin.py").write_text("raise RuntimeError('no licence')\n", "utf-8")
    metadata = folder / "eager_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: eager-plugin\nVersion: 1.0\n")
    points = "[btcturk_kit]\neager = eager_plugin\nbroken = broken_plugin\nmissing = not_there\n"
    (metadata / "entry_points.txt").write_text(points, "utf-8")
    return folder


def run(site: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter that has this folder on its path."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(site)!r})\n{dedent(program)}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_installed_plugin_is_found_loaded_and_trades(site: Path) -> None:
    """Its strategy runs with the parameters of the settings, its guard reviews every order."""
    done = run(site, RUN)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert "eager" in result["names"]
    assert not result["was_imported"]  # looking at what is installed imports nothing
    assert result["loaded"] == ["eager_plugin"]
    ((price, paid),) = result["fills"]  # its guard denied the purchases at a million
    assert price == "800000"
    assert 699 < float(paid) <= 700


def test_an_installed_plugin_that_is_not_named_stays_out(site: Path) -> None:
    """Nothing is loaded that the allow-list does not name: not even imported."""
    program = """
    from btcturk_kit.hooks.loading import load_plugins
    manager = load_plugins(["trend"])
    assert [name for name, _ in manager.list_name_plugin()] == ["trend"]
    assert "eager_plugin" not in sys.modules
    """
    done = run(site, program)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "words"), [("broken", "no licence"), ("missing", "not_there")])
def test_a_plugin_that_cannot_be_imported_stops_the_start(
    site: Path, name: str, words: str
) -> None:
    """The culprit is named, with its own words, and the exit code is that of plug-ins."""
    program = f"""
    from btcturk_kit.errors import PluginError
    from btcturk_kit.hooks.loading import load_plugins
    try:
        load_plugins(["{name}"])
    except PluginError as error:
        print(error.plugin, error.exit_code, error.message)
    """
    done = run(site, program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name} 3 ")
    assert words in done.stdout


def test_a_name_installed_by_two_distributions_is_refused(site: Path, tmp_path: Path) -> None:
    """Which of the two would trade is not left to chance."""
    metadata = tmp_path / "other_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[btcturk_kit]\neager = other_plugin\n", "utf-8")
    program = f"""
    sys.path.append({str(tmp_path)!r})
    from btcturk_kit.errors import PluginError
    from btcturk_kit.hooks.loading import load_plugins
    try:
        load_plugins(["eager"])
    except PluginError as error:
        print(error.message)
    """
    done = run(site, program)
    assert done.returncode == 0, done.stderr
    assert "two distributions" in done.stdout
