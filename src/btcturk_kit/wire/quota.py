"""What a plan of requests needs of the documented windows, and when it would block.

Never add: who needs how much (`adapters.stage4_demand` says it for the stage-4 bot), printing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from btcturk_kit.errors import require
from btcturk_kit.wire.pacing import RULES, Endpoint, WindowRule, rules_by_endpoint

__all__ = ["Load", "loads_of", "shortest_cycle_ms"]

_MINUTE_MS: Final = 60_000


class Load(NamedTuple):
    """How full one window gets.

    Attributes:
        rule: The window.
        per_cycle: Requests of all clients in one cycle.
        per_minute: Requests in the fullest minute.
        needed: Requests in the fullest period of the window.
        blocks_after_ms: When the exchange would block, counted from the start; None for never.
        cycle_ms_min: The shortest cycle that fits into this window.
    """

    rule: WindowRule
    per_cycle: int
    per_minute: int
    needed: int
    blocks_after_ms: int | None
    cycle_ms_min: int


def loads_of(
    demand: Mapping[Endpoint, int],
    *,
    cycle_ms: int,
    clients: int = 1,
    rules: Iterable[WindowRule] = RULES,
) -> tuple[Load, ...]:
    """Return how full each window gets that the demand touches, in the order of the table.

    A cycle asks for everything at its start. Where a window is shorter than the cycle the client's
    limiter spreads the requests over the cycle; where it is longer, whole cycles fall into it.

    Args:
        demand: Requests per cycle of one client.
        cycle_ms: Distance of two cycles.
        clients: So many share the address and the account.
        rules: The table of windows.

    Example:
        >>> (book,) = loads_of({Endpoint.ORDER_BOOK: 8}, cycle_ms=2_000)
        >>> book.needed, book.blocks_after_ms, book.cycle_ms_min
        (240, 44000, 2728)
    """
    require(cycle_ms > 0 and clients > 0, "a plan needs a cycle and a client")
    table = tuple(rules)
    counted: dict[WindowRule, int] = dict.fromkeys(table, 0)
    for endpoint, of_endpoint in rules_by_endpoint(table).items():
        for rule in of_endpoint:
            counted[rule] += demand.get(endpoint, 0) * clients
    return tuple(
        [_load(rule, number, cycle_ms=cycle_ms) for rule, number in counted.items() if number]
    )


def shortest_cycle_ms(loads: Iterable[Load]) -> int:
    """Return the shortest cycle that fits into every window, 0 if any does."""
    return max([load.cycle_ms_min for load in loads], default=0)


def _load(rule: WindowRule, number: int, *, cycle_ms: int) -> Load:
    needed = _needed(number, rule.period_ms, cycle_ms)
    blocks_after_ms = None
    if needed > rule.limit:
        if rule.period_ms > cycle_ms:
            # So many whole cycles fit; the next one is one too many.
            blocks_after_ms = rule.limit // number * cycle_ms
        else:
            blocks_after_ms = rule.period_ms * rule.limit // needed
    if number > rule.limit:
        cycle_ms_min = rule.period_ms * _up(number, rule.limit)
    else:
        cycle_ms_min = _up(rule.period_ms, rule.limit // number)
    per_minute = number * _up(_MINUTE_MS, cycle_ms)
    return Load(rule, number, per_minute, needed, blocks_after_ms, cycle_ms_min)


def _needed(number: int, period_ms: int, cycle_ms: int) -> int:
    """Return the requests in the fullest period, with `number` of them in each cycle."""
    if period_ms > cycle_ms:
        return number * _up(period_ms, cycle_ms)
    return _up(number, cycle_ms // period_ms)


def _up(amount: int, by: int) -> int:
    return -(-amount // by)
