// Shows what the control interface tells, twice a second, and changes nothing on the exchange.
//
// All text reaches the page as text: client order ids, channel names and keys are chosen by others.
// Amounts and prices are shown as they were sent; they become numbers for widths and lines only.

const POLL_MS = 500;
const PATIENCE_MS = 5000;
const BACKOFF_MS_MAX = 8000;
const LEVELS_MIN = 8;
const TOKEN = "btcturk-kit.control-token";
const DAY_MS = 86_400_000;

const at = (id) => document.getElementById(id);

// ---- the token: in memory and for this tab, never in an address that is sent

const kept = {
  read() {
    try { return sessionStorage.getItem(TOKEN) ?? ""; } catch { return ""; }
  },
  write(token) {
    try { sessionStorage.setItem(TOKEN, token); } catch { /* memory is enough for now */ }
  },
  drop() {
    try { sessionStorage.removeItem(TOKEN); } catch { /* there was none */ }
  },
};

function tokenOfAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) history.replaceState(null, "", location.pathname);
  return token ?? "";
}

let token = "";
let depth = LEVELS_MIN; // rows of each side of the book; it only grows, so that nothing jumps
let wanted = ""; // the pair that was picked, empty for the first one
let failures = 0;
let lostSince = null;
let timer = 0;
let running = null; // aborts the request that is under way

function begin(found) {
  token = found.trim();
  kept.write(token);
  at("ask").hidden = true;
  failures = 0;
  lostSince = null;
  say("starting", "connecting");
  poll();
}

function ask(problem) {
  stop();
  token = "";
  kept.drop();
  at("board").hidden = true;
  at("banner").hidden = true;
  at("ask").hidden = false;
  document.title = "Local exchange";
  say("starting", "waiting for the token");
  setText(at("ask-problem"), problem);
  at("token").value = "";
  at("token").focus();
}

// ---- polling

function stop() {
  clearTimeout(timer);
  running?.abort();
  running = null;
}

async function poll() {
  stop();
  if (document.hidden) return say("paused", "paused");
  // A header takes no other letters; such a token cannot be right.
  if (!/^[\x21-\x7e]+$/.test(token)) return ask("This is no token.");
  const mine = (running = new AbortController());
  const patience = setTimeout(() => mine.abort(), PATIENCE_MS);
  let outcome;
  try {
    outcome = await fetchOverview(mine.signal);
  } catch (error) {
    outcome = { problem: error instanceof SyntaxError ? "its answer is not readable" : "" };
  }
  clearTimeout(patience);
  if (running !== mine) return; // another request took its place
  running = null;
  if (outcome.isForeign) return ask("The exchange does not know this token. Was it started anew?");
  if (outcome.overview) {
    failures = 0;
    lostSince = null;
    show(outcome.overview);
    timer = setTimeout(poll, POLL_MS);
    return;
  }
  if (outcome.isUnlisted && wanted) {
    wanted = "";
    timer = setTimeout(poll, 0);
    return;
  }
  lose(outcome.problem ?? "");
}

async function fetchOverview(signal) {
  const query = wanted ? `?symbol=${encodeURIComponent(wanted)}` : "";
  const response = await fetch(`/v1/overview${query}`, {
    signal,
    cache: "no-store",
    headers: { Authorization: `Bearer ${token}` },
  });
  if (response.status === 401) return { isForeign: true };
  if (response.status === 404) return { isUnlisted: true, problem: "it answers 404" };
  if (!response.ok) return { problem: `it answers ${response.status}` };
  return { overview: await response.json() };
}

function lose(problem) {
  lostSince ??= Date.now();
  const since = new Date(lostSince).toTimeString().slice(0, 8);
  const why = problem ? ` (${problem})` : "";
  say("lost", "connection lost");
  setText(at("banner-text"), `Connection lost since ${since}${why}. What is shown is from before; trying again.`);
  at("banner").hidden = false;
  at("board").classList.add("stale");
  timer = setTimeout(poll, Math.min(POLL_MS * 2 ** failures, BACKOFF_MS_MAX));
  failures += 1;
}

function say(state, text) {
  const link = at("link");
  link.dataset.state = state;
  setText(link, text); // a screen reader is told of changes only
}

// ---- writing into the page

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function make(tag, className = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  return node;
}

// Reuses the elements that are there, so that selection, scrolling and focus survive.
function sync(parent, items, build, update) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  items.forEach((item, index) => {
    if (!parent.children[index]) parent.append(build());
    update(parent.children[index], item);
  });
}

// A column is its class, what it says of an item (parts of a text and of a class each), and what
// it is called where there is no head above it.
function fill(body, items, columns, mark = () => {}) {
  sync(
    body,
    items,
    () => {
      const row = make("tr");
      row.setAttribute("role", "row");
      row.append(...columns.map(([className, , label]) => {
        const cell = make("td", className);
        cell.setAttribute("role", "cell");
        if (label) cell.dataset.label = label;
        return cell;
      }));
      return row;
    },
    (row, item) => {
      columns.forEach(([, parts], index) => {
        sync(row.children[index], parts(item), () => make("span"), (span, [text, className = ""]) => {
          setText(span, text);
          if (span.className !== className) span.className = className;
        });
      });
      mark(row, item);
    },
  );
  columns.forEach(([className], index) => {
    if (className.includes("aligned")) align([...body.rows].map((row) => row.cells[index]));
  });
}

function align(cells) {
  const tails = cells.map((cell) => {
    const [, fraction] = (cell.firstElementChild?.textContent ?? "").split(".");
    return fraction === undefined ? 0 : fraction.length + 1;
  });
  const longest = Math.max(0, ...tails);
  cells.forEach((cell, index) => {
    const missing = longest - tails[index];
    const pad = missing === 0 ? "" : tails[index] === 0 ? `.${"0".repeat(missing - 1)}` : "0".repeat(missing);
    if (pad) cell.dataset.pad = pad;
    else delete cell.dataset.pad;
  });
}

const instant = (ms) => new Date(ms).toISOString().replace("T", " ").replace("Z", "");

function shortInstant(ms, nowMs) {
  const text = instant(ms);
  const isToday = Math.floor(ms / DAY_MS) === Math.floor(nowMs / DAY_MS);
  return isToday ? [[text.slice(11, 19)], [text.slice(19), "ms"]] : [[text.slice(5, 19)]];
}

const sided = (side, words = side) => [`${side === "buy" ? "▲" : "▼"} ${words}`, `side ${side}`];

function count(id, shown, all) {
  setText(at(id), all > shown ? `${shown} of ${all}` : all ? String(all) : "");
}

function list(id, items, columns, mark) {
  fill(at(id), items, columns, mark);
  at(`${id}-empty`).hidden = items.length > 0;
  at(id).parentElement.hidden = items.length === 0;
}

// ---- the board

function show(overview) {
  at("banner").hidden = true;
  at("ask").hidden = true;
  at("board").hidden = false;
  at("board").classList.remove("stale");
  say("live", "live");
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

function drawLine(trades) {
  const svg = at("line");
  svg.parentElement.hidden = trades.length < 2;
  if (trades.length < 2) return;
  const prices = trades.map((one) => Number(one.price));
  const low = prices.indexOf(Math.min(...prices));
  const high = prices.indexOf(Math.max(...prices));
  const span = prices[high] - prices[low];
  const points = prices.map((price, index) => {
    const x = (600 * index) / (prices.length - 1);
    const y = span ? 112 - (104 * (price - prices[low])) / span : 60;
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const [area, stroke, dot] = svg.children;
  stroke.setAttribute("d", `M${points.join("L")}`);
  area.setAttribute("d", `M0 120L${points.join("L")}L600 120Z`);
  dot.setAttribute("d", `M${points.at(-1)}h0.01`);
  setText(at("line-high"), trades[high].price);
  setText(at("line-low"), trades[low].price);
  const words = `Prices of the last ${trades.length} trades, ${trades[low].price} to ${trades[high].price}`;
  if (svg.getAttribute("aria-label") !== words) svg.setAttribute("aria-label", words);
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

// ---- beginning

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  setText(at("ask-problem"), "");
  begin(at("token").value);
});
at("pair").addEventListener("change", () => {
  wanted = at("pair").value;
  poll();
});
at("retry").addEventListener("click", poll);
document.addEventListener("visibilitychange", () => {
  if (token) poll();
});
window.addEventListener("hashchange", () => {
  const found = tokenOfAddress();
  if (found) begin(found);
});

const found = tokenOfAddress() || kept.read();
if (found) begin(found);
else ask("");
