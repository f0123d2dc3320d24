"""The stage-7 bot on the live prices of an exchange; its orders go to a paper account.

Never add: a rule of trading, a write to an exchange.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from btcturk_kit.adapters.journal_file import JournalFile
from btcturk_kit.compose.live import stage4
from btcturk_kit.compose.stage7 import (
    Stage7,
    journal_of,
    stage7_kit,
    stage7_profile,
    stage7_steering,
)
from btcturk_kit.domain.cycle import CycleState, Decision
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Ticker
from btcturk_kit.pipeline.adapt import Stage7Steering
from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.ports.transport import HttpTransport
from btcturk_kit.settings import Settings

__all__ = ["stage7_live"]


@asynccontextmanager
async def stage7_live(
    settings: Settings,
    *,
    is_dynamic: bool = False,
    journal: Path | None = None,
    failures_max: int | None = 0,
    transport: HttpTransport | None = None,
) -> AsyncIterator[Stage7]:
    """Assemble the stage-7 bot on the prices of an exchange, and take it apart again.

    Args:
        settings: Of the run; it is a dry run whatever they say.
        is_dynamic: Choose among all TRY pairs the exchange lists, not only those of the settings.
        journal: Where a document of each event cycle goes.
        failures_max: Failed reads in a row that the run survives; None for any number.
        transport: Instead of a connection of its own; not closed here.
    """
    changes: dict[str, object] = {"dry_run": True, "account": settings.account or "stage7"}
    made: list[Stage7Steering] = []
    rules: list[Mapping[Symbol, PairRules]] = []
    files: list[JournalFile] = []

    def steered(base: Kit) -> tuple[Kit, Callable[[Decision, int], None] | None]:
        profile = stage7_profile(base.profile)
        steering = stage7_steering(profile, is_dynamic=is_dynamic)
        names = (*settings.strategies, *settings.guards)
        kit = stage7_kit(base._replace(profile=profile), steering, names)
        made.append(steering)
        rules.append(kit.rules)
        if journal is None:
            return kit, None
        files.append(journal_of(journal, kit, steering, None))
        return kit, files[0]

    left: list[CycleState] = []

    def watch(rows: Mapping[Symbol, Ticker], now_ms: int) -> Mapping[Symbol, bool]:
        books = left[0] if left else None
        return made[0].watch(rows, rules[0], books, now_ms=now_ms)

    try:
        async with stage4(
            settings.model_copy(update=changes),
            transport=transport,
            failures_max=failures_max,
            steered=steered,
            watch=watch if is_dynamic else None,
        ) as bot:
            stored = bot.store.load()
            if stored is not None:
                left.append(stored.state)
            yield Stage7(bot.runner, bot.store, bot.kit, made[0], bot.db, None)
    finally:
        for file in files:
            file.close()
