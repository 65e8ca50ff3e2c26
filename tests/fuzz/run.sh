#!/bin/bash
# Fuzzes readers one after another, each for some seconds:  tests/fuzz/run.sh PROGRAM SECONDS READER...
#
# New inputs that reach new code stay in target/fuzz, so that the next campaign begins with them. A find ends the script; the
# input lies in target/fuzz/finds.
set -euo pipefail
program=$(realpath "$1")
seconds=$2
shift 2
corpus=$(realpath "$(dirname "$0")/corpus")
kept=$(dirname "$(dirname "$program")")/fuzz
mkdir -p "$kept/finds"
total=0
for reader in "$@"; do
  mkdir -p "$kept/$reader"
  log=$kept/$reader.log
  # The program's own messages would slow it down: 3 closes its output.
  READER=$reader "$program" "$kept/$reader" "$corpus/$reader" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=0 \
    -close_fd_mask=3 -artifact_prefix="$kept/finds/$reader-" -print_final_stats=1 >"$log" 2>&1 ||
    { tail -20 "$log"; echo "fuzz: $reader found a fault; the input is in $kept/finds"; exit 1; }
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  covered=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
  printf '%-16s %10d inputs, %6d places in the code\n' "$reader" "$runs" "$covered"
  total=$((total + runs))
done
echo "fuzz: $total inputs, no fault"
