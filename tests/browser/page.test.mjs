// The page on the CPU.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  answered, agrees, ask, check, clean, erased, gradient, launch, load, looksLike, manifest, measured, models, native, only, open, root, site, top, values, victim,
} from "./harness.mjs";

describe("on the CPU", () => {
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
    v = await values(page, (v) => v.state.set.x === 29 && v.state.set.y === 29);
    const url = page.url();
    await page.goto("about:blank");
    await page.goto(url);
    const again = await values(page, (v) => v.answers[victim.id]);
    assert.deepEqual(again.state, v.state);
    await page.close();

    const phone = await open(browser, only(victim), { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
    await values(phone, (v) => v.answers[victim.id]);
    const small = await phone.locator("#stage").boundingBox();
    await phone.touchscreen.tap(small.x + small.width * 0.52, small.y + small.height * 0.52);
    await values(phone, (v) => v.state.set.x === 15 && v.state.set.y === 15);
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the phone`);
    await phone.close();
  });

  test("opacity 0 gives the floor", async () => {
    const page = await open(browser, only(victim, "&opacity=0"));
    const { report } = (await values(page, measured(victim.id))).progress[victim.id];
    assert.deepEqual(report.asr, report.floor);
    await page.close();
  });

  test("a moved trigger gives the counts of unstamp eval", async () => {
    for (const model of [victim, erased]) {
      const page = await open(browser, only(model, "&x=27&y=27"));
      const { report } = (await values(page, measured(model.id))).progress[model.id];
      const wanted = native("eval", "--model", join(models, model.file), "--set", "x=27", "--set", "y=27", "--json");
      for (const rate of ["acc", "asr", "ra", "floor"])
        assert.deepEqual([report[rate].k, report[rate].n], [wanted[rate].k, wanted[rate].n], `${model.id} ${rate}`);
      await page.close();
    }
  });

  test("every attack of the list is in the menu and counts as natively", async () => {
    const page = await open(browser, only(victim));
    await values(page, measured(victim.id));
    const { attacks } = native("list", "--json");
    assert.deepEqual(await page.locator("#attack option").evaluateAll((all) => all.map((o) => o.value)), attacks.map((a) => a.id));
    for (const { id } of attacks) {
      await page.locator("#attack").selectOption(id);
      const begun = (v) => v.state.attack === id && v.progress[victim.id]?.seen >= 200;
      const { seen, report } = (await values(page, begun, 120)).progress[victim.id];
      const file = join(site.folder, "predictions.csv");
      native("eval", "--model", join(models, victim.file), "--attack", id, "--target", "0", "--json", "--predictions", file);
      const rows = readFileSync(file, "utf8").trim().split("\n").slice(1, seen + 1).map((row) => row.split(",").map(Number));
      const wanted = (label) => (id === "all_target" ? (label + 1) % 10 : 0);
      const others = rows.filter(([, label]) => label !== wanted(label));
      const count = (rows, hit) => [rows.filter(hit).length, rows.length];
      const expected = {
        acc: count(rows, ([, label, plain]) => plain === label),
        asr: count(others, ([, label, , triggered]) => triggered === wanted(label)),
        ra: count(others, ([, label, , triggered]) => triggered === label),
      };
      for (const rate of ["acc", "asr", "ra"]) assert.deepEqual([report[rate].k, report[rate].n], expected[rate], `${id} ${rate}`);
    }
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("a victim brings its own trigger", async () => {
    const page = await open(browser, only(victim, "&attack=blend&alpha=0.5"));
    await values(page, (v) => v.answers[victim.id]);
    await page.locator(`[data-model="${victim.id}"]`).getByRole("button", { name: "use its trigger" }).click();
    let v = await values(page, (v) => v.state.attack === "badnets");
    assert.deepEqual(v.state.set, {});
    assert.equal(await page.getByRole("button", { name: "use its trigger" }).count(), 0);
    const other = manifest.models.find((m) => m.role === "victim" && m.trigger.attack === "trojan");
    await page.locator(`.chip input[value="${other.id}"]`).check();
    v = await values(page, (v) => v.state.attack === "trojan" && v.answers[other.id]);
    assert.equal(v.state.set.square, other.trigger.set.square);
    assert.deepEqual(page.errors, []);
    await page.close();
  });

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
    const request = { kind: "self_test", id: 2, model: victim.id, images: 8 };
    const [, tested] = await ask(page, "learn", [load(victim), { want: "tested", request }]);
    assert.ok(tested.passed, `off by ${tested.difference}`);
    await page.close();
    const hashes = JSON.parse(readFileSync(join(root, "tests/fixtures/image_hashes.json")));
    assert.deepEqual(await check(browser, "cpu", "image_hashes"), hashes);
    agrees(await gradient(browser, "cpu"));
  });

  test("a backdoor is erased in the page, and can be stopped", async () => {
    const page = await open(browser, only(victim));
    await values(page, measured(victim.id));
    const start = page.getByRole("button", { name: "erase it here" });
    await start.click();
    await values(page, (v) => v.erasing?.progress.done > 2);
    await page.getByRole("button", { name: "stop" }).click();
    await values(page, (v) => !v.erasing);
    await page.getByLabel("defence").selectOption("nad");
    await start.click();
    const id = "own-erased";
    await values(page, (v) => v.erasing?.progress.phase === "distil" && v.answers[id], 240);
    const v = await values(page, (v) => !v.erasing && measured(id)(v), 240);
    const { report } = v.progress[id];
    assert.ok(report.asr.value <= report.floor.value + 0.1, `ASR ${report.asr.value}`);
    assert.ok(report.acc.value >= v.progress[victim.id].report.acc.value - 0.05, `ACC ${report.acc.value}`);
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("the kernels agree with Burn's operations", async () => {
    await check(browser, "cpu", "kernels_agree", { count: [40] });
  });

  test("what cannot be used gets a sentence, and the rest works", async () => {
    const page = await open(browser, "");
    await values(page, answered);
    await page.locator("#file").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await values(page, (v) => v.message?.includes("not a picture that the browser can read"));
    await page.locator("#file").setInputFiles({ name: "x.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("no model") });
    await values(page, (v) => v.message?.includes("x.safetensors is not usable"));
    await page.getByRole("button", { name: "next image" }).click();
    await values(page, (v) => v.state.image === 1);
    await page.close();
    const empty = await open(browser, "", { base: "empty/" });
    await values(empty, (v) => v.message?.includes("manifest.json could not be loaded"));
    await empty.close();
  });
});
