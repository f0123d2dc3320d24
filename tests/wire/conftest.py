"""Where the recorded answers are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    """Return a reader of recorded answers by name."""
    folder = Path(__file__).parent / "payloads"
    return lambda name: (folder / f"{name}.json").read_bytes()
