"""Who may call: keys and what they open, the signature of a call, its stamp, the rate windows.

An address is counted before anything else is looked at, an account only once it is known who calls.
Never add: what a call is answered.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from hmac import compare_digest
from ipaddress import ip_address
from typing import Final, NamedTuple

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.rest.forms import whole_number
from btcturk_kit.wire.pacing import Endpoint, FixedWindows, Refusal
from btcturk_kit.wire.signing import Credentials, signature

__all__ = [
    "ALL_PERMISSIONS",
    "NONCE_MS_MAX",
    "STAMP_WINDOW_MS",
    "Access",
    "LoginRequest",
    "Permission",
]

STAMP_WINDOW_MS = 5_000
"""How far a stamp may be from the exchange's clock, either way (DOCS-FAQ)."""

NONCE_MS_MAX = 60_000
"""The largest nonce of a stream login. Seen are 3000 and 15000 accepted, a clock's value refused;
where between them BtcTurk draws the line is not known."""


class Permission(StrEnum):
    """What a key opens (https://docs.btcturk.com, "API access permissions")."""

    FUNDS = "funds"  # balances
    TRADE = "trade"  # orders: place, cancel, look at
    ACCOUNT = "account"  # histories of trades and transfers
    WEBSOCKET = "websocket"  # private messages of the stream


ALL_PERMISSIONS: Final = frozenset(Permission)

_OPENED_BY: Final = {
    Endpoint.BALANCES: Permission.FUNDS,
    Endpoint.OPEN_ORDERS: Permission.TRADE,
    Endpoint.ALL_ORDERS: Permission.TRADE,
    Endpoint.ORDER: Permission.TRADE,
    Endpoint.SUBMIT: Permission.TRADE,
    Endpoint.CANCEL: Permission.TRADE,
    Endpoint.TRADE_HISTORY: Permission.ACCOUNT,
    Endpoint.CRYPTO_HISTORY: Permission.ACCOUNT,
    Endpoint.FIAT_HISTORY: Permission.ACCOUNT,
}

_NOT_ALLOWED: Final = "Invalid Request"


class LoginRequest(NamedTuple):
    """A login to the stream; a missing or unreadable number is -1, a missing text empty."""

    api_key: str
    timestamp_ms: int
    nonce: int
    signature: str


class _Key:
    """What is known of one key."""

    __slots__ = ("addresses", "permissions", "secret", "windows")

    def __init__(
        self, secret: bytes, permissions: frozenset[Permission], addresses: frozenset[str]
    ) -> None:
        self.secret = secret
        self.permissions = permissions
        self.addresses = addresses
        self.windows = FixedWindows(policy="account")

    def is_bound_elsewhere(self, address: str) -> bool:
        """Whether the key may be used from some addresses only, and this is none of them."""
        return bool(self.addresses) and address not in self.addresses


class Access:
    """The keys of all customers and what has been counted of their requests.

    A key without the permission that an endpoint needs, and one that is bound to another IP
    address, is answered 401 like any unauthorized call. BtcTurk documents that, but no source shows
    the text; we answer `Unauthorized - Invalid Request`, the general one of those that were seen,
    in the stream as well. The signature is looked at first: who cannot sign learns nothing.

    When the market runs `speed` times as fast as the machine, five seconds of the machine are
    `speed` times five of the market. So a stamp is accepted if it is within five seconds times
    `speed` of market time, for clients that ask for the server's time; or within five seconds of
    the machine's time, for those that never ask. Windows are counted in market time.

    Args:
        has_rate_windows: Whether requests are counted at all.
        speed: How many times as fast as the machine's the market's clock runs.
        machine_ms: The machine's clock, if the market's runs away from it.

    Example:
        >>> access = Access()
        >>> access.add_key("ann", "AAAA")
        >>> access.problem_with({"x-pck": "ann"}, Endpoint.BALANCES, address="::1", now_ms=0)
        'Headers are missing'
    """

    def __init__(
        self,
        *,
        has_rate_windows: bool = True,
        speed: int = 1,
        machine_ms: Callable[[], int] | None = None,
    ) -> None:
        self._keys: dict[str, _Key] = {}
        self._by_address: dict[str, FixedWindows] = {}
        self._has_rate_windows = has_rate_windows
        self._speed = speed
        self._machine_ms = machine_ms

    def add_key(
        self,
        api_key: str,
        api_secret: str,
        *,
        permissions: Collection[Permission] = ALL_PERMISSIONS,
        addresses: Collection[str] = (),
    ) -> None:
        """Let a customer in.

        Args:
            api_key: Its name.
            api_secret: Its secret, base64.
            permissions: What it opens.
            addresses: The IP addresses it may be used from; none for any.

        Raises:
            ConfigurationError: The key is taken or cannot be sent, the secret is not base64, or an
                address is none.
        """
        if api_key in self._keys:
            raise ConfigurationError(f"the API key {api_key!r} is given twice")
        Credentials(api_key, api_secret)
        bound = frozenset(_address(one) for one in addresses)
        self._keys[api_key] = _Key(b64decode(api_secret), frozenset(permissions), bound)

    def remove_key(self, api_key: str) -> None:
        """Take back a key whose account could not be opened."""
        del self._keys[api_key]

    def set_permissions(self, api_key: str, permissions: Collection[Permission]) -> None:
        """Change what a key opens from the next call on; a login that stands goes on."""
        self._keys[api_key].permissions = frozenset(permissions)

    def permissions(self, api_key: str) -> frozenset[Permission]:
        """Return what a key opens."""
        return self._keys[api_key].permissions

    def count_address(self, address: str, endpoint: Endpoint, now_ms: int) -> Refusal | None:
        """Count a request against the windows of its address."""
        if not self._has_rate_windows:
            return None
        windows = self._by_address.get(address)
        if windows is None:
            windows = self._by_address[address] = FixedWindows(policy="ip")
        return windows.offer(endpoint, now_ms)

    def count_account(self, api_key: str, endpoint: Endpoint, now_ms: int) -> Refusal | None:
        """Count a request against the windows of its account."""
        if not self._has_rate_windows:
            return None
        return self._keys[api_key].windows.offer(endpoint, now_ms)

    def problem_with(
        self, headers: Mapping[str, str], endpoint: Endpoint, *, address: str, now_ms: int
    ) -> str:
        """Say what is wrong with a signed call in the exchange's words; empty if nothing is."""
        api_key, stamp, sent = (headers.get(name) for name in ("x-pck", "x-stamp", "x-signature"))
        if not (api_key and stamp and sent):
            return "Headers are missing"
        key = self._keys.get(api_key)
        if key is None:
            return "Invalid Public key"
        instant_ms = whole_number(stamp)
        if instant_ms is None or not self._is_near(instant_ms, now_ms, STAMP_WINDOW_MS):
            return "Invalid Nonce"
        if not compare_digest(signature(api_key, key.secret, stamp).encode(), sent.encode()):
            return "Invalid Signature"
        needed = _OPENED_BY.get(endpoint)
        if key.is_bound_elsewhere(address) or (needed and needed not in key.permissions):
            return _NOT_ALLOWED
        return ""

    def problem_with_login(self, login: LoginRequest, *, address: str = "", now_ms: int) -> str:
        """Say what is wrong with a login to the stream in the exchange's words; empty if nothing.

        The nonce is signed, not the time, and is the number of milliseconds the time may be off.
        """
        key = self._keys.get(login.api_key)
        is_small = 0 <= login.nonce <= NONCE_MS_MAX
        if key is None or not (is_small and self._is_near(login.timestamp_ms, now_ms, login.nonce)):
            return "Invalid Request"
        expected = signature(login.api_key, key.secret, str(login.nonce))
        if not compare_digest(expected.encode(), login.signature.encode()):
            return "Invalid Signature"
        if key.is_bound_elsewhere(address) or Permission.WEBSOCKET not in key.permissions:
            return _NOT_ALLOWED
        return ""

    def _is_near(self, instant_ms: int, now_ms: int, tolerance_ms: int) -> bool:
        if abs(instant_ms - now_ms) <= tolerance_ms * self._speed:
            return True
        machine_ms = self._machine_ms
        return machine_ms is not None and abs(instant_ms - machine_ms()) <= tolerance_ms


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ConfigurationError(f"a key is bound to {text!r}, which is no IP address") from None
