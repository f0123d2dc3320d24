// Asks the control interface for its document, twice a second, and changes nothing on the exchange.
//
// Never add: the page (`page` is told what happens and shows it).

const POLL_MS = 500;
const PATIENCE_MS = 5000;
const BACKOFF_MS_MAX = 8000;
const TOKEN = "btcturk-kit.control-token";

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

// Tells what happens: `connecting()`, `paused()`, `live(overview)`, `lost(sinceMs, problem)`, and
// `asking(problem)` when it has no token that works.
export class Link {
  #tell;
  #token = "";
  #wanted = ""; // the pair that was picked, empty for the first one
  #failures = 0;
  #lostSince = null;
  #timer = 0;
  #running = null; // aborts the request that is under way

  constructor(tell) {
    this.#tell = tell;
  }

  start() {
    const found = tokenOfAddress() || kept.read();
    if (found) this.begin(found);
    else this.#ask("");
  }

  begin(found) {
    this.#token = found.trim();
    kept.write(this.#token);
    this.#failures = 0;
    this.#lostSince = null;
    this.#tell.connecting();
    this.poll();
  }

  beginAnew() {
    const found = tokenOfAddress();
    if (found) this.begin(found);
  }

  #ask(problem) {
    this.#stop();
    this.#token = "";
    kept.drop();
    this.#tell.asking(problem);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }

  async poll() {
    this.#stop();
    if (document.hidden) return this.#tell.paused();
    // A header takes no other letters; such a token cannot be right.
    if (!/^[\x21-\x7e]+$/.test(this.#token)) return this.#ask("This is no token.");
    const mine = (this.#running = new AbortController());
    const patience = setTimeout(() => mine.abort(), PATIENCE_MS);
    let outcome;
    try {
      outcome = await fetchOverview(this.#token, this.#wanted, mine.signal);
    } catch (error) {
      outcome = { problem: error instanceof SyntaxError ? "its answer is not readable" : "" };
    }
    clearTimeout(patience);
    if (this.#running !== mine) return; // another request took its place
    this.#running = null;
    if (outcome.isForeign) return this.#ask("The exchange does not know this token. Was it started anew?");
    if (outcome.overview) {
      this.#failures = 0;
      this.#lostSince = null;
      this.#tell.live(outcome.overview);
      this.#timer = setTimeout(() => this.poll(), POLL_MS);
      return;
    }
    if (outcome.isUnlisted && this.#wanted) {
      this.#wanted = "";
      this.#timer = setTimeout(() => this.poll(), 0);
      return;
    }
    this.#lose(outcome.problem ?? "");
  }

  #lose(problem) {
    this.#lostSince ??= Date.now();
    this.#tell.lost(this.#lostSince, problem);
    this.#timer = setTimeout(() => this.poll(), Math.min(POLL_MS * 2 ** this.#failures, BACKOFF_MS_MAX));
    this.#failures += 1;
  }

  pick(symbol) {
    this.#wanted = symbol;
    this.poll();
  }

  wake() {
    if (this.#token) this.poll();
  }
}

async function fetchOverview(token, wanted, signal) {
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
