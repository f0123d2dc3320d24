"""`capital lab`: what other capital policies would have made of a ledger, beside what was done."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.domain.capital import CapitalState, SelfFinancing
    from btcturk_kit.reporting.policy_replay import PolicyOutcome

__all__ = ["capital_lab", "policy_named"]

_DONE = "as it was done"
_PLACES_MAX = 16  # of a ratio: its share of any amount stays exact
_DEFAULT = (
    "checkpoint:profit_basis=checkpoint",
    "high water mark:profit_basis=high_water_mark",
)


def capital_lab(
    *,
    db: Annotated[Path, typer.Option("--db", help="SQLite file of the state.")],
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help="NAME:FIELD=VALUE,…; may come several times."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="New picture, .svg or .png, of all of them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Replay capital policies over the ledger of a state file; nothing is changed."""
    from btcturk_kit.cli.capital_plot import draw_capital, require_plot  # noqa: PLC0415 - as below
    from btcturk_kit.cli.ledger_reading import read_ledger  # noqa: PLC0415 - as below
    from btcturk_kit.reporting.policy_replay import (  # noqa: PLC0415 - only here
        outcome_of,
        realized_steps,
        replay_policy,
    )

    with failing_cleanly(as_json=as_json):
        policies = dict(policy_named(text) for text in policy or _DEFAULT)
        if plot is not None:
            require_plot(plot)
        stored = read_ledger(db)
        steps = realized_steps(stored.events, account=stored.account, method=stored.method)
        journals: dict[str, tuple[CapitalState, ...]] = {_DONE: stored.journal}
        for name, chosen in policies.items():
            journals[name] = replay_policy(steps, stored.journal[0], chosen)
        outcomes = {name: outcome_of(journal, steps) for name, journal in journals.items()}
        if plot is not None:
            draw_capital(plot, journals)
    if as_json:
        rows = [
            {
                **_fields(name, policies.get(name), one),
                "is_journal": journals[name] == stored.journal,
            }
            for name, one in outcomes.items()
        ]
        document = {"account": stored.account, "facts": len(steps) + 1, "policies": rows}
        print_json({**document, "plot": None if plot is None else str(plot)})
        return
    _show(outcomes)
    if plot is not None:
        typer.echo(f"picture in {plot}")


def policy_named(text: str) -> tuple[str, SelfFinancing]:
    """Read `NAME:FIELD=VALUE,…`: ratios, basis, profit_basis and granularity; the rest is default.

    One ratio is enough, the other one is what it leaves.

    Raises:
        ConfigurationError: No such field or value, or ratios that are not one together.

    Example:
        >>> name, policy = policy_named("half:treasury_ratio=0.5,profit_basis=high_water_mark")
        >>> name, policy.trading_ratio, policy.profit_basis.value
        ('half', Decimal('0.5'), 'high_water_mark')
    """
    from btcturk_kit.domain.capital import (  # noqa: PLC0415 - only here
        Granularity,
        ProfitBasis,
        SelfFinancing,
        SplitBasis,
    )
    from btcturk_kit.domain.money import ONE, sub  # noqa: PLC0415 - as above

    readers: dict[str, Any] = {
        "trading_ratio": Decimal,
        "treasury_ratio": Decimal,
        "basis": SplitBasis,
        "profit_basis": ProfitBasis,
        "granularity": Granularity,
    }
    name, colon, rest = text.partition(":")
    given: dict[str, Any] = {}
    for part in rest.split(",") if rest else ():
        field, _, value = part.partition("=")
        try:
            found = given[field.strip()] = readers[field.strip()](value.strip())
            if isinstance(found, Decimal) and not _is_ratio(found):
                raise ValueError  # noqa: TRY301 - told as any other value that cannot be
        except (KeyError, ValueError, InvalidOperation):
            raise ConfigurationError(
                f"policy {name!r}: {part!r} is not understood",
                hint="fields: trading_ratio, treasury_ratio, basis (net, gross), profit_basis"
                " (checkpoint, high_water_mark), granularity (event, checkpoint); ratios are"
                " from 0 to 1",
            ) from None
    if not name or not colon or name == _DONE:
        raise ConfigurationError(
            f"policy {text!r} has no name of its own", hint="write NAME:FIELD=VALUE,…"
        )
    for one, other in (("trading_ratio", "treasury_ratio"), ("treasury_ratio", "trading_ratio")):
        if one in given:
            given.setdefault(other, sub(ONE, given[one]))
    return name, SelfFinancing(**given)


def _is_ratio(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return value.is_finite() and isinstance(exponent, int) and -_PLACES_MAX <= exponent <= 0


def _fields(name: str, policy: SelfFinancing | None, one: PolicyOutcome) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": name, "policy": None}
    if policy is not None:
        fields["policy"] = {
            "trading_ratio": decimal_text(policy.trading_ratio),
            "treasury_ratio": decimal_text(policy.treasury_ratio),
            "basis": policy.basis.value,
            "profit_basis": policy.profit_basis.value,
            "granularity": policy.granularity.value,
        }
    return {
        **fields,
        "trading_capital_try": decimal_text(one.trading_capital_try),
        "treasury_try": decimal_text(one.treasury_try),
        "splits": one.split_count,
        "drawdown_try": decimal_text(one.drawdown_try),
        "drawdown_from_try": decimal_text(one.peak_try),
    }


def _show(outcomes: dict[str, PolicyOutcome]) -> None:
    width = max(len(name) for name in outcomes)
    heads = ("trading", "treasury", "splits", "worst drawdown")
    typer.echo("  ".join([" " * width, *[f"{head:>14}" for head in heads]]))
    for name, one in outcomes.items():
        cells = [
            f"{one.trading_capital_try:,.2f}",
            f"{one.treasury_try:,.2f}",
            str(one.split_count),
            f"{one.drawdown_try:,.2f}",
        ]
        typer.echo("  ".join([f"{name:<{width}}", *[f"{cell:>14}" for cell in cells]]))
