"""Switches for what no source settles about the exchange: each names its readings, the first holds.

Never add: anything that is documented or was seen on the wire without contradiction.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["DayResolution", "Habits", "StopBuyUnit", "StopNames", "StopTrigger"]


class StopTrigger(StrEnum):
    """What sets a stop order off."""

    LAST_TRADE = "last_trade"  # a trade at the stop price or beyond it
    TOUCH = "touch"  # the best price a taker would get: the ask of buys, the bid of sells


class StopNames(StrEnum):
    """How the messages 1124 (`…GREATER_THAN_BEST_ASK`) and 1125 (`…LESS_THAN_BEST_BID`) are meant.

    Either way a stop buy belongs above the market and a stop sell below it.
    """

    REQUIREMENT = "requirement"  # 1124: a buy must be above the ask; 1125: a sell below the bid
    PROBLEM = "problem"  # 1124: a sell is above the ask; 1125: a buy is below the bid


class StopBuyUnit(StrEnum):
    """What the quantity of a stop-market buy counts; no source shows one."""

    QUOTE = "quote"  # the amount to spend, commission included, as in a market buy
    BASE = "base"  # coins: spends what they cost at the stop price with the taker's commission


class DayResolution(StrEnum):
    """How days and weeks are asked for as candles."""

    SPACED = "spaced"  # `1 d`, `1 w`: since March 2024
    JOINED = "joined"  # `1D`, `1W`: as the documentation still says


class Habits(NamedTuple):
    """One reading of each."""

    stop_trigger: StopTrigger = StopTrigger.LAST_TRADE
    stop_names: StopNames = StopNames.REQUIREMENT
    stop_buy_unit: StopBuyUnit = StopBuyUnit.QUOTE
    day_resolution: DayResolution = DayResolution.SPACED
