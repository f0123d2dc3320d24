"""The owner of the account acts beside the bot: orders by hand, deposits, and the treasury."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import KEY, QUICK_TREND, SECRET, control, exchange, stage4, truth_of
from tests.recovery.evidence import books_of, contradictions

from btcturk_kit import BtcturkClient, Credentials, LimitOrder, MarketBuy, MarketSell, Side
from btcturk_kit.adapters.clocks import SandboxClock
from btcturk_kit.adapters.http_transport import Httpx2Transport
from btcturk_kit.compose.live import stage4 as assembled
from btcturk_kit.domain.identifiers import ClientOrderId, Symbol
from btcturk_kit.domain.order_events import OrderAccepted
from btcturk_kit.domain.orders import OrderRequest
from btcturk_kit.sandbox import SandboxAddress
from btcturk_kit.settings import FixedSettings

BTC = Symbol("BTCTRY")
HAND = "by-hand"
TAKER_RATIO = Decimal("0.0024")
QUIET = {"BTCTURK_KIT_PARAMETERS": '{"trend": {"size_ratio": "0.01"}}'}


def place(address: SandboxAddress, request: OrderRequest, *, name: str = HAND) -> None:
    """Place an order as the owner would, with another program and the same keys."""

    async def submit() -> object:
        network = Httpx2Transport()
        clock = await SandboxClock.connect(
            transport=network, control_url=address.control, control_token=address.control_token
        )
        async with BtcturkClient(
            base_url=address.rest,
            credentials=Credentials(KEY, SECRET),
            transport=network,
            clock=clock,
        ) as client:
            outcome = await client.submit(request, client_order_id=ClientOrderId(name))
        await network.aclose()
        return outcome

    assert isinstance(asyncio.run(submit()), OrderAccepted)


def trades_of(truth: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the trades of one order."""
    return [one for one in truth["trades"] if one["client_order_id"] == name]


def total(truth: dict[str, Any], asset: str, field: str = "") -> Decimal:
    """Return what the exchange holds of an asset, or one part of it."""
    parts = truth["balances"].get(asset, {"free": "0", "locked": "0"})
    return sum((Decimal(parts[one]) for one in (field or "free locked").split()), Decimal())


@pytest.mark.parametrize("is_sale", [False, True])
def test_a_trade_by_hand_is_the_owners(tmp_path: Path, is_sale: bool) -> None:  # noqa: FBT001 - parametrized
    """It moves the owner's coins and the cash the bot was not given; the bot becomes careful."""
    db = tmp_path / "state.db"
    with exchange(1, balances=["TRY=100000", "BTC=0.5"]) as address:
        stage4(tmp_path, address, db, 2, **QUIET)
        place(
            address,
            MarketSell(BTC, Decimal("0.01")) if is_sale else MarketBuy(BTC, Decimal(1_000)),
        )
        found = stage4(tmp_path, address, db, 1, **QUIET)
        truth = truth_of(address)
        books = books_of(db)
        (trade,) = trades_of(truth, HAND)
        quantity = Decimal(trade["quantity"]) * (-1 if is_sale else 1)
        cash = -quantity * Decimal(trade["price"]) - Decimal(trade["fee"]) - Decimal(trade["tax"])
        assert books.balances["BTC", "external"] == Decimal("0.5") + quantity
        assert books.balances["TRY", "unassigned"] == cash
        assert books.balances["TRY", "bot"] == 100_000
        assert books.capital[-1] == (100_000, 0, 0)
        assert found["mode"] == "REDUCE_RISK_ONLY"
        assert "foreign_trade" in books.anomalies
        assert set(found["exchange_difference"].values()) == {"0"}
        assert contradictions(books, truth, owners=frozenset({HAND})) == []
        # With the cool-down over and clean cycles behind it, it is as before; nothing is sold.
        later = stage4(tmp_path, address, db, 6, **QUIET)
        assert later["mode"] == "NORMAL"
        assert books_of(db).balances["BTC", "external"] == Decimal("0.5") + quantity


def test_an_order_by_hand_is_left_alone(tmp_path: Path) -> None:
    """A resting order of the owner is neither canceled nor counted as the bot's."""
    db = tmp_path / "state.db"
    with exchange(1) as address:
        stage4(tmp_path, address, db, 2, **QUICK_TREND)
        low = Decimal(int(Decimal(_last_price(address)) * Decimal("0.5")))
        place(address, LimitOrder(BTC, Side.BUY, Decimal("0.001"), low))
        place(address, MarketBuy(BTC, Decimal(1_000)), name="to-make-it-careful")
        found = stage4(tmp_path, address, db, 10, **QUICK_TREND)
        truth = truth_of(address)
    (order,) = [one for one in truth["orders"] if one["client_order_id"] == HAND]
    assert (order["status"], order["cancel_due_ms"]) == ("open", None)
    assert HAND not in books_of(db).orders
    # The owner's order locks what no order of the bot reserves; totals are equal all the same.
    locked = Decimal("0.001") * low * (1 + TAKER_RATIO)
    assert Decimal(found["exchange_difference"]["TRY.locked"]) == locked
    assert found["exchange_difference"]["TRY"] == found["exchange_difference"]["BTC"] == "0"


def _last_price(address: SandboxAddress) -> Decimal:
    async def ticker() -> Decimal:
        async with BtcturkClient(base_url=address.rest) as client:
            return (await client.ticker(BTC)).last

    return asyncio.run(ticker())


def test_a_deposit_is_the_owners(tmp_path: Path) -> None:
    """The exchange's own evidence explains it; the bot trades on with what it has."""
    db = tmp_path / "state.db"
    with exchange(1) as address:
        stage4(tmp_path, address, db, 2, **QUIET)
        deposit = {"api_key": KEY, "asset": "TRY", "amount": "500.5"}
        control(address, "POST", "/v1/deposit", deposit)
        found = stage4(tmp_path, address, db, 1, **QUIET)
        assert found["exchange_difference"]["TRY"] == found["suspense"]["TRY"] == "0"
        assert found["mode"] == "NORMAL"
        later = stage4(tmp_path, address, db, 30, **QUICK_TREND)
        truth = truth_of(address)
    books = books_of(db)
    assert books.anomalies.count("exchange_difference") == 0
    assert later["fills"] > found["fills"]
    assert books.balances["TRY", "unassigned"] == Decimal("500.5")
    assert contradictions(books, truth) == []
    capital = Decimal(later["trading_capital_try"]) + Decimal(later["treasury_try"])
    assert capital == 100_000 + Decimal(later["realized_net_try"])


def test_the_treasury_cannot_be_spent(tmp_path: Path) -> None:
    """A bot that may buy all it wants never leaves less cash than the treasury.

    Also when the owner bought by hand with cash that the bot counted on.
    """
    db = tmp_path / "state.db"
    with exchange(2) as address:
        found = stage4(tmp_path, address, db, 30, **QUICK_TREND)
        treasury = Decimal(found["treasury_try"])
        assert treasury > 0
        place(address, MarketBuy(BTC, Decimal(60_000)))
        before = books_of(db)
        free = asyncio.run(_buy_all_one_can(address, db, cycles=40))
        after, truth = books_of(db), truth_of(address)
    bought = {name for name in after.orders if after.orders[name][3] == "buy"} - {*before.orders}
    assert len(bought) >= 3
    # It went to the limit: next to nothing was left beside the treasury at least once.
    assert treasury <= min(free) < treasury + 200
    assert sum(after.transfers) >= treasury
    assert after.balances["TRY", "treasury"] == sum(after.transfers)
    assert total(truth, "TRY", "free") >= treasury
    assert contradictions(after, truth, owners=frozenset({HAND})) == []


async def _buy_all_one_can(address: SandboxAddress, db: Path, *, cycles: int) -> list[Decimal]:
    """Run a bot without limits; return the free TRY at the exchange after each cycle."""
    free: list[Decimal] = []
    settings = FixedSettings(
        api_key=KEY,
        api_secret=SECRET,
        rest_url=address.rest,
        control_url=address.control,
        control_token=address.control_token,
        cycle_seconds=3600,
        db=db,
        order_ratio=Decimal(10),
        gross_exposure_ratio=Decimal(10),
        daily_loss_ratio=Decimal(10),
        drawdown_ratio=Decimal(10),
        loss_streak=1_000,
        order_ttl_seconds=3600,
        parameters={
            "trend": {
                "fast_bars": 1,
                "slow_bars": 2,
                "band_ratio": "0.0001",
                "entry_offset_ratio": "0",
                "size_ratio": "1",
                "calm_volatility_ratio": "1",
            }
        },
    )

    def look(_: int) -> None:
        free.append(total(truth_of(address), "TRY", "free"))

    async with assembled(settings, on_frame=look) as bot:
        await bot.runner.run(max_cycles=cycles)
    return free
