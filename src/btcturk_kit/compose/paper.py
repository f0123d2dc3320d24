"""The paper account of a dry run, as its books left it.

Orders meet the books that the bot saw: they walk the levels, and a resting one fills up to what
crosses it at a later look. Never add: an exchange, a file.
"""

from __future__ import annotations

from btcturk_kit.pipeline.decide import Kit
from btcturk_kit.pipeline.profile import TRY
from btcturk_kit.ports.clock import Clock
from btcturk_kit.ports.store import StoredState
from btcturk_kit.settings import Settings
from btcturk_kit.simulation.fees import BTCTRY_LEVEL_1, FeeSchedule
from btcturk_kit.simulation.oms import OmsSimulator
from btcturk_kit.simulation.venue_models import SampledBook, VenueModels

__all__ = ["paper_account"]


def paper_account(
    settings: Settings, kit: Kit, stored: StoredState | None, clock: Clock
) -> OmsSimulator:
    """Return a paper account that holds what the books say, with the same orders working."""
    fees = FeeSchedule(
        maker_rate=settings.maker_ratio,
        taker_rate=settings.taker_ratio,
        vat_rate=BTCTRY_LEVEL_1.vat_rate,
    )
    opening = {TRY: settings.dry_run_balance_try}
    first_id = clock.now_ms()
    if stored is not None:
        ledger = stored.state.ledger
        opening = {asset: ledger.held(asset) for asset in ledger.assets()}
        # Two runs can begin at the same instant where time stands still between them.
        used = [position.last_key[1] for position in stored.state.positions.values()]
        used += [order.order_id or 0 for order in stored.state.orders.values()]
        first_id = max([first_id, *[number + 1 for number in used]])
    models = VenueModels(sampled_book=SampledBook.LADDER)
    oms = OmsSimulator(kit.rules, fees, opening, models=models, first_id=first_id)
    if stored is not None:
        for order in stored.state.orders.values():
            oms.restore(order)
    return oms
