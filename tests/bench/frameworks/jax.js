// jax-js, WASM backend: forward, loss, gradients and SGD in one jitted function.
import { init, defaultDevice, jit, valueAndGrad, lax, nn, numpy as np, blockUntilReady } from "@jax-js/jax";
import { blocks, read } from "./safetensors.js";

// Logits of a batch in training mode, as a function of the parameters and the images.
function network(arrays, names) {
  return (p, images) => {
    const use = (name) => p[name].ref;
    const conv = (x, name, stride) => {
      const pad = (arrays[name].shape[2] - 1) / 2;
      return lax.convGeneralDilated(x, use(name), [stride, stride], [[pad, pad], [pad, pad]]);
    };
    const norm = (x, name) => {
      const channels = [1, arrays[`${name}.weight`].shape[0], 1, 1];
      const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true });
      const centred = x.sub(mean);
      const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
      const scaled = centred.div(np.sqrt(variance.add(1e-5))).mul(use(`${name}.weight`).reshape(channels));
      return nn.relu(scaled.add(use(`${name}.bias`).reshape(channels)));
    };
    let x = conv(images, "conv1.weight", 1);
    for (const [name, stride] of blocks(arrays)) {
      const shortcut = `${name}.convShortcut.weight`;
      const activated = norm(arrays[shortcut] ? x : x.ref, `${name}.bn1`);
      const skip = arrays[shortcut] ? conv(activated.ref, shortcut, stride) : x;
      const inner = norm(conv(activated, `${name}.conv1.weight`, stride), `${name}.bn2`);
      x = skip.add(conv(inner, `${name}.conv2.weight`, 1));
    }
    const pooled = np.mean(norm(x, "bn1"), [2, 3]);
    const logits = np.matmul(pooled, np.transpose(use("fc.weight"))).add(use("fc.bias"));
    for (const name of names) p[name].dispose();
    return logits;
  };
}

export async function create({ model }) {
  await init("wasm");
  defaultDevice("wasm");
  const arrays = read(model);
  const names = Object.keys(arrays).filter((n) => !n.includes("running_"));
  let params = Object.fromEntries(names.map((n) => [n, np.array(arrays[n].values).reshape(arrays[n].shape)]));
  let velocity = Object.fromEntries(names.map((n) => [n, np.zeros(arrays[n].shape)]));

  const forward = network(arrays, names);
  const loss = (p, images, labels) => np.mean(nn.logSoftmax(forward(p, images)).mul(labels).sum(1)).mul(-1);
  const step = jit((p, v, images, labels) => {
    const held = Object.fromEntries(names.map((n) => [n, p[n].ref]));
    const [value, gradients] = valueAndGrad(loss)(held, images, labels);
    const weights = {}, velocities = {};
    for (const n of names) {
      const moved = v[n].mul(0.9).add(gradients[n].add(p[n].ref.mul(1e-4)));
      velocities[n] = moved.ref;
      weights[n] = p[n].sub(moved.mul(1e-3));
    }
    return [value, weights, velocities];
  });

  let images, labels;
  return {
    version: "0.1.25",
    prepare: async (count, values) => {
      images = np.array(values).reshape([count, 3, 32, 32]);
      const hot = new Float32Array(count * 10);
      for (let i = 0; i < count; i++) hot[i * 10 + (i % 10)] = 1;
      labels = np.array(hot).reshape([count, 10]);
    },
    train: async () => {
      const [value, weights, velocities] = step(params, velocity, images.ref, labels.ref);
      await blockUntilReady(weights);
      [params, velocity] = [weights, velocities];
      return (await value.data())[0];
    },
  };
}
