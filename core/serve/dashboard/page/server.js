// What the page asks the server: its state every second, and the messages of a channel.

import { Rates } from "./rates.js";

// The page may be served below a path by a proxy: everything is relative to it.
const base = new URL(".", document.baseURI);
base.username = base.password = ""; // the browser has them by now, and fetch takes no address with them

export function socketURL(channel, mode) {
  const url = new URL(`ws/${encodeURIComponent(channel)}/${mode}`, base);
  url.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export function httpURL(channel, mode) {
  return new URL(`ws/${encodeURIComponent(channel)}/${mode}`, base).href;
}

const wait = (ms, signal) => new Promise((done) => {
  if (signal.aborted) return done();
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
});

/** Poller asks for the state while the page is visible and says how that goes. */
export class Poller {
  constructor({ query, state, trouble }) {
    Object.assign(this, { query, state, trouble });
    this.failures = 0;
    this.rates = new Rates();
    this.wake = new AbortController();
    document.addEventListener("visibilitychange", () => this.now());
  }

  /** Asks at once, for instance since the query is another. */
  now() {
    this.wake.abort();
  }

  async run() {
    for (;;) {
      this.wake = new AbortController();
      if (!document.hidden) await this.ask();
      await wait(document.hidden ? 3600e3 : Math.min(1000 * 2 ** Math.min(this.failures, 3), 5000), this.wake.signal);
    }
  }

  async ask() {
    const url = new URL("api/state", base);
    for (const [key, v] of Object.entries(this.query())) if (v) url.searchParams.set(key, v);
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      if (!response.ok) throw new Error(`the server says ${response.status}: ${(await response.text()).slice(0, 200).trim()}`);
      const s = await response.json();
      this.#addRates(s);
      const restarted = this.runID !== undefined && this.runID !== s.run;
      const back = this.failures > 0;
      this.runID = s.run;
      this.failures = 0;
      this.state(s, { restarted, back });
    } catch (err) {
      this.failures++;
      this.trouble(err instanceof TypeError || err.name === "TimeoutError" ? "the server cannot be reached" : err.message);
    }
  }

  #addRates(s) {
    const time = Date.parse(s.time);
    const add = (prefix, item, fields) => {
      for (const f of fields) item[f + "Rate"] = this.rates.of(`${s.run} ${prefix} ${f}`, item[f], time);
    };
    add("all", s.status, ["messagesIn", "messagesOut", "bytesIn", "bytesOut"]);
    for (const c of s.channels) add("channel " + c.name, c, ["messages", "bytes"]);
    for (const c of s.conns) add("conn " + c.id, c, ["messagesIn", "messagesOut", "bytesIn", "bytesOut"]);
    this.rates.turn();
  }
}

/** Feed gets the messages of a channel, opens again by itself, and sends. */
export class Feed {
  #closed = false;
  #failures = 0;
  #outbox = []; // texts that wait for the sending socket
  #mine = []; // texts that were sent, until they come back

  constructor(channel, { message, status }) {
    Object.assign(this, { channel, message, status });
    this.#watch();
  }

  #watch() {
    if (this.#closed) return;
    clearTimeout(this.timer);
    const ws = new WebSocket(socketURL(this.channel, "ro"));
    this.watcher = ws;
    ws.binaryType = "arraybuffer";
    ws.onopen = () => {
      this.#failures = 0;
      this.opened = true;
      this.status("open");
    };
    ws.onmessage = (event) => {
      const data = typeof event.data === "string" ? event.data : new Uint8Array(event.data);
      const at = this.#mine.indexOf(data);
      if (at >= 0) this.#mine.splice(at, 1);
      this.message({ data, dir: at >= 0 ? "out" : "in", time: Date.now() });
    };
    ws.onclose = (event) => {
      if (this.#closed || this.watcher !== ws) return;
      this.#failures++;
      // A browser does not say why a handshake failed.
      this.status(this.opened || this.#failures < 3 ? "closed" : "refused", event.reason);
      this.timer = setTimeout(() => this.#watch(), Math.min(500 * 2 ** Math.min(this.#failures - 1, 4), 5000));
    };
  }

  /** Opens again at once: the server is there. */
  retry() {
    if (this.watcher.readyState === WebSocket.CLOSED) this.#watch();
  }

  /** Sends a text; resolves when it has left, rejects with what kept it. */
  send(text) {
    return new Promise((resolve, reject) => {
      this.#outbox.push({ text, resolve, reject });
      const ws = this.sender;
      if (ws?.readyState === WebSocket.OPEN) this.#flush();
      else if (ws?.readyState !== WebSocket.CONNECTING) this.#openSender();
    });
  }

  #openSender() {
    const ws = new WebSocket(socketURL(this.channel, "wo"));
    this.sender = ws;
    ws.onopen = () => this.#flush();
    ws.onclose = (event) => {
      const why = event.reason ? `: ${event.reason}` : "";
      for (const { reject } of this.#outbox.splice(0)) reject(new Error(`not sent, the connection was refused or closed${why}`));
    };
  }

  #flush() {
    for (const { text, resolve } of this.#outbox.splice(0)) {
      this.sender.send(text);
      this.#mine.push(text);
      if (this.#mine.length > 100) this.#mine.shift();
      resolve();
    }
  }

  close() {
    this.#closed = true;
    clearTimeout(this.timer);
    this.watcher.close();
    this.sender?.close();
  }
}
