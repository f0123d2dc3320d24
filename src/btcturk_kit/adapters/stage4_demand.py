"""What one cycle of the stage-4 bot asks the exchange for, at worst.

It follows `runtime.observe` and `adapters.btcturk_venue`: who changes what they ask changes this
table too. With books from the stream the first two rows are not asked for; the table stays what it
is with REST. Never add: windows, time.
"""

from __future__ import annotations

from btcturk_kit.wire.pacing import Endpoint

__all__ = ["stage4_demand"]


def stage4_demand(*, pairs: int, strategies: int) -> dict[Endpoint, int]:
    """Return the requests of the worst cycle: every strategy trades in every pair.

    Repeated reads, pages of long listings and orders of plug-ins that want several at once come on
    top; so do deposits and withdrawals, which are read after a difference was seen. The rules of
    pairs and the exchange's time are asked for every few minutes; no window counts them.

    Args:
        pairs: Configured pairs.
        strategies: Configured strategies; each has at most one order per pair.

    Example:
        >>> stage4_demand(pairs=2, strategies=1)[Endpoint.ORDER_BOOK]
        2
    """
    orders = pairs * strategies
    return {
        # The market: the last trades of all pairs together, the book of each.
        Endpoint.TICKER: 1,
        Endpoint.ORDER_BOOK: pairs,
        # The account: open orders of every pair with a working order, once to take them out of its
        # book (not asked while none of ours can rest, but in the worst cycle one rests everywhere)
        # and once to see how they stand; trades of all pairs, funds.
        Endpoint.OPEN_ORDERS: 2 * pairs + orders,
        Endpoint.TRADE_HISTORY: 1,
        Endpoint.BALANCES: 1,
        # Orders that have left the listing are looked up by their number; those whose answer was
        # lost have none, and are looked for among the open ones (above) and then among all.
        Endpoint.ORDER: orders,
        Endpoint.ALL_ORDERS: orders,
        # What was decided: every order is replaced.
        Endpoint.SUBMIT: orders,
        Endpoint.CANCEL: orders,
    }
