"""What is said where the packages of the extra `sandbox` are missing. Never add: anything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from btcturk_kit.errors import ConfigurationError

__all__ = ["needing_the_extra"]

_EXTRA: Final = frozenset({"starlette", "uvicorn"})


@contextmanager
def needing_the_extra() -> Iterator[None]:
    """Turn a failed import of the extra's packages into one clear line.

    Raises:
        ConfigurationError: A package of the extra is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise ConfigurationError(
            "the local exchange needs more packages: pip install 'btcturk-kit[sandbox]'"
        ) from error
