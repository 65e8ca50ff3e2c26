// Interleaved rounds and their medians.

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

// times[task][contender] = milliseconds of every round, from rounds in which each contender runs
// each task once, one after the other, so that a slow minute of the machine hits all of them.
// Contenders named in `slow` take part in one counted round only.
export async function interleave(tasks, rounds, run, slow = []) {
  const times = {};
  for (let round = 0; round <= rounds; round++)
    for (const [task, contenders] of Object.entries(tasks))
      for (const contender of contenders) {
        if (round > 1 && slow.includes(contender)) continue;
        const ms = await run(task, contender);
        // The first round warms caches, pools and just-in-time compilers.
        if (round > 0) ((times[task] ??= {})[contender] ??= []).push(ms);
      }
  return Object.fromEntries(Object.entries(times).map(([t, all]) => [t, Object.fromEntries(Object.entries(all).map(([c, list]) => [c, median(list)]))]));
}
