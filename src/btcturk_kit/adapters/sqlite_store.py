"""The state store in one SQLite file: one writer, one transaction per call, durable on return.

How a file is opened and how it fails is in `sqlite_file`, what is only read in `sqlite_history`,
the statements in `sqlite_statements`, the tables in `store_schema`. Never add: a network, a clock,
a decision of the trading kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from btcturk_kit.adapters import sqlite_statements as sql
from btcturk_kit.adapters.sqlite_file import SqliteFile, open_sqlite_file
from btcturk_kit.adapters.sqlite_history import SqliteHistory
from btcturk_kit.adapters.sqlite_ledger import Standing, checkpoint_cuts, standing_of
from btcturk_kit.adapters.sqlite_reads import read_state
from btcturk_kit.adapters.sqlite_rows import (
    operation_row,
)
from btcturk_kit.adapters.sqlite_writes import write_commit
from btcturk_kit.adapters.store_checks import require_opening, require_successor
from btcturk_kit.domain.cycle import CycleState, StateCommit
from btcturk_kit.domain.operations import Operation
from btcturk_kit.errors import (
    CapitalPolicyError,
    ConfigurationError,
    Fenced,
    StoreError,
    require,
)
from btcturk_kit.ports.store import StoredState

__all__ = ["SqliteStateStore"]


class SqliteStateStore(SqliteHistory):
    """Durable state of one account in one file; made by `open`.

    Use: `open`, `begin_epoch`, `load`, then `open_account` for a new account, then `commit`. Calls
    may come from different threads, one at a time. After a failed write the store refuses to write
    again: the process has to start anew from what the file holds.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with SqliteStateStore.open(Path(folder) / "state.db", account="main") as store:
        ...         store.begin_epoch(), store.load(), store.totals().fills
        (1, None, 0)
    """

    __slots__ = ("_account", "_epoch", "_failure", "_known")

    def __init__(self, file: SqliteFile, account: str) -> None:
        super().__init__(file)
        self._account = account
        self._epoch: int | None = None
        self._failure = ""
        self._known: tuple[CycleState, int] | None = None

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        account: str,
        create: bool = True,
        on_statement: Callable[[str], None] | None = None,
    ) -> SqliteStateStore:
        """Open a state file, check it, and bring its schema up to date.

        Args:
            path: The file; made with mode 0600, its missing directories with 0700.
            account: Whose books they are.
            create: Whether a missing file is made.
            on_statement: For tests that end the process at a statement: called with a name before
                each statement, and as `before:commit` and `after:commit`.

        Raises:
            ConfigurationError: The file holds the books of another account.
            StoreCorrupt: The file is damaged or not a database.
            SchemaTooNew: A later version of the library wrote it.
            StorageFull: No space left.
            StoreError: It cannot be opened or written.
        """
        file = open_sqlite_file(Path(path), create=create, on_statement=on_statement)
        try:
            _claim(file, account)
        except BaseException:  # cleans up and raises again, whatever it was
            file.close()
            raise
        return cls(file, account)

    @classmethod
    def inspect(cls, path: str | os.PathLike[str]) -> SqliteStateStore:
        """Open an existing file to look at it, whoever's books it holds.

        Raises:
            StoreError: There is no such file, or it cannot be read; see `open`.
        """
        file = open_sqlite_file(Path(path), create=False)
        try:
            with file.reading("read its account"):
                meta = file.row(sql.SELECT_META)
        except BaseException:  # cleans up and raises again, whatever it was
            file.close()
            raise
        return cls(file, "" if meta is None else meta[0])

    @classmethod
    def peek(cls, path: str | os.PathLike[str], *, account: str) -> StoredState | None:
        """Return what a file holds of an account; None without such a file or such an account.

        Raises:
            StoreError: It is there and cannot be read; see `open`.
        """
        if not Path(path).exists() or not Path(path).stat().st_size:
            return None
        with cls.inspect(path) as store:
            stored = store.load()
        return stored if stored is not None and stored.state.account == account else None

    @property
    def account(self) -> str:
        """Whose books they are; empty for a file that names no account yet."""
        return self._account

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def begin_epoch(self) -> int:
        """Become the writer: raise the fencing epoch by one, durably, and return it."""
        with self._writing("begin an epoch") as file:
            row = file.row(sql.BUMP_EPOCH)
            require(row is not None, "the state file has no account")
            epoch = int(row[0]) if row else 0
        self._epoch = epoch
        return epoch

    def load(self) -> StoredState | None:
        """Return the last committed state, None before the account was opened.

        Reads heads, open lots and orders that are not terminal: the cost does not grow with the age
        of the account.

        Raises:
            StoreCorrupt: What is stored cannot be read, or does not balance.
        """
        with self._reading("load the state") as file:
            self._known = read_state(file)
            if self._known is None:
                return None
            rows = file.rows(sql.SELECT_STRATEGY_STATES)
            return StoredState(self._known[0], tuple((name, text) for name, text in rows))

    def open_account(self, commit: StateCommit) -> None:
        """Write the opening of a new account.

        Without capital rows in the commit the capital of its state becomes the journal's first row.

        Raises:
            InvariantViolation: The account is open already, or the opening does not add up.
            Fenced: A newer instance took over.
            StoreError: It could not be written; nothing was.
        """
        with self._writing("open the account") as file:
            standing = self._standing(file)
            require(standing.revision == 0, f"account {self._account!r} is open already")
            require(commit.state.account == self._account, "the opening is of another account")
            ledgers = require_opening(commit, cuts=checkpoint_cuts(standing, commit))
            file.run(sql.INSERT_TOTALS, (1, 0, 0, 0, 0, 0, 0))
            write_commit(file, commit, before=None, standing=standing, ledgers=ledgers)
        self._known = (commit.state, 1)

    def commit(self, commit: StateCommit) -> None:
        """Write one transaction: all of it or nothing, durable when the call returns.

        The commit's rows must lead from the stored state to the commit's state exactly, so that
        `load` returns the latter.

        Raises:
            Fenced: A newer instance took over, or an older one wrote after this one loaded.
            CapitalPolicyError: The stored ledger does not stand at `commit.previous_count`.
            LedgerConflict: A fact is booked already, with another content.
            InvariantViolation: The rows do not lead to the state, or one is stored already.
            StorageFull: No space left; nothing was written.
            StoreError: It could not be written; nothing was.
        """
        with self._writing("write a commit") as file:
            standing = self._standing(file)
            require(standing.revision > 0, f"account {self._account!r} is not open")
            if standing.facts != commit.previous_count:
                raise CapitalPolicyError(
                    f"the stored ledger holds {standing.facts} facts, the commit grew from "
                    f"{commit.previous_count}"
                )
            before = self._before(file, standing.revision)
            require(commit.state.account == self._account, "the commit is of another account")
            ledgers = require_successor(before, commit, cuts=checkpoint_cuts(standing, commit))
            write_commit(file, commit, before=before, standing=standing, ledgers=ledgers)
        self._known = (commit.state, standing.revision + 1)

    def require_writer(self) -> None:
        """Make sure that no newer instance took over.

        Raises:
            Fenced: One did, or this handle began no epoch.
        """
        with self._reading("check the epoch") as file:
            self._standing(file)

    def ask(self, operation: Operation) -> int:
        """Write down what an operator asks for, in a transaction of its own; return its number.

        It needs no epoch: whoever writes the books carries it out at its next cycle.
        """
        with self._writing("write down an operation") as file:
            row = file.row(sql.INSERT_OPERATION, operation_row(operation))
            require(row is not None, "an operation got no number")
            return int(row[0]) if row else 0

    @contextmanager
    def _writing(self, what: str) -> Iterator[SqliteFile]:
        with self._lock:
            file = self._opened()
            if self._failure:
                raise StoreError(
                    f"state file {file.path}: nothing is written after a failed write "
                    f"({self._failure})",
                    hint="remove the cause and start again",
                )
            try:
                with file.writing(what):
                    yield file
            except Fenced:
                raise
            except StoreError as error:
                self._failure = error.code
                raise

    def _standing(self, file: SqliteFile) -> Standing:
        """Return how far the file has come; zeros before the opening.

        Raises:
            Fenced: Another epoch began, or this handle began none.
        """
        row = file.row(sql.SELECT_STANDING)
        require(row is not None and self._epoch is not None, "begin an epoch before writing")
        assert row is not None  # noqa: S101 - tells the type checker what was required
        standing = standing_of(row)
        if standing.epoch != self._epoch:
            raise Fenced(
                f"epoch {standing.epoch} of account {self._account!r} began; this instance has "
                f"epoch {self._epoch} and may not write",
                hint="only one instance may run on an account; stop this one",
            )
        return standing

    def _before(self, file: SqliteFile, revision: int) -> CycleState:
        """Return the stored state: the one this handle knows, if nobody wrote since."""
        known = self._known or read_state(file)
        require(known is not None, f"account {self._account!r} is not open")
        state, known_revision = known or (None, 0)
        if state is None or known_revision != revision:
            raise Fenced(
                f"another instance wrote to account {self._account!r} after this one loaded",
                hint="start this instance again",
            )
        return state


def _claim(file: SqliteFile, account: str) -> None:
    """Name the account of a new file; refuse the file of another one."""
    with file.reading("read its account"):
        meta = file.row(sql.SELECT_META)
    if meta is None:
        with file.writing("name its account"):
            file.run(sql.INSERT_META, (account,))
            meta = file.row(sql.SELECT_META)
    owner = meta and meta[0]
    if owner != account:
        raise ConfigurationError(
            f"state file {file.path} holds account {owner!r}, not {account!r}",
            hint="choose the file of this account, or a new one",
        )
