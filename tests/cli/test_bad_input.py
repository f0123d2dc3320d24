"""Bad input of every command: one clear line, the documented exit code, and nothing half done."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import (
    COMMAND,
    QUICK_TREND,
    called,
    document_of,
    environment,
    exchange,
    finished,
    one_line_error,
    stage4,
    truth_of,
)
from tests.recovery.evidence import books_of, contradictions

from btcturk_kit.sandbox import ClockKind, SandboxAddress

NOBODY = "http://127.0.0.1:9"
KEYS = {"BTCTURK_API_KEY": "k", "BTCTURK_API_SECRET": "QUFBQQ=="}
PAYLOAD = Path(__file__).parents[1] / "wire" / "payloads" / "exchangeinfo.json"


@pytest.fixture(scope="module")
def address() -> Iterator[SandboxAddress]:
    """Return a local exchange on which no order is placed."""
    with exchange() as found:
        yield found


@pytest.fixture(scope="module")
def listing() -> Iterator[str]:
    """Return the address of a server that lists the recorded pairs, and knows nothing else."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = PAYLOAD.read_bytes() if self.path.endswith("exchangeinfo") else b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run_stage4(
    folder: Path, env: dict[str, str], *more: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run one cycle of the bot with `--json`."""
    return called("stage4-run", "--json", "--db", folder / "state.db", *more, env=env, cwd=folder)


@pytest.mark.parametrize(
    ("settings", "code", "error", "text"),
    [
        ({"BTCTURK_API_SECRET": "no base64!"}, 3, "ConfigurationError", "secret is not base64"),
        ({"BTCTURK_API_KEY": ""}, 3, "ConfigurationError", "BTCTURK_API_KEY is not set"),
        ({"BTCTURK_API_SECRET": ""}, 3, "ConfigurationError", "BTCTURK_API_SECRET is not set"),
        (dict.fromkeys(KEYS, ""), 3, "ConfigurationError", "BTCTURK_API_KEY is not set"),
        ({"BTCTURK_API_KEY": "k\u00e9y"}, 3, "ConfigurationError", "the API key"),
        ({"BTCTURK_KIT_KILL_SWITCH": "1"}, 8, "GuardBlocked", "the kill switch is on"),
        ({"BTCTURK_KIT_FREEZE_ALL": "1"}, 8, "GuardBlocked", "freeze_all is on"),
        ({"BTCTURK_KIT_CYCLE_SECONDS": "0"}, 3, "ConfigurationError", "BTCTURK_KIT_CYCLE_SECONDS"),
        ({"BTCTURK_KIT_SYMBOLS": ","}, 3, "ConfigurationError", "BTCTURK_KIT_SYMBOLS: name at"),
        ({"BTCTURK_KIT_PARAMETERS": "{"}, 3, "ConfigurationError", "parameters"),
        ({"BTCTURK_KIT_DAY_ZONE": "Atlantis"}, 3, "ConfigurationError", "is not a time zone"),
        (
            {"BTCTURK_KIT_REST_URL": "nonsense"},
            3,
            "ConfigurationError",
            "does not start with https:// and a host",
        ),
        ({"BTCTURK_KIT_REST_URL": NOBODY + "/"}, 3, "ConfigurationError", "end after the host"),
        ({"BTCTURK_KIT_CONTROL_URL": NOBODY}, 4, "TransportError", "was not sent"),
    ],
)
def test_settings_that_cannot_be(
    tmp_path: Path, settings: dict[str, str], code: int, error: str, text: str
) -> None:
    """Nothing is made before the settings are right: no state file, no directory."""
    env = environment(tmp_path, **{"BTCTURK_KIT_REST_URL": NOBODY, **KEYS, **settings})
    line, hint = one_line_error(run_stage4(tmp_path, env), exit_code=code, code=error)
    assert text in line
    assert hint
    assert list(tmp_path.iterdir()) == []


def test_an_exchange_that_is_not_there(tmp_path: Path) -> None:
    """The attempts are told as warnings of the log, the end as one line that names the address."""
    env = environment(tmp_path, BTCTURK_KIT_REST_URL=NOBODY, **KEYS)
    run = run_stage4(tmp_path, env)
    lines = [line for line in run.stderr.splitlines() if "[warning" not in line]
    assert (run.returncode, len(lines)) == (4, 1)
    assert lines[0].startswith("error: ")
    assert NOBODY in lines[0]
    assert document_of(run)["error"]["code"] == "TransportError"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "code", "error", "text"),
    [
        ({}, 3, "ConfigurationError", "live_trading is off; live_trading_ack is not I_UNDERSTAND"),
        (
            {"BTCTURK_KIT_LIVE_TRADING": "1", "BTCTURK_KIT_LIVE_TRADING_ACK": "I_UNDERSTAND"},
            3,
            "ConfigurationError",
            "no doctor has passed",
        ),
        ({"BTCTURK_KIT_KILL_SWITCH": "1"}, 8, "GuardBlocked", "the kill switch is on"),
    ],
)
def test_the_real_exchange_is_refused_before_a_byte_leaves(
    tmp_path: Path, settings: dict[str, str], code: int, error: str, text: str
) -> None:
    """Whatever is armed: not a name is looked up, not a connection begun."""
    watched = (
        "import sys\n"
        "from pathlib import Path\n"
        "def watch(event, arguments):\n"
        "    if event in {'socket.getaddrinfo', 'socket.connect', 'socket.sendto'}:\n"
        "        Path('traffic').touch()\n"
        "sys.addaudithook(watch)\n"
        "from btcturk_kit.__main__ import main\n"
        "main()\n"
    )
    env = environment(tmp_path, BTCTURK_KIT_DRY_RUN="false", **KEYS, **settings)
    run = subprocess.run(
        [sys.executable, "-c", watched, "stage4-run", "--json", "--db", "state.db"],
        env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    line, _ = one_line_error(run, exit_code=code, code=error)
    assert "https://api.btcturk.com" in line
    assert text in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"BTCTURK_KIT_SYMBOLS": "BTCTYR"}, "UnknownSymbolError", "did you mean BTCTRY?"),
        ({"BTCTURK_KIT_STRATEGIES": "trent"}, "ConfigurationError", "'trent' is not installed"),
        (
            {"BTCTURK_KIT_STRATEGIES": "spread-guard"},
            "ConfigurationError",
            "'spread-guard' offers no strategy",
        ),
        (
            {"BTCTURK_KIT_PARAMETERS": '{"trend": {"fast": 1}}'},
            "ConfigurationError",
            "'trend' has no parameter 'fast'",
        ),
        (
            {"BTCTURK_KIT_PARAMETERS": '{"trend": {"fast_bars": "six"}}'},
            "ConfigurationError",
            "fast_bars",
        ),
        (
            {"BTCTURK_KIT_PARAMETERS": '{"trend": {"fast_bars": 9, "slow_bars": 9}}'},
            "ConfigurationError",
            "fast_bars 9 and slow_bars 9",
        ),
        ({"BTCTURK_KIT_TRADING_RATIO": "0.7"}, "ConfigurationError", "0.7"),
        ({"BTCTURK_KIT_CONTROL_TOKEN": "wrong"}, "ConfigurationError", "control token"),
    ],
)
def test_choices_the_exchange_or_a_plugin_does_not_know(
    tmp_path: Path, address: SandboxAddress, settings: dict[str, str], error: str, text: str
) -> None:
    """They are found before there is a state file."""
    run = run_stage4(tmp_path, environment(tmp_path, address, **settings))
    line, _ = one_line_error(run, exit_code=3, code=error)
    assert text in line
    assert not (tmp_path / "state.db").exists()


@pytest.mark.parametrize(
    ("symbol", "error", "text"),
    [
        ("ETHUSDT", "ConfigurationError", "ETHUSDT is quoted in USDT"),
        ("BTCTRYY", "UnknownSymbolError", "did you mean BTCTRY"),
        ("XYZ", "UnknownSymbolError", "check the spelling"),
    ],
)
def test_pairs_of_the_real_listing(
    tmp_path: Path, listing: str, symbol: str, error: str, text: str
) -> None:
    """A pair that is not quoted in TRY is refused, an unknown one never replaced."""
    env = environment(tmp_path, BTCTURK_KIT_REST_URL=listing, BTCTURK_KIT_SYMBOLS=symbol, **KEYS)
    line, _ = one_line_error(run_stage4(tmp_path, env), exit_code=3, code=error)
    assert text in line
    assert not (tmp_path / "state.db").exists()


def test_keys_the_exchange_does_not_know(tmp_path: Path, address: SandboxAddress) -> None:
    """The exchange's refusal ends the run with its own code, and no account is opened."""
    run = run_stage4(tmp_path, environment(tmp_path, address, BTCTURK_API_SECRET="QkJCQg=="))
    one_line_error(run, exit_code=4, code="AuthenticationError")
    shown = called(
        "ledger", "show", "--json", "--db", tmp_path / "state.db",
        env=environment(tmp_path), cwd=tmp_path,
    )  # fmt: skip
    line, hint = one_line_error(shown, exit_code=3, code="ConfigurationError")
    assert "holds no account yet" in line
    assert hint


def test_the_clock_of_an_exchange_on_real_time(tmp_path: Path) -> None:
    """Nobody can advance it: said before anything is decided. On the machine's clock it works."""
    with exchange(clock=ClockKind.REAL) as address:
        run = run_stage4(tmp_path, environment(tmp_path, address))
        _, hint = one_line_error(run, exit_code=3, code="ConfigurationError")
        assert "BTCTURK_KIT_CONTROL_URL" in hint
        assert not (tmp_path / "state.db").exists()
        env = environment(tmp_path, address, BTCTURK_KIT_CONTROL_URL="")
        env["BTCTURK_KIT_CYCLE_SECONDS"] = "0.2"
        for _ in range(2):
            found = document_of(run_stage4(tmp_path, env, "--max-cycles", "3"))
            assert found["cycles"] == 3
            assert found["ledger_balanced"] is True
            assert set(found["exchange_difference"].values()) == {"0"}


def test_more_capital_than_there_is(tmp_path: Path, address: SandboxAddress) -> None:
    """The bot is not given what the account does not hold."""
    env = environment(tmp_path, address, BTCTURK_KIT_TRADING_CAPITAL_TRY="100000.01")
    line, _ = one_line_error(run_stage4(tmp_path, env), exit_code=3, code="ConfigurationError")
    assert "100000.01" in line


def test_a_setting_nobody_has_is_reported(tmp_path: Path, address: SandboxAddress) -> None:
    """A misspelled name is a warning, from environment and file, and the run goes on."""
    (tmp_path / "mine.env").write_text("BTCTURK_KIT_SYMBOL=BTCTRY\n", "utf-8")
    env = environment(tmp_path, address, BTCTURK_KIT_CYCLE_SECOND="1")
    run = run_stage4(tmp_path, env, "--env-file", "mine.env")
    assert run.returncode == 0
    warnings = [line for line in run.stderr.splitlines() if line.startswith("warning: ")]
    assert warnings == [
        "warning: BTCTURK_KIT_CYCLE_SECOND is not a setting",
        "warning: BTCTURK_KIT_SYMBOL is not a setting",
    ]
    assert document_of(run)["cycles"] == 1


def test_a_settings_file_that_is_not_there(tmp_path: Path) -> None:
    """A named dotenv file has to exist."""
    run = run_stage4(tmp_path, environment(tmp_path, **KEYS), "--env-file", "nowhere.env")
    line, _ = one_line_error(run, exit_code=3, code="ConfigurationError")
    assert "nowhere.env" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("stage4-run", "--once", "--loop"),
        ("stage4-run", "--once", "--max-cycles", "3"),
        ("stage4-run", "--max-cycles", "0"),
        ("stage4-run", "--cycle-seconds", "soon"),
        ("quickstart", "--cycles", "0"),
        ("quickstart", "--seed", "x"),
        ("sandbox", "serve", "--port", "70000"),
        ("ledger", "show"),
        ("capital", "show"),
        ("no-such-command",),
    ],
)
def test_wrong_use_of_the_command_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Exit code 2, an explanation on standard error, nothing on standard output."""
    run = called(*arguments, env=environment(tmp_path, **KEYS), cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert "Usage:" in run.stderr
    assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == []


# ---- one account, one instance


def test_a_second_instance_is_turned_away(tmp_path: Path) -> None:
    """It names the first by its process, whatever state file it has, and the first goes on."""
    with exchange() as address:
        env = environment(tmp_path, address)
        with subprocess.Popen(
            [*COMMAND, "stage4-run", "--loop", "--db", str(tmp_path / "first.db")],
            env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as first:  # fmt: skip
            assert first.stderr is not None
            first.stderr.readline()
            while not list((tmp_path / "state").rglob("*.owner")):
                assert first.poll() is None
            for name in ("first.db", "second.db"):
                run = called("stage4-run", "--json", "--db", tmp_path / name, env=env, cwd=tmp_path)
                line, hint = one_line_error(run, exit_code=7, code="LockHeld")
                assert f"process {first.pid}" in line
                assert str(first.pid) in hint
            assert first.poll() is None
            first.terminate()
            assert first.wait(30) == 143
        assert stage4(tmp_path, address, tmp_path / "first.db", 1)["ledger_balanced"]
        assert contradictions(books_of(tmp_path / "first.db"), truth_of(address)) == []


# ---- state files


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, address: SandboxAddress) -> Path:
    """Return a state file that a bot left after two hours."""
    folder = tmp_path_factory.mktemp("good")
    stage4(folder, address, folder / "state.db", 2)
    return folder / "state.db"


def _newer(db: Path) -> None:
    with closing(sqlite3.connect(db)) as file, file:
        file.execute("INSERT INTO migrations VALUES (999, 'from the future', 'x')")


def _garbage(db: Path) -> None:
    db.write_bytes(b"not a database, but long enough to be taken for one" * 100)


def _torn(db: Path) -> None:
    data = db.read_bytes()
    db.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


def _foreign(db: Path) -> None:
    with closing(sqlite3.connect(db)) as file, file:
        file.execute("UPDATE meta SET account = 'somebody'")


def _tampered(db: Path) -> None:
    with closing(sqlite3.connect(db)) as file, file:
        file.execute(
            "UPDATE ledger_balances SET amount = '99999' WHERE (asset, account) = ('TRY', 'bot')"
        )


STATES = {
    "newer": (_newer, 7, "SchemaTooNew"),
    "garbage": (_garbage, 7, "StoreCorrupt"),
    "torn": (_torn, 7, "StoreCorrupt"),
    "tampered": (_tampered, 7, "StoreCorrupt"),
}


@pytest.mark.parametrize("command", ["stage4-run", "ledger", "capital"])
@pytest.mark.parametrize("name", STATES)
def test_a_state_file_that_cannot_be_used(
    tmp_path: Path, address: SandboxAddress, good: Path, name: str, command: str
) -> None:
    """Written by a later version, no database, half lost or altered: said, and left as it is."""
    spoil, code, error = STATES[name]
    db = shutil.copy(good, tmp_path / "state.db")
    spoil(db)
    before = db.read_bytes()
    env = environment(tmp_path, address)
    arguments = [command] if command == "stage4-run" else [command, "show"]
    run = called(*arguments, "--json", "--db", db, env=env, cwd=tmp_path)
    line, hint = one_line_error(run, exit_code=code, code=error)
    assert str(db) in line
    assert hint
    assert db.read_bytes() == before


def test_the_state_file_of_another_account(
    tmp_path: Path, address: SandboxAddress, good: Path
) -> None:
    """The bot refuses it; who only looks may look."""
    db = shutil.copy(good, tmp_path / "state.db")
    _foreign(db)
    before = db.read_bytes()
    run = run_stage4(tmp_path, environment(tmp_path, address))
    line, _ = one_line_error(run, exit_code=3, code="ConfigurationError")
    assert "'somebody'" in line
    assert db.read_bytes() == before
    shown = called("ledger", "show", "--json", "--db", db, env=environment(tmp_path), cwd=tmp_path)
    assert document_of(shown)["account"] == "somebody"


@pytest.mark.parametrize("command", ["ledger", "capital"])
def test_looking_at_a_file_that_is_not_there_makes_none(tmp_path: Path, command: str) -> None:
    """A wrong path is said, and stays wrong."""
    run = called(
        command, "show", "--json", "--db", tmp_path / "none.db",
        env=environment(tmp_path), cwd=tmp_path,
    )  # fmt: skip
    line, _ = one_line_error(run, exit_code=7, code="StoreError")
    assert "none.db" in line
    assert list(tmp_path.iterdir()) == []


# ---- no space


LIMITS_KB = (16, 64, 200, 260, 400, 700, 705, 710)
"""Room for: no schema, half a schema, no account, a few cycles, many orders and fills."""


@pytest.mark.parametrize("limit_kb", LIMITS_KB)
def test_a_disk_that_takes_no_more(tmp_path: Path, limit_kb: int) -> None:
    """Wherever space ends, the run says so, and with more space the next one goes on with all.

    A limit on the size of files stands in for a disk that is full; the store's own tests fill one.
    """
    db = tmp_path / "state.db"
    with exchange(3) as address:
        env = environment(tmp_path, address, **QUICK_TREND)
        run = finished(
            "stage4-run", "--json", "--db", db, "--max-cycles", "400",
            env=env, cwd=tmp_path, file_kb_max=limit_kb,
        )  # fmt: skip
        error = document_of(run)["error"]
        line, _ = one_line_error(run, exit_code=7, code=error["code"])
        assert error["code"] in {"StoreError", "StorageFull"}
        assert "state.db" in line
        assert limit_kb < LIMITS_KB[-1] or truth_of(address)["trades"]
        found = stage4(tmp_path, address, db, 3, **QUICK_TREND)
        assert found["ledger_balanced"]
        assert contradictions(books_of(db), truth_of(address)) == []


def test_quickstart_without_space_leaves_nothing(tmp_path: Path) -> None:
    """It takes its temporary directory and its exchange away with it."""
    run = finished(
        "quickstart", "--json", env=environment(tmp_path, TMPDIR=str(tmp_path)), cwd=tmp_path,
        file_kb_max=100,
    )  # fmt: skip
    error = document_of(run)["error"]["code"]
    assert error in {"StoreError", "StorageFull"}
    one_line_error(run, exit_code=7, code=error)
    assert list(tmp_path.iterdir()) == []


# ---- the local exchange


def _tape(folder: Path, change: Any) -> Path:
    data = files("btcturk_kit.sandbox").joinpath("data", "btctry_1h_2023-04_2024-12.csv.gz")
    lines = gzip.decompress(data.read_bytes()).decode("ascii").splitlines()[:80]
    change(lines)
    path = folder / "tape.csv"
    path.write_text("\n".join(lines) + "\n", "ascii")
    return path


def _hole(lines: list[str]) -> None:
    del lines[40:43]


def _disorder(lines: list[str]) -> None:
    lines[40], lines[41] = lines[41], lines[40]


def _twice(lines: list[str]) -> None:
    lines.insert(41, lines[40])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_hole, "row 41: candles of 60 minutes missing before time"),
        (_disorder, "row 41: "),
        (_twice, "row 42: time"),
    ],
)
def test_a_dataset_with_holes_or_disorder(tmp_path: Path, change: Any, text: str) -> None:
    """The row and what is wrong with it; nothing is filled in or sorted."""
    run = called(
        "sandbox", "serve", "--json", "--pair", f"BTCTRY={_tape(tmp_path, change)}",
        env=environment(tmp_path), cwd=tmp_path,
    )  # fmt: skip
    line, hint = one_line_error(run, exit_code=3, code="DatasetError")
    assert "tape.csv" in line
    assert text in line
    assert hint


def test_a_port_that_is_taken(tmp_path: Path, address: SandboxAddress) -> None:
    """A second exchange does not take the first one's port."""
    port = address.rest.rpartition(":")[2]
    run = called(
        "sandbox", "serve", "--json", "--port", port, env=environment(tmp_path), cwd=tmp_path
    )
    line, _ = one_line_error(run, exit_code=3, code="ConfigurationError")
    assert f"port {port} of 127.0.0.1 is in use" in line
    assert truth_of(address)["now_ms"] > 0


def test_documents_of_the_books(tmp_path: Path, good: Path) -> None:
    """`ledger show` and `capital show` print what the file holds, and leave it as it is."""
    before = good.read_bytes()
    env = environment(tmp_path)
    books = books_of(good)
    ledger = document_of(called("ledger", "show", "--json", "--db", good, env=env, cwd=tmp_path))
    assert ledger["ledger_balanced"] is True
    assert ledger["content_hash"] == books.content_hash
    assert {
        (asset, account): amount
        for asset, accounts in ledger["balances"].items()
        for account, amount in accounts.items()
    } == {slot: format(one.normalize(), "f") for slot, one in books.balances.items() if one}
    capital = document_of(called("capital", "show", "--json", "--db", good, env=env, cwd=tmp_path))
    assert capital["trading_capital_try"] == "100000"
    assert capital["treasury_try"] == "0"
    assert capital["mode"] == "NORMAL"
    for command in ("ledger", "capital"):
        shown = called(command, "show", "--db", good, env=env, cwd=tmp_path)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "100000" in shown.stdout
        assert json.dumps(ledger)[:20] not in shown.stdout
    assert good.read_bytes() == before
