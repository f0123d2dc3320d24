"""Quirks of signed calls: what an unauthorized one is answered, and whether a stamp may come again.

Never add: keys, signatures, how far a stamp may be from the clock (`access`).
"""

from __future__ import annotations

from collections import deque

from btcturk_kit.sandbox.rest.calls import Answer
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.wire import encode

__all__ = ["Gate"]

_UNAUTHORIZED = 401
_KEPT_MS = 10_000  # a stamp is accepted up to 5 s before its time and 5 s after it


class Gate:
    """Stands before the private endpoints.

    Args:
        quirks: How it acts where sources differ.

    Example:
        >>> gate = Gate(Quirks(repeated_stamps="refused"))
        >>> gate.problem_with_stamp("ann", "1000", now_ms=1000)
        ''
        >>> gate.problem_with_stamp("ann", "1000", now_ms=1000)
        'Invalid Nonce'
    """

    def __init__(self, quirks: Quirks) -> None:
        self._quirks = quirks
        self._spent: set[tuple[str, str]] = set()
        self._by_age: deque[tuple[int, tuple[str, str]]] = deque()

    def problem_with_stamp(self, api_key: str, stamp: str, *, now_ms: int) -> str:
        """Say what is wrong with the stamp of a call that is signed well; empty if nothing is."""
        if self._quirks.repeated_stamps == "accepted":
            return ""
        while self._by_age and self._by_age[0][0] + _KEPT_MS < now_ms:
            self._spent.discard(self._by_age.popleft()[1])
        one = (api_key, stamp)
        if one in self._spent:
            return "Invalid Nonce"
        self._spent.add(one)
        self._by_age.append((now_ms, one))
        return ""

    def unauthorized(self, problem: str) -> Answer:
        """Answer a call that may not pass."""
        body = self._quirks.unauthorized_body
        if body == "empty":
            return Answer(_UNAUTHORIZED, b"")
        if body == "code_401":
            return Answer(_UNAUTHORIZED, encode.refusal(f"Unauthorized - {problem}", _UNAUTHORIZED))
        return Answer(_UNAUTHORIZED, encode.unauthorized(problem))
