#!/bin/bash
# An array job: each task is one process of the campaign. sbatch --array=1-8 docs/cluster/slurm.sh
#SBATCH --job-name=unstamp
#SBATCH --cpus-per-task=2
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --output=unstamp-%A-%a.log
set -euo pipefail

# Paths that all nodes see.
: "${UNSTAMP:=/shared/unstamp}"
: "${RECIPE:=/shared/nad_table1.toml}"
: "${OUT:=/shared/runs/nad_table1}"

# The arguments of this script, such as --data, go to the program.
export RAYON_NUM_THREADS=$SLURM_CPUS_PER_TASK
exec "$UNSTAMP" run "$RECIPE" --out "$OUT" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" "$@"
