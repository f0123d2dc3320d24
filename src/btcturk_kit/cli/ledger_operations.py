"""`ledger assign`, `resolve`, `book` and `value`: what an operator may change of the books."""

from __future__ import annotations

from typing import Annotated

import typer

from btcturk_kit.cli.operating import (
    Db,
    EnvFile,
    Json,
    Reason,
    amount_of,
    asked,
    instant_of,
    show_carried,
)
from btcturk_kit.cli.output import failing_cleanly
from btcturk_kit.errors import ConfigurationError

__all__ = ["ledger_assign", "ledger_book", "ledger_resolve", "ledger_value"]

_AssetName = Annotated[str, typer.Argument(help="The asset, such as BTC.")]
_Evidence = Annotated[str, typer.Option(help="Where the facts come from; default the reason.")]
_Cost = Annotated[str | None, typer.Option(help="What they cost in TRY, in all.")]


def ledger_assign(
    asset: _AssetName,
    quantity: Annotated[str, typer.Argument(help="How many coins.")],
    *,
    to: Annotated[str, typer.Option(help="Whose they become: bot or owner.")] = "bot",
    cost: _Cost = None,
    acquired: Annotated[str | None, typer.Option(help="When they were acquired.")] = None,
    evidence: _Evidence = "",
    reason: Reason,
    db: Db,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Move coins between the owner's book and the bot's, with cost and date."""
    from btcturk_kit.domain.identifiers import Asset  # noqa: PLC0415 - only here
    from btcturk_kit.domain.operations import AssignCoins  # noqa: PLC0415 - as above

    with failing_cleanly(as_json=as_json):
        if to not in ("bot", "owner"):
            raise ConfigurationError(
                f"--to {to!r} is neither bot nor owner", hint="write one of the two"
            )
        request = AssignCoins(
            asset=Asset(asset.upper()),
            quantity=amount_of(quantity, "quantity"),
            to_bot=to == "bot",
            cost_try=None if cost is None else amount_of(cost, "cost"),
            acquired_ms=None if acquired is None else instant_of(acquired, "acquired"),
            evidence=evidence or reason,
        )
        carried = asked(db, env_file, request, reason)
    show_carried(carried, as_json=as_json)


def ledger_resolve(
    asset: _AssetName,
    *,
    what: Annotated[str, typer.Option("--as", help="owner, bot, deposit, withdrawal or undo.")],
    amount: Annotated[str | None, typer.Option(help="How much of it; default all.")] = None,
    cost: _Cost = None,
    reason: Reason,
    db: Db,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Take something out of suspense, now that it is known what it is."""
    from btcturk_kit.domain.identifiers import Asset  # noqa: PLC0415 - only here
    from btcturk_kit.domain.operations import Explanation, ResolveSuspense  # noqa: PLC0415 - as above

    with failing_cleanly(as_json=as_json):
        names = [one.value for one in Explanation]
        if what not in names:
            raise ConfigurationError(
                f"--as {what!r} is none of {', '.join(names)}", hint="write one of them"
            )
        request = ResolveSuspense(
            asset=Asset(asset.upper()),
            to=Explanation(what),
            amount=None if amount is None else amount_of(amount, "amount"),
            cost_try=None if cost is None else amount_of(cost, "cost"),
        )
        carried = asked(db, env_file, request, reason)
    show_carried(carried, as_json=as_json)


def ledger_book(
    kind: Annotated[
        str,
        typer.Argument(help="deposit, withdrawal, airdrop, transaction_tax or withholding."),
    ],
    asset: _AssetName,
    amount: Annotated[str, typer.Argument(help="How much, positive.")],
    *,
    at: Annotated[str | None, typer.Option(help="When it came in or went out.")] = None,
    evidence: _Evidence = "",
    payer: Annotated[str, typer.Option(help="Who pays a tax: trading or unassigned.")] = (
        "unassigned"
    ),
    reason: Reason,
    db: Db,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Book by hand what the exchange's own evidence does not tell."""
    from btcturk_kit.domain import operations as ops  # noqa: PLC0415 - only here
    from btcturk_kit.domain.identifiers import Asset  # noqa: PLC0415 - as above

    flows = [one.value for one in ops.FlowKind]
    levies = [one.value for one in ops.LevyKind]
    request: ops.BookFlow | ops.BookLevy
    with failing_cleanly(as_json=as_json):
        if kind in flows:
            if at is None:
                raise ConfigurationError(f"when the {kind} was is not given", hint="add --at TIME")
            request = ops.BookFlow(
                asset=Asset(asset.upper()),
                amount=amount_of(amount, "amount"),
                flow=ops.FlowKind(kind),
                event_time_ms=instant_of(at, "at"),
                evidence=evidence or reason,
            )
        elif kind in levies:
            pockets = [one.value for one in ops.CapitalPocket]
            if asset.upper() != "TRY" or payer not in pockets:
                raise ConfigurationError(
                    f"a {kind} is paid in TRY, by trading or unassigned",
                    hint=f"write {kind} TRY AMOUNT, and --payer if it is trading",
                )
            request = ops.BookLevy(
                levy=ops.LevyKind(kind),
                amount=amount_of(amount, "amount"),
                payer=ops.CapitalPocket(payer),
            )
        else:
            raise ConfigurationError(
                f"{kind!r} is none of {', '.join((*flows, *levies))}", hint="write one of them"
            )
        carried = asked(db, env_file, request, reason)
    show_carried(carried, as_json=as_json)


def ledger_value(
    event_key: Annotated[str, typer.Argument(help="Key of the trade, such as fill:123.")],
    rate: Annotated[str, typer.Argument(help="TRY per unit of what its charges were paid in.")],
    *,
    reason: Reason,
    db: Db,
    env_file: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Tell the rate of a charge that had none; what waited for it is split now."""
    from btcturk_kit.domain.operations import ValueCharge  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        request = ValueCharge(event_key=event_key, rate_try=amount_of(rate, "rate"))
        carried = asked(db, env_file, request, reason)
    show_carried(carried, as_json=as_json)
