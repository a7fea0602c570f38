#!/usr/bin/env bash
# Chat templates against Jinja itself (tests/parity/templates.py), where Python has it: CASES_PY, or python3.
set -euo pipefail
: "${US_SHARED:?}"
python=${CASES_PY:-python3}
"$python" -c 'import jinja2' 2>/dev/null || { echo "skipped: no Python with jinja2 (CASES_PY names one)"; exit 77; }
"$python" "$(dirname "$0")/../parity/templates.py" "$US_SHARED"
