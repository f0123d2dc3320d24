"""Signing: the key pair, and the signature of a private call.

Inside: `Credentials` and the pure `signature` function (HMAC-SHA256 over key and stamp, as
https://docs.btcturk.com/docs/authentication/authentication-v1 describes). Never add: reading keys
from anywhere, a clock, headers of a particular HTTP library.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from hmac import digest
from typing import Final, NoReturn

from btcturk_kit.errors import ConfigurationError, InvariantViolation

__all__ = ["Credentials", "signature"]

_FINGERPRINT_DIGITS: Final = 6


def signature(api_key: str, secret: bytes, stamp: str) -> str:
    """Return the `X-Signature` of one call: base64 of HMAC-SHA256 over key and stamp.

    Method, path, query and body are not signed by this protocol.

    Args:
        api_key: The public key.
        secret: The private key, already base64-decoded.
        stamp: The text of the `X-Stamp` header (or the nonce of a stream login).

    Example:
        >>> signature("a", bytes(3), "0")
        'qsYdc5o1b4WQP3Hnc+vsOBNxdTye+jkFeWjmd0aXkk8='
    """
    return b64encode(digest(secret, f"{api_key}{stamp}".encode(), "sha256")).decode()


class Credentials:
    """A public key and its secret, which no text form of this object ever shows.

    The secret is decoded once and kept privately. The object cannot be pickled or copied, and two
    objects are equal only if they are the same one.

    Args:
        api_key: The public key, printable ASCII.
        api_secret: The private key as the exchange shows it: padded standard base64.

    Raises:
        ConfigurationError: A key that cannot be sent or a secret that is not base64. The text holds
            neither.

    Example:
        >>> pair = Credentials("a", "AAAA")
        >>> pair.sign("0")
        'qsYdc5o1b4WQP3Hnc+vsOBNxdTye+jkFeWjmd0aXkk8='
        >>> pair
        Credentials(api_key='a', secret fingerprint 709e80)
    """

    __slots__ = ("_api_key", "_secret")

    def __init__(self, api_key: str, api_secret: str) -> None:
        if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise ConfigurationError(
                "the API key is empty or holds characters that cannot be sent",
                hint="copy the public key as the exchange shows it, without spaces",
            )
        try:
            secret = b64decode(api_secret, validate=True)
        except ValueError:
            # The cause is cut off: its traceback frames would carry the secret.
            secret = b""
        if not secret:
            raise ConfigurationError(
                "the API secret is not base64",
                hint="copy the private key whole, with its padding and without spaces",
            )
        self._api_key = api_key
        self._secret = secret

    @property
    def api_key(self) -> str:
        """The public key."""
        return self._api_key

    def sign(self, stamp: str) -> str:
        """Return the signature of `stamp` under this key pair."""
        return signature(self._api_key, self._secret, stamp)

    def fingerprint(self) -> str:
        """Return six hexadecimal digits that tell one secret from another and reveal none."""
        return sha256(self._secret).hexdigest()[:_FINGERPRINT_DIGITS]

    def __repr__(self) -> str:
        return f"Credentials(api_key={self._api_key!r}, secret fingerprint {self.fingerprint()})"

    def __reduce__(self) -> NoReturn:
        raise InvariantViolation("credentials cannot be pickled or copied")
