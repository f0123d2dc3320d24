"""One document of a cycle as a flat list of fields, without the names that differ by chance.

Orders are named by the instant and the place at which they were decided, so that two runs of two
accounts name them alike; what the exchange numbered, what the account is called and when something
was received is left out. Never add: a comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.money import decimal_of, exact, round_half_even, sub
from btcturk_kit.errors import ConfigurationError, InvariantViolation

__all__ = ["IGNORED", "NEEDED", "Cycle", "Field", "Journal", "generic", "read_cycles"]

IGNORED: Final = frozenset(
    {
        "account",
        "capital.cause",
        "digest",
        "events.event_time_ms",
        "events.key",
        "events.known_ms",
        "fills.event_time_ms",
        "pre_cycle",
        "schema",
    }
)
"""Fields that tell two equal runs apart: names of accounts, numbers and times of the exchange, and
the digest, which follows from the rest."""

NEEDED: Final = ("now_ms", "intents", "submits", "cancels", "fills", "capital", "metrics", "digest")
"""Fields without which a document says too little to be compared."""

_ORDER_NAMES: Final = frozenset({"client_order_id"})
_IDENTITY: Final = ("net_try", "gross_try", "fees_try", "tax_try", "equity_try")

Journal = Sequence[Mapping[str, Any]]
"""The documents of one run, in order."""


class Field(NamedTuple):
    """One value of a document and where it stands; lists are counted from 0."""

    path: str
    text: str


class Cycle(NamedTuple):
    """One document.

    Attributes:
        fields: In the order of the document.
        metrics: Its figures, exact.
    """

    now_ms: int
    digest: str
    fields: tuple[Field, ...]
    metrics: Mapping[str, Decimal]


def generic(path: str) -> str:
    """Return the path of a field without places in lists.

    Example:
        >>> generic("fills.0.price")
        'fills.price'
    """
    return ".".join(part for part in path.split(".") if not part.isdigit())


@exact
def read_cycles(
    journal: Journal,
    *,
    name: str,
    ignored: Collection[str] = IGNORED,
    places: Mapping[str, int] | None = None,
) -> tuple[Cycle, ...]:
    """Return the cycles of a journal, checked.

    Args:
        journal: The documents.
        name: Of the journal, for messages.
        ignored: Fields to leave out, as `generic` writes them; a name stands for all below it.
        places: Decimals to which the amounts of a field are rounded, half to even.

    Raises:
        ConfigurationError: There is no document at all; one lacks a field, has a time that is no
            number or goes back, or its net is not gross less fees less tax.
    """
    names: dict[str, str] = {}
    cycles: list[Cycle] = []
    for number, document in enumerate(journal, start=1):
        where = f"{name}, document {number}"
        _check_fields(document, where)
        now_ms = _instant(document, where, cycles[-1].now_ms if cycles else None)
        metrics = _metrics(document, where)
        _name_orders(document, now_ms, names)
        found = [
            Field(path, _rounded(path, text, places or {}, where))
            for path, text in _flat("", document, names)
            if not _is_ignored(generic(path), ignored)
        ]
        cycles.append(Cycle(now_ms, str(document["digest"]), tuple(found), metrics))
    if not cycles:
        raise ConfigurationError(
            f"{name} holds no cycle", hint="an empty journal equals nothing: check the name"
        )
    return tuple(cycles)


def _check_fields(document: Mapping[str, Any], where: str) -> None:
    missing = [field for field in NEEDED if field not in document]
    if missing:
        raise ConfigurationError(
            f"{where} has no {' and no '.join(missing)}",
            hint="compare journals of this version of the kit",
        )


def _instant(document: Mapping[str, Any], where: str, last_ms: int | None) -> int:
    now_ms = document["now_ms"]
    if not isinstance(now_ms, int) or isinstance(now_ms, bool) or now_ms < 0:
        raise ConfigurationError(
            f"{where}: now_ms is {now_ms!r}, not an instant in whole milliseconds"
        )
    if last_ms is not None and now_ms < last_ms:
        raise ConfigurationError(f"{where}: now_ms goes back from {last_ms} to {now_ms}")
    return now_ms


def _metrics(document: Mapping[str, Any], where: str) -> dict[str, Decimal]:
    """Read the figures and prove the identity that makes two of them comparable."""
    told = document["metrics"]
    figures: dict[str, Decimal] = {}
    for field in _IDENTITY:
        try:
            figures[field] = decimal_of(told[field])
        except (KeyError, TypeError, InvariantViolation) as error:
            raise ConfigurationError(f"{where}: metrics.{field} is missing or no amount") from error
    net = sub(sub(figures["gross_try"], figures["fees_try"]), figures["tax_try"])
    if net != figures["net_try"]:
        raise ConfigurationError(
            f"{where}: metrics.net_try is {figures['net_try']}, "
            f"gross less fees less tax is {canonical_decimal(net)}"
        )
    return figures


def _name_orders(document: Mapping[str, Any], now_ms: int, names: dict[str, str]) -> None:
    """Name what was submitted here; orders that were not are named as they come up."""
    for ordinal, submit in enumerate(document["submits"]):
        names.setdefault(str(submit["client_order_id"]), f"order {now_ms}#{ordinal}")


def _flat(path: str, value: object, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _ORDER_NAMES and inner is not None:
                names.setdefault(str(inner), f"earlier order {len(names)}")
            yield from _flat(f"{path}.{key}" if path else str(key), inner, names)
    elif isinstance(value, list | tuple):
        yield f"{path}.length", str(len(value))
        for at, inner in enumerate(value):
            yield from _flat(f"{path}.{at}", inner, names)
    else:
        yield path, _text(value, names)


def _text(value: object, names: Mapping[str, str]) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text in names:
        return names[text]
    if " " in text:  # a sentence may name orders too
        return " ".join(names.get(word.rstrip(":,."), word) for word in text.split(" "))
    return text


def _rounded(path: str, text: str, places: Mapping[str, int], where: str) -> str:
    wanted = places.get(generic(path))
    if wanted is None or text == "-":
        return text
    try:
        return canonical_decimal(round_half_even(decimal_of(text), wanted))
    except InvariantViolation as error:
        raise ConfigurationError(
            f"{where}: {path} is {text!r}, which cannot be rounded",
            hint="name a field that is an amount",
        ) from error


def _is_ignored(field: str, ignored: Collection[str]) -> bool:
    while field:
        if field in ignored:
            return True
        field = field.rpartition(".")[0]
    return False
