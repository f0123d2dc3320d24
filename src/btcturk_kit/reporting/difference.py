"""Why a simulated session earned something else than the real one, in TRY per cause.

A ladder of runs leads from the simulation to the real session. Each rung takes one model of the
simulator away and puts the fact in its place: the latency that orders really had, the fee level
that was really paid. What equity moves by at a rung is that cause's share, so the shares add up to
the whole difference, to the last digit, whatever the models are. What no rung explains is a share
of its own, the rest, and is never spread over the others.

Shares depend on the order of the rungs: two causes that work together (a later order that also
pays another fee) count at the one that is switched first. The order is therefore fixed and part of
the answer; `orders_of` gives the answers of several. Never add: a run, a share that is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.money import ZERO, add, exact, sub
from btcturk_kit.errors import ConfigurationError, require

__all__ = ["CAUSES", "Attribution", "Cause", "Share", "attribute", "orders_of"]


class Cause(StrEnum):
    """What makes a simulation differ from the session it stands for."""

    MISSED_DATA = "missed_data"  # instants or books that one of the two did not see
    PUBLICATION = "publication"  # how old the market was that decisions were made on
    LATENCY = "latency"  # how long submits and cancels were under way
    QUEUE = "queue"  # what stood before our orders, and what a book gave
    ROUNDING = "rounding"  # digits that the exchange's history does not tell
    FEES = "fees"  # rates and tax
    REST = "rest"  # what is left: nothing explains it


CAUSES: tuple[Cause, ...] = tuple(one for one in Cause if one is not Cause.REST)
"""The order of the ladder: first what was seen, then what became of orders, then what it cost."""


class Share(NamedTuple):
    """One rung.

    Attributes:
        equity_try: Equity at the end with this cause and all before it taken from the session.
        difference_try: By how much that moved it.
    """

    cause: Cause
    equity_try: Decimal
    difference_try: Decimal


class Attribution(NamedTuple):
    """The difference of two sessions, cause by cause; the shares add up to it exactly."""

    simulated_try: Decimal
    real_try: Decimal
    shares: tuple[Share, ...]

    @property
    def difference_try(self) -> Decimal:
        """Real less simulated."""
        return sub(self.real_try, self.simulated_try)

    def of(self, cause: Cause) -> Decimal:
        """Return the share of a cause, zero if it has no rung."""
        return next((one.difference_try for one in self.shares if one.cause is cause), ZERO)


@exact
def attribute(
    simulate: Callable[[frozenset[Cause]], Decimal],
    *,
    real_try: Decimal,
    causes: Sequence[Cause] = CAUSES,
) -> Attribution:
    """Climb the ladder and return every share.

    Args:
        simulate: Runs the same session with these causes taken from the real one and the rest as
            the simulator assumes it; returns equity at the end, in TRY.
        real_try: Equity at the end of the real session.
        causes: The rungs, in order. One that cannot be told apart is left out: what it did is then
            in the rest.

    Raises:
        ConfigurationError: A cause comes twice, or the rest is given a rung.

    Example:
        >>> worlds = {0: Decimal(100), 1: Decimal(97), 2: Decimal(96)}
        >>> found = attribute(
        ...     lambda known: worlds[len(known)],
        ...     real_try=Decimal("95.5"),
        ...     causes=[Cause.LATENCY, Cause.FEES],
        ... )
        >>> [(one.cause.value, str(one.difference_try)) for one in found.shares]
        [('latency', '-3'), ('fees', '-1'), ('rest', '-0.5')]
        >>> found.difference_try
        Decimal('-4.5')
    """
    if len(set(causes)) != len(causes) or Cause.REST in causes:
        raise ConfigurationError(
            "each cause has one rung, and the rest has none", hint="give each once"
        )
    known: set[Cause] = set()
    simulated = before = simulate(frozenset())
    shares: list[Share] = []
    for cause in causes:
        known.add(cause)
        equity = simulate(frozenset(known))
        shares.append(Share(cause, equity, sub(equity, before)))
        before = equity
    shares.append(Share(Cause.REST, real_try, sub(real_try, before)))
    found = Attribution(simulated, real_try, tuple(shares))
    summed = ZERO
    for share in shares:
        summed = add(summed, share.difference_try)
    require(summed == found.difference_try, "the shares do not add up to the difference")
    return found


def orders_of(
    simulate: Callable[[frozenset[Cause]], Decimal],
    *,
    real_try: Decimal,
    orders: Iterable[Sequence[Cause]],
) -> tuple[Attribution, ...]:
    """Return the shares for several orders of the ladder, each set of causes simulated once.

    A share that moves much from one order to another belongs to causes that work together.
    """
    done: dict[frozenset[Cause], Decimal] = {}

    def once(known: frozenset[Cause]) -> Decimal:
        if known not in done:
            done[known] = simulate(known)
        return done[known]

    return tuple([attribute(once, real_try=real_try, causes=one) for one in orders])
