// A defence in the page.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import { launch, measured, native, only, open, site, values, victim } from "./harness.mjs";

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
    const id = "own-erased-2";
    await values(page, (v) => v.erasing?.progress.phase === "distil" && v.answers[id], 240);
    const v = await values(page, (v) => !v.erasing && measured(id)(v), 240);
    const { report } = v.progress[id];
    assert.ok(report.asr.value <= report.floor.value + 0.1, `ASR ${report.asr.value}`);
    assert.ok(report.acc.value >= v.progress[victim.id].report.acc.value - 0.05, `ACC ${report.acc.value}`);
    const row = page.locator(`[data-model="${id}"]`);
    await row.getByRole("heading", { name: "Neural attention distillation, erased here" }).waitFor();
    // The saved file is a model that the native program measures with the same counts.
    const [download] = await Promise.all([page.waitForEvent("download"), row.getByRole("button", { name: "save" }).click()]);
    const file = join(site.folder, download.suggestedFilename());
    await download.saveAs(file);
    const wanted = native("eval", "--model", file, "--dataset", "signs", "--json");
    for (const rate of ["acc", "asr", "ra"]) assert.deepEqual([report[rate].k, report[rate].n], [wanted[rate].k, wanted[rate].n], rate);
    assert.deepEqual(page.errors, []);
    await page.close();
  });
});
