// Serves and drives the page in headless Chromium. The page is built by `make page` and has the committed
// models. UNSTAMP names the native program, whose numbers the page must give.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const root = join(import.meta.dirname, "../..");
export const program = process.env.UNSTAMP ?? join(root, "target/release/unstamp");
export const models = join(root, "static/models");
export const manifest = JSON.parse(readFileSync(join(models, "manifest.json")));
const entry = (role) => manifest.models.find((m) => m.role === role);
export const [victim, erased, clean] = [entry("victim"), entry("nad"), entry("clean")];
const flags = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const native = (...args) => JSON.parse(execFileSync(program, args, { maxBuffer: 1 << 28 }));

// The address of the served folder, and the folder.
export const site = {};
let server;

export async function launch(...more) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: [...flags, ...more] });
}

// Opens the page from a sub-path, as many hosts serve it.
export async function open(browser, path, { base = "some/where/", ...options } = {}) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, ...options });
  page.errors = [];
  page.on("console", (m) => m.type() === "error" && page.errors.push(m.text()));
  page.on("pageerror", (e) => page.errors.push(e.message));
  await page.goto(site.address + base + withValues(path));
  return page;
}

// The address with the option `values`, for which the page writes its values.
export function withValues(path) {
  const at = path.includes("#") ? path.indexOf("#") : path.length;
  const before = path.slice(0, at);
  return `${before}${before.includes("?") ? "&" : "?"}values${path.slice(at)}`;
}

// The page's values as soon as they satisfy `when`.
export async function values(page, when, seconds = 60) {
  const end = Date.now() + 1000 * seconds;
  for (;;) {
    const text = await page.locator("#values").textContent();
    const now = text ? JSON.parse(text) : null;
    if (now && when(now)) return now;
    assert.ok(Date.now() < end, `not within ${seconds} s; the page says ${text?.slice(0, 600)}`);
    await page.waitForTimeout(100);
  }
}

export const top = (answer) => answer.probabilities.indexOf(Math.max(...answer.probabilities));
export const answered = (v) => [victim, erased, clean].every((m) => v.answers[m.id]);
export const measured = (id) => (v) => v.progress[id]?.seen === v.progress[id]?.total && v.progress[id];
export const only = (m, rest = "") => `#models=${m.id}${rest}`;

// An engine in a worker of its own, spoken to without the page: replies of one request.
export async function ask(page, which, steps) {
  return page.evaluate(
    async ([which, steps]) => {
      const worker = new Worker("./worker.js", { type: "module" });
      const heard = (want) =>
        new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => {
            if (data.stopped) reject(new Error(data.stopped));
            if (!data.reply) return;
            const [[kind, reply]] = Object.entries(JSON.parse(data.reply));
            if (kind === "failed") reject(new Error(JSON.stringify(reply.failure)));
            if (kind === want) resolve(reply);
          };
        });
      let heardReady = heard("ready");
      worker.postMessage({ start: which, forced: true });
      await heardReady;
      const replies = [];
      for (const step of steps) {
        const bytes = step.file ? new Uint8Array(await (await fetch(step.file)).arrayBuffer()) : new Uint8Array();
        const reply = heard(step.want);
        worker.postMessage({ to: which, request: JSON.stringify(step.request), bytes });
        replies.push(await reply);
      }
      worker.terminate();
      return replies;
    },
    [which, steps],
  );
}

// The programs of `make checks-programs`, by the device they compute on.
const programs = { cpu: "page", webgpu: "webgpu" };

// Calls an export of the checks for a device, beside the page. Names in `files` stand for the bytes of model files.
export async function check(browser, device, name, { files = [], count = [] } = {}) {
  const program = join(process.env.CHECKS ?? join(root, "target/web/bench"), programs[device]);
  cpSync(program, join(site.folder, "some/where/checks", device), { recursive: true });
  const page = await browser.newPage();
  await page.goto(`${site.address}some/where/checks/${device}/unstamp-bench.js`);
  const result = await page.evaluate(
    async ([name, files, count]) => {
      const program = await import("./unstamp-bench.js");
      await program.default({ module_or_path: "./unstamp-bench_bg.wasm" });
      const bytes = async (file) => new Uint8Array(await (await fetch(`../../models/${file}`)).arrayBuffer());
      return program[name](...(await Promise.all(files.map(bytes))), ...count);
    },
    [name, files, count],
  );
  await page.close();
  return result;
}

// Loss and gradient norms of NAD between the erased model and the victim, on eight images.
export const gradient = async (browser, device) =>
  JSON.parse(await check(browser, device, `gradient_on_${device}`, { files: [erased.file, victim.file], count: [8] }));

export const load = (m) => ({ want: "loaded", file: `./models/${m.file}`, request: { load: { id: 1, entry: m, corrupt: false } } });

before(async () => {
  site.folder = mkdtempSync(join(tmpdir(), "unstamp-page-"));
  cpSync(join(root, "web/dist"), join(site.folder, "some/where"), { recursive: true });
  cpSync(models, join(site.folder, "some/where/models"), { recursive: true });
  cpSync(join(root, "web/dist"), join(site.folder, "empty"), { recursive: true });
  rmSync(join(site.folder, "empty/models"), { recursive: true, force: true });
  writeFileSync(join(site.folder, "index.html"), "");
  server = spawn(program, ["serve", site.folder, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((resolve) => server.stdout.once("data", (data) => resolve(String(data))));
  site.address = line.trim();
});

after(() => {
  server?.kill();
  rmSync(site.folder, { recursive: true, force: true });
});

// Probabilities and maps of one image, value by value.
export function looksLike({ maps, probabilities }, wanted, id) {
  assert.equal(maps.length, wanted.maps.length);
  for (const { width, height, values } of maps) assert.equal(width * height, values.length);
  const lists = [["probabilities", probabilities, wanted.probabilities], ...maps.map((m, i) => [`group ${i + 1}`, m.values, wanted.maps[i]])];
  for (const [name, found, expected] of lists) {
    assert.equal(found.length, expected.length);
    // Sums of f32 in another order, as in the native parity tests.
    found.forEach((f, i) => assert.ok(Math.abs(f - expected[i]) < 1e-4, `${id} ${name}[${i}]: ${f} is not ${expected[i]}`));
  }
}

// Loss and gradient norms against the numbers that tests/published_models.rs checks natively.
export function agrees(found) {
  const stored = JSON.parse(readFileSync(join(root, "tests/fixtures/gradient.json")));
  const largest = Math.max(...stored.gradients);
  assert.ok(Math.abs(found.loss - stored.loss) < 2e-3 * stored.loss, `loss ${found.loss} is not ${stored.loss}`);
  assert.equal(found.gradients.length, stored.gradients.length);
  found.gradients.forEach((g, i) => assert.ok(Math.abs(g - stored.gradients[i]) < 5e-3 * largest, `gradient ${i}: ${g} is not ${stored.gradients[i]}`));
}
