"""Routes about customers: their keys, their money, and the exchange's own books of them.

Never add: HTTP, rules of the exchange.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import field

from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.money import ZERO, decimal_of
from btcturk_kit.errors import BtcturkKitError
from btcturk_kit.sandbox.access import ALL_PERMISSIONS, Permission
from btcturk_kit.sandbox.control.desk import Desk
from btcturk_kit.sandbox.control.routing import Fields, Reply, Route, document, plain, problem
from btcturk_kit.sandbox.setup import Account
from btcturk_kit.sandbox.venue.holding import PlacedOrder

__all__ = ["CustomerRoutes"]

_BAD_REQUEST, _NOT_FOUND, _CONFLICT = 400, 404, 409


class _Whose(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    api_key: str = ""


class _Transfer(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    api_key: str
    asset: str
    amount: str | int


class _NewAccount(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    api_key: str
    api_secret: str
    balances: dict[str, str | int] = field(default_factory=dict)
    fee_level: int = 1
    permissions: frozenset[Permission] = ALL_PERMISSIONS
    addresses: tuple[str, ...] = ()


class _Permissions(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    api_key: str
    permissions: frozenset[Permission]


class _FeeLevel(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    api_key: str
    fee_level: int


class CustomerRoutes:
    """What can be done to customers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._exchange = desk.exchange

    def routes(self) -> dict[str, Route]:
        """Return them by method and path."""
        return {
            "GET /v1/truth": Route(_Whose, self._truth),
            "POST /v1/accounts": Route(_NewAccount, self._add),
            "POST /v1/accounts/permissions": Route(_Permissions, self._set_permissions),
            "POST /v1/accounts/fee-level": Route(_FeeLevel, self._set_fee_level),
            "POST /v1/deposit": Route(_Transfer, self._deposit),
            "POST /v1/withdraw": Route(_Transfer, self._withdraw),
        }

    def _truth(self, fields: _Whose) -> Reply:
        """Answer with the books of an account, after an audit of all."""
        name = fields.api_key
        if not self._exchange.has_account(name):
            return _nobody()
        self._exchange.audit()
        holding = self._exchange.holding(name)
        return document(
            {
                "now_ms": self._exchange.now_ms,
                **self._balances(name),
                "orders": [_order(one) for one in holding.orders.values()],
                "trades": [plain(fill._asdict()) for fill in holding.fills],
            }
        )

    def _add(self, fields: _NewAccount) -> Reply:
        self._desk.add_account(
            Account(
                api_key=fields.api_key,
                api_secret=fields.api_secret,
                balances=fields.balances,
                fee_level=fields.fee_level,
                permissions=fields.permissions,
                addresses=fields.addresses,
            )
        )
        return document(self._balances(fields.api_key))

    def _set_permissions(self, fields: _Permissions) -> Reply:
        if not self._exchange.has_account(fields.api_key):
            return _nobody()
        self._desk.set_permissions(fields.api_key, fields.permissions)
        return document({"permissions": sorted(self._desk.access.permissions(fields.api_key))})

    def _set_fee_level(self, fields: _FeeLevel) -> Reply:
        if not self._exchange.has_account(fields.api_key):
            return _nobody()
        self._exchange.set_fee_level(fields.api_key, fields.fee_level)
        return document({"fee_level": fields.fee_level})

    def _deposit(self, fields: _Transfer) -> Reply:
        return self._move(fields, self._pay_in)

    def _withdraw(self, fields: _Transfer) -> Reply:
        return self._move(fields, self._exchange.withdraw)

    def _pay_in(self, name: str, asset: Asset, amount: Decimal) -> bool:
        self._exchange.deposit(name, asset, amount)
        return True

    def _move(self, fields: _Transfer, move: Callable[[str, Asset, Decimal], bool]) -> Reply:
        if not self._exchange.has_account(fields.api_key):
            return _nobody()
        try:
            amount = decimal_of(str(fields.amount))
            if amount <= ZERO:
                return problem("the amount is not positive", _BAD_REQUEST)
            if not move(fields.api_key, Asset(fields.asset), amount):
                return problem("there is not so much free money", _CONFLICT)
        except BtcturkKitError as error:
            return problem(error.message, _BAD_REQUEST)
        return document(self._balances(fields.api_key))

    def _balances(self, name: str) -> dict[str, Any]:
        return {
            "balances": {
                one.asset: plain({"free": one.free, "locked": one.locked})
                for one in self._exchange.holding(name).account.balances()
            }
        }


def _nobody() -> Reply:
    return problem("no such account", _NOT_FOUND)


def _order(order: PlacedOrder) -> dict[str, Any]:
    return plain(
        {
            **order.view()._asdict(),
            "created_ms": order.created_ms,
            "cancel_due_ms": order.cancel_due_ms,
            "stop_price": order.stop_price,
        }
    )
