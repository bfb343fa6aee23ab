// The page: what is selected, what the keys do, and who is told of what.

import { $, set, text } from "./dom.js";
import { bytes } from "./format.js";
import { Feed, Poller } from "./server.js";
import { Messages, viewButtons } from "./messages.js";
import { Plots, windowButtons } from "./plots.js";
import { Lists, howTo } from "./lists.js";

const selected = { name: "" }; // the channel that is shown, "" for the overview
let feed = null; // of the channel that was shown last
const messages = new Messages($("messages"));
const plots = new Plots($("plots"));
const lists = new Lists(selected);

$("views").append(...viewButtons(messages));
$("windows").append(...windowButtons(plots));

// What is shown is in the address, so that it can be kept and shared.

function route() {
  const m = /^#\/(.+)$/.exec(location.hash);
  let name = "";
  try {
    name = m ? decodeURIComponent(m[1]) : "";
  } catch { /* not an address of this page */ }
  select(name);
}

function select(name) {
  selected.name = name;
  document.body.dataset.shown = name === "" ? "overview" : "channel";
  $("overview").hidden = name !== "";
  $("channel").hidden = name === "";
  document.title = name === "" ? "ws76" : `${name} – ws76`;
  if (name !== "" && feed?.channel !== name) open(name);
  lists.selected();
  poller.now();
  window.scrollTo(0, 0);
}

function open(name) {
  feed?.close();
  pause(false);
  messages.clear();
  plots.clear();
  text($("channel-title"), name);
  text($("send-note"), "");
  $("messages-how").replaceChildren(...howTo(name));
  pill($("feed"), "wait", "connecting");
  feed = new Feed(name, {
    message(m) {
      messages.add(m);
      plots.add(m);
    },
    status(state, reason) {
      if (state === "open") pill($("feed"), "ok", "live");
      else if (state === "refused" && poller.failures === 0) pill($("feed"), "bad", "refused: is this a name for a channel?");
      else pill($("feed"), "bad", reason ? `closed: ${reason}` : "reconnecting");
    },
  });
}

function pill(node, state, s) {
  node.dataset.state = state;
  text(node, s);
}

// The server's state.

let noticeTimer = 0;
function notice(s, seconds = 0) {
  clearTimeout(noticeTimer);
  text($("notice"), s);
  $("notice").hidden = s === "";
  if (seconds > 0) noticeTimer = setTimeout(() => notice(""), seconds * 1000);
}

const poller = new Poller({
  query: () => ({ q: $("search").value.trim(), channel: selected.name }),
  state(s, { restarted, back }) {
    pill($("status"), "ok", "live");
    if (restarted) notice("The server was restarted; connected again.", 8);
    else if (back) notice("Connected again.", 4);
    if (restarted || back) feed?.retry();
    lists.update(s);
  },
  trouble(why) {
    pill($("status"), "bad", "offline");
    notice(`Not connected: ${why}. Trying again.`);
  },
});

// Sending.

const sent = []; // what was sent, for ↑
let recall = 0;

async function send() {
  const field = $("send");
  const s = field.value;
  if (s === "" || !feed) return;
  field.value = "";
  grow();
  if (sent.at(-1) !== s) sent.push(s);
  if (sent.length > 50) sent.shift();
  recall = sent.length;
  try {
    await feed.send(s);
    $("send-note").classList.remove("bad");
    text($("send-note"), `Sent ${bytes(new TextEncoder().encode(s).length)}.`);
  } catch (err) {
    $("send-note").classList.add("bad");
    text($("send-note"), err.message);
    if (field.value === "") field.value = s;
    grow();
  }
}

function grow() {
  const field = $("send");
  field.style.height = "auto";
  field.style.height = Math.min(field.scrollHeight + 2, 180) + "px";
}

$("send").addEventListener("input", grow);
$("send").addEventListener("keydown", (event) => {
  const field = $("send");
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && (field.value === "" || field.value === sent[recall])) {
    recall = Math.max(0, Math.min(sent.length, recall + (event.key === "ArrowUp" ? -1 : 1)));
    field.value = sent[recall] ?? "";
    event.preventDefault();
    grow();
  }
});
$("send-form").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});

// The bars.

function pause(on) {
  messages.pause(on);
  plots.pause(on);
  set($("pause"), { "aria-pressed": String(on) });
  text($("pause"), on ? "Go on" : "Pause");
}

function clear() {
  messages.clear();
  plots.clear();
  pause(false);
}

const themes = ["", "light", "dark"];
function theme() {
  const root = document.documentElement.dataset;
  const next = themes[(themes.indexOf(root.theme ?? "") + 1) % themes.length];
  if (next === "") delete root.theme;
  else root.theme = next;
  try {
    localStorage.setItem("theme", next);
  } catch { /* until the page is closed, then */ }
  nameTheme();
  plots.recolour();
}

function nameTheme() {
  text($("theme"), { light: "Light", dark: "Dark" }[document.documentElement.dataset.theme] ?? "Auto");
}

$("pause").onclick = () => pause(!messages.paused);
$("clear").onclick = clear;
$("download").onclick = () => messages.download(selected.name);
$("reset-zoom").onclick = () => plots.zoom(null);
$("filter").oninput = () => messages.setFilter($("filter").value);
$("theme").onclick = theme;
$("help-button").onclick = () => $("help").showModal();
$("help").onclick = (event) => event.target === $("help") && $("help").close();
$("search").oninput = () => poller.now();
$("search-form").onsubmit = (event) => {
  event.preventDefault();
  const name = lists.first() ?? $("search").value.trim();
  if (name === "") return;
  $("search").value = "";
  location.hash = "#/" + encodeURIComponent(name);
};

// The keys.

/** The next of a row of buttons, of which one is pressed. */
function nextOf(group) {
  const buttons = [...group.children];
  const at = buttons.findIndex((b) => b.getAttribute("aria-pressed") === "true");
  buttons[(at + 1) % buttons.length].click();
}

function step(by) {
  const name = lists.neighbour(by);
  if (name !== undefined) location.hash = "#/" + encodeURIComponent(name);
}

const everywhere = {
  "/": () => $("search").focus(),
  "?": () => $("help").showModal(),
  o: () => { location.hash = "#"; },
  j: () => step(1),
  k: () => step(-1),
  t: theme,
};
const inChannel = {
  m: () => $("send").focus(),
  f: () => $("filter").focus(),
  v: () => nextOf($("views")),
  w: () => nextOf($("windows")),
  p: () => pause(!messages.paused),
  c: clear,
  d: () => messages.download(selected.name),
  z: () => plots.zoom(null),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const action = everywhere[event.key] ?? (selected.name !== "" ? inChannel[event.key] : undefined);
  if (!action) return;
  event.preventDefault();
  action();
});

nameTheme();
addEventListener("hashchange", route);
route();
poller.run();
