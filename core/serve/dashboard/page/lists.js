// The channels at the side, the totals, and the table of connections.

import { $, Sparkline, command, el, rows, set, text } from "./dom.js";
import { bytes, count, duration, plural, sending } from "./format.js";
import { httpURL, socketURL } from "./server.js";

/** How a device reaches a channel, to be copied. */
export function howTo(name) {
  return [
    el("p", {}, "Connect a device to"),
    command(socketURL(name, "rw")),
    el("p", {}, "or send a reading from a shell:"),
    ...sending(socketURL(name, "wo"), httpURL(name, "wo")).map(command),
  ];
}

const perSecond = (n, unit) => `${unit === "B" ? bytes(n) : count(n)}/s`;

export class Lists {
  #channels = new Map();
  #conns = new Map();
  #state = null;

  constructor(selection) {
    this.selection = selection;
    $("welcome").append(
      el("h2", {}, "No channel yet"),
      el("p", {}, "A channel is there as soon as somebody connects to it. Draft 75, draft 76 and today's WebSocket share it, and everybody gets what the others send."),
      ...howTo("demo"),
      el("p", {}, "Messages that are JSON with numbers are plotted. ", el("a", { href: "#/demo" }, "Open the channel demo"), " to watch them come in."),
    );
    this.tiles = new Map();
    for (const [key, label] of [["conns", "Connections"], ["messages", "Messages"], ["bytes", "Bytes"], ["lost", "Dropped"]]) {
      const tile = { value: el("dd", {}), detail: el("dd", { class: "note" }) };
      this.tiles.set(key, tile);
      $("tiles").append(el("div", { class: "card tile" }, el("dt", {}, label), tile.value, tile.detail));
    }
  }

  /** Another channel is shown: what is known of it now. */
  selected() {
    set($("overview-link"), { "aria-current": this.selection.name === "" ? "page" : null });
    for (const [name, row] of this.#channels) set(row.link, { "aria-current": name === this.selection.name ? "page" : null });
    $("conns-section").classList.toggle("of-channel", this.selection.name !== "");
    if (this.#state) this.#facts(this.#state);
  }

  /** The first channel that the search finds. */
  first() {
    const q = $("search").value.trim().toLowerCase();
    if (q === "") return undefined;
    const names = (this.#state?.channels ?? []).map((c) => c.name).filter((n) => n.toLowerCase().includes(q));
    return names.find((n) => n.toLowerCase() === q) ?? names[0];
  }

  /** The channel before or behind the one that is shown. */
  neighbour(by) {
    const names = [...this.#channels.keys()].sort();
    if (names.length === 0) return undefined;
    const at = names.indexOf(this.selection.name);
    return names[at < 0 ? (by > 0 ? 0 : names.length - 1) : (at + by + names.length) % names.length];
  }

  update(s) {
    this.#state = s;
    rows($("channels"), this.#channels, s.channels, (c) => c.name, (c) => this.#channelRow(c));
    const more = s.channelsMatched - s.channels.length;
    text($("channels-note"), s.channels.length === 0 ? (s.channelsTotal === 0 ? "No channel yet." : "No channel of that name; Enter opens it.") : more > 0 ? `and ${plural(more, "other")}: search for them` : "");
    $("channels-note").hidden = $("channels-note").textContent === "";
    text($("channels-title"), s.channelsTotal > 0 ? `Channels ${count(s.channelsTotal)}` : "Channels");
    rows($("conns"), this.#conns, s.conns, (c) => c.id, () => connRow());
    $("conns-empty").hidden = s.conns.length > 0;
    text($("conns-count"), s.connsMatched > s.conns.length ? `the newest ${s.conns.length} of ${count(s.connsMatched)}` : s.conns.length > 0 ? count(s.conns.length) : "");
    $("welcome").hidden = s.channelsTotal > 0;
    this.#totals(s);
    this.#facts(s);
  }

  #totals(s) {
    const t = s.status;
    text($("totals"), `${plural(s.connsTotal, "connection")} · ${perSecond(t.messagesInRate, "")} in · ${perSecond(t.messagesOutRate, "")} out`);
    const tile = (key, v, detail) => {
      text(this.tiles.get(key).value, v);
      text(this.tiles.get(key).detail, detail);
    };
    tile("conns", count(s.connsTotal), Object.entries(s.dialects).sort().map(([d, n]) => `${count(n)} ${d}`).join(", ") || "none of any dialect");
    tile("messages", perSecond(t.messagesInRate + t.messagesOutRate, ""), `${count(t.messagesIn)} in, ${count(t.messagesOut)} out so far`);
    tile("bytes", perSecond(t.bytesInRate + t.bytesOutRate, "B"), `${bytes(t.bytesIn)} in, ${bytes(t.bytesOut)} out so far`);
    tile("lost", count(t.dropped), `messages; ${plural(t.refused, "handshake")} refused`);
    text($("foot"), `ws76 ${s.version}, up ${duration((Date.parse(s.time) - Date.parse(s.started)) / 1000)}`);
  }

  #facts(s) {
    if (this.selection.name === "") return;
    const c = s.channels.find((x) => x.name === this.selection.name);
    const facts = c ? `${count(c.publishers)} may publish, ${count(c.subscribers)} listen · ${perSecond(c.messagesRate, "")} · ${perSecond(c.bytesRate, "B")} · ${plural(c.messages, "message")}${c.dropped ? ` · ${count(c.dropped)} dropped` : ""}` : "nobody is here";
    text($("channel-facts"), facts);
  }

  #channelRow(c) {
    const spark = new Sparkline();
    const rate = el("span", { class: "rate" });
    const detail = el("small", {});
    const link = el("a", { class: "row", href: "#/" + encodeURIComponent(c.name), "aria-current": c.name === this.selection.name ? "page" : null },
      el("span", { class: "name" }, c.name), rate, detail, spark.node);
    return {
      node: el("li", {}, link),
      link,
      update: (now) => {
        text(rate, now.messagesRate > 0 ? perSecond(now.messagesRate, "") : "");
        text(detail, `${plural(now.publishers, "writer")}, ${plural(now.subscribers, "reader")}`);
        spark.add(now.messagesRate);
      },
    };
  }
}

const modes = { rw: "both", ro: "read", wo: "write" };

function connRow() {
  const cells = ["address", "dialect", "transport", "channel", "mode", "in", "out", "queued", "dropped", "opened"].map((key) =>
    el("td", { class: { in: "n", out: "n", queued: "n", dropped: "n", opened: "n", address: "mono", channel: "only-overview" }[key] ?? null }));
  const badge = el("span", { class: "badge" });
  const link = el("a", {});
  cells[1].append(badge);
  cells[3].append(link);
  return {
    node: el("tr", {}, ...cells),
    update(c) {
      const traffic = (rate, byteRate, total) => (rate > 0 ? `${perSecond(rate, "")} · ${perSecond(byteRate, "B")}` : count(total));
      text(cells[0], c.address);
      badge.dataset.dialect = c.dialect;
      text(badge, c.dialect);
      text(cells[2], c.transport + (c.secure && c.transport !== "tls" ? " + TLS" : ""));
      set(link, { href: c.channel ? "#/" + encodeURIComponent(c.channel) : null });
      text(link, c.channel || "–");
      text(cells[4], modes[c.mode] ?? "–");
      text(cells[5], traffic(c.messagesInRate, c.bytesInRate, c.messagesIn));
      text(cells[6], traffic(c.messagesOutRate, c.bytesOutRate, c.messagesOut));
      text(cells[7], count(c.queued));
      text(cells[8], count(c.dropped));
      text(cells[9], duration((Date.now() - Date.parse(c.opened)) / 1000));
    },
  };
}
