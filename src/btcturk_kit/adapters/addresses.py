"""Addresses: what a base address may look like, and which ones are this machine. Never add: DNS."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from btcturk_kit.errors import ConfigurationError

__all__ = ["checked_base_url", "checked_stream_url", "is_loopback"]

# RFC 1035, 2.3.4.
_LABEL_LENGTH_MAX: Final = 63
_HOST_LENGTH_MAX: Final = 253


def checked_base_url(url: str) -> str:
    """Return `url` if requests can be addressed to it.

    A base address has a scheme and a host and nothing behind them. Plain `http` is for loopback
    only: elsewhere every signed header would travel in clear.

    Raises:
        ConfigurationError: With what is wrong; a password in the address is not repeated.

    Example:
        >>> checked_base_url("http://127.0.0.1:8080")
        'http://127.0.0.1:8080'
    """
    return _checked(url, scheme="http", example="https://api.btcturk.com")


def checked_stream_url(url: str) -> str:
    """Return `url` if a stream can be opened to it; the rules are those of `checked_base_url`.

    Plain `ws` is for loopback only: elsewhere the login would travel in clear.

    Raises:
        ConfigurationError: With what is wrong; a password in the address is not repeated.

    Example:
        >>> checked_stream_url("wss://ws-feed-pro.btcturk.com")
        'wss://ws-feed-pro.btcturk.com'
    """
    return _checked(url, scheme="ws", example="wss://ws-feed-pro.btcturk.com")


def is_loopback(url: str) -> bool:
    """Whether `url` names this machine: `localhost` or a loopback address.

    Example:
        >>> is_loopback("http://127.0.0.1:8080"), is_loopback("https://api.btcturk.com")
        (True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(url: str, *, scheme: str, example: str) -> str:
    encrypted = f"{scheme}s"
    try:
        parts = urlsplit(url)
        is_whole = _is_host(parts.hostname or "") and parts.port != 0 and url.isascii()
    except ValueError:
        is_whole = False
    if not is_whole or parts.scheme not in (scheme, encrypted):
        raise ConfigurationError(
            f"an address of the exchange does not start with {encrypted}:// and a host",
            hint=f"write it like {example}",
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("an address of the exchange holds a user name or a password")
    if parts.path or parts.query or parts.fragment:
        raise ConfigurationError(
            f"the address {parts.scheme}://{parts.netloc} must end after the host",
            hint="leave out the path and the trailing slash",
        )
    if parts.scheme == scheme and not is_loopback(url):
        raise ConfigurationError(
            f"the address {url} is not encrypted", hint=f"use {encrypted}, or a loopback address"
        )
    return url


def _is_host(host: str) -> bool:
    """Whether a name can be looked up; libraries stumble over others in ways of their own."""
    labels = host.removesuffix(".").split(".")
    return len(host) <= _HOST_LENGTH_MAX and all(
        0 < len(label) <= _LABEL_LENGTH_MAX for label in labels
    )
