"""What a simulated run decides with: strategies by name, definition or function, guards, policies.

Never add: a setting that is read from anywhere, a market.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.domain.cycle import Anomaly
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.gateway import HookGateway
from btcturk_kit.hooks.loading import load_plugins
from btcturk_kit.hooks.strategy import BarView, Strategy, StrategyDefinition
from btcturk_kit.pipeline.context import CycleContext
from btcturk_kit.pipeline.decide import BoundStrategy, Kit
from btcturk_kit.pipeline.profile import Profile
from btcturk_kit.settings import validated_parameters

__all__ = ["Guard", "StrategyChoice", "default_profile", "kit_of", "named", "warm_up"]

StrategyChoice = str | StrategyDefinition | Callable[[Symbol], Strategy]
"""A plug-in's name, a definition, or what makes the strategy of a pair."""

Guard = object
"""A plug-in's name, or an object with hooks."""

_Maker = Callable[[Symbol], Strategy]


def default_profile(symbols: tuple[Symbol, ...]) -> Profile:
    """Return the policies of a run that was given none: every limit as shipped, days of Türkiye."""
    return Profile(account="backtest", symbols=symbols, day_end=day_end_in("Europe/Istanbul"))


def named(
    strategy: StrategyChoice | Iterable[StrategyChoice],
) -> tuple[tuple[str, StrategyChoice], ...]:
    """Return one or more strategies with the names they go by; names that repeat are numbered.

    Example:
        >>> [name for name, _ in named(["trend", "trend"])]
        ['trend', 'trend-2']
    """
    # A definition is a tuple too, but not one of strategies.
    if isinstance(strategy, (str, StrategyDefinition)) or callable(strategy):
        chosen: tuple[StrategyChoice, ...] = (strategy,)
    else:
        chosen = tuple(strategy)
    if not chosen:
        raise ConfigurationError("no strategy", hint="name one, or give one")
    names: list[str] = []
    for one in chosen:
        name = base = _name_of(one)
        number = 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return tuple(zip(names, chosen, strict=True))


def _name_of(strategy: StrategyChoice) -> str:
    if isinstance(strategy, str):
        return strategy
    maker = strategy.factory if isinstance(strategy, StrategyDefinition) else strategy
    found = getattr(maker, "__name__", "") or type(maker).__name__
    return "strategy" if found == "<lambda>" else found.lower().strip("_").replace("_", "-")


def kit_of(
    chosen: tuple[tuple[str, StrategyChoice], ...],
    *,
    profile: Profile,
    rules: dict[Symbol, PairRules],
    parameters: Mapping[str, Any],
    guards: Iterable[Guard],
) -> Kit:
    """Return policies and plug-ins of a run; strategies are made once for each pair.

    Args:
        chosen: From `named`.
        profile: Policies; its pairs are traded.
        rules: Of its pairs.
        parameters: Of the strategy by name; of several, by strategy and name.
        guards: Names of plug-ins, or objects with hooks.

    Raises:
        ConfigurationError: A plug-in that is not installed, or parameters that cannot be.
    """
    installed = [one for _, one in chosen if isinstance(one, str)]
    extra: dict[str, object] = {}
    for guard in guards:
        if isinstance(guard, str):
            installed.append(guard)
        else:
            extra[f"guard-{len(extra) + 1}"] = guard
    gateway = HookGateway(load_plugins(installed, extra=extra))
    offers = gateway.strategies()
    bound: list[BoundStrategy] = []
    for name, strategy in chosen:
        values = parameters if len(chosen) == 1 else parameters.get(name, {})
        make = _maker_of(name, strategy, offers, values)
        bound += [BoundStrategy(name, symbol, make(symbol)) for symbol in rules]
    return Kit(profile, rules, gateway, tuple(bound), CycleContext(rules, profile))


def _maker_of(
    name: str,
    strategy: StrategyChoice,
    offers: Mapping[str, StrategyDefinition],
    values: Mapping[str, Any],
) -> _Maker:
    if isinstance(strategy, str):
        if strategy not in offers:
            raise ConfigurationError(
                f"plug-in {strategy!r} offers no strategy",
                hint=f"plug-ins that do: {', '.join(sorted(offers))}"
                if offers
                else "name one that does, such as trend; guards have a setting of their own",
            )
        strategy = offers[strategy]
    if isinstance(strategy, StrategyDefinition):
        factory, given = strategy.factory, validated_parameters(name, strategy.parameters, values)
        return lambda symbol: factory(given, symbol)
    if values:
        raise ConfigurationError(
            f"parameters for {name!r}, which takes none", hint="give a StrategyDefinition instead"
        )
    return strategy


def warm_up(kit: Kit, views: Iterable[tuple[BarView, Iterable[int]]]) -> tuple[Anomaly, ...]:
    """Feed strategies bars from before the run; they are not asked. Return what failed first.

    Args:
        kit: Of the run.
        views: A view of each pair, and the places it is moved along.
    """
    failures: dict[str, Anomaly] = {}
    for view, places in views:
        fed = [
            (bound.name, bound.strategy.on_bar)
            for bound in kit.strategies
            if bound.symbol == view.symbol and hasattr(bound.strategy, "on_bar")
        ]
        for index in places:
            view._index = index  # noqa: SLF001 - only who feeds a view moves it
            for name, on_bar in fed:
                try:
                    on_bar(view)
                except Exception as error:  # noqa: BLE001 - one strategy must not stop a run
                    told = f"{name}.on_bar before the run: {error!r}"
                    failures.setdefault(name, Anomaly("strategy_failed", RiskMode.NORMAL, told))
    return tuple(failures.values())
