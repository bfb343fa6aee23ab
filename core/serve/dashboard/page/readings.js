// What can be plotted of messages, and its history. No DOM in here.

import { json } from "./format.js";

// Bounds: a peer says what there is, and may say anything.
export const limits = { text: 64 * 1024, series: 32, groups: 12, points: 4000, name: 80, items: 64, depth: 3 };

// Fields that say when or who, not what.
const notValues = new Set(["id", "time", "timestamp", "ts", "date", "seq", "unit", "units"]);
const decimal = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/;

/**
 * The readings of a text message: [{group, name, unit, value}].
 *
 *   {"id":"temperature","value":21.4,"unit":"C"}   temperature, with those of its unit
 *   {"id":"imu","x":1,"y":2}                       imu.x and imu.y, in one plot
 *   {"light":310,"air":{"co2":410}}                light, air.co2
 *   [{...},{...}]                                  each of them
 *   21.4                                           value
 */
export function readings(text) {
  if (text.length > limits.text || !/^\s*[-\d[{]/.test(text)) return [];
  const out = [];
  const parsed = json(text);
  if (typeof parsed === "number") push(out, "", "value", "", parsed);
  else if (Array.isArray(parsed)) for (const item of parsed.slice(0, limits.items)) ofObject(out, item);
  else ofObject(out, parsed);
  return out;
}

function ofObject(out, object) {
  if (object === null || typeof object !== "object" || Array.isArray(object)) return;
  const id = typeof object.id === "string" || typeof object.id === "number" ? String(object.id) : "";
  const unit = String(typeof object.unit === "string" ? object.unit : typeof object.units === "string" ? object.units : "");
  fields(out, object, id, unit, "", 1);
}

function fields(out, object, id, unit, prefix, depth) {
  for (const [key, v] of Object.entries(object)) {
    if (out.length >= limits.items) return;
    const path = prefix + key;
    const name = id === "" ? path : path === "value" ? id : id + "." + path;
    if (typeof v === "number") {
      if (!notValues.has(key.toLowerCase())) push(out, id, name, unit, v);
    } else if (key === "value" && typeof v === "string" && decimal.test(v)) push(out, id, name, unit, Number(v)); // as many small devices write it
    else if (key === "value" && typeof v === "boolean") push(out, id, name, unit, v ? 1 : 0);
    else if (v !== null && typeof v === "object" && !Array.isArray(v) && depth < limits.depth) fields(out, v, id, unit, path + ".", depth + 1);
  }
}

function push(out, id, name, unit, v) {
  if (!Number.isFinite(v)) return;
  unit = unit.slice(0, 12);
  out.push({ group: unit !== "" ? "in " + unit : "of " + id.slice(0, limits.name), name: name.slice(0, limits.name), unit, value: v });
}

/** History holds the last values of each series, by group. */
export class History {
  constructor() {
    this.groups = new Map(); // group: {unit, series: Map(name: {name, unit, t: [s], v: []})}
    this.size = 0; // of all series
    this.refused = 0; // readings that found no room
  }

  /** Adds readings that came at a time in seconds. Returns whether there is a new series. */
  add(list, time) {
    let fresh = false;
    for (const r of list) {
      let group = this.groups.get(r.group);
      let series = group?.series.get(r.name);
      if (!series) {
        if (this.size >= limits.series || (!group && this.groups.size >= limits.groups)) {
          this.refused++;
          continue;
        }
        if (!group) this.groups.set(r.group, (group = { unit: r.unit, series: new Map() }));
        group.series.set(r.name, (series = { name: r.name, unit: r.unit, t: [], v: [], colour: this.size }));
        this.size++;
        fresh = true;
      }
      const n = series.t.length;
      if (n > 0 && series.t[n - 1] >= time) time = series.t[n - 1] + 1e-4; // several in one millisecond
      series.t.push(time);
      series.v.push(r.value);
      if (n >= limits.points) thin(series);
    }
    return fresh;
  }
}

/** Leaves every second of the older three quarters: what is recent stays whole, what is old stays visible. */
function thin(series) {
  const keep = Math.floor((series.t.length * 3) / 4);
  for (const key of ["t", "v"]) {
    const old = series[key];
    series[key] = old.filter((_, i) => i >= keep || i % 2 === 0);
  }
}

/** The part of a series from a time on, with one point before it so that the line comes in from the left. */
export function since(series, from) {
  let low = 0;
  let high = series.t.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (series.t[mid] < from) low = mid + 1;
    else high = mid;
  }
  const start = Math.max(0, low - 1);
  return [series.t.slice(start), series.v.slice(start)];
}

/** The index of the value that held at a time: the last one not behind it, -1 if there is none. */
export function indexAt(series, time) {
  let low = 0;
  let high = series.t.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (series.t[mid] <= time) low = mid + 1;
    else high = mid;
  }
  return low - 1;
}
