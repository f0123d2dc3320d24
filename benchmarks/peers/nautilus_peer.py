"""nautilus_trader in the backtest benches: `nautilus_peer.py TASK CSV`.

It fills a market order at once, at the close of the bar that is decided on. In the random walk that
is the next open, so money is equal; over a gap it would not be.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import pandas as pd
from backtest_tasks import CAPITAL, EVERY, RATE, Crossing, Stopwatch, quoted
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import BTC
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, CurrencyType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

__all__ = ["main"]

VENUE = Venue("BENCH")
# Eight places, as ours: with the two of the shipped currency its fees would be rounded to cents.
QUOTE = Currency("TRY8", 8, 0, "TRY8", CurrencyType.CRYPTO)
NAME = InstrumentId(Symbol("BTCTRY"), VENUE)
BARS = BarType.from_str(f"{NAME}-1-MINUTE-LAST-EXTERNAL")
INSTRUMENT = CurrencyPair(
    instrument_id=NAME,
    raw_symbol=Symbol("BTCTRY"),
    base_currency=BTC,
    quote_currency=QUOTE,
    price_precision=3,
    size_precision=0,
    price_increment=Price.from_str("0.001"),
    size_increment=Quantity.from_int(1),
    maker_fee=Decimal(RATE),
    taker_fee=Decimal(RATE),
    ts_event=0,
    ts_init=0,
)
ONE = Quantity.from_int(1)


class Counting(Strategy):  # type: ignore[misc]  # the peer has no types
    """Counts what was filled and what is held."""

    def __init__(self) -> None:
        super().__init__()
        self.fills = self.held = self.bars = 0

    def on_start(self) -> None:
        """Ask for the bars."""
        self.subscribe_bars(BARS)

    def on_order_filled(self, event: Any) -> None:  # noqa: ANN401 - an event of that library
        """Note a fill of one unit."""
        self.fills += 1
        self.held += 1 if event.order_side == OrderSide.BUY else -1


class Crossover(Counting):
    """Long one unit while the average of 20 closes is above that of 100."""

    def __init__(self) -> None:
        super().__init__()
        self.crossing = Crossing()

    def on_bar(self, bar: Any) -> None:  # noqa: ANN401 - a bar of that library
        """Buy one unit, or sell it."""
        turned = self.crossing.turned(round(float(bar.close) * 100))
        if turned:
            side = OrderSide.BUY if turned > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(NAME, side, ONE))


class Quotes(Counting):
    """One unit on both sides, canceled and placed anew every ten bars."""

    def on_bar(self, bar: Any) -> None:  # noqa: ANN401 - a bar of that library
        """Replace both limits."""
        self.bars += 1
        if self.bars % EVERY:
            return
        self.cancel_all_orders(NAME)
        bid, ask = quoted(round(float(bar.close) * 100), self.held)
        limits = [(OrderSide.BUY, bid)]
        if self.held:
            limits.append((OrderSide.SELL, ask))
        for side, price in limits:
            at = Price(price / 1000, 3)
            self.submit_order(self.order_factory.limit(NAME, side, ONE, at))


TASKS = {"crossover": Crossover, "quotes": Quotes}


def main() -> None:
    """Load, run, and print a JSON document of what it took."""
    watch = Stopwatch()
    frame = pd.read_csv(sys.argv[2])
    frame.index = pd.to_datetime(frame.pop("time_ms"), unit="ms", utc=True)
    last = Decimal(str(frame["close"].iloc[-1]))
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=True)
    )
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.CASH,
        starting_balances=[Money(CAPITAL, QUOTE), Money(0, BTC)],
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(BarDataWrangler(BARS, INSTRUMENT).process(frame.astype(float)))
    strategy = TASKS[sys.argv[1]]()
    engine.add_strategy(strategy)
    watch.loaded()
    engine.run()
    engine.get_result()
    took = watch.stopped()
    cash = engine.portfolio.account(VENUE).balance_total(QUOTE).as_decimal()
    watch.finish(fills=strategy.fills, equity=str(cash + strategy.held * last), **took)


if __name__ == "__main__":
    main()
