// The page asks no other server and runs no foreign script, whatever is put into it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { clean, launch, only, open, site, values } from "./harness.mjs";

// Hostile links. The page replaces what it cannot read by the default.
const LINKS = [
  "#models=%3Cimg%20src=x%20onerror=window.foreign=true%3E",
  `#models=../../secret,${clean.id}`,
  `#models=${"x".repeat(100_000)}`,
  "#image=99999999999999999999&target=18446744073709551615",
  "#image=-1&target=11",
  "#attack=badnets&size=1e308&x=NaN&y=-inf",
  "#attack=badnets&size=33&x=-40&opacity=9",
  "#attack=custom&picture=AAAA",
  "#attack=%3Cscript%3E&stamped=2&=&&==",
  "#%",
];

// A server beside the site's, and the paths that it was asked for.
async function otherServer() {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(200, { "Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript" }).end("window.foreign = true");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { asked, server, address: `http://127.0.0.1:${server.address().port}/` };
}

// Runs in the page. Asks `address` in every way that a document can, and runs a script in the text. Returns the
// directives that refused it, and whether a script ran.
async function tryToLoad(address) {
  const refused = [];
  document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
  await fetch(`${address}fetch`).catch(() => {});
  for (const name of ["img", "script", "iframe"]) {
    const element = document.createElement(name);
    element.src = address + name;
    document.body.append(element);
  }
  const style = document.createElement("link");
  Object.assign(style, { rel: "stylesheet", href: `${address}style` });
  const inline = document.createElement("script");
  inline.textContent = "window.foreign = true";
  document.body.append(style, inline);
  document.body.insertAdjacentHTML("beforeend", `<img src="./icon.svg" onload="window.foreign = true">`);
  // Browsers report each refusal when they come to it. Only a page that refuses too little takes the whole minute.
  const end = performance.now() + 60_000;
  while (new Set(refused).size < 6 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  return { directives: [...new Set(refused)].sort(), foreign: window.foreign ?? false };
}

// Runs in the page. The answer of a worker that asks `address`.
function askInWorker(address) {
  return new Promise((resolve) => {
    const worker = new Worker("./asks.js");
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(address);
  });
}

describe("the page is closed", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("nothing is loaded from another server, and no script in the text runs", async () => {
    const { asked, server, address } = await otherServer();
    // The server can be reached. So if it gets no request below, the page has refused it.
    assert.equal((await fetch(`${address}here`)).status, 200);
    const page = await open(browser, only(clean));
    await values(page, (v) => v.answers[clean.id]);
    const refused = await page.evaluate(tryToLoad, address);
    // A worker obeys only the policy in the header of its own script.
    writeFileSync(join(site.folder, "some/where/asks.js"), "onmessage = ({ data }) => fetch(data).then(() => postMessage('answered'), () => postMessage('refused'));");
    assert.equal(await page.evaluate(askInWorker, `${address}worker`), "refused");
    const directives = ["connect-src", "frame-src", "img-src", "script-src-attr", "script-src-elem", "style-src-elem"];
    assert.deepEqual(refused, { directives, foreign: false });
    assert.deepEqual(asked, ["/here"]);
    await page.close();
    server.close();
  });

  test("a hostile link runs nothing and does not stop the page", async () => {
    for (const link of LINKS) {
      const page = await open(browser, link);
      const v = await values(page, (v) => v.answers[clean.id]);
      // The page has 2,000 test images.
      assert.ok(v.state.image >= 0 && v.state.image < 2000, link);
      assert.equal(await page.evaluate(() => window.foreign), undefined, link);
      assert.deepEqual(page.errors, [], link);
      await page.close();
    }
  });
});
