"""The plug-in as a user's pytest runs it: its fixtures, and what it costs who does not use it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

USERS_TESTS = """
import asyncio
from decimal import Decimal

import pytest

from btcturk_kit import BtcturkClient, ClientOrderId, MarketBuy, Symbol
from btcturk_kit.sandbox import ClockKind


def test_a_buy(btcturk_client, btcturk_control):
    async def main():
        async with btcturk_client() as client:
            order = MarketBuy(Symbol("BTCTRY"), Decimal(500))
            await client.submit(order, client_order_id=ClientOrderId("one"))

    asyncio.run(main())
    assert len(btcturk_control.truth()["trades"]) == 1
    assert [one["op"] for one in btcturk_control.history()][:2] == ["open", "submit"]


def test_every_test_has_an_exchange_of_its_own(btcturk_control, btcturk_address):
    assert btcturk_control.truth()["trades"] == []
    assert btcturk_address.clock == "virtual"


class TestARealClock:
    @pytest.fixture
    def btcturk_options(self):
        return {"clock": ClockKind.REAL}

    def test_the_environment_points_there(self, btcturk_environ, btcturk_address):
        assert btcturk_environ["BTCTURK_KIT_REST_URL"] == btcturk_address.rest

        async def main():
            async with BtcturkClient.from_env(btcturk_environ) as client:
                return {one.asset for one in await client.balances()}

        assert asyncio.run(main()) == {"TRY", "BTC"}


class TestOtherOptions:
    @pytest.fixture
    def btcturk_options(self):
        return {"balances": {"BTC": 2}, "ports": 1}

    def test_they_hold_here(self, btcturk_control, btcturk_address, btcturk_exchange):
        assert btcturk_control.truth()["balances"]["BTC"]["free"] == "2"
        assert btcturk_address.rest == btcturk_address.graph
        assert btcturk_exchange.environ()["BTCTURK_API_KEY"] == btcturk_address.api_key
"""

WITHOUT_THE_EXTRA = """
import sys

sys.modules["uvicorn"] = None


def test_it(btcturk_exchange):
    pass


def test_other_things_go_on():
    pass
"""


def run(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a user's tests in a pytest of their own."""
    (folder / "test_mine.py").write_text(code, "utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_fixtures_serve_users_tests(tmp_path: Path) -> None:
    """Client, control, environment, options: all of it without a word in the user's settings."""
    done = run(tmp_path, USERS_TESTS)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_fixtures_are_listed_with_a_sentence(tmp_path: Path) -> None:
    """`pytest --fixtures` tells what each is for."""
    done = run(tmp_path, "", "--fixtures")
    for name in ("address", "client", "control", "environ", "exchange", "options"):
        assert f"btcturk_{name} -- " in done.stdout
    assert "no docstring available" not in done.stdout.partition("btcturk_kit")[2]


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path) -> None:
    """The test that wants an exchange fails with it, others go on."""
    done = run(tmp_path, WITHOUT_THE_EXTRA)
    assert "1 passed, 1 error" in done.stdout, done.stdout
    assert "needs more packages: pip install 'btcturk-kit[sandbox]'" in done.stdout
    assert "Traceback" not in done.stdout
    assert "During handling" not in done.stdout
    assert "ModuleNotFoundError" not in done.stdout


def test_loading_it_imports_next_to_nothing() -> None:
    """Of the kit only the lazy package; none of the libraries that an exchange needs."""
    code = (
        "import sys\n"
        "import pytest\n"
        "before = set(sys.modules)\n"
        "import btcturk_kit.testing.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert set(done.stdout.split()) <= {
        "btcturk_kit",
        "btcturk_kit.testing",
        "btcturk_kit.testing.pytest_plugin",
        "logging",
    }


def test_pytest_finds_it_by_its_entry_point() -> None:
    """The distribution names it, once."""
    (found,) = entry_points(group="pytest11", name="btcturk_kit")
    assert found.value == "btcturk_kit.testing.pytest_plugin"


def test_no_fixture_is_used_by_itself(request: pytest.FixtureRequest) -> None:
    """Nobody gets an exchange who did not ask for one."""
    assert not [name for name in request.fixturenames if name.startswith("btcturk")]
