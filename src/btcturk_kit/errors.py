"""The exception tree. Everything the library raises descends from `BtcturkKitError`.

    BtcturkKitError
    ├── ConfigurationError            the operator must change something     exit 3
    │   ├── UnknownSymbolError        a configured pair does not exist
    │   └── DatasetError              recorded data with holes or disorder
    ├── TransportError                the network failed, nothing was sent   exit 4
    │   └── OutcomeUnknown            sent, but the answer never came        exit 6
    ├── ProtocolError                 the answer cannot be read              exit 4
    ├── VenueError                    the exchange refused                   exit 4
    │   ├── AuthenticationError       key, signature or permission
    │   ├── ClockSkewError            our clock is too far from the exchange's
    │   ├── MaintenanceError          closed for the moment
    │   └── RateLimited               too many requests; `retry_after_s`     exit 5
    ├── StoreError                    state cannot be read or written        exit 7
    │   ├── StoreCorrupt              the file is damaged
    │   ├── SchemaTooNew              written by a newer version
    │   ├── StorageFull               no space left
    │   ├── LockHeld                  another instance runs on this account
    │   └── Fenced                    a newer instance took over
    ├── PluginError                   a plug-in broke its contract           exit 3
    ├── GuardBlocked                  a risk guard or latch stopped the run  exit 8
    └── InvariantViolation            our own fault; the cycle stops         exit 1
        ├── CapitalPolicyError        a checkpoint that cannot be right      exit 8
        ├── LedgerImbalance           legs that do not sum to zero
        ├── LedgerConflict            one fact told with two contents
        └── IllegalTransition         an order event its state does not allow

What could happen in a correct program on a good day (a denial, a rejection, an unknown outcome of
a write, stale data) is a value, not an exception. No exception here ever holds a secret, a header
or a request object: only the typed attributes below. Each writes its own message, in one line.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AuthenticationError",
    "BtcturkKitError",
    "CapitalPolicyError",
    "ClockSkewError",
    "ConfigurationError",
    "DatasetError",
    "Fenced",
    "GuardBlocked",
    "IllegalTransition",
    "InvariantViolation",
    "LedgerConflict",
    "LedgerImbalance",
    "LockHeld",
    "MaintenanceError",
    "OutcomeUnknown",
    "PluginError",
    "ProtocolError",
    "RateLimited",
    "SchemaTooNew",
    "StorageFull",
    "StoreCorrupt",
    "StoreError",
    "TransportError",
    "UnknownSymbolError",
    "VenueError",
    "require",
]


class BtcturkKitError(Exception):
    """Base of every exception of the library.

    Args:
        message: One line that says what is wrong and where.
        hint: One line that says what to do about it, or an empty string.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> str:
        """The stable name of this kind of error, as printed in `--json` documents."""
        return type(self).__name__


class ConfigurationError(BtcturkKitError):
    """The operator must change a setting, a file or an argument."""

    exit_code = 3


class UnknownSymbolError(ConfigurationError):
    """A configured pair is not listed by the exchange; never replaced by a similar one."""

    def __init__(self, symbol: str, *, suggestions: tuple[str, ...] = ()) -> None:
        hint = f"did you mean {', '.join(suggestions)}?" if suggestions else "check the spelling"
        super().__init__(f"pair {symbol!r} is not listed by the exchange", hint=hint)
        self.symbol = symbol
        self.suggestions = suggestions


class DatasetError(ConfigurationError):
    """Recorded market data with holes, disorder or values that cannot be."""

    def __init__(
        self,
        source: str,
        row: int,
        problem: str,
        hint: str = "repair the file or choose a span without the damage",
    ) -> None:
        super().__init__(f"dataset {source}, row {row}: {problem}", hint=hint)
        self.source = source
        self.row = row


class TransportError(BtcturkKitError):
    """The network failed before anything was sent: repeating the request is safe."""

    exit_code = 4


class OutcomeUnknown(TransportError):
    """The request may have reached the exchange; only the exchange can say what became of it."""

    exit_code = 6


class ProtocolError(BtcturkKitError):
    """An answer that is not what the exchange documents: HTML, cut JSON, a missing field."""

    exit_code = 4


class VenueError(BtcturkKitError):
    """The exchange understood the request and refused it.

    Args:
        status: The HTTP status.
        reason: The `message` of the body. Decide on this; the integer drifted over the years.
        venue_code: The `code` of the body, an integer or a text.
        endpoint: Method and path, without the query.
    """

    exit_code = 4

    def __init__(
        self,
        *,
        status: int,
        reason: str,
        venue_code: int | str = "",
        endpoint: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(
            f"exchange refused {endpoint or 'the request'}: {reason or 'no reason given'} "
            f"(HTTP {status}, code {venue_code})",
            hint=hint,
        )
        self.status = status
        self.reason = reason
        self.venue_code = venue_code
        self.endpoint = endpoint


class AuthenticationError(VenueError):
    """The key, the signature or the permission was refused."""


class ClockSkewError(VenueError):
    """The exchange refused our stamp, or we refuse to send because our clock is too far off."""


class MaintenanceError(VenueError):
    """The exchange or the pair is closed for the moment."""


class RateLimited(VenueError):
    """Too many requests; nothing may be sent in that window for `retry_after_s` seconds."""

    exit_code = 5

    def __init__(
        self, *, status: int, reason: str, retry_after_s: float, endpoint: str = ""
    ) -> None:
        super().__init__(status=status, reason=reason, venue_code=429, endpoint=endpoint)
        self.retry_after_s = retry_after_s


class StoreError(BtcturkKitError):
    """State could not be read or written; nothing was half done."""

    exit_code = 7


class StoreCorrupt(StoreError):
    """The state file is damaged."""


class SchemaTooNew(StoreError):
    """The state file was written by a newer version of the library."""


class StorageFull(StoreError):
    """There is no space left to write state."""


class LockHeld(StoreError):
    """Another instance runs on this account."""


class Fenced(StoreError):
    """A newer instance took over this account; this one may neither write nor send."""


class PluginError(BtcturkKitError):
    """A plug-in broke its contract.

    Args:
        plugin: Its name.
        problem: What it did.
    """

    exit_code = 3

    def __init__(self, plugin: str, problem: str, *, hint: str = "") -> None:
        super().__init__(f"plug-in {plugin!r}: {problem}", hint=hint)
        self.plugin = plugin
        self.problem = problem


class GuardBlocked(BtcturkKitError):
    """A risk guard or an operator's latch stopped the run."""

    exit_code = 8


class InvariantViolation(BtcturkKitError):
    """Something that must always hold does not: our fault. The cycle stops, nothing is written."""


class CapitalPolicyError(InvariantViolation):
    """A capital checkpoint that cannot be right: fewer events than applied, or another history."""

    exit_code = 8


class LedgerImbalance(InvariantViolation):
    """The legs of a ledger event do not sum to zero in every asset."""


class LedgerConflict(InvariantViolation):
    """A fact that is booked already is told again with another content: nothing is written."""


class IllegalTransition(InvariantViolation):
    """An order received an event that its state does not allow."""


def require(condition: bool, message: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise `InvariantViolation` unless `condition` holds; unlike `assert` it survives `-O`."""
    if not condition:
        raise InvariantViolation(message)
