// Wires the page: what is done on it reaches the link, what the link tells is shown.
//
// Never add: requests and the token (`link`), what the document says (`board`).

import { showBoard } from "./board.js";
import { Link } from "./link.js";
import { at, setText } from "./write.js";

const link = new Link({
  connecting() {
    at("ask").hidden = true;
    say("starting", "connecting");
  },
  paused() {
    say("paused", "paused");
  },
  live(overview) {
    at("banner").hidden = true;
    at("ask").hidden = true;
    at("board").hidden = false;
    at("board").classList.remove("stale");
    say("live", "live");
    showBoard(overview);
  },
  lost(sinceMs, problem) {
    const since = new Date(sinceMs).toTimeString().slice(0, 8);
    const why = problem ? ` (${problem})` : "";
    say("lost", "connection lost");
    setText(at("banner-text"), `Connection lost since ${since}${why}. What is shown is from before; trying again.`);
    at("banner").hidden = false;
    at("board").classList.add("stale");
  },
  asking(problem) {
    at("board").hidden = true;
    at("banner").hidden = true;
    at("ask").hidden = false;
    document.title = "Local exchange";
    say("starting", "waiting for the token");
    setText(at("ask-problem"), problem);
    at("token").value = "";
    at("token").focus();
  },
});

function say(state, text) {
  const status = at("link");
  status.dataset.state = state;
  setText(status, text); // a screen reader is told of changes only
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  setText(at("ask-problem"), "");
  link.begin(at("token").value);
});
at("pair").addEventListener("change", () => link.pick(at("pair").value));
at("retry").addEventListener("click", () => link.poll());
document.addEventListener("visibilitychange", () => link.wake());
window.addEventListener("hashchange", () => link.beginAnew());

link.start();
