"""Ray behind the interface of `concurrent.futures` (extra `ray`).

Ray has tasks and object references of its own; a sweep takes any executor. Never add: a cluster's
address, a resource beside processors.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from btcturk_kit.errors import ConfigurationError

__all__ = ["RayExecutor"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class RayExecutor(Executor):
    """Runs calls as tasks of the Ray that this program is connected to.

    `ray.init()` comes before, with whatever address and resources; shutting the executor down
    leaves Ray running. A call whose worker dies is not repeated by Ray: the sweep does that.

    Args:
        cpus: Processors that one call takes.

    Raises:
        ConfigurationError: Ray is not installed, or not connected.
    """

    def __init__(self, *, cpus: float = 1) -> None:
        try:
            ray = import_module("ray")
        except ImportError:
            raise ConfigurationError(
                "Ray is not installed", hint="pip install 'btcturk-kit[ray]'"
            ) from None
        if not ray.is_initialized():
            raise ConfigurationError("Ray is not connected", hint="call ray.init() before")
        self._call: Any = ray.remote(num_cpus=cpus, max_retries=0)(_called)
        self._is_shut = False
        self._max_workers = max(1, int(ray.cluster_resources().get("CPU", 1) / cpus))

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Start a call as a task.

        Raises:
            RuntimeError: The executor was shut down.
        """
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[_T] = self._call.remote(fn, args, kwargs).future()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the interface's signature
        """Take no more calls; those under way go on, in Ray."""
        self._is_shut = True


def _called(fn: Callable[..., _T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _T:
    return fn(*args, **kwargs)
