"""The README: its two commands, its code, its names and its links."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import btcturk_kit
from btcturk_kit import (
    Asset,
    BarColumns,
    CycleContext,
    HookGateway,
    MarketFrame,
    PairRules,
    Profile,
    Side,
    Symbol,
    load_plugins,
)
from btcturk_kit.sandbox import ClockKind, SandboxProcess

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_two_commands_are_these() -> None:
    """The shell blocks are exactly the two commands that a fresh machine needs."""
    assert blocks("bash") == [
        "python -m pip install '.[sandbox]' && btcturk-kit quickstart\n",
        "python -m pip install nox && nox\n",
    ]


def test_the_summary_shown_has_the_labels_of_the_real_one() -> None:
    """The summary in the text has every line that `quickstart` prints, in its order."""
    run = subprocess.run(
        [sys.executable, "-m", "btcturk_kit", "quickstart", "--cycles", "2"],
        capture_output=True,
        text=True,
        check=True,
    )
    shown, printed = (
        re.findall(r"^ *(\S.*?)  +\S", text, re.MULTILINE)
        for text in (blocks("text")[0], run.stdout)
    )
    assert shown == printed
    assert len(shown) > 10


def test_the_client_example_runs() -> None:
    """The client example talks to whatever exchange the environment names."""
    with SandboxProcess(clock=ClockKind.REAL) as address:
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", blocks("python")[0]],
            env={**os.environ, "BTCTURK_KIT_REST_URL": address.rest},
            capture_output=True,
            text=True,
            check=True,
        )
    assert re.fullmatch(r"best bid \d+, best ask \d+\n", run.stdout)


def test_the_test_of_a_bot_passes() -> None:
    """The block about the local exchange is a test that passes, by itself."""
    module: dict[str, Any] = {}
    exec(compile(blocks("python")[2], "README.md", "exec", dont_inherit=True), module)  # noqa: S102 - it is our own text
    asyncio.run(module["test_my_bot"]())


def test_the_strategy_example_is_a_plug_in() -> None:
    """The strategy registers, buys after a falling bar and not after a rising one."""
    module = ModuleType("dip")
    exec(compile(blocks("python")[1], "README.md", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - it is our own text
    offer = HookGateway(load_plugins([], extra={"dip": module})).strategies()["dip"]
    symbol = Symbol("BTCTRY")
    columns = BarColumns(
        symbol=symbol,
        price_scale=0,
        volume_scale=0,
        **dict.fromkeys(("open", "high", "low", "volume", "bid", "ask"), (10, 10)),
        close=(11, 9),
    )
    rules = {
        symbol: PairRules(
            symbol=symbol, base=Asset("BTC"), quote=Asset("TRY"), price_scale=0, quantity_scale=8
        )
    }
    context = CycleContext(
        rules, Profile(account="a", symbols=(symbol,), day_end=lambda now_ms: now_ms + 1)
    )
    context.enter(MarketFrame(times_ms=(1, 2), bars=(columns,)))
    context.refresh(_NO_BOOKS, mode=btcturk_kit.RiskMode.NORMAL, balances=None)
    strategy = offer.factory(offer.parameters(), symbol)
    view = btcturk_kit.BarView(columns)
    strategy.on_bar(view)  # type: ignore[attr-defined]  # an optional method of the protocol
    assert list(strategy.propose(context)) == []
    view._index = 1
    strategy.on_bar(view)  # type: ignore[attr-defined]  # as above
    (intent,) = strategy.propose(context)
    assert (intent.side, intent.quote_amount) == (Side.BUY, Decimal(1_000))


class _NoBooks:
    """Books in which nothing stands yet."""

    ledger = btcturk_kit.Ledger()
    positions: dict[Asset, btcturk_kit.Position] = {}  # noqa: RUF012 - read only
    capital = btcturk_kit.CapitalState(account="a", trading_capital_try=Decimal(10_000))
    orders: dict[btcturk_kit.ClientOrderId, btcturk_kit.Order] = {}  # noqa: RUF012 - read only


_NO_BOOKS = _NoBooks()


def test_every_name_of_the_map_can_be_imported() -> None:
    """The map of the blocks names what the package exports."""
    rows = re.findall(r"^\| [^|]+ \| (`[^|]+`) \|", README, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(names) > 20
    assert set(names) <= set(btcturk_kit.__all__)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https:)([^)#]+)", README))))
def test_every_link_leads_somewhere(target: str) -> None:
    """A link within the repository names a file that is there."""
    assert (ROOT / target).is_file()
