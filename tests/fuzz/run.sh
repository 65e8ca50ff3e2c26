#!/bin/bash
# Fuzzes readers, each for some seconds, as many at a time as there are cores:  tests/fuzz/run.sh PROGRAM SECONDS SEED READER...
#
# New inputs that reach new code stay in target/fuzz, so that the next campaign begins with them. An input that causes a fault fails the
# script; it lies in target/fuzz/finds.
set -euo pipefail
program=$(realpath "$1")
seconds=$2
seed=$3
shift 3
corpus=$(realpath "$(dirname "$0")/corpus")
kept=$(dirname "$(dirname "$program")")/fuzz
mkdir -p "$kept/finds"

# fuzz READER : prints the number of inputs and the places in the code that they reached.
fuzz() {
  local reader=$1 log=$kept/$1.log
  mkdir -p "$kept/$reader"
  READER=$reader "$program" "$kept/$reader" "$corpus/$reader" -max_total_time="$seconds" -seed="$seed" -timeout=10 -max_len=65536 \
    -rss_limit_mb=0 -close_fd_mask=1 -artifact_prefix="$kept/finds/$reader-" -print_final_stats=1 >"$log" 2>&1 ||
    { tail -5 "$log"; echo "$reader found a fault; the input is in $kept/finds"; return 1; }
  local runs covered
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  covered=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
  printf '%-16s %10d inputs %6d places in the code\n' "$reader" "$runs" "$covered"
}
export -f fuzz
export program seconds seed corpus kept

printf '%s\n' "$@" | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I{} bash -euo pipefail -c 'fuzz {}' | tee "$kept/report"
awk '{ sum += $2 } END { print "fuzz:", sum, "inputs, no fault" }' "$kept/report"
