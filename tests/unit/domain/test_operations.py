"""Operations as values and as text: what cannot be right is refused, what is read is total."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.operation_text import decode_request, encode_request
from btcturk_kit.domain.operations import (
    AssignCoins,
    BookFlow,
    BookLevy,
    BookLots,
    CapitalPocket,
    Explanation,
    FlowKind,
    LevyKind,
    OperationRequest,
    OverrideMode,
    RearmPeak,
    ReleaseLatch,
    ResolveSuspense,
    TransferCapital,
    UnreadableRequest,
    ValueCharge,
    assets_of,
)
from btcturk_kit.domain.operator_events import LotEvidence
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError

BTC, TRY = Asset("BTC"), Asset("TRY")
D = Decimal
TRADING, TREASURY = CapitalPocket.TRADING, CapitalPocket.TREASURY

REQUESTS: list[OperationRequest] = [
    TransferCapital(source=TRADING, target=TREASURY, amount=D("10.50")),
    AssignCoins(asset=BTC, quantity=D("0.1"), to_bot=True),
    AssignCoins(
        asset=BTC, quantity=D(1), to_bot=True, cost_try=D(0), acquired_ms=5, evidence="ğüş"
    ),
    ResolveSuspense(asset=BTC, to=Explanation.BOT, amount=D("1E-8"), cost_try=D(3)),
    ResolveSuspense(asset=TRY, to=Explanation.UNDO),
    BookFlow(asset=TRY, amount=D(5), flow=FlowKind.AIRDROP, event_time_ms=7, evidence="a letter"),
    BookLevy(levy=LevyKind.WITHHOLDING, amount=D(1), payer=TRADING),
    BookLots(asset=BTC, lots=(LotEvidence(D("0.5"), D(100), 3),), evidence="file", since_ms=9),
    ValueCharge(event_key="fill:1", rate_try=D("0.5")),
    OverrideMode(mode=RiskMode.OBSERVE_ONLY, until_ms=None),
    RearmPeak(),
    ReleaseLatch(latch="repeats"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: type(one).__name__)
def test_what_is_written_is_read_again(request_: OperationRequest) -> None:
    """Every kind comes back equal, and its text is canonical."""
    text = encode_request(request_)
    again = decode_request(text)
    assert again == request_
    assert encode_request(again) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it cannot be read"),
        ("[]", "it is not a JSON object"),
        ("{}", "None is no kind"),
        ('{"kind":3}', "3 is no kind"),
        ('{"kind":"fly"}', "'fly' is no kind"),
        ('{"kind":"rearm_peak","x":1}', "fields do not fit: x"),
        ('{"kind":"release_latch"}', "fields do not fit: latch"),
        ('{"kind":"release_latch","latch":1}', "1 is not text"),
        ('{"kind":"release_latch","latch":" "}', "no name of the latch"),
        ('{"kind":"value_charge","event_key":"f","rate_try":"x"}', "it cannot be read"),
        ('{"kind":"value_charge","event_key":"f","rate_try":"NaN"}', "is not an amount"),
        ('{"kind":"override_mode","mode":"WILD","until_ms":null}', "WILD"),
        ('{"kind":"override_mode","mode":"NORMAL","until_ms":true}', "True is not a whole number"),
        ('{"kind":"transfer_capital","source":"trading","target":"treasury","amount":null}',
         "amount is not given"),
        ('{"kind":"book_lots","asset":"BTC","lots":3,"evidence":"e","since_ms":null}',
         "3 is not a list"),
        (encode_request(REQUESTS[1]).replace("true", "1"), "1 is not true or false"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(text: str, problem: str) -> None:
    """A row that a later version wrote, or nobody should have, is a value and no exception."""
    found = decode_request(text)
    assert isinstance(found, UnreadableRequest)
    assert problem in found.problem
    assert encode_request(found) == text


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr))
def test_reading_never_raises(text: str) -> None:
    """Whatever a row holds, a request comes of it."""
    decode_request(text)


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        (TransferCapital, {"source": TRADING, "target": TRADING, "amount": D(1)}, "both trading"),
        (TransferCapital, {"source": TRADING, "target": TREASURY, "amount": D(0)}, "not positive"),
        (TransferCapital, {"source": TRADING, "target": TREASURY, "amount": D("1E-17")}, "than 16"),
        (TransferCapital, {"source": TRADING, "target": TREASURY, "amount": D("Infinity")},
         "not an amount"),
        (TransferCapital, {"source": TRADING, "target": TREASURY, "amount": D("9" * 31)},
         "not an amount"),
        (AssignCoins, {"asset": TRY, "quantity": D(1), "to_bot": True}, "TRY has no lots"),
        (AssignCoins, {"asset": Asset("btc"), "quantity": D(1), "to_bot": True}, "not an asset"),
        (AssignCoins, {"asset": BTC, "quantity": D(1), "to_bot": True, "cost_try": D(1)},
         "no evidence of the cost"),
        (AssignCoins,
         {"asset": BTC, "quantity": D(1), "to_bot": False, "cost_try": D(1), "evidence": "e"},
         "leave the bot's book"),
        (AssignCoins, {"asset": BTC, "quantity": D(1), "to_bot": True, "acquired_ms": 1},
         "a date needs a cost"),
        (ResolveSuspense, {"asset": TRY, "to": Explanation.BOT, "cost_try": D(1)}, "have a cost"),
        (ResolveSuspense, {"asset": TRY, "to": Explanation.BOT, "amount": D(-1)}, "not positive"),
        (BookFlow,
         {"asset": TRY, "amount": D(1), "flow": FlowKind.DEPOSIT, "event_time_ms": 0,
          "evidence": "e"}, "has no time"),
        (BookFlow,
         {"asset": TRY, "amount": D(1), "flow": FlowKind.DEPOSIT, "event_time_ms": 1,
          "evidence": "e" * 501}, "longer than 500"),
        (BookLevy, {"levy": LevyKind.WITHHOLDING, "amount": D(1), "payer": TREASURY},
         "no tax is paid from the treasury"),
        (BookLots, {"asset": BTC, "lots": (), "evidence": "e"}, "no lot"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused(kind: Any, fields: dict[str, Any], problem: str) -> None:
    """One line that says what is wrong, before anything is written."""
    with pytest.raises(ConfigurationError, match=problem):
        kind(**fields)


def test_the_coins_whose_history_a_request_needs() -> None:
    """Those whose lots it can change; TRY has none, and risk needs none."""
    assert [assets_of(one) for one in REQUESTS] == [
        (), (BTC,), (BTC,), (BTC,), (), (), (), (BTC,), (), (), (), (),
    ]  # fmt: skip
