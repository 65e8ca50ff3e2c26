// Our own kernels in WASM, and Burn's unchanged CPU backend.
import initOurs, { Bench as Ours } from "./ours/unstamp-bench.js";
import initFlex, { Bench as Flex } from "./flex/unstamp-bench.js";

export function contender(ours) {
  const [init, Bench, folder] = ours ? [initOurs, Ours, "ours"] : [initFlex, Flex, "flex"];
  return {
    async create({ model }) {
      await init({ module_or_path: `./${folder}/unstamp-bench_bg.wasm` });
      const bench = new Bench(new Uint8Array(model), ours);
      return {
        version: "",
        prepare: async (count) => void bench.prepare(count),
        inputs: (count) => bench.prepare(count),
        infer: () => bench.infer(),
        train: () => bench.train(),
      };
    },
  };
}
