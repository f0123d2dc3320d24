"""Kill a process at every statement of the store, and say what the file holds afterwards.

Run as a program of its own, because it forks: a new process has no threads to lose.
Usage: `store_kills.py ROOT FOLDER`, where ROOT is the directory of the project. It prints JSON:
for each kind of work the names of the statements, and for each kill the state found after it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["main"]

Work = Callable[[Path, Callable[[str], None]], None]
Look = Callable[[Path], Any]


def outcomes(folder: Path, before: Path, work: Work, look: Look) -> dict[str, Any]:
    """Do the work once whole, then once for each statement at which the process is killed.

    Args:
        folder: Where the copies go.
        before: The files the work starts from.
        work: Works on a state file, telling each statement.
        look: Says what a state file holds.

    Returns:
        `names` of the statements, what was found `before` and `after`, and `found` for each kill.
    """
    names: list[str] = []
    whole = shutil.copytree(before, folder / "whole") / "state.db"
    state = look(before / "state.db") if (before / "state.db").exists() else None
    work(whole, names.append)
    found = []
    for number in range(len(names)):
        path = shutil.copytree(before, folder / f"kill-{number}") / "state.db"
        child = os.fork()
        if child == 0:
            left = iter(range(number))

            def kill_here(_name: str, left: Any = left) -> None:
                if next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            work(path, kill_here)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        found.append(look(path) if killed else "not killed")
        shutil.rmtree(path.parent)
    return {"names": names, "before": state, "after": look(whole), "found": found}


def main(root: str, folder: Path) -> None:
    """Kill at every statement of each step of a life, of the opening and of migrations."""
    sys.path.insert(0, root)
    # Only now: the project's directory has to be on the path first.
    from tests.contract.store_samples import ACCOUNT, Life  # noqa: PLC0415 - said above

    from btcturk_kit.adapters.sqlite_store import SqliteStateStore  # noqa: PLC0415 - said above
    from btcturk_kit.adapters.store_schema.migrations import (  # noqa: PLC0415 - said above
        Migration,
        migrate,
        packaged_migrations,
    )

    def read(path: Path) -> Any:
        with SqliteStateStore.open(path, account=ACCOUNT) as store:
            return repr((store.load(), store.totals(), store.records(limit=99)))

    def writer(commit: Any, *, is_opening: bool = False) -> Work:
        def write(path: Path, tell: Callable[[str], None]) -> None:
            told: list[str] = []
            # The hook is silent until the commit itself: opening is a work of its own.
            store = SqliteStateStore.open(
                path, account=ACCOUNT, on_statement=lambda name: tell(name) if told else None
            )
            store.begin_epoch()
            store.load()
            told.append("now")
            (store.open_account if is_opening else store.commit)(commit)
            told.clear()
            store.close()

        return write

    def create(path: Path, tell: Callable[[str], None]) -> None:
        SqliteStateStore.open(path, account=ACCOUNT, on_statement=tell).close()

    packaged = packaged_migrations()
    steps = (
        *packaged,
        Migration(
            len(packaged) + 1, "notes", "CREATE TABLE notes (a);\nINSERT INTO notes VALUES (1);\n"
        ),
        Migration(
            len(packaged) + 2, "more", "ALTER TABLE notes ADD COLUMN b;\nUPDATE notes SET b = a;\n"
        ),
    )

    def upgrade(path: Path, tell: Callable[[str], None]) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            migrate(connection, steps, on_statement=tell)

    def schema(path: Path) -> Any:
        with closing(sqlite3.connect(path)) as connection:
            check = connection.execute("PRAGMA integrity_check").fetchone()[0]
            names = connection.execute("SELECT name FROM sqlite_master").fetchall()
            numbers = (
                connection.execute("SELECT number FROM migrations").fetchall() if names else []
            )
            is_noted = len(numbers) > len(packaged)
            notes = connection.execute("SELECT * FROM notes").fetchall() if is_noted else []
            return [check, len(names), [one for (one,) in numbers], notes]

    report = {}
    (folder / "empty").mkdir()
    report["create"] = outcomes(folder / "create", folder / "empty", create, read)
    report["migrate"] = outcomes(folder / "migrate", folder / "empty", upgrade, schema)
    current = folder / "current"
    current.mkdir()
    create(current / "state.db", lambda _name: None)
    life = Life()
    report["opening"] = outcomes(
        folder / "opening", current, writer(life.opening, is_opening=True), read
    )
    writer(life.opening, is_opening=True)(current / "state.db", lambda _name: None)
    for number, commit in enumerate(life.story()):
        report[f"commit {number}"] = outcomes(
            folder / f"commit-{number}", current, writer(commit), read
        )
        writer(commit)(current / "state.db", lambda _name: None)
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
