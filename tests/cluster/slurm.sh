#!/bin/bash
# Runs docs/cluster/slurm.sh with three tasks on a Slurm controller and node of this machine, kills one of them, and compares
# the results with those of an undivided run. Skipped, with the reason, where Slurm cannot run.
set -euo pipefail
cd "$(dirname "$0")/../.."
UNSTAMP=$(realpath "${UNSTAMP:-target/release/unstamp}")

skip() { echo "Slurm test skipped: $1"; exit 0; }
for program in munged slurmctld slurmd sbatch; do
  command -v $program >/dev/null || skip "$program is missing (Debian packages slurm-wlm and munge)"
done
[ "$(id -u)" = 0 ] || skip "a node needs the rights of root"

export WORK; WORK=$(mktemp -d)
pids=()
# shellcheck disable=SC2317
end() { kill "${pids[@]}" 2>/dev/null || true; wait || true; rm -rf "$WORK"; }
trap end EXIT

chmod 755 "$WORK"
mkdir -m 755 "$WORK/munge" "$WORK/state" "$WORK/spool"
dd if=/dev/urandom of="$WORK/munge/key" bs=1 count=1024 status=none
chmod 400 "$WORK/munge/key"
munged --foreground --force --key-file="$WORK/munge/key" --socket="$WORK/munge/socket" --pid-file="$WORK/munge/pid" \
  --seed-file="$WORK/munge/seed" --log-file="$WORK/munge/log" > "$WORK/munge/out" 2>&1 &
pids+=($!)

HOST=$(hostname -s)
cat > "$WORK/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$WORK/munge/socket
StateSaveLocation=$WORK/state
SlurmdSpoolDir=$WORK/spool
SlurmctldPidFile=$WORK/slurmctld.pid
SlurmdPidFile=$WORK/slurmd.pid
SlurmctldLogFile=$WORK/slurmctld.log
SlurmdLogFile=$WORK/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=3 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$WORK/slurm.conf
slurmctld -D > "$WORK/slurmctld.out" 2>&1 & pids+=($!)
slurmd -D > "$WORK/slurmd.out" 2>&1 & pids+=($!)
for _ in $(seq 60); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 1; done
sinfo -h -o %T | grep -q idle || { cat "$WORK"/*.log; echo "the node is not idle"; exit 1; }

export UNSTAMP RECIPE="$PWD/tests/cluster/shared.toml" OUT="$WORK/shared"
job=$(sbatch --parsable --array=1-3 --cpus-per-task=1 --chdir="$WORK" "$PWD/docs/cluster/slurm.sh" --checkpoint-seconds 0)
# The second task begins with Blend. It is killed in the middle of the training.
for _ in $(seq 600); do [ -e "$OUT/s0-blend.checkpoint" ] && break; sleep 0.1; done
[ -e "$OUT/s0-blend.checkpoint" ] || { cat "$WORK"/unstamp-*.log; echo "no task began"; exit 1; }
scancel "${job}_2"
[ ! -e "$OUT/s0-blend.json" ] || { echo "Blend was finished before its task was killed"; exit 1; }
for _ in $(seq 300); do [ -z "$(squeue -h)" ] && break; sleep 1; done
cat "$WORK/unstamp-${job}-2.log" | tail -2
for task in 1 3; do grep -q '| sig |' "$WORK/unstamp-${job}-$task.log" || { cat "$WORK/unstamp-${job}-$task.log"; exit 1; }; done

RAYON_NUM_THREADS=1 "$UNSTAMP" run "$RECIPE" --out "$WORK/alone" > /dev/null 2>&1
for folder in alone shared; do sed -i '/"minutes":/d' "$WORK/$folder"/*.json; done
diff -r "$WORK/alone" "$WORK/shared"
echo "Slurm: three tasks, one of them killed, and one process give the same $(find "$WORK/shared" -name '*.json' | wc -l) results"
