"""What a run's answers depend on, in words: the same identity, the same answers.

Never add: a time, a path, a number of workers.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.research.trials import Run, Span, Value, value_text

__all__ = ["code_digest", "file_digest", "identity_of", "trial_key"]

_KIT = Path(__file__).parents[1]
_APART = frozenset({"cli", "sandbox", "testing"})
"""Packages of the kit that no trial runs through."""
_BLOCK = 1 << 20


def identity_of(run: Run) -> Mapping[str, str]:
    """Return everything apart from trial and span that the answers of a run depend on.

    An object may tell it itself, by a method `identity`. Otherwise it is where it was defined, the
    source text of that module, what the object holds, and the code of the kit.

    Raises:
        ConfigurationError: It cannot be known.
    """
    told = getattr(run, "identity", None)
    if told is not None:
        return dict(told())
    kind = run if inspect.isfunction(run) else type(run)
    holds = "" if inspect.isfunction(run) else repr(run)
    if " at 0x" in holds or "<lambda>" in kind.__qualname__ or "<locals>" in kind.__qualname__:
        raise ConfigurationError(
            f"nobody can tell later whether {run!r} is the same",
            hint="use a function at the top of a module, or give the object a method identity()",
        )
    return {
        "run": f"{kind.__module__}.{kind.__qualname__}",
        "holds": holds,
        "code": code_digest(kind.__module__),
    }


@cache
def code_digest(*modules: str) -> str:
    """Return SHA-256 over the source of the kit, as far as trials run through it, and of modules.

    A module without a source file counts by its name.
    """
    digest = sha256(version("btcturk-kit").encode())
    for path in sorted(_KIT.rglob("*.py")):
        place = path.relative_to(_KIT)
        if place.parts[0] not in _APART:
            digest.update(f"\n{place.as_posix()}\n".encode())
            digest.update(path.read_bytes())
    for module in modules:
        digest.update(f"\n{module}\n".encode())
        source = _source_of(module)
        if source is not None and _KIT not in source.parents:
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _source_of(module: str) -> Path | None:
    if module == "__main__":
        import __main__  # noqa: PLC0415 - the script that is run, known only then

        origin = getattr(__main__, "__file__", None)
    else:
        try:
            spec = find_spec(module)
        except (ImportError, ValueError):
            return None
        origin = None if spec is None else spec.origin
    path = None if origin is None else Path(origin)
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def file_digest(path: Path) -> str:
    """Return SHA-256 over the names and contents of a file, or of all files of a folder.

    Raises:
        ConfigurationError: There is nothing, or it cannot be read.
    """
    digest = sha256()
    try:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for one in files:
            digest.update(f"\n{one.relative_to(path).as_posix()}\n".encode())
            with one.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path}: {error.strerror or error}", hint="name a dataset that is there"
        ) from error
    return digest.hexdigest()


def trial_key(parameters: Mapping[str, Value], span: Span, *, keeps_returns: bool) -> str:
    """Return the key of a trial in the journal of one identity.

    Example:
        >>> one = trial_key({"a": 1, "b": 2}, Span(), keeps_returns=False)
        >>> one == trial_key({"b": 2, "a": 1}, Span(), keeps_returns=False)
        True
    """
    values = sorted((name, value_text(value)) for name, value in parameters.items())
    text = json.dumps([values, list(span), keeps_returns])
    return sha256(text.encode()).hexdigest()[:32]
