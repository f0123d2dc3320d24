"""The `data` commands that work on files: show, check, import.

Never add: a connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from btcturk_kit.cli.instants import instant_text
from btcturk_kit.cli.output import decimal_text, failing_cleanly, print_json
from btcturk_kit.errors import ConfigurationError, DatasetError

if TYPE_CHECKING:
    from btcturk_kit.domain.dataset_checks import Finding
    from btcturk_kit.domain.datasets import Dataset, PairData

__all__ = ["data_app"]

data_app = typer.Typer(name="data", help="Recorded market data.", no_args_is_help=True)

_CHECK_FAILED = 9
_SHOWN_MAX = 10

_Dataset = Annotated[
    str, typer.Argument(metavar="DATASET", help="A folder with dataset.json, or sample:NAME.")
]
_Json = Annotated[bool, typer.Option("--json", help="One document.")]


@data_app.callback()
def _data() -> None:
    """Recorded market data: get it, check it, look at it."""


@data_app.command("show")
def data_show(dataset: _Dataset, *, as_json: _Json = False) -> None:
    """Say what a dataset holds, where it came from and what its reports must say."""
    from btcturk_kit.adapters.dataset_files import read_dataset  # noqa: PLC0415 - only here

    with failing_cleanly(as_json=as_json):
        found = read_dataset(dataset)
    if as_json:
        print_json(_document(found))
        return
    for line in _lines(found):
        typer.echo(line)


@data_app.command("check")
def data_check(
    dataset: _Dataset,
    *,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", help="A kind of failure that only warns; may come several times."),
    ] = None,
    outlier: Annotated[
        int, typer.Option(min=1, help="Basis points from which a move is an outlier.")
    ] = 2_000,
    as_json: _Json = False,
) -> None:
    """Look for gaps, disorder, outliers, intervals without trades; exit code 9 if it fails."""
    from btcturk_kit.adapters.dataset_files import read_dataset  # noqa: PLC0415 - only here
    from btcturk_kit.domain.dataset_checks import (  # noqa: PLC0415 - only here
        FAILURES,
        Finding,
        dataset_findings,
    )
    from btcturk_kit.domain.identifiers import Symbol  # noqa: PLC0415 - only here

    allowed = set(allow or ())
    with failing_cleanly(as_json=as_json):
        for code in sorted(allowed - set(FAILURES)):
            raise ConfigurationError(
                f"--allow {code!r} is no kind of failure", hint=f"the kinds: {', '.join(FAILURES)}"
            )
        try:
            found = list(dataset_findings(read_dataset(dataset), outlier_bps=outlier))
        except DatasetError as error:
            found = [Finding("damaged", Symbol(""), None, 1, error.message)]
    fails = [one for one in found if one.code in FAILURES and one.code not in allowed]
    if as_json:
        print_json(_check_document(dataset, found, fails))
    else:
        for line in _check_lines(found, fails):
            typer.echo(line)
    if fails:
        raise typer.Exit(_CHECK_FAILED)


@data_app.command("import")
def data_import(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or JSON Lines, gzip or not.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder, new or of a dataset.")],
    *,
    symbol: Annotated[str, typer.Option(help="The pair in the dataset, such as BTCTRY.")],
    base: Annotated[str, typer.Option(help="Its base asset, where the pair does not tell.")] = "",
    quote: Annotated[str, typer.Option(help="Its quote asset, in the same way.")] = "",
    rules: Annotated[
        Path | None, typer.Option(help="JSON file with the pair's rules; else made up to fit.")
    ] = None,
    price_decimals: Annotated[
        int | None, typer.Option(min=0, max=18, help="Decimals of a price.")
    ] = None,
    quantity_decimals: Annotated[
        int | None, typer.Option(min=0, max=18, help="Decimals of a quantity.")
    ] = None,
    min_notional: Annotated[str, typer.Option(help="Smallest order, in quote.")] = "0",
    rounds: Annotated[
        bool, typer.Option("--round", help="Round finer prices half to even; else refuse them.")
    ] = False,
    market: Annotated[str, typer.Option(help="Rows of this `market` only.")] = "",
    row_symbol: Annotated[str, typer.Option(help="Rows of this `symbol` only.")] = "",
    interval: Annotated[
        int | None, typer.Option(min=1, help="Seconds of a candle; else the common step.")
    ] = None,
    touch: Annotated[
        Path | None, typer.Option(help="Best bid and ask after updates, to check a book with.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of a new dataset; else its folder's.")] = "",
    origin: Annotated[str, typer.Option("--source", help="Where the data came from.")] = "",
    terms: Annotated[str, typer.Option("--license", help="Under which terms.")] = "",
    note: Annotated[
        list[str] | None, typer.Option(help="What readers must know; may come several times.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="csv.gz, csv or parquet.")] = "csv.gz",
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of the same kind of data.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Take candles, trades or level-2 updates of others into a dataset."""
    from btcturk_kit.adapters import dataset_import  # noqa: PLC0415 - only here
    from btcturk_kit.adapters.dataset_files import FileForm  # noqa: PLC0415 - only here
    from btcturk_kit.domain.identifiers import Symbol  # noqa: PLC0415 - only here

    if form not in set(FileForm):
        raise typer.BadParameter(f"--format {form!r}: choose {', '.join(FileForm)}")
    with failing_cleanly(as_json=as_json):
        request = dataset_import.ImportRequest(
            symbol=Symbol(symbol),
            base=base,
            quote=quote,
            rules=None if rules is None else dataset_import.read_rules(rules),
            price_decimals=price_decimals,
            quantity_decimals=quantity_decimals,
            min_notional=_notional_of(min_notional),
            rounds=rounds,
            market=market,
            row_symbol=row_symbol,
            interval_s=interval,
            touch=touch,
            name=name,
            source=origin,
            license=terms,
            notes=tuple(note or ()),
            form=FileForm(form),
            replaces=replace,
        )
        done = dataset_import.import_file(source, out, request)
    if as_json:
        print_json({"dataset": str(out), "symbol": symbol, **done._asdict()})
        return
    span = f"{instant_text(done.first_ms)} to {instant_text(done.last_ms)}"
    typer.echo(f"{out}: {done.rows} {_WORDS[done.kind]} of {symbol}, {span}")
    if done.touches:
        typer.echo(f"the book agrees with {done.touches} touches of {touch}")
    for line in done.notes:
        typer.echo(f"note: {line}")


_WORDS = {"candles": "candles", "trades": "trades", "depth": "updates of the book"}


def _document(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "source": dataset.source,
        "license": dataset.license,
        "labels": list(dataset.labels),
        "pairs": {symbol: _pair_document(pair) for symbol, pair in dataset.pairs.items()},
    }


def _pair_document(pair: PairData) -> dict[str, Any]:
    span, rules = pair.span_ms, pair.rules
    return {
        "base": rules.base,
        "quote": rules.quote,
        "price_decimals": rules.price_places,
        "quantity_decimals": rules.quantity_scale,
        "min_notional": rules.min_notional,
        "rules_ms": pair.rules_ms,
        "fees": [level._asdict() for level in pair.fees.levels],
        "first_ms": None if span is None else span[0],
        "last_ms": None if span is None else span[1],
        "candles": len(pair.times_ms),
        "interval_ms": pair.interval_ms or None,
        "trades": 0 if pair.trades is None else len(pair.trades.times_ms),
        "book_updates": 0 if pair.depth is None else len(pair.depth.times_ms),
        "level_changes": 0 if pair.depth is None else len(pair.depth.price),
    }


def _lines(dataset: Dataset) -> list[str]:
    lines = [
        dataset.name,
        f"  source   {dataset.source or 'not stated'}",
        f"  license  {dataset.license or 'not stated'}",
    ]
    for symbol, pair in dataset.pairs.items():
        told = _pair_document(pair)
        lines.append(f"{symbol}")
        if pair.span_ms is not None:
            first, last = pair.span_ms
            lines.append(f"  span     {instant_text(first)} to {instant_text(last)} UTC")
        if told["candles"]:
            lines.append(f"  candles  {told['candles']:,} of {pair.interval_ms // 1_000} s")
        if told["trades"]:
            lines.append(f"  trades   {told['trades']:,}")
        if told["book_updates"]:
            changes = f"{told['book_updates']:,} updates, {told['level_changes']:,} level changes"
            lines.append(f"  book     {changes}")
        decimals = f"{pair.rules.price_places} and {pair.rules.quantity_scale} decimals"
        lines.append(f"  rules    {decimals}, at least {decimal_text(pair.rules.min_notional)}")
        for level in pair.fees.levels:
            rates = (
                f"maker {decimal_text(level.maker_rate)}, taker {decimal_text(level.taker_rate)}"
            )
            lines.append(f"  fees     {rates} from {instant_text(level.from_ms)[:10]}")
    return [*lines, *[f"note: {label}" for label in dataset.labels]]


def _check_document(
    dataset: str, found: Sequence[Finding], fails: Sequence[Finding]
) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "passed": not fails,
        "failures": len(fails),
        "warnings": len(found) - len(fails),
        "by_code": dict(Counter(one.code for one in found)),
        "findings": [
            {**one._asdict(), "level": "failure" if one in fails else "warning"} for one in found
        ],
    }


def _check_lines(found: Sequence[Finding], fails: Sequence[Finding]) -> list[str]:
    """Return ten findings of each kind, and how many more there are."""
    lines: list[str] = []
    for code, number in Counter(one.code for one in found).items():
        rows = [one for one in found if one.code == code]
        level = "failure" if rows[0] in fails else "warning"
        for one in rows[:_SHOWN_MAX]:
            at = "" if one.at_ms is None else f" {instant_text(one.at_ms)}"
            where = f"{one.symbol}{at}: " if one.symbol else ""
            lines.append(f"{level}: {code}: {where}{one.detail}")
        if number > _SHOWN_MAX:
            lines.append(f"{level}: {code}: {number - _SHOWN_MAX} more")
    lines.append(f"{len(fails)} failures, {len(found) - len(fails)} warnings")
    return lines


def _notional_of(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise ConfigurationError(
            f"--min-notional {text!r} is no amount", hint="write 0, or an amount such as 99.91"
        )
    return amount
