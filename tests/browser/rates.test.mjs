// The rates of the page are the counts of `unstamp eval`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { erased, launch, measured, models, native, only, open, site, values, victim } from "./harness.mjs";

describe("rates", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

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
});
