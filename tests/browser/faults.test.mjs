// Missing and broken files of the site: one sentence, no endless loading, and the rest works.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { clean, erased, launch, open, site, values, victim, withValues } from "./harness.mjs";

describe("an incomplete site", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  // Opens the page with some answers of the server replaced. Counts the requests.
  async function openWith(pattern, answer) {
    const page = await browser.newPage();
    let asked = 0;
    page.on("request", () => (asked += 1));
    await page.route(pattern, answer);
    await page.goto(site.address + withValues("some/where/"));
    return { page, asked: () => asked };
  }

  // The number of requests does not grow any more.
  async function rests(page, asked) {
    await page.waitForLoadState("networkidle");
    const before = asked();
    await page.waitForTimeout(2000);
    assert.equal(asked(), before, "the page still asks");
  }

  test("a host that answers every model with a web page", async () => {
    const html = { status: 200, contentType: "text/html", body: "<!doctype html><title>hello</title>" };
    const { page, asked } = await openWith("**/*.safetensors*", (route) => route.fulfill(html));
    const v = await values(page, (v) => v.message?.includes("is not usable"));
    assert.deepEqual(v.answers, {});
    await page.locator(`[data-model="${victim.id}"] .verdict`, { hasText: "cannot be used" }).waitFor();
    await rests(page, asked);
    await page.getByRole("button", { name: "next image" }).click();
    await values(page, (v) => v.state.image === 8);
    await page.close();
  });

  test("one truncated model", async () => {
    const { page, asked } = await openWith(`**/${victim.file}*`, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.body()).subarray(0, 1000) });
    });
    await values(page, (v) => v.message?.includes(`${victim.file} is not usable`));
    await values(page, (v) => v.answers[erased.id] && v.answers[clean.id]);
    await rests(page, asked);
    await page.close();
  });

  test("one model with another weight", async () => {
    const { page, asked } = await openWith(`**/${victim.file}*`, async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[body.length - 1] ^= 1;
      await route.fulfill({ response, body });
    });
    await values(page, (v) => v.message?.includes("not the file that the list of models describes"));
    await values(page, (v) => v.answers[erased.id] && v.answers[clean.id]);
    await rests(page, asked);
    await page.close();
  });

  test("no engine, no worker", async () => {
    for (const file of ["engine_cpu*_bg.wasm", "worker.js"]) {
      const { page, asked } = await openWith(`**/${file}`, (route) => route.fulfill({ status: 404 }));
      await values(page, (v) => v.message?.includes("reload the page to try again"));
      assert.equal(await page.locator(".loading").count(), 0);
      await rests(page, asked);
      await page.close();
    }
  });

  test("opened from disk", async () => {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(join(site.folder, "some/where/index.html")).href);
    await page.getByText("unstamp serve FOLDER").waitFor();
    await page.close();
  });

  test("files of the visitor", async () => {
    const page = await open(browser, "");
    await values(page, (v) => v.answers[victim.id]);
    const choose = (name, buffer) => page.locator("#file").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
    await choose("net.pth", Buffer.from("x"));
    await values(page, (v) => v.message?.includes("unstamp import net.pth"));
    await choose("NET.SAFETENSORS", Buffer.from("x"));
    await values(page, (v) => v.message?.includes("NET.SAFETENSORS is not usable"));
    // The same file once more.
    await page.getByRole("button", { name: "dismiss" }).click();
    await choose("NET.SAFETENSORS", Buffer.from("x"));
    await values(page, (v) => v.message?.includes("NET.SAFETENSORS is not usable"));
    await page.close();
  });
});
