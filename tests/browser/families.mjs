// A tiny victim, and the network that NAD made of it, of each family beside WideResNet, whose models are
// committed. One epoch on few images plants nothing, so only numbers are compared, no rates.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const architectures = ["preact-resnet18-2", "vgg19-bn-1"];

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
