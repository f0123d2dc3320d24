"""Base addresses are whole, bare and encrypted, except on this machine."""

from __future__ import annotations

import pytest

from btcturk_kit.adapters.addresses import checked_base_url, checked_stream_url, is_loopback
from btcturk_kit.errors import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "https://api.btcturk.com",
        "https://example.com:8443",
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:80",
        f"https://{'a' * 63}.com.",
    ],
)
def test_usable_addresses(url: str) -> None:
    """A usable address is returned as it is."""
    assert checked_base_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.btcturk.com",
        "https://",
        "ftp://example.com",
        "https://example.com/",
        "https://example.com/api",
        "https://example.com?x=1",
        "https://example.com#x",
        "https://example.com:99999",
        "https://[::",
        "https://bücher.example",
        "http://api.btcturk.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.5",
        "https://api..btcturk.com",
        "https://.btcturk.com",
        f"https://{'a' * 64}.com",
        f"https://{'.'.join(['a' * 63] * 4)}",
    ],
)
def test_unusable_addresses(url: str) -> None:
    """No scheme, no host, a path, or no encryption: refused with a hint."""
    with pytest.raises(ConfigurationError) as caught:
        checked_base_url(url)
    assert caught.value.hint


def test_a_password_in_an_address_is_not_repeated() -> None:
    """The message does not show what must not be logged."""
    with pytest.raises(ConfigurationError) as caught:
        checked_base_url("https://user:hunter2@example.com")
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8080", True),
        ("http://127.8.9.10", True),
        ("http://[::1]:5", True),
        ("https://api.btcturk.com", False),
        ("http://localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback(url: str, *, expected: bool) -> None:
    """Only this machine's own names and addresses are loopback."""
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    "url", ["wss://ws-feed-pro.btcturk.com", "ws://127.0.0.1:8080", "ws://localhost:1"]
)
def test_usable_stream_addresses(url: str) -> None:
    """A usable stream address is returned as it is."""
    assert checked_stream_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://example.com",
        "ws://example.com",
        "wss://example.com/",
        "wss://a:99999",
        "wss://",
    ],
)
def test_unusable_stream_addresses(url: str) -> None:
    """Another scheme, a path, or no encryption beyond this machine: refused with a hint."""
    with pytest.raises(ConfigurationError) as caught:
        checked_stream_url(url)
    assert caught.value.hint
