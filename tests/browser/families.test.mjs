// The page with a tiny network of every family that has no committed model: predictions, attention maps and an
// erasure as natively.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { architectures, publish } from "./families.mjs";
import { launch, looksLike, native, only, open, program, root, site, values } from "./harness.mjs";

describe("every family of networks", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  for (const arch of architectures(program))
    test(`${arch} predicts, shows its maps and is defended`, async () => {
      const folder = join(site.folder, arch);
      mkdirSync(folder);
      const all = publish(program, arch, folder);
      const models = join(folder, "models");
      // The built page has the committed models.
      cpSync(join(root, "web/dist"), folder, { recursive: true, filter: (from) => !from.endsWith("dist/models") });
      const victim = all.find((m) => m.role === "victim");
      const page = await open(browser, only(victim, "&image=3"), { base: `${arch}/` });
      let v = await values(page, (v) => v.answers[victim.id]);
      const wanted = native("attention", "--model", join(models, victim.file), "--image", "3", "--json");
      looksLike(v.answers[victim.id], wanted, arch);
      await page.getByRole("button", { name: "erase it here" }).click();
      const id = "own-erased-1";
      v = await values(page, (v) => v.erasing?.progress.phase === "distil" && v.answers[id], 300);
      assert.equal(v.answers[id].maps.length, wanted.maps.length);
      await page.getByRole("button", { name: "stop" }).click();
      await values(page, (v) => !v.erasing);
      assert.deepEqual(page.errors, []);
      await page.close();
      rmSync(folder, { recursive: true });
    });
});
