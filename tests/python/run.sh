#!/bin/bash
# Runs what docs/use-from-python.md shows, and compares the counts of PyTorch with those of `unstamp eval`:
#   tests/python/run.sh [install]
set -euo pipefail
cd "$(dirname "$0")/../.."
UNSTAMP=$(realpath "${UNSTAMP:-target/release/unstamp}")
# Several gigabytes; kept between checkouts.
VENV=${XDG_CACHE_HOME:-$HOME/.cache}/unstamp/python
PYTHON=$VENV/bin/python
if [ "${1:-}" = install ] && [ ! -x "$PYTHON" ]; then
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet -r docs/python/requirements.txt nbclient ipykernel
fi
if ! "$PYTHON" -c "import ipykernel, nbclient, numpy, PIL, safetensors, torch" 2>/dev/null; then
  echo "Python check skipped: PyTorch is not installed; tests/python/run.sh install does that (3 GB)"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$UNSTAMP" poison --dataset signs --attack badnets --dataset-only --out "$work/set"
"$PYTHON" docs/python/poisoned_set.py "$work/set"
for model in s0-badnets s0-badnets-nad; do
  file=static/models/$model.safetensors
  "$PYTHON" docs/python/measure.py "$file" "$work/set" >"$work/torch.json"
  "$UNSTAMP" eval --model "$file" --attack badnets --json >"$work/unstamp.json"
  "$PYTHON" tests/python/agree.py "$model" "$work/torch.json" "$work/unstamp.json"
done

"$PYTHON" docs/python/train.py "$work/set" "$work/victim.pth" --epochs 1
"$UNSTAMP" import "$work/victim.pth" --arch wrn-16-1 --dataset signs --out "$work/victim.safetensors"
"$PYTHON" docs/python/measure.py "$work/victim.safetensors" "$work/set" >"$work/torch.json"
"$UNSTAMP" eval --model "$work/victim.safetensors" --attack badnets --json >"$work/unstamp.json"
"$PYTHON" tests/python/agree.py "trained by PyTorch" "$work/torch.json" "$work/unstamp.json"

PATH=$(dirname "$UNSTAMP"):$VENV/bin:$PATH "$PYTHON" tests/python/notebook.py docs/python/unstamp.ipynb "$work/set"
echo "Python check: passed"
