"""Policies and plug-ins of a run, from settings: what every mode decides with.

Never add: a connection, a store, a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.errors import ConfigurationError, UnknownSymbolError
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.decide import BoundStrategy, Kit
from btcturk_kit.pipeline.profile import TRY, Profile
from btcturk_kit.settings import Settings, validated_parameters

__all__ = ["build_kit", "build_profile", "day_end_in"]


def day_end_in(zone: str) -> Callable[[int], int]:
    """Return the function from an instant to the next midnight of a time zone, in UTC ms.

    Example:
        >>> day_end_in("Europe/Istanbul")(1_700_000_000_000)
        1700082000000
    """
    where = ZoneInfo(zone)

    def day_end(now_ms: int) -> int:
        local = datetime.fromtimestamp(now_ms // 1000, tz=UTC).astimezone(where)
        midnight = datetime.combine(local.date() + timedelta(days=1), time(), tzinfo=where)
        return int(midnight.timestamp()) * 1000

    return day_end


def build_profile(settings: Settings, account: str, symbols: tuple[Symbol, ...]) -> Profile:
    """Return the policies of a bot."""
    return Profile(
        account=account,
        symbols=symbols,
        day_end=day_end_in(settings.day_zone),
        risk=settings.risk_policy(),
        cost_method=settings.cost_method,
        taker_rate=settings.taker_ratio,
        reserve_try=settings.reserve_try,
        collar_ratio=settings.collar_ratio,
        guards=settings.guard_limits(),
        order_ttl_ms=round(settings.order_ttl_seconds * 1000),
        unknown_horizon_ms=round(settings.unknown_horizon_seconds * 1000),
    )


def build_kit(
    settings: Settings,
    account: str,
    rules: dict[Symbol, PairRules],
    symbols: tuple[Symbol, ...] | None = None,
) -> Kit:
    """Return policies and plug-ins of a run; strategies are made once for each pair.

    Args:
        settings: Of the run.
        account: Its name.
        rules: Every pair the exchange lists.
        symbols: The pairs to work with; None for those of the settings.

    Raises:
        ConfigurationError: A plug-in that is not installed, or parameters that cannot be.
        UnknownSymbolError: A pair the exchange does not list.
    """
    chosen: dict[Symbol, PairRules] = {}
    for symbol in settings.pairs() if symbols is None else symbols:
        if symbol not in rules:
            near = get_close_matches(symbol, rules, n=3, cutoff=0.6)
            raise UnknownSymbolError(symbol, suggestions=tuple(near))
        if rules[symbol].quote != TRY:
            raise ConfigurationError(
                f"pair {symbol} is quoted in {rules[symbol].quote}",
                hint="the capital policy works on TRY pairs",
            )
        chosen[symbol] = rules[symbol]
    profile = build_profile(settings, account, tuple(chosen))
    gateway = HookGateway(load_plugins((*settings.strategies, *settings.guards)))
    offers = gateway.strategies()
    strategies: list[BoundStrategy] = []
    for name in settings.strategies:
        if name not in offers:
            raise ConfigurationError(
                f"plug-in {name!r} offers no strategy",
                hint=f"plug-ins that do: {', '.join(sorted(offers))}"
                if offers
                else "name one that does, such as trend; guards have a setting of their own",
            )
        offer = offers[name]
        values = settings.parameters.get(name, {})
        parameters = validated_parameters(name, offer.parameters, values)
        strategies += [
            BoundStrategy(name, symbol, offer.factory(parameters, symbol)) for symbol in chosen
        ]
    return Kit(profile, chosen, gateway, tuple(strategies), CycleContext(chosen, profile))
