// The page's side of the browser benchmark: every contender with the same weights and inputs.
import * as jax from "./jax.js";
import * as ort from "./ort.js";
import { contender } from "./ours.js";
import * as tfjs from "./tfjs.js";

const makers = { ours: contender(true), flex: contender(false), ort, tfjs, jax };
const contenders = {};
const prepared = {};

const close = (a, b) => a.every((v, i) => Math.abs(v - b[i]) < 1e-3 * (1 + Math.abs(b[i])));

globalThis.benchmark = {
  // Makes all contenders; versions by name. Throws where one gives other logits than ours.
  async start() {
    const [model, onnx] = await Promise.all(["model.safetensors", "model.onnx"].map(async (f) => (await fetch(f)).arrayBuffer()));
    for (const [name, maker] of Object.entries(makers)) contenders[name] = await maker.create({ model, onnx });
    const wanted = await (await this.prepare("ours", 2)).infer();
    for (const name of ["flex", "ort", "tfjs"]) {
      const found = await (await this.prepare(name, 2)).infer();
      if (!close([...found], [...wanted])) throw new Error(`${name} gives other logits`);
    }
    return Object.fromEntries(Object.entries(contenders).map(([name, c]) => [name, c.version]));
  },

  async prepare(name, count) {
    if (prepared[name] !== count) await contenders[name].prepare(count, contenders.ours.inputs(count));
    prepared[name] = count;
    if (name !== "ours") prepared.ours = count;
    return contenders[name];
  },

  // Mean milliseconds of one call over at least half a second, after one that is not counted.
  async round(task, name) {
    const [kind, count] = task.split(" ");
    const contender = await this.prepare(name, Number(count));
    if (name !== "jax") await contender[kind]();
    const start = performance.now();
    let repeats = 0;
    while (repeats === 0 || performance.now() - start < 500) {
      await contender[kind]();
      repeats++;
    }
    return (performance.now() - start) / repeats;
  },
};
