// Writes into the page, and touches only what has changed.
//
// All text reaches the page as text: client order ids, channel names and keys are chosen by others.
// Amounts and prices are shown as they were sent. Never add: what the page shows (`board`).

const DAY_MS = 86_400_000;

export const at = (id) => document.getElementById(id);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function make(tag, className = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  return node;
}

// Reuses the elements that are there, so that selection, scrolling and focus survive.
export function sync(parent, items, build, update) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  items.forEach((item, index) => {
    if (!parent.children[index]) parent.append(build());
    update(parent.children[index], item);
  });
}

// A column is its class, what it says of an item (parts of a text and of a class each), and what
// it is called where there is no head above it.
export function fill(body, items, columns, mark = () => {}) {
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

export function align(cells) {
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

export const instant = (ms) => new Date(ms).toISOString().replace("T", " ").replace("Z", "");

export function shortInstant(ms, nowMs) {
  const text = instant(ms);
  const isToday = Math.floor(ms / DAY_MS) === Math.floor(nowMs / DAY_MS);
  return isToday ? [[text.slice(11, 19)], [text.slice(19), "ms"]] : [[text.slice(5, 19)]];
}

export const sided = (side, words = side) => [`${side === "buy" ? "▲" : "▼"} ${words}`, `side ${side}`];

export function count(id, shown, all) {
  setText(at(id), all > shown ? `${shown} of ${all}` : all ? String(all) : "");
}

export function list(id, items, columns, mark) {
  fill(at(id), items, columns, mark);
  at(`${id}-empty`).hidden = items.length > 0;
  at(id).parentElement.hidden = items.length === 0;
}
