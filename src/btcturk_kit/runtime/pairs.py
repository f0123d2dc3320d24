"""Which pairs a run can work with, given what earlier runs left and what the exchange lists.

A pair that was taken off the list while the bot has something in it is no reason not to start: its
books go on, its coins count at their cost, and an anomaly says so. A pair that is only missing from
the settings is one. Never add: a look at the exchange.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

from btcturk_kit.domain.cycle import Anomaly, CycleState
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError

__all__ = ["WorkingPairs", "take_rules", "working_pairs"]


class WorkingPairs(NamedTuple):
    """The pairs of a run, and what is to be said about those that are gone."""

    symbols: tuple[Symbol, ...]
    anomalies: tuple[Anomaly, ...]


def working_pairs(
    wanted: tuple[Symbol, ...],
    listed: Collection[Symbol],
    state: CycleState | None,
    *,
    quote: Asset,
    dust: Decimal,
) -> WorkingPairs:
    """Return the wanted pairs without those that are gone.

    A name that no earlier run had anything in stays: the exchange's refusal of it is the answer to
    a slip of the pen.

    Args:
        wanted: Pairs of the settings.
        listed: What the exchange lists.
        state: What the last run left, if there was one.
        quote: TRY.
        dust: A position that cost less is left alone.

    Raises:
        ConfigurationError: An order or a position in a pair that is listed, but not configured; or
            no pair is left.
    """
    if state is None:
        return WorkingPairs(wanted, ())
    orders = {one.symbol: one.client_order_id for one in state.orders.values()}
    held = {
        Symbol(f"{asset}{quote}"): one.quantity
        for asset, one in state.positions.items()
        if one.cost >= dust
    }
    for symbol, name in orders.items():
        if symbol in listed and symbol not in wanted:
            raise ConfigurationError(
                f"order {name} of an earlier run works in {symbol}",
                hint=f"add {symbol} to BTCTURK_KIT_SYMBOLS until it has ended",
            )
    for symbol, quantity in held.items():
        if symbol in listed and symbol not in wanted:
            asset = symbol.removesuffix(quote)
            raise ConfigurationError(
                f"the books hold {quantity} {asset}, whose pair is not configured",
                hint=f"add {symbol} to BTCTURK_KIT_SYMBOLS until it is sold",
            )
    known = {*orders, *(Symbol(f"{asset}{quote}") for asset in state.positions)}
    gone = sorted(known - set(listed))
    left = tuple(symbol for symbol in wanted if symbol not in gone)
    if not left:
        raise ConfigurationError(
            f"the exchange does not list {', '.join(gone)} any more",
            hint="configure a pair that it lists",
        )
    anomalies = [_gone(symbol, state, quote) for symbol in gone if symbol in {*held, *orders}]
    return WorkingPairs(left, tuple(anomalies))


def _gone(symbol: Symbol, state: CycleState, quote: Asset) -> Anomaly:
    position = state.positions.get(Asset(symbol.removesuffix(quote)))
    held = "no coins" if position is None else f"{position.quantity} for {position.cost} {quote}"
    told = f"{symbol} is not listed any more: the books hold {held}, counted at cost"
    return Anomaly("pair_gone", RiskMode.REDUCE_RISK_ONLY, told)


def take_rules(rules: dict[Symbol, PairRules], listed: Mapping[Symbol, PairRules]) -> None:
    """Bring the rules of a run up to those of the moment: some limits move with the market.

    Args:
        rules: Of the run; changed in place, because everything of the run looks at them.
        listed: What the exchange lists; a pair that is not there keeps its rules.

    Raises:
        ConfigurationError: A pair counts its prices anew; all this run has seen is in old steps.
    """
    for symbol, known in rules.items():
        told = listed.get(symbol, known)
        if told is known or told == known:
            continue
        if told.price_places != known.price_places:
            raise ConfigurationError(
                f"the exchange changed the decimals of a price of {symbol} from "
                f"{known.price_places} to {told.price_places}",
                hint="start the bot again: it goes on with the new ones",
            )
        rules[symbol] = told
