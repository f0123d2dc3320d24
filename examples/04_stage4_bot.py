"""The stage-4 bot, put together from its blocks in one file, with a strategy of one's own.

What `btcturk-kit stage4-run` does with settings is spelled out here: client, clock, market, venue
with its permission to write, store, lock, policies, plug-ins, runner. The exchange is a local one
in virtual time: 200 market hours pass in seconds.

    python examples/04_stage4_bot.py
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from btcturk_kit import (
    Account,
    BarView,
    BoundStrategy,
    BtcturkClient,
    BtcturkMarketData,
    BtcturkVenue,
    Credentials,
    CycleContext,
    CycleRunner,
    FileInstanceLock,
    HookGateway,
    Httpx2Transport,
    Intent,
    Kit,
    OrderType,
    Profile,
    RiskBudgetPolicy,
    RiskLimits,
    RiskMode,
    RunReport,
    SandboxClock,
    SelfFinancing,
    Side,
    SideEffectPolicy,
    SqliteStateStore,
    StrategyContext,
    StrategyDefinition,
    Symbol,
    hookimpl,
    load_plugins,
)
from btcturk_kit.compose.kits import day_end_in
from btcturk_kit.sandbox import SandboxAddress, SandboxProcess

ACCOUNT, BTCTRY, HOUR_MS = "example", Symbol("BTCTRY"), 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DipParameters:
    """Buy for `buy_try` after `falling_bars` falling closes in a row."""

    falling_bars: int = 3
    buy_try: Decimal = Decimal(10_000)


class Dip:
    """Buys into a run of falling closes and sells all after the first rising one."""

    def __init__(self, parameters: DipParameters, symbol: Symbol) -> None:
        self._parameters, self._symbol = parameters, symbol
        self._last, self._falling = 0.0, 0

    def on_bar(self, bar: BarView) -> None:
        """Count falling closes; a strategy may compute in floats, only `Decimal` leaves it."""
        self._falling = self._falling + 1 if bar.close_float < self._last else 0
        self._last = bar.close_float

    def propose(self, context: StrategyContext) -> tuple[Intent, ...]:
        """Say what to do now. Budget, rounding, limits and guards come after, from the kit."""
        symbol = self._symbol
        if context.is_working(symbol):
            return ()
        if context.is_holding(symbol):
            if self._falling:
                return ()
            held = context.position(symbol).quantity
            return (Intent("dip", symbol, Side.SELL, OrderType.MARKET, held, reason="rising"),)
        if context.mode is not RiskMode.NORMAL or self._falling < self._parameters.falling_bars:
            return ()
        amount, ask = self._parameters.buy_try, context.mark(symbol).ask
        return (Intent("dip", symbol, Side.BUY, OrderType.LIMIT, quote_amount=amount, price=ask),)

    def dump_state(self) -> str:
        """Return all that the next decision depends on; it is stored with every commit."""
        return f"{self._last!r} {self._falling}"

    def load_state(self, text: str) -> None:
        """Go on where `dump_state` was called."""
        last, falling = text.split()
        self._last, self._falling = float(last), int(falling)


class DipPlugin:
    """The plug-in; in a package of its own it would be a module, named by an entry point."""

    @hookimpl
    def kit_define_strategy(self) -> StrategyDefinition:
        """Offer the strategy."""
        return StrategyDefinition(DipParameters, Dip)


async def run(address: SandboxAddress, folder: Path) -> RunReport:
    """Assemble the bot and let it trade for 200 hours."""
    transport = Httpx2Transport()
    clock = await SandboxClock.connect(
        transport=transport, control_url=address.control, control_token=address.control_token
    )
    client = BtcturkClient(
        base_url=address.rest,
        credentials=Credentials(address.api_key, address.api_secret),
        transport=transport,
        clock=clock,
    )
    rules = {BTCTRY: (await client.pair_rules())[BTCTRY]}
    profile = Profile(
        account=ACCOUNT,
        symbols=(BTCTRY,),
        day_end=day_end_in("Europe/Istanbul"),
        risk=RiskBudgetPolicy(
            financing=SelfFinancing(trading_ratio=Decimal("0.7"), treasury_ratio=Decimal("0.3")),
            limits=RiskLimits(daily_loss_ratio=Decimal("0.03")),
        ),
    )
    # Only what is named is loaded: one guard that is installed, and the strategy from this file.
    gateway = HookGateway(load_plugins(["spread-guard"], extra={"dip": DipPlugin()}))
    dip = gateway.strategies()["dip"].factory(DipParameters(falling_bars=2), BTCTRY)
    kit = Kit(
        profile=profile,
        rules=rules,
        gateway=gateway,
        strategies=(BoundStrategy("dip", BTCTRY, dip),),
        context=CycleContext(rules, profile),
    )
    may_write = SideEffectPolicy(may_submit=True, may_cancel=True, kind="sandbox")
    store = SqliteStateStore.open(folder / "bot.sqlite3", account=ACCOUNT)
    try:
        runner = CycleRunner(
            kit=kit,
            market=BtcturkMarketData(client, clock, [BTCTRY], HOUR_MS),
            venue=BtcturkVenue(client, policy=may_write),
            store=store,
            lock=FileInstanceLock(ACCOUNT, directory=folder),
            trading_capital_try=Decimal(50_000),
        )
        report = await runner.run(max_cycles=200)
        totals = store.totals()
        print(f"{report.cycles} cycles, {totals.buys} buys, {totals.sells} sells")
        return report
    finally:
        store.close()
        await transport.aclose()


def show(report: RunReport) -> None:
    """Print what the books say, and hold them against the exchange."""
    ledger, capital = report.state.ledger, report.state.capital
    print(f"realized         {capital.last_realized_pnl_total_try:>12.2f} TRY net")
    print(f"trading capital  {capital.trading_capital_try:>12.2f} TRY")
    print(f"treasury         {capital.treasury_try:>12.2f} TRY, out of the bot's reach")
    print(f"equity           {report.equity_try:>12.2f} TRY, mode {report.state.mode.mode}")
    for balance in report.balances:
        bot = ledger.balance(Account.BOT, balance.asset)
        off = balance.total - ledger.held(balance.asset)
        print(f"{balance.asset}: the bot has {bot:.8f}; exchange less books {off:.8f}")


if __name__ == "__main__":
    with SandboxProcess(seed=5) as found, TemporaryDirectory() as made:
        show(asyncio.run(run(found, Path(made))))
