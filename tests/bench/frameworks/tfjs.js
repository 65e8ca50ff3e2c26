// TensorFlow.js, WASM backend, one thread: the same network with its batch norm folded, as tfjs
// users write it (NHWC, fused convolution with bias and ReLU).
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { affine, blocks, read } from "./safetensors.js";

export async function create({ model }) {
  setThreadsCount(1);
  setWasmPaths(new URL("./tfjs/", location.href).href);
  await tf.setBackend("wasm");
  await tf.ready();
  const arrays = read(model);
  const filter = (name, scale) =>
    tf.tidy(() => {
      const weight = tf.tensor(arrays[name].values, arrays[name].shape).transpose([2, 3, 1, 0]);
      return scale ? weight.mul(tf.tensor1d(scale)) : weight;
    });
  const pair = (name) => {
    const { scale, shift } = affine(arrays, name);
    return [tf.tensor1d(scale), tf.tensor1d(shift)];
  };
  const stem = filter("conv1.weight");
  const layers = blocks(arrays).map(([name, strides]) => {
    const after = affine(arrays, `${name}.bn2`);
    const shortcut = `${name}.convShortcut.weight`;
    return {
      strides,
      before: pair(`${name}.bn1`),
      first: filter(`${name}.conv1.weight`, after.scale),
      bias: tf.tensor1d(after.shift),
      second: filter(`${name}.conv2.weight`),
      shortcut: arrays[shortcut] && filter(shortcut),
    };
  });
  const last = pair("bn1");
  const fc = tf.tensor(arrays["fc.weight"].values, arrays["fc.weight"].shape);
  const bias = tf.tensor1d(arrays["fc.bias"].values);
  const enter = (x, [scale, shift]) => x.mul(scale).add(shift).relu();
  const forward = (images) => {
    let x = tf.conv2d(images, stem, 1, "same");
    for (const layer of layers) {
      const activated = enter(x, layer.before);
      const pad = [[0, 0], [1, 1], [1, 1], [0, 0]];
      const inner = tf.fused.conv2d({ x: activated, filter: layer.first, strides: layer.strides, pad, bias: layer.bias, activation: "relu" });
      const skip = layer.shortcut ? tf.conv2d(activated, layer.shortcut, layer.strides, "valid") : x;
      x = skip.add(tf.conv2d(inner, layer.second, 1, "same"));
    }
    return enter(x, last).mean([1, 2]).matMul(fc, false, true).add(bias);
  };
  let images;
  return {
    version: tf.version_core,
    prepare: async (count, values) => {
      images?.dispose();
      images = tf.tidy(() => tf.tensor(values, [count, 3, 32, 32]).transpose([0, 2, 3, 1]));
    },
    infer: async () => {
      const logits = tf.tidy(() => forward(images));
      const values = await logits.data();
      logits.dispose();
      return values;
    },
  };
}
