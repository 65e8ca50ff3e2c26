// Our own kernels in WASM, and Burn's unchanged CPU backend.
import initOurs, { BrowserContender as Ours } from "./ours/unstamp-bench.js";
import initFlex, { BrowserContender as Flex } from "./flex/unstamp-bench.js";

export function contender(ours) {
  const [init, BrowserContender, folder] = ours ? [initOurs, Ours, "ours"] : [initFlex, Flex, "flex"];
  return {
    async create({ model }) {
      await init({ module_or_path: `./${folder}/unstamp-bench_bg.wasm` });
      const network = new BrowserContender(new Uint8Array(model), ours);
      return {
        version: "",
        prepare: async (count) => void network.prepare(count),
        inputs: (count) => network.prepare(count),
        infer: () => network.infer(),
        train: () => network.train(),
      };
    },
  };
}
