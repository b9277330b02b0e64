// What a browser lends to the page's script: an origin for its relative URLs, cookies, the headers of a
// same-origin request. The script itself runs unchanged. Usage: node browser.mjs ORIGIN SCRIPT
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

const [origin, script] = process.argv.slice(2);
const cookies = new Map();
const send = globalThis.fetch;

function keep(answer) {
  for (const line of answer.headers.getSetCookie()) {
    const [name, value] = line.split(";", 1)[0].split(/=(.*)/s);
    cookies.set(name, value);
  }
}

globalThis.fetch = async (path, options = {}) => {
  const headers = new Headers(options.headers);
  headers.set("Sec-Fetch-Site", "same-origin");
  headers.set("Origin", origin);
  if (options.credentials === "include") {
    headers.set("Cookie", [...cookies].map((pair) => pair.join("=")).join("; "));
  }
  const answer = await send(new URL(path, origin), { ...options, headers });
  keep(answer);
  return answer;
};

runInThisContext(readFileSync(script, "utf8"), { filename: script });
