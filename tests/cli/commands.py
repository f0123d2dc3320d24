"""Running the command line as a user does: called or started, and the local exchange it finds.

`called` runs a command in this process and is the usual way; `test_output` shows for every kind of
exit that a process says the same. `finished` starts a process, for what only a process has: limits,
signals, and a memory that is gone at its end.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from contextvars import copy_context
from pathlib import Path
from typing import Any, Protocol

import pytest
import structlog

import btcturk_kit.__main__ as program
from btcturk_kit.sandbox import SandboxAddress
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.testing import ExchangeThread

__all__ = [
    "COMMAND",
    "KEY",
    "QUICK_TREND",
    "SECRET",
    "Run",
    "called",
    "children_of",
    "control",
    "document_of",
    "environment",
    "exchange",
    "finished",
    "is_alive",
    "one_line_error",
    "stage4",
    "truth_of",
    "unmeasured",
]

COMMAND = (sys.executable, "-m", "btcturk_kit")
KEY, SECRET = "e2e", "QUFBQQ=="

QUICK_TREND = {
    "BTCTURK_KIT_PARAMETERS": (
        '{"trend": {"fast_bars": 1, "slow_bars": 2, "band_ratio": "0.0001",'
        ' "entry_offset_ratio": "0.001"}}'
    ),
    "BTCTURK_KIT_ORDER_TTL_SECONDS": "3600",
}
"""Settings with which the trend strategy trades every few hours."""

_HOUR_S = "3600"
_LIMITED = ("sh", "-c", 'ulimit -f "$0" && exec "$@"')  # counts in 512 bytes
_MEASURING = "COVERAGE_PROCESS"
_PATIENCE_S = 120


def environment(
    folder: Path, address: SandboxAddress | None = None, **settings: str
) -> dict[str, str]:
    """Return the environment of a command that knows nothing of the user who runs the tests.

    Args:
        folder: Its home: lock files and default state files go there.
        address: The local exchange it finds, if any, with a virtual clock in steps of an hour.
        settings: Further names; an empty text takes a name out.
    """
    found = {name: text for name, text in os.environ.items() if not name.startswith("BTCTURK")}
    found |= {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "COLUMNS": "300"}
    if address is not None:
        found |= {
            "BTCTURK_API_KEY": address.api_key,
            "BTCTURK_API_SECRET": address.api_secret,
            "BTCTURK_KIT_REST_URL": address.rest,
            "BTCTURK_KIT_CONTROL_URL": address.control,
            "BTCTURK_KIT_CONTROL_TOKEN": address.control_token,
            "BTCTURK_KIT_CYCLE_SECONDS": _HOUR_S,
        }
    return {name: text for name, text in (found | settings).items() if text}


def unmeasured(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment whose processes are not measured: they start and run twice as fast.

    What they do is covered by tests that run it in this process.
    """
    return {name: text for name, text in env.items() if not name.startswith(_MEASURING)}


class Run(Protocol):
    """A way to run a command to its end: `called` or `finished`."""

    def __call__(
        self, *arguments: str | Path, env: Mapping[str, str], cwd: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run it.

        Args:
            arguments: After `btcturk-kit`.
            env: All of its environment.
            cwd: Where it runs; a dotenv file there would be read.
        """


def called(
    *arguments: str | Path, env: Mapping[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in this process, with the arguments and environment of a user.

    Warnings are errors in it, as in every test. Processes that it starts are not measured.

    Args:
        arguments: After `btcturk-kit`.
        env: All of its environment.
        cwd: Where it runs; a dotenv file there would be read.
    """
    texts = [str(one) for one in arguments]
    with (
        _place_of([str(program.__file__), *texts], unmeasured(env), cwd) as (output, errors),
        pytest.raises(SystemExit) as end,
    ):
        copy_context().run(program.main)  # a decimal context that it sets is not ours
    return subprocess.CompletedProcess(
        texts, int(end.value.code or 0), _text(output), _text(errors)
    )


@contextmanager
def _place_of(
    argv: list[str], env: Mapping[str, str], cwd: Path
) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Give a command what a process would have, and take back what it would lose at its end."""
    output, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    before = dict(os.environ), sys.argv, sys.excepthook, sys.modules["__main__"]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with chdir(cwd), redirect_stdout(output), redirect_stderr(errors):
        try:
            os.environ.clear()
            os.environ.update(env)
            sys.argv = argv
            sys.modules["__main__"] = program  # its name is part of a usage message
            yield output, errors
        finally:
            found, sys.argv, sys.excepthook, sys.modules["__main__"] = before
            os.environ.clear()
            os.environ.update(found)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            structlog.reset_defaults()


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def finished(
    *arguments: str | Path,
    env: Mapping[str, str],
    cwd: Path,
    file_kb_max: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a process of its own, which is not measured.

    Args:
        arguments: After `btcturk-kit`.
        env: All of its environment.
        cwd: Where it runs; a dotenv file there would be read.
        file_kb_max: No file may become larger.
    """
    # A shell sets the limit: code of ours between fork and exec may hang where there are threads.
    limited = () if file_kb_max is None else (*_LIMITED, str(2 * file_kb_max))
    return subprocess.run(
        [*limited, *COMMAND, *map(str, arguments)],
        env=unmeasured(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def document_of(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one document on standard output; nothing else may be there."""
    found = json.loads(run.stdout)
    assert isinstance(found, dict)
    return found


def stage4(
    folder: Path,
    address: SandboxAddress,
    db: Path,
    cycles: int,
    *more: str | Path,
    run: Run = called,
    **settings: str,
) -> dict[str, Any]:
    """Run `stage4-run` for some cycles to a good end and return its document."""
    end = run(
        "stage4-run", "--json", "--max-cycles", str(cycles), "--db", db, *more,
        env=environment(folder, address, **settings), cwd=folder,
    )  # fmt: skip
    assert end.returncode == 0, end.stderr
    return document_of(end)


def one_line_error(
    run: subprocess.CompletedProcess[str], *, exit_code: int, code: str
) -> tuple[str, str]:
    """Check how a command with `--json` failed; return its line and the hint of its document.

    One line on standard error that begins with `error: ` (lines that begin with `warning: ` or say
    where the run writes apart), one document on standard output that says the same, no traceback.
    """
    assert run.returncode == exit_code, (run.returncode, run.stdout, run.stderr)
    lines = [
        line
        for line in run.stderr.splitlines()
        if not line.startswith(("warning: ", "armed as ", "dry run: "))
    ]
    assert len(lines) == 1, run.stderr
    error = document_of(run)["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["code"] == code
    hint = f" ({error['hint']})" if error["hint"] else ""
    assert lines == [f"error: {error['message']}{hint}"]
    assert SECRET not in run.stderr + run.stdout
    return lines[0], error["hint"]


@contextmanager
def exchange(seed: int = 1, **options: Any) -> Iterator[SandboxAddress]:
    """Run a local exchange on a virtual clock, with an account of known keys.

    It serves from a thread: a bot sees sockets either way, and a process takes a second to start.
    """
    local = LocalExchange(seed=seed, **{"api_key": KEY, "api_secret": SECRET, **options})
    with ExchangeThread(local) as running:
        yield running.address


def control(
    address: SandboxAddress, method: str, target: str, fields: object = None
) -> dict[str, Any]:
    """Call the control interface of a local exchange."""
    request = urllib.request.Request(  # noqa: S310 - an address of this machine
        address.control + target,
        method=method,
        data=None if fields is None else json.dumps(fields).encode(),
        headers={"Authorization": f"Bearer {address.control_token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - as above
        found: dict[str, Any] = json.load(reply)
    return found


def truth_of(address: SandboxAddress) -> dict[str, Any]:
    """Return the exchange's own books of the account."""
    return control(address, "GET", f"/v1/truth?api_key={address.api_key}")


def children_of(parent: int) -> list[int]:
    """Return the numbers of the processes that a process started."""
    return [number for number, (above, _) in _processes().items() if above == parent]


def is_alive(number: int) -> bool:
    """Whether a process runs; one that ended and that nobody waited for does not."""
    return _processes().get(number, (0, "Z"))[1] != "Z"


def _processes() -> dict[int, tuple[int, str]]:
    """Return the parent and the state letter of every process."""
    if not Path("/proc/self/stat").exists():  # not every system has it, not every one has ps
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
        )
        rows = [line.split() for line in listed.stdout.splitlines()]
        return {int(number): (int(parent), state[0]) for number, parent, state in rows}
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = file.read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        found[int(file.parent.name)] = (int(parent), state)
    return found
