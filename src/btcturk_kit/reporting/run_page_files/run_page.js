"use strict";
// Draws the charts of a report from the JSON in the page. Never add: an address, a text as markup.
(() => {
  const { zone, charts } = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const drawn = new Map();

  const moment = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });
  const digits = (most) => new Intl.NumberFormat("en-US", { maximumFractionDigits: most });
  const plain = digits(8), cents = digits(2), whole = digits(0);
  const small = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });
  const time = (at) => moment.format(new Date(at * 1000));
  const day = (at, step) => {
    const text = time(at);
    if (step >= 28 * 86400) return text.slice(0, 7);
    return step >= 86400 ? text.slice(0, 10) : text.slice(5);
  };
  const value = {
    money: (one) => cents.format(one),
    price: (one) => plain.format(one),
    share: (one) => `${cents.format(one * 100)} %`,
    count: (one) => whole.format(one),
  };
  const onAxis = {
    money: (one) => (Math.abs(one) < 1e6 ? plain.format(one) : small.format(one)),
    price: (one) => (Math.abs(one) < 1e6 ? plain.format(one) : small.format(one)),
    share: (one) => `${plain.format(Number((one * 100).toFixed(6)))} %`,
    count: (one) => (Number.isInteger(one) ? whole.format(one) : ""),
  };
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const faint = (name, part) => `color-mix(in srgb, ${color(name)} ${part}%, transparent)`;

  // ---- one chart

  function triangles(chart, spot) {
    const shown = () => chart.marks || [];
    const place = (plot, mark) => [plot.valToPos(mark[0], "x", true), plot.valToPos(mark[1], "y", true)];
    return {
      hooks: {
        draw: (plot) => {
          const { ctx, bbox } = plot, size = 4.5 * devicePixelRatio;
          ctx.save();
          ctx.beginPath();
          ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
          ctx.clip();
          ctx.strokeStyle = color("--panel");
          ctx.lineWidth = devicePixelRatio;
          for (const mark of shown()) {
            const [x, y] = place(plot, mark), up = mark[2] ? 1 : -1;
            ctx.fillStyle = color(mark[2] ? "--good" : "--bad");
            ctx.beginPath();
            ctx.moveTo(x, y);
            ctx.lineTo(x - size, y + up * size * 1.9);
            ctx.lineTo(x + size, y + up * size * 1.9);
            ctx.closePath();
            ctx.fill();
            ctx.stroke();
          }
          ctx.restore();
        },
        setCursor: (plot) => {
          const { left } = plot.cursor;
          let near = null, far = 10;
          if (left >= 0) {
            for (const mark of shown()) {
              const away = Math.abs(plot.valToPos(mark[0], "x") - left);
              if (away < far) [near, far] = [mark, away];
            }
          }
          spot.textContent = near === null ? "" : said(near);
        },
      },
    };
  }

  function said([at, price, isBuy, quantity, count]) {
    const what = `${isBuy ? "▲ bought" : "▼ sold"} ${quantity} at ${plain.format(price)}`;
    return count === 1 ? `${time(at)} ${what}` : `${time(at)} ${what} on average, ${whole.format(count)} trades`;
  }

  function options(chart, box, spot) {
    const isTime = chart.form !== "money" || chart.kind === "line";
    const isBars = chart.kind === "bars";
    const form = isBars ? "count" : chart.form;
    const axis = (more) => ({
      stroke: color("--soft"),
      grid: { stroke: color("--edge"), width: 1 },
      ticks: { stroke: color("--edge"), width: 1, size: 4 },
      font: `11.5px ${color("--text")}`,
      ...more,
    });
    const range = (plot, low, high) => {
      if (chart.form === "share") return [low === 0 ? -0.01 : low * 1.08, 0];
      if (isBars) return [0, Math.max(1, high * 1.08)];
      const room = (high - low || Math.abs(high) || 1) * 0.07;
      return [low - room, high + room];
    };
    const lines = chart.series.map((one) => ({
      label: one.label,
      stroke: color(one.color),
      width: isBars ? 0 : 1.5,
      fill: isBars ? color(one.color) : one.is_filled ? faint(one.color, 12) : undefined,
      fillTo: chart.form === "share" ? 0 : undefined,
      points: { show: false },
      spanGaps: true,
      value: (plot, at) => (at === null || at === undefined ? "–" : value[form](at)),
      paths: isBars
        ? uPlot.paths.bars({ size: [0.92, 80] })
        : chart.is_stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    }));
    const ink = (plot, at) => (isTime ? time(at) : `${cents.format(at - chart.width / 2)} to ${cents.format(at + chart.width / 2)}`);
    return {
      width: box.clientWidth,
      height: heightOf(chart),
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
      scales: { x: { time: isTime, range: isBars ? (plot, low, high) => [low - chart.width, high + chart.width] : undefined }, y: { range } },
      series: [{ label: isTime ? "Time" : "Result", value: (plot, at) => (at === null || at === undefined ? "–" : ink(plot, at)) }, ...lines],
      axes: [
        axis(isTime ? { space: 96, size: 30, values: (plot, ticks, which, space, step) => ticks.map((at) => day(at, step)) } : { space: 80, size: 30, values: (plot, ticks) => ticks.map(onAxis.money) }),
        axis({ size: 74, values: (plot, ticks) => ticks.map(onAxis[form]) }),
      ],
      cursor: { y: false, drag: { x: true, y: false, setScale: true }, sync: isTime ? { key: "time", setSeries: false } : undefined },
      legend: { live: true, markers: { width: 2 } },
      plugins: [triangles(chart, spot)],
    };
  }

  const heightOf = (chart) => ({ fall: 170, trips: 220, refusals: 150, capital: 220 })[chart.name] || 300;

  function draw(chart) {
    const box = document.getElementById(chart.name);
    const spot = document.getElementById(`${chart.name}-spot`);
    const before = drawn.get(chart.name);
    if (before) before.destroy();
    const data = [chart.x, ...chart.series.map((one) => one.values)];
    drawn.set(chart.name, new uPlot(options(chart, box, spot), data, box));
  }

  function keys(chart) {
    const box = document.getElementById(chart.name);
    box.addEventListener("keydown", (event) => {
      const plot = drawn.get(chart.name), last = chart.x.length - 1;
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -50, PageDown: 50 }[event.key];
      if (event.key === "Escape") {
        plot.setData(plot.data, true);
      } else if (step) {
        const now = plot.cursor.idx === null || plot.cursor.idx === undefined ? (step > 0 ? -1 : last + 1) : plot.cursor.idx;
        const at = Math.min(last, Math.max(0, now + step));
        plot.setCursor({ left: plot.valToPos(chart.x[at], "x"), top: 10 });
        const told = chart.series.map((one) => `${one.label} ${one.values[at] === null ? "none" : value[chart.kind === "bars" ? "count" : chart.form](one.values[at])}`);
        document.getElementById(`${chart.name}-spot`).textContent ||= told.join(", ");
      } else {
        return;
      }
      event.preventDefault();
    });
  }

  // ---- all of them

  const all = () => charts.forEach(draw);
  all();
  charts.forEach(keys);
  new ResizeObserver(() => {
    for (const chart of charts) {
      const plot = drawn.get(chart.name), width = document.getElementById(chart.name).clientWidth;
      if (plot.width !== width) plot.setSize({ width, height: heightOf(chart) });
    }
  }).observe(document.querySelector("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  addEventListener("beforeprint", () => { root.dataset.print = ""; all(); });
  addEventListener("afterprint", () => { delete root.dataset.print; all(); });
  root.dataset.drawn = String(charts.length);
})();
