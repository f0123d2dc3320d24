"""Canonical text: one writing for each value, and ids that follow from what they name."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.domain.canonical import canonical_decimal, canonical_line, chain
from btcturk_kit.domain.identifiers import Symbol, derive_client_order_id

from .facts import scaled

decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)


@given(decimals)
def test_canonical_text_keeps_the_value(value: Decimal) -> None:
    """Reading the text back gives the value, and writing that again gives the text."""
    text = canonical_decimal(value)
    assert Decimal(text) == value
    assert canonical_decimal(Decimal(text)) == text


@given(decimals, decimals)
def test_canonical_text_is_one_to_one(left: Decimal, right: Decimal) -> None:
    """Two values have the same text exactly when they are equal."""
    assert (canonical_decimal(left) == canonical_decimal(right)) is (left == right)


@given(st.integers(-(10**20), 10**20), st.integers(0, 12), st.integers(0, 12))
def test_padding_and_exponent_do_not_show(units: int, places: int, padding: int) -> None:
    """Every writing of one value has the same canonical text, without exponent or padding."""
    plain = scaled(units, places)
    padded = scaled(units * 10**padding, places + padding)
    text = canonical_decimal(plain)
    assert canonical_decimal(padded) == text
    assert canonical_decimal(plain.normalize()) == text
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))


@given(st.lists(st.one_of(decimals, st.integers(), st.none(), st.text("abc", min_size=2))))
def test_lines_of_equal_facts_are_equal(fields: list[object]) -> None:
    """A line joins the canonical writings; padding of a decimal does not change it."""
    padded = [one * Decimal("1.0") if isinstance(one, Decimal) and one else one for one in fields]
    line = canonical_line(fields)
    assert line.count("\x1f") == max(0, len(fields) - 1)
    if all(a == b for a, b in zip(fields, padded, strict=True)):
        assert canonical_line(padded) == line


@given(st.lists(st.text(), max_size=6), st.lists(st.text(), max_size=6))
def test_chains_tell_histories_apart(left: list[str], right: list[str]) -> None:
    """Two histories end in one digest only when they are the same lines in the same order."""

    def digest_of(lines: list[str]) -> str:
        digest = "0" * 64
        for line in lines:
            digest = chain(digest, line)
        return digest

    assert (digest_of(left) == digest_of(right)) is (left == right)


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
causes = st.tuples(
    names,
    names,
    st.sampled_from(["BTCTRY", "ETHTRY", "BTCUSDT"]),
    st.sampled_from(["buy", "sell"]),
    st.integers(0, 2**45),
    st.integers(0, 50),
)


def _id(cause: tuple[str, str, str, str, int, int]) -> str:
    account, strategy, symbol, side, now_ms, ordinal = cause
    return derive_client_order_id(
        account=account,
        strategy=strategy,
        symbol=Symbol(symbol),
        side=side,
        now_ms=now_ms,
        ordinal=ordinal,
    )


@given(st.lists(causes, min_size=1, max_size=30, unique=True))
def test_client_order_ids_are_unique_and_short(
    found: list[tuple[str, str, str, str, int, int]],
) -> None:
    """Different decisions get different ids, equal ones the same, of at most 50 characters."""
    ids = [_id(one) for one in found]
    assert len(set(ids)) == len(found)
    assert ids == [_id(one) for one in found]
    assert all(len(one) <= 50 and one.startswith("bk1-") for one in ids)
