"""Watching a stream: how long its channels may be silent, and which private messages must come.

A socket of this exchange can stay open and say nothing for hours, and the messages about our orders
can stop while all others go on. Silence is therefore measured per channel, and what our own writes
predict is waited for. Never add: a clock (time is handed in), what to do about a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from btcturk_kit.domain.identifiers import OrderId
from btcturk_kit.domain.money import add
from btcturk_kit.domain.orders import OrderType
from btcturk_kit.domain.stream_events import (
    Channel,
    FeedDeaf,
    OrderDeleted,
    OrderInserted,
    OrderMatched,
    Subscription,
)

__all__ = ["OrderWatch", "StreamPatience"]

_INSERTED: Final = 451
_DELETED: Final = 452
_ZERO: Final = Decimal(0)

# Orders of which something was heard or is expected. Older ones are forgotten first: an order that
# lies a thousand orders back can no longer be the cause of a prediction.
_ORDERS_MAX: Final = 1_024

# After so many unfulfilled predictions in a row it is not a connection that is deaf: the exchange
# does not send such messages to this account, and connecting again does not help.
_DEAF_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPatience:
    """How long a stream may be silent before it is asked whether it lives; None for ever.

    Attributes:
        answer_ms: From a join to its first data, and from a login to its answer.
        reader_ms: How long a reader may be so far behind that the socket is not read. Then it is
            closed: the exchange gives up connections that do not answer its pings.
        tickers_ms: The ticker of all pairs comes about every 0.76 s (observed in 2026), so half a
            minute is some forty of them.
        ticker_ms: The ticker of one pair, repeated even when nothing changed.
        book_ms: Whole books, sent about every 0.76 s when something changed; a thin pair can
            lie still for minutes.
        book_changes_ms: Changes of a book, sent likewise.
        trades_ms: Trades are silent as long as nobody trades: set it for a pair that never rests.
        candles_ms: Candles likewise.
        submit_ms: From an accepted submit to the message that the order rests or filled.
        cancel_ms: From an accepted cancel to its message. Cancels are queued at the exchange, so
            this is longer.

    Example:
        >>> patience = StreamPatience(trades_ms=600_000)
        >>> patience.silence_ms(Subscription(Channel.TICKER))
        30000
    """

    answer_ms: int = 10_000
    reader_ms: int = 30_000
    tickers_ms: int | None = 30_000
    ticker_ms: int | None = 60_000
    book_ms: int | None = 300_000
    book_changes_ms: int | None = 300_000
    trades_ms: int | None = None
    candles_ms: int | None = None
    submit_ms: int = 10_000
    cancel_ms: int = 30_000

    def silence_ms(self, subscription: Subscription) -> int | None:
        """Return how long this subscription may be silent once it has brought data."""
        match subscription.channel:
            case Channel.TICKER:
                return self.tickers_ms if subscription.symbol is None else self.ticker_ms
            case Channel.BOOK:
                return self.book_ms
            case Channel.BOOK_CHANGES:
                return self.book_changes_ms
            case Channel.TRADES:
                return self.trades_ms
        return self.candles_ms


class _Heard:
    """What the stream has said about one order."""

    __slots__ = ("filled", "is_deleted", "is_settled", "quantity")

    def __init__(self) -> None:
        self.filled = _ZERO
        self.is_deleted = False
        self.is_settled = False
        self.quantity: Decimal | None = None

    def must_fill(self, quantity: Decimal | None) -> None:
        """Note that fills of so much are the end of it; the smallest such figure counts."""
        if quantity is not None and (self.quantity is None or quantity < self.quantity):
            self.quantity = quantity


class OrderWatch:
    """Holds the messages that our writes predict against those that came.

    An accepted submit predicts that the order rests (451) or fills (441); an accepted cancel
    predicts its deletion (452), unless fills that sum to the whole order came first. Messages and
    the answers of REST may come in either order: what was heard lately is remembered.

    After three in a row that were not fulfilled nothing of that type is predicted until one comes.

    Args:
        patience: How long to wait.

    Attributes:
        deaf: Predictions that were not fulfilled.
        run: The number of the present run of messages without a hole.

    Example:
        >>> watch = OrderWatch(StreamPatience(submit_ms=10_000))
        >>> watch.expect_submit(OrderId(7), at_ms=0)
        >>> watch.overdue(at_ms=9_999)
        >>> watch.overdue(at_ms=10_000)
        FeedDeaf(expected=451, order_id=7, is_given_up=False)
    """

    __slots__ = ("_cancels", "_heard", "_in_a_row", "_patience", "_submits", "deaf", "run")

    def __init__(self, patience: StreamPatience) -> None:
        self._patience = patience
        self._heard: dict[OrderId, _Heard] = {}
        # Order number to the instant when its message is overdue; the oldest first.
        self._submits: dict[OrderId, int] = {}
        self._cancels: dict[OrderId, int] = {}
        self._in_a_row = {_INSERTED: 0, _DELETED: 0}
        self.deaf = 0
        self.run = 0

    @property
    def given_up(self) -> tuple[int, ...]:
        """The message types that are not predicted any more, until one comes."""
        return tuple(kind for kind, count in self._in_a_row.items() if count >= _DEAF_MAX)

    def expect_submit(self, order_id: OrderId, *, at_ms: int) -> None:
        """Expect to hear that an order rests or filled."""
        if _INSERTED in self.given_up:
            return
        heard = self._heard.get(order_id)
        if heard is None or not heard.is_settled:
            _remember(self._submits, order_id, at_ms + self._patience.submit_ms)

    def expect_cancel(
        self, order_id: OrderId, *, at_ms: int, quantity: Decimal | None = None
    ) -> None:
        """Expect to hear that an order was deleted, or that it filled before.

        Args:
            order_id: The order.
            at_ms: Now.
            quantity: What was left of it when the cancel was asked for, in base, where known. The
                message that it rests tells its whole; without either, any fill is an answer.
        """
        if _DELETED in self.given_up:
            return
        heard = self._heard.get(order_id)
        if heard is None:
            heard = self._remember_order(order_id)
        heard.must_fill(quantity)
        _remember(self._cancels, order_id, at_ms + self._patience.cancel_ms)
        self._settle_cancel(order_id, heard)

    def hear(self, event: OrderInserted | OrderMatched | OrderDeleted) -> None:
        """Take note of a message about one of our orders."""
        order_id = event.order_id if isinstance(event, OrderMatched) else event.order.order_id
        heard = self._heard.get(order_id) or self._remember_order(order_id)
        if isinstance(event, OrderMatched):
            heard.filled = add(heard.filled, event.quantity)
            heard.is_settled = True
        elif isinstance(event, OrderInserted):
            heard.must_fill(event.order.quantity)
            heard.is_settled = True
        else:
            heard.is_deleted = True
            self._in_a_row[_DELETED] = 0
            # A limit order rests before it is deleted, so its 451 is still missing. Any other kind
            # can be deleted without ever having rested.
            heard.is_settled |= event.order.order_type is not OrderType.LIMIT
        is_word_of_it = heard.is_settled and self._submits.pop(order_id, None) is not None
        if is_word_of_it or not isinstance(event, OrderDeleted):
            self._in_a_row[_INSERTED] = 0
        self._settle_cancel(order_id, heard)

    def overdue(self, *, at_ms: int) -> FeedDeaf | None:
        """Return a prediction that is overdue, if there is one; it is not waited for any more."""
        for expected, waiting in ((_INSERTED, self._submits), (_DELETED, self._cancels)):
            order_id = next(iter(waiting), None)  # the others were asked for later
            if order_id is not None and waiting[order_id] <= at_ms:
                del waiting[order_id]
                self.deaf += 1
                self._in_a_row[expected] += 1
                return FeedDeaf(expected, order_id, is_given_up=expected in self.given_up)
        return None

    def forget(self) -> None:
        """Expect nothing any more: messages may be missing, and REST will tell."""
        self.run += 1
        self._heard.clear()
        self._submits.clear()
        self._cancels.clear()

    def _remember_order(self, order_id: OrderId) -> _Heard:
        heard = self._heard[order_id] = _Heard()
        if len(self._heard) > _ORDERS_MAX:
            del self._heard[next(iter(self._heard))]
        return heard

    def _settle_cancel(self, order_id: OrderId, heard: _Heard) -> None:
        whole = heard.quantity
        is_filled = heard.filled > _ZERO and (whole is None or heard.filled >= whole)
        if heard.is_deleted or is_filled:
            self._cancels.pop(order_id, None)


def _remember(waiting: dict[OrderId, int], order_id: OrderId, due_ms: int) -> None:
    waiting.setdefault(order_id, due_ms)
    if len(waiting) > _ORDERS_MAX:
        del waiting[next(iter(waiting))]
