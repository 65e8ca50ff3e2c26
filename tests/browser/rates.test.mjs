// The rates of the page are the counts of `unstamp eval`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { erased, launch, manifest, measured, models, native, only, open, site, values, victim } from "./harness.mjs";

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
      // The menu also chooses a victim of the attack, with the trigger that it was trained with.
      const begun = (v) => v.state.attack === id && v.progress[v.state.models[0]]?.seen >= 200;
      const { state, progress } = await values(page, begun, 120);
      const { seen, report } = progress[state.models[0]];
      const model = manifest.models.find((m) => m.id === state.models[0]);
      const file = join(site.folder, "predictions.csv");
      const set = Object.entries(state.set).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
      native("eval", "--model", join(models, model.file), "--attack", id, ...set, "--target", "0", "--json", "--predictions", file);
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
