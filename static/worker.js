// The one worker: loads the engines when asked and passes messages between them and the page.
// Everything that computes is in the engines; this file only connects.

const engines = {};

// A module of nothing but a fused multiply-add: browsers that take it get the faster programs.
const fused = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 11];
const kind = WebAssembly.validate(new Uint8Array(fused)) ? "_relaxed" : "";
const programs = { cpu: `engine_cpu${kind}`, learn: `engine_learn${kind}`, gpu: "engine_gpu" };

// A pause that lets waiting messages in, without the clamp of setTimeout.
const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()?.();
const pause = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(0);
  });

// What the GPU is really asked to do.
let dispatches = 0;
function count() {
  const passes = self.GPUComputePassEncoder?.prototype;
  if (!passes) return;
  for (const name of ["dispatchWorkgroups", "dispatchWorkgroupsIndirect"]) {
    const original = passes[name];
    passes[name] = function (...sizes) {
      dispatches += 1;
      return original.apply(this, sizes);
    };
  }
}

// Whether a WebGPU engine is worth downloading: a real adapter, or any when it is asked for.
async function adapter(forced) {
  const found = await self.navigator.gpu?.requestAdapter();
  if (!found) throw new Error("this browser offers no WebGPU adapter");
  if ((found.isFallbackAdapter || found.info?.isFallbackAdapter) && !forced)
    throw new Error("WebGPU is only emulated in software here");
  const { vendor, architecture, description } = found.info ?? {};
  return [vendor, architecture, description].filter(Boolean).join(" ");
}

async function start(which, forced) {
  let name = "";
  if (which === "gpu") {
    name = await adapter(forced);
    count();
  }
  const program = await import(`./${programs[which]}.js`);
  await program.default({ module_or_path: `./${programs[which]}_bg.wasm` });
  const post = (reply, bytes) => {
    postMessage({ from: which, reply, bytes }, [bytes.buffer]);
    if (which === "gpu") postMessage({ from: which, dispatches });
  };
  engines[which] = { engine: await program.start(post, pause, name), golden: program.golden };
}

const say = (error) => (typeof error === "string" ? error : (error?.message ?? String(error)));

self.onmessage = async ({ data }) => {
  const which = data.start ?? data.to;
  try {
    if (data.start) await start(which, data.forced);
    else if (data.golden) postMessage({ from: which, golden: engines[which].golden() });
    else if (engines[which]) await engines[which].engine.handle(data.request, data.bytes);
  } catch (error) {
    delete engines[which];
    const sentence = which === "gpu" ? `No WebGPU: ${say(error)}` : `The engine broke down: ${say(error)}.`;
    postMessage({ from: which, broken: sentence });
  }
};
