"""Finding plug-ins: entry points of the group `btcturk_kit`, by allow-listed name only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points

import pluggy

from btcturk_kit.errors import ConfigurationError, PluginError
from btcturk_kit.hooks import specs

__all__ = ["available_plugins", "load_plugins"]


def available_plugins() -> tuple[str, ...]:
    """Return the names of the installed plug-ins, sorted; nothing is imported."""
    return tuple(sorted({point.name for point in entry_points(group=specs.PROJECT)}))


def load_plugins(
    names: Iterable[str], *, extra: Mapping[str, object] | None = None
) -> pluggy.PluginManager:
    """Load the named plug-ins, and no other, into a new plug-in manager.

    Args:
        names: Entry-point names, as the settings list them.
        extra: Plug-ins given as objects, by name: for scripts that have no entry point.

    Raises:
        ConfigurationError: A name nobody installed.
        PluginError: A plug-in that cannot be imported, twice the same name, or an implementation
            of a hook that does not exist.
    """
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    for name, plugin in sorted((extra or {}).items()):
        _register(manager, name, plugin)
    points = entry_points(group=specs.PROJECT)
    for name in sorted(set(names)):
        found = [point for point in points if point.name == name]
        if not found:
            known = ", ".join(available_plugins()) or "none"
            raise ConfigurationError(
                f"plug-in {name!r} is not installed", hint=f"installed plug-ins: {known}"
            )
        if len({point.value for point in found}) > 1:
            raise PluginError(name, "installed by two distributions", hint="uninstall one")
        try:
            plugin = found[0].load()
        except Exception as error:
            raise PluginError(name, f"cannot be imported: {error}") from error
        _register(manager, name, plugin)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(
            manager.get_name(error.plugin) or "unknown", f"implements an unknown hook: {error}"
        ) from error
    return manager


def _register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    try:
        manager.register(plugin, name=name)
    except (ValueError, pluggy.PluginValidationError) as error:
        raise PluginError(name, f"cannot be registered: {error}") from error
