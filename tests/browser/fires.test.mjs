// The map of the places where a trigger fires holds the rates of `unstamp eval`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, measured, models, native, only, open, site, values, victim } from "./harness.mjs";

// Images for each place, as in fire_map.rs.
const IMAGES = 64;

describe("where a trigger fires", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("the map has the native rates, and a place can be taken", async () => {
    const page = await open(browser, only(victim));
    await values(page, measured(victim.id));
    await page.locator("#fires summary").click();
    await page.getByRole("button", { name: "measure it" }).click();
    const { fires } = await values(page, (v) => v.fires?.rates.length === 64, 120);
    for (const index of [0, 27, 63]) {
      const [x, y] = fires.places[index];
      const file = join(site.folder, "places.csv");
      native("eval", "--model", join(models, victim.file), "--set", `x=${x}`, "--set", `y=${y}`, "--json", "--predictions", file);
      const rows = readFileSync(file, "utf8").trim().split("\n").slice(1, IMAGES + 1).map((row) => row.split(",").map(Number));
      const others = rows.filter(([, label]) => label !== 0);
      const hits = others.filter(([, , , triggered]) => triggered === 0).length;
      assert.equal(fires.rates[index], hits / others.length, `column ${x}, row ${y}`);
    }
    assert.ok(fires.rates[63] > 0.9, "the trained corner");
    await page.getByRole("button", { name: /^column 0, row 0:/ }).click();
    const v = await values(page, (v) => v.state.set.x === 0 && v.state.set.y === 0);
    assert.deepEqual(v.fires, fires, "moving the trigger keeps the map");
    await page.locator("#size").fill("5");
    await values(page, (v) => v.fires === null);
    assert.deepEqual(page.errors, []);
    await page.close();
  });
});
