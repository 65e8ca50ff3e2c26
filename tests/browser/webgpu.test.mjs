// The page on WebGPU, with the software adapter.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  agrees, ask, gradient, launch, load, looksLike, models, native, only, open, values, victim,
} from "./harness.mjs";

describe("on WebGPU, in software", () => {
  let browser;
  before(async () => (browser = await launch("--enable-unsafe-webgpu")));
  after(() => browser.close());

  test("a software adapter is not used unasked", async () => {
    const page = await open(browser, only(victim));
    const v = await values(page, (v) => v.engine.webgpu.state !== "unused");
    assert.equal(v.engine.active, "cpu");
    assert.deepEqual(v.engine.webgpu, { state: "stopped", reason: "software_adapter" });
    assert.match(await page.locator("#engine").textContent(), /software/);
    await page.close();
  });

  test("forced, it passes the self-test, takes over and dispatches", async () => {
    const page = await open(browser, `?engine=webgpu#models=${victim.id}`);
    const v = await values(page, (v) => v.engine.active === "webgpu" && v.engine.dispatches > 20, 150);
    assert.equal(v.engine.self_test, true);
    assert.match(await page.locator("#engine").textContent(), /runs on WebGPU \((software )?adapter: \S/);
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("eight self-test images and a gradient agree", async () => {
    const page = await open(browser, "?engine=cpu" + only(victim, "&stamped=0&image=3"));
    await values(page, (v) => v.answers[victim.id]);
    const rgba = await page.locator("#stage canvas").evaluate((c) => [...c.getContext("2d").getImageData(0, 0, 32, 32).data]);
    const image = rgba.filter((_, i) => i % 4 < 3);
    const [, tested, { answer }] = await ask(page, "webgpu", [
      load(victim),
      { want: "tested", request: { self_test: { id: 2, model: victim.id, images: 8 } } },
      { want: "prediction", request: { predict: { id: 3, width: 32, height: 32, image, models: [victim.id] } } },
    ]);
    assert.ok(tested.passed, `off by ${tested.difference}`);
    looksLike(answer, native("attention", "--model", join(models, victim.file), "--image", "3", "--clean", "--json"), victim.id);
    await page.close();
    agrees(await gradient(browser, "webgpu"));
  });

  test("a corrupted weight is noticed, and the CPU goes on", async () => {
    const page = await open(browser, `?engine=webgpu&corrupt=1#models=${victim.id}`);
    const v = await values(page, (v) => v.engine.self_test === false, 150);
    assert.equal(v.engine.active, "cpu");
    assert.equal(v.engine.webgpu.state, "wrong_results");
    assert.match(await page.locator("#engine").textContent(), /wrong results in its self-test/);
    await page.close();
  });
});
