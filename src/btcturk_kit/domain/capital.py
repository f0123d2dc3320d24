"""The self-financing split: what a realized gain or loss does to trading capital and treasury.

A gain is split by ratio between trading capital and treasury, a loss reduces trading capital only.
Pure: no clock, no writing. The law that outranks every rounding: what trading capital and treasury
gain together is the realized difference and what an operator moved, to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from btcturk_kit.domain.ledger import Ledger
from btcturk_kit.domain.money import MONEY_PLACES, ONE, ZERO, exact, round_half_even
from btcturk_kit.errors import CapitalPolicyError, ConfigurationError

__all__ = [
    "CapitalCause",
    "CapitalState",
    "Granularity",
    "LedgerCheckpoint",
    "ProfitBasis",
    "SelfFinancing",
    "SplitBasis",
    "apply_self_financing",
    "checkpoint_after",
]
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


class SplitBasis(StrEnum):
    """Which gain the treasury takes its ratio of."""

    NET = "net"  # after fees and tax of both sides
    GROSS = "gross"  # before them; trading capital carries them


class ProfitBasis(StrEnum):
    """Whether a recovered loss is split again."""

    CHECKPOINT = "checkpoint"  # every gain is split
    HIGH_WATER_MARK = "high_water_mark"  # only what exceeds the highest realized total so far


# A member named once costs a fraction of one looked up at each use.
_HIGH_WATER_MARK = ProfitBasis.HIGH_WATER_MARK
_GROSS = SplitBasis.GROSS


class Granularity(StrEnum):
    """How often the split runs."""

    EVENT = "event"  # once per realizing ledger event: any batching gives the same state
    CHECKPOINT = "checkpoint"  # once per cycle, on the difference of the totals


class CapitalCause(StrEnum):
    """What made a row of the capital journal."""

    OPENING = "opening"
    GAIN = "gain"  # a realized gain; split by the policy
    LOSS = "loss"  # a realized loss; trading capital carries it alone
    NONE = "none"  # a fact that realized nothing
    TRANSFER = "transfer"  # an operator moved cash or coins
    DEFERRED = "deferred"  # realized, but not split while a charge has no value


_DEFERRED, _GAIN, _LOSS = CapitalCause.DEFERRED, CapitalCause.GAIN, CapitalCause.LOSS
_NONE, _TRANSFER = CapitalCause.NONE, CapitalCause.TRANSFER


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfFinancing:
    """The operator's choice. Ratios are in [0, 1] and sum to exactly 1."""

    trading_ratio: Decimal = Decimal("0.60")
    treasury_ratio: Decimal = Decimal("0.40")
    basis: SplitBasis = SplitBasis.NET
    profit_basis: ProfitBasis = ProfitBasis.CHECKPOINT
    granularity: Granularity = Granularity.EVENT

    @exact
    def __post_init__(self) -> None:
        for name in ("trading_ratio", "treasury_ratio"):
            if not ZERO <= getattr(self, name) <= ONE:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}", hint="choose a ratio from 0 to 1"
                )
        if self.trading_ratio + self.treasury_ratio != ONE:
            raise ConfigurationError(
                f"trading_ratio {self.trading_ratio} and treasury_ratio {self.treasury_ratio} "
                "do not sum to 1",
                hint="make them sum to exactly 1",
            )


class CapitalState(NamedTuple):
    """Where the capital stands after the last applied checkpoint. All amounts in TRY.

    Attributes:
        trading_capital_try: What the bot trades with; negative only after a loss beyond it.
        treasury_try: What was set aside; only an operator's transfer takes from it.
        last_realized_pnl_total_try: Realized net total at that checkpoint.
        last_realized_gross_total_try: Realized gross total at that checkpoint.
        peak_realized_try: Highest realized net total so far, for the high-water mark.
        last_event_count: Ledger facts at that checkpoint.
        last_event_key: Key of the last of them.
        content_hash: Content hash of the ledger there.
        deferred_try: Gain that is not split yet, because a charge in it has no value.
        cause: What made this state.
    """

    account: str
    trading_capital_try: Decimal
    treasury_try: Decimal = ZERO
    last_realized_pnl_total_try: Decimal = ZERO
    last_realized_gross_total_try: Decimal = ZERO
    peak_realized_try: Decimal = ZERO
    last_event_count: int = 0
    last_event_key: str = ""
    content_hash: str = ""
    deferred_try: Decimal = ZERO
    cause: CapitalCause = CapitalCause.OPENING

    @property
    def is_exhausted(self) -> bool:
        """Whether losses exceeded the trading capital; only an operator's transfer ends it."""
        return self.trading_capital_try < 0


class LedgerCheckpoint(NamedTuple):
    """How far the ledger has come, and proof of what it grew from.

    Attributes:
        previous_count: Facts before the ones this checkpoint adds.
        previous_hash: Content hash there; must equal the state's.
        trading_transfer_try: What an operator moved into trading capital; negative for out of it.
        treasury_transfer_try: What an operator moved into the treasury; negative for out of it.
        is_deferred: Whether a charge of the bot has no value yet: nothing is split meanwhile.
    """

    account: str
    event_count: int
    last_event_key: str
    content_hash: str
    previous_count: int
    previous_hash: str
    realized_net_total: Decimal
    realized_gross_total: Decimal
    trading_transfer_try: Decimal = ZERO
    treasury_transfer_try: Decimal = ZERO
    is_deferred: bool = False


def checkpoint_after(
    before: Ledger,
    after: Ledger,
    *,
    account: str,
    realized_net: Decimal,
    realized_gross: Decimal,
    trading_transfer: Decimal = ZERO,
    treasury_transfer: Decimal = ZERO,
    is_deferred: bool = False,
) -> LedgerCheckpoint:
    """Describe the step from one ledger to a later one, with the realized totals of the later."""
    return _tuple(
        LedgerCheckpoint,
        (
            account,
            after.event_count,
            after.last_event_key,
            after.content_hash,
            before.event_count,
            before.content_hash,
            realized_net,
            realized_gross,
            trading_transfer,
            treasury_transfer,
            is_deferred,
        ),
    )


@exact
def apply_self_financing(
    state: CapitalState, checkpoint: LedgerCheckpoint, policy: SelfFinancing
) -> CapitalState:
    """Apply one realized-PnL checkpoint.

    A gain is split by the policy's ratios, a loss reduces trading capital only. The treasury share
    is rounded half-even to eight places, trading capital takes the rest; the difference itself is
    never rounded. A checkpoint that was applied already returns the same object.

    Args:
        state: The state so far.
        checkpoint: The ledger's step and its realized totals, in TRY.
        policy: Ratios and bases.

    Returns:
        The new state. It may be negative in trading capital (`is_exhausted`).

    Raises:
        CapitalPolicyError: Another account, a lower event count, the same count with another
            content, or a history that does not extend the applied one.

    Example:
        >>> from btcturk_kit.domain.ledger import Ledger
        >>> start = CapitalState(account="a", trading_capital_try=Decimal(1000))
        >>> step = LedgerCheckpoint("a", 1, "fill:1", "h1", 0, "", Decimal(100), Decimal(100))
        >>> after = apply_self_financing(start, step, SelfFinancing())
        >>> after.trading_capital_try, after.treasury_try
        (Decimal('1060.00000000'), Decimal('40.00000000'))
    """
    if checkpoint.account != state.account:
        raise CapitalPolicyError(
            f"checkpoint of account {checkpoint.account!r} given to {state.account!r}"
        )
    count, applied = checkpoint.event_count, state.last_event_count
    if count == applied and checkpoint.content_hash == state.content_hash:
        return state
    if count <= applied:
        raise CapitalPolicyError(
            f"checkpoint {count} ({checkpoint.content_hash[:12]}) does not extend the applied "
            f"{applied} ({state.content_hash[:12]})"
        )
    if (checkpoint.previous_count, checkpoint.previous_hash) != (applied, state.content_hash):
        raise CapitalPolicyError(
            f"checkpoint {count} grew from {checkpoint.previous_count} "
            f"({checkpoint.previous_hash[:12]}), not from the applied {applied} "
            f"({state.content_hash[:12]})"
        )
    net = checkpoint.realized_net_total
    delta = net - state.last_realized_pnl_total_try
    gain = _gain(state, checkpoint, policy, delta)
    share, deferred = ZERO, ZERO
    if checkpoint.is_deferred:
        deferred = gain
    elif gain > 0:
        share = round_half_even(gain * policy.treasury_ratio, MONEY_PLACES)
    moved, kept = checkpoint.trading_transfer_try, checkpoint.treasury_transfer_try
    peak = state.peak_realized_try
    return _tuple(
        CapitalState,
        (
            state.account,
            state.trading_capital_try + delta - share + moved,
            state.treasury_try + share + kept,
            net,
            checkpoint.realized_gross_total,
            peak if checkpoint.is_deferred else max(peak, net),
            count,
            checkpoint.last_event_key,
            checkpoint.content_hash,
            deferred,
            _cause(checkpoint, delta, share),
        ),
    )


def _gain(
    state: CapitalState, checkpoint: LedgerCheckpoint, policy: SelfFinancing, delta: Decimal
) -> Decimal:
    """Return what would be split now, what waited for a value included."""
    if policy.profit_basis is _HIGH_WATER_MARK:
        return checkpoint.realized_net_total - state.peak_realized_try
    if policy.basis is _GROSS:
        gross = checkpoint.realized_gross_total - state.last_realized_gross_total_try
        return gross + state.deferred_try
    return delta + state.deferred_try


def _cause(checkpoint: LedgerCheckpoint, delta: Decimal, share: Decimal) -> CapitalCause:
    if checkpoint.trading_transfer_try or checkpoint.treasury_transfer_try:
        return _TRANSFER
    if checkpoint.is_deferred:
        return _DEFERRED
    if share or delta > 0:  # what waited for a value is split then, whatever that changed
        return _GAIN
    return _LOSS if delta else _NONE
