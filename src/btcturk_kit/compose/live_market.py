"""Where a live bot reads books and last trades: over REST or from the stream, as the settings say.

Never add: orders, instants.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from btcturk_kit.adapters.btcturk_quotes import Quotes, RestQuotes
from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.adapters.stream_marks import SandboxMarks
from btcturk_kit.adapters.stream_quotes import StreamQuotes
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.transport import HttpTransport
from btcturk_kit.settings import Settings

__all__ = ["check_source", "live_quotes"]


def check_source(settings: Settings, *, is_recorded: bool) -> None:
    """Check that a session can be recorded, or replayed, with this source.

    Raises:
        ConfigurationError: It is the stream: a recording has no place for when a frame was read.
    """
    if is_recorded and settings.market_source == "stream":
        raise ConfigurationError(
            "a session that reads its market from the stream cannot be replayed",
            hint="record and replay with BTCTURK_KIT_MARKET_SOURCE=rest",
        )


async def live_quotes(
    settings: Settings,
    stack: AsyncExitStack,
    client: BtcturkClient,
    *,
    clock: Clock,
    network: HttpTransport,
    symbols: Sequence[Symbol],
) -> Quotes:
    """Return where books and last trades come from; what it opens is closed by the stack.

    Raises:
        ConfigurationError: The address of the stream is not known.
        TransportError: The stream cannot be opened.
    """
    if settings.market_source == "rest":
        return RestQuotes(client)
    marks: SandboxMarks | None = None
    if settings.control_url:
        marks = SandboxMarks(
            transport=network,
            control_url=settings.control_url,
            control_token=settings.control_token.get_secret_value(),
            symbol=symbols[0],
        )
    quotes = StreamQuotes(
        client.stream(), clock, symbols, send_mark=None if marks is None else marks.send
    )
    return await stack.enter_async_context(quotes)
