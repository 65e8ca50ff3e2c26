// The layout at the widths of a phone, a tablet and a desktop, and what screen readers are told.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { answered, clean, erased, launch, open, values, victim } from "./harness.mjs";

const box = async (page, selector) => page.locator(selector).first().boundingBox();
const row = (model) => `[data-model="${model.id}"]`;

describe("the layout", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("on a phone the image, its verdicts and three models stand on one screen", async () => {
    const page = await open(browser, "", { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    await values(page, answered);
    const boxes = [await box(page, "#stage")];
    for (const model of [victim, erased, clean]) {
      const head = await box(page, `${row(model)} .head`);
      assert.ok(head.height <= 60, `a row is ${head.height} px high`);
      boxes.push(head);
    }
    for (const [index, { x, y, width, height }] of boxes.entries()) {
      assert.ok(x >= 0 && x + width <= 360 && y + height <= 740, `${index} ends at ${x + width}, ${y + height}`);
      if (index > 0) assert.ok(y >= boxes[index - 1].y + boxes[index - 1].height, `${index} is covered`);
    }
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    assert.ok(!(await page.locator(`${row(victim)} .rates`).isVisible()));
    await page.getByRole("button", { name: `details of ${victim.title}` }).click();
    assert.ok(await page.locator(`${row(victim)} .rates`).isVisible());
    await page.close();
  });

  test("on a tablet two models stand side by side, on a desktop one in a row", async () => {
    for (const [width, beside] of [[768, true], [1440, false]]) {
      const page = await open(browser, "", { viewport: { width, height: 1000 } });
      await values(page, answered);
      const [first, second] = [await box(page, row(victim)), await box(page, row(erased))];
      assert.equal(first.y === second.y, beside, `${width} px: ${first.y} and ${second.y}`);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
      await page.close();
    }
  });

  test("verdicts are in words, words are explained, and predictions are announced once they rest", async () => {
    const page = await open(browser, "");
    await values(page, answered);
    const says = (model) => page.locator(`${row(model)} .verdict`).textContent();
    assert.match(await says(victim), /^says stop: fooled$/);
    assert.match(await says(erased), /: right$/);
    const announced = page.locator("#announcement", { hasText: `${victim.title}: says stop: fooled.` });
    await announced.waitFor({ state: "attached" });
    await page.locator(`${row(victim)} [data-rate="ASR"] .term`).click();
    const entry = page.locator('#words dt[data-word*="ASR"]');
    await entry.waitFor();
    assert.ok(await entry.evaluate((element) => element === document.activeElement));
    // A visitor who closed the explanation can open it by the same word again.
    await page.locator("#words summary").click();
    await entry.waitFor({ state: "hidden" });
    await page.locator(`${row(victim)} [data-rate="ASR"] .term`).click();
    await entry.waitFor();
    await page.locator("#theme").click();
    await page.locator("#theme").click();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await page.reload();
    await values(page, answered);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("an attack of the menu brings its victim, and a moved trigger says so", async () => {
    const page = await open(browser, "");
    await values(page, answered);
    const note = page.locator(`${row(victim)} .note`);
    assert.ok(!(await note.isVisible()));
    await page.locator("#stage").focus();
    await page.keyboard.press("Shift+ArrowLeft");
    await note.getByText(/another form or place\. This one fires on [0-9.]+% of signs/).waitFor();
    await note.getByRole("button", { name: "put it back" }).click();
    await values(page, (v) => v.state.set.x === undefined);
    await page.locator("#attack").selectOption("trojan");
    const v = await values(page, (v) => v.state.attack === "trojan");
    assert.match(v.state.models[0], /trojan/);
    await page.locator("#attack").selectOption("sig");
    await values(page, (v) => v.message?.includes("No network on this page was trained with this attack"));
    await page.close();
  });
});
