// The exported ONNX file in onnxruntime: logits and features as our own network gives them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import * as ort from "onnxruntime-web";

const root = join(import.meta.dirname, "../..");
const unstamp = process.env.UNSTAMP ?? join(root, "target/release/unstamp");
const models = join(root, "static/models");
// f32 sums in another order over 16 layers, relative to the largest value.
const TOLERANCE = 1e-4;

test("onnxruntime gives our logits and features", async () => {
  const folder = mkdtempSync(join(tmpdir(), "unstamp-onnx-"));
  ort.env.wasm.numThreads = 1;
  for (const name of readdirSync(models).filter((f) => f.endsWith(".safetensors"))) {
    const model = join(models, name);
    const onnx = join(folder, "model.onnx");
    execFileSync(unstamp, ["export", "--model", model, "--onnx", onnx]);
    const ask = { input: "outputs 2\n", maxBuffer: 1 << 28 };
    const wanted = JSON.parse(execFileSync(join(dirname(unstamp), "unstamp-bench"), [model, "ours"], ask));
    const session = await ort.InferenceSession.create(readFileSync(onnx));
    const images = new ort.Tensor("float32", Float32Array.from(wanted.images), [2, 3, 32, 32]);
    const found = await session.run({ images });
    const lists = { logits: wanted.logits, feature1: wanted.features[0], feature2: wanted.features[1], feature3: wanted.features[2] };
    for (const [output, expected] of Object.entries(lists)) {
      const values = found[output].data;
      assert.equal(values.length, expected.length, `${name} ${output}`);
      const scale = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      const off = expected.reduce((worst, v, i) => Math.max(worst, Math.abs(v - values[i])), 0) / scale;
      assert.ok(off < TOLERANCE, `${name} ${output}: off by ${off}`);
    }
    await session.release();
  }
  rmSync(folder, { recursive: true });
});
