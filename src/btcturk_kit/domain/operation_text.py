"""Operations as the text they are kept as: JSON with sorted keys, exact decimals as text.

Writing refuses nothing; reading is total: what cannot be read is a value that says why, so that one
row can never keep a bot from running. Never add: a default for a field that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, TypeVar

from btcturk_kit.domain.canonical import canonical_decimal
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
)
from btcturk_kit.domain.operator_events import LotEvidence
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError

__all__ = ["decode_request", "encode_request"]

_Value = TypeVar("_Value")

_KINDS: Final[Mapping[str, type[Any]]] = {
    "transfer_capital": TransferCapital,
    "assign_coins": AssignCoins,
    "resolve_suspense": ResolveSuspense,
    "book_flow": BookFlow,
    "book_levy": BookLevy,
    "book_lots": BookLots,
    "value_charge": ValueCharge,
    "override_mode": OverrideMode,
    "rearm_peak": RearmPeak,
    "release_latch": ReleaseLatch,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def encode_request(request: OperationRequest) -> str:
    """Return the canonical text of a request: JSON with sorted keys, amounts as text.

    Example:
        >>> encode_request(ValueCharge(event_key="fill:7", rate_try=Decimal("1.50")))
        '{"event_key":"fill:7","kind":"value_charge","rate_try":"1.5"}'
    """
    if isinstance(request, UnreadableRequest):
        return request.text
    found: dict[str, object] = {"kind": _NAMES[type(request)]}
    for one in fields(request):
        found[one.name] = _plain(getattr(request, one.name))
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return canonical_decimal(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def decode_request(text: str) -> OperationRequest:
    """Return the request of a stored text; one that cannot be read is a value that says why.

    Example:
        >>> decode_request('{"kind":"rearm_peak"}')
        RearmPeak()
        >>> decode_request('{"kind":"sell_all"}').problem
        "'sell_all' is no kind of operation this version knows"
    """
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            return UnreadableRequest(text=text, problem="it is not a JSON object")
        name = found.pop("kind", None)
        kind = _KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            problem = f"{name!r} is no kind of operation this version knows"
            return UnreadableRequest(text=text, problem=problem)
        wanted = {one.name for one in fields(kind)}
        if set(found) != wanted:
            off = ", ".join(sorted(set(found) ^ wanted))
            return UnreadableRequest(text=text, problem=f"{name}: fields do not fit: {off}")
        values = {one: _READERS[one](found[one]) for one in wanted}
        request: OperationRequest = kind(**values)
    except ConfigurationError as error:
        return UnreadableRequest(text=text, problem=error.message)
    except (ValueError, TypeError, InvalidOperation, RecursionError) as error:
        return UnreadableRequest(text=text, problem=f"it cannot be read: {error!r}")
    return request


def _amount(value: object) -> Decimal:
    return Decimal(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not true or false")
    return value


def _lots(value: object) -> tuple[LotEvidence, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return tuple(
        LotEvidence(_amount(quantity), _amount(cost), _whole(acquired))
        for quantity, cost, acquired in value
    )


def _optional(read: Callable[[object], _Value]) -> Callable[[object], _Value | None]:
    return lambda value: None if value is None else read(value)


_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "acquired_ms": _optional(_whole),
    "amount": _optional(_amount),
    "asset": _text,
    "cost_try": _optional(_amount),
    "event_key": _text,
    "event_time_ms": _whole,
    "evidence": _text,
    "flow": FlowKind,
    "latch": _text,
    "levy": LevyKind,
    "lots": _lots,
    "mode": RiskMode,
    "payer": CapitalPocket,
    "quantity": _amount,
    "rate_try": _amount,
    "since_ms": _optional(_whole),
    "source": CapitalPocket,
    "target": CapitalPocket,
    "to": Explanation,
    "to_bot": _flag,
    "until_ms": _optional(_whole),
}
"""How each field is read; a field means the same wherever it stands."""
