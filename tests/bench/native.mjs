// Training, inference and erasures natively: ours, Burn's flex backend, PyTorch in three forms.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { interleave } from "./rounds.mjs";

const WRN = join(import.meta.dirname, "../../static/models/s0-badnets.safetensors");
const PREACT = "preact-resnet18";
const LAYOUTS = ["contiguous", "channels_last"];

// Operations of one WRN-16-1 forward pass on 32x32, a multiply-add being two; a training step does
// three such passes.
const FLOP = 53.4e6;

// glibc gives memory above 128 KiB back after every use, and the kernel zeroes it again. Our program keeps its
// memory (mimalloc); with these settings PyTorch does too, and its training step takes about a fifth less time.
const KEEP_MEMORY = { MALLOC_MMAP_THRESHOLD_: 2 ** 32, MALLOC_TRIM_THRESHOLD_: 2 ** 33, MALLOC_TOP_PAD_: 2 ** 30 };

// A process that answers lines with JSON.
function startProcess(command, args, threads, settings = KEEP_MEMORY) {
  const env = { ...process.env, ...settings, RAYON_NUM_THREADS: threads, OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads };
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const readReply = async () => {
    const { value, done } = await lines.next();
    return done ? { error: "it ended" } : JSON.parse(value);
  };
  const ask = async (line) => {
    child.stdin.write(line + "\n");
    const reply = await readReply();
    if (reply.error) throw new Error(`${command} ${args.at(-1)}: ${line}: ${reply.error}`);
    return reply;
  };
  return { readReply, ask, end: () => child.kill() };
}

// Functions that start the implementations of a model.
function starters({ target, python, threads }, model) {
  const torch = async (layout, settings) => {
    const process = startProcess(python, [join(import.meta.dirname, "frameworks/pytorch.py"), model, layout, threads], threads, settings);
    const { version } = await process.readReply();
    return { ...process, version };
  };
  const burn = (kind, program = "unstamp-bench") => startProcess(join(target, "release", program), [model, kind], threads);
  return { torch, burn };
}

// Median times of each task for its implementations; the processes end.
async function measured(implementations, tasks, rounds) {
  const times = await interleave(tasks, rounds, async (task, name) => (await implementations[name].ask(task)).ms);
  Object.values(implementations).forEach((c) => c.end());
  return times;
}

const bestLayout = (found) => LAYOUTS.reduce((a, b) => (found[a] <= found[b] ? a : b));
const speed = (count, ms) => (1000 * count) / ms;
const kinds = { train: "training", infer: "inference" };

async function layouts(torch) {
  return Object.fromEntries(await Promise.all(LAYOUTS.map(async (layout) => [layout, await torch(layout)])));
}

// Steps and predictions of WRN-16-1.
async function wrn(options, row) {
  const { torch, burn } = starters(options, WRN);
  const implementations = { ours: burn("ours"), avx2: burn("ours", "unstamp-bench-avx2"), flex: burn("flex"), frozen: await torch("frozen"), ...(await layouts(torch)) };
  const version = implementations.frozen.version;
  const infer = ["ours", "avx2", "flex", ...LAYOUTS, "frozen"];
  const train = ["ours", "avx2", "flex", ...LAYOUTS];
  const tasks = { "infer 1": infer, "infer 64": infer, "infer 128": infer, "train 64": train, "train 128": train, "gemm 1024": ["ours", "contiguous"] };
  const times = await measured(implementations, tasks, options.rounds);

  const peak = (2 * 1024 ** 3) / 1e6 / Math.min(...Object.values(times["gemm 1024"]));
  for (const [task, found] of Object.entries(times)) {
    if (task.startsWith("gemm")) continue;
    const [kind, count] = task.split(" ");
    const ours = speed(count, found.ours);
    const best = bestLayout(found);
    const theirs = speed(count, found[best]);
    const name = `native ${kinds[kind]}, batch ${count}`;
    row(name, "img/s", ours, "Burn flex", speed(count, found.flex), true);
    row(name, "img/s", ours, `PyTorch ${version} ${best}`, theirs, true);
    if (found.frozen) row(name, "img/s", ours, `PyTorch ${version} traced and optimised`, speed(count, found.frozen), true);
    row(`${name}, kernels with at most AVX2`, "img/s", speed(count, found.avx2), "ours with all instructions", ours, true);
    const flop = FLOP * count * (kind === "train" ? 3 : 1);
    row(name, "GFLOP/s", flop / found.ours / 1e6, "best 1024^3 GEMM here", peak, true);
    if (kind === "train" && theirs < 400 * (options.threads / 2)) throw new Error(`PyTorch reached only ${theirs.toFixed(0)} img/s: the machine is too busy for a fair run`);
  }
}

// Whole trainings of WRN-16-1 on images in memory, with random crop and mirror. Our teacher predicts with folded
// normalisations; PyTorch's does not.
async function trainings(options, row) {
  const { torch, burn } = starters(options, WRN);
  const implementations = { ours: burn("ours"), ...(await layouts(torch)) };
  const all = ["ours", ...LAYOUTS];
  const tasks = { "epoch 6400": all, "nad 640": all, "nba 320": all };
  const times = await measured(implementations, tasks, options.rounds);
  const epoch = times["epoch 6400"];
  row("native, an augmented epoch, batch 64", "img/s", speed(6400, epoch.ours), `PyTorch ${bestLayout(epoch)}`, speed(6400, epoch[bestLayout(epoch)]), true);
  for (const [task, name] of [["nad 640", "NAD"], ["nba 320", "NBA"]]) {
    const found = times[task];
    row(`native, ${name} on ${task.split(" ")[1]} images, 2 + 2 epochs`, "s", found.ours / 1e3, `PyTorch ${bestLayout(found)}`, found[bestLayout(found)] / 1e3);
  }
}

async function preact(options, row) {
  const { torch, burn } = starters(options, PREACT);
  const implementations = { ours: burn("ours"), frozen: await torch("frozen"), ...(await layouts(torch)) };
  const tasks = { "infer 64": ["ours", ...LAYOUTS, "frozen"], "train 64": ["ours", ...LAYOUTS] };
  for (const [task, found] of Object.entries(await measured(implementations, tasks, options.rounds))) {
    const name = `native ${kinds[task.split(" ")[0]]}, PreAct-ResNet18, batch 64`;
    const best = bestLayout(found);
    row(name, "img/s", speed(64, found.ours), `PyTorch ${best}`, speed(64, found[best]), true);
    if (found.frozen) row(name, "img/s", speed(64, found.ours), "PyTorch traced and optimised", speed(64, found.frozen), true);
  }
}

// What the peak of memory of a process gains by training. PyTorch has glibc's own settings here, with which it uses
// less.
async function memory(options, row) {
  const { torch, burn } = starters(options, WRN);
  const mebibytes = async (implementation) => {
    const { mib: before } = await implementation.ask("memory 0");
    for (let round = 0; round < 2; round++) await implementation.ask("train 64");
    const { mib: after } = await implementation.ask("memory 0");
    implementation.end();
    return after - before;
  };
  const found = { ours: await mebibytes(burn("ours")) };
  for (const layout of LAYOUTS) found[layout] = await mebibytes(await torch(layout, {}));
  row("native, memory that training adds, batch 64", "MiB", found.ours, `PyTorch ${bestLayout(found)}`, found[bestLayout(found)]);
}

export const native = { wrn, trainings, preact, memory };
