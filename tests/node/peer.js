// SPDX-License-Identifier: MIT
// What the conversations with node-q share: a server of ours, and calls.
"use strict";

const { spawn } = require("child_process");
const nodeq = require("node-q");

function serve(troupe, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(troupe, ["q", "serve", "-p", "0", ...args],
                        { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      const found = /listening on port (\d+)/.exec(text);
      if (found) resolve({ child, port: Number(found[1]) });
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

function connect(options) {
  return new Promise((resolve, reject) => {
    nodeq.connect({ long2number: true, ...options },
                  (err, con) => (err ? reject(err) : resolve(con)));
  });
}

function call(con, ...query) {
  return new Promise((resolve, reject) => {
    con.k(...query, (err, value) => (err ? reject(err) : resolve(value)));
  });
}

module.exports = { serve, connect, call };
