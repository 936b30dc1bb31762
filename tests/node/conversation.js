// SPDX-License-Identifier: MIT
// A conversation of node-q, a client that is not ours, with `troupe q serve`.
// usage: node --no-deprecation conversation.js TROUPE
"use strict";

const assert = require("assert");
const path = require("path");
const nodeq = require("node-q");
const long = require("long").fromNumber;
const peer = require("./peer");

const { serve, call } = peer;
const connect = (port, user, password) =>
  peer.connect({ host: "127.0.0.1", port, user, password });

const day = (y, m, d, ...time) => new Date(Date.UTC(y, m - 1, d, ...time));
const span = (ms) => new Date(86400000 * (10957 + ms / 86400000)); // as node-q rounds

// What q says, and what node-q makes of it. (A text that begins with a backtick it would
// send as a symbol.)
const expressions = [
  ["1b", true], ["10b", [true, false]],
  ["0x01", 1], ["0x0102ff", [1, 2, 255]],
  ["1h", 1], ["1 2 -3h", [1, 2, -3]], ["0N 1h", [null, 1]],
  ["1i", 1], ["1 2 -3i", [1, 2, -3]], ["0N 1i", [null, 1]],
  ["1", 1], ["1 2 -3", [1, 2, -3]], ["0N 1", [null, 1]],
  ["1.5e", 1.5], ["1.5 -2.5e", [1.5, -2.5]],
  ["1.5", 1.5], ["1.5 -2.5", [1.5, -2.5]], ["0n 1", [null, 1]],
  ['"a"', "a"], ['"abc"', "abc"], ['""', ""],
  ["(`a)", "a"], ["(`a`b`)", ["a", "b", null]],
  ["2014.06.23D11:34:39.412000000", day(2014, 6, 23, 11, 34, 39, 412)],
  ["2014.06.23D11:34:39.412000000 2014.06.23D11:34:39.413000000",
   [day(2014, 6, 23, 11, 34, 39, 412), day(2014, 6, 23, 11, 34, 39, 413)]],
  ["2014.06m", day(2014, 6, 1)],
  ["2014.06.23", day(2014, 6, 23)],
  ["2014.06.23 2014.06.24", [day(2014, 6, 23), day(2014, 6, 24)]],
  ["2014.06.23T11:34:39.412", day(2014, 6, 23, 11, 34, 39, 412)],
  ["00:01:00.000000000", span(60000)],
  ["00:01", span(60000)], ["00:01 00:02", [span(60000), span(120000)]],
  ["00:00:01", span(1000)], ["00:00:01 00:00:02", [span(1000), span(2000)]],
  ["00:00:00.123", span(123)], ["00:00:00.123 00:00:00.124", [span(123), span(124)]],
  ["(1;`a;\"x\")", [1, "a", "x"]],
  ["(`a`b!1 2)", { a: 1, b: 2 }],
  ["([]a:1 2;b:`x`y)", [{ a: 1, b: "x" }, { a: 2, b: "y" }]],
  ["til 5", [0, 1, 2, 3, 4]],
];

// What node-q sends, and the type q sees.
const guid = "8c680a01-5a49-5aab-5a65-d4bfddb6a661";
const noon = day(2014, 6, 23, 12);
const typed = [
  [nodeq.boolean(true), -1], [nodeq.booleans([true, false]), 1],
  [nodeq.guid(guid), -2], [nodeq.guids([guid, guid]), 2],
  [nodeq.byte(1), -4], [nodeq.bytes([1, 2]), 4],
  [nodeq.short(1), -5], [nodeq.shorts([1, 2]), 5],
  [nodeq.int(1), -6], [nodeq.ints([1, 2]), 6],
  [nodeq.long(long(1)), -7], [nodeq.longs([long(1), long(2)]), 7],
  [nodeq.real(1.5), -8], [nodeq.reals([1.5, 2.5]), 8],
  [nodeq.float(1.5), -9], [nodeq.floats([1.5, 2.5]), 9],
  [nodeq.char("a"), -10], [nodeq.chars(["a", "b"]), 10],
  [nodeq.symbol("a"), -11], [nodeq.symbols(["a", "b"]), 11],
  [nodeq.timestamp(noon), -12], [nodeq.timestamps([noon, noon]), 12],
  [nodeq.month(noon), -13], [nodeq.months([noon, noon]), 13],
  [nodeq.date(noon), -14], [nodeq.dates([noon, noon]), 14],
  [nodeq.datetime(noon), -15], [nodeq.datetimes([noon, noon]), 15],
  [nodeq.timespan(noon), -16], [nodeq.timespans([noon, noon]), 16],
  [nodeq.minute(noon), -17], [nodeq.minutes([noon, noon]), 17],
  [nodeq.second(noon), -18], [nodeq.seconds([noon, noon]), 18],
  [nodeq.time(noon), -19], [nodeq.times([noon, noon]), 19],
];

async function values(con) {
  for (const [text, expected] of expressions) {
    assert.deepStrictEqual(await call(con, text), expected, text);
  }
  for (const [value, type] of typed) {
    assert.strictEqual(await call(con, "{type x}", value), type, `type ${type}`);
    const there = await call(con, "{x}", value);
    const again = await call(con, "{x}", value);
    assert.deepStrictEqual(there, again);
    assert.notStrictEqual(there, undefined);
  }
  assert.deepStrictEqual(await call(con, "{x}", nodeq.longs([1, 2, 3].map(long))), [1, 2, 3]);
  assert.deepStrictEqual(await call(con, "{x}", nodeq.guid(guid)), guid);
  assert.strictEqual(await call(con, "{x+y}", 1, 2), 3);
}

async function errors(con) {
  await assert.rejects(call(con, "1+`a"), /type/);
  await assert.rejects(call(con, "no_such_name"), /no_such_name/);
  assert.strictEqual(await call(con, "1+1"), 2); // the connection lives
}

async function order(con) {
  const calls = [];
  for (let i = 0; i < 200; i++) calls.push(call(con, `${i}+0`));
  assert.deepStrictEqual(await Promise.all(calls), [...Array(200).keys()]);
}

async function asyncs(con) {
  await new Promise((resolve) => con.ks("remember 42", resolve));
  assert.strictEqual(await call(con, "note"), 42);
  const got = [];
  con.on("upd", (table, row) => got.push([table, row]));
  assert.strictEqual(await call(con, "push 100"), 100);
  assert.strictEqual(got.length, 100); // they came before the answer
  got.forEach((item, i) => assert.deepStrictEqual(item, ["trade", i]));
}

async function large(con) {
  const value = await call(con, "til 1000000"); // 8 MB
  assert.strictEqual(value.length, 1000000);
  assert.strictEqual(value[999999], 999999);
}

async function main() {
  const script = path.join(__dirname, "serve.q");
  const { child, port } = await serve(process.argv[2],
                                      ["--user", "joe:secret", "--load", script]);
  child.removeAllListeners("exit");
  try {
    await assert.rejects(connect(port, "joe", "guess"), /closes/);
    await assert.rejects(connect(port), /closes/);
    const con = await connect(port, "joe", "secret");
    for (const part of [values, errors, order, asyncs, large]) {
      await part(con);
      console.log(`${part.name}: ok`);
    }
    await new Promise((resolve) => con.close(resolve));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    assert.strictEqual(await ended, 0);
  } finally {
    child.kill("SIGKILL");
  }
}

main().then(() => process.exit(0), (err) => {
  console.error(err);
  process.exit(1);
});
