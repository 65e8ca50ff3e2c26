#!/bin/bash
# Checks docs/cluster/job.yaml against the schema that Kubernetes publishes. Skipped where the package cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."
VENV=${CARGO_TARGET_DIR:-target}/kubernetes-venv
if [ ! -x "$VENV/bin/kubernetes-validate" ]; then
  python3 -m venv "$VENV" && "$VENV/bin/pip" install --quiet kubernetes-validate ||
    { echo "Kubernetes check skipped: kubernetes-validate cannot be installed"; exit 0; }
fi
"$VENV/bin/kubernetes-validate" --strict docs/cluster/job.yaml
