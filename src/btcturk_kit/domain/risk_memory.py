"""What risk remembers from cycle to cycle: the peak, the day, streaks, refused orders.

Each function takes a memory and returns the next one. Never add: a rule, a clock.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.money import ZERO, exact
from btcturk_kit.domain.risk_limits import SUBMITS_KEPT, RiskLimits, StreakUnit
from btcturk_kit.errors import ConfigurationError

__all__ = [
    "RiskMemory",
    "begin_day",
    "losing_streak",
    "note_charges",
    "note_peak",
    "note_realized",
    "note_submits",
    "rearm_peak",
    "refused_orders",
    "shift_for_flow",
]


class RiskMemory(NamedTuple):
    """What risk remembers from cycle to cycle. Equity includes treasury; amounts in TRY.

    A deposit or a withdrawal moves the peak and the start of the day by its amount, so that losses
    are measured without it; see `shift_for_flow`.

    Attributes:
        peak_equity_try: Highest equity since the last operator's re-arm.
        peak_treasury_try: Treasury at that peak.
        day_end_ms: First instant of the next day in the day zone.
        day_start_equity_try: Last equity before the day began.
        day_start_capital_try: Trading capital when the day began.
        loss_streak: Losing round trips in a row.
        trip_net_try: Realized net when the open round trip began.
        in_trip: Whether a round trip is open.
        day_charges_try: Fees and tax of the bot since the day began.
        loss_days: Losing days in a row.
        submits: (instant, was it refused) of the last orders the exchange answered, from the first
            refused one on.
    """

    peak_equity_try: Decimal
    peak_treasury_try: Decimal
    day_end_ms: int
    day_start_equity_try: Decimal
    day_start_capital_try: Decimal
    loss_streak: int = 0
    trip_net_try: Decimal = ZERO
    in_trip: bool = False
    day_charges_try: Decimal = ZERO
    loss_days: int = 0
    submits: tuple[tuple[int, bool], ...] = ()


@exact
def note_realized(memory: RiskMemory, *, is_flat: bool, realized_net: Decimal) -> RiskMemory:
    """Follow round trips: from flat to flat is one, and a losing one lengthens the streak.

    Args:
        memory: The memory so far.
        is_flat: Whether the bot holds nothing above dust after the fill.
        realized_net: Realized net total after the fill, TRY.
    """
    if not memory.in_trip:
        return memory if is_flat else memory._replace(in_trip=True)
    if not is_flat:
        return memory
    won = realized_net + -memory.trip_net_try
    streak = memory.loss_streak + 1 if won < 0 else 0
    return memory._replace(loss_streak=streak, trip_net_try=realized_net, in_trip=False)


def note_peak(memory: RiskMemory, *, equity_try: Decimal, treasury_try: Decimal) -> RiskMemory:
    """Return the memory with the peak at `equity_try` if that is higher."""
    if equity_try <= memory.peak_equity_try:
        return memory
    return memory._replace(peak_equity_try=equity_try, peak_treasury_try=treasury_try)


def begin_day(
    memory: RiskMemory,
    *,
    day_end_ms: int,
    equity_try: Decimal,
    capital_try: Decimal,
) -> RiskMemory:
    """Begin a new day; the one that ends lengthens or ends the streak of losing days.

    Args:
        memory: Of the day that ends.
        day_end_ms: First instant of the day after the new one.
        equity_try: Last equity before midnight: the end of one day is the start of the next.
        capital_try: Trading capital then.
    """
    loss_days = memory.loss_days
    if equity_try < memory.day_start_equity_try:
        loss_days += 1
    elif equity_try > memory.day_start_equity_try:
        loss_days = 0
    return memory._replace(
        day_end_ms=day_end_ms,
        day_start_equity_try=equity_try,
        day_start_capital_try=capital_try,
        day_charges_try=ZERO,
        loss_days=loss_days,
    )


@exact
def note_charges(memory: RiskMemory, charges_try: Decimal) -> RiskMemory:
    """Add fees and tax to those of the day; a correction can take some off."""
    if not charges_try:
        return memory
    after = (*memory[:8], memory.day_charges_try + charges_try, *memory[9:])
    return tuple.__new__(RiskMemory, after)


@exact
def shift_for_flow(
    memory: RiskMemory, amount_try: Decimal, *, treasury_try: Decimal = ZERO
) -> RiskMemory:
    """Move peak and day by money that came into the bot's equity, or left it if negative.

    What is lost is the same before and after; only what it is measured against moves.

    Args:
        memory: The memory so far.
        amount_try: What equity (the bot's cash and coins, and the treasury) changed by. 0 for a
            transfer between the bot and the treasury.
        treasury_try: What the treasury changed by; the rest was trading capital.

    Example:
        >>> start = RiskMemory(Decimal(1000), ZERO, 0, Decimal(900), Decimal(900))
        >>> after = shift_for_flow(start, Decimal(-400))
        >>> after.peak_equity_try, after.day_start_equity_try, after.day_start_capital_try
        (Decimal('600'), Decimal('500'), Decimal('500'))
    """
    return memory._replace(
        peak_equity_try=memory.peak_equity_try + amount_try,
        peak_treasury_try=memory.peak_treasury_try + treasury_try,
        day_start_equity_try=memory.day_start_equity_try + amount_try,
        day_start_capital_try=memory.day_start_capital_try + amount_try - treasury_try,
    )


def rearm_peak(
    memory: RiskMemory, *, equity_try: Decimal, treasury_try: Decimal, reason: str
) -> RiskMemory:
    """Measure drawdown from the present equity on: an operator's decision, never the bot's.

    The loss of the day is measured as before.

    Raises:
        ConfigurationError: No reason was given.
    """
    if not reason.strip():
        raise ConfigurationError("the peak is re-armed without a reason", hint="say why")
    return memory._replace(peak_equity_try=equity_try, peak_treasury_try=treasury_try)


def note_submits(memory: RiskMemory, answers: Collection[bool], *, now_ms: int) -> RiskMemory:
    """Remember whether each of these orders was refused by the exchange; the oldest are dropped.

    What was accepted before the first refusal changes no count and is not kept: while nothing is
    refused, the memory stays the same object.
    """
    if not memory.submits and True not in answers:
        return memory
    noted = [*memory.submits, *[(now_ms, is_refused) for is_refused in answers]][-SUBMITS_KEPT:]
    first = next((at for at, one in enumerate(noted) if one[1]), len(noted))
    kept = tuple(noted[first:])
    return memory if kept == memory.submits else memory._replace(submits=kept)


def refused_orders(memory: RiskMemory, limits: RiskLimits, *, now_ms: int) -> int:
    """Return how many of the last orders were refused, within the window and its age."""
    since_ms = now_ms - limits.reject_age_ms_max
    return sum(
        is_refused and at_ms >= since_ms
        for at_ms, is_refused in memory.submits[-limits.reject_window :]
    )


def losing_streak(memory: RiskMemory, limits: RiskLimits) -> int:
    """Return losing trips or days in a row, whichever the limits count."""
    return memory.loss_days if limits.streak_unit is StreakUnit.DAYS else memory.loss_streak
