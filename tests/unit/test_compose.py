"""The composition root: whether a run may write, where its day ends, what it is put together of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btcturk_kit.adapters.http_transport import MemoryTransport
from btcturk_kit.compose.kits import build_kit, day_end_in
from btcturk_kit.compose.live import default_db, side_effect_policy, stage4
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.errors import ConfigurationError, GuardBlocked, UnknownSymbolError
from btcturk_kit.ports.transport import HttpResponse
from btcturk_kit.settings import FixedSettings

LOCAL = "http://127.0.0.1:8080"
REAL = "https://api.btcturk.com"


def rules_of(*names: str) -> dict[Symbol, PairRules]:
    """Return the rules of pairs written BASE/QUOTE."""
    found = {}
    for name in names:
        base, quote = name.split("/")
        symbol = Symbol(base + quote)
        found[symbol] = PairRules(
            symbol=symbol, base=Asset(base), quote=Asset(quote), price_scale=2, quantity_scale=8
        )
    return found


MARKET = rules_of("BTC/TRY", "ETH/TRY", "XRP/TRY", "BTC/USDT")


def settings(**values: Any) -> FixedSettings:
    """Return settings that nothing else changes."""
    return FixedSettings(**values)


# --- permission to write


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost:8080", "http://[::1]:9", "https://127.0.0.1"]
)
def test_a_local_exchange_is_armed_as_it_is(url: str) -> None:
    """No acknowledgement, no doctor: there is no money behind it."""
    policy = side_effect_policy(settings(rest_url=url))
    assert (policy.kind, policy.may_submit, policy.may_cancel) == ("sandbox", True, True)
    assert policy.reasons == ()


@pytest.mark.parametrize(
    "url",
    [
        REAL,
        "https://127.0.0.1.example.com",
        "https://localhost.example.com",
        "https://example.com/127.0.0.1",
        "https://127.0.0.1@example.com",
    ],
)
def test_anything_else_is_not_local(url: str) -> None:
    """A name that only looks local does not arm a run."""
    assert side_effect_policy(settings(rest_url=url)).kind == "dry_run"
    assert side_effect_policy(settings(rest_url=url, dry_run=False)).kind == "blocked"


def test_the_real_exchange_runs_dry_unless_told_otherwise() -> None:
    """Without a word about it, nothing is written there."""
    policy = side_effect_policy(settings(rest_url=REAL))
    assert (policy.kind, policy.may_submit, policy.may_cancel) == ("dry_run", False, False)


def test_the_real_exchange_stays_refused_until_a_doctor_exists() -> None:
    """Even with everything the operator can say."""
    policy = side_effect_policy(
        settings(rest_url=REAL, dry_run=False, live_trading=True, live_trading_ack="I_UNDERSTAND")
    )
    assert (policy.kind, policy.may_submit, policy.may_cancel) == ("blocked", False, False)
    assert policy.reasons == ("no doctor has passed this set-up",)


@pytest.mark.parametrize("ack", ["", "i_understand", "I_UNDERSTAND ", "yes"])
def test_every_missing_condition_is_told(ack: str) -> None:
    """Switch, text, latches: all that stands in the way, not the first of it."""
    policy = side_effect_policy(
        settings(
            rest_url=REAL, dry_run=False, live_trading_ack=ack, kill_switch=True, freeze_all=True
        )
    )
    text = "; ".join(policy.reasons)
    for words in ("kill switch", "freeze_all", "live_trading is off", "I_UNDERSTAND", "doctor"):
        assert words in text


@pytest.mark.parametrize("latch", ["kill_switch", "freeze_all"])
def test_a_latch_stops_a_local_run_too(latch: str) -> None:
    """An operator's latch is a latch everywhere; a dry run has nothing to stop."""
    policy = side_effect_policy(settings(rest_url=LOCAL, **{latch: True}))
    assert (policy.kind, policy.may_submit) == ("blocked", False)
    dry = side_effect_policy(settings(rest_url=LOCAL, dry_run=True, **{latch: True}))
    assert dry.kind == "dry_run"


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"rest_url": LOCAL, "kill_switch": True}, GuardBlocked),
        ({"rest_url": LOCAL, "freeze_all": True}, GuardBlocked),
        ({"rest_url": REAL, "dry_run": False}, ConfigurationError),
        ({"rest_url": LOCAL}, ConfigurationError),
        ({"rest_url": LOCAL, "api_key": "k"}, ConfigurationError),
    ],
    ids=["kill switch", "freeze", "not armed", "no key", "no secret"],
)
def test_a_run_that_may_not_start_asks_nothing(
    values: dict[str, Any], error: type[Exception], tmp_path: Path
) -> None:
    """Refused before one request and before one file."""
    asked: list[object] = []

    def answer(request: object) -> HttpResponse:
        asked.append(request)
        return HttpResponse(500, {}, b"")

    async def start() -> None:
        run = settings(db=tmp_path / "state.sqlite3", **values)
        async with stage4(run, transport=MemoryTransport(answer)):
            raise AssertionError("it started")

    with pytest.raises(error):
        asyncio.run(start())
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_state_folder_that_is_named_holds_the_state(tmp_path: Path) -> None:
    """The file of the store, where `db` does not name another one."""
    one = settings(state_dir=tmp_path)
    assert default_db(one, side_effect_policy(one)).parent == tmp_path


def test_state_files_are_kept_apart() -> None:
    """One for each account and exchange, one of its own for dry runs."""
    live = settings(rest_url=LOCAL, api_key="a")
    other_key = settings(rest_url=LOCAL, api_key="b")
    other_place = settings(rest_url="http://127.0.0.1:9", api_key="a")
    dry = settings(rest_url=REAL)
    files = [
        default_db(one, side_effect_policy(one)) for one in (live, other_key, other_place, dry)
    ]
    assert len(set(files)) == 4
    assert files[3].name == "dry-run.sqlite3"
    assert not any(one.stem == "a" for one in files)


# --- the day


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-09-01T12:00", "2026-09-01T21:00"),
        ("2026-09-01T20:59:59.999", "2026-09-01T21:00"),
        ("2026-09-01T21:00", "2026-09-02T21:00"),
        ("2026-09-01T23:59", "2026-09-02T21:00"),
        ("2026-12-31T22:00", "2027-01-01T21:00"),
        ("2028-02-28T21:00", "2028-02-29T21:00"),
    ],
)
def test_the_day_ends_at_midnight_in_istanbul(now: str, end: str) -> None:
    """21:00 UTC, all the year round; midnight itself belongs to the new day."""
    instants = [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (now, end)]
    now_ms, end_ms = (round(one.timestamp() * 1000) for one in instants)
    assert day_end_in("Europe/Istanbul")(now_ms) == end_ms


@pytest.mark.parametrize(
    ("now", "hours"), [("2026-03-29T00:00", 23), ("2026-10-25T00:00", 25), ("2026-07-01T00:00", 24)]
)
def test_days_have_the_length_of_their_zone(now: str, hours: int) -> None:
    """Where clocks change, a day of the account is as long as the day of the people."""
    start = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    start_ms = int(start.timestamp() * 1000)
    assert day_end_in("Europe/Berlin")(start_ms) - start_ms == hours * 3_600_000


@given(
    st.integers(0, 4_000_000_000_000),
    st.sampled_from(["Europe/Istanbul", "UTC", "America/New_York", "Asia/Kathmandu"]),
)
def test_the_end_of_a_day_is_the_next_midnight(now_ms: int, zone: str) -> None:
    """Later than now, at most 25 hours away, and no earlier midnight lies between."""
    day_end = day_end_in(zone)
    end_ms = day_end(now_ms)
    assert now_ms < end_ms <= now_ms + 25 * 3_600_000
    local = datetime.fromtimestamp(end_ms // 1000, tz=UTC).astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute, local.second, end_ms % 1000) == (0, 0, 0, 0)
    before = datetime.fromtimestamp(now_ms // 1000, tz=UTC).astimezone(ZoneInfo(zone))
    assert local.date() - before.date() == timedelta(days=1)
    assert day_end(end_ms - 1) == end_ms


# --- the kit


def test_a_kit_is_what_the_settings_say() -> None:
    """Pairs, policies and plug-ins; each strategy is made once for each pair."""
    kit = build_kit(
        settings(
            symbols="ETHTRY,BTCTRY",
            strategies="trend,take-profit",
            parameters={"trend": {"fast_bars": 3}},
            reserve_try="7",
            collar_ratio="0.02",
            taker_ratio="0.001",
            cost_method="average",
            order_ttl_seconds=1.5,
            unknown_horizon_seconds=2,
        ),
        "mine",
        MARKET,
    )
    profile = kit.profile
    assert (profile.account, profile.symbols) == ("mine", ("ETHTRY", "BTCTRY"))
    assert list(kit.rules) == ["ETHTRY", "BTCTRY"]
    assert [one.name for one in kit.strategies] == [
        "trend:ETHTRY",
        "trend:BTCTRY",
        "take-profit:ETHTRY",
        "take-profit:BTCTRY",
    ]
    assert len({id(one.strategy) for one in kit.strategies}) == 4
    assert (profile.reserve_try, profile.collar_ratio) == (7, Decimal("0.02"))
    assert (profile.taker_rate, profile.cost_method) == (Decimal("0.001"), CostMethod.AVERAGE)
    assert (profile.order_ttl_ms, profile.unknown_horizon_ms) == (1_500, 2_000)
    assert profile.day_end(0) == day_end_in("Europe/Istanbul")(0)


def test_a_pair_that_is_not_listed_is_refused_with_suggestions() -> None:
    """Never replaced by a similar one: the operator chooses."""
    with pytest.raises(UnknownSymbolError) as caught:
        build_kit(settings(symbols="BTCTYR"), "mine", MARKET)
    assert caught.value.symbol == "BTCTYR"
    assert "BTCTRY" in caught.value.suggestions
    with pytest.raises(UnknownSymbolError) as caught:
        build_kit(settings(symbols="ZZZ"), "mine", MARKET)
    assert caught.value.suggestions == ()


def test_a_pair_in_another_quote_is_refused() -> None:
    """The capital policy works on TRY pairs."""
    with pytest.raises(ConfigurationError, match="quoted in USDT"):
        build_kit(settings(symbols="BTCUSDT"), "mine", MARKET)


def test_a_plugin_without_a_strategy_is_not_one() -> None:
    """A guard named as a strategy is refused, with the plug-ins that have one."""
    with pytest.raises(ConfigurationError, match="offers no strategy") as caught:
        build_kit(settings(strategies="trend,spread-guard"), "mine", MARKET)
    assert "trend" in caught.value.hint


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"strategies": "trendy"}, "'trendy' is not installed"),
        ({"guards": "nobody"}, "'nobody' is not installed"),
        ({"parameters": {"trend": {"fastbars": 3}}}, "no parameter 'fastbars'"),
        ({"parameters": {"trend": {"fast_bars": 30}}}, "fast_bars 30"),
    ],
)
def test_plugins_that_cannot_be_stop_the_start(values: dict[str, Any], words: str) -> None:
    """A name nobody installed, or parameters the plug-in refuses."""
    with pytest.raises(ConfigurationError, match=words):
        build_kit(settings(**values), "mine", MARKET)


def test_nothing_is_loaded_that_the_settings_do_not_name() -> None:
    """Without guards there is none, and no risk plug-in votes."""
    kit = build_kit(settings(guards="", strategies="take-profit"), "mine", MARKET)
    assert list(kit.gateway.strategies()) == ["take-profit"]
    assert not kit.gateway.has_voters
