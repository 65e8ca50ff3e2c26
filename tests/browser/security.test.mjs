// The page asks no other server and runs no foreign script, whatever is put into it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { clean, launch, models, only, open, site, values } from "./harness.mjs";

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

const SCRIPT = "<img src=x onerror='window.foreign = true'>";

// Changes to the metadata of an honest model.
const HOSTILE = [
  (metadata) => (metadata.arch = "wrn-4000000000-1"),
  (metadata) => (metadata.arch = "wrn-16-4000000000"),
  (metadata) => (metadata.arch = SCRIPT),
  (metadata) => (metadata.class_names = Array(100_000).fill(SCRIPT)),
  (metadata) => (metadata.image_size = [1_000_000, 1_000_000]),
];

// The bytes of a published model with changed metadata.
function withMetadata(change) {
  const bytes = readFileSync(join(models, clean.file));
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const head = JSON.parse(bytes.subarray(8, end));
  const metadata = JSON.parse(head.__metadata__.unstamp);
  change(metadata);
  head.__metadata__.unstamp = JSON.stringify(metadata);
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, bytes.subarray(end)]);
}

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

  test("a hostile model runs nothing and shows a sentence", async () => {
    const page = await open(browser, only(clean));
    await values(page, (v) => v.answers[clean.id]);
    const choose = (buffer) => page.locator("#file").setInputFiles({ name: "foreign.safetensors", mimeType: "", buffer });
    for (const change of HOSTILE) {
      await choose(withMetadata(change));
      await values(page, (v) => v.message?.includes("foreign.safetensors is not usable"));
      await page.getByRole("button", { name: "dismiss" }).click();
    }
    // Names of classes are text.
    await choose(withMetadata((metadata) => (metadata.class_names = metadata.class_names.map((_, i) => SCRIPT + i))));
    await page.getByText(SCRIPT).first().waitFor();
    assert.equal(await page.evaluate(() => window.foreign), undefined);
    assert.deepEqual(page.errors, []);
    await page.close();
  });
});
