"""Faults of a stream as a plan: which frames of which sessions are lost, bent or cut, and when.

A plan is data: the same plan, seed and frames give the same faults. Nothing is wrong by itself:
without a plan every frame passes as it is. Some named troubles need no word of their own: a stalled
feed is `drop` without an end, a deaf private feed is `drop` of the types 441, 451 and 452.

Never add: sockets, waiting, a change of the exchange itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct, ValidationError, convert

from btcturk_kit.domain.stream_events import Channel
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.due import WHOLE_BPS, Due, check_timing
from btcturk_kit.sandbox.stream.session import Outgoing
from btcturk_kit.simulation.chance import Chance

__all__ = [
    "Action",
    "Break",
    "BreakHow",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "Script",
    "SendText",
    "check_close_code",
]

_SNAPSHOT, _DIFFERENCE = 431, 432
_GARBAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_CODE_OK = 1000
# What may be sent in a close frame (RFC 6455, section 7.4, and IANA's register of its codes).
_CODES = (range(1000, 1004), range(1007, 1015), range(3000, 5000))


def check_close_code(code: int) -> None:
    """Refuse a close code that no end of a connection may send.

    Raises:
        ConfigurationError: It is one of those.
    """
    if not any(code in some for some in _CODES):
        raise ConfigurationError(
            f"{code} is no close code that can be sent",
            hint="take one of 1000-1003, 1007-1014 and 3000-4999",
        )


class FaultKind(StrEnum):
    """What happens to a frame that a fault hits."""

    DROP = "drop"  # it is lost
    REPEAT = "repeat"  # it comes twice
    SWAP = "swap"  # it comes behind the next frame that the same fault would hit
    SKIP_NUMBER = "skip_number"  # its change set and all later ones are numbered one higher
    GARBAGE = "garbage"  # the page of a gateway comes in its place
    CUT_TEXT = "cut_text"  # only its first half comes, as a whole frame
    CROSS = "cross"  # a bid far above every ask is put into it
    SNAPSHOT = "snapshot"  # the whole book of the subscription comes behind it, unasked
    CLOSE = "close"  # in its place the connection is closed politely
    ABORT = "abort"  # in its place the TCP connection is reset
    CUT_FRAME = "cut_frame"  # the connection ends in the middle of it


class BreakHow(StrEnum):
    """How a connection ends."""

    CLOSE = "close"
    ABORT = "abort"
    CUT_FRAME = "cut_frame"


_BENDS = frozenset({FaultKind.GARBAGE, FaultKind.CUT_TEXT, FaultKind.CROSS, FaultKind.SKIP_NUMBER})


class Fault(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault; every given field narrows it.

    Attributes:
        kind: What happens.
        types: Types of frames it hits; empty for all.
        channel: Channel it hits; empty for all, and for what has none.
        event: Event of the channel; empty for all.
        session: Number of a session; None for all.
        after: Matching frames that pass before the first hit.
        count: Hits; None for no end.
        chance_bps: How likely a matching frame is hit, drawn from the seed.
        code: Close code of `close`.

    Raises:
        ConfigurationError: No connection can be closed with this code, or it could never hit.
    """

    kind: FaultKind
    types: tuple[int, ...] = ()
    channel: str = ""
    event: str = ""
    session: int | None = None
    after: int = 0
    count: int | None = 1
    chance_bps: int = WHOLE_BPS
    code: int = _CODE_OK

    def __post_init__(self) -> None:
        check_close_code(self.code)
        check_timing(self)

    @property
    def hits_max(self) -> int | None:
        """How many frames are hit; None for no end."""
        return self.count

    def matches(self, session: int, frame: Outgoing) -> bool:
        """Whether it can hit the frame."""
        return (
            (not self.types or frame.type in self.types)
            and self.channel in ("", frame.channel)
            and self.event in ("", frame.event)
            and self.session in (None, session)
        )


class Script(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole plan as data.

    Attributes:
        faults: The first that is due takes the frame.
        seed: For the faults that are drawn.
        refused_connections: How many of the next connections are refused with HTTP 503.
        sends_pings: Whether the server pings.
    """

    faults: tuple[Fault, ...] = ()
    seed: int = 1
    refused_connections: int = 0
    sends_pings: bool = True

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Script:
        """Read a plan from a JSON object.

        Raises:
            ConfigurationError: A field is unknown, missing or of the wrong kind, or a close code
                cannot be sent.

        Example:
            >>> Script.of({"faults": [{"kind": "drop", "types": [441]}]}).faults[0].count
            1
        """
        try:
            return convert(fields, cls)
        except ValidationError as error:
            raise ConfigurationError(
                f"this is no plan of faults: {error}", hint=f"kinds are {', '.join(FaultKind)}"
            ) from error

    def __post_init__(self) -> None:
        if self.refused_connections < 0:
            raise ConfigurationError("refused_connections is not negative")


class SendText(NamedTuple):
    """Send this text frame."""

    text: str


class Break(NamedTuple):
    """End the connection; `text` is the frame that is cut."""

    how: BreakHow
    code: int = _CODE_OK
    text: str = ""


Action = SendText | Break


Told = Callable[[int, Fault, Outgoing], None]
"""Called with every hit: the session, the fault, and the frame as it would have been sent."""


class FaultPlan:
    """A plan at work: it remembers what it has done.

    Args:
        script: The plan.
        told: Called with every hit.

    Example:
        >>> plan = FaultPlan(Script(faults=(Fault(kind=FaultKind.REPEAT, types=(422,)),)))
        >>> frame = Outgoing(422, "trade", "BTCTRY", "[422,{}]")
        >>> len(plan.pass_on(1, frame, snapshot=lambda: None))
        2
    """

    def __init__(self, script: Script, *, told: Told | None = None) -> None:
        self.script = script
        self._told = told
        self._chance = Chance(script.seed)
        self._due = [(fault, Due(number, fault)) for number, fault in enumerate(script.faults)]
        self._refused_left = script.refused_connections
        self._held: dict[int, tuple[Fault, str]] = {}
        self._shifts: dict[tuple[int, str, str], int] = {}

    def refuses_connection(self) -> bool:
        """Whether the next connection is refused; asking counts."""
        if not self._refused_left:
            return False
        self._refused_left -= 1
        return True

    def hits(self) -> tuple[int, ...]:
        """Return how often each fault has hit, in the order of the plan."""
        return tuple(due.hits for _, due in self._due)

    def rows(self) -> list[dict[str, object]]:
        """Return the same, each with its kind."""
        return [{"kind": fault.kind.value, "hits": due.hits} for fault, due in self._due]

    def pass_on(
        self, session: int, frame: Outgoing, *, snapshot: Callable[[], str | None]
    ) -> list[Action]:
        """Return what becomes of one frame of a session.

        Args:
            session: Whose it is.
            frame: The frame.
            snapshot: Writes the book that the session follows by changes for the event of the
                frame, None if it follows none.
        """
        actions = self._hit(session, self._numbered(session, frame), snapshot)
        held = self._held.get(session)
        if held is not None and actions and held[0].matches(session, frame):
            del self._held[session]
            actions.append(SendText(held[1]))
        return actions

    def forget(self, session: int) -> None:
        """Drop what is held of a session that ended."""
        self._held.pop(session, None)
        for key in [key for key in self._shifts if key[0] == session]:
            del self._shifts[key]

    def _hit(
        self, session: int, frame: Outgoing, snapshot: Callable[[], str | None]
    ) -> list[Action]:
        fault = self._taker(session, frame)
        if fault is None:
            return [SendText(frame.text)]
        if self._told is not None:
            self._told(session, fault, frame)
        kind, text = fault.kind, frame.text
        if kind is FaultKind.DROP:
            return []
        if kind is FaultKind.REPEAT:
            return [SendText(text), SendText(text)]
        if kind is FaultKind.SWAP:
            if session in self._held:
                return [SendText(text)]
            self._held[session] = (fault, text)
            return []
        if kind is FaultKind.SNAPSHOT:
            whole = snapshot()
            if whole is None:
                return [SendText(text)]
            self._shifts.pop((session, Channel.BOOK_CHANGES, frame.event), None)
            return [SendText(text), SendText(whole)]
        if kind in _BENDS:
            return [SendText(self._bent(kind, session, frame))]
        return [Break(BreakHow(kind.value), fault.code, text)]

    def _taker(self, session: int, frame: Outgoing) -> Fault | None:
        """Return the fault that takes a frame; every one up to it counts the frame."""
        for fault, due in self._due:
            if fault.matches(session, frame) and due.takes(self._chance):
                return fault
        return None

    def _bent(self, kind: FaultKind, session: int, frame: Outgoing) -> str:
        if kind is FaultKind.GARBAGE:
            return _GARBAGE
        if kind is FaultKind.CUT_TEXT:
            return frame.text[: len(frame.text) // 2]
        return _crossed(frame) if kind is FaultKind.CROSS else self._skipped(session, frame)

    # ---- numbers of change sets

    def _numbered(self, session: int, frame: Outgoing) -> Outgoing:
        """Add what was skipped before; a snapshot begins a new count."""
        if not self._shifts:
            return frame
        key = (session, frame.channel, frame.event)
        if frame.type == _SNAPSHOT:
            self._shifts.pop(key, None)
            return frame
        shift = self._shifts.get(key, 0)
        if frame.type != _DIFFERENCE or not shift:
            return frame
        return frame._replace(text=_renumbered(frame.text, shift))

    def _skipped(self, session: int, frame: Outgoing) -> str:
        if frame.type != _DIFFERENCE:
            return frame.text
        key = (session, frame.channel, frame.event)
        self._shifts[key] = self._shifts.get(key, 0) + 1
        return _renumbered(frame.text, 1)


def _renumbered(text: str, shift: int) -> str:
    number, model = json.loads(text)
    model["CS"] += shift
    return _compact([number, model])


def _crossed(frame: Outgoing) -> str:
    """Put a bid ten times above a price of the frame in front of its bids."""
    if frame.type not in (_SNAPSHOT, _DIFFERENCE):
        return frame.text
    number, model = json.loads(frame.text)
    levels = model["AO"] + model["BO"]
    if not levels:
        return frame.text
    price = format(Decimal(levels[0]["P"]) * 10, "f")
    operation = {"CP": 1} if number == _DIFFERENCE else {}
    model["BO"].insert(0, {**operation, "A": "1", "P": price})
    return _compact([number, model])


def _compact(frame: list[Any]) -> str:
    return json.dumps(frame, separators=(",", ":"))
