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
        graph: Base address of the candles.
        ws: Address of the stream.
        control: Base address of the control API.
        control_token: Its bearer token.
        clock: `real` or `virtual`.
        api_key: Public key of the account.
        api_secret: Its private key, base64.
    """

    rest: str
    graph: str
    ws: str
    control: str
    control_token: str
    clock: str
    api_key: str
    api_secret: str

    def environ(self) -> dict[str, str]:
        """Return the names and values that point the kit's own client and bot here.

        A client made of them alone is stamped with this machine's time, which is market time on a
        real clock only; beside a virtual one it needs a `SandboxClock`, as the bot has.

        The control interface is among them only on a virtual clock: a bot that knows it moves the
        market by it.
        """
        control = {
            "BTCTURK_KIT_CONTROL_URL": self.control,
            "BTCTURK_KIT_CONTROL_TOKEN": self.control_token,
        }
        return {
            "BTCTURK_API_KEY": self.api_key,
            "BTCTURK_API_SECRET": self.api_secret,
            "BTCTURK_KIT_REST_URL": self.rest,
            "BTCTURK_KIT_GRAPH_URL": self.graph,
            "BTCTURK_KIT_WS_URL": self.ws,
            **(control if self.clock == ClockKind.VIRTUAL else {}),
        }
