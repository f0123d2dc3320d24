"""How a client stays inside the request windows, whatever their phase.

The counts are flat sequences of integers ("cells"): a list of one's own, or memory that several
processes map. Which of the two it is, this module does not know. Never add: a clock, waiting,
locks, files.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from btcturk_kit.wire.pacing import (
    RULES,
    Endpoint,
    Lane,
    Policy,
    WindowRule,
    lane_of,
    rules_by_endpoint,
)

__all__ = ["LEASE_MS_MAX", "Cells", "ClientWindows", "fresh_counts"]

Cells: TypeAlias = "list[int] | memoryview[int]"
"""A flat sequence of 64-bit integers: of one's own, or of a mapped file."""

LEASE_MS_MAX: Final = 10
"""How far ahead of its clock a client may count what it is about to send."""

_MINUTE_MS: Final = 60_000
# A wait longer than a day is a mistake (`wire.failures` cuts it there), or damage.
_BLOCK_MS_MAX: Final = 86_400_000
_NEVER_MS: Final = -(1 << 50)
"""Before every instant; far from the ends of 64 bits also when multiplied by a limit."""

# A window's cells: the next slot, what its bucket has refilled, then the last `limit` instants.
_HEAD: Final = 2
# An endpoint's cells: when it was blocked, and until when.
_PER_BLOCK: Final = 2
_BLOCKS: Final = {endpoint: _PER_BLOCK * at for at, endpoint in enumerate(Endpoint)}
_ALL_BLOCKS: Final = _PER_BLOCK * len(_BLOCKS)


def fresh_counts(*, policy: Policy | None, rules: Iterable[WindowRule] = RULES) -> list[int]:
    """Return the cells of a client that has sent nothing yet.

    Args:
        policy: Whose count: of an address or an account; None for one count of all the rules.
        rules: The table of windows.
    """
    cells = [_NEVER_MS] * _ALL_BLOCKS
    for rule in rules:
        if policy is None or policy in rule.policies:
            cells += [0, _NEVER_MS, *[_NEVER_MS] * rule.limit]
    return cells


class _Log(NamedTuple):
    """Where one count of one rule stands, and what it allows.

    A token bucket holds `credit`, half of a long window, and refills at the window's own pace. So
    the first half may go at once and the rest is spread, while a whole window still takes the full
    limit. It counts in 1/limit of a millisecond, which keeps every number an integer.
    """

    cells: Cells
    base: int
    limit: int
    span_ms: int
    credit: int
    is_smoothed: bool


class ClientWindows:
    """Which requests may be sent now, so that no window is ever exceeded.

    The exchange opens its windows when a request *arrives*; a client that imitates them by the
    instants of sending drifts out of phase and sends too many at a border. Therefore: never more
    than the limit in *any* span of one period and `margin_ms`, which is inside the exchange's
    windows however they lie and gives away no sustained rate. Who learns that a request travelled
    for longer says so (`arrived`). In long windows a token bucket spreads the second half; cancels
    are never spread.

    Lanes need no share of a window kept free for them: no documented window counts two lanes.

    Args:
        rules: The table of windows.
        margin_ms: How far the travel times of two requests may differ.
        counts: Cells by policy, made by `fresh_counts`; a policy that is missing is not counted.
            By default one list of this object's own, where
            each rule is counted once.

    Example:
        >>> windows = ClientWindows()
        >>> [windows.take(Endpoint.SUBMIT, 5_000) for _ in range(11)][-2:]
        [1, 0]
        >>> windows.wait_ms(Endpoint.SUBMIT, 5_400)
        600
    """

    __slots__ = ("_blocks", "_logs", "_regions", "_together", "margin_ms")

    def __init__(
        self,
        *,
        rules: Iterable[WindowRule] = RULES,
        margin_ms: int = 0,
        counts: Mapping[Policy, Cells] | None = None,
    ) -> None:
        table = tuple(rules)
        self.margin_ms = margin_ms
        regions: list[tuple[Policy | None, Cells]]
        regions = [(None, fresh_counts(policy=None, rules=table))]
        if counts is not None:
            regions = [*counts.items()]
        self._regions = [cells for _, cells in regions]
        by_rule: dict[WindowRule, list[_Log]] = {rule: [] for rule in table}
        for policy, cells in regions:
            base = _ALL_BLOCKS
            for rule in table:
                if policy is None or policy in rule.policies:
                    by_rule[rule].append(_log(rule, cells, base, margin_ms))
                    base += _HEAD + rule.limit
        self._logs = {
            endpoint: tuple([log for rule in counted for log in by_rule[rule]])
            for endpoint, counted in rules_by_endpoint(table).items()
        }
        # Where a block of an endpoint stands: with each of its counts, so that it reaches everyone
        # who shares one of them; what has no count has its block in the first place.
        self._blocks: dict[Endpoint, tuple[tuple[Cells, int], ...]] = {}
        self._together: dict[Endpoint, list[Endpoint]] = {}
        by_endpoint = rules_by_endpoint(table)
        for endpoint, at in _BLOCKS.items():
            places = {id(log.cells): log.cells for log in self._logs.get(endpoint, ())}
            kept = [*places.values()] or self._regions[:1]
            self._blocks[endpoint] = tuple([(cells, at) for cells in kept])
            shared = set(by_endpoint.get(endpoint, ()))
            self._together[endpoint] = [
                other
                for other in Endpoint
                if other is endpoint or not shared.isdisjoint(by_endpoint.get(other, ()))
            ]

    def take(
        self, endpoint: Endpoint, now_ms: int, *, wanted: int = 1, until_ms: int | None = None
    ) -> int:
        """Count requests that may be sent from now on, and return how many.

        Args:
            endpoint: What will be asked.
            now_ms: Of a clock that all who share the counts read, and that never steps back.
            wanted: At most so many.
            until_ms: They are sent by then, and counted as sent then; None for now. At most
                `LEASE_MS_MAX` ahead.

        Returns:
            0 if the next request has to wait.
        """
        for cells, at in self._blocks[endpoint]:
            if cells[at + 1] > now_ms:
                return 0
        logs = self._logs.get(endpoint, ())
        if wanted > 1:
            wanted = _room(logs, now_ms, wanted)
        for cells, base, limit, span_ms, credit, is_smoothed in logs:
            if cells[base + _HEAD + cells[base]] + span_ms > now_ms:
                return 0
            if is_smoothed and cells[base + 1] > now_ms * limit + credit:
                return 0
        at_ms = now_ms if until_ms is None else until_ms
        for cells, base, limit, span_ms, _, is_smoothed in logs:
            slot = cells[base]
            # The slot moves on first: who is killed between the two lines has sent nothing, and
            # leaves an instant that is too old in a place that counts nobody's request.
            cells[base] = (slot + wanted) % limit
            if wanted == 1:
                cells[base + _HEAD + slot] = at_ms
            else:
                start = base + _HEAD + slot
                cells[start : start + wanted] = array("q", (at_ms,)) * wanted
            if is_smoothed:
                cells[base + 1] = max(cells[base + 1], at_ms * limit) + wanted * span_ms
        return wanted

    def wait_ms(self, endpoint: Endpoint, now_ms: int, *, ahead: int = 0) -> int:
        """Return how long a request has to wait at least; 0 if it may go now.

        Args:
            endpoint: What will be asked.
            now_ms: As in `take`.
            ahead: How many requests of the endpoint wait before it.
        """
        at_ms = max([now_ms, *[cells[at + 1] for cells, at in self._blocks[endpoint]]])
        for cells, base, limit, span_ms, credit, is_smoothed in self._logs.get(endpoint, ()):
            spans, further = divmod(ahead, limit)
            slot = base + _HEAD + (cells[base] + further) % limit
            at_ms = max(at_ms, cells[slot] + span_ms * (1 + spans))
            if is_smoothed:
                refilled = cells[base + 1] + ahead * span_ms
                at_ms = max(at_ms, -((credit - refilled) // limit))
        return at_ms - now_ms

    def arrived(self, endpoint: Endpoint, counted_ms: int, now_ms: int) -> int:
        """Correct the count of a request that travelled for longer than the margin.

        It may have arrived as late as its answer came, so it counts from `margin_ms` before that.

        Args:
            endpoint: What was asked.
            counted_ms: The instant it was counted at.
            now_ms: The answer has come, or nobody waits for it any more; or it has not come yet.

        Returns:
            The instant it counts from now on.
        """
        # Two clocks that count whole milliseconds can differ by almost one.
        at_ms = now_ms + 1 - self.margin_ms
        if at_ms <= counted_ms:
            return counted_ms
        for cells, base, limit, *_ in self._logs.get(endpoint, ()):
            start = base + _HEAD
            for slot in range(start, start + limit):
                # Requests that were counted at the same instant stand for each other.
                if cells[slot] == counted_ms:
                    cells[slot] = at_ms
                    break
        return at_ms

    def block(self, endpoint: Endpoint, now_ms: int, *, wait_ms: int) -> None:
        """Let nothing through for a while: the exchange said so. Never shortens a block.

        What shares a window with the endpoint is blocked with it: the exchange does not say which
        window was full.
        """
        until_ms = now_ms + min(wait_ms, _BLOCK_MS_MAX)
        for other in self._together[endpoint]:
            for cells, at in self._blocks[other]:
                if until_ms > cells[at + 1]:
                    cells[at] = now_ms
                    cells[at + 1] = until_ms

    def settle(self, now_ms: int) -> None:
        """Make sense of counts whose clock has started anew: the machine was restarted.

        How long ago an instant of the future was, nobody knows: at worst just now. Blocks begin
        again. Does nothing to counts of the same clock.
        """
        latest_ms = now_ms + LEASE_MS_MAX
        for cells, base, limit, span_ms, credit, _ in self._all_logs():
            for slot in range(base + _HEAD, base + _HEAD + limit):
                if cells[slot] > latest_ms:
                    cells[slot] = now_ms
            if cells[base + 1] > latest_ms * limit + credit + span_ms:
                cells[base + 1] = now_ms * limit + credit
        for cells in self._regions:
            for at in _BLOCKS.values():
                ahead_ms = cells[at] - now_ms
                if ahead_ms > 0:
                    cells[at] -= ahead_ms
                    cells[at + 1] -= ahead_ms

    def is_sound(self) -> bool:
        """Whether the cells can be what this class has written."""
        return all(
            0 <= cells[base] < limit
            and all(
                abs(at_ms) <= -_NEVER_MS for at_ms in cells[base + _HEAD : base + _HEAD + limit]
            )
            for cells, base, limit, *_ in self._all_logs()
        ) and all(
            abs(cells[at]) <= -_NEVER_MS and 0 <= cells[at + 1] - cells[at] <= _BLOCK_MS_MAX
            for cells in self._regions
            for at in _BLOCKS.values()
        )

    def _all_logs(self) -> Iterator[_Log]:
        seen: set[tuple[int, int]] = set()
        for logs in self._logs.values():
            for log in logs:
                place = (id(log.cells), log.base)
                if place not in seen:
                    seen.add(place)
                    yield log


def _log(rule: WindowRule, cells: Cells, base: int, margin_ms: int) -> _Log:
    span_ms = rule.period_ms + margin_ms
    is_long = rule.period_ms >= _MINUTE_MS
    is_smoothed = is_long and lane_of(rule.endpoint) is not Lane.CANCEL
    burst = (rule.limit + 1) // 2 if is_smoothed else rule.limit
    return _Log(cells, base, rule.limit, span_ms, (burst - 1) * span_ms, is_smoothed)


def _room(logs: tuple[_Log, ...], now_ms: int, wanted: int) -> int:
    """Return how many of the wanted requests all windows take now."""
    for cells, base, limit, span_ms, credit, is_smoothed in logs:
        slot = cells[base]
        # Not around the end of the ring: the next look goes on at its beginning.
        wanted = min(wanted, limit - slot)
        if is_smoothed:
            scaled = now_ms * limit
            left = scaled + credit - max(cells[base + 1], scaled)
            wanted = max(0, min(wanted, left // span_ms + 1))
        start = base + _HEAD + slot
        newest_ms = now_ms - span_ms
        if max(cells[start : start + wanted], default=newest_ms) > newest_ms:
            wanted = next(free for free in range(wanted) if cells[start + free] > newest_ms)
    return wanted
