// The page in headless Chromium, built by `make page`, with the committed models.
// UNSTAMP names the native program, whose numbers the page must give.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";

const root = join(import.meta.dirname, "../..");
const unstamp = process.env.UNSTAMP ?? join(root, "target/release/unstamp");
const models = join(root, "static/models");
const manifest = JSON.parse(readFileSync(join(models, "manifest.json")));
const entry = (role) => manifest.models.find((m) => m.role === role);
const [victim, erased, clean] = [entry("victim"), entry("nad"), entry("clean")];
const flags = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const native = (...args) => JSON.parse(execFileSync(unstamp, args, { maxBuffer: 1 << 28 }));

let server, address, folder;

async function launch(...more) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: [...flags, ...more] });
}

async function open(browser, path, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, ...options });
  page.errors = [];
  page.on("console", (m) => m.type() === "error" && page.errors.push(m.text()));
  page.on("pageerror", (e) => page.errors.push(e.message));
  await page.goto(address + path);
  return page;
}

// The page's values as soon as they satisfy `when`.
async function values(page, when, seconds = 60) {
  const end = Date.now() + 1000 * seconds;
  for (;;) {
    const text = await page.locator("#values").textContent();
    const now = text ? JSON.parse(text) : null;
    if (now && when(now)) return now;
    assert.ok(Date.now() < end, `not within ${seconds} s; the page says ${text?.slice(0, 600)}`);
    await page.waitForTimeout(100);
  }
}

const top = (answer) => answer.probabilities.indexOf(Math.max(...answer.probabilities));
const answered = (v) => [victim, erased, clean].every((m) => v.answers[m.id]);
const measured = (id) => (v) => v.progress[id]?.seen === v.progress[id]?.total && v.progress[id];
const only = (m, rest = "") => `#models=${m.id}${rest}`;

// An engine in a worker of its own, spoken to without the page: replies of one request.
async function ask(page, which, steps) {
  return page.evaluate(
    async ([which, steps]) => {
      const worker = new Worker("./worker.js", { type: "module" });
      const heard = (want) =>
        new Promise((resolve, reject) => {
          worker.onmessage = ({ data }) => {
            if (data.stopped) reject(new Error(data.stopped));
            if (!data.reply) return;
            const reply = JSON.parse(data.reply);
            if (reply.kind === "failed") reject(new Error(JSON.stringify(reply.failure)));
            if (reply.kind === want) resolve(reply);
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

// The checks that run in a browser, as a program beside the page: calls one of its exports. Names in
// `files` stand for the bytes of model files.
async function check(browser, name, { files = [], count = [] } = {}) {
  const program = process.env.CHECKS ?? join(root, "target/web/bench/checks");
  cpSync(program, join(folder, "some/where/checks"), { recursive: true });
  const page = await browser.newPage();
  await page.goto(address + "checks/unstamp-bench.js");
  const result = await page.evaluate(
    async ([name, files, count]) => {
      const program = await import("./unstamp-bench.js");
      await program.default({ module_or_path: "./unstamp-bench_bg.wasm" });
      const bytes = async (file) => new Uint8Array(await (await fetch(`../models/${file}`)).arrayBuffer());
      return program[name](...(await Promise.all(files.map(bytes))), ...count);
    },
    [name, files, count],
  );
  await page.close();
  return result;
}

// Loss and gradient norms of NAD between the erased model and the victim, on eight images.
const gradient = async (browser, device) =>
  JSON.parse(await check(browser, `gradient_on_${device}`, { files: [erased.file, victim.file], count: [8] }));

const load = (m) => ({ want: "loaded", file: `./models/${m.file}`, request: { kind: "load", id: 1, entry: m, corrupt: false } });

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "unstamp-page-"));
  // From a sub-path, as many hosts serve it.
  cpSync(join(root, "web/dist"), join(folder, "some/where"), { recursive: true });
  cpSync(models, join(folder, "some/where/models"), { recursive: true });
  cpSync(join(root, "web/dist"), join(folder, "empty"), { recursive: true });
  rmSync(join(folder, "empty/models"), { recursive: true, force: true });
  writeFileSync(join(folder, "index.html"), "");
  server = spawn(unstamp, ["serve", folder, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((resolve) => server.stdout.once("data", (data) => resolve(String(data))));
  address = line.trim() + "some/where/";
});

after(() => {
  server?.kill();
  rmSync(folder, { recursive: true, force: true });
});

describe("on the CPU", () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("the first prediction comes, and the stamp fools only the victim", async () => {
    const page = await open(browser, "");
    let v = await values(page, answered);
    assert.equal(v.engine.active, "cpu");
    assert.equal(v.state.stamped, true);
    assert.equal(top(v.answers[victim.id]), v.state.target);
    assert.notEqual(top(v.answers[erased.id]), v.state.target);
    await page.locator("#stamped").uncheck();
    // Answers come one model at a time.
    const agree = (v) => top(v.answers[victim.id]) === top(v.answers[erased.id]);
    v = await values(page, (v) => agree(v) && top(v.answers[victim.id]) !== v.state.target);
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("the trigger is dragged with mouse, touch and keys, and the URL keeps everything", async () => {
    const page = await open(browser, only(victim));
    await values(page, (v) => v.answers[victim.id]);
    const box = await page.locator("#stage").boundingBox();
    const at = (x, y) => [box.x + ((x + 0.5) * box.width) / 32, box.y + ((y + 0.5) * box.height) / 32];
    await page.mouse.move(...at(30, 30));
    await page.mouse.down();
    await page.mouse.move(...at(20, 25), { steps: 5 });
    await page.mouse.move(...at(11, 13), { steps: 5 });
    await page.mouse.up();
    let v = await values(page, (v) => v.state.set.x === 10);
    assert.equal(v.state.set.y, 12);
    await page.locator("#stage").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Shift+ArrowDown");
    v = await values(page, (v) => v.state.set.x === 11 && v.state.set.y === 16);
    await page.keyboard.press("Home");
    v = await values(page, (v) => v.state.set.x === 29 && v.state.set.y === 29);
    const url = page.url();
    await page.goto("about:blank");
    await page.goto(url);
    const again = await values(page, (v) => v.answers[victim.id]);
    assert.deepEqual(again.state, v.state);
    await page.close();

    const phone = await open(browser, only(victim), { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
    await values(phone, (v) => v.answers[victim.id]);
    const small = await phone.locator("#stage").boundingBox();
    await phone.touchscreen.tap(small.x + small.width * 0.52, small.y + small.height * 0.52);
    await values(phone, (v) => v.state.set.x === 15 && v.state.set.y === 15);
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px wider than the phone`);
    await phone.close();
  });

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
      const file = join(folder, "predictions.csv");
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

  test("a victim brings its own trigger", async () => {
    const page = await open(browser, only(victim, "&attack=blend&alpha=0.5"));
    await values(page, (v) => v.answers[victim.id]);
    await page.locator(`[data-model="${victim.id}"]`).getByRole("button", { name: "use its trigger" }).click();
    let v = await values(page, (v) => v.state.attack === "badnets");
    assert.deepEqual(v.state.set, {});
    assert.equal(await page.getByRole("button", { name: "use its trigger" }).count(), 0);
    const other = manifest.models.find((m) => m.role === "victim" && m.trigger.attack === "trojan");
    await page.locator(`.chip input[value="${other.id}"]`).check();
    v = await values(page, (v) => v.state.attack === "trojan" && v.answers[other.id]);
    assert.equal(v.state.set.square, other.trigger.set.square);
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("a trigger is painted, kept in link and PNG, and the PNG does the same natively", async () => {
    const page = await open(browser, only(victim, "&attack=custom&image=4"));
    await values(page, measured(victim.id));
    await page.getByRole("button", { name: "clear" }).click();
    await values(page, (v) => v.state.set.picture === "");
    await page.getByRole("button", { name: "paint", exact: true }).click();
    await page.locator("#colour").fill("#10c0f0");
    await page.locator("#stage").scrollIntoViewIfNeeded();
    const box = await page.locator("#stage").boundingBox();
    const at = (x, y) => [box.x + ((x + 0.5) * box.width) / 32, box.y + ((y + 0.5) * box.height) / 32];
    await page.mouse.move(...at(10, 12));
    await page.mouse.down();
    await page.mouse.move(...at(13, 12), { steps: 3 });
    await page.mouse.up();
    let v = await values(page, (v) => v.state.set.picture?.startsWith("4x1+10+12:"));
    const pixel = await page.locator("#stage canvas").evaluate((c) => [...c.getContext("2d").getImageData(12, 12, 1, 1).data]);
    assert.deepEqual(pixel, [0x10, 0xc0, 0xf0, 255]);
    const url = page.url();
    const file = join(folder, "painted.png");
    const data = await page.locator("#save").getAttribute("href");
    writeFileSync(file, Buffer.from(data.split(",")[1], "base64"));
    const { report } = (await values(page, measured(victim.id))).progress[victim.id];
    const wanted = native("eval", "--model", join(models, victim.file), "--attack", "custom", "--trigger", file, "--json");
    assert.deepEqual([report.asr.k, report.ra.k], [wanted.asr.k, wanted.ra.k]);
    await page.getByRole("button", { name: "clear" }).click();
    await values(page, (v) => v.state.set.picture === "");
    await page.locator("#picture").setInputFiles(file);
    v = await values(page, (now) => now.state.set.picture === v.state.set.picture);
    await page.locator("#picture").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("nothing") });
    await values(page, (v) => v.message?.includes("x.png is not a PNG"));
    await page.goto("about:blank");
    await page.goto(url);
    const again = await values(page, (v) => v.answers[victim.id]);
    assert.deepEqual(again.state.set, v.state.set);
    await page.close();
  });

  test("attention maps and probabilities are the native ones", async () => {
    const page = await open(browser, `#models=${victim.id},${erased.id},${clean.id}&image=3`);
    const v = await values(page, answered);
    for (const model of [victim, erased]) {
      const wanted = native("attention", "--model", join(models, model.file), "--image", "3", "--json");
      looksLike(v.answers[model.id], wanted, model.id);
    }
    await page.close();
  });

  test("images hash, self-tests answer and gradients come out as natively", async () => {
    const page = await open(browser, only(victim));
    const request = { kind: "self_test", id: 2, model: victim.id, images: 8 };
    const [, tested] = await ask(page, "learn", [load(victim), { want: "tested", request }]);
    assert.ok(tested.passed, `off by ${tested.difference}`);
    await page.close();
    const golden = JSON.parse(readFileSync(join(root, "tests/fixtures/golden.json")));
    assert.deepEqual(await check(browser, "golden_hashes"), golden);
    agrees(await gradient(browser, "cpu"));
  });

  test("a backdoor is erased in the page, and can be stopped", async () => {
    const page = await open(browser, only(victim));
    await values(page, measured(victim.id));
    const start = page.getByRole("button", { name: "erase it here" });
    await start.click();
    await values(page, (v) => v.erasing?.progress.done > 2);
    await page.getByRole("button", { name: "stop" }).click();
    await values(page, (v) => !v.erasing);
    await page.getByLabel("defence").selectOption("nad");
    await start.click();
    const id = "own-erased";
    await values(page, (v) => v.erasing?.progress.phase === "distil" && v.answers[id], 240);
    const v = await values(page, (v) => !v.erasing && measured(id)(v), 240);
    const { report } = v.progress[id];
    assert.ok(report.asr.value <= report.floor.value + 0.1, `ASR ${report.asr.value}`);
    assert.ok(report.acc.value >= v.progress[victim.id].report.acc.value - 0.05, `ACC ${report.acc.value}`);
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("the kernels agree with Burn's operations", async () => {
    await check(browser, "kernels_agree", { count: [40] });
  });

  test("what cannot be used gets a sentence, and the rest works", async () => {
    const page = await open(browser, "");
    await values(page, answered);
    await page.locator("#file").setInputFiles({ name: "x.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
    await values(page, (v) => v.message?.includes("not a picture that the browser can read"));
    await page.locator("#file").setInputFiles({ name: "x.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("no model") });
    await values(page, (v) => v.message?.includes("x.safetensors is not usable"));
    await page.getByRole("button", { name: "next image" }).click();
    await values(page, (v) => v.state.image === 1);
    await page.close();
    const home = address;
    address = address.replace("some/where/", "empty/");
    const empty = await open(browser, "");
    await values(empty, (v) => v.message?.includes("manifest.json could not be loaded"));
    await empty.close();
    address = home;
  });
});

// Probabilities and maps of one image, value by value.
function looksLike({ maps, probabilities }, wanted, id) {
  assert.equal(maps.length, wanted.maps.length);
  for (const { width, height, values } of maps) assert.equal(width * height, values.length);
  const lists = [["probabilities", probabilities, wanted.probabilities], ...maps.map((m, i) => [`group ${i + 1}`, m.values, wanted.maps[i]])];
  for (const [name, found, expected] of lists) {
    assert.equal(found.length, expected.length);
    // Sums of f32 in another order, as in the native parity tests.
    found.forEach((f, i) => assert.ok(Math.abs(f - expected[i]) < 1e-4, `${id} ${name}[${i}]: ${f} is not ${expected[i]}`));
  }
}

// Loss and gradient norms against the numbers that tests/zoo.rs checks natively.
function agrees(found) {
  const stored = JSON.parse(readFileSync(join(root, "tests/fixtures/gradient.json")));
  const largest = Math.max(...stored.gradients);
  assert.ok(Math.abs(found.loss - stored.loss) < 2e-3 * stored.loss, `loss ${found.loss} is not ${stored.loss}`);
  assert.equal(found.gradients.length, stored.gradients.length);
  found.gradients.forEach((g, i) => assert.ok(Math.abs(g - stored.gradients[i]) < 5e-3 * largest, `gradient ${i}: ${g} is not ${stored.gradients[i]}`));
}

describe("on WebGPU, in software", () => {
  let browser;
  before(async () => (browser = await launch("--enable-unsafe-webgpu")));
  after(() => browser.close());

  test("a software adapter is not used unasked", async () => {
    const page = await open(browser, only(victim));
    const v = await values(page, (v) => v.engine.webgpu.state !== "unused");
    assert.equal(v.engine.active, "cpu");
    assert.deepEqual(v.engine.webgpu, { state: "stopped", reason: { kind: "software_adapter" } });
    assert.match(await page.locator("#engine").textContent(), /software/);
    await page.close();
  });

  test("forced, it passes the self-test, takes over and dispatches", async () => {
    const page = await open(browser, `?engine=webgpu#models=${victim.id}`);
    const v = await values(page, (v) => v.engine.active === "webgpu" && v.engine.dispatches > 20, 150);
    assert.equal(v.engine.self_test, true);
    assert.match(await page.locator("#engine").textContent(), /runs on WebGPU \((software )?adapter: \S/);
    assert.deepEqual(page.errors, []);
    await page.close();
  });

  test("eight self-test images and a gradient agree", async () => {
    const page = await open(browser, "?engine=cpu" + only(victim, "&stamped=0&image=3"));
    await values(page, (v) => v.answers[victim.id]);
    const rgba = await page.locator("#stage canvas").evaluate((c) => [...c.getContext("2d").getImageData(0, 0, 32, 32).data]);
    const image = rgba.filter((_, i) => i % 4 < 3);
    const [, tested, { answer }] = await ask(page, "webgpu", [
      load(victim),
      { want: "tested", request: { kind: "self_test", id: 2, model: victim.id, images: 8 } },
      { want: "prediction", request: { kind: "predict", id: 3, width: 32, height: 32, image, models: [victim.id] } },
    ]);
    assert.ok(tested.passed, `off by ${tested.difference}`);
    looksLike(answer, native("attention", "--model", join(models, victim.file), "--image", "3", "--clean", "--json"), victim.id);
    await page.close();
    agrees(await gradient(browser, "webgpu"));
  });

  test("a corrupted weight is noticed, and the CPU goes on", async () => {
    const page = await open(browser, `?engine=webgpu&corrupt=1#models=${victim.id}`);
    const v = await values(page, (v) => v.engine.self_test === false, 150);
    assert.equal(v.engine.active, "cpu");
    assert.equal(v.engine.webgpu.state, "wrong_results");
    assert.match(await page.locator("#engine").textContent(), /wrong results in its self-test/);
    await page.close();
  });
});
