"""The private half of the client: listings to their end, histories in pieces, orders by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from btcturk_kit.adapters.btcturk_rest import BtcturkClient
from btcturk_kit.domain.identifiers import Asset, OrderId, Symbol
from btcturk_kit.domain.order_events import SubmitUnknown
from btcturk_kit.errors import OutcomeUnknown, ProtocolError, VenueError

from .rest_network import BUY, NOW, OURS, PAIR, ok, order_row, refused, run, trade_row

DAY_MS = 86_400_000
NOTHING = {"asks": [], "bids": []}


def transfer_row(number: int, time_ms: int, asset: str = "XLM") -> dict[str, Any]:
    """Return one deposit."""
    return {
        "balanceType": "deposit",
        "currencySymbol": asset,
        "isConfirmed": True,
        "id": number,
        "timestamp": time_ms,
        "amount": "5",
        "fee": "0",
        "tax": "0",
    }


def spans_of(targets: list[str]) -> list[tuple[int, int | None]]:
    """Return start and end of each history request."""
    found = []
    for target in targets:
        named = dict(part.split("=") for part in target.partition("?")[2].split("&"))
        end = named.get("endDate")
        found.append((int(named["startDate"]), None if end is None else int(end)))
    return found


def test_an_order_that_does_not_exist_is_none() -> None:
    """Only the two texts that say so; another refusal is an error."""
    found, _ = run(lambda client: client.order(OrderId(5)), refused("Order not found"))
    assert found is None
    with pytest.raises(VenueError, match="INVALID_REQUEST_ERROR"):
        run(lambda client: client.order(OrderId(5)), refused("INVALID_REQUEST_ERROR"))
    found, _ = run(lambda client: client.order(OrderId(5)), ok(order_row(5)))
    assert found is not None
    assert found.order_id == 5


async def listed(client: BtcturkClient) -> list[int]:
    """Return the numbers of all orders."""
    return [order.order_id async for order in client.all_orders(PAIR, start_ms=1)]


def test_all_orders_stop_after_a_small_page() -> None:
    """A page below the smallest one known is the last."""
    numbers, network = run(listed, ok([order_row(1), order_row(2)]))
    assert numbers == [1, 2]
    assert network.targets == ["/api/v1/allOrders?pairSymbol=BTCTRY&startTime=1&page=1&limit=1000"]


def test_all_orders_go_on_after_a_page_the_exchange_may_have_cut() -> None:
    """An exchange that cuts pages at 25 hides nothing; an order on two pages comes once."""
    first = [order_row(number) for number in range(1, 26)]
    second = [order_row(number) for number in range(25, 50)]
    numbers, network = run(listed, ok(first), ok(second), ok([order_row(50)]))
    assert numbers == list(range(1, 51))
    assert ["page=2" in target for target in network.targets] == [False, True, False]


def test_all_orders_end_when_the_exchange_ignores_the_page() -> None:
    """The same page again ends the listing instead of repeating it for ever."""
    page = [order_row(number) for number in range(30)]
    numbers, _ = run(listed, ok(page), ok(page))
    assert numbers == list(range(30))


def test_trade_history_of_one_pair_is_filtered_by_the_exchange() -> None:
    """And by us again, should the exchange ignore the filter."""
    fills, network = run(
        lambda client: client.trade_history(symbols=[PAIR], start_ms=NOW - 5),
        ok([trade_row(1, 10), trade_row(2, 9, base="ETH"), trade_row(3, 8)]),
    )
    assert [fill.trade_id for fill in fills] == [3, 1]
    assert network.targets == [
        "/api/v1/users/transactions/trade?type=buy&type=sell&startDate=1789999999995&pairSymbol=BTCTRY"
    ]


def test_trade_history_of_several_pairs_is_one_call() -> None:
    """All pairs are asked for at once and filtered here."""
    fills, network = run(
        lambda client: client.trade_history(symbols=[PAIR, Symbol("ETHTRY")], start_ms=NOW - 5),
        ok([trade_row(1, 1), trade_row(2, 2, base="ETH"), trade_row(3, 3, base="XLM")]),
    )
    assert [fill.symbol for fill in fills] == ["BTCTRY", "ETHTRY"]
    assert len(network.requests) == 1


def test_trade_history_by_order() -> None:
    """The number of an order is sent alone."""
    _, network = run(
        lambda client: client.trade_history(symbols=[PAIR], start_ms=NOW - 5, order_id=OrderId(7)),
        ok([]),
    )
    assert network.targets == ["/api/v1/users/transactions/trade?orderId=7"]


def test_an_order_is_asked_for_once_whatever_the_span() -> None:
    """With the number of an order there are no pieces: times are ignored."""
    _, network = run(
        lambda client: client.trade_history(symbols=[PAIR], start_ms=0, order_id=OrderId(7)),
        ok([]),
    )
    assert len(network.requests) == 1


def test_a_refused_history_is_an_error() -> None:
    """Pieces are made beforehand, so no refusal means a span that is too long."""
    with pytest.raises(VenueError, match="ERROR_DATE_RANGE_MAX_30_DAYS"):
        run(
            lambda client: client.trade_history(symbols=[PAIR], start_ms=NOW - 5),
            refused("ERROR_DATE_RANGE_MAX_30_DAYS"),
        )


async def _trades(client: BtcturkClient) -> list[int]:
    found = await client.trade_history(symbols=[PAIR], start_ms=NOW - 70 * DAY_MS)
    return [fill.trade_id for fill in found]


async def _coins(client: BtcturkClient) -> list[int]:
    return [one.transfer_id for one in await client.crypto_transfers(start_ms=NOW - 70 * DAY_MS)]


async def _money(client: BtcturkClient) -> list[int]:
    return [one.transfer_id for one in await client.fiat_transfers(start_ms=NOW - 70 * DAY_MS)]


@pytest.mark.parametrize(
    ("use", "row"), [(_trades, trade_row), (_coins, transfer_row), (_money, transfer_row)]
)
def test_a_long_history_is_asked_in_pieces(
    use: Callable[[BtcturkClient], Any], row: Callable[[int, int], dict[str, Any]]
) -> None:
    """Pieces of at most 30 days cover the span without a gap; a row on a border comes once."""
    found, network = run(
        use,
        ok([row(1, NOW - 40 * DAY_MS)]),
        ok([row(2, NOW - 20 * DAY_MS), row(1, NOW - 40 * DAY_MS)]),
        ok([row(3, NOW)]),
    )
    assert found == [1, 2, 3]
    spans = spans_of(network.targets)
    assert spans[0][0] == NOW - 70 * DAY_MS
    assert spans[0][1] == spans[1][0]
    assert spans[1][1] == spans[2][0]
    # Open: the newest row is not hidden by a clock of ours that is slow.
    assert spans[2][1] is None
    ends = [NOW if end is None else end for _, end in spans]
    assert all(end - start <= 30 * DAY_MS for (start, _), end in zip(spans, ends, strict=True))


def test_trades_that_share_a_number_are_all_kept() -> None:
    """Numbers are unique per pair only, and in a trade with oneself both sides are ours."""
    sell = {"orderType": "sell", "preciseAmount": -1, "orderId": 2}
    fills, _ = run(
        lambda client: client.trade_history(symbols=[PAIR, Symbol("ETHTRY")], start_ms=NOW - 5),
        ok([trade_row(1, 10), {**trade_row(1, 10), **sell}, trade_row(1, 10, base="ETH")]),
    )
    assert sorted((fill.symbol, fill.side.value) for fill in fills) == [
        ("BTCTRY", "buy"),
        ("BTCTRY", "sell"),
        ("ETHTRY", "buy"),
    ]


def test_a_deposit_and_a_withdrawal_of_one_number_are_both_kept() -> None:
    """They are numbered apart."""
    out = {**transfer_row(1, 2), "balanceType": "withdrawal", "amount": "-5"}
    found, _ = run(
        lambda client: client.crypto_transfers(start_ms=NOW - 5), ok([transfer_row(1, 1), out])
    )
    assert [one.kind.value for one in found] == ["deposit", "withdrawal"]


@pytest.mark.parametrize(
    ("use", "row", "change"),
    [
        (_trades, trade_row, {"price": "101"}),
        (_coins, transfer_row, {"amount": "6"}),
        (_money, transfer_row, {"currencySymbol": "TRY"}),
    ],
)
def test_one_row_told_in_two_ways_is_refused(
    use: Callable[[BtcturkClient], Any],
    row: Callable[[int, int], dict[str, Any]],
    change: dict[str, Any],
) -> None:
    """Which of the two is true cannot be known."""
    with pytest.raises(ProtocolError, match="told twice"):
        run(use, ok([row(1, 5)]), ok([{**row(1, 5), **change}]), ok([]))


def test_a_transfer_that_was_confirmed_meanwhile_is_kept_as_it_was_told_last() -> None:
    """Confirmations grow between two pieces; that contradicts nothing."""

    async def use(client: BtcturkClient) -> list[bool]:
        found = await client.crypto_transfers(start_ms=NOW - 40 * DAY_MS)
        return [one.is_confirmed for one in found]

    pending = {**transfer_row(1, 5), "isConfirmed": False}
    assert run(use, ok([pending]), ok([transfer_row(1, 5)]))[0] == [True]


def test_a_history_with_an_end_is_asked_to_its_end() -> None:
    """And one that starts after our own clock is asked for all the same."""

    async def use(client: BtcturkClient) -> None:
        await client.fiat_transfers(start_ms=NOW - 5, end_ms=NOW - 1)
        await client.fiat_transfers(start_ms=NOW + 5)

    _, network = run(use, ok([]), ok([]))
    assert spans_of(network.targets) == [(NOW - 5, NOW - 1), (NOW + 5, None)]


def test_transfers_of_some_assets() -> None:
    """The filter goes over the wire and is applied here again."""

    async def use(client: BtcturkClient) -> list[str]:
        assets = [Asset("XLM"), Asset("XRP")]
        return [one.asset for one in await client.crypto_transfers(start_ms=NOW, assets=assets)]

    found, network = run(use, ok([transfer_row(1, 1), transfer_row(2, 2, "BTC")]))
    assert found == ["XLM"]
    (target,) = network.targets
    assert target == (
        "/api/v1/users/transactions/crypto?type=deposit&type=withdrawal"
        f"&symbol=XLM&symbol=XRP&startDate={NOW}"
    )


def test_open_orders_of_all_pairs() -> None:
    """Without a pair none is sent."""
    both = {"asks": [order_row(1)], "bids": [order_row(2, pairSymbol="ETHTRY")]}
    orders, network = run(lambda client: client.open_orders(), ok(both))
    assert [order.symbol for order in orders] == [PAIR, Symbol("ETHTRY")]
    assert network.targets == ["/api/v1/openOrders"]


def test_an_unknown_submit_carries_what_resolves_it() -> None:
    """Name, pair and instant lead to the order, among the open ones or among all since then."""

    async def use(client: BtcturkClient) -> list[int | None]:
        found = []
        for _ in range(3):
            outcome = await client.submit(BUY, client_order_id=OURS)
            assert isinstance(outcome, SubmitUnknown)
            order = await client.find_order(
                outcome.client_order_id, outcome.symbol, since_ms=outcome.sent_ms
            )
            found.append(None if order is None else order.order_id)
        return found

    lost = OutcomeUnknown("cut")
    ours = order_row(8, orderClientId=OURS)
    found, network = run(
        use,
        *(lost, ok({"asks": [order_row(7)], "bids": [ours]}), ok([order_row(7)])),
        *(lost, ok(NOTHING), ok([order_row(7), {**ours, "status": "Closed", "leftAmount": "0"}])),
        *(lost, ok(NOTHING), ok([order_row(7)])),
    )
    assert found == [8, 8, None]
    assert network.targets[-1] == (
        f"/api/v1/allOrders?pairSymbol=BTCTRY&startTime={NOW - 60_000}&page=1&limit=1000"
    )


STOP = {"orderClientId": OURS, "method": "stoplimit", "stopPrice": "90"}
HEIR = {"orderClientId": OURS}


@pytest.mark.parametrize(
    ("resting", "listed", "expected"),
    [
        # Waiting.
        ([order_row(5, **STOP)], [order_row(5, **STOP)], (5, "open")),
        # Triggered: the heir rests, or is done.
        (
            [order_row(9, **HEIR)],
            [order_row(5, **STOP, status="Canceled"), order_row(9, **HEIR)],
            (9, "open"),
        ),
        (
            [],
            [
                order_row(9, **HEIR, status="Closed", leftAmount="0"),
                order_row(5, **STOP, status="Canceled"),
            ],
            (9, "filled"),
        ),
        # Triggered between the two reads.
        (
            [order_row(5, **STOP)],
            [order_row(5, **STOP, status="Canceled"), order_row(9, **HEIR)],
            (9, "open"),
        ),
        # Canceled by us: there is no heir.
        ([], [order_row(5, **STOP, status="Canceled")], (5, "canceled")),
        # A name that was used twice.
        (
            [order_row(6, **HEIR)],
            [order_row(6, **HEIR), order_row(8, **HEIR, status="Canceled")],
            (8, "canceled"),
        ),
    ],
)
def test_the_living_half_of_a_triggered_stop_is_found(
    resting: list[dict[str, Any]], listed: list[dict[str, Any]], expected: tuple[int, str]
) -> None:
    """A triggered stop is a canceled order and a new one that shares its name only."""

    async def use(client: BtcturkClient) -> tuple[int, str] | None:
        order = await client.find_order(OURS, PAIR, since_ms=NOW)
        return None if order is None else (order.order_id, order.status.value)

    found, _ = run(use, ok({"asks": resting, "bids": []}), ok(listed))
    assert found == expected
