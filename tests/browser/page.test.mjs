// The page on the CPU: its first prediction, faults, and numbers that must be the native ones.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { agrees, answered, ask, check, clean, erased, gradient, launch, load, looksLike, models, native, only, open, root, top, values, victim } from "./harness.mjs";

describe("the page without anything chosen", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("the first prediction comes, and the stamp fools only the victim", async () => {
    const page = await open(browser, "");
    let v = await values(page, answered);
    assert.equal(v.engine.active, "cpu");
    assert.equal(v.state.stamped, true);
    assert.equal(top(v.answers[victim.id]), v.state.target);
    assert.notEqual(top(v.answers[erased.id]), v.state.target);
    await page.locator("#stamped").uncheck();
    // Answers come one model at a time.
    const agree = (v) => top(v.answers[victim.id]) === top(v.answers[erased.id]);
    v = await values(page, (v) => agree(v) && top(v.answers[victim.id]) !== v.state.target);
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("what cannot be used gets a sentence, and the rest works", async () => {
    const page = await open(browser, "");
    await values(page, answered);
    await page.locator("#file").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await values(page, (v) => v.message?.includes("not a picture that the browser can read"));
    await page.locator("#file").setInputFiles({ name: "x.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("no model") });
    await values(page, (v) => v.message?.includes("x.safetensors is not usable"));
    await page.getByRole("button", { name: "next image" }).click();
    await values(page, (v) => v.state.image === 8);
    await page.close();
    const empty = await open(browser, "", { base: "empty/" });
    await values(empty, (v) => v.message?.includes("manifest.json could not be loaded"));
    await empty.close();
  });
});

describe("numbers on the CPU", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("attention maps and probabilities are the native ones", async () => {
    const page = await open(browser, `#models=${victim.id},${erased.id},${clean.id}&image=3`);
    const v = await values(page, answered);
    for (const model of [victim, erased]) {
      const wanted = native("attention", "--model", join(models, model.file), "--image", "3", "--json");
      looksLike(v.answers[model.id], wanted, model.id);
    }
    await page.close();
  });

  test("images hash, self-tests answer and gradients come out as natively", async () => {
    const page = await open(browser, only(victim));
    const request = { self_test: { id: 2, model: victim.id, images: 8 } };
    const [, tested] = await ask(page, "learn", [load(victim), { want: "tested", request }]);
    assert.ok(tested.passed, `off by ${tested.difference}`);
    await page.close();
    const hashes = JSON.parse(readFileSync(join(root, "tests/fixtures/image_hashes.json")));
    assert.deepEqual(await check(browser, "cpu", "image_hashes"), hashes);
    agrees(await gradient(browser, "cpu"));
  });

  test("the kernels agree with Burn's operations", async () => {
    await check(browser, "cpu", "kernels_agree", { count: [40] });
  });
});
