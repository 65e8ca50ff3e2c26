// Training and inference natively: ours, Burn's flex backend, PyTorch in three forms.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { interleave } from "./rounds.mjs";

const model = join(import.meta.dirname, "../../static/models/s0-badnets.safetensors");

// Operations of one WRN-16-1 forward pass on 32x32, a multiply-add being two; a training step does
// three such passes.
const FLOP = 53.4e6;

// glibc gives memory above 128 KiB back after every use, and the kernel zeroes it again. Our program keeps its
// memory (mimalloc); with these settings PyTorch does too, and its training step takes about a fifth less time.
const KEEP_MEMORY = { MALLOC_MMAP_THRESHOLD_: 2 ** 32, MALLOC_TRIM_THRESHOLD_: 2 ** 33, MALLOC_TOP_PAD_: 2 ** 30 };

// A process that answers lines with JSON.
function startProcess(command, args, threads) {
  const env = { ...process.env, ...KEEP_MEMORY, RAYON_NUM_THREADS: threads, OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads };
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

export async function native({ target, python, threads, rounds }, row) {
  const burn = (kind) => startProcess(join(target, "release/unstamp-bench"), [model, kind], threads);
  const torch = (layout) => startProcess(python, [join(import.meta.dirname, "rivals/pytorch.py"), model, layout, threads], threads);
  const layouts = ["contiguous", "channels_last"];
  const contenders = { ours: burn("ours"), flex: burn("flex"), frozen: torch("frozen"), ...Object.fromEntries(layouts.map((l) => [l, torch(l)])) };
  let version = "";
  for (const name of [...layouts, "frozen"]) ({ version } = await contenders[name].readReply());

  const infer = ["ours", "flex", ...layouts, "frozen"];
  const train = ["ours", "flex", ...layouts];
  const tasks = { "infer 1": infer, "infer 64": infer, "infer 128": infer, "train 64": train, "train 128": train, "gemm 1024": ["ours", "contiguous"] };
  const times = await interleave(tasks, rounds, async (task, name) => (await contenders[name].ask(task)).ms);
  Object.values(contenders).forEach((c) => c.end());

  const peak = (2 * 1024 ** 3) / 1e6 / Math.min(...Object.values(times["gemm 1024"]));
  for (const [task, found] of Object.entries(times)) {
    if (task.startsWith("gemm")) continue;
    const [kind, count] = task.split(" ");
    const speed = (ms) => (1000 * count) / ms;
    const best = layouts.reduce((a, b) => (found[a] <= found[b] ? a : b));
    const name = `native ${kind === "train" ? "training" : "inference"}, batch ${count}`;
    row(name, "img/s", speed(found.ours), "Burn flex", speed(found.flex), true);
    row(name, "img/s", speed(found.ours), `PyTorch ${version} ${best}`, speed(found[best]), true);
    if (found.frozen) row(name, "img/s", speed(found.ours), `PyTorch ${version} traced and optimised`, speed(found.frozen), true);
    const flop = FLOP * count * (kind === "train" ? 3 : 1);
    row(name, "GFLOP/s", flop / found.ours / 1e6, "best 1024^3 GEMM here", peak, true);
    if (kind === "train" && speed(found[best]) < 400 * (threads / 2)) throw new Error(`PyTorch reached only ${speed(found[best]).toFixed(0)} img/s: the machine is too busy for a fair run`);
  }
}
