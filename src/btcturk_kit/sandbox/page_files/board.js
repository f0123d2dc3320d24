// Shows one document of the control interface: the pair, its book and trades, accounts, faults,
// sessions, history. Amounts become numbers for widths only.
//
// Never add: asking for the document (`link`), how text gets into the page (`write`).

import { drawLine } from "./chart.js";
import { align, at, count, fill, instant, list, make, setText, shortInstant, sided, sync } from "./write.js";

const LEVELS_MIN = 8;

let depth = LEVELS_MIN; // rows of each side of the book; it only grows, so that nothing jumps

export function showBoard(overview) {
  showPair(overview);
  showBook(overview.book, overview.pair);
  showTrades(overview);
  showAccounts(overview);
  showFaults(overview);
  showSessions(overview);
  showHistory(overview);
}

function showPair({ pair, symbols, now_ms: nowMs, clock }) {
  sync(at("pair"), symbols, () => make("option"), (option, symbol) => {
    setText(option, symbol);
    option.value = symbol;
  });
  at("pair").value = pair.symbol;
  document.title = `${pair.last} ${pair.symbol} · Local exchange`;
  setText(at("last"), pair.last);
  setText(at("quote"), pair.quote);
  at("state").dataset.state = pair.state;
  setText(at("state"), pair.state);
  at("market-orders").hidden = pair.takes_market_orders;
  at("band").hidden = pair.band === null;
  setText(at("band"), pair.band === null ? "" : `band ${pair.band.low} to ${pair.band.high}`);
  setText(at("now"), instant(nowMs));
  setText(at("clock"), clock);
  setText(at("high"), pair.high);
  setText(at("low"), pair.low);
  setText(at("volume"), `${pair.volume} ${pair.base}`);
}

function showBook({ bids, asks, spread }, pair) {
  // A full bar is the whole of the shallower side: one large order far away flattens nothing else.
  const sums = [bids, asks].map((side) => Number(side.at(-1)?.[2] ?? 0)).filter((sum) => sum > 0);
  const full = Math.min(...sums);
  const columns = [0, 1, 2].map((index) => ["number aligned", (level) => [[level?.[index] ?? ""]]]);
  const mark = (row, level) => {
    const share = level ? Math.min(100, Math.max(0.5, (100 * Number(level[2])) / full)) : 0;
    row.style.setProperty("--depth", `${share.toFixed(1)}%`);
  };
  depth = Math.max(depth, bids.length, asks.length);
  const padded = (side) => Array.from({ length: depth }, (_, index) => side[index] ?? null);
  fill(at("asks"), padded(asks).reverse(), columns, mark);
  fill(at("bids"), padded(bids), columns, mark);
  const rows = [...at("asks").rows, ...at("bids").rows];
  [0, 1, 2].forEach((index) => align(rows.map((row) => row.cells[index])));
  setText(at("spread"), spread === null ? "one side is empty" : `spread ${spread} ${pair.quote}`);
}

function showTrades({ trades, now_ms: nowMs }) {
  list("trades", trades, [
    ["number", (one) => shortInstant(one.time_ms, nowMs)],
    ["", (one) => [sided(one.side)]],
    ["number right aligned", (one) => [[one.price, one.side]]],
    ["number right aligned", (one) => [[one.quantity]]],
  ]);
  drawLine([...trades].reverse());
}

// ---- accounts

const BALANCES = [
  ["", (one) => [[one.asset]]],
  ["number right", (one) => [[one.free]], "Free"],
  ["number right", (one) => [[one.locked]], "Locked"],
];

const ORDERS = [
  ["", (one) => [
    sided(one.side, `${one.side} ${one.type.replace("_", " ")}`),
    [` ${one.symbol}`],
    [`${one.id}${one.is_cancel_queued ? " · cancel queued" : ""}`, "sub number"],
    [one.client_order_id, "sub said"],
  ]],
  ["number right", (one) => [
    [one.price ?? "market"],
    ...(one.stop_price === null ? [] : [[`stop ${one.stop_price}`, "sub"]]),
  ]],
  ["number right", (one) => [[one.remaining], [`of ${one.quantity}`, "sub"]]],
];

function tableOf(className, heads) {
  const table = make("table", className);
  const row = table.createTHead().insertRow();
  table.setAttribute("role", "table"); // also where it is laid out as a list
  table.tHead.setAttribute("role", "rowgroup");
  row.setAttribute("role", "row");
  for (const [text, headClass] of heads) {
    const head = make("th", headClass);
    head.scope = "col";
    head.setAttribute("role", "columnheader");
    head.textContent = text;
    row.append(head);
  }
  table.createTBody().setAttribute("role", "rowgroup");
  return table;
}

function buildAccount() {
  const account = make("article", "account");
  const head = make("h3");
  head.append(make("span", "number said"), make("span", "level"));
  account.append(
    head,
    tableOf("balances stacked", [["Asset", ""], ["Free", "right"], ["Locked", "right"]]),
    tableOf("orders", [["Open order", ""], ["Price", "right"], ["Left", "right"]]),
    make("p", "none"),
  );
  return account;
}

function showAccounts({ accounts, accounts_count: all }) {
  sync(at("accounts"), accounts, buildAccount, (node, account) => {
    const [head, balances, orders, none] = node.children;
    const shown = account.open_orders.length;
    const hidden = account.open_orders_count - shown;
    setText(head.children[0], account.name);
    setText(head.children[1], `fee level ${account.fee_level}`);
    fill(balances.tBodies[0], account.balances, BALANCES);
    fill(orders.tBodies[0], account.open_orders, ORDERS);
    orders.hidden = shown === 0;
    none.hidden = shown > 0 && hidden === 0;
    setText(none, shown ? `and ${hidden} older ones` : "No open orders.");
  });
  at("accounts-empty").hidden = accounts.length > 0;
  count("accounts-count", accounts.length, all);
}

// ---- faults, sessions, history

function stateOf(fault) {
  if (fault.hits_max !== null && fault.hits >= fault.hits_max) return "spent";
  return fault.hits ? "striking" : "waiting";
}

function showFaults({ faults, faults_count: all }) {
  list("faults", faults, [
    ["", (one) => [[one.where]]],
    ["", (one) => [[one.what, "said"]]],
    ["number right", (one) => [[one.hits_max === null ? `${one.hits}` : `${one.hits} of ${one.hits_max}`]]],
    ["", (one) => [[stateOf(one)]]],
  ]);
  count("faults-count", faults.length, all);
}

function showSessions({ sessions, sessions_count: all }) {
  list("sessions", sessions, [
    ["number right", (one) => [[String(one.session)]]],
    ["number", (one) => [[one.account || "not logged in", "said"]]],
    ["", (one) => [
      [one.joined.join(", ") || "nothing", "said"],
      ...(one.joined_count > one.joined.length ? [[`and ${one.joined_count - one.joined.length} more`, "sub"]] : []),
    ]],
    ["number right", (one) => [[String(one.sent)]]],
  ]);
  count("sessions-count", sessions.length, all);
}

function showHistory({ history: entries, history_count: all, now_ms: nowMs }) {
  list("history", entries, [
    ["number", (one) => shortInstant(one.t, nowMs)],
    ["number", (one) => [[one.actor, "said"]]],
    ["", (one) => [[one.op.replaceAll("_", " ")], [one.id, "id said"]]],
    ["", (one) => [[one.outcome, "said"]]],
  ]);
  count("history-count", entries.length, all);
}
