"""The tally: what the exchange said that we have no word for, counted so that drift shows.

Unknown words are counted whenever they are met. Unknown fields are looked for by a second, slower
reading of the first answers of an endpoint, until every kind of object in it was seen once: a hot
call pays nothing afterwards. Never add: logging, a reaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from msgspec import DecodeError, Struct
from msgspec.json import Decoder
from msgspec.structs import fields

from btcturk_kit.wire.models import LEFT_OUT
from btcturk_kit.wire.pacing import Endpoint

__all__ = ["Tally", "objects_in"]

_WORDS_MAX: Final = 256
_WORD_LENGTH_MAX: Final = 80

_decode: Final = Decoder().decode


class Tally:
    """Counts unknown words and fields; one per client. It stays small whatever it is told.

    A long word is cut, and once there are 256 different ones, new ones count as `other`.

    Example:
        >>> tally = Tally()
        >>> tally.add("status:Expired")
        >>> tally.counts
        {'status:Expired': 1}
    """

    __slots__ = ("_looked_at", "counts")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._looked_at: set[Endpoint] = set()

    def add(self, word: str) -> None:
        """Count one unknown word."""
        word = word[:_WORD_LENGTH_MAX]
        if word not in self.counts and len(self.counts) >= _WORDS_MAX:
            word = "other"
        self.counts[word] = self.counts.get(word, 0) + 1

    def look_at(self, endpoint: Endpoint, shape: object, body: bytes) -> None:
        """Count the fields of an answer that its models do not know, at the first chance only.

        Args:
            endpoint: What was asked.
            shape: The type the whole answer was read into.
            body: The answer, which was read already.
        """
        if endpoint in self._looked_at:
            return
        try:
            whole = _decode(body)
        except (DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            # Read tolerantly, and too odd to be read strictly: there will be another answer.
            return
        seen: set[type[Struct]] = set()
        for word in dict.fromkeys(_unknown_fields(whole, shape, seen)):
            self.add(f"field:{endpoint}:{word}")
        if seen >= set(objects_in(shape)):
            self._looked_at.add(endpoint)


def objects_in(shape: object) -> Iterable[type[Struct]]:
    """Yield every model that a type can hold, itself included.

    Example:
        >>> from btcturk_kit.wire.models import BookModel, Envelope
        >>> [model.__name__ for model in objects_in(Envelope[BookModel])]
        ['Envelope', 'BookModel']
    """
    for part in _parts_of(shape):
        yield _model_of(part)
        for field in fields(part):
            yield from objects_in(field.type)


def _unknown_fields(value: Any, shape: object, seen: set[type[Struct]]) -> Iterable[str]:  # noqa: ANN401 - JSON of any shape
    if isinstance(value, list):
        for one in value:
            yield from _unknown_fields(one, shape, seen)
        return
    if not isinstance(value, Mapping):
        return
    for part in _parts_of(shape):
        model = _model_of(part)
        seen.add(model)
        known = {field.encode_name.lower(): field.type for field in fields(part)}
        left_out = LEFT_OUT.get(model, {})
        for name, inner in value.items():
            if name.lower() in known:
                yield from _unknown_fields(inner, known[name.lower()], seen)
            elif name.lower() not in left_out:
                yield name


def _parts_of(shape: object) -> list[Any]:
    """Return the models a type is made of on its surface: `tuple[X, ...] | None` gives X."""
    if issubclass(_model_of(shape), Struct):
        return [shape]
    return [part for one in get_args(shape) for part in _parts_of(one)]


def _model_of(part: Any) -> type[Struct]:  # noqa: ANN401 - a model, or one with its parameter
    """Return the class of a model: `Envelope[X]` gives `Envelope`; of anything else, no model."""
    model = getattr(part, "__origin__", part)
    return model if isinstance(model, type) else type(None)
