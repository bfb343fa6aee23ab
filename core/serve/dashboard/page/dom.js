// Elements without markup: whatever a peer sent only ever becomes text.

/** el("p", {class: "x", onclick: f}, "text", child, …) */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  set(node, attributes);
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** Sets attributes; a function is a listener, null or false takes it away. */
export function set(node, attributes) {
  for (const [name, v] of Object.entries(attributes)) {
    if (typeof v === "function") node.addEventListener(name.slice(2), v);
    else if (v === null || v === undefined || v === false) node.removeAttribute(name);
    else node.setAttribute(name, v === true ? "" : v);
  }
}

export const $ = (id) => document.getElementById(id);

/** Sets a text only where it is another: what is selected stays selected. */
export function text(node, s) {
  if (node.textContent !== s) node.textContent = s;
}

/**
 * Makes the children of parent those of the items, in their order: rows are made
 * once for a key, updated, and taken away. Row: {node, update(item)}.
 */
export function rows(parent, known, items, key, make) {
  const seen = new Set();
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = key(item);
    seen.add(k);
    let row = known.get(k);
    if (!row) known.set(k, (row = make(item)));
    row.update(item);
    if (row.node === at) at = at.nextElementSibling;
    else parent.insertBefore(row.node, at);
  }
  for (const [k, row] of known) {
    if (!seen.has(k)) {
      row.node.remove();
      known.delete(k);
    }
  }
}

const svgNS = "http://www.w3.org/2000/svg";

/** A line of the last rates, as high as the highest of them. */
export class Sparkline {
  #values = [];

  constructor() {
    this.node = document.createElementNS(svgNS, "svg");
    this.line = document.createElementNS(svgNS, "polyline");
    for (const [k, v] of [["viewBox", "0 0 60 18"], ["preserveAspectRatio", "none"], ["class", "spark"], ["aria-hidden", "true"]]) this.node.setAttribute(k, v);
    this.node.append(this.line);
  }

  add(v) {
    this.#values.push(v);
    if (this.#values.length > 40) this.#values.shift();
    const top = Math.max(...this.#values, 1e-9);
    const first = 40 - this.#values.length;
    this.line.setAttribute("points", this.#values.map((r, i) => `${(((first + i) / 39) * 60).toFixed(1)},${(17 - (r / top) * 15).toFixed(1)}`).join(" "));
  }
}

/** A line of shell with a button that copies it. */
export function command(line) {
  const button = el("button", { type: "button", class: "quiet", "aria-label": "Copy: " + line, onclick: () => copy(line, button) }, "Copy");
  return el("div", { class: "command" }, el("code", {}, line), button);
}

async function copy(s, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(s);
    button.textContent = "Copied";
  } catch { // no clipboard without https or localhost
    const code = button.parentElement.querySelector("code");
    if (code) getSelection().selectAllChildren(code);
    button.textContent = code ? "Selected" : "Not allowed";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}
