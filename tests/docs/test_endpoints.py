"""The page of endpoints: one section for each, and every example runs on the local exchange."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.sandbox import ClockKind, SandboxProcess
from btcturk_kit.wire.pacing import Endpoint

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "endpoints.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SECTIONS = dict(re.findall(r"^### `(.*?)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
NO_METHOD = {
    Endpoint.GRAPH: "counts the requests of a whole host",
    Endpoint.WEBSOCKET: "is the stream",
}


def program() -> str:
    """Return all blocks, in their order, as the one program that the page calls them."""
    start, *rest = BLOCKS
    lines = "\n".join(rest).splitlines()
    body = "\n".join(f"    {line}" if line else "" for line in lines)
    return f"import asyncio\n{start}\nasync def main() -> None:\n{body}\n\nasyncio.run(main())\n"


def test_every_endpoint_has_a_section_with_an_example() -> None:
    """The page lists what the client serves: nothing less, nothing else."""
    assert set(SECTIONS) == set(Endpoint) - set(NO_METHOD)
    assert [name for name, text in SECTIONS.items() if "```python" not in text] == []


def test_every_call_of_an_example_is_a_method_of_the_client() -> None:
    """And every public method of the client but the stream is called in one."""
    called = set(re.findall(r"\bclient\.(\w+)\(", "".join(BLOCKS)))
    methods = {
        name
        for name in dir(BtcturkClient)
        if not name.startswith("_") and callable(getattr(BtcturkClient, name))
    }
    assert called == methods - {"from_env", "stream"}


def test_the_stream_is_on_a_page_of_its_own() -> None:
    """The one method that is no endpoint is called in the program of the page of streams."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "streams.md").read_text("utf-8")
    assert "client.stream()" in "".join(
        re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    )


def test_the_examples_run() -> None:
    """One after the other, in the environment that the first of them names."""
    with SandboxProcess(clock=ClockKind.REAL, seed=1) as address:
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", program()],
            env={
                **os.environ,
                "BTCTURK_API_KEY": address.api_key,
                "BTCTURK_API_SECRET": address.api_secret,
                "BTCTURK_KIT_REST_URL": address.rest,
                "BTCTURK_KIT_GRAPH_URL": address.graph,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    printed = run.stdout
    assert "accepted as" in printed
    assert "buy" in printed
    assert printed.count("OrderAccepted(") == 3
    assert "CancelAccepted" in printed
    assert printed.endswith("new words and fields: {}\n")
