"""Whether one subscription is alive: silence is asked about, and only then believed.

A thin pair may rest for hours, a pair may be taken off the list, and a connection may be dead while
it looks open. These are told apart by asking: the channel is left and joined again, which brings
data at once. Never add: a clock (time is handed in), what is made of the data.
"""

from __future__ import annotations

from typing import Final

from btcturk_kit.domain.stream_events import Channel, ChannelStalled, Subscription
from btcturk_kit.wire.stream import subscription_frame
from btcturk_kit.wire.stream_step import IDLE, Reconnect, Step
from btcturk_kit.wire.stream_watch import StreamPatience

__all__ = ["Join", "Pulse"]

# A subscription that does not answer is asked again after pauses that double up to this.
_PAUSE_MS_MAX: Final = 600_000
_DOUBLINGS_MAX: Final = 16


class Pulse:
    """How often anything was heard: what tells a dead pair from a dead connection.

    Attributes:
        beats: Messages that nobody asked for by name; answers to joins and logins are not among
            them, because a connection that has gone deaf still gives those.
    """

    __slots__ = ("beats",)

    def __init__(self) -> None:
        self.beats = 0


class Join:
    """One subscription and what is known of it on this connection.

    Args:
        subscription: What to listen to.
        patience: How long it may be silent.
        pulse: Of all subscriptions of the session.

    Attributes:
        is_proved: Whether it brought data, and still answers when asked: the exchange acknowledges
            nonsense too.

    Example:
        >>> from btcturk_kit.domain.identifiers import Symbol
        >>> pulse = Pulse()
        >>> join = Join(Subscription(Channel.TICKER, Symbol("BTCTRY")), StreamPatience(), pulse)
        >>> join.begun(at_ms=0)
        '[151,{"type":151,"channel":"ticker","event":"BTCTRY","join":true}]'
        >>> pulse.beats += 1  # something else is heard, so the connection lives
        >>> join.look(at_ms=10_000).verdict is None, join.is_proved
        (True, False)
    """

    __slots__ = (
        "_answer_ms",
        "_asked_beats",
        "_due_ms",
        "_failures",
        "_has_parts",
        "_heard_ms",
        "_is_calm",
        "_is_told",
        "_pulse",
        "_retry_ms",
        "_silence_ms",
        "is_proved",
        "join_text",
        "leave_text",
        "subscription",
    )

    def __init__(self, subscription: Subscription, patience: StreamPatience, pulse: Pulse) -> None:
        self.subscription = subscription
        self.join_text = subscription_frame(subscription, join=True)
        self.leave_text = subscription_frame(subscription, join=False)
        self.is_proved = False
        self._pulse = pulse
        self._answer_ms = patience.answer_ms
        self._silence_ms = patience.silence_ms(subscription)
        self._heard_ms = 0
        self._failures = 0
        self._is_told = False
        self._is_calm = False
        self._has_parts = False
        self._due_ms: int | None = None
        self._retry_ms: int | None = None
        self._asked_beats = 0

    def wanted(self, *, at_ms: int) -> str:
        """Return the text of the first join. Whoever subscribed waits for its data, not we."""
        self._heard_ms = at_ms
        return self.join_text

    def begun(self, *, at_ms: int) -> str:
        """Return the text that joins on a new connection; data is due from now on.

        A candle comes when somebody trades; every other channel begins with what there is.
        """
        self._heard_ms = at_ms
        self._due_ms = self._retry_ms = None
        if self.subscription.channel is not Channel.CANDLES:
            self._await_answer(at_ms=at_ms)
        return self.join_text

    def ask(self, *, at_ms: int) -> tuple[str, str]:
        """Return the texts that leave and join again; data is due, unless it was due before."""
        if self._due_ms is None:
            self._await_answer(at_ms=at_ms)
        return self.leave_text, self.join_text

    def hear(self, *, at_ms: int) -> None:
        """Note that it brought data."""
        self._heard_ms = at_ms
        self._pulse.beats += 1
        if not self._is_calm:
            self.is_proved = self._is_calm = True
            self._is_told = False
            self._failures = 0
            self._due_ms = self._retry_ms = None

    def hear_part(self) -> None:
        """Note that it brought what cannot be used without what was asked for."""
        self._has_parts = True

    def look(self, *, at_ms: int) -> Step:
        """Ask after silence, and say what was asked for and did not come.

        Silence after asking is the connection's fault if nothing else was heard on it since, or if
        it brings the rest and keeps back the beginning. Otherwise it is the pair's: that is told
        once, and the pair is asked again with growing pauses.
        """
        if self._due_ms is not None:
            return IDLE if at_ms < self._due_ms else self._unanswered(at_ms=at_ms)
        if self._retry_ms is not None:
            is_time = at_ms >= self._retry_ms
        else:
            silence_ms = self._silence_ms
            is_time = (
                self.is_proved and silence_ms is not None and at_ms - self._heard_ms >= silence_ms
            )
        return Step(self.ask(at_ms=at_ms)) if is_time else IDLE

    def _await_answer(self, *, at_ms: int) -> None:
        self._due_ms = at_ms + self._answer_ms
        self._retry_ms = None
        self._asked_beats = self._pulse.beats
        self._has_parts = self._is_calm = False

    def _unanswered(self, *, at_ms: int) -> Step:
        channel, symbol, _ = self.subscription
        events = (ChannelStalled(self.subscription, at_ms - self._heard_ms),)
        step = IDLE if self._is_told else Step(events=events)
        self._is_told = True
        self.is_proved = False
        self._due_ms = None
        self._retry_ms = at_ms + min(
            self._answer_ms << min(self._failures, _DOUBLINGS_MAX), _PAUSE_MS_MAX
        )
        self._failures += 1
        if self._has_parts or self._pulse.beats == self._asked_beats:
            verdict = Reconnect(f"{channel.value}:{symbol or 'all'} was silent")
            return step._replace(verdict=verdict)
        return step
