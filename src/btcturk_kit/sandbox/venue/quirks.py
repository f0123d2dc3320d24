"""The quirks: switches for what sources do not agree on, each a name with two or more readings.

A quirk is one line in here and one file in `data/vectors/quirks`, which says where it comes from,
when it was seen, what each reading means, and shows it with a test vector. Readings are plain
words, so a type checker knows them in code and people can write them on a command line.

Never add: what is documented or was seen without contradiction (such facts are listed in
`data/vectors/facts.json`), what happens at some time only (that is a fault), a quirk that no vector
shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Literal, NamedTuple, Self, get_args, get_type_hints

from btcturk_kit.errors import ConfigurationError

__all__ = ["Quirks"]


class Quirks(NamedTuple):
    """One reading of each quirk; the first of every line is the default.

    Example:
        >>> Quirks().balance_decimals
        'dot'
        >>> Quirks.of({"balance_decimals": "comma"}).balance_decimals
        'comma'
    """

    # What REST calls are answered.
    unauthorized_body: Literal["success_true", "code_401", "empty"] = "success_true"
    repeated_stamps: Literal["accepted", "refused"] = "accepted"
    balance_decimals: Literal["dot", "comma"] = "dot"
    balance_timestamp: Literal["sent", "absent"] = "sent"
    accepted_words: Literal["lower", "capital"] = "lower"
    accepted_stop_price: Literal["null", "price"] = "null"
    accepted_message: Literal["success", "ok"] = "success"
    order_reply_status: Literal["absent", "sent"] = "absent"
    order_keys: Literal["camel", "lower"] = "camel"
    open_order_time: Literal["zero", "real"] = "zero"
    book_timestamp: Literal["whole", "float"] = "whole"
    book_code: Literal["success", "zero"] = "success"
    cancel_code: Literal["zero", "empty"] = "zero"
    no_match_code: Literal["1052", "1051"] = "1052"
    open_orders_code: Literal["1122", "1123"] = "1122"
    open_orders_pair: Literal["optional", "required"] = "optional"
    all_orders_limit: Literal["100", "50", "25"] = "100"
    all_orders_first_page: Literal["1", "0"] = "1"
    history_amount: Literal["half_up", "up"] = "half_up"
    history_costs: Literal["shown", "zero"] = "shown"
    empty_candles: Literal["skipped", "filled"] = "skipped"
    day_resolution: Literal["spaced", "joined"] = "spaced"

    # What becomes of orders and money.
    stop_trigger: Literal["last_trade", "touch"] = "last_trade"
    stop_names: Literal["requirement", "problem"] = "requirement"
    stop_buy_unit: Literal["quote", "base"] = "quote"
    market_buy_scale: Literal["price", "cents"] = "price"
    price_step: Literal["scale", "tick"] = "scale"
    fee_rate_places: Literal["8", "9"] = "8"
    fee_table: Literal["with_vat", "without_vat"] = "with_vat"

    # What the stream says.
    full_fill_deletion: Literal["silent", "told"] = "silent"
    partial_fill_update: Literal["silent", "told"] = "silent"
    stop_market_method: Literal["3", "1"] = "3"
    user_trades: Literal["absent", "untyped", "typed"] = "absent"
    candle_channel: Literal["tradeview", "tradingview"] = "tradeview"
    candle_resolution: Literal["text", "number"] = "text"
    balance_hint: Literal["sent", "absent"] = "sent"
    join_answer_id: Literal["absent", "zero"] = "absent"
    bad_joins: Literal["acknowledged", "unanswered"] = "acknowledged"
    unknown_frames: Literal["absent", "after_login"] = "absent"
    trade_list_order: Literal["oldest_first", "newest_first"] = "oldest_first"
    match_timestamp: Literal["sent", "absent"] = "sent"

    @classmethod
    def of(cls, chosen: Mapping[str, str]) -> Self:
        """Return the defaults with the readings that are given by name.

        Raises:
            ConfigurationError: There is no such quirk, or it has no such reading.
        """
        known = cls.readings()
        for name, reading in chosen.items():
            if name not in known:
                near = get_close_matches(name, known, n=3)
                meant = f"meant {' or '.join(near)}? " if near else ""
                raise ConfigurationError(
                    f"there is no quirk {name!r} of the local exchange",
                    hint=f"{meant}`btcturk-kit sandbox quirks` lists all",
                )
            if reading not in known[name]:
                raise ConfigurationError(
                    f"the quirk {name} has no reading {reading!r}",
                    hint=f"take one of {', '.join(known[name])}",
                )
        return cls._make(chosen.get(name, known[name][0]) for name in cls._fields)

    @classmethod
    def readings(cls) -> Mapping[str, tuple[str, ...]]:
        """Return the readings of every quirk by its name; the first is the default."""
        return _readings()


@cache
def _readings() -> Mapping[str, tuple[str, ...]]:
    return {name: get_args(kind) for name, kind in get_type_hints(Quirks).items()}
