"""The login of a stream, through all its connections: asked, answered, refused, given up.

Never add: a clock (time is handed in), what else waits for the login.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from btcturk_kit.domain.stream_events import LoginAnswered
from btcturk_kit.wire.signing import Credentials
from btcturk_kit.wire.stream import login_frame
from btcturk_kit.wire.stream_step import Reconnect, Refused

__all__ = ["StreamLogin"]

# A key that was good before may be refused for a while, under maintenance for one.
_REFUSALS_MAX: Final = 3


class _State(Enum):
    OUT = "out"
    ASKED = "asked"
    IN = "in"


class StreamLogin:
    """Who is to be logged in, and whether they are.

    Attributes:
        credentials: For the login of every connection; None while nobody wants one.
        refusal: Why the last login was refused for good; None if it was not.

    Example:
        >>> login = StreamLogin()
        >>> login.want(Credentials("ann", "QUFBQQ=="))
        >>> text = login.ask(now_ms=0, due_ms=10_000)
        >>> login.answered(LoginAnswered(ok=True, user_id=7, reason=""))
        >>> login.is_in
        True
        >>> login.answered(LoginAnswered(ok=False, user_id=None, reason="why not"))
        Reconnect(reason='logged out: why not', is_failure=False)
    """

    __slots__ = ("_due_ms", "_refusals", "_state", "_was_in", "credentials", "refusal")

    def __init__(self) -> None:
        self.credentials: Credentials | None = None
        self.refusal: str | None = None
        self._state = _State.OUT
        self._due_ms = 0
        self._was_in = False
        self._refusals = 0

    @property
    def is_in(self) -> bool:
        """Whether private messages come on this connection."""
        return self._state is _State.IN

    @property
    def is_asked(self) -> bool:
        """Whether an answer is waited for."""
        return self._state is _State.ASKED

    def want(self, credentials: Credentials) -> None:
        """Take the credentials of every login from now on."""
        self.credentials = credentials
        self.refusal = None

    def ask(self, *, now_ms: int, due_ms: int) -> str | None:
        """Return the text that logs in; None if nobody wants it, or it was sent already."""
        if self.credentials is None or self._state is not _State.OUT:
            return None
        self._state = _State.ASKED
        self._due_ms = due_ms
        return login_frame(self.credentials, now_ms=now_ms)

    def is_overdue(self, *, at_ms: int) -> bool:
        """Return whether the answer should have come."""
        return self.is_asked and at_ms >= self._due_ms

    def connection_lost(self) -> None:
        """Be logged out, and to be logged in again."""
        self._state = _State.OUT

    def give_up(self) -> bool:
        """Give up a first login and return True; a later one ends its connection instead."""
        if not self._was_in:
            self.credentials = None
            self._state = _State.OUT
        return not self._was_in

    def answered(self, event: LoginAnswered) -> Reconnect | Refused | None:
        """Take in an answer, asked for or not."""
        if self._state is _State.OUT or (self.is_in and event.ok):
            return None
        if self.is_in:
            return Reconnect(f"logged out: {event.reason}")
        if event.ok:
            self._state = _State.IN
            self._was_in = True
            self._refusals = 0
            return None
        self._state = _State.OUT
        self._refusals += 1
        if self._was_in and self._refusals < _REFUSALS_MAX:
            return Reconnect(f"the login was refused: {event.reason}", is_failure=True)
        self.credentials = None
        self.refusal = event.reason
        return Refused(event.reason) if self._was_in else None
