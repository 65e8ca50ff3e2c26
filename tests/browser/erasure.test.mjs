// A defence in the page.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, measured, only, open, values, victim } from "./harness.mjs";

describe("erasing in the page", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

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
});
