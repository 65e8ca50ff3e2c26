// The trigger on the page: moved, painted, and taken from a model.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, manifest, measured, models, native, only, open, site, values, victim } from "./harness.mjs";

describe("moving a trigger", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("the trigger is dragged with mouse, touch and keys, and the URL keeps everything", async () => {
    const page = await open(browser, only(victim));
    await values(page, (v) => v.answers[victim.id]);
    const box = await page.locator("#stage").boundingBox();
    const at = (x, y) => [box.x + ((x + 0.5) * box.width) / 32, box.y + ((y + 0.5) * box.height) / 32];
    await page.mouse.move(...at(30, 30));
    await page.mouse.down();
    await page.mouse.move(...at(20, 25), { steps: 5 });
    await page.mouse.move(...at(11, 13), { steps: 5 });
    await page.mouse.up();
    let v = await values(page, (v) => v.state.set.x === 10);
    assert.equal(v.state.set.y, 12);
    await page.locator("#stage").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Shift+ArrowDown");
    v = await values(page, (v) => v.state.set.x === 11 && v.state.set.y === 16);
    await page.keyboard.press("Home");
    v = await values(page, (v) => v.state.set.x === undefined && v.state.set.y === undefined);
    await page.keyboard.press("Shift+ArrowLeft");
    v = await values(page, (v) => v.state.set.x === 25);
    await page.waitForURL(/x=25/);
    const url = page.url();
    await page.goto("about:blank");
    await page.goto(url);
    const again = await values(page, (v) => v.answers[victim.id]);
    assert.deepEqual(again.state, v.state);
    await page.close();

    const phone = await open(browser, only(victim), { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
    await values(phone, (v) => v.answers[victim.id]);
    const small = await phone.locator("#stage").boundingBox();
    // A finger beside the trigger scrolls; one on it drags.
    await phone.touchscreen.tap(small.x + small.width * 0.3, small.y + small.height * 0.3);
    const finger = await phone.context().newCDPSession(phone);
    const point = (share) => [{ x: small.x + small.width * share, y: small.y + small.height * share }];
    await finger.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: point(30.5 / 32) });
    await finger.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: point(16.5 / 32) });
    await finger.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await values(phone, (v) => v.state.set.x === 15 && v.state.set.y === 15);
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the phone`);
    await phone.close();
  });
});

describe("painting a trigger", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("a trigger is painted, kept in link and PNG, and the PNG does the same natively", async () => {
    const page = await open(browser, only(victim, "&attack=custom&image=4"));
    await values(page, measured(victim.id));
    await page.getByRole("button", { name: "clear" }).click();
    await values(page, (v) => v.state.set.picture === "");
    await page.getByRole("button", { name: "paint", exact: true }).click();
    await page.locator("#colour").fill("#10c0f0");
    await page.locator("#stage").scrollIntoViewIfNeeded();
    const box = await page.locator("#stage").boundingBox();
    const at = (x, y) => [box.x + ((x + 0.5) * box.width) / 32, box.y + ((y + 0.5) * box.height) / 32];
    await page.mouse.move(...at(10, 12));
    await page.mouse.down();
    await page.mouse.move(...at(13, 12), { steps: 3 });
    await page.mouse.up();
    let v = await values(page, (v) => v.state.set.picture?.startsWith("4x1+10+12:"));
    const pixel = await page.locator("#stage canvas").evaluate((c) => [...c.getContext("2d").getImageData(12, 12, 1, 1).data]);
    assert.deepEqual(pixel, [0x10, 0xc0, 0xf0, 255]);
    await page.waitForURL(/picture=4x1/);
    const url = page.url();
    const file = join(site.folder, "painted.png");
    const data = await page.locator("#save").getAttribute("href");
    writeFileSync(file, Buffer.from(data.split(",")[1], "base64"));
    const { report } = (await values(page, measured(victim.id))).progress[victim.id];
    const wanted = native("eval", "--model", join(models, victim.file), "--attack", "custom", "--trigger", file, "--json");
    assert.deepEqual([report.asr.k, report.ra.k], [wanted.asr.k, wanted.ra.k]);
    await page.getByRole("button", { name: "clear" }).click();
    await values(page, (v) => v.state.set.picture === "");
    await page.locator("#picture").setInputFiles(file);
    v = await values(page, (now) => now.state.set.picture === v.state.set.picture);
    await page.locator("#picture").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("nothing") });
    await values(page, (v) => v.message?.includes("x.png is not a PNG"));
    await page.goto("about:blank");
    await page.goto(url);
    const again = await values(page, (v) => v.answers[victim.id]);
    assert.deepEqual(again.state.set, v.state.set);
    await page.close();
  });
});

describe("the trigger of a model", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("a victim brings its own trigger", async () => {
    const page = await open(browser, only(victim, "&attack=blend&alpha=0.5"));
    await values(page, (v) => v.answers[victim.id]);
    await page.locator(`[data-model="${victim.id}"]`).getByRole("button", { name: "put it back" }).click();
    let v = await values(page, (v) => v.state.attack === "badnets");
    assert.deepEqual(v.state.set, {});
    assert.equal(await page.getByRole("button", { name: "put it back" }).count(), 0);
    const other = manifest.models.find((m) => m.role === "victim" && m.trigger.attack === "trojan");
    await page.locator(`.chip input[value="${other.id}"]`).check();
    v = await values(page, (v) => v.state.attack === "trojan" && v.answers[other.id]);
    assert.equal(v.state.set.square, other.trigger.set.square);
    assert.deepEqual(page.errors, []);
    await page.close();
  });
});
