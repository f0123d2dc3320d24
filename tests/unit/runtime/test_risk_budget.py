"""The risk budget alone: a store, a ledger and a policy, without a pipeline."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.pipeline.desk import OPENED_MS, TRY, buy, opened, sell

from btcturk_kit import RiskBudgetService
from btcturk_kit.adapters.memory_store import MemoryStateStore
from btcturk_kit.adapters.sqlite_store import SqliteStateStore
from btcturk_kit.domain.capital import CapitalState, LedgerCheckpoint, checkpoint_after
from btcturk_kit.domain.cycle import CycleState, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.ledger import Account, Ledger, LedgerEvent
from btcturk_kit.domain.ledger_events import fill_event, opening_event
from btcturk_kit.domain.operator_events import transfer_event
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.errors import CapitalPolicyError, ConfigurationError
from btcturk_kit.ports.store import StateStore

D = Decimal


def opened_at_1000_and_200(store: StateStore) -> CycleState:
    """Open an account with 1,000 TRY of trading capital and 200 TRY in the treasury."""
    events = (
        opening_event({TRY: D(1200)}, bot_quote=D(1200), quote=TRY, now_ms=OPENED_MS),
        transfer_event(
            "set-aside", D(200), source="bot", target="treasury", quote=TRY, now_ms=OPENED_MS,
            reason="the example",
        ),
    )  # fmt: skip
    ledger = Ledger().post(*events)
    capital = CapitalState(
        account="main",
        trading_capital_try=D(1000),
        treasury_try=D(200),
        last_event_count=2,
        last_event_key=ledger.last_event_key,
        content_hash=ledger.content_hash,
    )
    state = opened("1200")._replace(ledger=ledger, capital=capital)
    store.begin_epoch()
    store.open_account(StateCommit(state, 0, OPENED_MS, events=events, capital_rows=(capital,)))
    return state


def step(
    state: CycleState, net: str, *prices: str
) -> tuple[LedgerCheckpoint, tuple[LedgerEvent, ...], tuple[Fill, ...]]:
    """Return checkpoint, events and fills of one coin bought and sold again."""
    fills = (buy(1, "1", prices[0]), sell(2, "1", prices[1]))
    events = tuple(fill_event(one, is_own=True) for one in fills)
    checkpoint = checkpoint_after(
        state.ledger,
        state.ledger.post(*events),
        account="main",
        realized_net=D(net),
        realized_gross=D(net),
    )
    return checkpoint, events, fills


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> StateStore:
    """Return an empty store of each kind."""
    if request.param == "memory":
        return MemoryStateStore(account="main")
    return SqliteStateStore.open(tmp_path / "state.db", account="main")


@pytest.mark.parametrize(
    ("net", "prices", "trading", "treasury"),
    [("100", ("300", "400"), "1060", "240"), ("-80", ("400", "320"), "920", "200")],
)
def test_the_examples_to_the_digit(
    store: StateStore, net: str, prices: tuple[str, str], trading: str, treasury: str
) -> None:
    """1,000/200 with +100 is 1,060/240, with -80 it is 920/200; told again it changes nothing."""
    state = opened_at_1000_and_200(store)
    checkpoint, events, fills = step(state, net, *prices)
    budget = RiskBudgetService(store, RiskBudgetPolicy())
    now_ms = OPENED_MS + 60_000
    after = budget.apply_self_financing_checkpoint(
        checkpoint, events=events, fills=fills, now_ms=now_ms
    )
    assert (after.trading_capital_try, after.treasury_try) == (D(trading), D(treasury))
    stored = store.load()
    assert stored is not None
    assert stored.state.capital == after
    assert stored.state.ledger.balance(Account.TREASURY, TRY) == D(treasury)
    facts = store.totals().ledger_events
    again = budget.apply_self_financing_checkpoint(
        checkpoint, events=events, fills=fills, now_ms=now_ms
    )
    assert again == after
    assert store.totals().ledger_events == facts
    store.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"event_count": 1, "content_hash": "other"},
        {"event_count": 2, "content_hash": "other"},
        {"account": "another"},
        {"previous_hash": "other"},
        {"content_hash": "not that of the ledger"},
    ],
)
def test_a_checkpoint_that_cannot_be_right_writes_nothing(
    store: StateStore, changes: dict[str, object]
) -> None:
    """Lower, the same with another content, another account or another history."""
    state = opened_at_1000_and_200(store)
    checkpoint, events, fills = step(state, "100", "300", "400")
    before = store.load()
    with pytest.raises(CapitalPolicyError):
        RiskBudgetService(store, RiskBudgetPolicy()).apply_self_financing_checkpoint(
            checkpoint._replace(**changes),  # type: ignore[arg-type] # several types
            events=events,
            fills=fills,
            now_ms=OPENED_MS,
        )
    assert store.load() == before
    store.close()


def test_a_store_without_an_account_is_refused(store: StateStore) -> None:
    """There is no capital to apply anything to."""
    checkpoint, _, _ = step(opened("1200"), "100", "300", "400")
    with pytest.raises(ConfigurationError, match="holds no account"):
        RiskBudgetService(store, RiskBudgetPolicy()).apply_self_financing_checkpoint(
            checkpoint, now_ms=OPENED_MS
        )
    store.close()


def test_trades_of_others_move_the_owners_lots(store: StateStore) -> None:
    """A foreign trade is a fact of the ledger too: it realizes nothing of the bot's."""
    state = opened_at_1000_and_200(store)
    fill = buy(1, "1", "100", name=None)
    events = (fill_event(fill, is_own=False),)
    checkpoint = checkpoint_after(
        state.ledger, state.ledger.post(*events), account="main", realized_net=D(0),
        realized_gross=D(0),
    )  # fmt: skip
    after = RiskBudgetService(store, RiskBudgetPolicy()).apply_self_financing_checkpoint(
        checkpoint, events=events, fills=(fill,), now_ms=OPENED_MS
    )
    stored = store.load()
    assert stored is not None
    assert after.trading_capital_try == 1000
    assert [one.cost for one in stored.state.external.values()] == [100]
    store.close()
