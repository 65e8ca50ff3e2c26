// ONNX Runtime Web on the exported model, WASM, one thread.
import * as ort from "onnxruntime-web/wasm";

export async function create({ onnx }) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("./ort/", location.href).href;
  const session = await ort.InferenceSession.create(new Uint8Array(onnx), { graphOptimizationLevel: "all" });
  let images;
  return {
    version: ort.env.versions.web,
    prepare: async (count, values) => void (images = new ort.Tensor("float32", values, [count, 3, 32, 32])),
    infer: async () => (await session.run({ images }, ["logits"])).logits.data,
  };
}
