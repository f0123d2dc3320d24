"""One method per endpoint: from a call to the status and the bytes of its answer.

A call that arrives here is signed and inside its windows. Never add: headers, sockets, the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Symbol
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.order_events import OrderAccepted
from btcturk_kit.domain.orders import LimitOrder, Side, StopMarketBuy, reservation_of
from btcturk_kit.sandbox.rest import bends
from btcturk_kit.sandbox.rest.calls import OK, Answer, Call, CannotReadError, Query, refuse, whole
from btcturk_kit.sandbox.rest.faults import Asked
from btcturk_kit.sandbox.rest.forms import read_order, whole_number
from btcturk_kit.sandbox.rest.playing import RestFaults
from btcturk_kit.sandbox.venue.checks import has_price_scale
from btcturk_kit.sandbox.venue.exchange import Exchange
from btcturk_kit.sandbox.venue.holding import PlacedOrder
from btcturk_kit.sandbox.venue.public_record import PRINTED_MAX
from btcturk_kit.sandbox.venue.public_view import WINDOW_LEVELS
from btcturk_kit.sandbox.venue.refusals import (
    INVALID_REQUEST,
    NO_ORDER_MATCHES,
    ORDER_NOT_FOUND,
    PRICE_SCALE,
    QUANTITY_SCALE,
    Refused,
    unknown_pair,
)
from btcturk_kit.sandbox.venue.transfers import Transfer
from btcturk_kit.wire import encode, encode_account, encode_public
from btcturk_kit.wire.pacing import Endpoint

__all__ = ["Answers"]

_ORDERS_MAX = 1_000
_TRANSFER_KINDS = ("deposit", "withdrawal")
_CONFIRMATIONS = 2
_HISTORY_MS = 30 * 24 * 3_600_000  # the default span of the history


class Answers:
    """What the exchange answers on each endpoint.

    Args:
        exchange: The exchange behind it.
        faults: What is played on its requests; None for nothing ever.
    """

    def __init__(self, exchange: Exchange, faults: RestFaults | None = None) -> None:
        self._exchange = exchange
        self._quirks = exchange.quirks
        self._faults = faults or RestFaults(exchange)
        self._by_endpoint: Mapping[Endpoint, Callable[[Call], Answer]] = {
            Endpoint.SERVER_TIME: self._server_time,
            Endpoint.SERVER_PING: self._server_ping,
            Endpoint.EXCHANGE_INFO: self._exchange_data,
            Endpoint.TICKER: self._ticker,
            Endpoint.TICKER_CURRENCY: self._ticker_of_currency,
            Endpoint.ORDER_BOOK: self._order_book,
            Endpoint.TRADES: self._trades,
            Endpoint.BALANCES: self._balances,
            Endpoint.OPEN_ORDERS: self._open_orders,
            Endpoint.ALL_ORDERS: self._all_orders,
            Endpoint.SUBMIT: self._answer_to_order,
            Endpoint.CANCEL: self._cancel,
            Endpoint.ORDER: self._order,
            Endpoint.TRADE_HISTORY: self._history,
            Endpoint.CRYPTO_HISTORY: self._crypto_history,
            Endpoint.FIAT_HISTORY: self._fiat_history,
        }

    def serves(self, endpoint: Endpoint) -> bool:
        """Whether this exchange has the endpoint."""
        return endpoint in self._by_endpoint

    def answer(self, endpoint: Endpoint, call: Call) -> Answer:
        """Return the answer to a call of a served endpoint."""
        try:
            return self._by_endpoint[endpoint](call)
        except CannotReadError:
            return refuse(INVALID_REQUEST)

    # ---- public

    def _server_time(self, call: Call) -> Answer:
        now_ms = self._faults.clock_ms(Asked(Endpoint.SERVER_TIME, call.owner))
        return Answer(OK, encode_public.server_time(now_ms))

    def _server_ping(self, _: Call) -> Answer:
        return Answer(OK, encode_public.server_ping())

    def _exchange_data(self, call: Call) -> Answer:
        rules = [self._exchange.rules(symbol) for symbol in self._exchange.symbols]
        now_ms = self._faults.clock_ms(Asked(Endpoint.EXCHANGE_INFO, call.owner))
        data = encode_public.exchange_data(rules, now_ms=now_ms)
        return Answer(OK, encode.envelope(data, message="", extensions=None))

    def _ticker(self, call: Call) -> Answer:
        pair = call.query.get("pairSymbol", "")
        if not pair:
            return self._tickers(self._exchange.symbols)
        symbol = self._exchange.symbol_of(pair)
        return self._tickers(() if symbol is None else (symbol,))

    def _ticker_of_currency(self, call: Call) -> Answer:
        """Answer with the pairs that are priced in a currency."""
        asset = call.query.get("symbol", "").upper()
        if not asset:
            return refuse(INVALID_REQUEST)
        symbols = self._exchange.symbols
        return self._tickers([one for one in symbols if self._exchange.rules(one).quote == asset])

    def _tickers(self, symbols: Iterable[Symbol]) -> Answer:
        rows = []
        for symbol in symbols:
            rules, day = self._exchange.rules(symbol), self._exchange.day(symbol)
            ticker = self._exchange.ticker(symbol)
            rows.append(
                encode_public.ticker_row(
                    ticker, base=rules.base, quote=rules.quote, average=day.average
                )
            )
        return Answer(OK, encode.envelope(rows))

    def _order_book(self, call: Call) -> Answer:
        pair = self._pair(call)
        if isinstance(pair, Refused):
            return refuse(pair)
        levels = min(whole(call, "limit", WINDOW_LEVELS), WINDOW_LEVELS)
        data = encode_public.order_book_data(self._exchange.book(pair, levels=levels))
        code = "SUCCESS" if self._quirks.book_code == "success" else 0
        return Answer(OK, encode.envelope(bends.bent_book(data, self._quirks), code=code))

    def _trades(self, call: Call) -> Answer:
        pair = self._pair(call)
        if isinstance(pair, Refused):
            return refuse(pair)
        count = min(whole(call, "last", PRINTED_MAX), PRINTED_MAX)
        rules = self._exchange.rules(pair)
        rows = [
            encode_public.public_trade_row(
                trade_id=trade.trade_id,
                symbol=pair,
                base=rules.base,
                quote=rules.quote,
                price=trade.price,
                quantity=trade.quantity,
                taker_side=trade.taker_side,
                event_time_ms=trade.event_time_ms,
            )
            for trade in self._exchange.public_trades(pair, count=count)
        ]
        return Answer(OK, encode.envelope(rows))

    # ---- private reads

    def _balances(self, call: Call) -> Answer:
        now_ms, holding = self._exchange.now_ms, self._exchange.holding(call.owner)
        balances = holding.account.balances()
        if (lens := self._faults.lens) is not None:
            asked = Asked(Endpoint.BALANCES, call.owner)
            balances, now_ms = lens.balances(asked, holding, now_ms=now_ms)
        rows = [
            bends.bent_balance(encode_account.balance_row(one, now_ms=now_ms), self._quirks)
            for one in balances
        ]
        return Answer(OK, encode.envelope(rows))

    def _open_orders(self, call: Call) -> Answer:
        is_optional = self._quirks.open_orders_pair == "optional"
        pair = self._pair_if_given(call) if is_optional else self._pair(call)
        if isinstance(pair, Refused):
            return refuse(pair)
        holding = self._exchange.holding(call.owner)
        orders: Iterable[PlacedOrder] = holding.open_orders.values()
        if (lens := self._faults.lens) is not None:
            asked = Asked(Endpoint.OPEN_ORDERS, call.owner)
            orders = lens.open_orders(asked, holding, now_ms=self._exchange.now_ms)
        has_time = self._quirks.open_order_time == "real"
        rows: dict[Side, list[dict[str, object]]] = {Side.SELL: [], Side.BUY: []}
        for order in orders:
            if pair in (None, order.request.symbol):
                rows[order.side].append(
                    self._row(order, time_ms=order.created_ms if has_time else 0)
                )
        data = encode_account.open_orders_data(asks=rows[Side.SELL], bids=rows[Side.BUY])
        return Answer(OK, encode.envelope(data))

    def _all_orders(self, call: Call) -> Answer:
        pair = self._pair(call)
        if isinstance(pair, Refused):
            return refuse(pair)
        first_page = int(self._quirks.all_orders_first_page)
        holding = self._exchange.holding(call.owner)
        orders = holding.orders_between(
            pair,
            start_ms=whole(call, "startTime", 0),
            end_ms=whole(call, "endTime", self._exchange.now_ms),
            order_id_min=whole(call, "orderId", 0),
            page=max(first_page, whole(call, "page", first_page)) - first_page + 1,
            limit=min(whole(call, "limit", int(self._quirks.all_orders_limit)), _ORDERS_MAX),
        )
        if (lens := self._faults.lens) is not None:
            asked = Asked(Endpoint.ALL_ORDERS, call.owner)
            orders = lens.orders(asked, holding, orders, now_ms=self._exchange.now_ms)
        rows = [self._row(order, time_ms=order.created_ms) for order in orders]
        return Answer(OK, encode.envelope(rows))

    def _order(self, call: Call) -> Answer:
        order_id = whole_number(call.path.rpartition("/")[2])
        holding = self._exchange.holding(call.owner)
        order = holding.orders.get(order_id) if order_id is not None else None
        if order is not None and (lens := self._faults.lens) is not None:
            asked, now_ms = Asked(Endpoint.ORDER, call.owner), self._exchange.now_ms
            order = next(iter(lens.orders(asked, holding, [order], now_ms=now_ms)), None)
        if order is None:
            return refuse(ORDER_NOT_FOUND)
        return Answer(OK, encode.envelope(self._row(order, time_ms=order.created_ms)))

    def _history(self, call: Call) -> Answer:
        holding, query = self._exchange.holding(call.owner), call.query
        if query.get("orderId", ""):
            fills = holding.fills_of(whole(call, "orderId", 0))
        else:
            pair = self._pair_if_given(call)
            if isinstance(pair, Refused):
                return refuse(pair)
            now_ms = self._exchange.now_ms
            fills = holding.fills_between(
                start_ms=whole(call, "startDate", now_ms - _HISTORY_MS),
                end_ms=whole(call, "endDate", now_ms),
            )
            fills = [
                fill for fill in fills if pair in (None, fill.symbol) and _is_asked_for(fill, query)
            ]
        if (lens := self._faults.lens) is not None:
            asked = Asked(Endpoint.TRADE_HISTORY, call.owner)
            fills = lens.fills(asked, holding, fills, now_ms=self._exchange.now_ms)
        rows = []
        for fill in fills:
            places = self._exchange.rules(fill.symbol).quantity_scale
            row = encode_account.fill_row(fill, base_places=places)
            rows.append(bends.bent_fill(row, fill, self._quirks, base_places=places))
        return Answer(OK, encode.envelope(rows, message="SUCCESS"))

    def _crypto_history(self, call: Call) -> Answer:
        rows = [
            encode_account.transfer_row(
                transfer_id=one.transfer_id,
                asset=one.asset,
                amount=one.amount,
                event_time_ms=one.event_time_ms,
                path=encode_account.CryptoPath(
                    one.address, None, one.transaction_hash, _CONFIRMATIONS, is_confirmed=True
                ),
            )
            for one in self._transfers(call, is_crypto=True)
        ]
        return Answer(OK, encode.envelope(rows))

    def _fiat_history(self, call: Call) -> Answer:
        rows = [
            encode_account.transfer_row(
                transfer_id=one.transfer_id,
                asset=one.asset,
                amount=one.amount,
                event_time_ms=one.event_time_ms,
            )
            for one in self._transfers(call, is_crypto=False)
        ]
        return Answer(OK, encode.envelope(rows))

    def _transfers(self, call: Call, *, is_crypto: bool) -> list[Transfer]:
        now_ms = self._exchange.now_ms
        found = self._exchange.holding(call.owner).transfers.between(
            start_ms=whole(call, "startDate", now_ms - _HISTORY_MS),
            end_ms=whole(call, "endDate", now_ms),
        )
        kinds = {text.lower() for text in call.query.getlist("type")} or set(_TRANSFER_KINDS)
        assets = {text.upper() for text in call.query.getlist("symbol")}
        return [
            one
            for one in found
            if is_crypto is (encode_public.currency_of(one.asset).address_lengths is not None)
            and _TRANSFER_KINDS[one.amount < ZERO] in kinds
            and (not assets or one.asset in assets)
        ]

    # ---- writes

    def _answer_to_order(self, call: Call) -> Answer:
        return bends.bent_order_reply(self._submit(call), self._quirks)

    def _submit(self, call: Call) -> Answer:
        form = read_order(call.body, self._exchange.symbol_of)
        if isinstance(form, Refused):
            return refuse(form)
        stray, request = form.stray_price, form.request
        rules = self._exchange.rules(request.symbol)
        if stray is not None and not has_price_scale(stray, rules, self._quirks):
            return refuse(PRICE_SCALE)
        if isinstance(request, StopMarketBuy):
            checked = self._in_quote(call.owner, request)
            if isinstance(checked, Refused):
                return refuse(checked)
            request = checked
        if (lens := self._faults.lens) is not None:
            asked, holding = Asked(Endpoint.SUBMIT, call.owner), self._exchange.holding(call.owner)
            lagging = lens.refusal(asked, holding, now_ms=self._exchange.now_ms)
            if lagging is not None:
                return refuse(bends.bent_refusal(lagging, self._quirks))
        order = self._exchange.submit(call.owner, request, client_order_id=form.client_order_id)
        if isinstance(order, Refused):
            return refuse(bends.bent_refusal(order, self._quirks))
        accepted = OrderAccepted(order.client_order_id, order.order_id, order.created_ms)
        data = encode_account.accepted_data(
            accepted, form.request, base=rules.base, quote=rules.quote
        )
        message = bends.accepted_message(self._quirks)
        return Answer(OK, encode.envelope(bends.bent_accepted(data, self._quirks), message=message))

    def _cancel(self, call: Call) -> Answer:
        order_id = whole_number(call.query.get("id", ""))
        if order_id is None:
            # A body with the number, as old clients sent it, is answered like this too.
            return refuse(bends.bent_refusal(NO_ORDER_MATCHES, self._quirks))
        refused = self._exchange.cancel(call.owner, order_id)
        if refused is not None:
            return refuse(bends.bent_refusal(refused, self._quirks))
        if (lens := self._faults.lens) is not None:
            holding = self._exchange.holding(call.owner)
            lens.see_cancel(holding, order_id, now_ms=self._exchange.now_ms)
        return Answer(OK, encode.success(code=0 if self._quirks.cancel_code == "zero" else ""))

    # ---- inside

    def _in_quote(self, owner: str, request: StopMarketBuy) -> StopMarketBuy | Refused:
        """Return a stop-market buy with the amount it spends, if customers send coins."""
        if self._quirks.stop_buy_unit == "quote":
            return request
        rules, coins = self._exchange.rules(request.symbol), request.quote_amount
        if rules.quantize_quantity(coins) != coins:
            return QUANTITY_SCALE
        limit = LimitOrder(request.symbol, Side.BUY, coins, request.stop_price)
        amount = reservation_of(
            limit, taker_rate=self._exchange.fees_of(owner, request.symbol).taker_rate
        )
        return request._replace(quote_amount=rules.quantize_quote(amount))

    def _pair(self, call: Call) -> Symbol | Refused:
        text = call.query.get("pairSymbol", "")
        if not text:
            return INVALID_REQUEST
        return self._exchange.symbol_of(text) or unknown_pair(text)

    def _pair_if_given(self, call: Call) -> Symbol | Refused | None:
        return self._pair(call) if call.query.get("pairSymbol", "") else None

    def _row(self, order: PlacedOrder, *, time_ms: int) -> dict[str, object]:
        rules = self._exchange.rules(order.request.symbol)
        row = encode_account.order_row(
            order.view(),
            base=rules.base,
            quote=rules.quote,
            submitted=order.submitted,
            first_price=order.first_price,
            time_ms=time_ms,
            stop_price=order.stop_price,
        )
        return bends.bent_order(row, self._quirks)


def _is_asked_for(fill: Fill, query: Query) -> bool:
    """Whether a trade passes the filters by side and by asset; no filter lets all pass."""
    sides = [text.lower() for text in query.getlist("type")]
    assets = [text.upper() for text in query.getlist("symbol")]
    if sides and fill.side.value not in sides:
        return False
    return not assets or fill.base in assets or fill.quote in assets
