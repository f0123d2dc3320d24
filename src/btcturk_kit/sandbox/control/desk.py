"""What the control interface works on: the parts of one running exchange.

Never add: HTTP, routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.access import Access, Permission
from btcturk_kit.sandbox.hands import Hands
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.setup import Account, amounts_of
from btcturk_kit.sandbox.stream.server import StreamServer
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.history import CONTROL

__all__ = ["Desk", "Restart"]

Restart = Callable[[int], Awaitable[None]]
"""Lets the exchange fall over for a number of milliseconds of the market."""


class Desk:
    """The parts of one running exchange, and what is done to several of them at once.

    Args:
        exchange: The exchange.
        access: Its keys.
        hands: What moves its clock.
        stream: Its stream.
        faults: What is played on its requests.
        restart: How it is restarted.
    """

    def __init__(
        self,
        exchange: Exchange,
        access: Access,
        *,
        hands: Hands,
        stream: StreamServer,
        faults: RestFaults,
        restart: Restart,
    ) -> None:
        self.exchange = exchange
        self.access = access
        self.hands = hands
        self.stream = stream
        self.faults = faults
        self.restart = restart

    def add_account(self, account: Account) -> None:
        """Let a customer in: a key, and an account of the same name.

        Raises:
            ConfigurationError: Something about it cannot be; then nothing is changed.
        """
        if self.exchange.has_account(account.api_key):
            raise ConfigurationError(f"the API key {account.api_key!r} is given twice")
        self.access.add_key(
            account.api_key,
            account.api_secret,
            permissions=account.permissions,
            addresses=account.addresses,
        )
        try:
            self.exchange.open_account(
                account.api_key, amounts_of(account.balances), fee_level=account.fee_level
            )
        except BaseException:  # takes the key back and raises again, whatever it was
            self.access.remove_key(account.api_key)
            raise

    def set_permissions(self, api_key: str, permissions: Collection[Permission]) -> None:
        """Change what a customer's key opens."""
        self.access.set_permissions(api_key, permissions)
        outcome = " ".join(sorted(permissions)) or "none"
        self.exchange.history.note(self.exchange.now_ms, CONTROL, "permissions", api_key, outcome)
