"""The documented windows, counted as the exchange does."""

from __future__ import annotations

import pytest

from btcturk_kit.wire.pacing import (
    RULES,
    Endpoint,
    FixedWindows,
    Lane,
    Refusal,
    endpoint_of,
    lane_of,
)

MINUTE = 60_000


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (Endpoint.SUBMIT, {(300, MINUTE), (10, 1_000)}),
        (Endpoint.CANCEL, {(300, MINUTE), (10, 1_000)}),
        (Endpoint.ORDER, {(900, MINUTE), (30, 1_000)}),
        (Endpoint.OPEN_ORDERS, {(300, MINUTE)}),
        (Endpoint.ALL_ORDERS, {(300, MINUTE)}),
        (Endpoint.BALANCES, {(120, MINUTE)}),
        (Endpoint.TRADE_HISTORY, {(120, MINUTE)}),
        (Endpoint.TICKER, {(600, MINUTE)}),
        (Endpoint.ORDER_BOOK, {(180, MINUTE)}),
        (Endpoint.GRAPH, {(600, 10 * MINUTE)}),
        (Endpoint.SERVER_TIME, set()),
    ],
)
def test_the_table_is_the_documented_one(
    endpoint: Endpoint, expected: set[tuple[int, int]]
) -> None:
    """Limits and periods of the rate-limit page of docs.btcturk.com, as of November 2026."""
    assert {(rule.limit, rule.period_ms) for rule in RULES if rule.endpoint is endpoint} == expected


def test_the_last_one_too_many_is_refused_in_the_exchange_s_words() -> None:
    """The eleventh order of a second is refused, with limit, period, policy and seconds."""
    windows = FixedWindows(policy="account")
    assert [windows.offer(Endpoint.SUBMIT, 500) for _ in range(10)] == [None] * 10
    refusal = windows.offer(Endpoint.SUBMIT, 900)
    assert refusal == Refusal(10, "1s", "account", 1)
    assert refusal.details == "Quota exceeded. Maximum allowed: 10 per 1s."


def test_a_period_begins_with_its_first_request() -> None:
    """Ten orders late in one period and ten right after it: twenty in 101 ms are allowed."""
    windows = FixedWindows(policy="account")
    assert windows.offer(Endpoint.SUBMIT, 0) is None
    assert [windows.offer(Endpoint.SUBMIT, 950) for _ in range(9)] == [None] * 9
    assert [windows.offer(Endpoint.SUBMIT, 1_000) for _ in range(10)] == [None] * 10
    assert windows.offer(Endpoint.SUBMIT, 1_001) is not None


def test_exceeding_blocks_for_as_long_as_the_period() -> None:
    """A block counts from the refused request, and refused ones do not prolong it."""
    windows = FixedWindows(policy="account")
    for _ in range(10):
        windows.offer(Endpoint.SUBMIT, 0)
    assert windows.offer(Endpoint.SUBMIT, 800) == Refusal(10, "1s", "account", 1)
    assert windows.offer(Endpoint.SUBMIT, 1_799) is not None
    assert windows.offer(Endpoint.SUBMIT, 1_800) is None


def test_the_long_horizon_counts_too() -> None:
    """301 orders, ten a second, end at the minute's window: blocked for a minute."""
    windows = FixedWindows(policy="account")
    for number in range(300):
        assert windows.offer(Endpoint.SUBMIT, number // 10 * 1_000) is None
    assert windows.offer(Endpoint.SUBMIT, 30_000) == Refusal(300, "1m", "account", 60)


def test_a_policy_counts_only_its_own_rules() -> None:
    """Balances are limited per address and not per account."""
    account, address = FixedWindows(policy="account"), FixedWindows(policy="ip")
    assert [account.offer(Endpoint.BALANCES, 0) for _ in range(200)] == [None] * 200
    assert [address.offer(Endpoint.BALANCES, 0) for _ in range(120)] == [None] * 120
    assert address.offer(Endpoint.BALANCES, 0) == Refusal(120, "1m", "ip", 60)


def test_the_graph_host_counts_all_its_requests_together() -> None:
    """Candles and daily rows share the host's ten-minute window."""
    windows = FixedWindows(policy="ip")
    for number in range(100):
        assert windows.offer(Endpoint.OHLCS, number) is None
    for number in range(500):
        assert windows.offer(Endpoint.KLINES, 200 + number) is None
    assert windows.offer(Endpoint.KLINES, 1_000) == Refusal(600, "10m", "ip", 600)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v2/orderBook", Endpoint.ORDER_BOOK),
        ("get", "/api/v1/openorders", Endpoint.OPEN_ORDERS),
        ("GET", "/api/v1/order/9223372036854775807", Endpoint.ORDER),
        ("POST", "/api/v1/order", Endpoint.SUBMIT),
        ("DELETE", "/api/v1/order", Endpoint.CANCEL),
        ("DELETE", "/api/v1/order/5", None),
        ("GET", "/api/v1/order/", None),
        ("GET", "/api/v1/order/abc", None),
        ("GET", "/v1/*", None),
        ("GET", "/api/v3/anything", None),
    ],
)
def test_requests_find_their_endpoint(method: str, path: str, expected: Endpoint | None) -> None:
    """Method and path, in any letter case, name the endpoint; strange ones name none."""
    assert endpoint_of(method, path) is expected


def test_cancels_go_before_submits_before_reads() -> None:
    """The lanes are ordered, and only orders have one of their own."""
    assert lane_of(Endpoint.CANCEL) < lane_of(Endpoint.SUBMIT) < lane_of(Endpoint.ORDER)
    others = set(Endpoint) - {Endpoint.CANCEL, Endpoint.SUBMIT}
    assert {lane_of(endpoint) for endpoint in others} == {Lane.READ}
