// Draws the line of prices. Prices become numbers for its course only; they are told as they were sent.

import { at, setText } from "./write.js";

export function drawLine(trades) {
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
