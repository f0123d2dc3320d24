"""Quirks of frames: what other readings make of a model that is about to be written.

Models are written the way they are trusted most (`wire`); here a model is changed in place, and
only in what a quirk names. Never add: what is sent when (`hub`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from btcturk_kit.sandbox.venue.quirks import Quirks

__all__ = ["Bend", "bend_of"]

Bend = Callable[[int, dict[str, Any]], None]
"""Changes the model of a frame of a type."""

_ANSWER, _USER_TRADE, _CANDLE = 100, 423, 428
_MATCH, _OF_ORDERS = 441, (441, 451, 452, 453)
_STOP_MARKET = 3


def bend_of(quirks: Quirks) -> Bend | None:
    """Return what to do with every model; None where that is nothing.

    Example:
        >>> bend_of(Quirks()) is None
        True
        >>> model = {"type": 100, "ok": True}
        >>> bend_of(Quirks(join_answer_id="zero"))(100, model)
        >>> model
        {'type': 100, 'ok': True, 'id': 0}
    """
    steps: list[Bend] = []
    if quirks.join_answer_id == "zero":
        steps.append(_number_answers)
    if quirks.user_trades == "typed":
        steps.append(_type_user_trades)
    if quirks.candle_channel == "tradingview":
        steps.append(_rename_candles)
    if quirks.candle_resolution == "number":
        steps.append(_number_resolutions)
    if quirks.stop_market_method == "1":
        steps.append(_call_stops_markets)
    if quirks.match_timestamp == "absent":
        steps.append(_strip_matches)
    if not steps:
        return None

    def bend(number: int, model: dict[str, Any]) -> None:
        for step in steps:
            step(number, model)

    return bend


def _number_answers(number: int, model: dict[str, Any]) -> None:
    if number == _ANSWER:
        model["id"] = 0


def _type_user_trades(number: int, model: dict[str, Any]) -> None:
    if number == _USER_TRADE:
        model["type"] = _USER_TRADE


def _rename_candles(number: int, model: dict[str, Any]) -> None:
    if number == _CANDLE:
        model["channel"] = "tradingview"


def _number_resolutions(number: int, model: dict[str, Any]) -> None:
    if number == _CANDLE and model["R"].isdigit():
        model["R"] = int(model["R"])


def _call_stops_markets(number: int, model: dict[str, Any]) -> None:
    if number in _OF_ORDERS and model["method"] == _STOP_MARKET:
        model["method"] = 1


def _strip_matches(number: int, model: dict[str, Any]) -> None:
    if number == _MATCH:
        del model["timestamp"]
