"""The windows of a client that counts together with all processes of the machine.

Never add: what the cells mean (`wire.client_windows`), files (`count_file`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from btcturk_kit.adapters.count_file import CountFile, damaged
from btcturk_kit.errors import StoreError
from btcturk_kit.wire.client_windows import Cells, ClientWindows
from btcturk_kit.wire.pacing import RULES, Endpoint, Policy, WindowRule, rules_by_endpoint

__all__ = ["SharedWindows"]

_Value = TypeVar("_Value")


class SharedWindows:
    """`ClientWindows` over count files: every question is one short look under their locks.

    Args:
        address: Counts the rules of the address.
        account: Counts those of the account; None for public calls only.
        margin_ms: How far the travel times of two requests may differ.
        now_ms: Reads the monotonic clock, to notice that the machine was restarted.
        rules: The table of windows.

    Raises:
        StoreCorrupt: A file holds what was never written there.
    """

    __slots__ = ("_account", "_address", "_both", "_windows", "margin_ms")

    def __init__(
        self,
        address: CountFile,
        account: CountFile | None,
        *,
        margin_ms: int,
        now_ms: Callable[[], int],
        rules: Iterable[WindowRule] = RULES,
    ) -> None:
        table = tuple(rules)
        self.margin_ms = margin_ms
        self._address = address
        self._account = account
        counts: dict[Policy, Cells] = {"ip": address.cells}
        if account is not None:
            counts["account"] = account.cells
        self._windows = ClientWindows(rules=table, margin_ms=margin_ms, counts=counts)
        self._both = frozenset(
            endpoint
            for endpoint, counted in rules_by_endpoint(table).items()
            if any("account" in rule.policies for rule in counted)
        )
        with address:
            if account is None:
                self._settle(now_ms)
            else:
                with account:
                    self._settle(now_ms)

    def take(
        self, endpoint: Endpoint, now_ms: int, *, wanted: int = 1, until_ms: int | None = None
    ) -> int:
        """Count up to `wanted` requests that may be sent now, and return how many."""
        account = self._account_of(endpoint)
        if endpoint is Endpoint.CANCEL:
            return self._hastily(
                account,
                lambda: self._windows.take(endpoint, now_ms, wanted=wanted, until_ms=until_ms),
            )
        with self._address:
            if account is None:
                return self._windows.take(endpoint, now_ms, wanted=wanted, until_ms=until_ms)
            with account:
                return self._windows.take(endpoint, now_ms, wanted=wanted, until_ms=until_ms)

    def wait_ms(self, endpoint: Endpoint, now_ms: int, *, ahead: int = 0) -> int:
        """Return how long a request has to wait at least.

        Without a lock: it is a guess about the future, and `take` decides.
        """
        self._address.require_open()
        return self._windows.wait_ms(endpoint, now_ms, ahead=ahead)

    def arrived(self, endpoint: Endpoint, counted_ms: int, now_ms: int) -> int:
        """Correct the count of a request that travelled for longer than the margin."""
        return self._hastily(
            self._account_of(endpoint),
            lambda: self._windows.arrived(endpoint, counted_ms, now_ms),
        )

    def block(self, endpoint: Endpoint, now_ms: int, *, wait_ms: int) -> None:
        """Let nothing through for a while, in no process of this machine."""
        self._hastily(
            self._account_of(endpoint),
            lambda: self._windows.block(endpoint, now_ms, wait_ms=wait_ms),
        )

    def _hastily(self, account: CountFile | None, count: Callable[[], _Value]) -> _Value:
        """Count under the locks if they are to be had soon, and without them otherwise.

        Of a cancel, and of what has left already. Who holds a lock for that long was stopped in
        the middle, so hardly anybody counts at the same time; at worst one request is missed.
        """
        try:
            with self._address.hasty:
                if account is None:
                    return count()
                with account.hasty:
                    return count()
        except StoreError:
            for file in (self._address, account):
                if file is not None:
                    file.require_open()
            return count()

    def _account_of(self, endpoint: Endpoint) -> CountFile | None:
        """Return the file that counts an endpoint too; always locked after that of the address."""
        return self._account if endpoint in self._both else None

    def _settle(self, now_ms: Callable[[], int]) -> None:
        if not self._windows.is_sound():
            raise damaged(self._address.path.parent)
        # Read under the lock: what others have counted since an earlier reading would lie in its
        # future, and be taken for what was counted before a restart.
        self._windows.settle(now_ms())
