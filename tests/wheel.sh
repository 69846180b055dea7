#!/usr/bin/env bash
# The wheel in an empty environment, launched from a folder that holds packages of our names:
# two trials must run, report and export. Usage: tests/wheel.sh PYTHON
set -euo pipefail
python=$(realpath -s "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m build --wheel --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check --no-input \
  ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c "$root/constraints.txt" "$work"/dist/*.whl

mkdir -p "$work/user/analysis" "$work/user/spaces"
cd "$work/user"
echo 'raise SystemExit("the wrong package")' | tee analysis/__init__.py spaces/__init__.py search.py >/dev/null
"$work/venv/bin/skazka" launch --trials 2 --run run --json >summary.json
"$work/venv/bin/python" - <<'PY'
import json
summary = json.load(open("summary.json"))
assert summary["trials"]["completed"] == 2, summary
PY
"$work/venv/bin/skazka" export run --to adapter
echo "wheel: 2 trials ran, reported and exported"
