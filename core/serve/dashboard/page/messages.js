// The list of a channel's messages: bounded, newest first.

import { $, el, set, text } from "./dom.js";
import { bytes, clock, count, message, record } from "./format.js";

const kept = 2000; // messages
const keptBytes = 16e6;
const drawn = 200; // rows
const utf8 = new TextEncoder();

export class Messages {
  constructor(list) {
    this.list = list;
    this.view = "auto";
    this.filter = "";
    this.clear();
  }

  clear() {
    this.all = []; // oldest first
    this.size = 0;
    this.total = 0;
    this.held = null; // while paused: what had come when it was
    this.fresh = []; // not drawn yet
    this.#redraw();
  }

  add(m) {
    m.length = m.data.length;
    m.number = ++this.total;
    this.all.push(m);
    this.size += m.length;
    while (this.all.length > kept || (this.size > keptBytes && this.all.length > 1)) this.size -= this.all.shift().length;
    if (this.held === null) {
      this.fresh.push(m);
      if (this.fresh.length > drawn) this.fresh.shift();
    }
    this.#schedule();
  }

  get paused() {
    return this.held !== null;
  }

  pause(on) {
    this.held = on ? this.all.slice(-drawn) : null;
    this.#redraw();
  }

  setView(view) {
    this.view = view;
    this.#redraw();
  }

  setFilter(filter) {
    this.filter = filter.toLowerCase();
    this.#redraw();
  }

  /** Draws with the next frame, ten times a second at most. */
  #schedule() {
    this.frame ??= setTimeout(() => requestAnimationFrame(() => {
      this.frame = null;
      this.last = performance.now();
      this.#draw();
    }), Math.max(0, (this.last ?? 0) + 100 - performance.now()));
  }

  /** Draws all of them again. */
  #redraw() {
    this.list.replaceChildren();
    this.fresh = (this.held ?? this.all).filter((m) => this.#matches(m)).slice(-drawn);
    this.#draw();
  }

  #draw() {
    const nodes = this.fresh.filter((m) => this.#matches(m)).map((m) => this.#row(m)).reverse();
    this.fresh = [];
    this.list.prepend(...nodes);
    while (this.list.childElementCount > drawn) this.list.lastElementChild.remove();
    const behind = this.held === null ? 0 : this.total - (this.held.at(-1)?.number ?? 0);
    text($("messages-count"), this.total === 0 ? "" : `${count(this.total)}${this.held ? `, paused, ${count(behind)} more` : ""}`);
    $("messages-empty").hidden = this.list.childElementCount > 0;
    text($("messages-empty-text"), this.total === 0 ? "Waiting for the first message." : this.filter ? "No message matches the filter." : "Cleared.");
  }

  #matches(m) {
    if (this.filter === "") return true;
    return typeof m.data === "string" && m.data.slice(0, 65536).toLowerCase().includes(this.filter);
  }

  #row(m) {
    const out = m.dir === "out";
    return el("li", { class: out ? "out" : "in" },
      el("time", { datetime: new Date(m.time).toISOString() }, clock(m.time)),
      el("span", { class: "dir", title: out ? "sent from this page" : "received", "aria-label": out ? "sent" : "received" }, out ? "↑" : "↓"),
      el("pre", { class: this.view === "hex" || (this.view === "auto" && typeof m.data !== "string") ? "dump" : null }, message(m.data, this.view)),
      el("small", {}, typeof m.data === "string" ? bytes(utf8.encode(m.data).length) : bytes(m.length) + " binary"));
  }

  /** Saves what is kept, as lines in the shape of --out json. */
  download(name) {
    const lines = this.all.map(record).join("\n") + "\n";
    const url = URL.createObjectURL(new Blob([lines], { type: "application/jsonl" }));
    const a = el("a", { href: url, download: name.replace(/[^\w.-]+/g, "_") + ".jsonl" });
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}

const views = [["auto", "Auto"], ["text", "Text"], ["json", "JSON"], ["hex", "Hex"]];

export function viewButtons(messages) {
  const buttons = views.map(([view, label]) => el("button", { type: "button", "aria-pressed": String(view === messages.view), onclick: () => {
    messages.setView(view);
    for (const [i, b] of buttons.entries()) set(b, { "aria-pressed": String(views[i][0] === view) });
  } }, label));
  return buttons;
}
