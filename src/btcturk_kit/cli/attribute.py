"""`attribute`: why a session ended with something else than its simulation, in TRY per cause.

Never add: a rung of its own; see `compose.attribution`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from btcturk_kit.cli.output import decimal_text, failing_cleanly, pointed, print_json
from btcturk_kit.cli.simulation_options import (
    CAPITAL_TRY,
    Assignments,
    Begin,
    DatasetAddress,
    IntervalSeconds,
    Json,
    LimitsFile,
    Pairs,
    StrategyNames,
)
from btcturk_kit.errors import ConfigurationError

if TYPE_CHECKING:
    from btcturk_kit.compose.attribution import Attributed, Facts, Session

__all__ = ["attribute", "facts_of"]

_VAT: Final = Decimal("0.20")
_QUEUES: Final = ("pessimistic", "proportional", "as_exchange")


def attribute(
    dataset: DatasetAddress,
    journal: Annotated[Path, typer.Argument(help="Journal of the session, JSON Lines.")],
    *,
    strategy: StrategyNames,
    fact: Annotated[
        list[str],
        typer.Option(help="CAUSE=VALUE that is known of the session; repeatable, one rung each."),
    ],
    begin: Begin = None,
    pairs: Pairs = None,
    interval_seconds: IntervalSeconds = None,
    assignments: Assignments = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    env_file: LimitsFile = None,
    as_json: Json = False,
) -> None:
    """Divide what a session earned more or less than its simulation among its causes."""
    from btcturk_kit.adapters.journal_file import read_journal  # noqa: PLC0415 - see `backtest`
    from btcturk_kit.cli.simulation import load_limits, options_of  # noqa: PLC0415 - as above
    from btcturk_kit.compose.attribution import (  # noqa: PLC0415 - as above
        attribute_session,
        session_of,
    )

    with failing_cleanly(as_json=as_json):
        settings = load_limits(env_file)
        session = session_of(list(read_journal(journal)), name=str(journal))
        data, options = options_of(
            settings,
            address=dataset,
            strategies=strategy,
            pairs=pairs,
            begin=begin,
            end=None,
            interval_seconds=interval_seconds,
            capital=CAPITAL_TRY,
            assignments=assignments or (),
        )
        facts = facts_of(fact, symbols=options["symbols"])
        names = options.pop("strategy")
        found = attribute_session(session, data, names, facts, seed=seed, **options)
        if as_json:
            print_json(_document(session, found))
        else:
            for line in _lines(session, found):
                typer.echo(line)


def facts_of(texts: Sequence[str], *, symbols: Sequence[Any] | None = None) -> Facts:
    """Read `CAUSE=VALUE`, as often as it comes.

    Raises:
        ConfigurationError: One is something else, or comes twice.

    Example:
        >>> facts_of(["publication=900", "fees=0.0004:0.0008"]).fees.taker_rate
        Decimal('0.0008')
    """
    from btcturk_kit.compose.attribution import Facts  # noqa: PLC0415 - see `backtest`

    typed: dict[str, str] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in _FACTS or not value or name in typed:
            raise ConfigurationError(
                f"--fact {text!r}", hint="give each once: " + ", ".join(_FACTS.values())
            )
        typed[name] = value
    try:
        return Facts(**_read(typed, symbols))
    except (ValueError, ArithmeticError) as error:
        raise ConfigurationError(
            f"--fact {' '.join(texts)} cannot be read", hint="write " + ", ".join(_FACTS.values())
        ) from error


_FACTS: Final = {
    "missed_data": "missed_data=DATASET",
    "publication": "publication=MS",
    "latency": "latency=SUBMIT_MS:CANCEL_MS, each as 5 or 2-8",
    "queue": "queue=pessimistic, proportional or as_exchange",
    "fees": "fees=MAKER:TAKER[:VAT]",
}
"""What can be known, and how it is written."""


def _read(typed: Mapping[str, str], symbols: Sequence[Any] | None) -> dict[str, Any]:
    from btcturk_kit.adapters.dataset_files import read_dataset  # noqa: PLC0415 - see `backtest`
    from btcturk_kit.domain.datasets import FeeLevel  # noqa: PLC0415 - as above
    from btcturk_kit.simulation.latency import Latency  # noqa: PLC0415 - as above

    found: dict[str, Any] = {}
    if "missed_data" in typed:
        found["missed_data"] = read_dataset(typed["missed_data"], symbols=symbols)
    if "publication" in typed:
        found["publication_ms"] = _whole(typed["publication"])
    if "latency" in typed:
        submit, cancel = typed["latency"].split(":")
        found["latency"] = Latency(submit_ms=_span(submit), cancel_ms=_span(cancel))
    if "queue" in typed:
        if typed["queue"] not in _QUEUES:
            raise ValueError(typed["queue"])
        found["queue"] = typed["queue"]
    if "fees" in typed:
        maker, taker, *more = map(Decimal, typed["fees"].split(":"))
        (vat,) = more or (_VAT,)
        if not all(0 <= rate < 1 for rate in (maker, taker, vat)):
            raise ValueError(typed["fees"])
        found["fees"] = FeeLevel(0, maker, taker, vat)
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _span(text: str) -> Any:  # noqa: ANN401 - a span; see `_read`
    from btcturk_kit.simulation.chance import Span  # noqa: PLC0415 - see `backtest`

    first, _, last = text.partition("-")
    span = Span(_whole(first), _whole(last or first) + 1)
    if span.behind <= span.first:
        raise ValueError(text)
    return span


def _document(session: Session, attributed: Attributed) -> dict[str, Any]:
    found = attributed.attribution
    return {
        "schema": "attribution/1",
        "until_ms": session.until_ms,
        "simulated_until_ms": attributed.ends_ms,
        "opening_try": decimal_text(session.opening_try),
        "simulated_try": decimal_text(found.simulated_try),
        "real_try": decimal_text(found.real_try),
        "difference_try": decimal_text(found.difference_try),
        "shares": [
            {
                "cause": one.cause.value,
                "equity_try": decimal_text(one.equity_try),
                "difference_try": decimal_text(one.difference_try),
            }
            for one in found.shares
        ],
    }


def _lines(session: Session, attributed: Attributed) -> list[str]:
    found = attributed.attribution
    rows = [
        ("simulated", found.simulated_try),
        *((one.cause.value, one.difference_try) for one in found.shares),
        ("session", found.real_try),
    ]
    amounts = pointed([decimal_text(amount) for _, amount in rows])
    lines = [f"{label:>12}  {amount} TRY" for (label, _), amount in zip(rows, amounts, strict=True)]
    early_ms = session.until_ms - attributed.ends_ms
    if early_ms:
        lines.append(f"the simulation ends {early_ms} ms before the session's last decision")
    return lines
