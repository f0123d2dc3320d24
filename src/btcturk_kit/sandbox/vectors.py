"""Test vectors of the local exchange: what is sent to it, what comes back, what its books say then.

A vector is data (`data/vectors/README.md` describes the format), so a client in any language can
run it; this module runs it for us. The world of a vector has no market of its own: every price and
every trade in it comes from the vector's own orders, so all of its bytes are known beforehand.

Never add: sockets (whoever runs a vector brings a `Door`), expectations that stand in code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple, Protocol

from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.access import Access
from btcturk_kit.sandbox.market.moves import MarketMove, PairHalt
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.listing import BTCTRY_RULES
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.wire.encode_graph import GraphCandle
from btcturk_kit.wire.signing import Credentials

__all__ = [
    "Door",
    "Number",
    "QuietTape",
    "Seen",
    "Vector",
    "differences",
    "open_exchange",
    "play",
    "state_of",
    "vector_names",
    "vector_of",
    "vector_text",
    "world_listing",
    "world_of",
]

_FOLDER: Final = files("btcturk_kit.sandbox") / "data" / "vectors"
_WORLD: Final = "world"
_LOGIN_NONCE: Final = 3_000
_REFERENCE: Final = re.compile(r"\{([a-z0-9 ]+)\.([A-Za-z0-9.]+)\}")
_OPEN: Final = ("open", "partially_filled")


class Number(str):
    """A JSON number as it was written: `1.0` is not `1`, and no number is a text."""

    __slots__ = ()


class Vector(NamedTuple):
    """One file of vectors.

    Attributes:
        name: Its quirk, fact or scene.
        about: What it shows: source, date, meaning of each reading.
        setup: Where its world differs from `world.json`.
        steps: What is sent, one after another.
        expected: By reading: what must come back, the state in the end, and what else changes.
    """

    name: str
    about: Mapping[str, Any]
    setup: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    expected: Mapping[str, Mapping[str, Any]]


class Seen(NamedTuple):
    """What came back at a step: status and body of a call, and the frames of the stream."""

    step: str
    status: int
    body: bytes
    frames: tuple[str, ...]


class Door(Protocol):
    """The way into a running exchange on a virtual clock."""

    async def call(
        self, host: str, method: str, target: str, *, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Send one request to `rest` or `graph`; return status and body, 0 without an answer."""
        ...

    async def control(self, method: str, target: str, fields: object = None) -> Any:  # noqa: ANN401 - JSON
        """Call the control interface and return the document it answers with."""
        ...

    async def connect(self) -> None:
        """Open the one session of the stream."""
        ...

    async def send(self, text: str) -> None:
        """Send a text frame in that session."""
        ...

    async def frames(self) -> tuple[str, ...]:
        """Return every frame that came in that session since the last time."""
        ...


# ---- reading


def vector_names(folder: str) -> tuple[str, ...]:
    """Return the names of all vectors in a folder: `quirks`, `facts`, `faults`, or `scenes`."""
    names = (one.name for one in (_FOLDER / folder).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def vector_text(folder: str, name: str) -> str:
    """Return the file of one vector.

    Raises:
        ConfigurationError: There is none of this name.
    """
    if name not in vector_names(folder):
        raise ConfigurationError(
            f"there is no vector {name!r} in {folder}",
            hint="`btcturk-kit sandbox quirks` lists the quirks; each has one",
        )
    return (_FOLDER / folder / f"{name}.json").read_text("utf-8")


def vector_of(folder: str, name: str) -> Vector:
    """Read one vector.

    Raises:
        ConfigurationError: There is none of this name.
    """
    text = vector_text(folder, name)
    data, exact = json.loads(text), _exact(text)
    return Vector(
        name, data["about"], data.get("setup", {}), data["steps"], exact.get("expected", {})
    )


# ---- the world of a vector


class QuietTape:
    """A market in which nobody does anything, at one price.

    Args:
        price: The last price before the first trade.
        start_ms: When it starts, unless another instant is given.
    """

    def __init__(self, price: Decimal, *, start_ms: int) -> None:
        self.opening_price = price
        self.start_ms = start_ms

    def play(self, *, seed: int, start_ms: int | None) -> QuietTape:  # noqa: ARG002 - of the port
        """Begin a run."""
        return self if start_ms is None else QuietTape(self.opening_price, start_ms=start_ms)

    def recorded_hours(self, _first_ms: int, _behind_ms: int) -> list[GraphCandle]:
        """Return nothing: there is no past."""
        return []

    def next_ms(self) -> int:
        """Return that no move ever comes."""
        return NEVER_MS

    def take(self) -> MarketMove:
        """Return a move, which nobody asks for: none is ever due."""
        return PairHalt(is_halted=False)


def world_listing(setup: Mapping[str, Any]) -> Listing:
    """Return the pair of a vector's world, for whoever serves that world by other means.

    Args:
        setup: Where it differs from the common world.
    """
    world = {**_world(), **setup}
    rules = replace(BTCTRY_RULES, **world["rules"])
    return Listing(rules, QuietTape(Decimal(world["price"]), start_ms=world["start_ms"]))


def world_of(setup: Mapping[str, Any]) -> dict[str, Any]:
    """Return the common world of the vectors as the setup of one of them changes it."""
    return {**_world(), **setup}


def open_exchange(setup: Mapping[str, Any], quirks: Quirks) -> tuple[Exchange, Access]:
    """Return the exchange of a vector, and the keys of its customers.

    Args:
        setup: Where it differs from the common world.
        quirks: How it acts.
    """
    world = world_of(setup)
    exchange = Exchange([world_listing(setup)], seed=world["seed"], quirks=quirks)
    access = Access()
    for name, secret in world["secrets"].items():
        access.add_key(name, secret)
        opening = {Asset(asset): Decimal(amount) for asset, amount in world["balances"].items()}
        exchange.open_account(name, opening, fee_level=world["fee_level"])
    return exchange, access


# ---- running


async def play(vector: Vector, door: Door) -> list[Seen]:
    """Send everything a vector sends; return what came back, step by step."""
    client = _Client(door)
    return [await client.step(step) for step in vector.steps]


async def state_of(door: Door) -> dict[str, Any]:
    """Return what the exchange's own books say of every customer, without anything that is drawn.

    Free and locked money of each asset, the client order ids of open orders, and how many trades.
    """
    state: dict[str, Any] = {}
    for name in _world()["secrets"]:
        truth = await door.control("GET", f"/v1/truth?api_key={name}")
        state[name] = {
            "balances": {
                asset: [canonical_decimal(Decimal(one[part])) for part in ("free", "locked")]
                for asset, one in truth["balances"].items()
            },
            "open": [one["client_order_id"] for one in truth["orders"] if one["status"] in _OPEN],
            "fills": Number(len(truth["trades"])),
        }
    return state


def differences(expected: Mapping[str, Any], seen: Sequence[Seen]) -> list[str]:
    """Say where what came back is not what a reading expects; empty if it is."""
    by_step = {one.step: one for one in seen}
    return [
        text
        for step, wanted in expected["answers"].items()
        for text in _differences_of(by_step[step], wanted)
    ]


class _Client:
    """A client that signs as any other does: stamps are the exchange's time and never repeat."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._bodies: dict[str, bytes] = {}
        self._stamp = 0
        self._is_connected = False

    async def step(self, step: Mapping[str, Any]) -> Seen:
        name, status, body = step["name"], 0, b""
        if "call" in step:
            status, body = await self._call(step["call"])
            self._bodies[name] = body
        elif "advance_ms" in step:
            now_ms = await self._now_ms()
            await self._door.control(
                "POST", "/v1/clock/advance", {"to_ms": now_ms + step["advance_ms"]}
            )
        elif "control" in step:
            method, _, target = step["control"].partition(" ")
            await self._door.control(method, target, step["fields"])
        elif "connect" in step:
            await self._door.connect()
            self._is_connected = True
        else:
            await self._door.send(await self._frame(step))
        frames = await self._door.frames() if self._is_connected else ()
        return Seen(name, status, body, frames)

    async def _call(self, call: Mapping[str, Any]) -> tuple[int, bytes]:
        method, _, target = self._filled(call["line"]).partition(" ")
        fields = {key: self._filled(text) for key, text in call.get("body", {}).items()}
        body = json.dumps(fields, separators=(",", ":")).encode() if fields else b""
        headers = {"Content-Type": "application/json"}
        if "by" in call:
            headers |= await self._signed(call["by"], is_repeat=call.get("stamp") == "repeated")
        host = call.get("host", "rest")
        return await self._door.call(host, method, target, headers=headers, body=body)

    async def _signed(self, name: str, *, is_repeat: bool) -> dict[str, str]:
        keys = Credentials(name, _world()["secrets"][name])
        if not is_repeat:
            self._stamp = max(self._stamp + 1, await self._now_ms())
        stamp = str(self._stamp)
        return {"X-PCK": name, "X-Stamp": stamp, "X-Signature": keys.sign(stamp)}

    async def _frame(self, step: Mapping[str, Any]) -> str:
        if "text" in step:
            return str(step["text"])
        if "join" in step:
            channel, _, event = step["join"].partition(":")
            model: dict[str, object] = {"channel": channel, "event": event, "join": True}
            return json.dumps([151, {"type": 151, **model}])
        name = step["login"]
        keys = Credentials(name, _world()["secrets"][name])
        model = {
            "publicKey": name,
            "timestamp": await self._now_ms(),
            "nonce": _LOGIN_NONCE,
            "signature": keys.sign(str(_LOGIN_NONCE)),
        }
        return json.dumps([114, {"type": 114, **model}])

    async def _now_ms(self) -> int:
        clock = await self._door.control("GET", "/v1/clock")
        return int(clock["now_ms"])

    def _filled(self, text: str) -> str:
        """Put in what earlier answers said: `{buy.data.id}`."""
        return _REFERENCE.sub(
            lambda found: str(_at(_exact(self._bodies[found[1]].decode()), found[2])), text
        )


# ---- inside


@cache
def _world() -> Mapping[str, Any]:
    world: Mapping[str, Any] = json.loads((_FOLDER / f"{_WORLD}.json").read_text("utf-8"))
    return world


def _exact(text: str) -> Any:  # noqa: ANN401 - JSON
    """Read JSON without changing a digit of its numbers."""
    return json.loads(text, parse_int=Number, parse_float=Number)


def _differences_of(seen: Seen, wanted: Mapping[str, Any]) -> Iterator[str]:
    if "status" in wanted and str(seen.status) != wanted["status"]:
        yield f"{seen.step}: status {seen.status}, not {wanted['status']}"
    if "body" in wanted and seen.body.decode() != wanted["body"]:
        yield f"{seen.step}: {seen.body.decode()}, not {wanted['body']}"
    if "fields" in wanted:
        yield from _wrong_fields(seen.step, _exact(seen.body.decode()), wanted["fields"])
    if "frames" in wanted:
        texts = [_exact(text) for text in seen.frames]
        kinds = [number for number, _ in texts]
        if kinds != [one["type"] for one in wanted["frames"]]:
            yield f"{seen.step}: frames {', '.join(kinds)}"
            return
        for (_, model), one in zip(texts, wanted["frames"], strict=True):
            yield from _wrong_fields(seen.step, model, one.get("fields", {}))


def _wrong_fields(step: str, found: object, fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield where fields are not as wanted; a field that must be missing is wanted as `absent`."""
    for path, wanted in fields.items():
        actual = _at(found, path)
        if type(actual) is not type(wanted) or actual != wanted:
            yield f"{step}: {path} is {actual!r}, not {wanted!r}"


def _at(found: object, path: str) -> object:
    """Return what stands at a path of names and places, `absent` if nothing does."""
    for part in path.split("."):
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, list) and part == "length":
            found = Number(len(found))
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            return "absent"
    return found
