"""A client keeps inside the exchange's windows, however they lie and whoever shares the counts."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.wire.client_windows import Cells, ClientWindows, fresh_counts
from btcturk_kit.wire.pacing import RULES, Endpoint, FixedWindows, Policy, WindowRule

MINUTE = 60_000
SMALL = (
    WindowRule(Endpoint.SUBMIT, 3, 1_000, ("account", "ip")),
    WindowRule(Endpoint.SUBMIT, 7, 5_000, ("account",)),
)
SPREAD = (WindowRule(Endpoint.TICKER, 40, MINUTE, ("ip",)),)


def send(client: ClientWindows, endpoint: Endpoint, now_ms: int) -> int:
    """Wait as long as it says, take, and return the instant of sending."""
    at_ms = now_ms + client.wait_ms(endpoint, now_ms)
    assert client.take(endpoint, at_ms) == 1
    return at_ms


def shared(rules: tuple[WindowRule, ...]) -> dict[Policy, Cells]:
    """Return counts of an address and an account in memory that does not grow, like a file."""
    names: tuple[Policy, ...] = ("ip", "account")
    return {
        name: memoryview(array("q", fresh_counts(policy=name, rules=rules))).cast("b").cast("q")
        for name in names
    }


def refusals(arrivals: list[int], endpoint: Endpoint, rules: tuple[WindowRule, ...]) -> int:
    """Return how many of these requests the exchange refuses."""
    servers = [FixedWindows(policy="account", rules=rules), FixedWindows(policy="ip", rules=rules)]
    return sum(
        server.offer(endpoint, arrival) is not None
        for arrival in sorted(arrivals)
        for server in servers
    )


@given(
    gaps=st.lists(st.integers(0, 400), min_size=1, max_size=60),
    delays=st.lists(st.integers(0, 250), min_size=60, max_size=60),
)
def test_a_paced_client_is_never_refused(gaps: list[int], delays: list[int]) -> None:
    """Whenever requests are asked for and however long they travel, no window is exceeded."""
    client = ClientWindows(rules=SMALL, margin_ms=250)
    now_ms, arrivals = 0, []
    for gap, delay in zip(gaps, delays, strict=False):
        now_ms = send(client, Endpoint.SUBMIT, now_ms + gap)
        arrivals.append(now_ms + delay)
    assert refusals(arrivals, Endpoint.SUBMIT, SMALL) == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 400), st.integers(0, 240), st.integers(1, 5)),
        min_size=1,
        max_size=60,
    )
)
def test_two_clients_that_share_are_never_refused(
    steps: list[tuple[int, int, int, int]],
) -> None:
    """In whatever order two of them ask, with leases of any size that are used or wasted."""
    counts = shared(SMALL)
    clients = [ClientWindows(rules=SMALL, margin_ms=250, counts=counts) for _ in range(2)]
    now_ms, arrivals = 0, []
    for who, gap, delay, wanted in steps:
        now_ms += gap
        got = clients[who].take(Endpoint.SUBMIT, now_ms, wanted=wanted, until_ms=now_ms + 10)
        # Leased requests go out some time within the lease.
        arrivals += [now_ms + delay + at % 10 for at in range(got)]
    assert refusals(arrivals, Endpoint.SUBMIT, SMALL) == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 600), st.integers(0, 600)),
        min_size=1,
        max_size=60,
    )
)
def test_requests_that_are_late_and_say_so_are_never_refused(
    steps: list[tuple[int, int, int]],
) -> None:
    """Way there and way back take far longer than the margin; each answer corrects the count."""
    client = ClientWindows(rules=SMALL, margin_ms=50)
    now_ms, arrivals, answers = 0, [], []
    for gap, there, back in steps:
        now_ms += gap
        while True:
            # Until this one may go, answers to earlier ones come in.
            due = [answer for answer in answers if answer[0] <= now_ms]
            for answered_ms, counted_ms in due:
                client.arrived(Endpoint.SUBMIT, counted_ms, answered_ms)
            answers = [answer for answer in answers if answer[0] > now_ms]
            if client.take(Endpoint.SUBMIT, now_ms):
                break
            now_ms += 1
        arrivals.append(now_ms + there)
        answers.append((now_ms + there + back, now_ms))
    assert refusals(arrivals, Endpoint.SUBMIT, SMALL[:1]) == 0


def test_an_answer_in_time_changes_no_count() -> None:
    """Within the margin nothing is corrected; beyond it the request counts later."""
    client = ClientWindows(rules=SMALL[:1], margin_ms=100)
    assert [client.take(Endpoint.SUBMIT, 0) for _ in range(3)] == [1, 1, 1]
    client.arrived(Endpoint.SUBMIT, 0, 99)
    assert client.wait_ms(Endpoint.SUBMIT, 100) == 1_000
    for _ in range(3):
        client.arrived(Endpoint.SUBMIT, 0, 400)
    assert client.wait_ms(Endpoint.SUBMIT, 400) == 1_001
    # One that is not in the counts any more changes nothing either.
    client.arrived(Endpoint.SUBMIT, 7, 400)
    client.arrived(Endpoint.SERVER_TIME, 0, 400)
    assert client.wait_ms(Endpoint.SUBMIT, 400) == 1_001


def test_two_accounts_share_the_address_and_not_the_account() -> None:
    """The rule of the address stops both, the rule of an account only its own."""
    ip, ann, bob = (fresh_counts(policy=name, rules=SMALL) for name in ("ip", "account", "account"))
    one = ClientWindows(rules=SMALL, counts={"ip": ip, "account": ann})
    other = ClientWindows(rules=SMALL, counts={"ip": ip, "account": bob})
    assert [one.take(Endpoint.SUBMIT, 0) for _ in range(3)] == [1, 1, 1]
    assert other.wait_ms(Endpoint.SUBMIT, 0) == 1_000
    assert [one.take(Endpoint.SUBMIT, at) for at in (1_000, 1_000, 1_000, 2_000)] == [1] * 4
    # Seven of this account in five seconds: its own rule holds it up, the other one may go.
    assert one.wait_ms(Endpoint.SUBMIT, 2_000) == 3_000
    assert other.wait_ms(Endpoint.SUBMIT, 2_000) == 0


def test_one_account_through_two_addresses_shares_the_account() -> None:
    """Another way out has windows of the address of its own, and the same of the account."""
    account = fresh_counts(policy="account", rules=SMALL)
    here, there = (
        ClientWindows(
            rules=SMALL,
            counts={"ip": fresh_counts(policy="ip", rules=SMALL), "account": account},
        )
        for _ in range(2)
    )
    assert [here.take(Endpoint.SUBMIT, 0) for _ in range(3)] == [1, 1, 1]
    assert there.take(Endpoint.SUBMIT, 0) == 0


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=80))
def test_no_span_of_a_period_holds_more_than_the_limit(gaps: list[int]) -> None:
    """In any period, wherever it begins, at most the limit is sent."""
    client = ClientWindows(rules=SMALL)
    now_ms, sent = 0, []
    for gap in gaps:
        now_ms = send(client, Endpoint.SUBMIT, now_ms + gap)
        sent.append(now_ms)
    for rule in SMALL:
        for start in sent:
            assert sum(start <= at < start + rule.period_ms for at in sent) <= rule.limit


@pytest.mark.parametrize(
    "endpoint", [Endpoint.ORDER_BOOK, Endpoint.BALANCES, Endpoint.ORDER, Endpoint.CANCEL]
)
def test_pacing_gives_away_no_sustained_rate(endpoint: Endpoint) -> None:
    """Asked without a pause, a client sends 95 % of what five minutes allow, margin included."""
    client = ClientWindows(margin_ms=250)
    limit = max(rule.limit for rule in RULES if rule.endpoint is endpoint)
    now_ms, sent = 0, 0
    while (now_ms := send(client, endpoint, now_ms)) < 5 * MINUTE:
        sent += 1
    assert 5 * limit * 95 <= sent * 100 <= 5 * limit * 100


def test_the_second_half_of_a_long_window_is_spread() -> None:
    """Half of the books of a minute may go at once, the next one after its share of the minute."""
    client = ClientWindows()
    sent = [send(client, Endpoint.ORDER_BOOK, 10_000)]
    for _ in range(91):
        sent.append(send(client, Endpoint.ORDER_BOOK, sent[-1]))
    assert sent[89] == 10_000
    assert sent[90] == 10_000 + MINUTE // 180 + 1
    assert sent[91] == 10_000 + 2 * MINUTE // 180 + 1


def test_cancels_are_never_spread() -> None:
    """All three hundred of a minute go as fast as the second's window lets them."""
    client = ClientWindows()
    now_ms = 0
    for _ in range(300):
        now_ms = send(client, Endpoint.CANCEL, now_ms)
    assert now_ms == 29_000
    assert client.wait_ms(Endpoint.CANCEL, 30_000) == 30_000


def test_a_block_holds_and_is_never_shortened() -> None:
    """A refusal of the exchange outranks our own count; a second, shorter one changes nothing."""
    client = ClientWindows()
    client.block(Endpoint.TICKER, 0, wait_ms=60_000)
    client.block(Endpoint.TICKER, 1_000, wait_ms=4_000)
    assert client.wait_ms(Endpoint.TICKER, 10_000) == 50_000
    assert client.take(Endpoint.TICKER, 59_999) == 0
    assert client.take(Endpoint.TICKER, 60_000) == 1
    assert client.wait_ms(Endpoint.BALANCES, 10_000) == 0


def test_unlisted_endpoints_have_room_for_any_number() -> None:
    """Server time has no window, but can be blocked."""
    client = ClientWindows()
    assert client.take(Endpoint.SERVER_TIME, 0, wanted=500) == 500
    client.block(Endpoint.SERVER_TIME, 0, wait_ms=1_000)
    assert client.take(Endpoint.SERVER_TIME, 999, wanted=500) == 0


def test_who_waits_behind_others_hears_of_their_slots() -> None:
    """The fifth in the line waits for the second slot of the next second, the tenth for a later."""
    client = ClientWindows(rules=SMALL[:1])
    assert [client.take(Endpoint.SUBMIT, at) for at in (0, 100, 200)] == [1, 1, 1]
    waits = [client.wait_ms(Endpoint.SUBMIT, 200, ahead=ahead) for ahead in range(7)]
    assert waits == [800, 900, 1_000, 1_800, 1_900, 2_000, 2_800]


def test_a_lease_takes_what_is_free_and_no_more() -> None:
    """Of five wanted, two fit before the window, and none before the next second."""
    client = ClientWindows(rules=SMALL[:1])
    assert client.take(Endpoint.SUBMIT, 0) == 1
    assert client.take(Endpoint.SUBMIT, 0, wanted=5, until_ms=2) == 2
    assert client.take(Endpoint.SUBMIT, 999, wanted=5, until_ms=1_001) == 0
    assert client.take(Endpoint.SUBMIT, 1_000, wanted=5, until_ms=1_002) == 1
    # What was leased counts from the end of the lease.
    assert client.take(Endpoint.SUBMIT, 1_001, wanted=5, until_ms=1_003) == 0
    assert client.take(Endpoint.SUBMIT, 1_002, wanted=5, until_ms=1_004) == 2


def test_a_lease_is_bounded_by_the_bucket() -> None:
    """Twenty of forty at once, the rest spread: a lease cannot take more either."""
    client = ClientWindows(rules=SPREAD)
    assert client.take(Endpoint.TICKER, 0, wanted=30, until_ms=0) == 20
    assert client.take(Endpoint.TICKER, 0, wanted=30, until_ms=0) == 0
    assert client.take(Endpoint.TICKER, 1_500, wanted=30, until_ms=1_500) == 1


@given(
    uptime_ms=st.integers(0, 10**9),
    fresh_ms=st.integers(0, 10**6),
    taken=st.integers(0, 60),
    blocked_ms=st.integers(0, 10**6),
)
def test_after_a_restart_of_the_machine_a_period_is_waited_at_most(
    uptime_ms: int, fresh_ms: int, taken: int, blocked_ms: int
) -> None:
    """The clock begins anew: instants of the future count as now, and hold up nothing forever."""
    counts: dict[Policy, Cells] = {"ip": fresh_counts(policy="ip", rules=SPREAD)}
    before = ClientWindows(rules=SPREAD, counts=counts)
    sent = sum(before.take(Endpoint.TICKER, uptime_ms + at * 300) for at in range(taken))
    before.block(Endpoint.TRADES, uptime_ms, wait_ms=blocked_ms)
    after = ClientWindows(rules=SPREAD, counts=counts)
    after.settle(fresh_ms)
    assert after.wait_ms(Endpoint.TICKER, fresh_ms) <= MINUTE
    assert after.wait_ms(Endpoint.TRADES, fresh_ms) <= blocked_ms
    if uptime_ms > fresh_ms + 10:
        # Everything may have been sent just now: as many as before fill the rest of a minute.
        more = sum(after.take(Endpoint.TICKER, fresh_ms + at) for at in range(0, MINUTE, 100))
        assert sent + more <= 40
        assert after.wait_ms(Endpoint.TRADES, fresh_ms) == blocked_ms or not blocked_ms


def test_settling_changes_nothing_while_the_clock_is_the_same() -> None:
    """Counts of this boot, leases that lie a little ahead included, are left as they are."""
    cells = fresh_counts(policy="ip", rules=SPREAD)
    client = ClientWindows(rules=SPREAD, counts={"ip": cells})
    client.take(Endpoint.TICKER, 5_000, wanted=20, until_ms=5_002)
    client.block(Endpoint.TICKER, 5_000, wait_ms=70_000)
    before = list(cells)
    client.settle(5_000)
    assert cells == before


def test_cells_that_nobody_wrote_are_noticed() -> None:
    """A next slot outside its window is damage; a fresh table, shared hosts included, is sound."""
    assert ClientWindows().is_sound()
    cells = fresh_counts(policy=None, rules=SMALL)
    client = ClientWindows(rules=SMALL, counts={"account": cells})
    assert client.is_sound()
    damaged = [value or 1 << 40 for value in cells]
    assert not ClientWindows(rules=SMALL, counts={"account": damaged}).is_sound()


def test_a_kill_in_the_middle_of_counting_permits_nothing_more() -> None:
    """Wherever the writing stops, later requests stay inside the windows."""
    writes = 0

    class Stop(Exception):  # noqa: N818 - ends the writing, nothing more
        pass

    class Dying(list[int]):
        """Cells whose writer dies at one of its writes."""

        left = 10**9

        def __setitem__(self, at: object, value: object) -> None:
            nonlocal writes
            writes += 1
            if Dying.left == 0:
                raise Stop
            Dying.left -= 1
            super().__setitem__(at, value)

    for dies_after in range(40):
        Dying.left = 10**9
        cells = Dying(fresh_counts(policy="account", rules=SMALL))
        client = ClientWindows(rules=SMALL, counts={"account": cells})
        sent, now_ms = [], 0
        Dying.left = dies_after
        for _ in range(40):
            now_ms += 150
            try:
                if client.take(Endpoint.SUBMIT, now_ms):
                    sent.append(now_ms)
            except Stop:
                Dying.left = 10**9
        for rule in SMALL:
            assert all(
                sum(start <= at < start + rule.period_ms for at in sent) <= rule.limit
                for start in sent
            )
        assert len(sent) >= 7
    assert writes
