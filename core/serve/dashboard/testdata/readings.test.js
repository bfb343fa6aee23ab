import test from "node:test";
import assert from "node:assert/strict";
import { readings, History, since, indexAt, limits } from "../page/readings.js";

const short = (text) => readings(text).map((r) => `${r.group}: ${r.name}=${r.value}${r.unit}`);

test("readings", () => {
  const rows = [
    ['{"id":"temperature","value":21.4,"unit":"C"}', ["in C: temperature=21.4C"]],
    ['{"id":"temperature","value":"21.4","unit":"C"}', ["in C: temperature=21.4C"]],
    ['{"id":7,"value":true}', ["of 7: 7=1"]],
    ['{"id":"imu","x":1,"y":-2,"time":99}', ["of imu: imu.x=1", "of imu: imu.y=-2"]],
    ['{"light":310,"air":{"co2":410,"deep":{"er":{"no":1}}}}', ["of : light=310", "of : air.co2=410"]],
    ['[{"id":"a","value":1},{"id":"b","value":2},3,null]', ["of a: a=1", "of b: b=2"]],
    [" 21.5 ", ["of : value=21.5"]],
    ["-3", ["of : value=-3"]],
    ['{"value":"on"}', []], ['{"value":null}', []], ['{"value":"0x10"}', []], ['{"value":""}', []],
    ['{"name":"5"}', []], ["hello", []], ["{", []], ["", []], ["null", []], ["true", []], ['"1"', []], ["[1,2]", []],
    ['{"value":1e999}', []],
    ['{"__proto__":{"x":1},"constructor":2}', ["of : __proto__.x=1", "of : constructor=2"]],
  ];
  for (const [text, want] of rows) assert.deepEqual(short(text), want, text);
  assert.equal({}.x, undefined, "no prototype was touched");
});

test("readings are bounded", () => {
  assert.deepEqual(readings(JSON.stringify({ value: 1, pad: "x".repeat(limits.text) })), []);
  const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ["f" + i, i]));
  assert.equal(readings(JSON.stringify(wide)).length, limits.items);
  assert.equal(readings(JSON.stringify(Array(1000).fill({ value: 1 }))).length, limits.items);
  const [r] = readings(JSON.stringify({ id: "x".repeat(500), value: 1, unit: "y".repeat(500) }));
  assert.equal(r.name.length, limits.name);
  assert.equal(r.unit.length, 12);
});

test("history groups by unit, else by id", () => {
  const h = new History();
  assert.equal(h.add(readings('{"id":"in","value":20,"unit":"C"}'), 1), true);
  assert.equal(h.add(readings('{"id":"out","value":10,"unit":"C"}'), 1), true);
  assert.equal(h.add(readings('{"id":"in","value":21,"unit":"C"}'), 2), false);
  h.add(readings('{"id":"imu","x":1,"y":2}'), 2);
  assert.deepEqual([...h.groups].map(([k, g]) => [k, [...g.series.keys()]]), [["in C", ["in", "out"]], ["of imu", ["imu.x", "imu.y"]]]);
  const series = h.groups.get("in C").series.get("in");
  assert.deepEqual([series.t, series.v], [[1, 2], [20, 21]]);
});

test("time goes on, even within a millisecond", () => {
  const h = new History();
  for (let i = 0; i < 5; i++) h.add([{ group: "g", name: "n", unit: "", value: i }], 1);
  const { t } = h.groups.get("g").series.get("n");
  for (let i = 1; i < t.length; i++) assert.ok(t[i] > t[i - 1]);
});

test("history is bounded", () => {
  const h = new History();
  for (let i = 0; i < 100; i++) h.add([{ group: "g", name: "n" + i, unit: "", value: i }], 1);
  assert.equal(h.size, limits.series);
  assert.equal(h.refused, 100 - limits.series);
  const many = new History();
  for (let i = 0; i < 100; i++) many.add([{ group: "g" + i, name: "n", unit: "", value: i }], 1);
  assert.equal(many.groups.size, limits.groups);
  const long = new History();
  for (let i = 0; i < 50000; i++) long.add([{ group: "g", name: "n", unit: "", value: i }], i);
  const s = long.groups.get("g").series.get("n");
  assert.ok(s.t.length <= limits.points + 1 && s.t.length === s.v.length, `${s.t.length} points`);
  assert.equal(s.t[0], 0, "the oldest is still there");
  assert.deepEqual(s.v.slice(-100), Array.from({ length: 100 }, (_, i) => 49900 + i), "the newest are whole");
  assert.deepEqual(s.t, s.v, "times stay with their values");
});

test("parts of a series", () => {
  const s = { t: [1, 2, 3, 4], v: [10, 20, 30, 40] };
  assert.deepEqual(since(s, 3), [[2, 3, 4], [20, 30, 40]]);
  assert.deepEqual(since(s, 2.5), [[2, 3, 4], [20, 30, 40]]);
  assert.deepEqual(since(s, 0), [[1, 2, 3, 4], [10, 20, 30, 40]]);
  assert.deepEqual(since(s, 9), [[4], [40]]);
  assert.deepEqual([0, 1, 2.5, 9].map((t) => indexAt(s, t)), [-1, 0, 1, 3]);
});
