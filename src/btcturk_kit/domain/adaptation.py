"""Adaptation: how evidence of a window of market time moves the runtime parameters.

Bad evidence tightens, in every mode and whatever alerts stand. Good evidence loosens, after several
whole windows in which the mode was NORMAL and nothing was amiss: everything that was tightened
comes back to what the operator began with, and beyond that only what orders that were taken speak
for. A breach goes back to the last version that a whole window proved good, and never to a looser
value than the one in force. A version begins unproven, and its drawdown is measured from its own
beginning: one bad day does not roll back for ever. Never add: a clock, a look at anything but the
evidence, a parameter that is tightened and never comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, NamedTuple

from btcturk_kit.domain.canonical import GENESIS
from btcturk_kit.domain.money import ZERO, divide_half_even, exact, round_half_even
from btcturk_kit.domain.parameter_steps import (
    SHIFT,
    VOLUME_STEP_MIN,
    changed_to,
    differences,
    loosened,
    on_drawdown,
    stepped,
)
from btcturk_kit.domain.runtime_parameters import (
    BOUNDS,
    Origin,
    ParameterChange,
    ParameterVersion,
    RuntimeParameters,
    forget_oldest,
    moved,
    tightest,
)
from btcturk_kit.domain.universe import ScoreWeights
from btcturk_kit.errors import ConfigurationError

__all__ = [
    "AdaptationLimits",
    "Adaptive",
    "Evidence",
    "Look",
    "note_look",
    "review_parameters",
    "start_adaptive",
]

_PLACES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationLimits:
    """When evidence is good or bad.

    Attributes:
        window_ms: Market time between two reviews.
        changes_max: Values that one review changes.
        drawdown_ratio: The ratio limit that drawdowns are compared with, of the risk rules.
        drawdown_share: Part of it from which on a version tightens; all of it is a breach.
        reject_ratio: Refused of all answered orders, with at least `orders_min` of them.
        orders_min: Fewer say nothing.
        throttles_max: More in one window are a breach.
        missing_ratio: Looked-at pairs without a price.
        wide_ratio: Looks at which a pair of the universe was wider than `spread_bps_max`.
        healthy_windows: Whole good windows in a row before anything is loosened.
    """

    window_ms: int = 6 * 3_600_000
    changes_max: int = 3
    drawdown_ratio: Decimal = Decimal("0.15")
    drawdown_share: Decimal = Decimal("0.5")
    reject_ratio: Decimal = Decimal("0.25")
    orders_min: int = 4
    throttles_max: int = 5
    missing_ratio: Decimal = Decimal("0.10")
    wide_ratio: Decimal = Decimal("0.25")
    healthy_windows: int = 3

    def __post_init__(self) -> None:
        if self.window_ms <= 0 or not 1 <= self.changes_max <= len(BOUNDS):
            raise ConfigurationError(
                f"a window of {self.window_ms} ms, {self.changes_max} changes",
                hint=f"choose a window above 0 and 1 to {len(BOUNDS)} changes",
            )


class Look(NamedTuple):
    """What one look at the run saw; counts are of what is new since the look before.

    Attributes:
        equity_try: Cash, marks and treasury.
        flows_try: All that was moved into equity and out of it, since the opening.
        pairs: Pairs looked at, `missing` of them without a fresh price.
        is_wide: Whether a pair of the universe was wider than allowed.
        alerts: Codes of rules and anomalies that ask for a stricter mode.
    """

    now_ms: int
    equity_try: Decimal
    treasury_try: Decimal
    flows_try: Decimal
    answered: int = 0
    refused: int = 0
    throttled: int = 0
    pairs: int = 0
    missing: int = 0
    is_wide: bool = False
    is_normal: bool = True
    alerts: tuple[str, ...] = ()


class Evidence(NamedTuple):
    """What was seen since a window began."""

    since_ms: int
    looks: int = 0
    answered: int = 0
    refused: int = 0
    throttled: int = 0
    pairs: int = 0
    missing: int = 0
    wide: int = 0
    is_normal: bool = True
    alerts: tuple[str, ...] = ()


class Adaptive(NamedTuple):
    """The parameters of a run with their history; a fold of the looks it was given.

    Attributes:
        versions: The last ones in order, and the last one proven; the last one is in force. Every
            version is in the document of the cycle that made it.
        proven: (number, instant) of these versions that a whole window proved good, in order.
        healthy: Good windows in a row.
        peak_try: Highest equity since the version began, flows moved out of the way.
        peak_treasury_try: Treasury at that peak.
        flows_try: Flows at the last look.
        drawdown_ratio: Of what is at risk, now, from that peak.
        forgotten: How many older versions are not told any more.
        forgotten_digest: Their hash chain, in the order in which they were left out.
    """

    versions: tuple[ParameterVersion, ...]
    window: Evidence
    proven: tuple[tuple[int, int], ...] = ()
    healthy: int = 0
    peak_try: Decimal = ZERO
    peak_treasury_try: Decimal = ZERO
    flows_try: Decimal = ZERO
    drawdown_ratio: Decimal = ZERO
    forgotten: int = 0
    forgotten_digest: str = GENESIS

    @property
    def current(self) -> ParameterVersion:
        """The version in force."""
        return self.versions[-1]

    @property
    def is_proven(self) -> bool:
        """Whether a whole window proved the version in force good."""
        return any(number == self.current.number for number, _ in self.proven)


def start_adaptive(parameters: RuntimeParameters, *, now_ms: int) -> Adaptive:
    """Return the first version, unproven, at the beginning of its first window."""
    first = ParameterVersion(1, now_ms, Origin.INITIAL, parameters)
    return Adaptive((first,), Evidence(now_ms))


@exact
def note_look(state: Adaptive, look: Look) -> Adaptive:
    """Return the state with one more look in its window."""
    window = state.window
    seen = Evidence(
        window.since_ms,
        window.looks + 1,
        window.answered + look.answered,
        window.refused + look.refused,
        window.throttled + look.throttled,
        window.pairs + look.pairs,
        window.missing + look.missing,
        window.wide + look.is_wide,
        window.is_normal and look.is_normal,
        tuple(sorted({*window.alerts, *look.alerts})),
    )
    moved_try = look.flows_try - state.flows_try
    peak, treasury = state.peak_try + moved_try, state.peak_treasury_try
    if look.equity_try >= peak or not state.peak_try:
        peak, treasury = look.equity_try, look.treasury_try
    at_risk = peak - treasury
    down = peak - look.equity_try
    ratio = divide_half_even(down, at_risk, _PLACES) if at_risk > 0 else ZERO
    return state._replace(
        window=seen,
        peak_try=peak,
        peak_treasury_try=treasury,
        flows_try=look.flows_try,
        drawdown_ratio=ratio,
    )


def review_parameters(
    state: Adaptive,
    limits: AdaptationLimits,
    *,
    candidates: int,
    now_ms: int,
    first: RuntimeParameters | None = None,
) -> Adaptive:
    """Return the state after a review, the same one if none is due.

    One is due at the end of a window, and at once at a breach of the drawdown limit.

    Args:
        state: So far.
        limits: When evidence is good or bad.
        candidates: Pairs that could be in the universe, which has no more seats.
        now_ms: The instant.
        first: What the operator began with: all that was tightened comes back to it; None for the
            defaults.
    """
    window = state.window
    is_over = now_ms - window.since_ms >= limits.window_ms
    breach = _breach(state, limits)
    if not is_over and not (breach and state.drawdown_ratio >= limits.drawdown_ratio):
        return state
    if breach:
        return _rolled_back(state, limits, breach, now_ms)
    tighter = _tightened(state, limits)
    if tighter:
        return _next(state, Origin.ADAPTED, tighter[: limits.changes_max], now_ms)
    is_good = window.looks > 0 and window.is_normal and not window.alerts
    if not is_good:
        return state._replace(window=Evidence(now_ms), healthy=0)
    proven = state.proven
    if not state.is_proven:
        proven = (*proven, (state.current.number, now_ms))
    state = state._replace(proven=proven, healthy=state.healthy + 1)
    if state.healthy >= limits.healthy_windows:
        looser = loosened(
            state.current.parameters,
            first or RuntimeParameters(),
            f"{state.healthy} good windows",
            candidates=candidates,
            is_tried=window.answered > window.refused,
        )
        if looser:
            return _next(state, Origin.ADAPTED, looser[: limits.changes_max], now_ms)
    return state._replace(window=Evidence(now_ms))


def _breach(state: Adaptive, limits: AdaptationLimits) -> str:
    """Return why the version in force has failed, empty if it has not."""
    window = state.window
    if state.drawdown_ratio >= limits.drawdown_ratio:
        return f"drawdown {state.drawdown_ratio} since the version began"
    if window.answered >= limits.orders_min and 2 * window.refused > window.answered:
        return f"{window.refused} of {window.answered} orders refused"
    if window.throttled > limits.throttles_max:
        return f"throttled {window.throttled} times"
    return ""


def _rolled_back(state: Adaptive, limits: AdaptationLimits, breach: str, now_ms: int) -> Adaptive:
    """Return to the last proven version, nowhere looser; tighten where that changes nothing."""
    current = state.current
    good = [number for number, _ in state.proven if number != current.number]
    if good:
        back = next(one for one in state.versions if one.number == good[-1])
        target = tightest(back.parameters, current.parameters)
        changes = differences(current.parameters, target, f"back to version {good[-1]}", breach)
        if changes:
            return _next(state, Origin.ROLLED_BACK, changes, now_ms)
    changes = on_drawdown(current.parameters, breach)[: limits.changes_max]
    return _next(state, Origin.ADAPTED, changes, now_ms)


@exact
def _tightened(state: Adaptive, limits: AdaptationLimits) -> list[ParameterChange]:
    """Return what bad evidence asks for, the gravest first."""
    window, now = state.window, state.current.parameters
    found: list[ParameterChange] = []
    threshold = limits.drawdown_share * limits.drawdown_ratio
    if state.drawdown_ratio >= threshold:
        told = f"drawdown {state.drawdown_ratio}, {threshold} is much"
        found += on_drawdown(now, told)[:2]
    if window.throttled:
        found += stepped(now, "orders_per_cycle_max", -1, f"throttled {window.throttled} times")
    elif (
        window.answered >= limits.orders_min
        and window.refused >= limits.reject_ratio * window.answered
    ):
        told = f"{window.refused} of {window.answered} orders refused"
        found += stepped(now, "orders_per_cycle_max", -1, told)
    if window.pairs and window.missing > limits.missing_ratio * window.pairs:
        told = f"{window.missing} of {window.pairs} prices missing"
        found += stepped(now, "universe_size", -1, told)
        more = round_half_even(now.quote_volume_try_min * Decimal("1.25"), 2)
        found += changed_to(now, "quote_volume_try_min", max(more, VOLUME_STEP_MIN), told)
    if window.looks and window.wide > limits.wide_ratio * window.looks:
        told = f"wide spreads in {window.wide} of {window.looks} looks"
        found += stepped(now, "spread_bps_max", -10, told)
        found += stepped(now, "price_offset_bps", 2, told)
        if now.weights.momentum >= SHIFT:
            spread = now.weights.spread
            found.append(ParameterChange("weight_spread", spread, spread + SHIFT, "tighten", told))
    return found


@exact
def _next(state: Adaptive, origin: Origin, changes: list[ParameterChange], now_ms: int) -> Adaptive:
    """Return the state with one more version, unproven, that measures its own drawdown.

    Where every bound is reached there is nothing to change: a new window begins, and the drawdown
    is measured from here on.
    """
    versions = state.versions
    if changes:
        parameters = state.current.parameters
        weights = parameters.weights
        for one in changes:
            if one.name in BOUNDS:
                parameters = moved(parameters, one.name, one.after)
            elif one.name == "weight_spread" and origin is Origin.ADAPTED:
                weights = replace(
                    weights, spread=one.after, momentum=weights.momentum - (one.after - one.before)
                )
        if origin is Origin.ROLLED_BACK:
            new = {one.name: one.after for one in changes}
            values = parameters.values() | new
            weights = ScoreWeights(
                **{name: values[f"weight_{name}"] for name, _ in weights.parts()}
            )
        parameters = replace(parameters, weights=weights)
        number = state.current.number + 1
        version = ParameterVersion(number, now_ms, origin, parameters, tuple(changes))
        versions = (*versions, version)
    after = Adaptive(
        versions,
        Evidence(now_ms),
        state.proven,
        flows_try=state.flows_try,
        forgotten=state.forgotten,
        forgotten_digest=state.forgotten_digest,
    )
    return _without_oldest(after)


def _without_oldest(state: Adaptive) -> Adaptive:
    """Return the state without the versions that nothing can go back to."""
    anchor = state.proven[-1][0] if state.proven else 0
    versions, digest = forget_oldest(state.versions, state.forgotten_digest, anchor=anchor)
    if versions is state.versions:
        return state
    numbers = {one.number for one in versions}
    return state._replace(
        versions=versions,
        proven=tuple([one for one in state.proven if one[0] in numbers]),
        forgotten=state.forgotten + len(state.versions) - len(versions),
        forgotten_digest=digest,
    )
