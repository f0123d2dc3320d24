"""The `data` commands as a user runs them, on files and against a local exchange."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tests.cli.commands import COMMAND, called, document_of, environment, unmeasured

from btcturk_kit.adapters.dataset_capture import Capture, Captured
from btcturk_kit.adapters.dataset_download import download_candles
from btcturk_kit.adapters.dataset_files import read_dataset
from btcturk_kit.domain.candles import Resolution
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import ConfigurationError, UnknownSymbolError
from btcturk_kit.sandbox import SandboxAddress
from btcturk_kit.testing import ExchangeThread
from btcturk_kit.testing.clients import connected_client

DATA = Path(__file__).parents[1] / "data"
BTCTRY = Symbol("BTCTRY")
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def running() -> Any:
    """A local exchange that serves for all tests of this file."""
    with ExchangeThread() as exchange:
        yield exchange


def env_of(folder: Path, address: SandboxAddress) -> Mapping[str, str]:
    """Return the environment of a user without a key, on a local exchange."""
    return environment(
        folder,
        address,
        BTCTURK_API_KEY="",
        BTCTURK_API_SECRET="",
        BTCTURK_KIT_GRAPH_URL=address.graph,
    )


def test_show_tells_what_a_sample_holds(tmp_path: Path) -> None:
    """As text and as a document, with the labels that reports print."""
    env = environment(tmp_path)
    text = called("data", "show", "sample:btcusdt-book", env=env, cwd=tmp_path)
    assert "400 updates" in text.stdout
    assert "note: BTCUSDT: rules made up to fit the data" in text.stdout
    told = document_of(
        called("data", "show", "sample:btctry-hours", "--json", env=env, cwd=tmp_path)
    )
    assert told["pairs"]["BTCTRY"]["candles"] == 15_384
    assert told["pairs"]["BTCTRY"]["fees"][0]["taker_rate"] == "0.0024"
    none = called("data", "show", "nowhere", env=env, cwd=tmp_path)
    assert (none.returncode, none.stderr.count("\n")) == (3, 1)


def test_check_fails_for_gaps_unless_they_are_allowed(tmp_path: Path) -> None:
    """Exit code 9 with a gap, 0 with warnings alone, 9 for a damaged file, 3 for none."""
    env = environment(tmp_path)
    source = DATA / "btctry_1h_2020-02-18.csv"
    done = called("data", "import", source, "d", "--symbol", "BTCTRY", env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout[:15]) == (0, "d: 91 candles o"), done.stderr
    failed = called("data", "check", "d", env=env, cwd=tmp_path)
    assert failed.returncode == 9
    assert "failure: gap: BTCTRY 2020-02-19 12:00:00: 5 of 3600 s missing" in failed.stdout
    allowed = called("data", "check", "d", "--allow", "gap", "--json", env=env, cwd=tmp_path)
    told = document_of(allowed)
    assert (allowed.returncode, told["passed"], told["failures"]) == (0, True, 0)
    assert told["warnings"] == len(told["findings"]) > 0
    wrong = called("data", "check", "d", "--allow", "holes", env=env, cwd=tmp_path)
    assert wrong.returncode == 3
    (file,) = (tmp_path / "d" / "BTCTRY").iterdir()
    file.write_text("ts_ms,open,high,low,close,volume\n1,1,1,1,1,1\n1,1,1,1,1,1\n")
    damaged = called("data", "check", "d", env=env, cwd=tmp_path)
    assert damaged.returncode == 9
    assert "failure: damaged: dataset candles.csv.gz, row 3" in damaged.stdout
    assert called("data", "check", "none", env=env, cwd=tmp_path).returncode == 3


def test_check_shows_ten_of_each_kind(tmp_path: Path) -> None:
    """And says how many more there are."""
    run = called(
        "data",
        "check",
        "sample:btctry-hours",
        "--outlier",
        "300",
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    assert run.returncode == 0
    assert run.stdout.count("warning: outlier: BTCTRY") == 10
    assert " more\n" in run.stdout


def test_import_tells_what_it_took(tmp_path: Path) -> None:
    """A book with its touch as text, closes as a document, an unknown form refused."""
    env = environment(tmp_path)
    book = called(
        "data", "import", DATA / "l2_btcusdt_2024-08-08.jsonl", "d", "--symbol", "BTCUSDT",
        "--touch", DATA / "touch_btcusdt_2024-08-08.csv", env=env, cwd=tmp_path,
    )  # fmt: skip
    assert "58 updates of the book" in book.stdout
    assert "the book agrees with" in book.stdout
    perp = called(
        "data", "import", DATA / "btcperp_1m_2022-01.csv", "p", "--symbol", "BTCUSD",
        env=env, cwd=tmp_path,
    )  # fmt: skip
    assert "note: BTCUSD: volumes rounded" in perp.stdout
    closes = called(
        "data", "import", DATA / "btcturk_usdttry_2025-12.csv", "c", "--symbol", "USDTTRY",
        "--note", "one", "--json", env=env, cwd=tmp_path,
    )  # fmt: skip
    assert (document_of(closes)["rows"], read_dataset(tmp_path / "c").notes[0]) == (20, "one")
    form = called(
        "data", "import", DATA / "README.md", "x", "--symbol", "A", "--format", "xls",
        env=env, cwd=tmp_path,
    )  # fmt: skip
    assert form.returncode == 2


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("ts,open,high,low,close,volume\n1700000000,1,1,1,1,1\n", (), "one candle does not tell"),
        (
            "ts;open;high;low;close;volume\n1700000000;1,5;1,5;1,5;1,5;1\n",
            (),
            "columns are separated by semicolons",
        ),
        ("ts,close\n1,1\n", ("--min-notional", "much"), "--min-notional 'much' is no amount"),
        ("ts,close\n1,1\n", ("--min-notional", "-1"), "--min-notional '-1' is no amount"),
    ],
)
def test_import_says_what_it_cannot_take(
    tmp_path: Path, text: str, options: tuple[str, ...], told: str
) -> None:
    """Exit code 3, one line with a hint, and no folder."""
    (tmp_path / "rows.csv").write_text(text, "utf-8")
    run = called(
        "data", "import", "rows.csv", "d", "--symbol", "BTCTRY", *options,
        env=environment(tmp_path), cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 3
    assert told in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert not (tmp_path / "d").exists()


def test_a_download_does_not_end_before_it_begins(tmp_path: Path) -> None:
    """Said before anything is asked or made."""
    run = called(
        "data", "download", "BTCTRY", "d", "--from", "2024-02-01", "--to", "2024-01-01",
        env=environment(tmp_path), cwd=tmp_path,
    )  # fmt: skip
    assert (run.returncode, "--to is before --from" in run.stderr) == (3, True)
    assert not (tmp_path / "d").exists()


def test_download_goes_on_where_it_stood(tmp_path: Path, running: ExchangeThread) -> None:
    """The second run asks for nothing that is there; the candles are those of one run."""
    address = running.address

    async def bring(folder: str, *spans: tuple[int, int]) -> int:
        count = 0
        async with connected_client(address) as client:
            now_ms = await client.server_time_ms()
            first_ms = now_ms - now_ms % HOUR_MS - 40 * HOUR_MS
            for start, end in spans:
                done = await download_candles(
                    client,
                    tmp_path / folder,
                    BTCTRY,
                    Resolution.HOUR_1,
                    from_ms=first_ms + start * HOUR_MS,
                    to_ms=first_ms + end * HOUR_MS,
                    now_ms=now_ms,
                    page=7,
                )
                count += done.candles
        return count

    whole = asyncio.run(bring("whole", (0, 20)))
    assert whole == asyncio.run(bring("parts", (0, 9), (0, 9), (0, 20)))
    files = [tmp_path / name / "BTCTRY" / "candles.csv" for name in ("whole", "parts")]
    assert files[0].read_text() == files[1].read_text()
    pair = read_dataset(tmp_path / "parts").pairs[BTCTRY]
    assert len(pair.times_ms) == whole > 0
    assert pair.rules_ms is not None


def test_download_from_the_command_line(tmp_path: Path, running: ExchangeThread) -> None:
    """Without a key; a length that does not exist and a pair that does not are refused."""
    env = env_of(tmp_path, running.address)
    run = called(
        "data", "download", "BTCTRY", "d", "--from", "2000-01-01", "--to", "2000-01-03",
        "--json", env=env, cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert document_of(run)["candles"] == 0
    text = called(
        "data", "download", "BTCTRY", "d", "--from", "2000-01-01", "--to", "2000-01-03",
        env=env, cwd=tmp_path,
    )  # fmt: skip
    assert "0 new candles of BTCTRY, the last of none" in text.stdout
    for pair, options in (
        ("BTCTRY", ("--interval", "61")),
        ("BTCTRX", ()),
        ("BTCTRY", ("--interval", "60")),
        ("BTCTRY", ("--to", "soon")),
    ):
        span = ("--from", "2000-01-01", "--to", "2000-01-02")
        wrong = called("data", "download", pair, "d", *span, *options, env=env, cwd=tmp_path)
        assert (wrong.returncode, wrong.stderr.count("error:")) == (3, 1), options


def test_capture_goes_on_without_repeating(tmp_path: Path, running: ExchangeThread) -> None:
    """Stopped in the middle of a line and started again, every trade and book is there once."""

    async def record(looks: int) -> Captured:
        async with connected_client(running.address) as client:
            kinds = ("trades", "depth", "candles")
            capture = Capture(client, client.clock, tmp_path / "d", [BTCTRY], kinds, 5)
            return await capture.run(every_ms=MINUTE_MS, looks=looks)

    first = asyncio.run(record(3))
    assert (first.looks, first.books > 0, first.trades > 0) == (3, True, True)
    newest = max((tmp_path / "d" / "BTCTRY" / "trades").iterdir())
    with newest.open("a") as file:
        file.write("17")
    second = asyncio.run(record(3))
    pair = read_dataset(tmp_path / "d").pairs[BTCTRY]
    assert pair.trades is not None
    assert pair.depth is not None
    assert len(pair.trades.times_ms) == first.trades + second.trades
    assert len(set(pair.trade_ids)) == len(pair.trade_ids) == len(pair.trades.times_ms)
    assert len(pair.depth.times_ms) == first.books + second.books
    assert len(pair.times_ms) == first.candles + second.candles > 0
    assert all(pair.bars.volume) if pair.bars is not None else False


def test_a_capture_that_looks_too_rarely_counts_what_nobody_can_fetch(
    tmp_path: Path, running: ExchangeThread
) -> None:
    """The exchange tells its last 50 trades and takes no older place to begin at: a hole stays."""

    async def record(folder: str, every_ms: int) -> Captured:
        async with connected_client(running.address) as client:
            capture = Capture(client, client.clock, tmp_path / folder, [BTCTRY], ("trades",))
            return await capture.run(every_ms=every_ms, looks=3)

    rare, often = asyncio.run(record("rare", 3 * HOUR_MS)), asyncio.run(record("often", 1_000))
    assert rare.holes == 2
    assert 100 <= rare.trades <= 150  # three hours have more than the 50 that each look shows
    assert often.holes == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_capture_with_whole_lines(
    tmp_path: Path, running: ExchangeThread, number: signal.Signals, code: int
) -> None:
    """The exit code says which it was; what was told until then is on the disk and can be read."""
    words = ("data", "capture", "d", "--symbols", "BTCTRY", "--record", "trades", "--every", "60")
    run = subprocess.Popen(
        [*COMMAND, *words, "--json"],
        env=unmeasured(env_of(tmp_path, running.address)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    folder = tmp_path / "d" / "BTCTRY" / "trades"
    while run.poll() is None and not (folder.is_dir() and any(folder.iterdir())):
        threading.Event().wait(0.02)
    run.send_signal(number)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == code
    tape = read_dataset(tmp_path / "d").pairs[BTCTRY].trades
    assert tape is not None
    assert json.loads(output)["trades"] == len(tape.times_ms) > 0


def test_a_second_capture_of_a_folder_is_refused(tmp_path: Path, running: ExchangeThread) -> None:
    """Exit code 7 while one records; when it is over, the folder is free again."""
    again = ("data", "capture", "d", "--symbols", "BTCTRY", "--looks", "1")
    env = env_of(tmp_path, running.address)
    (tmp_path / "d").mkdir()
    with FileLock(tmp_path / "d" / ".capture.lock"):
        second = called(*again, env=env, cwd=tmp_path)
    assert (second.returncode, second.stdout) == (7, "")
    assert "error: another capture writes into d (" in second.stderr
    assert [one.name for one in (tmp_path / "d").iterdir()] in ([], [".capture.lock"])
    assert called(*again, env=env, cwd=tmp_path).returncode == 0


def test_a_capture_joins_no_other_files(tmp_path: Path, running: ExchangeThread) -> None:
    """A folder with an import of the pair, and a pair that is not listed."""
    env = environment(tmp_path)
    source = DATA / "btctry_1h_2020-02-18.csv"
    called("data", "import", source, "d", "--symbol", "BTCTRY", env=env, cwd=tmp_path)

    async def record(symbol: str, kind: str) -> None:
        async with connected_client(running.address) as client:
            capture = Capture(client, client.clock, tmp_path / "d", [Symbol(symbol)], (kind,))
            await capture.run(every_ms=1, looks=1)

    with pytest.raises(ConfigurationError, match="has other candles of BTCTRY"):
        asyncio.run(record("BTCTRY", "candles"))
    with pytest.raises(UnknownSymbolError):
        asyncio.run(record("BTCTRX", "trades"))


def test_capture_from_the_command_line(tmp_path: Path, running: ExchangeThread) -> None:
    """So many looks, as text and as a document; what cannot be recorded is refused."""
    env = env_of(tmp_path, running.address)
    text = called(
        "data", "capture", "d", "--symbols", "BTCTRY", "--looks", "2", "--every", "60",
        env=env, cwd=tmp_path,
    )  # fmt: skip
    assert (text.returncode, text.stdout[:11]) == (0, "d: 2 looks,"), text.stderr
    told = called(
        "data", "capture", "d", "--symbols", "BTCTRY", "--looks", "1", "--record", "depth",
        "--json", env=env, cwd=tmp_path,
    )  # fmt: skip
    assert document_of(told)["looks"] == 1
    for options in (("--record", "dreams"), ("--record", ",")):
        wrong = called(
            "data", "capture", "d", "--symbols", "BTCTRY", *options, env=env, cwd=tmp_path
        )
        assert wrong.returncode == 3
