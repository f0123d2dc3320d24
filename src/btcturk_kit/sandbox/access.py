"""Who may call: the signature of a private call, its stamp, and the rate windows.

An address is counted before anything else is looked at, an account only once it is known who calls.
Never add: what a call is answered.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from hmac import compare_digest
from typing import NamedTuple

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.rest.forms import whole_number
from btcturk_kit.wire.pacing import Endpoint, FixedWindows, Refusal
from btcturk_kit.wire.signing import Credentials, signature

__all__ = ["NONCE_MS_MAX", "STAMP_WINDOW_MS", "Access", "LoginRequest"]

STAMP_WINDOW_MS = 5_000
"""How far a stamp may be from the exchange's clock, either way (DOCS-FAQ)."""

NONCE_MS_MAX = 60_000
"""The largest nonce of a stream login. Seen are 3000 and 15000 accepted, a clock's value refused;
where between them BtcTurk draws the line is not known."""


class LoginRequest(NamedTuple):
    """A login to the stream; a missing or unreadable number is -1, a missing text empty."""

    api_key: str
    timestamp_ms: int
    nonce: int
    signature: str


class Access:
    """The keys of all customers and what has been counted of their requests.

    Example:
        >>> access = Access()
        >>> access.add_key("ann", "AAAA")
        >>> access.problem_with({"x-pck": "ann"}, now_ms=0)
        'Headers are missing'
    """

    def __init__(self) -> None:
        self._secrets: dict[str, bytes] = {}
        self._by_address: dict[str, FixedWindows] = {}
        self._by_account: dict[str, FixedWindows] = {}

    def add_key(self, api_key: str, api_secret: str) -> None:
        """Let a customer in.

        Raises:
            ConfigurationError: The key is taken or cannot be sent, or the secret is not base64.
        """
        if api_key in self._secrets:
            raise ConfigurationError(f"the API key {api_key!r} is given twice")
        Credentials(api_key, api_secret)
        self._secrets[api_key] = b64decode(api_secret)
        self._by_account[api_key] = FixedWindows(policy="account")

    def count_address(self, address: str, endpoint: Endpoint, now_ms: int) -> Refusal | None:
        """Count a request against the windows of its address."""
        windows = self._by_address.get(address)
        if windows is None:
            windows = self._by_address[address] = FixedWindows(policy="ip")
        return windows.offer(endpoint, now_ms)

    def count_account(self, api_key: str, endpoint: Endpoint, now_ms: int) -> Refusal | None:
        """Count a request against the windows of its account."""
        return self._by_account[api_key].offer(endpoint, now_ms)

    def problem_with(self, headers: Mapping[str, str], *, now_ms: int) -> str:
        """Say what is wrong with a signed call in the exchange's words; empty if nothing is."""
        api_key, stamp, sent = (headers.get(name) for name in ("x-pck", "x-stamp", "x-signature"))
        if not (api_key and stamp and sent):
            return "Headers are missing"
        secret = self._secrets.get(api_key)
        if secret is None:
            return "Invalid Public key"
        instant_ms = whole_number(stamp)
        if instant_ms is None or abs(instant_ms - now_ms) > STAMP_WINDOW_MS:
            return "Invalid Nonce"
        if not compare_digest(signature(api_key, secret, stamp).encode(), sent.encode()):
            return "Invalid Signature"
        return ""

    def problem_with_login(self, login: LoginRequest, *, now_ms: int) -> str:
        """Say what is wrong with a login to the stream in the exchange's words; empty if nothing.

        The nonce is signed, not the time, and is the number of milliseconds the time may be off.
        """
        secret = self._secrets.get(login.api_key)
        is_near = abs(login.timestamp_ms - now_ms) <= login.nonce <= NONCE_MS_MAX
        if secret is None or not is_near:
            return "Invalid Request"
        expected = signature(login.api_key, secret, str(login.nonce))
        if not compare_digest(expected.encode(), login.signature.encode()):
            return "Invalid Signature"
        return ""
