"""The memory store beyond the contract: what it keeps costs the garbage collector nothing."""

from __future__ import annotations

import gc

from tests.contract.store_samples import ACCOUNT, Life

from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.domain.cycle import Anomaly
from btcturk_kit.domain.orders import OrderStatus, Side
from btcturk_kit.domain.risk_mode import RiskMode


def tracked() -> int:
    """Return how many objects the collector looks at in each full collection."""
    gc.collect()
    return len(gc.get_objects())


def test_history_is_invisible_to_the_collector() -> None:
    """A thousand fills with records, events, orders and anomalies add no object to look at."""
    life, store = Life(), MemoryStateStore(account=ACCOUNT)
    anomaly = Anomaly("cancel_rejected", RiskMode.NORMAL, "too late")
    store.begin_epoch()
    store.open_account(life.opening)

    def trade(fills: int) -> int:
        for ordinal in range(fills):
            side, price = (Side.SELL, "2600000") if ordinal % 2 else (Side.BUY, "2500000")
            store.commit(life.fill(side, "0.001", price))
            order = life.order(f"bk1-{life.trades}", OrderStatus.CANCELED)
            store.commit(life.orders(order)._replace(anomalies=(anomaly,)))
        return tracked()

    trade(50)
    # Other threads and caches of this process make objects now and then; the store would each time.
    grown = [-tracked() + trade(1000) for _ in range(3)]
    assert min(grown) < 20
    assert store.totals().fills == 3050


def test_the_state_is_the_object_that_was_committed() -> None:
    """Nothing is copied on the way in or out."""
    life, store = Life(), MemoryStateStore(account=ACCOUNT)
    store.begin_epoch()
    store.open_account(life.opening)
    store.commit(life.quiet(1))
    loaded = store.load()
    assert loaded is not None
    assert loaded.state is life.state
