// How things are written: numbers, times, bytes, messages. No DOM in here.

const units = ["B", "kB", "MB", "GB", "TB"];

/** 1234567 -> "1.2 MB" */
export function bytes(n) {
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return (i === 0 || n >= 99.5 ? Math.round(n) : n.toPrecision(2)) + " " + units[i];
}

/** 1234567 -> "1.2M"; small ones as they are, with one digit behind the point if need be. */
export function count(n) {
  if (n < 10 && !Number.isInteger(n)) return n.toFixed(1);
  for (const [limit, letter] of [[999.5e6, "G"], [999.5e3, "M"], [9999.5, "k"]]) {
    if (n >= limit) {
      const m = n / { G: 1e9, M: 1e6, k: 1e3 }[letter];
      return (m >= 99.5 ? Math.round(m) : m.toPrecision(2)) + letter;
    }
  }
  return String(Math.round(n));
}

/** A value of a device: at most six digits that mean something. */
export function value(v) {
  if (v === null || v === undefined) return "–";
  if (!Number.isFinite(v)) return String(v);
  const size = Math.abs(v);
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) return v.toExponential(3);
  return String(Number(v.toPrecision(size >= 1e6 ? 9 : 6)));
}

/** 3723 -> "1 h 2 min" */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min";
  if (s < 86400) return Math.floor(s / 3600) + " h " + (Math.floor(s / 60) % 60) + " min";
  return Math.floor(s / 86400) + " d " + (Math.floor(s / 3600) % 24) + " h";
}

/** The time of day with milliseconds. */
export function clock(ms) {
  const d = new Date(ms);
  const pad = (n, digits) => String(n).padStart(digits, "0");
  return `${pad(d.getHours(), 2)}:${pad(d.getMinutes(), 2)}:${pad(d.getSeconds(), 2)}.${pad(d.getMilliseconds(), 3)}`;
}

/** "1 channel", "2 channels" */
export function plural(n, noun) {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}

// What is shown of one message; the download has it whole.
const shownText = 16 * 1024;
const shownBytes = 1024;

/** data: a string or a Uint8Array. view: "auto", "text", "json" or "hex". */
export function message(data, view) {
  const text = typeof data === "string" ? data : null;
  if (view === "hex" || (text === null && view === "auto")) return hex(text === null ? data : new TextEncoder().encode(text.slice(0, shownBytes)), text === null ? 0 : text.length);
  const s = text ?? new TextDecoder().decode(data.subarray(0, shownText));
  if (view === "json" && s.length <= shownText) {
    const parsed = json(s);
    if (parsed !== undefined) return JSON.stringify(parsed, null, 2);
  }
  return visible(s.length > shownText ? s.slice(0, shownText) + "\n… " + bytes(s.length) + " in all" : s);
}

/** The value of a JSON text, undefined if it is none. */
export function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Control characters as pictures of them, and those that turn the writing around made visible. */
export function visible(s) {
  return s.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (c) => (c === "\x7f" ? "\u2421" : String.fromCharCode(0x2400 + c.charCodeAt(0))))
    .replace(/[\u0080-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => "<U+" + c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + ">");
}

/** Offset, sixteen bytes and what of them is ASCII, a line each. */
export function hex(data, textLength = 0) {
  const lines = [];
  const end = Math.min(data.length, shownBytes);
  for (let at = 0; at < end; at += 16) {
    const row = Array.from(data.subarray(at, Math.min(at + 16, end)));
    const digits = row.map((b) => b.toString(16).padStart(2, "0")).join(" ");
    const chars = row.map((b) => (b > 0x1f && b < 0x7f ? String.fromCharCode(b) : ".")).join("");
    lines.push(at.toString(16).padStart(4, "0") + "  " + digits.padEnd(48) + " " + chars);
  }
  if (data.length > end || textLength > shownBytes) lines.push("… " + bytes(Math.max(data.length, textLength)) + " in all");
  return lines.join("\n") || "(empty)";
}

/** A line of a recording, as ws76 --out json writes it. */
export function record(m) {
  const line = { kind: typeof m.data === "string" ? "text" : "binary", dir: m.dir, time: new Date(m.time).toISOString() };
  if (typeof m.data === "string") return JSON.stringify({ data: m.data, ...line });
  let binary = "";
  for (const b of m.data) binary += String.fromCharCode(b);
  return JSON.stringify({ base64: btoa(binary), ...line });
}

/** Commands that send a reading to a channel: of a link to this page anybody may have chosen its name. */
export function sending(socketURL, httpURL) {
  const reading = shell('{"id":"temperature","value":21.4,"unit":"C"}');
  return [`ws76 connect ${shell(socketURL)} ${reading}`, `curl -d ${reading} ${shell(httpURL)}`];
}

/** A word as a shell reads it. */
function shell(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
