"""Settings: where they come from, which wins, what is refused and what is only reported."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from os import environ
from pathlib import Path

import pytest
from pydantic import ValidationError

from btcturk_kit.domain.capital import Granularity, ProfitBasis, SplitBasis
from btcturk_kit.domain.guard_memory import GuardLimits
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.domain.risk_limits import RiskLimits, StreakUnit
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.hooks.builtin.trend import TrendParameters
from btcturk_kit.settings import (
    PREFIX,
    FixedSettings,
    Settings,
    environment_names,
    load_settings,
    validated_parameters,
)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stand in an empty folder, with no setting in the environment."""
    for name in list(environ):
        if name.startswith("BTCTURK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_those_of_the_specification() -> None:
    """A bare run: one pair, 60/40, the limits as decided, the day in Istanbul."""
    settings, unknown = load_settings()
    assert unknown == ()
    assert settings.rest_url == "https://api.btcturk.com"
    assert settings.symbols == ("BTCTRY",)
    assert settings.day_zone == "Europe/Istanbul"
    assert (settings.trading_ratio, settings.treasury_ratio) == (Decimal("0.60"), Decimal("0.40"))
    assert settings.split_basis is SplitBasis.NET
    assert settings.profit_basis is ProfitBasis.CHECKPOINT
    assert settings.granularity is Granularity.EVENT
    assert settings.cost_method is CostMethod.FIFO
    limits = settings.risk_policy().limits
    assert limits.daily_loss_ratio == Decimal("0.05")
    assert limits.drawdown_ratio == Decimal("0.15")
    assert limits.gross_exposure_ratio == Decimal("1.20")
    assert limits.order_ratio == Decimal("0.20")
    assert (limits.loss_streak, limits.streak_multiplier) == (3, Decimal("0.50"))
    assert settings.dry_run is None
    assert not settings.live_trading
    assert not settings.kill_switch
    assert not settings.freeze_all


def test_arguments_then_environment_then_file_then_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each source outranks the next; None among the arguments says nothing."""
    file = tmp_path / "mine.env"
    file.write_text(
        "BTCTURK_KIT_ACCOUNT=file\nBTCTURK_KIT_CYCLE_SECONDS=5\nBTCTURK_KIT_CLEAN_CYCLES=7\n"
    )
    monkeypatch.setenv("BTCTURK_KIT_ACCOUNT", "environment")
    monkeypatch.setenv("BTCTURK_KIT_CYCLE_SECONDS", "6")
    settings, _ = load_settings(env_file=file, overrides={"account": "argument", "db": None})
    assert (settings.account, settings.cycle_seconds, settings.clean_cycles) == ("argument", 6, 7)
    assert settings.loss_streak == 3
    assert settings.db is None


def test_the_default_file_is_read_when_it_is_there(tmp_path: Path) -> None:
    """`.env.live` in the folder the command runs in."""
    (tmp_path / ".env.live").write_text("BTCTURK_API_KEY=k\nBTCTURK_KIT_SYMBOLS=ethtry\n")
    settings, _ = load_settings()
    assert (settings.api_key, settings.symbols) == ("k", ("ETHTRY",))


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    """A typo in `--env-file` is not an empty file."""
    with pytest.raises(ConfigurationError, match=r"nothing\.env"):
        load_settings(env_file=tmp_path / "nothing.env")


def test_unknown_names_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the environment and from the file; other programs' names are not ours to report."""
    file = tmp_path / "mine.env"
    file.write_text("BTCTURK_KIT_DRYRUN=1\nOTHER=2\n")
    monkeypatch.setenv("BTCTURK_KIT_SYMBOL", "BTCTRY")
    monkeypatch.setenv("BTCTURK_SOMETHING", "x")
    _, unknown = load_settings(env_file=file)
    assert unknown == ("BTCTURK_KIT_DRYRUN", "BTCTURK_KIT_SYMBOL")


def test_every_setting_has_its_name() -> None:
    """The prefix and the field's name; the two halves of the key have names of their own."""
    names = environment_names()
    assert list(names) == sorted(names)
    assert {"BTCTURK_API_KEY", "BTCTURK_API_SECRET", "BTCTURK_KIT_REST_URL"} <= set(names)
    assert len(names) == len(Settings.model_fields)
    assert all(one.startswith((PREFIX, "BTCTURK_API_")) for one in names)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("BTCTRY", ("BTCTRY",)),
        ("btc_try, eth-try", ("BTCTRY", "ETHTRY")),
        ("BTCTRY,BTC_TRY,", ("BTCTRY",)),
    ],
)
def test_pairs_are_written_as_people_write_them(text: str, symbols: tuple[str, ...]) -> None:
    """Case, separators and repetitions do not matter; the order stays."""
    settings, _ = load_settings(overrides={"symbols": text})
    assert settings.symbols == symbols
    assert settings.pairs() == symbols


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("symbols", "", "BTCTURK_KIT_SYMBOLS: name at least one pair"),
        ("symbols", " , ", "at least one pair"),
        ("day_zone", "Mars/Olympus", "BTCTURK_KIT_DAY_ZONE: 'Mars/Olympus' is not a time zone"),
        ("day_zone", "../etc", "is not a time zone"),
        ("cycle_seconds", "0", "BTCTURK_KIT_CYCLE_SECONDS"),
        ("jitter_seconds", "-1", "BTCTURK_KIT_JITTER_SECONDS"),
        ("trading_capital_try", "0", "BTCTURK_KIT_TRADING_CAPITAL_TRY"),
        ("trading_capital_try", "NaN", "BTCTURK_KIT_TRADING_CAPITAL_TRY"),
        ("reserve_try", "Infinity", "BTCTURK_KIT_RESERVE_TRY"),
        ("taker_ratio", "1", "BTCTURK_KIT_TAKER_RATIO"),
        ("streak_multiplier", "1.5", "BTCTURK_KIT_STREAK_MULTIPLIER"),
        ("loss_streak", "0", "BTCTURK_KIT_LOSS_STREAK"),
        ("cost_method", "lifo", "BTCTURK_KIT_COST_METHOD"),
        ("split_basis", "half", "BTCTURK_KIT_SPLIT_BASIS"),
        ("unknown_horizon_seconds", "0", "BTCTURK_KIT_UNKNOWN_HORIZON_SECONDS"),
        ("parameters", "[1]", "BTCTURK_KIT_PARAMETERS"),
        ("parameters", "{not json", "parameters"),
    ],
)
def test_a_value_that_cannot_be_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    """It names the setting as the operator writes it."""
    monkeypatch.setenv(PREFIX + name.upper(), value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_a_wrong_value_is_not_repeated_where_it_may_be_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A secret does not show in errors, nor in the text of the settings."""
    monkeypatch.setenv("BTCTURK_API_SECRET", "dG9wIHNlY3JldA==")
    monkeypatch.setenv("BTCTURK_KIT_CONTROL_TOKEN", "token-of-mine")
    monkeypatch.setenv("BTCTURK_KIT_LOSS_STREAK", "many")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    monkeypatch.delenv("BTCTURK_KIT_LOSS_STREAK")
    settings, _ = load_settings()
    for text in (str(caught.value), caught.value.hint, repr(settings), str(settings)):
        assert "dG9wIHNlY3JldA==" not in text
        assert "token-of-mine" not in text
    assert settings.api_secret.get_secret_value() == "dG9wIHNlY3JldA=="


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"trading_ratio": "0.7"}, "do not sum to 1"),
        ({"trading_ratio": "1.4", "treasury_ratio": "-0.4"}, "trading_ratio"),
        ({"daily_loss_ratio": "0"}, "daily_loss_ratio"),
        ({"order_ratio": "-1"}, "order_ratio"),
    ],
)
def test_ratios_and_limits_are_checked_by_the_policy(
    overrides: dict[str, object], words: str
) -> None:
    """What the domain refuses comes out as the operator's mistake."""
    settings, _ = load_settings(overrides=overrides)
    with pytest.raises(ConfigurationError, match=words):
        settings.risk_policy()


def test_choices_reach_the_policy() -> None:
    """Every choice of the split and the limits is in the policy that runs."""
    settings, _ = load_settings(
        overrides={
            "trading_ratio": "0.5",
            "treasury_ratio": "0.5",
            "split_basis": "gross",
            "profit_basis": "high_water_mark",
            "granularity": "checkpoint",
            "cooldown_seconds": 1.5,
            "clean_cycles": 9,
            "dust_try": "3",
            "data_age_seconds_max": 2,
            "loss_streak": 4,
            "streak_multiplier": "0.1",
            "gross_exposure_ratio": "2",
        }
    )
    policy = settings.risk_policy()
    financing, limits = policy.financing, policy.limits
    assert financing.treasury_ratio == Decimal("0.5")
    assert financing.basis is SplitBasis.GROSS
    assert financing.profit_basis is ProfitBasis.HIGH_WATER_MARK
    assert financing.granularity is Granularity.CHECKPOINT
    assert (limits.cooldown_ms, limits.clean_cycles, limits.dust_try) == (1_500, 9, 3)
    assert (limits.data_age_ms_max, limits.loss_streak) == (2_000, 4)
    assert limits.streak_multiplier == Decimal("0.1")
    assert limits.gross_exposure_ratio == 2


def test_settings_do_not_change() -> None:
    """A run is decided by what it was started with."""
    settings, _ = load_settings()
    with pytest.raises(ValidationError):
        settings.account = "other"  # type: ignore[misc] # the point of the test


def test_fixed_settings_hear_the_caller_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither environment nor file changes a run that must come out the same everywhere."""
    monkeypatch.setenv("BTCTURK_KIT_ORDER_RATIO", "0.01")
    (tmp_path / ".env.live").write_text("BTCTURK_KIT_ACCOUNT=file\n")
    settings = FixedSettings(clean_cycles=5)
    assert (settings.order_ratio, settings.account) == (Decimal("0.20"), "")
    assert settings.clean_cycles == 5


# --- parameters of plug-ins


def test_parameters_are_validated_against_their_dataclass() -> None:
    """Text becomes the right type; what is not given keeps its default."""
    found = validated_parameters("trend", TrendParameters, {"fast_bars": "3", "band_ratio": "0.01"})
    assert found == TrendParameters(fast_bars=3, band_ratio=Decimal("0.01"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fast": 3}, "no parameter 'fast'"),
        ({"fast_bars": "three"}, "fast_bars"),
        ({"fast_bars": 50}, "fast_bars 50"),
        ({"size_ratio": "NaN"}, "size_ratio"),
    ],
)
def test_parameters_that_cannot_be_are_refused(values: dict[str, object], words: str) -> None:
    """An unknown name, a wrong type, values the plug-in itself refuses."""
    with pytest.raises(ConfigurationError, match=words):
        validated_parameters("trend", TrendParameters, values)


def test_an_unknown_parameter_shows_the_choice() -> None:
    """The hint lists what the plug-in has, or that it has nothing."""
    with pytest.raises(ConfigurationError) as caught:
        validated_parameters("trend", TrendParameters, {"x": 1})
    assert "slow_bars" in caught.value.hint

    @dataclass(frozen=True)
    class Nothing:
        """No parameters."""

    with pytest.raises(ConfigurationError) as caught:
        validated_parameters("plain", Nothing, {"x": 1})
    assert "none" in caught.value.hint


def test_every_limit_reaches_the_policy_and_the_last_gate() -> None:
    """No setting of a limit is read and then left out: each changes exactly its own field."""
    usual, _ = load_settings()
    given: dict[str, tuple[object, str, object]] = {
        "position_ratio": ("0.3", "position_ratio", Decimal("0.3")),
        "fee_burn_ratio": ("0.01", "fee_burn_ratio", Decimal("0.01")),
        "streak_unit": ("days", "streak_unit", StreakUnit.DAYS),
        "volatility_ratio_max": ("0.1", "volatility_ratio_max", Decimal("0.1")),
        "stress_multiplier": ("0.1", "stress_multiplier", Decimal("0.1")),
        "spread_ratio_max": ("0.1", "spread_ratio_max", Decimal("0.1")),
        "volume_try_min": ("5", "volume_try_min", Decimal(5)),
        "reject_ratio_max": ("0.1", "reject_ratio_max", Decimal("0.1")),
        "reject_window": (5, "reject_window", 5),
        "reject_age_seconds_max": (5, "reject_age_ms_max", 5_000),
        "clock_offset_seconds_max": (0.5, "clock_offset_ms_max", 500),
        "latency_seconds_max": (0.5, "latency_ms_max", 500),
        "unknown_orders_max": (0, "unknown_orders_max", 0),
        "order_notional_try_max": ("9", "order_notional_try_max", Decimal(9)),
        "order_quantity_max": ("9", "order_quantity_max", Decimal(9)),
        "orders_per_minute_max": (9, "orders_per_minute_max", 9),
        "open_orders_max": (9, "open_orders_max", 9),
        "look_alike_seconds": (9, "look_alike_ms", 9_000),
        "executions_max": (9, "executions_max", 9),
        "executions_seconds": (9, "executions_ms", 9_000),
    }
    for name, (value, field, expected) in given.items():
        settings, _ = load_settings(overrides={name: value})
        limits, guards = settings.risk_policy().limits, settings.guard_limits()
        changed = {
            key: getattr(new, key)
            for new, old in (
                (limits, usual.risk_policy().limits),
                (guards, usual.guard_limits()),
            )
            for key in new.__slots__
            if getattr(new, key) != getattr(old, key)
        }
        assert changed == {field: expected}


def test_the_defaults_of_limits_stand_once() -> None:
    """The settings and the values they make agree on every default."""
    settings, _ = load_settings()
    assert settings.risk_policy().limits == RiskLimits()
    assert settings.guard_limits() == GuardLimits()
