// The plots of a channel: a card for each group of readings, drawn by uPlot.

import { $, el, set, text } from "./dom.js";
import { History, indexAt, readings, since } from "./readings.js";
import { clock, plural, value } from "./format.js";

const sync = uPlot.sync("readings"); // one cursor over all plots

export class Plots {
  constructor(parent) {
    this.parent = parent;
    this.window = 60; // seconds
    this.zoomed = null; // [from, to] in seconds
    this.resized = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) target.card?.resize(contentRect.width);
    });
    this.clear();
    setInterval(() => this.draw(), 200);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
  }

  clear() {
    for (const card of this.cards?.values() ?? []) card.destroy();
    this.cards = new Map();
    this.history = new History();
    this.paused = null;
    this.zoomed = null;
    this.parent.replaceChildren();
    this.#show();
  }

  /** Takes a message; what is no reading is nothing. */
  add(m) {
    if (typeof m.data !== "string") return;
    const list = readings(m.data);
    if (list.length > 0 && this.history.add(list, m.time / 1000)) this.#show();
  }

  /** Holds the plots still, or lets them go on. */
  pause(on) {
    this.paused = on ? Date.now() / 1000 : null;
    this.draw();
  }

  #show() {
    for (const [key, group] of this.history.groups) {
      let card = this.cards.get(key);
      if (card?.count === group.series.size) continue;
      const hidden = card?.hidden ?? new Set();
      const fresh = new Card(this, group, hidden);
      if (card) card.node.replaceWith(fresh.node);
      else this.parent.append(fresh.node);
      card?.destroy();
      fresh.mount();
      this.cards.set(key, fresh);
    }
    $("plots-section").hidden = this.cards.size === 0;
    text($("plots-note"), this.history.refused > 0 ? `${plural(this.history.refused, "value")} of further series not plotted` : "");
  }

  draw() {
    if (document.hidden || this.cards.size === 0 || this.parent.offsetParent === null) return;
    const end = this.paused ?? Date.now() / 1000;
    // The first readings fill the plot, and those that follow make room.
    const range = this.zoomed ?? [Math.max(end - this.window, Math.min(this.#first(), end - 10)), end];
    for (const card of this.cards.values()) card.draw(range);
    $("reset-zoom").hidden = this.zoomed === null;
    text($("plots-note"), this.history.refused > 0 ? `${plural(this.history.refused, "value")} of further series not plotted` : "");
  }

  #first() {
    let first = Infinity;
    for (const g of this.history.groups.values()) for (const s of g.series.values()) first = Math.min(first, s.t[0]);
    return first;
  }

  zoom(range) {
    this.zoomed = range;
    this.draw();
  }

  recolour() {
    for (const card of this.cards.values()) card.recolour();
  }
}

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (series) => css("--series-" + (series.colour % 8));

class Card {
  constructor(plots, group, hidden) {
    Object.assign(this, { plots, group, hidden, count: group.series.size, cursor: null });
    this.series = [...group.series.values()];
    this.chips = this.series.map((s) => this.#chip(s));
    this.time = el("span", { class: "at" });
    this.box = el("div", { class: "plot", role: "img" });
    this.box.card = this;
    this.node = el("article", { class: "card chart" }, el("header", {}, ...this.chips.map((c) => c.node), this.time), this.box);
  }

  #chip(s) {
    const shown = el("strong", {}, "–");
    const swatch = el("i", { class: "swatch", "aria-hidden": "true" });
    const node = el("button", { type: "button", class: "chip", "aria-pressed": String(!this.hidden.has(s.name)), title: "Show or hide " + s.name, onclick: () => {
      if (!this.hidden.delete(s.name)) this.hidden.add(s.name);
      node.setAttribute("aria-pressed", String(!this.hidden.has(s.name)));
      this.plot.setSeries(this.series.indexOf(s) + 1, { show: !this.hidden.has(s.name) });
    } }, swatch, el("span", { class: "name" }, s.name), shown, el("small", {}, s.unit));
    return { node, shown, swatch };
  }

  /** Draws into the page; the card must be in it. */
  mount() {
    const axis = { stroke: () => css("--ink-2"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: { stroke: () => css("--grid"), width: 1, size: 4 }, font: "11px system-ui, sans-serif" };
    const options = {
      width: Math.max(200, this.box.clientWidth),
      height: 190,
      padding: [10, 14, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: sync.key, scales: ["x", null] }, drag: { x: true, y: false, dist: 5, setScale: false }, points: { size: 7 } },
      scales: { x: { time: true } },
      axes: [
        { ...axis, size: 28, space: 70, values: (u, splits) => splits.map((t) => this.#tick(u, t)) },
        { ...axis, space: 34, size: (u, values) => 16 + 7 * Math.max(2, ...(values ?? []).map((v) => String(v).length)), values: (u, splits) => splits.map((v) => value(v)) },
      ],
      series: [{}, ...this.series.map((s) => ({
        label: s.name,
        stroke: () => colour(s),
        width: 2,
        spanGaps: true,
        show: !this.hidden.has(s.name),
        points: { size: 5, fill: () => colour(s) },
      }))],
      hooks: {
        setSelect: [(u) => {
          if (u.select.width < 5) return;
          const range = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.plots.zoom(range);
        }],
        setCursor: [(u) => {
          this.cursor = u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null;
          this.#values();
        }],
      },
    };
    this.plot = new uPlot(options, [[], ...this.series.map(() => [])], this.box);
    this.plot.over.addEventListener("dblclick", () => this.plots.zoom(null));
    this.plots.resized.observe(this.box);
    this.recolour();
  }

  #tick(u, t) {
    const span = u.scales.x.max - u.scales.x.min;
    const c = clock(t * 1000);
    return span > 600 ? c.slice(0, 5) : span > 3 ? c.slice(0, 8) : c.slice(3);
  }

  draw([from, to]) {
    const tables = this.series.map((s) => since(s, from));
    this.plot.batch(() => {
      this.plot.setData(uPlot.join(tables), false);
      this.plot.setScale("x", { min: from, max: to });
    });
    this.#values();
  }

  /** Writes the last values, or those under the cursor. */
  #values() {
    let said = "";
    this.series.forEach((s, i) => {
      const at = this.cursor === null ? s.t.length - 1 : indexAt(s, this.cursor);
      const v = at < 0 ? null : s.v[at];
      text(this.chips[i].shown, value(v));
      said += ` ${s.name}: ${value(v)} ${s.unit},`;
    });
    text(this.time, this.cursor === null ? "" : "at " + clock(this.cursor * 1000).slice(0, 8));
    if (this.cursor === null) this.box.setAttribute("aria-label", "Plot of" + said.slice(0, -1));
  }

  resize(width) {
    if (width > 0 && this.plot && Math.abs(width - this.plot.width) >= 1) this.plot.setSize({ width, height: 190 });
  }

  recolour() {
    this.series.forEach((s, i) => { this.chips[i].swatch.style.backgroundColor = colour(s); });
    this.plot.redraw(false, true);
  }

  destroy() {
    this.plots.resized.unobserve(this.box);
    this.plot.destroy();
  }
}

/** The choice of windows, in seconds. */
const windows = [[15, "15 s"], [60, "1 min"], [300, "5 min"], [900, "15 min"], [3600, "1 h"], [Infinity, "all"]];

export function windowButtons(plots) {
  const buttons = windows.map(([seconds, label]) => el("button", { type: "button", "aria-pressed": String(seconds === plots.window), onclick: () => {
    plots.window = seconds;
    for (const [i, b] of buttons.entries()) set(b, { "aria-pressed": String(windows[i][0] === seconds) });
    plots.zoom(null);
  } }, label));
  return buttons;
}
