// make bench: ours against other frameworks in one run, rounds interleaved, medians and ratios.
// node bench.mjs --target DIR --site DIST --wasm DIR --python PYTHON --out FILE [--rounds 5] [--only wrn,browser]
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { browser } from "./browser.mjs";
import { native } from "./native.mjs";

const text = (fallback) => ({ type: "string", default: fallback });
const options = parseArgs({
  options: { target: text("target"), site: text("web/dist"), wasm: text(""), python: text("python3"), out: text("target/bench.json"), rounds: text("5"), only: text("wrn,trainings,preact,memory,browser"), threads: text("2") },
}).values;
options.threads = Math.min(Number(options.threads), cpus().length);

const show = (v) => (v >= 100 ? v.toFixed(0) : v.toPrecision(3));
const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
const rows = [];
const row = (name, unit, ours, other, theirs, larger = false) => {
  const ratio = larger ? ours / theirs : theirs / ours;
  rows.push({ name, unit, ours, other, theirs, ratio });
  line([name, unit, show(ours), other, show(theirs), ratio.toFixed(2)]);
};

console.log(`${cpus()[0].model}, ${options.threads} threads natively, 1 in the browser; median of ${options.rounds} rounds`);
line(["measured", "unit", "ours", "compared with", "theirs", "ratio"]);
line(["---", "---", "---:", "---", "---:", "---:"]);
for (const [part, bench] of Object.entries({ ...native, browser }))
  if (options.only.split(",").includes(part)) await bench({ ...options, rounds: Number(options.rounds) }, row);

writeFileSync(options.out, JSON.stringify(rows, null, 1));
console.log(`a ratio above 1 is in our favour; written to ${options.out}`);
