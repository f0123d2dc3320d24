"""Keys, permissions, addresses and stamps, without a network."""

from __future__ import annotations

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.access import Access, LoginRequest, Permission
from btcturk_kit.wire.pacing import Endpoint
from btcturk_kit.wire.signing import Credentials

ANN = Credentials("ann", "QUFBQQ==")
NOW_MS = 1_700_000_000_000
HERE = "127.0.0.1"


def signed(stamp_ms: int) -> dict[str, str]:
    """Return the headers of a call of `ann`."""
    stamp = str(stamp_ms)
    return {"x-pck": "ann", "x-stamp": stamp, "x-signature": ANN.sign(stamp)}


def login(timestamp_ms: int, nonce: int = 3000) -> LoginRequest:
    """Return a login of `ann` that is signed well."""
    return LoginRequest("ann", timestamp_ms, nonce, ANN.sign(str(nonce)))


def problem(access: Access, endpoint: Endpoint, stamp_ms: int = NOW_MS, address: str = HERE) -> str:
    """Return what is wrong with a call of `ann`."""
    return access.problem_with(signed(stamp_ms), endpoint, address=address, now_ms=NOW_MS)


OPENED = {
    Permission.FUNDS: {Endpoint.BALANCES},
    Permission.TRADE: {
        Endpoint.SUBMIT,
        Endpoint.CANCEL,
        Endpoint.ORDER,
        Endpoint.OPEN_ORDERS,
        Endpoint.ALL_ORDERS,
    },
    Permission.ACCOUNT: {Endpoint.TRADE_HISTORY, Endpoint.CRYPTO_HISTORY, Endpoint.FIAT_HISTORY},
    Permission.WEBSOCKET: set(),
}


@pytest.mark.parametrize("permission", list(Permission))
def test_a_permission_opens_what_the_documentation_says(permission: Permission) -> None:
    """Of all private endpoints exactly its own; the login of the stream only `websocket`."""
    access = Access()
    access.add_key("ann", "QUFBQQ==", permissions=[permission])
    private = set.union(*OPENED.values())
    opened = {one for one in private if not problem(access, one)}
    assert opened == OPENED[permission]
    refused = {problem(access, one) for one in private - opened}
    assert refused == {"Invalid Request"}
    said = access.problem_with_login(login(NOW_MS), now_ms=NOW_MS)
    assert said == ("" if permission is Permission.WEBSOCKET else "Invalid Request")


def test_permissions_change_from_the_next_call_on() -> None:
    """A key loses and regains what it opens; who cannot sign is told nothing about it."""
    access = Access()
    access.add_key("ann", "QUFBQQ==")
    assert problem(access, Endpoint.SUBMIT) == ""
    access.set_permissions("ann", [])
    assert access.permissions("ann") == frozenset()
    assert problem(access, Endpoint.SUBMIT) == "Invalid Request"
    bad = {**signed(NOW_MS), "x-signature": "AAAA"}
    said = access.problem_with(bad, Endpoint.SUBMIT, address=HERE, now_ms=NOW_MS)
    assert said == "Invalid Signature"


def test_a_bound_key_works_from_its_addresses_only() -> None:
    """Calls and logins from elsewhere, or from nobody knows where, are unauthorized."""
    access = Access()
    access.add_key("ann", "QUFBQQ==", addresses=["10.0.0.7", "0:0:0:0:0:0:0:1"])
    for address, expected in (("10.0.0.7", ""), ("::1", ""), (HERE, "Invalid Request")):
        assert problem(access, Endpoint.BALANCES, address=address) == expected
        said = access.problem_with_login(login(NOW_MS), address=address, now_ms=NOW_MS)
        assert said == expected
    assert access.problem_with_login(login(NOW_MS), now_ms=NOW_MS) == "Invalid Request"
    with pytest.raises(ConfigurationError, match="'home', which is no IP address"):
        access.add_key("bob", "QUFBQQ==", addresses=["home"])


def test_five_seconds_either_way() -> None:
    """At the speed of the machine a stamp may be five seconds off, and no more."""
    access = Access()
    access.add_key("ann", "QUFBQQ==")
    for skew_ms, expected in ((5_000, ""), (-5_000, ""), (5_001, "Invalid Nonce")):
        assert problem(access, Endpoint.BALANCES, NOW_MS + skew_ms) == expected


def test_a_hurried_market_takes_stamps_of_either_clock() -> None:
    """Five seconds times the speed around market time, or five around the machine's time."""
    machine_ms = NOW_MS - 86_400_000
    access = Access(speed=60, machine_ms=lambda: machine_ms)
    access.add_key("ann", "QUFBQQ==")
    for stamp_ms, expected in (
        (NOW_MS + 300_000, ""),
        (NOW_MS - 300_001, "Invalid Nonce"),
        (machine_ms + 5_000, ""),
        (machine_ms - 5_001, "Invalid Nonce"),
    ):
        assert problem(access, Endpoint.BALANCES, stamp_ms) == expected
    for stamp_ms, expected in (
        (NOW_MS + 180_000, ""),
        (NOW_MS + 180_001, "Invalid Request"),
        (machine_ms - 3_000, ""),
        (machine_ms - 3_001, "Invalid Request"),
    ):
        assert access.problem_with_login(login(stamp_ms), now_ms=NOW_MS) == expected


@pytest.mark.parametrize("nonce", [-1, 60_001])
def test_a_nonce_is_a_small_number(nonce: int) -> None:
    """Neither a negative one nor one beyond the limit logs in, however near the time is."""
    access = Access()
    access.add_key("ann", "QUFBQQ==")
    assert access.problem_with_login(login(NOW_MS, nonce), now_ms=NOW_MS) == "Invalid Request"


def test_without_windows_nothing_is_counted() -> None:
    """A thousand orders in an instant pass where requests are not counted, eleven do not else."""
    counting, free = Access(), Access(has_rate_windows=False)
    for access in (counting, free):
        access.add_key("ann", "QUFBQQ==")
    for count in (Access.count_address, Access.count_account):
        assert not any(count(free, "ann", Endpoint.SUBMIT, NOW_MS) for _ in range(1_000))
        answers = [count(counting, "ann", Endpoint.SUBMIT, NOW_MS) for _ in range(11)]
        assert [one is None for one in answers] == [True] * 10 + [False]


def test_a_key_that_was_taken_back_is_unknown() -> None:
    """It can be given again."""
    access = Access()
    access.add_key("ann", "QUFBQQ==")
    with pytest.raises(ConfigurationError, match="given twice"):
        access.add_key("ann", "QUFBQQ==")
    access.remove_key("ann")
    assert problem(access, Endpoint.BALANCES) == "Invalid Public key"
    access.add_key("ann", "QUFBQQ==")
    assert problem(access, Endpoint.BALANCES) == ""
