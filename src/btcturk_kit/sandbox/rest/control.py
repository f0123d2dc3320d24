"""The control interface of faults: what is played on requests, and what all plans have hit.

Never add: HTTP, what a fault does (`faults`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, ValidationError, convert

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.rest.faults import RestScript
from btcturk_kit.sandbox.rest.playing import RestFaults

__all__ = ["FAULT_ROUTES", "RestControl"]

_PLAY = "POST /v1/rest/faults"
_MIX = "POST /v1/rest/mix"
_HITS = "GET /v1/faults"

FAULT_ROUTES = frozenset({_PLAY, _MIX, _HITS})
"""Method and path of everything here."""


class _Mix(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A seeded mix: which, how likely each of its faults is, and how late what is late comes."""

    seed: int = 1
    bps: int = 50
    ms: int = 50


class RestControl:
    """What tests of clients need.

    Args:
        faults: The faults of requests.
        stream_rows: Returns the same rows of the stream's plan; None without a stream.
    """

    def __init__(
        self, faults: RestFaults, *, stream_rows: Callable[[], list[dict[str, object]]] | None
    ) -> None:
        self._faults = faults
        self._stream_rows = stream_rows

    def answer(self, route: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Do what one of `FAULT_ROUTES` asks for.

        Raises:
            ConfigurationError: The fields are not those of the route.
        """
        if route == _HITS:
            return {
                "rest": self._faults.rows(),
                "stream": [] if self._stream_rows is None else self._stream_rows(),
            }
        script = RestScript.of(fields) if route == _PLAY else _mixed(fields)
        self._faults.play(script)
        return {"faults": len(script.faults)}


def _mixed(fields: dict[str, Any]) -> RestScript:
    try:
        mix = convert(fields, _Mix)
    except ValidationError as error:
        raise ConfigurationError(f"this is no mix of faults: {error}") from error
    return RestScript.seeded(mix.seed, bps=mix.bps, ms=mix.ms)
