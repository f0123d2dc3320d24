"""One session through its connections: what is sent, what is told, and what may be read."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.identifiers import OrderId
from btcturk_kit.domain.market import OrderBook
from btcturk_kit.domain.stream_events import (
    BalanceChanged,
    BookChanged,
    BookListed,
    BookUpdated,
    CandleUpdated,
    Channel,
    ChannelStalled,
    EventsDropped,
    FeedDeaf,
    LoginAnswered,
    OrderInserted,
    OrderUpdated,
    ResyncNeeded,
    StaleBook,
    StreamEvent,
    Subscription,
    TickersUpdated,
    TickerUpdated,
    TradePrinted,
    TradesListed,
    UnknownFrame,
    VersionTold,
)
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.wire.stream_session import StreamSession
from btcturk_kit.wire.stream_step import IDLE, Reconnect, Refused, Step, StreamCounts
from btcturk_kit.wire.stream_watch import StreamPatience

from .stream_texts import (
    BOOK,
    BTCTRY,
    CANDLES,
    CHANGES,
    ETH_CHANGES,
    ETHTRY,
    HELLO,
    KEYS,
    LOGGED_IN,
    REFUSED,
    TICKER,
    TICKERS,
    TRADES,
    balance,
    candle,
    change,
    joining,
    matched,
    resting,
    text,
    ticker,
    tickers,
    trade,
    trades,
    whole,
)

SIGNED = '[114,{"type":114,"publicKey":"ann","timestamp":%d,"nonce":3000,"signature":"%s"}]'
HELLO_SAID = VersionTold("6.0.0", "2.3.0")
LOGIN_OK = LoginAnswered(ok=True, user_id=7, reason="")


def login_text(now_ms: int) -> str:
    """Return the login of the test's key, written out as the documentation has it."""
    return SIGNED % (now_ms, KEYS.sign("3000"))


def opened(*subscriptions: Subscription, raw_books: bool = False) -> StreamSession:
    """Return a session with an open connection that joined these."""
    session = StreamSession(raw_books=raw_books)
    session.connected(now_ms=0)
    session.subscribe(subscriptions)
    return session


def logged_in(*subscriptions: Subscription) -> StreamSession:
    """Return the same, logged in."""
    session = opened(*subscriptions)
    session.login(KEYS, now_ms=0)
    session.received(LOGGED_IN, now_ms=0)
    assert session.is_logged_in
    return session


def wait(session: StreamSession, elapsed_ms: int) -> list[Step]:
    """Let time pass in steps of a second, as a caller does that is never held up."""
    return [session.passed(1_000) for _ in range(elapsed_ms // 1_000)]


# ---- connections


def test_a_first_connection_asks_for_nothing() -> None:
    """Nothing is sent and nothing told before the user wants something."""
    assert StreamSession().connected(now_ms=0) == IDLE


def test_a_subscription_is_proved_by_data_and_not_by_its_answer() -> None:
    """The answer to a join proves nothing, because nonsense gets it too."""
    session = opened()
    assert session.subscribe([CHANGES, CHANGES]).texts == (joining(CHANGES),)
    answer = text(100, {"ok": True, "message": "join|obdiff:BTCTRY"})
    assert len(session.received(answer, now_ms=1).events) == 1
    assert not session.is_proved(CHANGES)
    session.received(whole(1), now_ms=2)
    assert session.is_proved(CHANGES)
    assert not session.is_proved(TRADES)
    assert session.subscribe([CHANGES]).texts == ()


def test_a_subscription_that_cannot_be_written_joins_nothing() -> None:
    """One bad subscription among good ones leaves everything as it was."""
    session = opened()
    with pytest.raises(ConfigurationError):
        session.subscribe([CHANGES, Subscription(Channel.TRADES)])
    assert session.subscriptions == ()


def test_a_new_connection_joins_everything_and_says_so_first() -> None:
    """After a loss `ResyncNeeded` comes before anything else, and every join is sent again."""
    session = opened(CHANGES, TRADES)
    session.received(whole(1), now_ms=1)
    assert session.lost("cut", now_ms=5).events == (BookUpdated(BTCTRY),)
    assert session.subscribe([TICKERS]) == IDLE
    assert session.connected(now_ms=6) == Step(
        (joining(CHANGES), joining(TRADES), joining(TICKERS)), (ResyncNeeded("cut", 2),)
    )
    assert session.received(HELLO, now_ms=7).events == (HELLO_SAID,)


def test_a_login_comes_first_and_everything_waits_for_it() -> None:
    """The joins of a new connection follow the login's answer, and events wait behind it."""
    session = logged_in(CHANGES)
    session.lost("cut", now_ms=5)
    assert not session.is_logged_in
    assert session.connected(now_ms=6) == Step((login_text(6),))
    assert session.received(HELLO, now_ms=7) == IDLE
    # The server may be quicker with a private message than with its answer.
    assert session.received(balance(), now_ms=7) == IDLE
    assert session.subscribe([TRADES]) == IDLE
    assert session.unsubscribe([TRADES]) == IDLE
    step = session.received(LOGGED_IN, now_ms=8)
    assert step.texts == (joining(CHANGES),)
    assert step.events == (
        ResyncNeeded("cut", 2),
        HELLO_SAID,
        BalanceChanged(7, 1, 2, 1),
        LOGIN_OK,
    )
    assert session.is_logged_in


def test_a_connection_lost_before_its_login_keeps_what_it_said() -> None:
    """Each loss has its own `ResyncNeeded`, and nothing said in between is swallowed."""
    session = logged_in()
    session.lost("one", now_ms=5)
    session.connected(now_ms=6)
    session.received(balance(), now_ms=7)
    assert session.lost("two", now_ms=8).events == (
        ResyncNeeded("one", 2),
        BalanceChanged(7, 1, 2, 1),
    )
    session.connected(now_ms=9)
    assert session.received(LOGGED_IN, now_ms=9).events == (ResyncNeeded("two", 3), LOGIN_OK)


def refused_again(session: StreamSession) -> Step:
    """Lose the connection and let the next login be refused."""
    session.lost("cut", now_ms=5)
    assert session.connected(now_ms=6).texts == (login_text(6),)
    return session.received(REFUSED, now_ms=7)


def test_a_login_that_is_refused_three_times_after_a_loss_ends_the_stream() -> None:
    """A key that was good is tried again, because maintenance refuses it too; then it is bad."""
    session = logged_in()
    reason = "Unauthorized - Invalid Request"
    for number in (2, 3):
        step = refused_again(session)
        assert step.verdict == Reconnect(f"the login was refused: {reason}", is_failure=True)
        assert step.events[0] == ResyncNeeded("cut", number)
        assert session.login_refusal is None
    assert refused_again(session).verdict == Refused(reason)
    assert session.login_refusal == reason


def test_a_login_that_succeeds_again_starts_the_count_of_refusals_anew() -> None:
    """Only refusals in a row end a stream."""
    session = logged_in()
    for _ in range(3):
        for _ in range(2):
            assert isinstance(refused_again(session).verdict, Reconnect)
        session.lost("cut", now_ms=8)
        session.connected(now_ms=9)
        assert session.received(LOGGED_IN, now_ms=10).verdict is None


def test_an_unanswered_login_after_a_loss_gives_the_connection_up() -> None:
    """Without an answer in time the connection is made anew; before, nothing is decided."""
    session = logged_in()
    session.lost("cut", now_ms=5)
    session.connected(now_ms=6)
    steps = wait(session, 10_000)
    assert steps[:-1] == [IDLE] * 9
    assert steps[-1].verdict == Reconnect("the login was not answered")


def test_a_first_login_that_is_refused_changes_nothing_else() -> None:
    """The refusal is kept for whoever asked; the connection and its channels go on."""
    session = opened(CHANGES)
    assert session.login(KEYS, now_ms=3).texts == (login_text(3),)
    assert session.login(KEYS, now_ms=4) == IDLE
    assert session.received('[114,{"type":114,"ok":false}]', now_ms=5) == Step(
        events=(LoginAnswered(ok=False, user_id=None, reason="no reason given"),)
    )
    assert session.login_refusal == "no reason given"
    assert not session.is_logged_in
    session.lost("cut", now_ms=6)
    assert session.connected(now_ms=7).texts == (joining(CHANGES),)
    assert session.login(KEYS, now_ms=8).texts == (login_text(8),)
    assert session.login_refusal is None


def test_a_first_login_on_a_new_connection_may_be_refused() -> None:
    """Asked for while there was no connection, refused then: the joins follow all the same."""
    session = opened(CHANGES)
    session.lost("cut", now_ms=1)
    assert session.login(KEYS, now_ms=2) == IDLE
    assert session.connected(now_ms=3).texts == (login_text(3),)
    step = session.received(REFUSED, now_ms=4)
    assert step.verdict is None
    assert step.texts == (joining(CHANGES),)
    assert step.events[0] == ResyncNeeded("cut", 2)


def test_a_login_nobody_waits_for_is_forgotten() -> None:
    """Given up, it is not repeated; what waited for it goes on."""
    session = opened(CHANGES)
    session.lost("cut", now_ms=1)
    session.login(KEYS, now_ms=2)
    session.connected(now_ms=3)
    step = session.forget_login()
    assert step == Step((joining(CHANGES),), (ResyncNeeded("cut", 2),))
    session.login(KEYS, now_ms=4)
    assert session.forget_login() == IDLE
    session.lost("again", now_ms=5)
    assert session.forget_login() == IDLE
    assert session.connected(now_ms=6).texts == (joining(CHANGES),)


def test_an_unasked_answer_to_a_login_is_only_told() -> None:
    """A login's answer that nobody waits for changes nothing."""
    session = opened()
    assert session.received(LOGGED_IN, now_ms=1).events == (LOGIN_OK,)
    assert not session.is_logged_in


def test_a_later_login_is_not_forgotten() -> None:
    """Whoever waits in vain does not log the stream out: silence ends the connection."""
    session = logged_in()
    session.lost("cut", now_ms=1)
    session.connected(now_ms=2)
    session.login(KEYS, now_ms=2)
    assert session.forget_login() == IDLE
    assert wait(session, 10_000)[-1].verdict == Reconnect("the login was not answered")
    session.lost("silent", now_ms=3)
    assert session.connected(now_ms=4).texts == (login_text(4),)


def test_a_server_that_logs_us_out_loses_its_connection() -> None:
    """The next connection asks again, and its answer decides."""
    session = logged_in()
    assert session.received(LOGGED_IN, now_ms=1) == Step(events=(LOGIN_OK,))
    step = session.received(REFUSED, now_ms=2)
    assert step.verdict == Reconnect("logged out: Unauthorized - Invalid Request")
    session.lost("logged out", now_ms=3)
    assert session.connected(now_ms=4).texts == (login_text(4),)


# ---- kept books


def test_a_kept_book_is_right_or_stale() -> None:
    """Stale until the whole book, right with each change, stale again when the connection ends."""
    session = opened(CHANGES)
    first = session.book(BTCTRY, now_ms=0)
    assert isinstance(first, StaleBook)
    assert session.received(change(1), now_ms=1) == IDLE
    assert session.received(whole(4), now_ms=2).events == (BookUpdated(BTCTRY),)
    assert session.received(change(5, bids=[(0, "10", "3")]), now_ms=3).events == (
        BookUpdated(BTCTRY),
    )
    book = session.book(BTCTRY, now_ms=3, levels=1)
    assert isinstance(book, OrderBook)
    assert book.bids == ((Decimal(10), Decimal(3)),)
    assert book.received_time_ms == 3
    session.lost("cut", now_ms=4)
    assert session.book(BTCTRY, now_ms=9) == StaleBook(BTCTRY, "cut", 4)
    session.connected(now_ms=10)
    assert session.book(BTCTRY, now_ms=11) == StaleBook(BTCTRY, "cut", 4)
    session.received(whole(1), now_ms=12)
    assert isinstance(session.book(BTCTRY, now_ms=12), OrderBook)


def test_a_hole_in_the_numbers_asks_for_the_book_anew() -> None:
    """After a hole the channel is left and joined; the rest of the old chain means nothing."""
    session = opened(CHANGES)
    session.received(whole(1), now_ms=1)
    step = session.received(change(3), now_ms=2)
    assert step == Step((joining(CHANGES, join=False), joining(CHANGES)), (BookUpdated(BTCTRY),))
    assert isinstance(session.book(BTCTRY, now_ms=2), StaleBook)
    assert session.received(change(4), now_ms=3) == IDLE
    session.received(whole(9), now_ms=4)
    assert isinstance(session.book(BTCTRY, now_ms=4), OrderBook)
    assert session.counts.book_resyncs == 1


def test_changes_without_a_whole_book_ask_for_one() -> None:
    """If only changes come, the whole book was lost: it is asked for once more after a while."""
    session = opened(CHANGES)
    session.received(change(2), now_ms=1)
    assert session.passed(1_000) == IDLE
    session.received(change(3), now_ms=2)
    assert session.passed(1_000).texts == (joining(CHANGES, join=False), joining(CHANGES))


def test_a_second_whole_book_replaces_the_first() -> None:
    """A whole book in the middle of a chain is taken over, and the chain goes on from it."""
    session = opened(CHANGES)
    session.received(whole(1), now_ms=1)
    assert session.received(whole(7, bids=[("9", "1")]), now_ms=2).texts == ()
    assert session.received(change(8), now_ms=3).events == (BookUpdated(BTCTRY),)
    book = session.book(BTCTRY, now_ms=3)
    assert isinstance(book, OrderBook)
    assert book.bids[0].price == 9


def test_a_whole_book_behind_its_own_changes_is_no_book() -> None:
    """What was built on it has come already and was ignored, or would be undone: it is too old."""
    session = opened(CHANGES)
    session.received(change(6), now_ms=1)
    assert session.received(whole(5), now_ms=2).texts != ()
    assert isinstance(session.book(BTCTRY, now_ms=2), StaleBook)
    session.received(whole(7_000_000), now_ms=3)
    session.received(whole(2), now_ms=4)
    assert isinstance(session.book(BTCTRY, now_ms=4), OrderBook)
    session.received(change(3), now_ms=5)
    session.received(whole(2), now_ms=6)
    assert isinstance(session.book(BTCTRY, now_ms=6), StaleBook)


def test_a_book_that_crosses_is_not_asked_for_more_often_than_every_two_seconds() -> None:
    """A feed that is wrong all the time is asked at once the first time, then at a slow pace."""
    session = opened(CHANGES)
    session.received(whole(1), now_ms=1)
    crossed = change(2, bids=[(1, "12", "1")])
    assert session.received(crossed, now_ms=2).texts != ()
    crossed_whole = whole(1, bids=[("12", "1")])
    assert session.received(crossed_whole, now_ms=3) == Step(events=(BookUpdated(BTCTRY),))
    assert isinstance(session.book(BTCTRY, now_ms=3), StaleBook)
    assert session.passed(1_000) == IDLE
    assert session.passed(1_000).texts == (joining(CHANGES, join=False), joining(CHANGES))
    assert session.passed(1_000) == IDLE


def test_a_whole_book_makes_a_resync_that_was_put_off_needless() -> None:
    """If the exchange sends a good book by itself, nothing more is asked for."""
    session = opened(CHANGES)
    session.received(whole(1), now_ms=1)
    session.received(change(3), now_ms=2)
    session.received(whole(5, bids=[("12", "1")]), now_ms=3)
    session.received(whole(6), now_ms=4)
    assert all(step == IDLE for step in wait(session, 5_000))
    assert isinstance(session.book(BTCTRY, now_ms=5), OrderBook)


def test_reading_that_was_interrupted_renews_every_book() -> None:
    """What lies in the socket is old: no book may be read before it comes whole again."""
    session = opened(CHANGES, ETH_CHANGES)
    session.received(whole(1), now_ms=1)
    step = session.paused(now_ms=2)
    assert step == Step(events=(BookUpdated(BTCTRY), BookUpdated(ETHTRY)))
    assert isinstance(session.book(BTCTRY, now_ms=2), StaleBook)
    assert session.resumed(now_ms=2).texts == (
        joining(CHANGES, join=False),
        joining(CHANGES),
        joining(ETH_CHANGES, join=False),
        joining(ETH_CHANGES),
    )
    session.lost("cut", now_ms=3)
    assert session.resumed(now_ms=4).texts == ()


def test_a_pair_without_a_kept_book_has_none() -> None:
    """The book of a pair that was never asked for, or was left, is stale and says why."""
    session = opened(CHANGES)
    session.received(whole(1), now_ms=1)
    session.received(change(3), now_ms=1)
    assert session.book(ETHTRY, now_ms=2) == StaleBook(
        ETHTRY, "its changes are not subscribed to", 2
    )
    assert session.unsubscribe([CHANGES, TRADES]).texts == (joining(CHANGES, join=False),)
    assert isinstance(session.book(BTCTRY, now_ms=3), StaleBook)
    assert session.received(change(4), now_ms=4) == IDLE
    assert session.counts == StreamCounts(
        connections=1, frames=3, unreadable=0, strays=1, book_resyncs=1
    )


def test_the_messages_behind_a_book_are_told_on_request() -> None:
    """With `raw_books` each message is an event too, also while the book is stale."""
    session = opened(CHANGES, raw_books=True)
    (raw,) = session.received(change(1), now_ms=1).events
    assert isinstance(raw, BookChanged)
    raw, updated = session.received(whole(1), now_ms=1).events
    assert isinstance(raw, BookListed)
    assert updated == BookUpdated(BTCTRY)


def test_a_message_that_cannot_be_told_harms_only_its_own_book() -> None:
    """A damaged level is that pair's affair; the reader learns that a message is missing."""
    session = opened(CHANGES, ETH_CHANGES, raw_books=True)
    session.received(whole(1), now_ms=1)
    session.received(whole(1, symbol=ETHTRY), now_ms=1)
    step = session.received(change(2, bids=[(7, "9", "1")]), now_ms=2)
    assert step.texts == (joining(CHANGES, join=False), joining(CHANGES))
    assert step.events == (EventsDropped(1, (BTCTRY,)), BookUpdated(BTCTRY))
    assert isinstance(session.book(ETHTRY, now_ms=2), OrderBook)
    assert session.counts.unreadable == 1


# ---- frames


@pytest.mark.parametrize(
    ("subscription", "message", "expected"),
    [
        (TICKERS, tickers(), TickersUpdated),
        (TICKER, ticker(), TickerUpdated),
        (TRADES, trades(), TradesListed),
        (TRADES, trade(), TradePrinted),
        (CANDLES, candle(), CandleUpdated),
        (BOOK, whole(1, channel="orderbook"), BookListed),
    ],
)
def test_messages_of_the_market_reach_the_reader_while_they_are_wanted(
    subscription: Subscription, message: str, expected: type
) -> None:
    """Each proves its subscription; after leaving, what still comes is counted and dropped."""
    session = opened(subscription)
    (event,) = session.received(message, now_ms=1).events
    assert isinstance(event, expected)
    assert session.is_proved(subscription)
    session.unsubscribe([subscription])
    assert session.received(message, now_ms=2) == IDLE
    assert session.counts.strays == 1


def test_unknown_messages_are_passed_on_and_counted() -> None:
    """A type without a word comes as it is, and is no error."""
    session = opened()
    (event,) = session.received('[777,{"a":1}]', now_ms=1).events
    assert event == UnknownFrame(777, '[777,{"a":1}]')
    assert sum(session.tally.counts.values()) == 1


def test_private_messages_need_no_subscription() -> None:
    """They reach the reader as they come."""
    session = logged_in()
    (inserted,) = session.received(resting(451, 1), now_ms=1).events
    assert isinstance(inserted, OrderInserted)
    (updated,) = session.received(resting(453, 1), now_ms=1).events
    assert isinstance(updated, OrderUpdated)


@pytest.mark.parametrize("message", ["", "nonsense", '[432,{"CS":2', "[431,[]]", '{"type":432}'])
def test_an_unreadable_message_may_have_been_of_any_book(message: str) -> None:
    """Every kept book is stale and asked for anew: one of them misses a change now."""
    session = opened(CHANGES, ETH_CHANGES)
    session.received(whole(1), now_ms=1)
    session.received(whole(1, symbol=ETHTRY), now_ms=1)
    step = session.received(message, now_ms=2)
    assert len(step.texts) == 4
    assert step.events == (BookUpdated(BTCTRY), BookUpdated(ETHTRY))
    for symbol in (BTCTRY, ETHTRY):
        stale = session.book(symbol, now_ms=3)
        assert isinstance(stale, StaleBook)
        assert "could not be read" in stale.reason
    assert session.counts.unreadable == 1


@pytest.mark.parametrize(("message", "is_private"), [("[441,{}]", True), ("[422,{}]", False)])
def test_an_unreadable_message_of_ours_needs_a_resync(message: str, *, is_private: bool) -> None:
    """A lost private message is told; a lost trade of others is only counted."""
    session = logged_in(CHANGES)
    session.received(whole(1), now_ms=1)
    step = session.received(message, now_ms=2)
    assert [type(event) for event in step.events] == [ResyncNeeded] * is_private
    assert isinstance(session.book(BTCTRY, now_ms=3), OrderBook)


@pytest.mark.parametrize(
    ("subscription", "message", "is_told"),
    [
        (TRADES, "[422,{}]", True),
        (CANDLES, "[428,{}]", True),
        (TRADES, "\x00", True),
        (TRADES, "[402,{}]", False),
        (TICKERS, "[422,{}]", False),
    ],
)
def test_an_unreadable_message_leaves_a_hole_in_histories(
    subscription: Subscription, message: str, *, is_told: bool
) -> None:
    """It may have been a trade or a candle of any pair, if such are subscribed to."""
    session = opened(subscription)
    events = session.received(message, now_ms=1).events
    assert events == (EventsDropped(1, None),) * is_told


def test_a_candle_of_an_unknown_resolution_leaves_a_hole_too() -> None:
    """It is passed on as it came; nobody knows whose it was."""
    session = opened(CANDLES)
    frame = candle().replace('"R": "60"', '"R": "61"')
    assert session.received(frame, now_ms=1).events == (
        UnknownFrame(428, frame),
        EventsDropped(1, None),
    )


def test_garbage_while_logged_in_says_both() -> None:
    """A text of no type may have been private and may have been of a book."""
    session = logged_in(CHANGES)
    step = session.received("\x00", now_ms=2)
    assert [type(event) for event in step.events] == [ResyncNeeded, BookUpdated]


def test_garbage_before_the_login_of_a_connection_waits_behind_the_resync() -> None:
    """Nothing comes before `ResyncNeeded`, and joins are not sent twice."""
    session = logged_in(CHANGES)
    session.lost("cut", now_ms=1)
    session.connected(now_ms=2)
    assert session.received("\x00", now_ms=3) == IDLE
    step = session.received(LOGGED_IN, now_ms=4)
    assert step.events == (ResyncNeeded("cut", 2), BookUpdated(BTCTRY), LOGIN_OK)
    assert step.texts == (joining(CHANGES),)


# ---- silence


def asking(subscription: Subscription) -> tuple[str, str]:
    """Return the texts that ask a subscription whether it lives."""
    return joining(subscription, join=False), joining(subscription)


def test_a_channel_that_falls_silent_is_asked_and_then_given_up() -> None:
    """The ticker of all pairs is never silent for half a minute; nothing answers: all is dead."""
    session = opened(TICKERS, TRADES, CANDLES)
    session.received(tickers(), now_ms=1)
    session.received(trade(), now_ms=1)
    session.received(candle(), now_ms=1)
    steps = wait(session, 40_000)
    assert steps[:29] == [IDLE] * 29
    assert steps[29] == Step(asking(TICKERS))
    assert steps[30:-1] == [IDLE] * 9
    assert steps[-1] == Step(
        events=(ChannelStalled(TICKERS, 40_000),), verdict=Reconnect("ticker:all was silent")
    )


@pytest.mark.parametrize(
    ("subscription", "answer"), [(CHANGES, whole(9)), (TRADES, trades()), (TICKER, ticker())]
)
def test_a_thin_pair_answers_when_asked(subscription: Subscription, answer: str) -> None:
    """Rest is no fault: the pair is asked, answers, and the connection stays."""
    patience = StreamPatience(book_changes_ms=60_000, trades_ms=60_000)
    session = StreamSession(patience=patience)
    session.connected(now_ms=0)
    session.subscribe([subscription])
    session.received(answer, now_ms=1)
    for _ in range(20):
        steps = wait(session, 60_000)
        assert steps == [*[IDLE] * 59, Step(asking(subscription))]
        # The answer to a leave and a join is no data.
        acknowledged = text(100, {"ok": True, "message": "leave|obdiff:BTCTRY"})
        session.received(acknowledged, now_ms=1)
        step = session.received(answer, now_ms=2)
        assert step.verdict is None
        assert len(step.events) == 1


def test_a_dead_pair_does_not_condemn_a_living_connection() -> None:
    """A pair that was taken off the list is told once and asked again with growing pauses."""
    session = opened(CHANGES, TICKERS)
    session.received(whole(1), now_ms=1)
    session.received(tickers(), now_ms=1)
    session.lost("cut", now_ms=2)
    session.connected(now_ms=3)
    told: list[StreamEvent] = []
    asked_s: list[int] = []
    for second in range(1, 3_600):
        step = session.passed(1_000)
        assert step.verdict is None
        told += step.events
        if step.texts:
            assert step.texts == asking(CHANGES)
            asked_s.append(second)
        session.received(tickers(), now_ms=4)
    assert told == [ChannelStalled(CHANGES, 10_000)]
    assert asked_s == [20, 50, 100, 190, 360, 690, 1_300, 1_910, 2_520, 3_130]
    assert not session.is_proved(CHANGES)
    # On a new connection it is asked like all others, and not told again.
    session.lost("cut", now_ms=5)
    session.connected(now_ms=6)
    session.received(tickers(), now_ms=6)
    assert all(step == IDLE for step in wait(session, 29_000))
    # It comes back, and is one like all others.
    session.received(whole(4), now_ms=7)
    assert session.is_proved(CHANGES)
    session.received(tickers(), now_ms=7)
    assert all(step == IDLE for step in wait(session, 29_000))


def test_a_pair_that_dies_has_no_book() -> None:
    """Asked in vain, its book is stale since the last message, though the connection stays."""
    session = opened(CHANGES, TICKERS, TRADES)
    session.received(whole(1), now_ms=1)
    session.received(trade(), now_ms=1)
    for _ in range(309):
        session.passed(1_000)
        session.received(tickers(), now_ms=2)
        assert isinstance(session.book(BTCTRY, now_ms=2), OrderBook)
    step = session.passed(1_000)
    assert step == Step(events=(ChannelStalled(CHANGES, 310_000), BookUpdated(BTCTRY)))
    assert session.book(BTCTRY, now_ms=3) == StaleBook(BTCTRY, "its channel fell silent", 1)


def test_private_messages_are_a_sign_of_life() -> None:
    """A connection that brings messages of ours is not dead because a pair is."""
    session = logged_in(TICKERS, TRADES)
    session.received(tickers(), now_ms=1)
    wait(session, 35_000)
    session.received(balance(), now_ms=2)
    steps = wait(session, 5_000)
    assert steps[-1] == Step(events=(ChannelStalled(TICKERS, 40_000),))


def test_a_book_whose_whole_never_comes_gives_the_connection_up() -> None:
    """Leave and join are ignored and changes go on: asking again does not put the end off."""
    session = opened(CHANGES, TICKERS)
    session.received(whole(1), now_ms=1)
    session.received(change(3), now_ms=2)
    verdicts = []
    for number in range(4, 14):
        step = session.passed(1_000)
        verdicts.append(step.verdict)
        session.received(change(number), now_ms=3)
        session.received(tickers(), now_ms=3)
    assert verdicts == [*[None] * 9, Reconnect("obdiff:BTCTRY was silent")]


def test_the_whole_book_of_a_new_chain_is_not_late() -> None:
    """After the answer to a leave, numbers of the old chain mean nothing."""
    session = opened(CHANGES)
    session.received(whole(500), now_ms=1)
    session.received(change(502), now_ms=2)
    session.received(change(503), now_ms=2)
    left = text(100, {"ok": True, "message": "leave|obdiff:BTCTRY"})
    assert len(session.received(left, now_ms=3).events) == 1
    joined = text(100, {"ok": True, "message": "join|obdiff:BTCTRY"})
    assert len(session.received(joined, now_ms=3).events) == 1
    assert session.received(whole(1), now_ms=4).texts == ()
    assert isinstance(session.book(BTCTRY, now_ms=4), OrderBook)


def test_data_puts_the_alarm_off() -> None:
    """Silence counts from the last message of the channel, not of the connection."""
    session = opened(TICKERS, CHANGES)
    session.received(tickers(), now_ms=1)
    wait(session, 20_000)
    session.received(tickers(), now_ms=2)
    session.received(whole(1), now_ms=2)
    assert all(step.verdict is None for step in wait(session, 29_000))
    session.received(change(2), now_ms=3)
    assert session.passed(1_000).texts == asking(TICKERS)


def test_a_subscription_without_data_is_no_alarm_before_it_ever_had_some() -> None:
    """Whoever subscribed waits for the first data; the session does not give up for it."""
    session = opened(CHANGES)
    assert all(step == IDLE for step in wait(session, 600_000))


@pytest.mark.parametrize(
    ("subscription", "message", "verdict"),
    [
        (CHANGES, whole(1), Reconnect("obdiff:BTCTRY was silent")),
        (CANDLES, candle(), None),
    ],
)
def test_data_is_due_soon_after_joining_again(
    subscription: Subscription, message: str, verdict: Reconnect | None
) -> None:
    """What proved itself before must do so again; only candles wait for somebody to trade."""
    session = opened(subscription)
    session.received(message, now_ms=1)
    session.lost("cut", now_ms=2)
    wait(session, 60_000)
    session.connected(now_ms=3)
    steps = wait(session, 10_000)
    assert steps[:-1] == [IDLE] * 9
    assert steps[-1].verdict == verdict


def test_a_caller_that_was_held_up_accuses_nobody() -> None:
    """However long nobody looked, one look counts for a second: the rest waits in the socket."""
    session = opened(TICKERS)
    session.received(tickers(), now_ms=1)
    assert session.passed(3_600_000) == IDLE
    session.received(tickers(), now_ms=2)
    assert all(step == IDLE for step in wait(session, 29_000))


# ---- what our own writes predict


def test_a_submit_that_is_never_told_makes_the_feed_deaf() -> None:
    """The accepted order predicts a 451; without it the connection is given up."""
    session = logged_in()
    session.expect_submit(OrderId(5))
    steps = wait(session, 10_000)
    assert steps[:-1] == [IDLE] * 9
    assert steps[-1].events == (FeedDeaf(451, OrderId(5)),)
    assert steps[-1].verdict == Reconnect("message 451 of order 5 never came", is_failure=True)
    session.lost("deaf", now_ms=1)
    session.connected(now_ms=2)
    session.received(LOGGED_IN, now_ms=2)
    assert all(step == IDLE for step in wait(session, 60_000))


def test_a_cancel_that_is_never_told_makes_the_feed_deaf() -> None:
    """The accepted cancel predicts a 452; fills of less than the whole order do not replace it."""
    session = logged_in()
    session.received(resting(451, 5, amount="2"), now_ms=1)
    session.expect_cancel(OrderId(5))
    session.received(matched(5, amount="1"), now_ms=2)
    steps = wait(session, 30_000)
    assert steps[-1].events == (FeedDeaf(452, OrderId(5)),)


@pytest.mark.parametrize("answers", [[resting(452, 5)], [matched(5), matched(5)]])
def test_a_cancel_is_answered_by_its_message_or_by_the_last_fill(answers: list[str]) -> None:
    """A 452, or fills that sum to the whole order, fulfil the prediction."""
    session = logged_in()
    session.expect_cancel(OrderId(5), quantity=Decimal(2))
    for message in answers:
        session.received(message, now_ms=1)
    assert all(step == IDLE for step in wait(session, 60_000))


def test_a_message_that_could_not_be_read_fulfils_what_was_predicted() -> None:
    """It may have been the one: `ResyncNeeded` says so, and the feed is not called deaf."""
    session = logged_in()
    before = session.private_run
    session.expect_submit(OrderId(5))
    session.received("[451,{}]", now_ms=1)
    assert session.private_run not in (None, before)
    assert all(step == IDLE for step in wait(session, 60_000))


def test_a_run_of_private_messages_is_one_login() -> None:
    """It has a number while messages come, and another one on the next connection."""
    session = opened()
    assert session.private_run is None
    session.login(KEYS, now_ms=0)
    session.received(LOGGED_IN, now_ms=0)
    first = session.private_run
    session.lost("cut", now_ms=1)
    session.connected(now_ms=2)
    assert session.private_run is None
    session.received(LOGGED_IN, now_ms=3)
    assert session.private_run not in (None, first)


def test_a_feed_that_never_tells_is_given_up_after_three() -> None:
    """Connecting again did not help twice: it is told with the third and no more predicted."""
    session = logged_in()
    for number in (1, 2, 3):
        session.expect_submit(OrderId(number))
        step = wait(session, 10_000)[-1]
        assert step.events == (FeedDeaf(451, OrderId(number), is_given_up=number == 3),)
        assert step.verdict is not None
        session.lost("deaf", now_ms=1)
        session.connected(now_ms=2)
        session.received(LOGGED_IN, now_ms=3)
    session.expect_submit(OrderId(4))
    assert all(step == IDLE for step in wait(session, 60_000))
    assert (session.counts.deaf, session.counts.given_up) == (3, (451,))


def test_without_a_login_nothing_is_predicted() -> None:
    """Where no private message can come, none is missed."""
    session = opened()
    session.expect_submit(OrderId(5))
    session.expect_cancel(OrderId(5))
    assert all(step == IDLE for step in wait(session, 60_000))


def test_time_without_a_connection_is_no_silence() -> None:
    """Nothing is decided while there is no connection to decide about."""
    session = StreamSession(patience=StreamPatience(tickers_ms=1_000))
    session.subscribe([TICKERS])
    assert session.passed(1_000) == IDLE
