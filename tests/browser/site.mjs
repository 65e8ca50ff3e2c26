// Makes the built page small: wasm-opt on every program, then a check of what a visitor transfers.
// node site.mjs DIST
import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const dist = process.argv[2];
const features = ["simd", "bulk-memory", "nontrapping-float-to-int", "sign-ext", "reference-types", "multivalue", "mutable-globals", "relaxed-simd"];
const wasmOpt = join(import.meta.dirname, "node_modules/.bin/wasm-opt");
// What a visitor waits for is worth more passes.
const once = ["-Oz"];
const often = ["-Oz", "--gufa", "--traps-never-happen", "--converge", "-Oz"];
for (const [program, passes] of [["ui", often], ["engine_cpu", often], ["engine_cpu_relaxed", often], ["engine_learn", once], ["engine_learn_relaxed", once], ["engine_gpu", once]]) {
  const file = join(dist, `${program}_bg.wasm`);
  const before = statSync(file).size;
  const flags = features.map((f) => `--enable-${f}`);
  execFileSync(wasmOpt, [file, "-o", `${file}.part`, ...passes, "--strip-debug", "--strip-producers", ...flags], { stdio: "inherit" });
  renameSync(`${file}.part`, file);
  console.log(`${program}: ${before} -> ${statSync(file).size} bytes`);
}

// Transferred, gzip: what the first prediction needs, and what is loaded after it.
const size = (name) => gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;
const models = JSON.parse(readFileSync(join(dist, "models/manifest.json"))).models;
const program = (name) => [`${name}.js`, `${name}_bg.wasm`];
const page = ["index.html", "page.css", "boot.js", "worker.js", ...program("ui"), "models/manifest.json", `models/${models[0].file}`];
const budgets = {
  "first prediction": [[...page, ...program("engine_cpu")], 1_000_000],
  "first prediction, relaxed SIMD": [[...page, ...program("engine_cpu_relaxed")], 1_000_000],
  "engine that trains, when it is asked for": [program("engine_learn"), 780_000],
  "the same, relaxed SIMD": [program("engine_learn_relaxed"), 780_000],
  "WebGPU engine": [program("engine_gpu"), 3_500_000],
};
let over = false;
for (const [name, [files, budget]] of Object.entries(budgets)) {
  const total = files.reduce((sum, file) => sum + size(file), 0);
  console.log(`${name}: ${total} bytes gzip of ${budget}`);
  for (const file of files) console.log(`  ${String(size(file)).padStart(9)} ${file}`);
  over ||= total > budget;
}
if (over) {
  console.error("the page is over its size budget");
  process.exit(1);
}
