"""What a local exchange is started with: one list of options for all ways to start one.

In this event loop, in a process of its own or from the command line, the options are these. Never
add: anything that needs the extra `sandbox`, anything that starts something.
"""

# Annotations are not text in this module: the classes that inherit these fields are in others,
# where the names mean nothing.
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Final, Self, get_args

from btcturk_kit.domain.candles import CALENDAR_END_MS
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import ZERO, decimal_of
from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.sandbox.access import ALL_PERMISSIONS, Permission
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.listening import LOOPBACK, checked_host
from btcturk_kit.sandbox.market.recorded_candles import Holes
from btcturk_kit.sandbox.venue.quirks import Quirks

__all__ = ["Account", "Amounts", "ExchangeSetup", "amounts_of"]

Amounts = Mapping[str, Decimal | int | str] | Sequence[str]
"""How much of what: `{"TRY": 100_000}` or `["TRY=100000"]`."""

_OPENING: Final[Amounts] = {"TRY": 100_000}
_PORTS: Final = (1, 3)
_ACCOUNT_PARTS: Final = (2, 3)


def amounts_of(amounts: Amounts) -> dict[Asset, Decimal]:
    """Read how much of what.

    Raises:
        ConfigurationError: One is no amount of an asset, is negative, or comes twice; or it is one
            text instead of a list.

    Example:
        >>> amounts_of(["TRY=5", "btc=0.5"]) == amounts_of({"TRY": 5, "BTC": "0.5"})
        True
    """
    _refuse_text("balances", amounts)
    if isinstance(amounts, Mapping):
        rows = [(name, str(amount), f"{name}={amount}") for name, amount in amounts.items()]
    else:
        rows = [(*text.partition("=")[::2], text) for text in amounts]
    read: dict[Asset, Decimal] = {}
    for name, number, text in rows:
        try:
            amount = decimal_of(number)
        except InvariantViolation:
            amount = Decimal(-1)
        asset = Asset(name.upper())
        if not asset or amount < ZERO:
            raise ConfigurationError(
                f"{text!r} is not ASSET=AMOUNT with an amount from 0 on", hint="write TRY=100000"
            )
        if asset in read:
            raise ConfigurationError(f"{text!r}: {asset} comes twice", hint="give each asset once")
        read[asset] = amount
    return read


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Account:
    """A customer of a local exchange.

    Args:
        api_key: Its public key, and its name.
        api_secret: Its private key, base64.
        balances: What it owns at the start.
        fee_level: The rates it trades at: 1 to 8.
        permissions: What its key opens.
        addresses: The IP addresses the key may be used from; none for any.

    Example:
        >>> Account.of("ann:QUFBQQ==:TRY=5000,BTC=0.5").api_key
        'ann'
    """

    api_key: str
    api_secret: str
    balances: Amounts = field(default_factory=dict)
    fee_level: int = 1
    permissions: Collection[Permission] = ALL_PERMISSIONS
    addresses: Collection[str] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `KEY:SECRET` or `KEY:SECRET:ASSET=AMOUNT,ASSET=AMOUNT`.

        Raises:
            ConfigurationError: It is something else.
        """
        parts = text.split(":")
        if len(parts) not in _ACCOUNT_PARTS or not all(parts):
            raise ConfigurationError(  # without the text: it may hold a secret
                "an account is not KEY:SECRET or KEY:SECRET:ASSET=AMOUNT,...",
                hint="write the secret in base64, without a colon, and balances as TRY=5000,BTC=1",
            )
        api_key, api_secret, *owned = parts
        return cls(
            api_key=api_key,
            api_secret=api_secret,
            balances=owned[0].split(",") if owned else (),
        )


@dataclass(kw_only=True, eq=False, repr=False)
class ExchangeSetup:
    """The options of a local exchange; every one has a default.

    Args:
        clock: `virtual` stands still until it is advanced, `real` runs by itself.
        speed: How many times as fast as the machine's a real clock runs.
        seed: Draws what the market leaves open, and latencies.
        start_ms: When the market begins; None for the recorded time, on a real clock for now.
        pairs: Pairs to list, `ETHTRY` or, with the file of its tape, `ETHTRY=FILE`; none for
            BTC/TRY.
        holes: What a hole in recorded candles is: `refuse` the file, or `halt` the pair over it.
        api_key: Public key of the first account; empty to have one made.
        api_secret: Its private key, base64; empty to have one made.
        balances: What it owns at the start; empty for 100,000 TRY.
        accounts: More customers.
        quirks: Readings other than the first of what no source settles, as `{"NAME": "READING"}`
            or `["NAME=READING"]`.
        rate_windows: Whether requests are counted and too many refused.
        ports: 3 for REST, graph and stream apart, as BtcTurk has them; 1 for all on one port. The
            control interface always has a port of its own.
        host: The IP address to listen on.
        allows_other_machines: Whether that may be one which other machines reach.
        port: Port of REST; 0 picks a free one, here and below.
        graph_port: Port of the candles.
        ws_port: Port of the stream.
        control_port: Port of the control interface.
        control_token: Its bearer token; empty to have one made.

    Raises:
        ConfigurationError: Options that do not make an exchange.
    """

    clock: ClockKind = ClockKind.VIRTUAL
    speed: int = 1
    seed: int = 1
    start_ms: int | None = None
    pairs: Sequence[str] = ()
    holes: Holes = "refuse"
    api_key: str = ""
    api_secret: str = ""
    balances: Amounts = field(default_factory=dict)
    accounts: Sequence[Account] = ()
    quirks: Mapping[str, str] | Sequence[str] = ()
    rate_windows: bool = True
    ports: int = 3
    host: str = LOOPBACK
    allows_other_machines: bool = False
    port: int = 0
    graph_port: int = 0
    ws_port: int = 0
    control_port: int = 0
    control_token: str = ""

    def __post_init__(self) -> None:
        if self.clock not in tuple(ClockKind):
            raise ConfigurationError(
                f"there is no clock {self.clock!r}", hint=f"take {' or '.join(ClockKind)}"
            )
        self.clock = ClockKind(self.clock)
        _refuse_text("pairs", self.pairs)
        _refuse_text("quirks", self.quirks)
        self.host = checked_host(self.host, allows_other_machines=self.allows_other_machines)
        if self.ports not in _PORTS:
            raise ConfigurationError(
                f"an exchange has 1 port or 3, not {self.ports}",
                hint="take 3 for REST, graph and stream apart, or 1",
            )
        if self.ports == 1 and (self.graph_port or self.ws_port):
            raise ConfigurationError(
                "with one port the graph and the stream have none of their own"
            )
        if self.holes not in get_args(Holes):
            raise ConfigurationError(
                f"holes are not {self.holes!r}", hint=f"take {' or '.join(get_args(Holes))}"
            )
        if self.start_ms is not None and not 0 <= self.start_ms < CALENDAR_END_MS:
            raise ConfigurationError(
                f"the market cannot begin at {self.start_ms}",
                hint="start_ms is milliseconds since 1970, before the year 9999",
            )
        if self.speed < 1:
            raise ConfigurationError(f"the speed is {self.speed}", hint="take 1 or more")
        if self.speed > 1 and self.clock is ClockKind.VIRTUAL:
            raise ConfigurationError(
                "a virtual clock has no speed", hint="advance it, or take the real clock"
            )
        for amounts in (self.opening(), *(one.balances for one in self.accounts)):
            amounts_of(amounts)
        self.readings()

    def opening(self) -> Amounts:
        """Return what the first account owns at the start."""
        return self.balances or _OPENING

    def readings(self) -> Quirks:
        """Return the exchange's ways.

        Raises:
            ConfigurationError: There is no such quirk, or it has no such reading.
        """
        chosen = self.quirks
        if not isinstance(chosen, Mapping):
            chosen = dict(text.partition("=")[::2] for text in chosen)
        return Quirks.of(chosen)

    def to_json(self) -> str:
        """Write these options, and none of a subclass, for `from_json`."""
        document = _by_name(self, ExchangeSetup)
        document["accounts"] = [_by_name(one, Account) for one in self.accounts]
        return json.dumps(document, default=_plain)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ConfigurationError: It is something else.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            document["clock"] = ClockKind(document["clock"])
            document["accounts"] = [
                Account(**{**one, "permissions": [Permission(name) for name in one["permissions"]]})
                for one in document["accounts"]
            ]
            return cls(**document)
        except (ValueError, TypeError, KeyError):
            raise ConfigurationError("this is not the setup of a local exchange") from None


def _refuse_text(name: str, value: object) -> None:
    """Say what is wrong with one text where a list belongs: its letters would be taken for it."""
    if isinstance(value, str):
        raise ConfigurationError(
            f"{name} are a list, not the text {value!r}", hint=f"write [{value!r}]"
        )


def _by_name(value: object, kind: type[Account | ExchangeSetup]) -> dict[str, Any]:
    return {one.name: getattr(value, one.name) for one in fields(kind)}


def _plain(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
