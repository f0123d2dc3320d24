"""The rule list: one ordered tuple of small functions, each of which says why it speaks.

A rule sees the inputs and the limits and returns its reasons, none while its limit is not crossed.
What is not known crosses no limit; that is safe because the mode never loosens by a rule's silence
alone. Never add: a second list, a rule that loosens, memory, sizing of orders.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple

from btcturk_kit.domain.capital import CapitalState
from btcturk_kit.domain.health import VenueHealth
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.market import Ticker
from btcturk_kit.domain.mode_memory import ModeOverride
from btcturk_kit.domain.money import ONE, ZERO
from btcturk_kit.domain.risk_limits import RiskLimits
from btcturk_kit.domain.risk_memory import RiskMemory, losing_streak, refused_orders
from btcturk_kit.domain.risk_mode import RiskMode

__all__ = [
    "RULES",
    "RiskInputs",
    "RiskReason",
    "RiskRule",
    "Touch",
    "daily_loss_allowed",
    "drawdown_allowed",
]

# A member named once costs a fraction of one looked up at each use.
_NORMAL = RiskMode.NORMAL
_OBSERVE_ONLY = RiskMode.OBSERVE_ONLY
_REDUCE_RISK_ONLY = RiskMode.REDUCE_RISK_ONLY


class RiskReason(NamedTuple):
    """Why a rule asked for a mode or a multiplier.

    Attributes:
        measured: What was measured; None where there is no number.
        limit: The limit it crossed.
        multiplier: The size it asks for in NORMAL.
        is_silent: An operator's override lets it ask for nothing for a while.
    """

    rule: str
    mode: RiskMode
    detail: str
    measured: Decimal | None = None
    limit: Decimal | None = None
    multiplier: Decimal = ONE
    is_silent: bool = False


class Touch(NamedTuple):
    """Best bid and ask of a pair in which the bot holds coins or has orders."""

    symbol: Symbol
    bid: Decimal
    ask: Decimal


class RiskInputs(NamedTuple):
    """What an assessment sees. Amounts in TRY.

    Attributes:
        equity_try: Cash, marks and treasury.
        exposure_try: Marks of the bot's coins and its resting buys.
        data_age_ms: Age of the oldest market fact used.
        anomalies: (code, mode asked for) of what went wrong since the last assessment.
        now_ms: The decision instant.
        position_try: Mark of the bot's largest position.
        touches: Where the bot is in the market.
        conditions: 24 hours of each pair of the run, where they are known.
        health: How well the exchange is reached; None where there is none to reach.
        unknown_orders: Orders of which nobody knows whether the exchange has them.
        suspense_try: Worth of all unexplained differences; None if one has no price.
        is_valuation_pending: A charge could not be valued yet.
        override: The operator's.
    """

    equity_try: Decimal
    exposure_try: Decimal
    capital: CapitalState
    memory: RiskMemory
    data_age_ms: int
    anomalies: tuple[tuple[str, RiskMode], ...] = ()
    now_ms: int = 0
    position_try: Decimal = ZERO
    touches: tuple[Touch, ...] = ()
    conditions: tuple[Ticker, ...] = ()
    health: VenueHealth | None = None
    unknown_orders: int = 0
    suspense_try: Decimal | None = ZERO
    is_valuation_pending: bool = False
    override: ModeOverride | None = None


_Reasons = tuple[RiskReason, ...]
RiskRule = Callable[[RiskInputs, RiskLimits], _Reasons]
"""One rule of the list; it runs in the exact context of `RiskBudgetPolicy.assess`."""

_NONE: _Reasons = ()


def daily_loss_allowed(memory: RiskMemory, limits: RiskLimits) -> Decimal:
    """Return what may be lost today; exact context."""
    return limits.daily_loss_ratio * max(memory.day_start_capital_try, ZERO)


def drawdown_allowed(memory: RiskMemory, limits: RiskLimits) -> Decimal:
    """Return what may be lost from the peak; exact context."""
    at_risk = memory.peak_equity_try - memory.peak_treasury_try
    return limits.drawdown_ratio * max(at_risk, ZERO)


def _operator(seen: RiskInputs, _: RiskLimits) -> _Reasons:
    override = seen.override
    if override is None or override.mode is _NORMAL:
        return _NONE
    return (RiskReason("operator", override.mode, override.reason),)


def _capital_exhausted(seen: RiskInputs, _: RiskLimits) -> _Reasons:
    if not seen.capital.is_exhausted:
        return _NONE
    trading = seen.capital.trading_capital_try
    detail = f"trading capital is {trading}; only a transfer ends this"
    return (RiskReason("capital_exhausted", _OBSERVE_ONLY, detail, trading, ZERO),)


# What is lost, exposed or paid is mostly nothing, and no limit is below that: no arithmetic then.


def _daily_loss(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if seen.equity_try >= seen.memory.day_start_equity_try:
        return _NONE
    lost = seen.memory.day_start_equity_try - seen.equity_try
    allowed = daily_loss_allowed(seen.memory, limits)
    if lost <= allowed:
        return _NONE
    detail = f"{lost} lost today, {allowed} allowed"
    return (RiskReason("daily_loss", _OBSERVE_ONLY, detail, lost, allowed),)


def _drawdown(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if seen.equity_try >= seen.memory.peak_equity_try:
        return _NONE
    down = seen.memory.peak_equity_try - seen.equity_try
    allowed = drawdown_allowed(seen.memory, limits)
    if down <= allowed:
        return _NONE
    detail = f"{down} below the peak, {allowed} allowed"
    return (RiskReason("drawdown", _OBSERVE_ONLY, detail, down, allowed),)


def _stale_data(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    age, oldest = seen.data_age_ms, limits.data_age_ms_max
    if age <= oldest:
        return _NONE
    detail = f"a mark is {age} ms old, {oldest} allowed"
    return (RiskReason("stale_data", _OBSERVE_ONLY, detail, Decimal(age), Decimal(oldest)),)


def _gross_exposure(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if seen.exposure_try <= 0:
        return _NONE
    allowed = limits.gross_exposure_ratio * max(seen.capital.trading_capital_try, ZERO)
    return _above("gross_exposure", seen.exposure_try, allowed, "exposed")


def _largest_position(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if seen.position_try <= 0:
        return _NONE
    allowed = limits.position_ratio * max(seen.capital.trading_capital_try, ZERO)
    return _above("largest_position", seen.position_try, allowed, "in one coin")


def _fee_burn(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    memory = seen.memory
    if memory.day_charges_try <= 0:
        return _NONE
    allowed = limits.fee_burn_ratio * max(memory.day_start_capital_try, ZERO)
    return _above("fee_burn", memory.day_charges_try, allowed, "of fees and tax today")


def _spread(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if not seen.touches:
        return _NONE
    found = []
    for symbol, bid, ask in seen.touches:
        width, allowed = ask - bid, limits.spread_ratio_max * ask
        if width > allowed:
            detail = f"{symbol}: {width} between bid {bid} and ask {ask}, {allowed} allowed"
            found.append(RiskReason("spread", _REDUCE_RISK_ONLY, detail, width, allowed))
    return tuple(found)


def _volume(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if not seen.conditions:
        return _NONE
    found = []
    for row in seen.conditions:
        # The lowest price of the day: a volume is rather called too small than large enough.
        traded, least = row.volume * row.low, limits.volume_try_min
        if traded < least:
            detail = f"{row.symbol}: {traded} traded in 24 hours, {least} wanted"
            found.append(RiskReason("volume", _REDUCE_RISK_ONLY, detail, traded, least))
    return tuple(found)


def _reject_rate(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if not seen.memory.submits:
        return _NONE
    refused = Decimal(refused_orders(seen.memory, limits, now_ms=seen.now_ms))
    allowed = limits.reject_ratio_max * limits.reject_window
    return _above("reject_rate", refused, allowed, f"of the last {limits.reject_window} refused")


def _clock_offset(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    offset = None if seen.health is None else seen.health.clock_offset_ms
    if offset is None:
        return _NONE
    return _above(
        "clock_offset", Decimal(abs(offset)), Decimal(limits.clock_offset_ms_max), "ms off"
    )


def _api_latency(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    latency = None if seen.health is None else seen.health.latency_ms
    if latency is None:
        return _NONE
    return _above(
        "api_latency", Decimal(latency), Decimal(limits.latency_ms_max), "ms for an answer"
    )


def _unknown_orders(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if seen.unknown_orders <= limits.unknown_orders_max:
        return _NONE
    return _above(
        "unknown_orders",
        Decimal(seen.unknown_orders),
        Decimal(limits.unknown_orders_max),
        "orders in doubt",
    )


def _ledger_difference(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    dust = limits.dust_try
    if seen.suspense_try is not None:
        return _above("ledger_difference", seen.suspense_try, dust, "in suspense")
    detail = "something in suspense has no price"
    return (RiskReason("ledger_difference", _REDUCE_RISK_ONLY, detail, None, dust),)


def _valuation_pending(seen: RiskInputs, _: RiskLimits) -> _Reasons:
    if not seen.is_valuation_pending:
        return _NONE
    detail = "a charge has no rate yet, so its result is not split"
    return (RiskReason("valuation_pending", _REDUCE_RISK_ONLY, detail),)


def _anomalies(seen: RiskInputs, _: RiskLimits) -> _Reasons:
    if not seen.anomalies:
        return _NONE
    return tuple(
        [RiskReason(code, mode, "anomaly") for code, mode in seen.anomalies if mode is not _NORMAL]
    )


def _loss_streak(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    streak, longest = losing_streak(seen.memory, limits), limits.loss_streak
    if streak < longest:
        return _NONE
    detail = f"{streak} losing {limits.streak_unit} in a row"
    return (
        RiskReason(
            "loss_streak",
            _NORMAL,
            detail,
            Decimal(streak),
            Decimal(longest),
            limits.streak_multiplier,
        ),
    )


def _volatility(seen: RiskInputs, limits: RiskLimits) -> _Reasons:
    if not seen.conditions:
        return _NONE
    found = []
    for row in seen.conditions:
        width, allowed = row.high - row.low, limits.volatility_ratio_max * row.low
        if width > allowed:
            detail = f"{row.symbol}: from {row.low} to {row.high} in 24 hours, {allowed} is stress"
            found.append(
                RiskReason("volatility", _NORMAL, detail, width, allowed, limits.stress_multiplier)
            )
    return tuple(found)


def _above(rule: str, measured: Decimal, limit: Decimal, what: str) -> _Reasons:
    """Ask for REDUCE_RISK_ONLY when a measured value is above its limit."""
    if measured <= limit:
        return _NONE
    detail = f"{measured} {what}, {limit} allowed"
    return (RiskReason(rule, _REDUCE_RISK_ONLY, detail, measured, limit),)


RULES: Final[tuple[RiskRule, ...]] = (
    _operator,
    _capital_exhausted,
    _daily_loss,
    _drawdown,
    _stale_data,
    _gross_exposure,
    _largest_position,
    _fee_burn,
    _spread,
    _volume,
    _unknown_orders,
    _ledger_difference,
    _valuation_pending,
    _reject_rate,
    _clock_offset,
    _api_latency,
    _anomalies,
    _loss_streak,
    _volatility,
)
"""The list, in the order in which reasons are told; the strictest mode of all of them wins."""
