// The address of the page and its history.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, only, open, site, values, victim, withValues } from "./harness.mjs";

describe("the address", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("back and forward undo and redo a gesture, and a new link is taken", async () => {
    const page = await open(browser, only(victim));
    await values(page, (v) => v.answers[victim.id]);
    await page.locator("#stage").focus();
    // One gesture, although it changes the state several times.
    for (const key of ["Shift+ArrowLeft", "Shift+ArrowLeft", "ArrowUp"]) await page.keyboard.press(key);
    await page.waitForURL(/x=21&y=28/);
    await page.locator("#stamped").uncheck();
    await page.waitForURL(/stamped=0/);
    await page.goBack();
    await values(page, (v) => v.state.stamped && v.state.set.x === 21 && v.state.set.y === 28);
    await page.goBack();
    await values(page, (v) => v.state.set.x === undefined);
    await page.goForward();
    await values(page, (v) => v.state.set.x === 21);
    await page.evaluate((hash) => (location.hash = hash), only(victim, "&image=14&size=5"));
    const v = await values(page, (v) => v.state.image === 14);
    assert.deepEqual(v.state.set, { size: 5 });
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("what a link asks for and is not allowed is named", async () => {
    const page = await open(browser, only(victim, "&target=99&x=4"));
    const v = await values(page, (v) => v.message?.includes("target=99"));
    assert.deepEqual([v.state.target, v.state.set.x], [0, 4]);
    await page.close();
  });

  test("the state is not written into the page unasked", async () => {
    const page = await browser.newPage();
    await page.goto(`${site.address}some/where/${only(victim)}`);
    await page.locator(`[data-model="${victim.id}"] .verdict[data-verdict]`).waitFor();
    assert.equal(await page.locator("#values").textContent(), "");
    assert.deepEqual(["", "#a", "?engine=cpu#a"].map(withValues), ["?values", "?values#a", "?engine=cpu&values#a"]);
    await page.close();
  });
});
