// Our own kernels in WASM, and Burn's unchanged CPU backend in the same program.
import init, { Bench, kernels_agree } from "./unstamp-bench.js";

export { kernels_agree };
export const ready = () => init({ module_or_path: "./unstamp-bench_bg.wasm" });

export function contender(ours) {
  return {
    async create({ model }) {
      await ready();
      const bench = new Bench(new Uint8Array(model), ours);
      return {
        version: "this commit",
        prepare: async (count) => void bench.prepare(count),
        inputs: (count) => bench.prepare(count),
        infer: () => bench.infer(),
        train: () => bench.train(),
      };
    },
  };
}
