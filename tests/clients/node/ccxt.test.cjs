// `ccxt` for Node.js: a walk through the exchange, and what ccxt gets wrong on BtcTurk.
//
// Unmodified but for the address. The addresses and the key come from the environment; `test_ccxt_node.py`
// sets them and runs this file. Its tests share one exchange and leave no order behind.

'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const net = require('node:net');

const PAIR = 'BTC/TRY';
const HOUR_MS = 3_600_000;
const SETTLED_MS_MAX = 10_000;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|::1)$/;

const found = JSON.parse(process.env.EXCHANGE);

// No library of this process may reach another machine, whatever address it holds.
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
    const [options] = Array.isArray(given[0]) ? given[0] : given;
    if (!LOOPBACK.test(options.host ?? 'localhost')) {
        throw new Error(`a connection to ${options.host}: tests talk to this machine only`);
    }
    return connect.apply(this, given);
};

const ccxt = require('ccxt');

function open(keys = {}) {
    const client = new ccxt.btcturk({ apiKey: found.api_key, secret: found.api_secret, ...keys });
    client.urls['api'] = {
        public: found.rest + '/api/v2',
        private: found.rest + '/api/v1',
        graph: found.graph + '/v1',
    };
    for (const url of Object.values(client.urls['api'])) {
        assert.match(new URL(url).hostname, LOOPBACK);
    }
    return client;
}

let client;
let bid;

before(async () => {
    client = open();
    const book = await client.fetchOrderBook(PAIR);
    [[bid]] = book.bids;
});

after(() => client.close());

async function settled(id) {
    const deadline = Date.now() + SETTLED_MS_MAX;
    for (;;) {
        const order = (await client.fetchOrders(PAIR)).find((one) => one.id === id);
        if (order.status !== 'open') {
            return order;
        }
        assert.ok(Date.now() < deadline, 'the order stays open');
    }
}

// Refused by the exchange in these words, and of this class for ccxt, not of one below it.
async function refused(promise, kind, words) {
    await assert.rejects(promise, (error) => {
        assert.equal(error.constructor, kind);
        assert.ok(error.message.includes(words), error.message);
        return true;
    });
}

test('it reads markets, ticker, book and candles', async () => {
    const market = (await client.loadMarkets())[PAIR];
    assert.equal(market.id, 'BTCTRY');
    assert.deepEqual(market.precision, { amount: 1e-8, price: 1 });
    assert.equal(market.limits.cost.min, 99.91);
    const ticker = await client.fetchTicker(PAIR);
    assert.ok(ticker.low <= ticker.last && ticker.last <= ticker.high);
    const book = await client.fetchOrderBook(PAIR);
    assert.ok(book.bids[0][0] < book.asks[0][0]);
    assert.ok(Math.abs(book.timestamp - Date.now()) < 5_000);
    const hours = await client.fetchOHLCV(PAIR, '1h', Date.now() - 12 * HOUR_MS);
    assert.ok(hours.length >= 11);
    for (const [opened, first, high, low, last, volume] of hours) {
        assert.equal(opened % HOUR_MS, 0);
        assert.ok(low <= Math.min(first, last) && Math.max(first, last) <= high && volume > 0);
    }
    assert.ok((await client.fetchOHLCV(PAIR, '1d', Date.now() - 120 * HOUR_MS)).length >= 4);
});

test('an order rests, is listed, and is canceled some time after the call, which says nothing', async () => {
    const start = (await client.fetchBalance()).TRY;
    assert.deepEqual(start, { free: 200_000, used: 0, total: 200_000 });
    const price = Math.floor(bid * 0.9);
    const order = await client.createOrder(PAIR, 'limit', 'buy', 0.001, price);
    const [listed] = await client.fetchOpenOrders(PAIR);
    assert.equal(listed.id, order.id);
    assert.deepEqual([listed.status, listed.price, listed.remaining], ['open', price, 0.001]);
    assert.ok((await client.fetchBalance()).TRY.used > price * 0.001);
    const answer = await client.cancelOrder(order.id, PAIR);
    assert.deepEqual([answer.id, answer.status], [undefined, undefined]);
    assert.equal((await settled(order.id)).status, 'canceled');
    assert.deepEqual((await client.fetchBalance()).TRY, start);
    await refused(client.cancelOrder('1'), ccxt.ExchangeError, 'NO_ORDER_MATCHES_YOUR_REQUEST');
});

test('a market buy is sent in coins where the exchange reads lira', async () => {
    const coins = client.createOrder(PAIR, 'market', 'buy', 0.001);
    await refused(coins, ccxt.ExchangeError, 'FAILED_INVALID_QUANTITY_SCALE');
    const start = (await client.fetchBalance()).TRY.free;
    const order = await client.createOrder(PAIR, 'market', 'buy', 1_000);
    assert.equal(order.amount, 1_000);
    const spent = start - (await client.fetchBalance()).TRY.free;
    assert.ok(spent > 999.99 && spent <= 1_000, `${spent}`);
    assert.ok((await settled(order.id)).amount < 0.01);
});

test('own trades keep their 64-bit numbers and lose the tax', async () => {
    const sold = await client.createOrder(PAIR, 'market', 'sell', 0.001);
    const own = (await client.fetchMyTrades(PAIR)).filter((one) => one.order === sold.id);
    assert.equal(own.length, 1);
    const [{ id, amount, side, fee, price, info }] = own;
    assert.deepEqual([side, amount], ['sell', 0.001]);
    assert.match(id, /^118\d{16}$/);
    assert.ok(!Number.isSafeInteger(Number(id)));
    assert.deepEqual(fee, { cost: -Number(info.fee), currency: 'TRY' });
    assert.ok(Number(info.tax) < 0);
    const paid = (fee.cost - Number(info.tax)) / (price * amount);
    assert.ok(Math.abs(paid - 0.0024) < 1e-6, `${paid}`);
    assert.equal(client.market(PAIR).taker, 0.0009);
    const printed = await client.fetchTrades(PAIR);
    assert.ok(printed.some((one) => one.price === price));
});

test('the name given to an order is lost', async () => {
    const params = { clientOrderId: 'my-first' };
    const order = await client.createOrder(PAIR, 'limit', 'buy', 0.001, Math.floor(bid * 0.9), params);
    assert.equal(order.clientOrderId, undefined);
    const [listed] = await client.fetchOpenOrders(PAIR);
    assert.equal(listed.clientOrderId, order.info.newOrderClientId);
    assert.equal(listed.clientOrderId.length, 36);
    await client.cancelOrder(order.id);
    await settled(order.id);
});

test('a trigger price is dropped and the stop order executes at once', async () => {
    const low = Math.floor(bid * 0.97);
    const order = await client.createOrder(PAIR, 'limit', 'sell', 0.001, low, { triggerPrice: low });
    assert.equal((await settled(order.id)).status, 'closed');
    const stop = await client.createOrder(PAIR, 'stoplimit', 'sell', 0.001, low, { stopPrice: low });
    const [waiting] = await client.fetchOpenOrders(PAIR);
    assert.deepEqual([waiting.id, waiting.info.stopPrice], [stop.id, `${low}`]);
    await client.cancelOrder(stop.id);
    await settled(stop.id);
});

test('one order cannot be fetched', async () => {
    assert.ok(!client.has.fetchOrder);
    await assert.rejects(client.fetchOrder('1', PAIR), ccxt.NotSupported);
    await refused(client.privateGetOrderOrderId({ orderId: '1' }), ccxt.ExchangeNotAvailable, '404');
});

test('candles need a start', async () => {
    await refused(
        client.fetchOHLCV(PAIR, '1h'), ccxt.ExchangeError, 'INVALID_RESOLUTION_FOR_TIME_INTERVAL');
});

test('too little money is only sometimes InsufficientFunds', async () => {
    const buy = (amount, price) => client.createOrder(PAIR, 'limit', 'buy', amount, price);
    await refused(buy(1, bid), ccxt.ExchangeError, 'BALANCE_NOT_ENOUGH');
    await refused(buy(0.001, bid * 11), ccxt.ExchangeError, 'PRICE_MUST_BE_LESS_THAN_MAXPRICE');
    const order = await buy(0.001, Math.floor(bid * 0.9));
    await refused(buy(1, bid), ccxt.InsufficientFunds, 'FAILED_ORDER_WITH_OPEN_ORDERS');
    await client.cancelOrder(order.id);
    await settled(order.id);
});

test('a wrong secret or clock is not an AuthenticationError', async () => {
    const stranger = open({ secret: 'AAAA' });
    await refused(stranger.fetchBalance(), ccxt.ExchangeError, 'Unauthorized - Invalid Signature');
    await stranger.close();
    const late = open();
    late.nonce = () => Date.now() - 6_000;
    await refused(late.fetchBalance(), ccxt.ExchangeError, 'Unauthorized - Invalid Nonce');
    await late.close();
});

test('the guard of this file holds', () => {
    assert.throws(() => net.connect(443, '192.0.2.1'), /this machine only/);
});
