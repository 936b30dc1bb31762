// SPDX-License-Identifier: MIT
// The table of expressions, asked by node-q over TCP, TLS and the padded abstract socket.
// usage: node --no-deprecation table.js TROUPE TABLE [--record]
//
// The table's last column says what node-q shows, as JSON: most values are JavaScript's;
// functions and sorted dictionaries, which it does not know, are "func" or a text. "-" is
// not asked: such an expression pushes messages, which node-q takes for answers.
"use strict";

const assert = require("assert");
const fs = require("fs");
const os = require("os");
const path = require("path");
const { execFileSync } = require("child_process");
const nodeq = require("node-q");
const long = require("long").fromNumber;
const { serve, connect, call } = require("./peer");

const slow = process.env.TROUPE_SLOW_TESTS === "1";
const record = process.argv[4] === "--record";

function read(file) {
  return fs.readFileSync(file, "utf8").split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [tier, text, result, shown] = line.split("\t");
      return { tier, text, result, shown };
    })
    .filter((row) => slow || !row.tier.includes("slow"));
}

function makeCertificate(folder) {
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
    "-keyout", path.join(folder, "key.pem"), "-out", path.join(folder, "cert.pem"),
  ], { stdio: "ignore" });
}

// A name of the full length of sun_path: what is behind it is part of the name.
const padded = (port) => `\0/tmp/kx.${port}`.padEnd(108, "\0");

const transports = {
  tcp: { args: [], options: (port) => ({ host: "127.0.0.1", port }) },
  tls: {
    args: (folder) => ["--tls", "only", "--tls-cert", path.join(folder, "cert.pem"),
                       "--tls-key", path.join(folder, "key.pem")],
    options: (port, folder) => ({
      host: "localhost", port, useTLS: true,
      ca: fs.readFileSync(path.join(folder, "cert.pem")),
    }),
  },
  padded: { args: ["--unix"], options: (port) => ({ unixSocket: padded(port) }) },
};

async function ask(con, text) {
  try { // what begins with a backtick it would send as a symbol
    const value = await call(con, text.startsWith("`") ? ` ${text}` : text);
    return value === undefined ? "undefined" : JSON.stringify(value);
  } catch (err) {
    return `'${err.message}`;
  }
}

function check(row, got) {
  if (row.result === "'*") {
    assert.match(got, /^'/, row.text);
  } else if (row.result.startsWith("'")) {
    assert.strictEqual(got, row.result, row.text);
  } else if (row.shown === "*") {
    assert.doesNotMatch(got, /^'/, row.text);
  } else {
    assert.strictEqual(got, row.shown, row.text);
  }
}

// A call by name, as a list of the name and its arguments.
async function callByName(con) {
  const of = (number) => nodeq.long(long(number)); // a plain number is sent as a float
  const many = nodeq.longs([1, 2, 3].map(long));
  const name = nodeq.symbol("by_name");
  assert.deepStrictEqual(await call(con, "til", of(3)), [0, 1, 2]);
  assert.deepStrictEqual(await call(con, "mavg", of(2), many), [1, 1.5, 2.5]);
  assert.deepStrictEqual(await call(con, "value", "1+1"), 2);
  assert.strictEqual(await call(con, "{x set y+til z}", name, of(5), of(2)), "by_name");
  assert.deepStrictEqual(await call(con, "by_name"), [5, 6]);
}

async function converse(name, troupe, rows, folder) {
  const { args, options } = transports[name];
  const { child, port } =
    await serve(troupe, typeof args === "function" ? args(folder) : args);
  child.removeAllListeners("exit");
  try {
    const con = await connect(options(port, folder));
    await callByName(con);
    for (const row of rows.filter((it) => it.shown !== "-" && it.result !== "closed")) {
      const got = await ask(con, row.text);
      if (record) console.log(`${row.text}\t${got.slice(0, 400)}`);
      else check(row, got);
    }
    const last = rows.find((row) => row.result === "closed");
    const closed = new Promise((resolve) => con.once("close", resolve));
    con.ks(last.text, () => {});
    await closed;
    if (!record) console.log(`${name}: ${rows.length} expressions`);
  } finally {
    child.kill("SIGKILL");
  }
}

async function main() {
  const rows = read(process.argv[3]);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-node-"));
  try {
    makeCertificate(folder);
    for (const name of record ? ["tcp"] : Object.keys(transports)) {
      await converse(name, process.argv[2], rows, folder);
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

main().then(() => process.exit(0), (err) => {
  console.error(err);
  process.exit(1);
});
