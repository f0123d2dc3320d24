"""Typed settings: the only reader of the environment and of dotenv files.

Order: arguments given by the caller, environment, dotenv file, defaults. A `BTCTURK_KIT_` name that
no setting has is reported, never ignored in silence. Never add: a decision, an object with effects.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from btcturk_kit.domain.capital import Granularity, ProfitBasis, SelfFinancing, SplitBasis
from btcturk_kit.domain.guard_memory import GuardLimits
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.positions import CostMethod
from btcturk_kit.domain.risk import RiskBudgetPolicy
from btcturk_kit.domain.risk_limits import SUBMITS_KEPT, RiskLimits, StreakUnit
from btcturk_kit.errors import ConfigurationError

__all__ = [
    "PREFIX",
    "FixedSettings",
    "Settings",
    "environment_names",
    "load_settings",
    "validated_parameters",
]

PREFIX = "BTCTURK_KIT_"
_KEY_NAMES = {"api_key": "BTCTURK_API_KEY", "api_secret": "BTCTURK_API_SECRET"}

Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting of a run; frozen. Ratios are in [0, 1], money is TRY, durations are seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    api_key: str = Field(default="", validation_alias=_KEY_NAMES["api_key"])
    api_secret: SecretStr = Field(default=SecretStr(""), validation_alias=_KEY_NAMES["api_secret"])

    rest_url: str = "https://api.btcturk.com"
    graph_url: str = ""
    ws_url: str = ""
    market_source: Literal["rest", "stream"] = "rest"
    http: Literal["httpx2", "aiohttp"] = "httpx2"
    control_url: str = ""
    control_token: SecretStr = SecretStr("")

    account: str = ""
    symbols: Names = ("BTCTRY",)
    strategies: Names = ("trend",)
    guards: Names = ("spread-guard",)
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    db: Path | None = None
    state_dir: Path | None = None
    cycle_seconds: float = Field(default=60.0, gt=0)
    jitter_seconds: float = Field(default=0.0, ge=0)
    day_zone: str = "Europe/Istanbul"

    dry_run: bool | None = None
    dry_run_balance_try: Decimal = Field(default=Decimal(100_000), gt=0)
    kill_switch: bool = False
    freeze_all: bool = False
    live_trading: bool = False
    live_trading_ack: str = ""

    trading_capital_try: Decimal | None = Field(default=None, gt=0)
    reserve_try: Decimal = Field(default=Decimal(0), ge=0)
    trading_ratio: Decimal = Decimal("0.60")
    treasury_ratio: Decimal = Decimal("0.40")
    split_basis: SplitBasis = SplitBasis.NET
    profit_basis: ProfitBasis = ProfitBasis.CHECKPOINT
    granularity: Granularity = Granularity.EVENT
    cost_method: CostMethod = CostMethod.FIFO

    taker_ratio: Decimal = Field(default=Decimal("0.0024"), ge=0, lt=1)
    maker_ratio: Decimal = Field(default=Decimal("0.0012"), ge=0, lt=1)
    collar_ratio: Decimal = Field(default=Decimal("0.05"), gt=0, le=1)
    daily_loss_ratio: Decimal = Decimal("0.05")
    drawdown_ratio: Decimal = Decimal("0.15")
    gross_exposure_ratio: Decimal = Decimal("1.20")
    order_ratio: Decimal = Decimal("0.20")
    position_ratio: Decimal = Decimal("1.20")
    fee_burn_ratio: Decimal = Decimal("0.02")
    loss_streak: int = Field(default=3, ge=1)
    streak_unit: StreakUnit = StreakUnit.TRIPS
    streak_multiplier: Decimal = Field(default=Decimal("0.50"), ge=0, le=1)
    volatility_ratio_max: Decimal = Decimal("0.25")
    stress_multiplier: Decimal = Field(default=Decimal("0.25"), ge=0, le=1)
    spread_ratio_max: Decimal = Decimal("0.02")
    volume_try_min: Decimal = Field(default=Decimal(0), ge=0)
    reject_ratio_max: Decimal = Decimal("0.50")
    reject_window: int = Field(default=10, ge=1, le=SUBMITS_KEPT)
    reject_age_seconds_max: float = Field(default=3600.0, gt=0)
    clock_offset_seconds_max: float = Field(default=2.0, gt=0)
    latency_seconds_max: float = Field(default=2.0, gt=0)
    unknown_orders_max: int = Field(default=1, ge=0)
    cooldown_seconds: float = Field(default=900.0, ge=0)
    clean_cycles: int = Field(default=3, ge=1)
    dust_try: Decimal = Field(default=Decimal(10), ge=0)
    data_age_seconds_max: float = Field(default=30.0, gt=0)

    order_notional_try_max: Decimal | None = None
    order_quantity_max: Decimal | None = None
    orders_per_minute_max: int = 30
    open_orders_max: int = Field(default=20, ge=1)
    look_alike_seconds: float = Field(default=5.0, ge=0)
    executions_max: int = 20
    executions_seconds: float = Field(default=600.0, gt=0)
    order_ttl_seconds: float = Field(default=7200.0, gt=0)
    unknown_horizon_seconds: float = Field(default=60.0, ge=1)

    @field_validator("symbols", "strategies", "guards", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple([part.strip() for part in value.split(",") if part.strip()])
        return value

    @field_validator("symbols")
    @classmethod
    def _canonical(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = [name.upper().replace("_", "").replace("-", "") for name in value]
        if not names:
            raise ValueError("name at least one pair")
        return tuple(dict.fromkeys(names))

    @field_validator("day_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is not a time zone") from None
        return value

    def pairs(self) -> tuple[Symbol, ...]:
        """Return the configured pairs."""
        return tuple([Symbol(name) for name in self.symbols])

    def risk_policy(self) -> RiskBudgetPolicy:
        """Return capital split and limits as one policy.

        Raises:
            ConfigurationError: Ratios that do not sum to 1, or a limit of nothing.
        """
        return RiskBudgetPolicy(
            financing=SelfFinancing(
                trading_ratio=self.trading_ratio,
                treasury_ratio=self.treasury_ratio,
                basis=self.split_basis,
                profit_basis=self.profit_basis,
                granularity=self.granularity,
            ),
            limits=RiskLimits(
                daily_loss_ratio=self.daily_loss_ratio,
                drawdown_ratio=self.drawdown_ratio,
                gross_exposure_ratio=self.gross_exposure_ratio,
                order_ratio=self.order_ratio,
                position_ratio=self.position_ratio,
                fee_burn_ratio=self.fee_burn_ratio,
                loss_streak=self.loss_streak,
                streak_unit=self.streak_unit,
                streak_multiplier=self.streak_multiplier,
                volatility_ratio_max=self.volatility_ratio_max,
                stress_multiplier=self.stress_multiplier,
                spread_ratio_max=self.spread_ratio_max,
                volume_try_min=self.volume_try_min,
                reject_ratio_max=self.reject_ratio_max,
                reject_window=self.reject_window,
                reject_age_ms_max=_ms(self.reject_age_seconds_max),
                clock_offset_ms_max=_ms(self.clock_offset_seconds_max),
                latency_ms_max=_ms(self.latency_seconds_max),
                unknown_orders_max=self.unknown_orders_max,
                cooldown_ms=_ms(self.cooldown_seconds),
                clean_cycles=self.clean_cycles,
                dust_try=self.dust_try,
                data_age_ms_max=_ms(self.data_age_seconds_max),
            ),
        )

    def guard_limits(self) -> GuardLimits:
        """Return the absolute limits of the last gate.

        Raises:
            ConfigurationError: A limit of nothing, or one beyond what is remembered.
        """
        return GuardLimits(
            order_notional_try_max=self.order_notional_try_max,
            order_quantity_max=self.order_quantity_max,
            orders_per_minute_max=self.orders_per_minute_max,
            open_orders_max=self.open_orders_max,
            look_alike_ms=_ms(self.look_alike_seconds),
            executions_max=self.executions_max,
            executions_ms=_ms(self.executions_seconds),
        )


class FixedSettings(Settings):
    """Settings that only the caller gives, for runs that must come out the same everywhere.

    Neither the environment nor a dotenv file changes them.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Keep the caller's source only."""
        return (init_settings,)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def environment_names() -> tuple[str, ...]:
    """Return the environment name of every setting, sorted."""
    return tuple(
        sorted(_KEY_NAMES.get(name, PREFIX + name.upper()) for name in Settings.model_fields)
    )


def load_settings(
    *, env_file: Path | None = None, overrides: Mapping[str, object] | None = None
) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings, and the `BTCTURK_KIT_` names that were set but mean nothing.

    Args:
        env_file: A dotenv file that must exist; None for `.env.live` if there is one.
        overrides: Values by field name that outrank everything; None values are left out.

    Raises:
        ConfigurationError: A value that cannot be, or a dotenv file that is not there.
    """
    if env_file is not None and not env_file.is_file():
        raise ConfigurationError(f"no settings file {env_file}", hint="check --env-file")
    file = env_file or Path(".env.live")
    given: dict[str, Any] = {
        name: value for name, value in (overrides or {}).items() if value is not None
    }
    known = set(environment_names())
    seen = {*os.environ, *(dotenv_values(file) if file.is_file() else ())}
    unknown = sorted(name for name in seen if name.startswith(PREFIX) and name not in known)
    try:
        return Settings(**{"_env_file": file, **given}), tuple(unknown)
    except ValidationError as error:
        raise ConfigurationError(_first_problem(error), hint="correct the setting") from None
    except SettingsError as error:
        raise ConfigurationError(f"settings: {error}", hint="correct the setting") from None


def validated_parameters(plugin: str, kind: type[Any], values: Mapping[str, object]) -> Any:  # noqa: ANN401 - the plug-in's own type
    """Return a plug-in's parameters, validated against its dataclass.

    Raises:
        ConfigurationError: An unknown name or a value that cannot be.
    """
    known = set(getattr(kind, "__dataclass_fields__", ()))
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigurationError(
            f"plug-in {plugin!r} has no parameter {unknown[0]!r}",
            hint=f"its parameters: {', '.join(sorted(known)) or 'none'}",
        )
    try:
        return TypeAdapter(kind).validate_python(dict(values))
    except ValidationError as error:
        raise ConfigurationError(
            f"plug-in {plugin!r}: {_first_problem(error)}", hint="correct the parameter"
        ) from None


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "settings"
    name = _KEY_NAMES.get(
        place, PREFIX + place.upper() if place in Settings.model_fields else place
    )
    return f"{name}: {first['msg'].removeprefix('Value error, ')}"
