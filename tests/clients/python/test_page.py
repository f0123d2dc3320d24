"""The page that shows how to point a client here: its Python blocks, run letter by letter."""

from __future__ import annotations

import json
import re
import runpy
from decimal import Decimal
from pathlib import Path

import btcturk_api.client
import pytest

from btcturk_kit.sandbox import SandboxAddress

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "point-another-client-here.md"


def test_its_python_blocks_reach_the_exchange(
    exchange: SandboxAddress,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each block reads `exchange.json`, changes the address, and prints a price and a balance."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(btcturk_api.client.Client, "API_BASE", "http://127.0.0.1:9")
    Path("exchange.json").write_text(json.dumps(exchange._asdict()))
    blocks = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert [re.findall(r"ccxt|btcturk_api", block)[0] for block in blocks] == [
        "ccxt",
        "btcturk_api",
    ]
    for block in blocks:
        Path("block.py").write_text(block)
        names = runpy.run_path("block.py")
        client = names.get("exchange") or names["client"]
        client.session.close()
    ccxt_price, ccxt_free, price, free = capsys.readouterr().out.splitlines()
    assert Decimal(ccxt_price) > 0
    assert Decimal(price) > 0
    assert Decimal(ccxt_free) == Decimal(free) == 200_000
