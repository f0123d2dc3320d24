"""Finding plug-ins: by allow-listed name only, and nothing wrong starts a run."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest

from btcturk_kit.domain.cycle import ALLOW
from btcturk_kit.errors import ConfigurationError, PluginError
from btcturk_kit.hooks.builtin import spread_guard, trend
from btcturk_kit.hooks.loading import available_plugins, load_plugins
from btcturk_kit.hooks.specs import hookimpl

from .seam import plugin


def test_the_built_in_plugins_are_installed_like_any_other() -> None:
    """They come through entry points, so they prove the seam that others use."""
    assert set(available_plugins()) >= {"trend", "take-profit", "spread-guard"}
    assert list(available_plugins()) == sorted(available_plugins())


def test_only_named_plugins_are_loaded() -> None:
    """What the settings do not name stays out, however installed it is."""
    manager = load_plugins(["trend", "spread-guard", "trend"])
    assert {name for name, _ in manager.list_name_plugin()} == {"trend", "spread-guard"}
    assert manager.get_plugin("trend") is trend
    assert manager.get_plugin("spread-guard") is spread_guard
    assert load_plugins(()).get_plugins() == set()


def test_each_composition_has_its_own_plugins() -> None:
    """Two runs in one process do not share what is loaded."""
    one, two = load_plugins(["trend"]), load_plugins(())
    assert one is not two
    assert two.get_plugins() == set()


def test_a_name_nobody_installed_is_an_error_with_the_choice() -> None:
    """The operator sees what there is."""
    with pytest.raises(ConfigurationError, match="'trendy' is not installed") as caught:
        load_plugins(["trend", "trendy"])
    assert "spread-guard" in caught.value.hint
    assert "take-profit" in caught.value.hint


def test_objects_can_be_given_by_name() -> None:
    """A script needs no entry point for its own plug-in."""
    mine = plugin(kit_review_order=lambda: ALLOW)
    manager = load_plugins(["trend"], extra={"mine": mine})
    assert manager.get_plugin("mine") is mine


def test_a_name_is_used_once() -> None:
    """An object under the name of an installed plug-in is refused, not shadowed."""
    with pytest.raises(PluginError, match=r"'trend'.*cannot be registered"):
        load_plugins(["trend"], extra={"trend": plugin(kit_review_order=lambda: ALLOW)})


def test_one_object_cannot_come_under_two_names() -> None:
    """Otherwise its answer would count twice."""
    mine = plugin(kit_review_order=lambda: ALLOW)
    with pytest.raises(PluginError, match="'second'"):
        load_plugins((), extra={"first": mine, "second": mine})


def test_an_unknown_hook_stops_the_start() -> None:
    """A misspelled hook would silently never be called, so it is refused by name."""

    @hookimpl
    def kit_reveiw_order() -> object:
        return ALLOW

    module = ModuleType("typo")
    module.kit_reveiw_order = kit_reveiw_order  # type: ignore[attr-defined]  # made here
    with pytest.raises(PluginError, match="kit_reveiw_order") as caught:
        load_plugins((), extra={"typo": module})
    assert caught.value.plugin == "typo"


def test_an_argument_no_hook_has_stops_the_start() -> None:
    """A hook that asks for what does not exist is refused when it is registered."""
    with pytest.raises(PluginError, match=r"'mine'.*cannot be registered"):
        load_plugins((), extra={"mine": plugin(kit_vote_risk=lambda weather: weather)})


def test_an_object_without_hooks_is_no_harm() -> None:
    """Nothing is called by accident: only what is marked is a hook."""
    unmarked = SimpleNamespace(kit_review_order=lambda: None)
    assert load_plugins((), extra={"mine": unmarked}).hook.kit_review_order.get_hookimpls() == []
