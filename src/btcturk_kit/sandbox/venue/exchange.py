"""The exchange itself: customers, pairs, markets that move, and a clock that others move.

Everything that happens is a function of the tapes, the seed and the sequence of calls with their
instants. Chance hangs on the client order id (without one on the order's number) and never on the
call: how long a submit takes to arrive, and how long a cancel waits in its queue, in which time the
order can fill.

Never add: HTTP, signatures, rate windows, a real clock, the way of an order (`order_flow`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.market import OrderBook, Ticker
from btcturk_kit.domain.orders import OrderRequest, OrderStatus, OrderType, StopRequest
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.moves import HOUSE, PairHalt
from btcturk_kit.sandbox.market.playing import NEVER_MS
from btcturk_kit.sandbox.venue.cancels import CancelQueue
from btcturk_kit.sandbox.venue.clearing import Clearing
from btcturk_kit.sandbox.venue.events import (
    BalanceMoved,
    ExchangeEvent,
    OrderWithdrawn,
    QuotesMoved,
)
from btcturk_kit.sandbox.venue.fee_levels import check_fee_level
from btcturk_kit.sandbox.venue.history import CONTROL, History
from btcturk_kit.sandbox.venue.holding import Holding, PlacedOrder
from btcturk_kit.sandbox.venue.order_flow import OrderFlow
from btcturk_kit.sandbox.venue.pair import Listing, PairMarket, PairState, PriceBand
from btcturk_kit.sandbox.venue.public_record import DaySummary, PrintedTrade
from btcturk_kit.sandbox.venue.quirks import Quirks
from btcturk_kit.sandbox.venue.refusals import (
    CANCEL_BLOCKED,
    CANNOT_CANCEL,
    NO_ORDER_MATCHES,
    Refused,
)
from btcturk_kit.sandbox.venue.transfers import Transfer
from btcturk_kit.simulation.chance import Chance
from btcturk_kit.simulation.fees import FeeSchedule
from btcturk_kit.simulation.latency import EXCHANGE_LATENCY
from btcturk_kit.wire.encode_graph import GraphCandle

__all__ = ["Exchange"]

_FIRST_TRANSFER_ID = 34_086_674


class Exchange:
    """An exchange.

    Args:
        listings: Its pairs and what moves them.
        seed: Draws what the tapes leave open, latencies and numbers.
        start_ms: The instant it opens; None for the recorded time of the first pair's tape.
        fees: The rates of every customer in every pair; None for those of its level.
        has_latency: Whether a submit moves the clock by its drawn latency: on a virtual clock yes,
            on a real one time passes by itself.
        quirks: Its ways where no source settles them.

    Attributes:
        history: What happened, entry by entry.
        on_event: Called with everything that happens, at the moment it does; None to tell nobody.

    Raises:
        ConfigurationError: No pair is listed, or one twice.

    Example:
        >>> from btcturk_kit.domain.orders import MarketBuy
        >>> from btcturk_kit.sandbox.venue.listing import bundled_listing
        >>> exchange = Exchange([bundled_listing()], seed=1)
        >>> exchange.open_account("ann", {Asset("TRY"): Decimal(100_000)})
        >>> order = exchange.submit("ann", MarketBuy(Symbol("BTCTRY"), Decimal(1_000)))
        >>> order.status, exchange.holding("ann").fills[0].order_id == order.order_id
        (<OrderStatus.FILLED: 'filled'>, True)
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        *,
        seed: int,
        start_ms: int | None = None,
        fees: FeeSchedule | None = None,
        has_latency: bool = True,
        quirks: Quirks = Quirks(),  # noqa: B008 - a tuple of constants
    ) -> None:
        self.on_event: Callable[[ExchangeEvent], None] | None = None
        self.history = History()
        self.quirks = quirks
        self._has_latency = has_latency
        self._chance = Chance(seed)
        self._pairs: dict[Symbol, PairMarket] = {}
        for rules, tape in listings:
            if rules.symbol in self._pairs:
                raise ConfigurationError(f"the pair {rules.symbol} is listed twice")
            playback = tape.play(seed=seed, start_ms=start_ms)
            start_ms = playback.start_ms
            self._pairs[rules.symbol] = PairMarket(rules, playback)
        if start_ms is None:
            raise ConfigurationError("an exchange needs at least one pair")
        self._clearing = Clearing(
            [one.rules for one in self._pairs.values()], fees=fees, quirks=quirks
        )
        self._flow = OrderFlow(
            self._clearing, self._chance, quirks=quirks, history=self.history, tell=self._tell
        )
        self._cancels = CancelQueue(self._chance)
        self._next_transfer_id = _FIRST_TRANSFER_ID
        self._now_ms = start_ms
        self.advance_to(start_ms)

    # ---- time

    @property
    def now_ms(self) -> int:
        """The exchange's clock, UTC milliseconds."""
        return self._now_ms

    def advance_to(self, now_ms: int) -> None:
        """Let everything happen that is due up to `now_ms`; an instant in the past does nothing.

        At the same instant markets move before a cancel is carried out, in the order of listing.
        """
        now_ms = min(now_ms, NEVER_MS - 1)
        while True:
            market_ms, pair = NEVER_MS, None
            for one in self._pairs.values():
                if (next_ms := one.playback.next_ms()) < market_ms:
                    market_ms, pair = next_ms, one
            cancel_ms = self._cancels.next_ms()
            due_ms = min(market_ms, cancel_ms)
            if due_ms > now_ms:
                break
            self._now_ms = max(self._now_ms, due_ms)
            if pair is not None and market_ms <= cancel_ms:
                self._move_market(pair)
            else:
                self._carry_out_cancel()
        self._now_ms = max(self._now_ms, now_ms)

    # ---- customers

    def open_account(
        self, name: str, opening: Mapping[Asset, Decimal], *, fee_level: int = 1
    ) -> None:
        """Add a customer with what it owns at the start.

        Raises:
            ConfigurationError: The name is taken, an asset is of no pair, or there is no such
                level.
        """
        check_fee_level(fee_level)
        self._clearing.open_account(name, opening)
        self.holding(name).fee_level = fee_level
        owned = " ".join(f"{amount:f} {asset}" for asset, amount in opening.items())
        self.history.note(self._now_ms, name, "open", "", f"level {fee_level} {owned}".rstrip())

    def set_fee_level(self, name: str, fee_level: int) -> None:
        """Let a customer's next orders trade at another level.

        Raises:
            ConfigurationError: There is no such level.
        """
        check_fee_level(fee_level)
        self.holding(name).fee_level = fee_level
        self.history.note(self._now_ms, CONTROL, "fee_level", name, str(fee_level))

    def deposit(self, name: str, asset: Asset, amount: Decimal) -> None:
        """Add money to an account from outside; it may be zero, not negative.

        It is listed among the transfers, unlike what an account was opened with.
        """
        self._clearing.deposit(name, asset, amount)
        self._note_transfer(name, asset, amount)

    def withdraw(self, name: str, asset: Asset, amount: Decimal) -> bool:
        """Take free money out of an account; False, and nothing done, if there is not so much.

        Taking out nothing is no transfer.
        """
        is_done = self._clearing.withdraw(name, asset, amount)
        if is_done and amount:
            self._note_transfer(name, asset, -amount)
        return is_done

    def has_account(self, name: str) -> bool:
        """Whether there is such a customer."""
        return self._clearing.has_account(name)

    def accounts(self) -> tuple[str, ...]:
        """Return the names of all customers, in order of their coming."""
        return self._clearing.owners()

    def holding(self, name: str) -> Holding:
        """Return what a customer has: for reading, only the exchange changes it."""
        return self._clearing.holding(name)

    def fees_of(self, name: str, symbol: Symbol) -> FeeSchedule:
        """Return the rates that a customer's next order in a pair trades at."""
        return self._clearing.fees_of(self.holding(name), symbol)

    def audit(self) -> None:
        """Prove that nothing was created or lost, and that locks are what open orders reserve.

        Raises:
            InvariantViolation: It was, or they are not.
        """
        self._clearing.audit(
            resting_quantity=lambda symbol, order_id: self._pairs[symbol].engine.remaining(order_id)
        )

    # ---- orders

    def submit(
        self, name: str, request: OrderRequest | StopRequest, *, client_order_id: str = ""
    ) -> PlacedOrder | Refused:
        """Place an order, or say why not. A client order id may come again: nobody checks.

        Args:
            name: The customer.
            request: An order for a listed pair.
            client_order_id: The customer's name for it; one is made up if it is empty.
        """
        if self._has_latency:
            key = client_order_id or str(self._flow.next_order_id)
            self.advance_to(self._now_ms + EXCHANGE_LATENCY.submit_after_ms(self._chance, key))
        order = self._flow.submit(
            self._pairs[request.symbol],
            self.holding(name),
            request,
            client_order_id=client_order_id,
            now_ms=self._now_ms,
        )
        if isinstance(order, Refused):
            outcome = f"refused {order.message}"
            self.history.note(self._now_ms, name, "submit", client_order_id, outcome)
        return order

    def cancel(self, name: str, order_id: int) -> Refused | None:
        """Queue a cancel and return None, or say why not; repeating it is safe.

        The order can fill until the cancel is carried out.
        """
        order = self.holding(name).orders.get(order_id)
        refused = self._cancel_refusal(order)
        if refused is not None:
            outcome = f"refused {refused.message}"
        elif order is None or order.is_canceled_or_will_be:
            outcome = "nothing to do"
        else:
            outcome = "queued"
            self._cancels.add(order, owner=name, now_ms=self._now_ms)
        self.history.note(self._now_ms, name, "cancel", str(order_id), outcome)
        return refused

    # ---- the market as everybody sees it

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The pairs, in order of their listing."""
        return tuple(self._pairs)

    def symbol_of(self, text: str) -> Symbol | None:
        """Return the pair that `BTCTRY`, `BTC_TRY` or `btctry` names, None if it is not listed."""
        symbol = Symbol(text.replace("_", "").upper())
        return symbol if symbol in self._pairs else None

    def rules(self, symbol: Symbol) -> PairRules:
        """Return a pair's rules of the moment."""
        return self._pairs[symbol].rules_now()

    def book(self, symbol: Symbol, *, levels: int) -> OrderBook:
        """Return the best levels of both sides; amounts are cut to eight places."""
        return self._pairs[symbol].view.book(levels=levels, now_ms=self._now_ms)

    def ticker(self, symbol: Symbol) -> Ticker:
        """Return a pair's row of the ticker."""
        return self._pairs[symbol].view.ticker(self._now_ms)

    def day(self, symbol: Symbol) -> DaySummary:
        """Summarize the last 24 hours of trades."""
        return self._pairs[symbol].record.day(self._now_ms)

    def public_trades(self, symbol: Symbol, *, count: int) -> tuple[PrintedTrade, ...]:
        """Return the last trades of everybody, newest first."""
        return self._pairs[symbol].record.newest(count)

    def candles(
        self, symbol: Symbol, span_ms: int, *, first_ms: int, last_ms: int
    ) -> list[GraphCandle]:
        """Return the candles of a length that open in a span, both ends inclusive, oldest first."""
        candles = self._pairs[symbol].record.candles
        return candles.between(span_ms, first_ms=first_ms, last_ms=last_ms)

    # ---- what the exchange decides about its pairs

    def state(self, symbol: Symbol) -> PairState:
        """Return whether a pair is open."""
        return self._pairs[symbol].state

    def takes_market_orders(self, symbol: Symbol) -> bool:
        """Whether market orders of a pair are on."""
        return self._pairs[symbol].takes_market_orders

    def band(self, symbol: Symbol) -> PriceBand | None:
        """Return the limits that were set for the prices of a pair, None if none were."""
        return self._pairs[symbol].band

    def set_state(self, symbol: Symbol, state: PairState, *, by: str = CONTROL) -> None:
        """Open or close a pair; quotes that waited for its opening are carried out then.

        The house's tape does not open what somebody else closed.
        """
        pair = self._pairs[symbol]
        closed_by = "" if state is PairState.OPEN else by
        if (state, closed_by) == (pair.state, pair.closed_by):
            return
        pair.closed_by = closed_by
        self.history.note(self._now_ms, by, "pair", symbol, state.value)
        if state is PairState.OPEN:
            self._flow.settle(pair, pair.reopen(), self._now_ms)
            self._tell(QuotesMoved(symbol))
            self._flow.set_off_stops(pair, self._now_ms)
        else:
            pair.state = state

    def set_market_orders(self, symbol: Symbol, *, is_on: bool) -> None:
        """Switch market orders of a pair off or on."""
        self._pairs[symbol].takes_market_orders = is_on
        outcome = "market orders on" if is_on else "market orders off"
        self.history.note(self._now_ms, CONTROL, "pair", symbol, outcome)

    def set_band(self, symbol: Symbol, band: PriceBand | None) -> None:
        """Limit the prices of a pair as on the first day of a listing, or no longer."""
        self._pairs[symbol].band = band
        outcome = "no band" if band is None else f"band {band.low:f} to {band.high:f}"
        self.history.note(self._now_ms, CONTROL, "pair", symbol, outcome)

    # ---- inside

    def _cancel_refusal(self, order: PlacedOrder | None) -> Refused | None:
        if order is None:
            return NO_ORDER_MATCHES
        if order.order_type is OrderType.MARKET or order.status is OrderStatus.FILLED:
            return CANNOT_CANCEL
        if self._pairs[order.request.symbol].state is PairState.MAINTENANCE:
            return CANCEL_BLOCKED
        return None

    def _note_transfer(self, name: str, asset: Asset, amount: Decimal) -> None:
        transfer = Transfer(self._next_transfer_id, asset, amount, self._now_ms)
        self._next_transfer_id += 1
        self.holding(name).transfers.add(transfer)
        op = "withdraw" if amount < 0 else "deposit"
        outcome = f"{abs(amount):f} {asset}"
        self.history.note(self._now_ms, name, op, str(transfer.transfer_id), outcome)
        pairs = self._pairs.values()
        symbol = next(one.symbol for one in pairs if asset in (one.rules.base, one.rules.quote))
        self._tell(BalanceMoved(name, symbol))

    def _tell(self, event: ExchangeEvent) -> None:
        if self.on_event is not None:
            self.on_event(event)

    def _move_market(self, pair: PairMarket) -> None:
        move = pair.playback.take()
        if isinstance(move, PairHalt):
            if pair.follows(move):
                state = PairState.HALTED if move.is_halted else PairState.OPEN
                self.set_state(pair.symbol, state, by=HOUSE)
            return
        self._flow.settle(pair, pair.move(move), self._now_ms)
        self._tell(QuotesMoved(pair.symbol))
        self._flow.set_off_stops(pair, self._now_ms)

    def _carry_out_cancel(self) -> None:
        order_id, name, left = self._cancels.take()
        holding = self.holding(name)
        order = holding.open_orders.get(order_id)
        if order is None:
            self.history.note(self._now_ms, name, "cancel", str(order_id), "too late")
        else:
            pair = self._pairs[order.request.symbol]
            self._flow.withdraw(pair, holding, order, now_ms=self._now_ms)
            self._tell(OrderWithdrawn(name, order, left))
            self._tell(BalanceMoved(name, pair.symbol))
