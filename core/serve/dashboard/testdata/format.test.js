import test from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { bytes, count, value, duration, plural, message, visible, hex, record, json, sending } from "../page/format.js";
import { Rates } from "../page/rates.js";

function table(f, rows) {
  for (const [input, want] of rows) assert.equal(f(input), want, `${f.name}(${JSON.stringify(input)})`);
}

test("numbers", () => {
  table(bytes, [[0, "0 B"], [12.4, "12 B"], [999, "999 B"], [1000, "1.0 kB"], [9950, "9.9 kB"], [99499, "99 kB"], [99600, "100 kB"], [999600, "1.0 MB"], [16777216, "17 MB"], [5e15, "5000 TB"]]);
  table(count, [[0, "0"], [0.25, "0.3"], [7, "7"], [12.6, "13"], [9999, "9999"], [10000, "10k"], [999400, "999k"], [999600, "1.0M"], [3.2e6, "3.2M"], [2e9, "2.0G"]]);
  table(value, [[null, "–"], [undefined, "–"], [21.4, "21.4"], [-0.05, "-0.05"], [0, "0"], [1 / 3, "0.333333"], [1e12, "1.000e+12"], [0.00001, "1.000e-5"], [16777216, "16777216"]]);
  table(duration, [[-1, "0 s"], [59.9, "59 s"], [60, "1 min"], [3723, "1 h 2 min"], [90000, "1 d 1 h"]]);
  assert.equal(plural(1, "message"), "1 message");
  assert.equal(plural(0, "message"), "0 messages");
});

test("what is dangerous in a text is visible", () => {
  assert.equal(visible("a\x1b[31mb\u0000\x7f"), "a␛[31mb␀␡");
  assert.equal(visible("line\n\ttab"), "line\n\ttab");
  assert.equal(visible("x\u202etxt.exe"), "x<U+202E>txt.exe");
  assert.equal(visible("<script>"), "<script>");
});

test("messages", () => {
  assert.equal(message('{"a":1}', "auto"), '{"a":1}');
  assert.equal(message('{"a":1}', "json"), '{\n  "a": 1\n}');
  assert.equal(message("not json", "json"), "not json");
  assert.equal(message("é", "hex"), "0000  c3 a9" + " ".repeat(44) + "..");
  assert.equal(message(new Uint8Array([0x41, 0]), "auto"), "0000  41 00" + " ".repeat(44) + "A.");
  assert.equal(message(new Uint8Array([0x41]), "text"), "A");
  assert.equal(hex(new Uint8Array(0)), "(empty)");
  assert.ok(message("x".repeat(1e6), "text").endsWith("… 1.0 MB in all"));
  assert.ok(message("x".repeat(1e6), "text").length < 17e3);
  assert.ok(message("x".repeat(1e6), "hex").endsWith("… 1.0 MB in all"));
  assert.equal(hex(new Uint8Array(1025)).split("\n").length, 65);
});

test("a record is a line of ws76 --out json", () => {
  assert.deepEqual(JSON.parse(record({ data: "a\nb", dir: "in", time: 0 })), { data: "a\nb", kind: "text", dir: "in", time: "1970-01-01T00:00:00.000Z" });
  assert.equal(JSON.parse(record({ data: new Uint8Array([255, 0]), dir: "out", time: 0 })).base64, "/wA=");
  assert.equal(json("{"), undefined);
});

test("rates", () => {
  const r = new Rates();
  const at = (time, total) => {
    const rate = r.of("k", total, time);
    r.turn();
    return rate;
  };
  assert.equal(at(0, 100), 0, "of one answer there is none");
  assert.equal(at(1000, 110), 10);
  assert.equal(at(1000, 110), 10, "the same answer again");
  assert.equal(at(2000, 130), 15, "half of what it was");
  assert.equal(at(3000, 130), 0, "nothing is nothing at once");
  assert.equal(at(4000, 5), 0, "a total that went down is another one");
  r.turn();
  assert.equal(r.of("k", 1000, 9000), 0, "forgotten");
});

test("commands to copy are for a shell what they are here", { skip: process.platform === "win32" }, () => {
  const shown = (line) => execFileSync("sh", ["-c", `ws76() { printf '%s\\n' "$@"; }; curl() { ws76 "$@"; }; ${line}`], { encoding: "utf8" }).trimEnd().split("\n");
  const reading = '{"id":"temperature","value":21.4,"unit":"C"}';
  for (const channel of ["lab", "a'b", "'$(id)'", "it's;id", "(id)", "a!b*~", "-rf", "%22`id`"]) {
    const urls = ["ws", "http"].map((scheme) => `${scheme}://h:8080/ws/${channel}/wo`);
    const [socket, http] = sending(...urls);
    assert.deepEqual(shown(socket), ["connect", urls[0], reading]);
    assert.deepEqual(shown(http), ["-d", reading, urls[1]]);
  }
});
