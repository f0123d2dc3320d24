"""Risk modes, limits and the memory of the mode; one ordered, explainable rule list.

The strictest result of all rules wins. A mode is entered at once, left only after a cool-down
counted from the last trigger *and* a number of clean cycles, one step at a time. Nothing loosens
because data is missing. Never add: sizing of orders, a clock, a second place that decides the mode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.capital import (
    CapitalState,
    LedgerCheckpoint,
    SelfFinancing,
    apply_self_financing,
)
from btcturk_kit.domain.money import ONE, ZERO, exact
from btcturk_kit.errors import ConfigurationError

__all__ = [
    "ModeMemory",
    "RiskAssessment",
    "RiskBudgetPolicy",
    "RiskInputs",
    "RiskLimits",
    "RiskMemory",
    "RiskMode",
    "RiskReason",
    "next_mode_memory",
    "note_realized",
    "strictest",
]


class RiskMode(StrEnum):
    """What the bot may do; cancels are allowed in every mode."""

    NORMAL = "NORMAL"
    REDUCE_RISK_ONLY = "REDUCE_RISK_ONLY"  # only orders that make a position smaller
    OBSERVE_ONLY = "OBSERVE_ONLY"  # no order at all

    @property
    def strictness(self) -> int:
        """0 for NORMAL, 2 for OBSERVE_ONLY."""
        return _STRICTNESS[self]


# A member named once costs a fraction of one looked up at each use.
_NORMAL = RiskMode.NORMAL
_OBSERVE_ONLY = RiskMode.OBSERVE_ONLY
_REDUCE_RISK_ONLY = RiskMode.REDUCE_RISK_ONLY


_STRICTNESS = {RiskMode.NORMAL: 0, RiskMode.REDUCE_RISK_ONLY: 1, RiskMode.OBSERVE_ONLY: 2}
_LOOSER = {
    RiskMode.OBSERVE_ONLY: RiskMode.REDUCE_RISK_ONLY,
    RiskMode.REDUCE_RISK_ONLY: RiskMode.NORMAL,
    RiskMode.NORMAL: RiskMode.NORMAL,
}


def strictest(*modes: RiskMode) -> RiskMode:
    """Return the strictest of the modes, NORMAL for none."""
    return max(modes, key=_STRICTNESS.__getitem__, default=_NORMAL)


class RiskReason(NamedTuple):
    """Why a rule asked for a mode or a multiplier."""

    rule: str
    mode: RiskMode
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Limits as ratios of the capital named beside them.

    Attributes:
        daily_loss_ratio: Of the trading capital at the start of the day.
        drawdown_ratio: Of (peak equity - treasury at that peak).
        gross_exposure_ratio: Marks and resting buys, of trading capital.
        order_ratio: One risk-increasing order, of trading capital.
        loss_streak: Losing round trips in a row that halve the size.
        streak_multiplier: Size from there on, until a winning round trip.
        cooldown_ms: Market time a mode is held after its last trigger.
        clean_cycles: Cycles without a trigger before a mode steps down.
        dust_try: A position worth less is flat.
        data_age_ms_max: Older books or balances make the bot observe only.
    """

    daily_loss_ratio: Decimal = Decimal("0.05")
    drawdown_ratio: Decimal = Decimal("0.15")
    gross_exposure_ratio: Decimal = Decimal("1.20")
    order_ratio: Decimal = Decimal("0.20")
    loss_streak: int = 3
    streak_multiplier: Decimal = Decimal("0.50")
    cooldown_ms: int = 900_000
    clean_cycles: int = 3
    dust_try: Decimal = Decimal(10)
    data_age_ms_max: int = 30_000

    def __post_init__(self) -> None:
        for name in ("daily_loss_ratio", "drawdown_ratio", "order_ratio", "gross_exposure_ratio"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}", hint="must exceed 0")


class RiskMemory(NamedTuple):
    """What risk remembers from cycle to cycle. Equity includes treasury; amounts in TRY.

    A deposit or a withdrawal moves the peak and the start of the day by its amount, so that losses
    are measured without it.

    Attributes:
        peak_equity_try: Highest equity since the last operator's re-arm.
        peak_treasury_try: Treasury at that peak.
        day_end_ms: First instant of the next day in the day zone.
        day_start_equity_try: Last equity before the day began.
        day_start_capital_try: Trading capital when the day began.
        loss_streak: Losing round trips in a row.
        trip_net_try: Realized net when the open round trip began.
        in_trip: Whether a round trip is open.
    """

    peak_equity_try: Decimal
    peak_treasury_try: Decimal
    day_end_ms: int
    day_start_equity_try: Decimal
    day_start_capital_try: Decimal
    loss_streak: int = 0
    trip_net_try: Decimal = ZERO
    in_trip: bool = False


class ModeMemory(NamedTuple):
    """The mode in force, when it was last triggered, and the clean cycles since."""

    mode: RiskMode = RiskMode.NORMAL
    triggered_ms: int = 0
    clean_cycles: int = 0


class RiskInputs(NamedTuple):
    """What an assessment sees. Amounts in TRY.

    Attributes:
        equity_try: Cash, marks and treasury.
        exposure_try: Marks of the bot's coins and its resting buys.
        data_age_ms: Age of the oldest market fact used.
        anomalies: (code, mode asked for) of what went wrong since the last assessment.
    """

    equity_try: Decimal
    exposure_try: Decimal
    capital: CapitalState
    memory: RiskMemory
    data_age_ms: int
    anomalies: tuple[tuple[str, RiskMode], ...] = ()


class RiskAssessment(NamedTuple):
    """The outcome: mode wanted now, size multiplier, caps, and why.

    Attributes:
        wanted: The strictest mode any rule asks for now, before the mode's memory.
        multiplier: Scales the size of risk-increasing orders in NORMAL.
        order_notional_max: Cap of one risk-increasing order, TRY.
        exposure_max: Cap of gross exposure, TRY.
        equity_floor: Equity below which the daily-loss or drawdown rule triggers; the trip-wire.
    """

    wanted: RiskMode
    multiplier: Decimal
    order_notional_max: Decimal
    exposure_max: Decimal
    equity_floor: Decimal
    reasons: tuple[RiskReason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskBudgetPolicy:
    """Capital split and risk limits of one bot, as one frozen policy.

    Example:
        >>> policy = RiskBudgetPolicy()
        >>> policy.financing.treasury_ratio, policy.limits.order_ratio
        (Decimal('0.40'), Decimal('0.20'))
    """

    financing: SelfFinancing = field(default_factory=SelfFinancing)
    limits: RiskLimits = field(default_factory=RiskLimits)

    def apply_self_financing(
        self, state: CapitalState, checkpoint: LedgerCheckpoint
    ) -> CapitalState:
        """Apply one realized-PnL checkpoint; see `capital.apply_self_financing`."""
        return apply_self_financing(state, checkpoint, self.financing)

    @exact
    def equity_floor(self, memory: RiskMemory) -> Decimal:
        """Return the equity below which the daily-loss or the drawdown rule triggers.

        Daily: start-of-day equity minus 5 % of the trading capital then. Drawdown: the peak minus
        15 % of (peak - treasury at the peak). The higher of the two.
        """
        limits = self.limits
        at_risk = memory.peak_equity_try - memory.peak_treasury_try
        drawdown = memory.peak_equity_try - limits.drawdown_ratio * max(at_risk, ZERO)
        allowed = limits.daily_loss_ratio * max(memory.day_start_capital_try, ZERO)
        daily = memory.day_start_equity_try - allowed
        return max(drawdown, daily)

    @exact
    def assess(self, inputs: RiskInputs) -> RiskAssessment:
        """Run the rule list, in this order, and return the strictest mode with every reason."""
        limits, memory, capital = self.limits, inputs.memory, inputs.capital
        reasons: list[RiskReason] = []
        trading = capital.trading_capital_try
        base = trading if trading > 0 else ZERO
        multiplier = ONE
        exposure_max = limits.gross_exposure_ratio * base
        if capital.is_exhausted:
            reasons.append(
                RiskReason("capital_exhausted", _OBSERVE_ONLY, f"trading capital {trading}")
            )
        floor = self.equity_floor(memory)
        if inputs.equity_try < floor:
            reasons += self._loss_reasons(inputs, memory)
        if inputs.data_age_ms > limits.data_age_ms_max:
            reasons.append(RiskReason("stale_data", _OBSERVE_ONLY, f"{inputs.data_age_ms} ms old"))
        if inputs.exposure_try > exposure_max:
            reasons.append(
                RiskReason(
                    "gross_exposure",
                    _REDUCE_RISK_ONLY,
                    f"{inputs.exposure_try} exceeds {exposure_max}",
                )
            )
        for code, mode in inputs.anomalies:
            if mode is not _NORMAL:
                reasons.append(RiskReason(code, mode, "anomaly"))
        if memory.loss_streak >= limits.loss_streak:
            multiplier = limits.streak_multiplier
            reasons.append(RiskReason("loss_streak", _NORMAL, f"{memory.loss_streak} losing trips"))
        wanted = _NORMAL
        for reason in reasons:
            if _STRICTNESS[reason.mode] > _STRICTNESS[wanted]:
                wanted = reason.mode
        return RiskAssessment(
            wanted,
            multiplier,
            limits.order_ratio * base,
            exposure_max,
            floor,
            tuple(reasons),
        )

    def _loss_reasons(self, inputs: RiskInputs, memory: RiskMemory) -> list[RiskReason]:
        limits, reasons = self.limits, []
        lost = memory.day_start_equity_try - inputs.equity_try
        allowed = limits.daily_loss_ratio * max(memory.day_start_capital_try, ZERO)
        if lost > allowed:
            detail = f"{lost} lost today, {allowed} allowed"
            reasons.append(RiskReason("daily_loss", _OBSERVE_ONLY, detail))
        down = memory.peak_equity_try - inputs.equity_try
        at_risk = max(memory.peak_equity_try - memory.peak_treasury_try, ZERO)
        allowed = limits.drawdown_ratio * at_risk
        if down > allowed:
            detail = f"{down} below the peak, {allowed} allowed"
            reasons.append(RiskReason("drawdown", _OBSERVE_ONLY, detail))
        return reasons


def next_mode_memory(
    memory: ModeMemory, wanted: RiskMode, *, now_ms: int, limits: RiskLimits, cycles: int = 1
) -> ModeMemory:
    """Return the mode in force after `cycles` cycles that wanted `wanted`.

    Stricter or equal (and not NORMAL) takes over at once and restarts the cool-down. Otherwise the
    cycles count as clean; with enough of them and the cool-down over, the mode steps down once.
    """
    if _STRICTNESS[wanted] >= _STRICTNESS[memory.mode] and wanted is not _NORMAL:
        return ModeMemory(wanted, now_ms, 0)
    if memory.mode is _NORMAL:
        return memory
    clean = memory.clean_cycles + cycles
    if clean >= limits.clean_cycles and now_ms - memory.triggered_ms >= limits.cooldown_ms:
        return ModeMemory(_LOOSER[memory.mode], memory.triggered_ms, 0)
    return ModeMemory(memory.mode, memory.triggered_ms, clean)


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
