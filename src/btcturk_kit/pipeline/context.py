"""What strategies and guards may look at: one object a run, moved from instant to instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from btcturk_kit.domain.cycle import Mark
from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import Balance, BarColumns, MarketFrame
from btcturk_kit.domain.money import ZERO, mul
from btcturk_kit.domain.orders import Order
from btcturk_kit.domain.positions import Position
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.pipeline.books import Books, investable_cash
from btcturk_kit.pipeline.profile import Profile

__all__ = ["CycleContext", "has_stale", "mark_at", "marks_at"]
_tuple = tuple.__new__  # a value with all its fields given costs half of one made by name


def mark_at(columns: BarColumns, index: int, event_time_ms: int) -> Mark:
    """Return the market of one pair at one instant of a frame; exact."""
    scale = -columns.price_scale
    price = Decimal(columns.close[index]).scaleb(scale)
    if columns.bid is columns.close and columns.ask is columns.close:  # candles without a book
        return Mark(price, price, price, event_time_ms)
    return _tuple(
        Mark,
        (
            price,
            Decimal(columns.bid[index]).scaleb(scale),
            Decimal(columns.ask[index]).scaleb(scale),
            event_time_ms,
        ),
    )


def marks_at(frame: MarketFrame, index: int) -> dict[Symbol, Mark]:
    """Return the market of every pair at one instant of a frame.

    A book says how old it is; a recorded bar is as old as the instant it closed at, which is an
    earlier one where a close is carried forward.
    """
    now_ms = frame.times_ms[index]
    if not frame.books:
        return {
            bars.symbol: mark_at(
                bars, index, now_ms if bars.seen_ms is None else bars.seen_ms[index]
            )
            for bars in frame.bars
        }
    seen_ms = {book.symbol: book.event_time_ms for book in frame.books}
    return {
        bars.symbol: mark_at(bars, index, seen_ms.get(bars.symbol, now_ms)) for bars in frame.bars
    }


def has_stale(frame: MarketFrame, index: int, age_ms_max: int) -> bool:
    """Whether a close that is carried forward to an instant of a frame is older than that."""
    oldest_ms = frame.times_ms[index] - age_ms_max
    return any(bars.seen_ms is not None and bars.seen_ms[index] < oldest_ms for bars in frame.bars)


class CycleContext:
    """The strategy context of one run; `index` is where the runner stands in the frame.

    Args:
        rules: Trading rules of the run's pairs.
        profile: Policies; a position worth less than its dust, or than the pair's least notional,
            is not held.
    """

    __slots__ = (
        "_balances",
        "_books",
        "_columns",
        "_dust_try",
        "_holding",
        "_index",
        "_nothing",
        "_orders",
        "_positions",
        "_profile",
        "_rules",
        "_times_ms",
        "_working",
        "mode",
        "trading_capital_try",
    )

    def __init__(self, rules: Mapping[Symbol, PairRules], profile: Profile) -> None:
        self._rules = rules
        self._profile = profile
        self._dust_try = profile.risk.limits.dust_try
        self._columns: dict[Symbol, BarColumns] = {}
        self._times_ms: Sequence[int] = ()
        self._positions: dict[Symbol, Position] = {}
        self._nothing: dict[Asset, Position] = {}  # of coins that were never held
        self._orders: dict[Symbol, tuple[Order, ...]] = {}
        self._holding: dict[Symbol, bool] = {}
        self._working: dict[Symbol, bool] = {}
        self._index = 0
        self.mode = RiskMode.NORMAL
        self.trading_capital_try = ZERO
        self._books: Books | None = None
        self._balances: tuple[Balance, ...] | None = None

    @property
    def index(self) -> int:
        """Where the runner stands in the frame; read only, so that a plug-in cannot look ahead."""
        return self._index

    @property
    def now_ms(self) -> int:
        """The decision instant."""
        return self._times_ms[self._index]

    def enter(self, frame: MarketFrame) -> None:
        """Stand at the first instant of a frame."""
        self._columns = {columns.symbol: columns for columns in frame.bars}
        self._times_ms = frame.times_ms
        self._index = 0

    def refresh(
        self, books: Books, *, mode: RiskMode, balances: tuple[Balance, ...] | None
    ) -> None:
        """Take over what an event cycle changed."""
        self._books = books
        self._balances = balances
        self.mode = mode
        self.trading_capital_try = books.capital.trading_capital_try
        positions, working = books.positions, books.orders
        for symbol, rules in self._rules.items():
            position = positions.get(rules.base)
            if position is None:
                position = self._nothing.get(rules.base)
                if position is None:
                    position = self._nothing[rules.base] = Position(rules.base)
            self._positions[symbol] = position
            is_held = position.quantity and self._is_held(symbol, position, rules)
            self._holding[symbol] = bool(is_held)
            own: tuple[Order, ...] = ()
            if working:
                own = tuple([one for one in working.values() if one.symbol == symbol])
            self._orders[symbol] = own
            self._working[symbol] = bool(own)

    @property
    def books(self) -> Books | None:
        """The books as they stand; the draft of a cycle while it is decided."""
        return self._books

    @property
    def investable_try(self) -> Decimal:
        """Cash a new buy may use now, charges included; computed when asked."""
        if self._books is None:
            return ZERO
        return investable_cash(self._books, self._balances, self._profile)

    def _is_held(self, symbol: Symbol, position: Position, rules: PairRules) -> bool:
        columns = self._columns.get(symbol)
        dust = self._dust_try
        dust = max(dust, rules.min_notional)
        if columns is None:
            return position.cost >= dust
        mark = Decimal(columns.close[self._index]).scaleb(-columns.price_scale)
        return mul(position.quantity, mark) >= dust

    def mark(self, symbol: Symbol) -> Mark:
        """Return the market of a pair at this instant; it says how old it is."""
        columns = self._columns[symbol]
        seen_ms = columns.seen_ms
        at_ms = self.now_ms if seen_ms is None else seen_ms[self._index]
        return mark_at(columns, self._index, at_ms)

    def position(self, symbol: Symbol) -> Position:
        """Return the bot's lots of the pair's base asset."""
        return self._positions[symbol]

    def is_holding(self, symbol: Symbol) -> bool:
        """Whether the bot holds more than dust of the pair's base asset."""
        return self._holding[symbol]

    def is_working(self, symbol: Symbol) -> bool:
        """Whether an order of the bot in this pair is not terminal yet."""
        return self._working[symbol]

    def orders(self, symbol: Symbol) -> tuple[Order, ...]:
        """Return the bot's orders in this pair that are not terminal."""
        return self._orders[symbol]

    def rules(self, symbol: Symbol) -> PairRules:
        """Return the trading rules of a pair."""
        return self._rules[symbol]
