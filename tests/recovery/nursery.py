"""Kill a bot at every write boundary of recorded cycles, start it again, and tell what is left.

Run as a program of its own, because it forks: the libraries are loaded once, then every exchange,
every bot that is killed and every bot that goes on is a process of its own, as in real life. The
exchange is the real server on a socket, the bot that goes on is the real command.

Usage: `nursery.py JOB`, where JOB is the JSON of a `Job`. It prints a JSON document; see `main`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import traceback
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import structlog
import uvicorn.protocols.http.h11_impl

from btcturk_kit.__main__ import main as command_line
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.cli import app, summary
from btcturk_kit.cli import stage4 as stage4_command
from btcturk_kit.compose.live import stage4
from btcturk_kit.ports.transport import HttpRequest, HttpResponse
from btcturk_kit.sandbox.address import SandboxAddress
from btcturk_kit.sandbox.local_exchange import LocalExchange
from btcturk_kit.sandbox.serving import serve
from btcturk_kit.settings import load_settings

__all__ = ["Job", "Killed", "main"]

PRELOADED = (app, stage4_command, summary, structlog, uvicorn.protocols.http.h11_impl)
"""What a process started here does not have to load again."""

HOUR_MS = 3_600_000
OUTER = frozenset({"begin", "before:commit", "after:commit"})
INNER_STRIDE = 16
KEY, SECRET = "nursery", "QUFBQQ=="
Note = Callable[[str], None]


class Job(NamedTuple):
    """What to record and where to kill.

    Attributes:
        folder: Where state files go.
        seed: Of the exchange.
        cycles: Recorded cycles; the bot is killed within them.
        beyond: Cycles that the bot runs after them, so that everything comes to rest.
        settings: Environment of the bot.
        share: This one ...
        shares: ... of so many equal shares of the kills.
        is_every: Whether to kill at every statement; else every `INNER_STRIDE`th statement inside a
            transaction, and every boundary that is not inside one.
    """

    folder: str
    seed: int
    cycles: int
    beyond: int
    settings: dict[str, str]
    share: int
    shares: int
    is_every: bool


class Killed(NamedTuple):
    """What one kill left.

    Attributes:
        number: Of the boundary.
        was_killed: Whether SIGKILL ended the process.
        code: How the command that went on ended.
        document: What it printed.
        db: Its state file.
        truth: What the exchange says.
    """

    number: int
    was_killed: bool
    code: int
    document: dict[str, Any]
    db: str
    truth: dict[str, Any]


class TellingTransport:
    """A real transport that tells before and after every request that changes something.

    "After" is the moment at which the exchange has done it and the bot knows nothing of it yet.
    """

    def __init__(self, note: Note) -> None:
        self._inner = Httpx2Transport()
        self._note = note

    async def send(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse:
        """Send one request and tell."""
        if request.method == "GET":
            return await self._inner.send(request, timeout_s=timeout_s)
        name = f"{request.method} {request.target.partition('?')[0]}"
        self._note(f"before {name}")
        response = await self._inner.send(request, timeout_s=timeout_s)
        self._note(f"after {name}")
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def forked(work: Callable[[], int]) -> int:
    """Do some work in a child process and return the child's number at once."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except Exception:  # noqa: BLE001 - told, because nothing above this line will tell it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


class Exchange:
    """A local exchange in a process of its own."""

    def __init__(self, seed: int) -> None:
        reader, writer = os.pipe()
        exchange = LocalExchange(seed=seed, api_key=KEY, api_secret=SECRET)

        def announce(address: SandboxAddress) -> None:
            os.write(writer, json.dumps(address._asdict()).encode())
            os.close(writer)

        self._child = forked(lambda: serve(exchange, on_ready=announce))
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            self.address = SandboxAddress(**json.loads(pipe.read()))

    def truth(self) -> dict[str, Any]:
        """Return the exchange's own books."""
        request = urllib.request.Request(  # noqa: S310 - an address of this machine
            f"{self.address.control}/v1/truth?api_key={KEY}",
            headers={"Authorization": f"Bearer {self.address.control_token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - as above
            found: dict[str, Any] = json.load(reply)
        return found

    def stop(self) -> None:
        """End it at once: nothing of it is needed any more."""
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)

    def environ(self, job: Job) -> None:
        """Give this process the settings of a bot on this exchange."""
        os.environ.update(
            {
                "BTCTURK_API_KEY": KEY,
                "BTCTURK_API_SECRET": SECRET,
                "BTCTURK_KIT_REST_URL": self.address.rest,
                "BTCTURK_KIT_CONTROL_URL": self.address.control,
                "BTCTURK_KIT_CONTROL_TOKEN": self.address.control_token,
                "BTCTURK_KIT_CYCLE_SECONDS": str(HOUR_MS // 1000),
                **job.settings,
            }
        )


def run_telling(job: Job, exchange: Exchange, db: Path, note: Note) -> int:
    """Run the bot of the recorded cycles, telling every boundary."""
    exchange.environ(job)
    settings, _ = load_settings(overrides={"db": db})

    async def run() -> None:
        transport = TellingTransport(note)
        async with stage4(settings, transport=transport, on_statement=note) as bot:
            await bot.runner.run(max_cycles=job.cycles)
        await transport.aclose()

    asyncio.run(run())
    return 0


def run_command(job: Job, exchange: Exchange, db: Path, cycles: int) -> int:
    """Run the real command; what it prints goes beside the state file."""
    exchange.environ(job)
    for number, suffix in ((1, ".out"), (2, ".err")):
        descriptor = os.open(db.with_suffix(suffix), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        os.dup2(descriptor, number)
    sys.argv[1:] = ["stage4-run", "--json", "--max-cycles", str(cycles), "--db", str(db)]
    command_line()
    return 0


def cycles_done(db: Path) -> int:
    """Return how many instants a run decided at, by what its state file holds."""
    if not db.exists():
        return 0
    with closing(sqlite3.connect(db)) as connection:
        try:
            row = connection.execute(
                "SELECT opened_ms, (SELECT max(now_ms) FROM cycle_records) FROM cycle_state"
            ).fetchone()
        except sqlite3.OperationalError:  # the tables are not there yet
            return 0
    opened_ms, last_ms = row or (0, None)
    return 0 if last_ms is None else int(last_ms - opened_ms) // HOUR_MS + 1


def go_on(job: Job, exchange: Exchange, db: Path) -> tuple[int, dict[str, Any]]:
    """Run the command up to the last instant of the job; return its code and its document."""
    left = job.cycles + job.beyond - cycles_done(db)
    _, status = os.waitpid(forked(lambda: run_command(job, exchange, db, left)), 0)
    text = db.with_suffix(".out").read_text("utf-8")
    document = json.loads(text) if text else {"stderr": db.with_suffix(".err").read_text("utf-8")}
    return os.waitstatus_to_exitcode(status), document


def killed_at(job: Job, number: int) -> Killed:
    """Kill the bot at one boundary, start it again, and return what is left."""
    db = Path(job.folder) / f"kill-{number}" / "state.db"
    db.parent.mkdir()  # what a run prints goes there, also when it dies before it makes the file
    left = iter(range(number))

    def kill_here(_name: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    exchange = Exchange(job.seed)
    try:
        child = forked(lambda: run_telling(job, exchange, db, kill_here))
        _, status = os.waitpid(child, 0)
        was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        code, document = go_on(job, exchange, db)
        return Killed(number, was_killed, code, document, str(db), exchange.truth())
    finally:
        exchange.stop()


def recorded(job: Job) -> tuple[list[str], Killed]:
    """Return the names of the boundaries, and what a run that nobody disturbs comes to."""
    folder, names = Path(job.folder), list[str]()
    exchange = Exchange(job.seed)
    try:
        # In this process: whatever a bot loads while it runs, its successors find loaded.
        run_telling(job, exchange, folder / "told" / "state.db", names.append)
    finally:
        exchange.stop()
    exchange = Exchange(job.seed)
    db = folder / "whole" / "state.db"
    db.parent.mkdir()
    try:
        code, document = go_on(job, exchange, db)
        return names, Killed(-1, False, code, document, str(db), exchange.truth())  # noqa: FBT003 - its fields have names
    finally:
        exchange.stop()


def chosen(job: Job, names: list[str]) -> list[int]:
    """Return the boundaries of this share."""
    numbers: list[int] = []
    inner = 0
    for number, name in enumerate(names):
        # Nobody can tell kills inside one transaction apart: it is gone as a whole.
        is_outer = name in OUTER or name.startswith(("before ", "after "))
        inner += not is_outer
        if is_outer or job.is_every or not inner % INNER_STRIDE:
            numbers.append(number)
    return numbers[job.share :: job.shares]


def main(text: str) -> NoReturn:
    """Print `names` of the boundaries, the `whole` run, and the `kills`."""
    job = Job(**json.loads(text))
    names, whole = recorded(job)
    kills = [killed_at(job, number)._asdict() for number in chosen(job, names)]
    json.dump({"names": names, "whole": whole._asdict(), "kills": kills}, sys.stdout)
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
