// The worker: starts the engines when the page asks and passes messages between them and the page.
//
// From the page: { start: ENGINE, forced } or { to: ENGINE, request: JSON, bytes }.
// To the page: { from: ENGINE, reply: JSON, bytes }, { from: ENGINE, dispatches: NUMBER } or
// { from: ENGINE, stopped: JSON }, where ENGINE is "cpu", "learn" or "webgpu", `request` and `reply`
// are defined in web/src/messages.rs, and `stopped` is StopReason in web/src/ui/app/engines.rs.

const engines = {};

// A WebAssembly module that holds one fused multiply-add. A browser that accepts it runs the faster
// programs.
const fused = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 11];
const relaxed = WebAssembly.validate(new Uint8Array(fused)) ? "_relaxed" : "";
const programs = { cpu: `engine_cpu${relaxed}`, learn: `engine_learn${relaxed}`, webgpu: "engine_gpu" };

// A pause in which waiting messages arrive. setTimeout would wait for at least 4 ms.
const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()?.();
const pause = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(0);
  });

// Compute dispatches on the GPU so far.
let dispatches = 0;

// Counts every dispatch from now on.
function countDispatches() {
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

// An error whose reason the page has a sentence for.
class Stop extends Error {
  constructor(kind) {
    super(kind);
    this.kind = kind;
  }
}

// The name of the WebGPU adapter. An adapter that runs on the processor counts only if `forced`.
async function adapterName(forced) {
  const found = await self.navigator.gpu?.requestAdapter();
  if (!found) throw new Stop("no_adapter");
  if ((found.isFallbackAdapter || found.info?.isFallbackAdapter) && !forced) throw new Stop("software_adapter");
  const { vendor, architecture, description } = found.info ?? {};
  return [vendor, architecture, description].filter(Boolean).join(" ");
}

async function start(which, forced) {
  let name = "";
  if (which === "webgpu") {
    name = await adapterName(forced);
    countDispatches();
  }
  const program = await import(`./${programs[which]}.js`);
  await program.default({ module_or_path: `./${programs[which]}_bg.wasm` });
  const post = (reply, bytes) => {
    postMessage({ from: which, reply, bytes }, [bytes.buffer]);
    if (which === "webgpu") postMessage({ from: which, dispatches });
  };
  engines[which] = await program.start(post, pause, name);
}

self.onmessage = async ({ data }) => {
  const which = data.start ?? data.to;
  try {
    if (data.start) await start(which, data.forced);
    else await engines[which]?.handle(data.request, data.bytes);
  } catch (error) {
    delete engines[which];
    const detail = typeof error === "string" ? error : (error?.message ?? String(error));
    const reason = error instanceof Stop ? error.kind : { [data.start ? "not_started" : "crashed"]: { detail } };
    postMessage({ from: which, stopped: JSON.stringify(reason) });
  }
};
