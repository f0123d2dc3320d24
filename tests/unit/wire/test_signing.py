"""Signing agrees with the published vectors and never shows the secret."""

from __future__ import annotations

import copy
import pickle
import traceback
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.errors import ConfigurationError, InvariantViolation
from btcturk_kit.wire.signing import Credentials, signature

SECRET = "dGVzdC1zZWNyZXQta2V5LWZvci11bml0LXRlc3Rz"
VECTORS = [
    ("test-public-key", SECRET, "1735689600000", "7gyFGcOS+qnq46h/rl83VtpaEAsh8Th3Z3lQrF7g2I0="),
    (
        "PCK1234567890",
        "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0",
        "1000000000000",
        "DbJpXuqufl8YO8bgeGx2pVzyf9GED4juDAMVeWwZT78=",
    ),
    ("a", "AAAA", "0", "qsYdc5o1b4WQP3Hnc+vsOBNxdTye+jkFeWjmd0aXkk8="),
    ("test-public-key", SECRET, "3000", "uLpuzhycwQqE+aC+WnmBoPSIyBrCPo4I0pyJyq6uF98="),
]


@pytest.mark.parametrize(("api_key", "secret", "stamp", "expected"), VECTORS)
def test_published_vectors(api_key: str, secret: str, stamp: str, expected: str) -> None:
    """Both ways to sign give the published signature (erenemrearik/TRCrypto.Net)."""
    pair = Credentials(api_key, secret)
    assert (pair.api_key, pair.sign(stamp)) == (api_key, expected)
    assert signature(api_key, b64decode(secret), stamp) == expected


def test_the_secret_is_decoded_before_use() -> None:
    """Signing with the text of the secret gives the vector that is known to be wrong."""
    wrong = "38qSfoys8cvFpd0FBe50RUaqT6Dl3iMO7iyblkzlqnw="
    assert signature("test-public-key", SECRET.encode(), "1735689600000") == wrong
    assert Credentials("test-public-key", SECRET).sign("1735689600000") != wrong


@pytest.mark.parametrize(
    "secret", ["", "not base64!", "AAA", "AAAA\n", " AAAA", "AA-_", "AAAAA===", "gizli-şifre"]
)
def test_a_secret_that_is_not_base64_is_refused(secret: str) -> None:
    """The refusal is one line, names no secret, and chains none in its traceback."""
    with pytest.raises(ConfigurationError) as caught:
        Credentials("key", secret)
    shown = "".join(traceback.format_exception(caught.value, chain=True))
    assert "\n" not in caught.value.message
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    if secret.strip():
        assert secret.strip() not in str(caught.value)
        assert "binascii" not in shown


@pytest.mark.parametrize("api_key", ["", "two words", "line\nbreak", "ключ", "tab\t"])
def test_a_key_that_cannot_be_a_header_is_refused(api_key: str) -> None:
    """A key with a line break would forge headers."""
    with pytest.raises(ConfigurationError):
        Credentials(api_key, SECRET)


@given(st.binary(min_size=8, max_size=64))
def test_no_text_form_shows_the_secret(secret: bytes) -> None:
    """Neither repr nor str nor an error of pickling holds the secret in any form."""
    text = b64encode(secret).decode()
    pair = Credentials("key", text)
    shown = f"{pair!r} {pair}"
    assert text not in shown
    assert secret.hex() not in shown
    assert repr(secret) not in shown


def test_credentials_cannot_leave_the_process() -> None:
    """Pickling and copying are refused, and there is no dictionary to dump."""
    pair = Credentials("key", SECRET)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(InvariantViolation):
            leave(pair)
    assert not hasattr(pair, "__dict__")


def test_the_fingerprint_tells_secrets_apart() -> None:
    """Six hexadecimal digits, equal for equal secrets and different for different ones."""
    first, again, other = (
        Credentials("a", SECRET),
        Credentials("b", SECRET),
        Credentials("a", "AAAA"),
    )
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()
    assert len(first.fingerprint()) == 6
    assert int(first.fingerprint(), 16) >= 0
