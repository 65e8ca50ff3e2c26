// Interleaved rounds and their medians.

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

// times[task][implementation] = milliseconds of every round, from rounds in which each implementation runs
// each task once, one after the other, so that a slow minute of the machine hits all of them.
// Implementations named in `slow` take part in one counted round only.
export async function interleave(tasks, rounds, run, slow = []) {
  const times = {};
  for (let round = 0; round <= rounds; round++)
    for (const [task, implementations] of Object.entries(tasks))
      for (const implementation of implementations) {
        if (round > 1 && slow.includes(implementation)) continue;
        const ms = await run(task, implementation);
        // The first round warms caches, pools and just-in-time compilers.
        if (round > 0) ((times[task] ??= {})[implementation] ??= []).push(ms);
      }
  return Object.fromEntries(Object.entries(times).map(([t, all]) => [t, Object.fromEntries(Object.entries(all).map(([c, list]) => [c, median(list)]))]));
}
