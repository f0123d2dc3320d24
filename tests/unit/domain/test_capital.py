"""The split, to the digit: the examples of the specification, and checkpoints that cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from btcturk_kit.domain.capital import (
    CapitalState,
    LedgerCheckpoint,
    ProfitBasis,
    SelfFinancing,
    SplitBasis,
    apply_self_financing,
    checkpoint_after,
)
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Ledger
from btcturk_kit.domain.ledger_events import flow_event, opening_event
from btcturk_kit.errors import CapitalPolicyError, ConfigurationError

START = CapitalState(account="main", trading_capital_try=Decimal(1000), content_hash="h0")
HIGH_WATER = SelfFinancing(profit_basis=ProfitBasis.HIGH_WATER_MARK)


def step(
    state: CapitalState, net: str, *, gross: str | None = None, **changes: Any
) -> LedgerCheckpoint:
    """Return the next checkpoint of a state: one fact more, and a realized difference."""
    count = state.last_event_count + 1
    checkpoint = LedgerCheckpoint(
        state.account,
        count,
        f"fill:{count}",
        f"h{count}",
        state.last_event_count,
        state.content_hash,
        state.last_realized_pnl_total_try + Decimal(net),
        state.last_realized_gross_total_try + Decimal(gross or net),
    )
    return checkpoint._replace(**changes)


def walk(policy: SelfFinancing, *nets: str) -> CapitalState:
    """Return the state after these realized differences, starting from 1000."""
    state = START
    for net in nets:
        state = apply_self_financing(state, step(state, net), policy)
    return state


@pytest.mark.parametrize(
    ("nets", "trading", "treasury"),
    [
        (["100"], "1060", "40"),
        (["100", "-80"], "980", "40"),
        (["-80"], "920", "0"),
        (["0"], "1000", "0"),
        (["100", "-100", "150"], "1050", "100"),  # every gain is split
        (["0.00000001"], "1000.00000001", "0"),  # 0.4 of the last digit rounds to nothing
        (["0.00000002"], "1000.00000001", "0.00000001"),
        (["33.333333333333"], "1020.000000003333", "13.33333333"),
    ],
)
def test_a_gain_is_split_and_a_loss_is_not(nets: list[str], trading: str, treasury: str) -> None:
    """60/40 of each gain; a loss reduces trading capital alone; the rounding is treasury's."""
    state = walk(SelfFinancing(), *nets)
    assert state.treasury_try == Decimal(treasury)
    assert state.trading_capital_try == Decimal(trading)


@pytest.mark.parametrize(
    ("delta", "share"),
    [
        ("0.0000000125", "0"),  # 0.4 x = 0.000000005: a tie, to the even zero
        ("0.0000000375", "0.00000002"),  # 0.000000015: a tie, to the even two
        ("0.00000001251", "0.00000001"),
    ],
)
def test_the_share_is_rounded_half_even_to_eight_places(delta: str, share: str) -> None:
    """Treasury gets a rounded share, trading capital the exact rest: no digit is lost."""
    state = walk(SelfFinancing(), delta)
    assert state.treasury_try == Decimal(share)
    assert state.trading_capital_try == 1000 + Decimal(delta) - Decimal(share)


def test_above_the_high_water_mark_only() -> None:
    """+100, -100, +150: the peak rule sets 60 aside where the checkpoint rule sets 100."""
    state = walk(HIGH_WATER, "100", "-100", "150")
    assert state.treasury_try == 60
    assert state.trading_capital_try == 1090
    assert state.peak_realized_try == 150
    below = walk(HIGH_WATER, "100", "-100", "99")
    assert (below.treasury_try, below.peak_realized_try) == (40, 100)


def test_the_peak_starts_where_the_account_was_opened() -> None:
    """A first loss makes no room: what climbs back to the opening is not split."""
    assert walk(HIGH_WATER, "-50", "50").treasury_try == 0
    assert walk(HIGH_WATER, "-50", "80").treasury_try == 12


def test_on_the_gross_gain_trading_capital_pays_the_charges() -> None:
    """Treasury takes its ratio of the gain before charges; trading capital may even fall."""
    policy = SelfFinancing(basis=SplitBasis.GROSS)
    state = apply_self_financing(START, step(START, "90", gross="100"), policy)
    assert (state.trading_capital_try, state.treasury_try) == (1050, 40)
    state = apply_self_financing(START, step(START, "-1", gross="10"), policy)
    assert (state.trading_capital_try, state.treasury_try) == (995, 4)
    state = apply_self_financing(START, step(START, "-20", gross="-10"), policy)
    assert (state.trading_capital_try, state.treasury_try) == (980, 0)


def test_a_checkpoint_applied_already_returns_the_same_object() -> None:
    """A second look at the same ledger is no second split."""
    checkpoint = step(START, "100")
    after = apply_self_financing(START, checkpoint, SelfFinancing())
    assert apply_self_financing(after, checkpoint, SelfFinancing()) is after


AFTER = walk(SelfFinancing(), "100", "50")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"event_count": 1, "previous_count": 0}, "does not extend"),  # fewer facts
        ({"event_count": 0}, "does not extend"),
        ({"event_count": 2, "content_hash": "other"}, "does not extend"),  # other history
        ({"previous_hash": "other"}, "grew from"),  # more facts on another prefix
        ({"previous_count": 1}, "grew from"),
        ({"account": "second"}, "second"),
    ],
)
def test_a_checkpoint_that_cannot_be_is_an_error(changes: dict[str, Any], words: str) -> None:
    """Fewer facts, the same count with another hash, another prefix, another account: refused."""
    with pytest.raises(CapitalPolicyError, match=words):
        apply_self_financing(AFTER, step(AFTER, "10", **changes), SelfFinancing())


def test_a_loss_beyond_the_capital_is_stored_as_it_is() -> None:
    """Trading capital may become negative; treasury pays nothing of it, now or later."""
    state = walk(SelfFinancing(), "100", "-1500")
    assert (state.trading_capital_try, state.treasury_try) == (-440, 40)
    assert state.is_exhausted
    assert not walk(SelfFinancing(), "-1000").is_exhausted


@pytest.mark.parametrize(
    ("trading", "treasury", "words"),
    [
        ("0.6", "0.5", "do not sum to 1"),
        ("0.6", "0.3999999999", "do not sum to 1"),
        ("1.2", "-0.2", "trading_ratio is 1.2"),
        ("-0.2", "1.2", "trading_ratio is -0.2"),
        ("0.6", "1.4", "treasury_ratio is 1.4"),
    ],
)
def test_ratios_are_parts_of_one(trading: str, treasury: str, words: str) -> None:
    """Each is in [0, 1] and both sum to exactly 1; anything else is the operator's mistake."""
    with pytest.raises(ConfigurationError, match=words):
        SelfFinancing(trading_ratio=Decimal(trading), treasury_ratio=Decimal(treasury))


@pytest.mark.parametrize(("treasury", "aside"), [("0", 0), ("1", 100)])
def test_all_or_nothing(treasury: str, aside: int) -> None:
    """The ratios 0 and 1 are allowed and mean what they say."""
    policy = SelfFinancing(trading_ratio=1 - Decimal(treasury), treasury_ratio=Decimal(treasury))
    assert walk(policy, "100").treasury_try == aside


def test_a_checkpoint_describes_the_step_between_two_ledgers() -> None:
    """It carries where the earlier ledger stood, so that a wrong prefix is noticed."""
    quote = Asset("TRY")
    before = Ledger().post(
        opening_event({quote: Decimal(5)}, bot_quote=Decimal(5), quote=quote, now_ms=0)
    )
    after = before.post(flow_event("flow:1", quote, Decimal(1), quote=quote, event_time_ms=1))
    checkpoint = checkpoint_after(
        before, after, account="main", realized_net=Decimal(7), realized_gross=Decimal(8)
    )
    assert checkpoint == LedgerCheckpoint(
        "main", 2, "flow:1", after.content_hash, 1, before.content_hash, Decimal(7), Decimal(8)
    )
