"""The journal of a sweep: finished trials as JSON Lines, so that an ended sweep can go on.

The first line says what the trials are of: search, dataset, seed, code. Another search, or other
code, is refused by one line that says what differs. A line that was cut by a crash is cut off.
Amounts and scores are exact text; floats of moments are written so that they read back bit for bit.
Never add: a trial that did not end by itself.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from filelock import FileLock, Timeout

from btcturk_kit.errors import ConfigurationError, LockHeld, StorageFull, StoreCorrupt, StoreError
from btcturk_kit.research.sharpe import Moments
from btcturk_kit.research.trials import Span, Trial, TrialResult, TrialState, value_text

__all__ = ["SweepJournal"]

_SCHEMA: Final = "sweep_journal/1"
_BEGINNING: Final = b'{"schema": "sweep_journal/'
"""How each journal begins; a crash can leave a part of it."""

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class SweepJournal:
    """A file of finished trials, open for more of them; a context manager.

    Args:
        path: The file; made if it is not there.
        about: What the trials are of, in words.

    Raises:
        ConfigurationError: It is the journal of something else, or no file.
        LockHeld: Another sweep writes to it.
        StoreCorrupt: A line in the middle of it cannot be read.
        StoreError: It cannot be opened.
    """

    def __init__(self, path: Path, about: Mapping[str, str]) -> None:
        self._path = path
        self._about = dict(about)
        self._known: dict[str, dict[str, Any]] = {}
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))
        self._file: IO[bytes] | None = None
        try:
            _require_place(path)
            self._lock.acquire(timeout=0)
            self._file = path.open("a+b", buffering=0)
            self._take_up(self._file)
        except Timeout:
            raise LockHeld(
                f"another sweep writes to {path}", hint="wait for its end, or name another journal"
            ) from None
        except OSError as error:
            self.close()
            raise self._unusable(error) from error
        except BaseException:  # gives the file back and raises again, whatever it was
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: str, trial: Trial) -> TrialResult | None:
        """Return what came of a trial; None of one that did not end yet."""
        row = self._known.get(key)
        return None if row is None else _result_of(row, trial)

    def add(self, key: str, result: TrialResult) -> None:
        """Write down what came of a trial; it is out of this program's hands on return.

        Raises:
            StorageFull: No space left.
            StoreError: It cannot be written.
        """
        row = _row_of(key, result)
        self._write(row)
        self._known[key] = row

    def close(self) -> None:
        """Give the file back. Once is enough, more does no harm."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._lock.release()

    def _write(self, row: Mapping[str, Any]) -> None:
        file = self._file
        if file is None:
            raise StoreError(f"journal {self._path} is closed", hint="open it anew")
        try:
            line = json.dumps(row).encode() + b"\n"
            if file.write(line) < len(line):  # the next reader cuts off what is there of it
                raise OSError(errno.ENOSPC, "not all of a line was written")  # noqa: TRY301 - told as the rest
        except OSError as error:
            raise self._unusable(error) from error

    def _take_up(self, file: IO[bytes]) -> None:
        file.seek(0)
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if content[: len(_BEGINNING)] != _BEGINNING[: len(content)]:
            raise self._foreign()  # before a byte of it is touched
        if whole < len(content):
            file.truncate(whole)  # the line that a crash cut
        file.seek(0, 2)
        lines = content[:whole].splitlines()
        if not lines:
            self._write({"schema": _SCHEMA, "about": self._about})
            return
        self._require_same(self._read(lines[0], 1))
        for number, line in enumerate(lines[1:], 2):
            row = self._read(line, number)
            try:
                _result_of(row, Trial(0, {}))
                self._known[row["key"]] = row
            except (KeyError, TypeError, ValueError, InvalidOperation):
                raise self._corrupt(number) from None

    def _read(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except ValueError:
            raise self._corrupt(number) from None
        if not isinstance(row, dict):
            raise self._corrupt(number)
        return row

    def _require_same(self, head: Mapping[str, Any]) -> None:
        about = head.get("about")
        if head.get("schema") != _SCHEMA or not isinstance(about, dict):
            raise self._foreign()
        names = [*self._about, *(name for name in about if name not in self._about)]
        for name in names:
            before, now = about.get(name), self._about.get(name)
            if before != now:
                raise ConfigurationError(
                    f"journal {self._path} is of another search:"
                    f" {name} was {_short(before)}, now {_short(now)}",
                    hint="name a new journal, or repeat the search as it was",
                )

    def _foreign(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} is no journal of a sweep of this version",
            hint="name a new file, or the journal of this search",
        )

    def _corrupt(self, number: int) -> StoreCorrupt:
        return StoreCorrupt(
            f"journal {self._path}, line {number}: cannot be read",
            hint="delete that line; its trial will be run again",
        )

    def _unusable(self, error: OSError) -> StoreError:
        cause = error.strerror or str(error)
        if error.errno in _NO_SPACE:
            return StorageFull(
                f"no space left for {self._path}", hint="free some; the same command goes on"
            )
        return StoreError(
            f"cannot use journal {self._path}: {cause}", hint="name a place that can be written"
        )


def _require_place(path: Path) -> None:
    """Refuse what is no file (a device may never end), and a folder that would have to be made."""
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"journal {path} is no file", hint="name a file")
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"journal {path}: there is no folder {path.parent}", hint="make it, or name another"
        )


def _short(text: object) -> str:
    limit = 40
    said = "nothing" if text is None else str(text)
    return said if len(said) <= limit else f"{said[:limit]}…"


def _row_of(key: str, result: TrialResult) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": key,
        "number": result.number,
        "state": result.state.value,
        "parameters": {name: value_text(one) for name, one in result.parameters.items()},
        "span": list(result.span),
    }
    if result.state is not TrialState.FINISHED:
        return {**row, "error": result.error}
    row["score"] = str(result.score)
    row["figures"] = {name: str(one) for name, one in result.figures.items()}
    row["moments"] = None if result.moments is None else list(result.moments)
    if result.returns:
        row["returns"] = list(result.returns)
    return row


def _result_of(row: Mapping[str, Any], trial: Trial) -> TrialResult:
    """Return the result of a row, under the number and the parameters of the trial that asks."""
    state = TrialState(row["state"])
    if state is not TrialState.FINISHED:
        return TrialResult(
            number=trial.number,
            parameters=trial.parameters,
            span=trial.span,
            state=state,
            error=str(row["error"]),
        )
    moments = row["moments"]
    return TrialResult(
        number=trial.number,
        parameters=trial.parameters,
        span=Span(*row["span"]),
        score=Decimal(row["score"]),
        figures={name: Decimal(one) for name, one in row["figures"].items()},
        moments=None if moments is None else Moments(*moments),
        returns=tuple(row.get("returns", ())),
    )
