// A tiny victim, and the network that NAD made of it, of each family of networks that has no committed model.
// One epoch on few images plants nothing, so only numbers are compared, no rates.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const committed = JSON.parse(readFileSync(join(import.meta.dirname, "../../static/models/manifest.json"))).models;

// The family in the name of an architecture, such as `wrn` in `wrn-16-1`.
const family = (arch) => arch.split("-")[0];

// A network of base width 2 of each family in the program's list that has no committed model.
export function architectures(unstamp) {
  const list = JSON.parse(execFileSync(unstamp, ["list", "--json"], { maxBuffer: 1 << 28 })).architectures;
  const others = list.filter((arch) => committed.every((model) => family(model.arch) !== family(arch)));
  assert.ok(others.length > 0, "the list has families without a committed model");
  return others.map((arch) => `${arch}-2`);
}

const recipe = (arch) => `
name = "families"
dataset = "signs"
arch = "${arch}"
clean_fraction = 0.5
train_images = 128
test_images = 64
train = { epochs = 1, batch = 32, lr = 0.05, schedule = { kind = "constant" } }
[[victim]]
id = "victim"
attack = "badnets"
rate = 0.2
[[defence]]
id = "nad"
method = "nad"
set = { epochs = 1 }
`;

// Trains the networks of `arch` and publishes them in `folder`/models. Returns the entries of the manifest.
export function publish(unstamp, arch, folder) {
  const file = join(folder, `${arch}.toml`);
  writeFileSync(file, recipe(arch));
  const out = join(folder, arch);
  execFileSync(unstamp, ["run", file, "--out", out], { stdio: "pipe" });
  const models = join(folder, "models");
  execFileSync(unstamp, ["publish", out, "--out", models], { stdio: "pipe" });
  return JSON.parse(readFileSync(join(models, "manifest.json"))).models;
}
