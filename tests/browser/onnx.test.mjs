// The exported ONNX file in onnxruntime: logits and features as our own network gives them, for the
// committed WideResNets and a tiny network of every other family.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import * as ort from "onnxruntime-web";
import { architectures, publish } from "./families.mjs";

const root = join(import.meta.dirname, "../..");
const unstamp = process.env.UNSTAMP ?? join(root, "target/release/unstamp");
const committed = join(root, "static/models");
// f32 sums in another order over up to 19 layers, relative to the largest value.
const TOLERANCE = 1e-4;
let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "unstamp-onnx-"));
  ort.env.wasm.numThreads = 1;
});

after(() => rmSync(folder, { recursive: true }));

async function agrees(model) {
  const onnx = join(folder, "model.onnx");
  execFileSync(unstamp, ["export", "--model", model, "--onnx", onnx]);
  const ask = { input: "outputs 2\n", maxBuffer: 1 << 28 };
  const wanted = JSON.parse(execFileSync(join(dirname(unstamp), "unstamp-bench"), [model, "ours"], ask));
  const session = await ort.InferenceSession.create(readFileSync(onnx));
  const images = new ort.Tensor("float32", Float32Array.from(wanted.images), [2, 3, 32, 32]);
  const found = await session.run({ images });
  const features = wanted.features.map((feature, index) => [`feature${index + 1}`, feature]);
  const lists = [["logits", wanted.logits], ...features];
  assert.equal(Object.keys(found).length, lists.length, `${model}: number of outputs`);
  for (const [output, expected] of lists) {
    const values = found[output].data;
    assert.equal(values.length, expected.length, `${model} ${output}`);
    const scale = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const off = expected.reduce((worst, v, i) => Math.max(worst, Math.abs(v - values[i])), 0) / scale;
    assert.ok(off < TOLERANCE, `${model} ${output}: off by ${off}`);
  }
  await session.release();
}

test("onnxruntime gives our logits and features of every committed model", async () => {
  for (const name of readdirSync(committed).filter((f) => f.endsWith(".safetensors"))) await agrees(join(committed, name));
});

test("onnxruntime gives our logits and features of every family", async () => {
  for (const arch of architectures(unstamp))
    for (const { file } of publish(unstamp, arch, folder)) await agrees(join(folder, "models", file));
});
