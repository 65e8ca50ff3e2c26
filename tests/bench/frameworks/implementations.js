// The page's side of the browser benchmark: every implementation with the same weights and inputs.
import * as jax from "./jax.js";
import * as ort from "./ort.js";
import { implementation } from "./ours.js";
import * as tfjs from "./tfjs.js";

const makers = { ours: implementation(true), flex: implementation(false), ort, tfjs, jax };
const implementations = {};
const prepared = {};

const close = (a, b) => a.every((v, i) => Math.abs(v - b[i]) < 1e-3 * (1 + Math.abs(b[i])));

globalThis.benchmark = {
  // Makes all implementations; versions by name. Throws where one gives other logits than ours.
  async start() {
    const [model, onnx] = await Promise.all(["model.safetensors", "model.onnx"].map(async (f) => (await fetch(f)).arrayBuffer()));
    for (const [name, maker] of Object.entries(makers)) implementations[name] = await maker.create({ model, onnx });
    const wanted = await (await this.prepare("ours", 2)).infer();
    for (const name of ["flex", "ort", "tfjs"]) {
      const found = await (await this.prepare(name, 2)).infer();
      if (!close([...found], [...wanted])) throw new Error(`${name} gives other logits`);
    }
    return Object.fromEntries(Object.entries(implementations).map(([name, c]) => [name, c.version]));
  },

  async prepare(name, count) {
    if (prepared[name] !== count) await implementations[name].prepare(count, implementations.ours.inputs(count));
    prepared[name] = count;
    if (name !== "ours") prepared.ours = count;
    return implementations[name];
  },

  // Mean milliseconds of one call over at least half a second, after one that is not counted.
  async round(task, name) {
    const [kind, count] = task.split(" ");
    const implementation = await this.prepare(name, Number(count));
    if (name !== "jax") await implementation[kind]();
    const start = performance.now();
    let repeats = 0;
    while (repeats === 0 || performance.now() - start < 500) {
      await implementation[kind]();
      repeats++;
    }
    return (performance.now() - start) / repeats;
  },
};
