"""`config quota`: a table that fits a terminal, a document, and exit code 3 when it would block."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.cli.commands import called, environment


def quota(*arguments: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command with these settings and no others, on a terminal of 80 columns."""
    env = environment(cwd, COLUMNS="80", **settings)
    return called("config", "quota", *arguments, env=env, cwd=cwd)


def test_a_plan_that_fits(tmp_path: Path) -> None:
    """Exit code 0, nothing on standard error, no line wider than a terminal of 80 columns."""
    run = quota(cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "GET /api/v2/orderbook" in run.stdout
    assert "shortest cycle that fits: 0.6 s" in run.stdout


def test_a_plan_that_would_be_blocked(tmp_path: Path) -> None:
    """Exit code 3 and one clear line; the table and the document are printed all the same."""
    arguments = ("--symbols", "BTCTRY,ETHTRY,XRPTRY,AVAXTRY", "--cycle-seconds", "1", "--bots", "2")
    run = quota(*arguments, cwd=tmp_path)
    assert run.returncode == 3
    assert run.stderr == (
        "error: GET /api/v1/openOrders would be blocked after 12 s "
        "(use a cycle of 5 s or longer, or fewer pairs)\n"
    )
    assert max(map(len, run.stdout.splitlines())) <= 80
    run = quota(*arguments, "--json", cwd=tmp_path)
    document = json.loads(run.stdout)
    assert run.returncode == 3
    assert (document["fits"], document["bots"], document["cycle_s"]) == (False, 2, 1.0)
    windows = {(one["endpoint"], one["period_s"]): one for one in document["windows"]}
    book = windows["GET /api/v2/orderbook", 60.0]
    assert (book["requests_per_minute"], book["blocks_after_s"]) == (480, 22.0)
    fitting = quota(*arguments[:3], str(document["shortest_cycle_s"]), *arguments[4:], cwd=tmp_path)
    assert fitting.returncode == 0


def test_more_than_a_window_in_one_cycle_blocks_at_once(tmp_path: Path) -> None:
    """Two hundred bots need more balances in a cycle than a minute allows."""
    run = quota("--bots", "200", "--cycle-seconds", "1", cwd=tmp_path)
    assert run.returncode == 3
    assert "at once" in run.stdout
    assert run.stderr.count("\n") == 1


def test_settings_come_from_environment_and_file(tmp_path: Path) -> None:
    """Pairs of a dotenv file, the cycle of the environment; an unknown name is reported."""
    (tmp_path / "env").write_text("BTCTURK_KIT_SYMBOLS=BTCTRY,ETHTRY\n")
    run = quota(
        "--env-file",
        "env",
        "--json",
        cwd=tmp_path,
        BTCTURK_KIT_CYCLE_SECONDS="30",
        BTCTURK_KIT_NONSENSE="1",
    )
    document = json.loads(run.stdout)
    assert (document["symbols"], document["cycle_s"]) == (["BTCTRY", "ETHTRY"], 30.0)
    assert run.stderr == "warning: BTCTURK_KIT_NONSENSE is not a setting\n"


@pytest.mark.parametrize("bad", [("--bots", "0"), ("--cycle-seconds", "0")])
def test_bad_numbers_are_usage_errors(bad: tuple[str, str], tmp_path: Path) -> None:
    """Exit code 2, as for every command."""
    assert quota(*bad, cwd=tmp_path).returncode == 2


def test_a_cycle_of_almost_nothing_is_refused(tmp_path: Path) -> None:
    """Settings accept any positive number; less than a millisecond is none."""
    run = quota("--json", cwd=tmp_path, BTCTURK_KIT_CYCLE_SECONDS="0.0001")
    assert run.returncode == 3
    assert json.loads(run.stdout)["error"]["code"] == "ConfigurationError"
