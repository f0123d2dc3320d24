"""The recipes of the documentation, followed to the letter on a local exchange."""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.commands import unmeasured

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
READY_S_MAX = 30.0


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of one language on one page."""
    text = (HOWTO / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Terminal:
    """A directory and an environment in which a reader types what a page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {
            name: value
            for name, value in unmeasured(os.environ).items()
            if not name.startswith("BTCTURK_")
        }
        binaries = str(Path(sys.executable).parent)
        self.environment = {
            **kept,
            "PATH": os.pathsep.join([binaries, kept.get("PATH", "")]),
            "XDG_STATE_HOME": str(folder / "state"),
        }

    def type(self, script: str) -> str:
        """Run a script and return what it prints; it must succeed."""
        run = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def leave_running(self, script: str) -> subprocess.Popen[bytes]:
        """Start a script of one command and return while it runs."""
        return subprocess.Popen(
            ["bash", "-c", f"exec {script}"],
            cwd=self.folder,
            env=self.environment,
            stderr=subprocess.DEVNULL,
        )


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Follow the first recipe up to the settings file: an exchange runs, the bot can start."""
    place = Terminal(tmp_path)
    serve, configure, *_ = blocks("run-against-the-local-exchange.md", "bash")
    exchange = place.leave_running(serve)
    try:
        ready = tmp_path / "exchange.json"
        deadline_s = time.monotonic() + READY_S_MAX
        while not (ready.is_file() and ready.read_text().endswith("\n")):
            assert exchange.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        place.type(configure)
        yield place
    finally:
        exchange.terminate()
        exchange.wait()


def test_a_bot_runs_in_the_other_terminal_and_its_books_can_be_read(terminal: Terminal) -> None:
    """The recipe's bot trades, and both Python recipes for the books read its state file."""
    run = blocks("run-against-the-local-exchange.md", "bash")[2]
    said = terminal.type(run)
    assert "equal to the last digit" in said
    assert re.search(r"cycles +200\n", said)
    books, query = blocks("read-the-books.md", "python")
    assert "treasury" in terminal.type(f"python - <<'END'\n{books}END")
    assert len(terminal.type(f"python - <<'END'\n{query}END").splitlines()) == 5
    tables = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \|", (HOWTO / "read-the-books.md").read_text(), re.MULTILINE
    )
    with closing(sqlite3.connect(terminal.folder / "bot.sqlite3")) as file:
        existing = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    assert {name for row in tables for name in re.findall(r"\w+", row)} <= existing


def test_a_killed_bot_goes_on(terminal: Terminal) -> None:
    """The recipe's kill -9 costs nothing: the next run's books equal the exchange's."""
    (crash,) = blocks("recover-after-a-crash.md", "bash")
    said = terminal.type(crash)
    assert "equal to the last digit" in said
    assert re.search(r"cycles +20\n", said)


def test_a_strategy_of_ones_own_trades(terminal: Terminal) -> None:
    """The recipe's package is found by its entry point, takes its parameters and trades."""
    page = "write-a-strategy.md"
    site = terminal.folder / "site"
    # What `pip install` would write, without asking an index for the build backend.
    (project,) = blocks(page, "toml")
    described = tomllib.loads(project)
    ((group, points),) = described["project"]["entry-points"].items()
    installed = site / "my_reversion-0.1.0.dist-info"
    installed.mkdir(parents=True)
    lines = [f"{name} = {value}" for name, value in points.items()]
    (installed / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['project']['name']}\nVersion: 0.1.0\n"
    )
    (site / "reversion.py").write_text(blocks(page, "python")[0])
    terminal.environment["PYTHONPATH"] = str(site)
    with (terminal.folder / ".env.live").open("a") as settings:
        settings.write(blocks(page, "ini")[0])
    said = terminal.type(blocks("run-against-the-local-exchange.md", "bash")[2])
    assert "equal to the last digit" in said
    with closing(sqlite3.connect(terminal.folder / "bot.sqlite3")) as file:
        assert list(file.execute("SELECT strategy FROM strategy_states")) == [("reversion:BTCTRY",)]
        sides = [side for (side,) in file.execute("SELECT side FROM fills WHERE is_own = 1")]
        anomalies = list(file.execute("SELECT detail FROM anomalies"))
    assert anomalies == []
    assert {"buy", "sell"} <= set(sides)


def test_a_flight_is_recorded_and_replayed(tmp_path: Path) -> None:
    """The recipe records time and balances, reads them from a whole file; no key is in it."""
    place = Terminal(tmp_path)
    script = "\n".join(blocks("record-a-flight.md", "python"))
    said = place.type(f"python -W error - <<'END'\n{script}END").splitlines()
    asked = ["Requested", "Responded"]
    assert [line.split()[1] for line in said[:-1]] in (
        ["Started", *asked, *asked, "Ended"],
        # A first answer that took long, on a busy machine, is asked for again.
        ["Started", *asked, *asked, *asked, "Ended"],
    )
    assert said[-1] == "the file is whole"
    assert b"[hidden]" in gzip.decompress((tmp_path / "flight.jsonl.gz").read_bytes())


def test_a_client_of_another_library_fits_behind_the_port(tmp_path: Path) -> None:
    """The recipe's adapter sends; the library stands in for its predecessor of the same shape."""
    (script,) = blocks("bring-your-own-http.md", "python")
    assert "\nimport httpx\n" in script
    script = script.replace("\nimport httpx\n", "\nimport httpx2 as httpx\n")
    assert Terminal(tmp_path).type(f"python -W error - <<'END'\n{script}END") == "1000\n"


def test_minutes_without_trades_are_told_from_unknown_ones(tmp_path: Path) -> None:
    """The recipe joins history and stream of an hour, and every minute of it is known."""
    script = "\n".join(blocks("tell-no-trade-from-no-data.md", "python"))
    said = Terminal(tmp_path).type(f"python -W error - <<'END'\n{script}END")
    found = re.fullmatch(r"(\d+) minutes with trades, (\d+) without, 0 unknown\n", said)
    assert found is not None
    assert min(int(found[1]), int(found[2])) > 10
    assert int(found[1]) + int(found[2]) == 60


def test_the_page_a_raw_tool_and_a_file_of_ones_own(terminal: Terminal) -> None:
    """The recipe's link opens the page, curl gets a ticker, a small file of trades is taken."""
    link, ticker, file = blocks("run-against-the-local-exchange.md", "bash")[3:]
    address, _, token = terminal.type(link).strip().partition("#token=")
    found = json.loads((terminal.folder / "exchange.json").read_text())
    assert (address, token) == (f"{found['control']}/", found["control_token"])
    assert json.loads(terminal.type(ticker))["data"][0]["pair"] == "BTCTRY"
    assert json.loads(terminal.type(file))["clock"] == "virtual"


def test_an_exchange_is_opened_from_python(tmp_path: Path) -> None:
    """Both Python blocks of the first recipe run by themselves."""
    process, in_loop = blocks("run-against-the-local-exchange.md", "python")
    place = Terminal(tmp_path)
    said = place.type(f"python -W error - <<'END'\n{process}END")
    assert said.startswith("http://127.0.0.1:")
    said = place.type(f"python -W error - <<'END'\n{in_loop}END")
    assert said.endswith("['open', 'restart', 'restart']\n")


def test_the_tests_of_the_recipe_pass(tmp_path: Path) -> None:
    """The recipe's blocks, one below the other, are a file of tests that passes."""
    code = "\n\n".join(blocks("test-against-the-local-exchange.md", "python"))
    (tmp_path / "test_my_bot.py").write_text(code, "utf-8")
    run = "python -m pytest -q -W error -p no:cacheprovider test_my_bot.py"
    assert f"{code.count('def test_')} passed" in Terminal(tmp_path).type(run)
