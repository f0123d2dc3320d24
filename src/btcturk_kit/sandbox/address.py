"""Where a local exchange listens and what opens it. Never add: anything that starts one."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["ClockKind", "SandboxAddress"]


class ClockKind(StrEnum):
    """What moves the exchange's clock."""

    REAL = "real"
    VIRTUAL = "virtual"


class SandboxAddress(NamedTuple):
    """The ready line of `sandbox serve`, field by field.

    Attributes:
        rest: Base address of the exchange's API.
        graph: Base address of the candles, None while there are none.
        ws: Address of the stream.
        control: Base address of the control API.
        control_token: Its bearer token.
        clock: `real` or `virtual`.
        api_key: Public key of the account.
        api_secret: Its private key, base64.
    """

    rest: str
    graph: str | None
    ws: str
    control: str
    control_token: str
    clock: str
    api_key: str
    api_secret: str
