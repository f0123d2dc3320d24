"""The JSON schema that the shape of cycle documents gives.

Run as a script from the root of the project it writes the packaged file anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config

from btcturk_kit.reporting import cycle_shape
from btcturk_kit.reporting.cycle_shape import CycleDocument

__all__ = ["FILE", "adapter", "schema_text"]

FILE = Path(cycle_shape.__file__).parent / "schemas" / "stage7_cycle.v1.json"


def adapter() -> TypeAdapter[Any]:
    """Return what validates documents: types are not converted, unknown fields are refused."""
    for name in cycle_shape.__all__:
        with_config(ConfigDict(extra="forbid", strict=True))(getattr(cycle_shape, name))
    return TypeAdapter(CycleDocument)


def schema_text() -> str:
    """Return the text of the published schema."""
    schema = adapter().json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:btcturk-kit:stage7_cycle:1",
    }
    return json.dumps({**head, **schema}, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), "utf-8")
