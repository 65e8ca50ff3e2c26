// Our own kernels in WASM, and Burn's unchanged CPU backend.
import initOurs, { BrowserImplementation as Ours } from "./ours/unstamp-bench.js";
import initFlex, { BrowserImplementation as Flex } from "./flex/unstamp-bench.js";

export function implementation(ours) {
  const [init, BrowserImplementation, folder] = ours ? [initOurs, Ours, "ours"] : [initFlex, Flex, "flex"];
  return {
    async create({ model }) {
      await init({ module_or_path: `./${folder}/unstamp-bench_bg.wasm` });
      const network = new BrowserImplementation(new Uint8Array(model), ours);
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
