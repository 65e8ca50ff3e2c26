// The same network in headless Chromium, one thread: ours, Burn's flex, ORT-web, tfjs, jax-js; and
// the page itself: time and bytes to the first prediction, and NAD on 500 images.
import { spawn, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { interleave, median } from "./rounds.mjs";

const here = import.meta.dirname;
const models = join(here, "../../static/models");
const victim = "s0-badnets.safetensors";
const flags = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const titles = { ort: "onnxruntime-web", tfjs: "tfjs", jax: "jax-js", flex: "Burn flex" };

async function serve(unstamp, folder) {
  const server = spawn(unstamp, ["serve", folder, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((resolve) => server.stdout.once("data", (data) => resolve(String(data))));
  return { server, address: line.trim() };
}

// Writes a page that holds every implementation; see frameworks/implementations.js.
async function writePage(folder, wasm, unstamp) {
  for (const part of ["ort", "tfjs"]) mkdirSync(join(folder, part), { recursive: true });
  const modules = join(here, "node_modules");
  for (const file of ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs"]) cpSync(join(modules, "onnxruntime-web/dist", file), join(folder, "ort", file));
  cpSync(join(modules, "@tensorflow/tfjs-backend-wasm/dist"), join(folder, "tfjs"), { recursive: true, filter: (f) => statSync(f).isDirectory() || f.endsWith(".wasm") });
  // Ours as the page's engines that train, with loops vectorised at link time; the engine that only
  // predicts is smaller and slower. Burn's own backend from a build that is optimised for speed throughout.
  for (const [profile, to] of [["page", "ours"], ["release", "flex"]]) cpSync(join(wasm, profile), join(folder, to), { recursive: true });
  cpSync(join(models, victim), join(folder, "model.safetensors"));
  execFileSync(unstamp, ["export", "--model", join(models, victim), "--onnx", join(folder, "model.onnx")]);
  writeFileSync(join(folder, "index.html"), `<!doctype html><script type="module" src="implementations.js"></script>`);
  await build({ entryPoints: [join(here, "frameworks/implementations.js")], outfile: join(folder, "implementations.js"), bundle: true, format: "esm", external: ["./ours/*", "./flex/*"], logLevel: "error" });
}

export async function browser({ target, site, wasm, rounds }, row) {
  const unstamp = join(target, "release/unstamp");
  const folder = mkdtempSync(join(tmpdir(), "unstamp-bench-"));
  await writePage(folder, wasm, unstamp);
  const { server, address } = await serve(unstamp, folder);
  const chrome = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
  const page = await chrome.newPage();
  page.on("pageerror", (error) => console.error(`page: ${error.message}`));
  await page.goto(address);
  const versions = await page.evaluate(() => globalThis.benchmark.start());
  const all = ["ours", "flex", "ort", "tfjs"];
  const tasks = { "infer 1": all, "infer 64": all, "train 64": ["ours", "flex", "jax"] };
  // A step of jax-js takes half a minute: one round of it.
  const times = await interleave(tasks, rounds, (task, name) => page.evaluate(([task, name]) => globalThis.benchmark.round(task, name), [task, name]), ["jax"]);
  for (const [task, { ours, ...others }] of Object.entries(times)) {
    const [kind, count] = task.split(" ");
    const name = `browser ${kind === "train" ? "training step" : "inference"}, batch ${count}`;
    for (const [other, ms] of Object.entries(others)) row(name, "ms", ours, `${titles[other]} ${versions[other]}`.trim(), ms);
  }
  await page.close();
  server.kill();
  rmSync(folder, { recursive: true });
  await visit(chrome, unstamp, site, rounds, row);
  await chrome.close();
}

// The page as a visitor meets it.
async function visit(chrome, unstamp, site, rounds, row) {
  const { server, address } = await serve(unstamp, site);
  const seconds = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    const context = await chrome.newContext();
    const page = await context.newPage();
    const asked = new Set();
    page.on("request", (request) => asked.add(new URL(request.url()).pathname));
    await page.goto(`${address}?values#models=${victim.replace(".safetensors", "")}`, { waitUntil: "commit" });
    const clock = await page.waitForFunction(() => document.querySelector(".bars li") && performance.now());
    seconds.push((await clock.jsonValue()) / 1000);
    const gpu = (path) => path.includes("engine_gpu");
    const file = (path) => join(site, path === "/" ? "index.html" : path);
    bytes = [...asked].filter((path) => !gpu(path)).reduce((sum, path) => sum + gzipSync(readFileSync(file(path)), { level: 9 }).length, 0);
    if (round === rounds - 1) {
      const values = async () => JSON.parse((await page.locator("#values").textContent()) || "{}");
      const until = async (when) => {
        while (!when(await values())) await page.waitForTimeout(100);
      };
      await until((v) => Object.values(v.progress).some((p) => p.seen === p.total));
      const start = Date.now();
      await page.getByRole("button", { name: "erase it here" }).click();
      await until((v) => v.erasing);
      await until((v) => !v.erasing);
      row("in the page: NAD with 500 images", "s", (Date.now() - start) / 1000, "target", 90);
    }
    await context.close();
  }
  row("navigation to first prediction, loopback", "s", median(seconds), "target", 1);
  row("transferred to the first prediction, gzip", "MB", bytes / 1e6, "target", 1);
  server.kill();
}
