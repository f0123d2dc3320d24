"""Operations: what an operator asks of the books, as values.

An operation is written down (`operation_text`) before anything is done, has a number, and is
carried out once. Values that cannot be right on their own are refused when they are made; whether
there is enough to carry one out is for the books to say (`pipeline/operate`). Never add: a look at
the books, a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import EventKind
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.operator_events import LotEvidence
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.errors import ConfigurationError

__all__ = [
    "AssignCoins",
    "BookFlow",
    "BookLevy",
    "BookLots",
    "CapitalPocket",
    "Explanation",
    "FlowKind",
    "LevyKind",
    "Operation",
    "OperationRequest",
    "OverrideMode",
    "RearmPeak",
    "ReleaseLatch",
    "ResolveSuspense",
    "TransferCapital",
    "UnreadableRequest",
    "ValueCharge",
    "assets_of",
]

PLACES_MAX: Final = 16
"""The exchange itself counts no finer."""
_DIGITS_MAX: Final = 30
_TEXT_MAX: Final = 500


class CapitalPocket(StrEnum):
    """Whose TRY it is."""

    TRADING = "trading"
    TREASURY = "treasury"
    UNASSIGNED = "unassigned"


class Explanation(StrEnum):
    """What something in suspense turned out to be."""

    OWNER = "owner"  # the owner's: unassigned cash, or coins outside the bot
    BOT = "bot"  # the bot's: trading capital gains or loses it
    DEPOSIT = "deposit"  # it came in from outside, and is the owner's
    WITHDRAWAL = "withdrawal"  # it went out, and was the owner's
    UNDO = "undo"  # it is not there any more: the booking is taken back


class FlowKind(StrEnum):
    """How something came in or went out."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    AIRDROP = "airdrop"


class LevyKind(StrEnum):
    """Which tax; the tax on a fee is none of them."""

    TRANSACTION_TAX = EventKind.TRANSACTION_TAX.value
    WITHHOLDING = EventKind.WITHHOLDING.value


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise ConfigurationError(problem, hint="correct it; nothing was written")


def _check_amount(name: str, value: Decimal, *, or_zero: bool = False) -> None:
    _require(isinstance(value, Decimal), f"{name} is not given")
    plain = (
        value.is_finite()
        and value.adjusted() < _DIGITS_MAX
        and len(value.as_tuple().digits) <= _DIGITS_MAX
    )
    _require(plain, f"{name} {value} is not an amount")
    _require(value > ZERO or (or_zero and not value), f"{name} {value} is not positive")
    exponent = value.as_tuple().exponent
    _require(
        isinstance(exponent, int) and -PLACES_MAX <= exponent <= _DIGITS_MAX,
        f"{name} {value} has more than {PLACES_MAX} decimals",
    )


def _check_asset(asset: Asset) -> None:
    is_plain = asset.isascii() and asset.isalnum() and asset == asset.upper()
    _require(is_plain, f"{asset!r} is not an asset")


def _check_coin(asset: Asset) -> None:
    _check_asset(asset)
    _require(asset != TRY, "TRY has no lots: move it with `capital transfer`")


def _check_text(name: str, text: str) -> None:
    _require(bool(text.strip()), f"no {name} is given")
    _require(len(text) <= _TEXT_MAX, f"the {name} is longer than {_TEXT_MAX} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCapital:
    """Move TRY between trading capital, treasury and the cash the bot was not given."""

    source: CapitalPocket
    target: CapitalPocket
    amount: Decimal

    def __post_init__(self) -> None:
        _check_amount("amount", self.amount)
        _require(self.source is not self.target, f"source and target are both {self.source}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignCoins:
    """Move coins between the owner's book and the bot's.

    Attributes:
        cost_try: What they cost; None takes the cost of the lots that are moved.
        acquired_ms: When they were acquired; None takes the dates of those lots.
        evidence: Where cost and date come from.
    """

    asset: Asset
    quantity: Decimal
    to_bot: bool
    cost_try: Decimal | None = None
    acquired_ms: int | None = None
    evidence: str = ""

    def __post_init__(self) -> None:
        _check_coin(self.asset)
        _check_amount("quantity", self.quantity)
        if self.cost_try is not None:
            _check_amount("cost", self.cost_try, or_zero=True)
            _require(self.to_bot, "coins leave the bot's book at the cost they have there")
            _check_text("evidence of the cost", self.evidence)
        else:
            _require(self.acquired_ms is None, "a date needs a cost beside it")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveSuspense:
    """Take something out of suspense, now that it is known what it is.

    Attributes:
        amount: How much of it, positive whichever way the difference went; None for all.
        cost_try: For coins that become the bot's: what they cost.
    """

    asset: Asset
    to: Explanation
    amount: Decimal | None = None
    cost_try: Decimal | None = None

    def __post_init__(self) -> None:
        _check_asset(self.asset)
        if self.amount is not None:
            _check_amount("amount", self.amount)
        if self.cost_try is not None:
            _check_amount("cost", self.cost_try, or_zero=True)
            is_coin_of_bot = self.to is Explanation.BOT and self.asset != TRY
            _require(is_coin_of_bot, "only coins that become the bot's have a cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFlow:
    """Book a deposit, a withdrawal or a gift by hand, with evidence for it."""

    asset: Asset
    amount: Decimal
    flow: FlowKind
    event_time_ms: int
    evidence: str

    def __post_init__(self) -> None:
        _check_asset(self.asset)
        _check_amount("amount", self.amount)
        _require(self.event_time_ms > 0, "it has no time")
        _check_text("evidence", self.evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLevy:
    """Book a tax on a trade or a gain that was paid in TRY."""

    levy: LevyKind
    amount: Decimal
    payer: CapitalPocket

    def __post_init__(self) -> None:
        _check_amount("amount", self.amount)
        # The treasury falls by an explicit transfer out of it, and by nothing else.
        _require(
            self.payer is not CapitalPocket.TREASURY,
            "no tax is paid from the treasury: transfer the amount out of it first",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLots:
    """Give coins of the owner's whose cost was not known their lots.

    Attributes:
        since_ms: When the coins came into the books; None for the opening.
    """

    asset: Asset
    lots: tuple[LotEvidence, ...]
    evidence: str
    since_ms: int | None = None

    def __post_init__(self) -> None:
        _check_coin(self.asset)
        _require(bool(self.lots), "there is no lot")
        for lot in self.lots:
            _check_amount("quantity", lot.quantity)
            _check_amount("cost", lot.cost_try, or_zero=True)
        _check_text("evidence", self.evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCharge:
    """Tell what a unit of the asset was worth that a trade's charges were paid in."""

    event_key: str
    rate_try: Decimal

    def __post_init__(self) -> None:
        _check_text("key of the event", self.event_key)
        _check_amount("rate", self.rate_try)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideMode:
    """Hold the bot at a mode; a looser one than the rules want needs an end."""

    mode: RiskMode
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RearmPeak:
    """Measure drawdown from the present equity on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLatch:
    """Let go of a latch that a guard has set."""

    latch: str

    def __post_init__(self) -> None:
        _check_text("name of the latch", self.latch)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRequest:
    """A stored request that this version cannot read: it is refused, not guessed at."""

    text: str
    problem: str


OperationRequest = (
    TransferCapital
    | AssignCoins
    | ResolveSuspense
    | BookFlow
    | BookLevy
    | BookLots
    | ValueCharge
    | OverrideMode
    | RearmPeak
    | ReleaseLatch
    | UnreadableRequest
)


class Operation(NamedTuple):
    """One thing an operator asked for.

    Attributes:
        number: In the order in which they were asked; 0 before the store gave it one.
        asked_ms: When.
        reason: Why; never empty.
    """

    number: int
    asked_ms: int
    reason: str
    request: OperationRequest


def assets_of(request: OperationRequest) -> tuple[Asset, ...]:
    """Return the coins whose lots a request may change and whose history it therefore needs.

    A valuation names an event instead: what that touches, the event itself says.
    """
    if isinstance(request, AssignCoins | ResolveSuspense | BookFlow | BookLots):
        return () if request.asset == TRY else (request.asset,)
    return ()
