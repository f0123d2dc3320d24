"""The local exchange as a process: its ready line, how it ends, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.commands import called, environment

from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.sandbox import Account, ClockKind, Permission, SandboxAddress, SandboxProcess

from .conftest import BOB, Caller

COMMAND = [sys.executable, "-m", "btcturk_kit", "sandbox", "serve"]


def answers(address: SandboxAddress) -> bool:
    """Whether somebody answers a ping there."""
    with closing(Caller(address)) as caller:
        return bool(caller.get("/api/v2/server/ping").json == {"pong": True})


def is_closed(address: SandboxAddress) -> bool:
    """Whether nobody listens there any more."""
    port = int(address.rest.rpartition(":")[2])
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_it_serves_for_the_time_of_a_block() -> None:
    """Inside the block the exchange answers, afterwards it is gone."""
    with SandboxProcess(seed=2, api_key="mine", api_secret="AAAA", balances=["BTC=2"]) as address:
        assert answers(address)
        assert (address.clock, address.api_key, address.api_secret) == ("virtual", "mine", "AAAA")
        with closing(Caller(address)) as caller:
            reply = caller.control("GET", "/v1/truth?api_key=mine")
        balances = reply.json["balances"]
        assert balances["BTC"]["free"] == "2"
        assert balances["TRY"]["free"] == "0"
    assert is_closed(address)


def test_options_reach_the_process() -> None:
    """Accounts with their permissions, one port, a quirk and no windows: all of them hold there."""
    options = SandboxProcess(
        ports=1,
        accounts=[
            Account(
                api_key="bob",
                api_secret="QkJCQg==",
                balances={"TRY": 5},
                permissions=[Permission.FUNDS],
            )
        ],
        quirks=["stop_trigger=touch"],
        rate_windows=False,
    )
    with options as address, closing(Caller(address)) as caller:
        assert address.rest == address.graph
        assert caller.truth("bob")["balances"]["TRY"]["free"] == "5"
        target = "/api/v1/users/balances"
        assert {caller.signed("GET", target, keys=BOB).status for _ in range(125)} == {200}
        path = "/api/v1/openOrders?pairSymbol=BTCTRY"
        assert caller.signed("GET", path, keys=BOB).status == 401


def test_every_option_has_a_place_on_the_command_line() -> None:
    """Accounts, ports and the rest as a person types them."""
    arguments = "--json --clock virtual --ports 1 --no-rate-windows --seed 4 --pair btctry"
    child = subprocess.Popen(
        [*COMMAND, *arguments.split(), "--account", "bob:QkJCQg==:TRY=5,BTC=1", "--start-ms", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    try:
        address = SandboxAddress(**json.loads(child.stdout.readline()))
        with closing(Caller(address)) as caller:
            assert address.ws.endswith(address.rest.rpartition(":")[2])
            assert caller.now_ms() < 3_600_000
            assert caller.truth("bob")["balances"]["BTC"]["free"] == "1"
    finally:
        child.terminate()
        child.communicate(timeout=10)


def test_keep_leaves_it_running() -> None:
    """With `keep` the exchange outlives the block; it can still be ended."""
    exchange = SandboxProcess(keep=True)
    with exchange as address:
        pid = exchange.pid
    assert pid is not None
    try:
        assert answers(address)
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    assert is_closed(address)


def test_it_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    """A parent that dies without a word leaves no exchange behind."""
    code = (
        "import os, pathlib, signal, sys\n"
        "from btcturk_kit.sandbox import SandboxProcess\n"
        "exchange = SandboxProcess()\n"
        "exchange.start()\n"
        "pathlib.Path(sys.argv[1]).write_text(str(exchange.pid))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    note = tmp_path / "pid"
    parent = subprocess.run([sys.executable, "-c", code, str(note)], timeout=30, check=False)
    assert parent.returncode == -signal.SIGKILL
    child = int(note.read_text("ascii"))
    deadline = time.monotonic() + 20
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    if not is_alive(child):
        return
    os.kill(child, signal.SIGKILL)
    pytest.fail("the exchange outlived its parent")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text("ascii")
    except (ProcessLookupError, FileNotFoundError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_it_cleanly(number: signal.Signals, code: int) -> None:
    """One line when it is ready, nothing more on either stream, and the code of the signal."""
    child = subprocess.Popen(
        [*COMMAND, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout
    address = SandboxAddress(**json.loads(child.stdout.readline()))
    assert answers(address)
    assert address.clock == "real"
    assert address.graph not in (address.rest, None)
    assert address.ws.startswith("ws://127.0.0.1:")
    child.send_signal(number)
    rest, errors = child.communicate(timeout=10)
    assert (rest, errors, child.returncode) == ("", "", code)
    assert is_closed(address)


def test_missing_keys_are_made_up() -> None:
    """Two exchanges without a given key have different ones, and each is usable."""
    with SandboxProcess() as one, SandboxProcess(clock=ClockKind.REAL) as two:
        assert one.api_key != two.api_key
        assert one.api_secret != two.api_secret
        assert one.control_token != two.control_token


def test_a_taken_port_is_one_clear_line() -> None:
    """Exit code 3, one line on standard error, with `--json` the error as a document."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = serve("--port", str(port), "--json")
        assert run.returncode == 3
        assert run.stderr.splitlines() == [
            f"error: port {port} of 127.0.0.1 is in use (choose another port, or 0 for a free one)"
        ]
        assert json.loads(run.stdout)["error"]["code"] == "ConfigurationError"
        said = f"^the local exchange did not start: port {port} of 127.0.0.1 is in use"
        with pytest.raises(ConfigurationError, match=said):
            SandboxProcess(port=port).start()


def test_bad_settings_are_one_clear_line(tmp_path: Path) -> None:
    """A secret that is not base64 and a damaged tape: exit code 3; a bad balance: usage."""
    broken = tmp_path / "tape.csv"
    broken.write_text("time\n", "ascii")
    env = environment(tmp_path)
    for arguments, code, text in (
        (("--api-secret", "not base64!"), 3, "the API secret is not base64"),
        (("--pair", f"BTCTRY={broken}"), 3, "dataset tape.csv, row 1: is no recording"),
        (("--balance", "DOGE=5"), 3, "'DOGE' is not traded here"),
        (("--balance", "TRY=much"), 2, "is not ASSET=AMOUNT"),
        (("--balance", "TRY=-5"), 2, "is not ASSET=AMOUNT"),
        (("--clock", "wrong"), 2, "wrong"),
        (("--port", "70000"), 2, "65535"),
        (("--ports", "2"), 3, "1 port or 3"),
        (("--host", "192.168.1.4"), 3, "other machines would reach"),
        (("--account", "bob"), 3, "KEY:SECRET"),
        (("--quirk", "nothing=x"), 3, "there is no quirk"),
        (("--pair", "XYZTRY"), 3, "does not know the pair 'XYZTRY'"),
        (("--speed", "0"), 3, "the speed is 0"),
        (("--setup", "{}"), 3, "not the setup"),
    ):
        # Were one accepted, the exchange would end with the standard input, which is empty.
        run = called("sandbox", "serve", *arguments, "--until-stdin-ends", env=env, cwd=tmp_path)
        assert (run.returncode, run.stdout) == (code, "")
        assert text in run.stderr
        assert "Traceback" not in run.stderr


def test_without_the_extra_it_says_what_to_install() -> None:
    """Where the server's packages are missing the command names the extra, with exit code 3."""
    code = (
        "import sys\n"
        "sys.modules['uvicorn'] = None\n"
        "sys.argv[1:] = ['sandbox', 'serve']\n"
        "from btcturk_kit.__main__ import main\n"
        "main()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 3
    assert run.stderr.splitlines() == [
        "error: the local exchange needs more packages: pip install 'btcturk-kit[sandbox]'"
    ]


def test_an_exchange_is_started_once() -> None:
    """Starting a running one again is our mistake; stopping a stopped one does nothing."""
    exchange = SandboxProcess()
    assert exchange.pid is None
    exchange.stop()
    with exchange, pytest.raises(InvariantViolation, match="already started"):
        exchange.start()


def test_a_line_for_people() -> None:
    """Without `--json` standard error says where it and its page are and how to stop it."""
    child = subprocess.Popen(
        [*COMMAND, "--until-stdin-ends"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    address = SandboxAddress(**json.loads(child.stdout.readline()))
    _, errors = child.communicate("some words\n", timeout=10)
    assert errors.splitlines() == [
        f"local exchange on {address.rest}; stop it with Ctrl-C",
        f"its page: {address.control}/#token={address.control_token}",
    ]
    assert child.returncode == 0
