"""How texts of a `stage7_cycle` document are written. Never add: a field of a document."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple

__all__ = ["SCHEMA", "Amount", "Digest", "Mode", "SideName"]

SCHEMA: Final = "stage7_cycle/1"
"""Name and version of the document; the version grows when a field changes its meaning or goes."""


class _Written(NamedTuple):
    """How a text is written; who validates documents reads the pattern from here."""

    pattern: str

    def __get_pydantic_core_schema__(self, *_: object) -> dict[str, Any]:
        """Return the text's schema in the words of the library that publishes it."""
        return {"type": "str", "pattern": self.pattern}


Amount = Annotated[str, _Written(r"^-?[0-9]+(\.[0-9]*[1-9])?$")]
"""An exact decimal without exponent and without padding: `1.5`, `-0.00000001`, `1000`."""

Digest = Annotated[str, _Written(r"^[0-9a-f]{64}$")]
Mode = Literal["NORMAL", "REDUCE_RISK_ONLY", "OBSERVE_ONLY"]
SideName = Literal["buy", "sell"]
