"""`ccxt` for Node.js: runs `ccxt.test.cjs` against an exchange of its own.

Node finds the library by `NODE_PATH`, which the session sets to where it installed it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from btcturk_kit.sandbox import SandboxAddress

SCRIPT = Path(__file__).with_name("ccxt.test.cjs")
PAGE = Path(__file__).parents[3] / "docs" / "howto" / "point-another-client-here.md"


def test_ccxt_for_node_walks_through_the_exchange(exchange: SandboxAddress) -> None:
    """Every test of the script passes, and none is left out; what each shows is its name."""
    written = len(re.findall(r"^test\('", SCRIPT.read_text("utf-8"), re.MULTILINE))
    run = subprocess.run(
        ["node", "--test", "--test-reporter=tap", SCRIPT.name],
        cwd=SCRIPT.parent,
        env={**os.environ, "EXCHANGE": json.dumps(exchange._asdict())},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counts = {
        name: int(count) for name, count in re.findall(r"^# (\w+) (\d+)$", run.stdout, re.MULTILINE)
    }
    assert counts["pass"] == counts["tests"] == written
    assert counts["skipped"] == counts["todo"] == counts["fail"] == 0


def test_the_block_of_the_page_reaches_the_exchange(
    exchange: SandboxAddress, tmp_path: Path
) -> None:
    """What the page shows for Node.js reads `exchange.json` and prints a balance."""
    (block,) = re.findall(
        r"^```javascript\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "exchange.json").write_text(json.dumps(exchange._asdict()))
    run = subprocess.run(
        ["node", "-e", block], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "200000\n"
