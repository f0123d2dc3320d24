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


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPatience:
    """How long a stream may be silent before the connection is made anew; None for ever.

    Attributes:
        answer_ms: From a join to its first data, and from a login to its answer.
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


class OrderWatch:
    """Holds the messages that our writes predict against those that came.

    An accepted submit predicts that the order rests (451) or fills (441); an accepted cancel
    predicts its deletion (452), unless fills that sum to the whole order came first. Messages and
    the answers of REST may come in either order: what was heard lately is remembered.

    Args:
        patience: How long to wait.

    Example:
        >>> watch = OrderWatch(StreamPatience(submit_ms=10_000))
        >>> watch.expect_submit(OrderId(7), at_ms=0)
        >>> watch.overdue(at_ms=9_999)
        >>> watch.overdue(at_ms=10_000)
        FeedDeaf(expected=451, order_id=7)
    """

    __slots__ = ("_cancels", "_heard", "_patience", "_submits")

    def __init__(self, patience: StreamPatience) -> None:
        self._patience = patience
        self._heard: dict[OrderId, _Heard] = {}
        # Order number to the instant when its message is overdue; the oldest first.
        self._submits: dict[OrderId, int] = {}
        self._cancels: dict[OrderId, int] = {}

    def expect_submit(self, order_id: OrderId, *, at_ms: int) -> None:
        """Expect to hear that an order rests or filled."""
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
            quantity: Its whole base quantity, where known. Otherwise the message that it rests
                tells it; without either, any fill counts as an answer.
        """
        heard = self._heard.get(order_id)
        if heard is None:
            heard = self._remember_order(order_id)
        if heard.quantity is None:
            heard.quantity = quantity
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
            heard.quantity = event.order.quantity
            heard.is_settled = True
        else:
            heard.is_deleted = True
            # A limit order rests before it is deleted, so its 451 is still missing. Any other kind
            # can be deleted without ever having rested.
            heard.is_settled |= event.order.order_type is not OrderType.LIMIT
        if heard.is_settled:
            self._submits.pop(order_id, None)
        self._settle_cancel(order_id, heard)

    def overdue(self, *, at_ms: int) -> FeedDeaf | None:
        """Return the prediction that is overdue, if there is one."""
        for expected, waiting in ((_INSERTED, self._submits), (_DELETED, self._cancels)):
            for order_id, due_ms in waiting.items():
                if due_ms <= at_ms:
                    return FeedDeaf(expected, order_id)
                break  # the others were asked for later
        return None

    def forget(self) -> None:
        """Expect nothing any more: the connection is gone, and REST will tell."""
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
