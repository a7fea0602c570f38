#!/bin/bash
# A hostile engine behind --engine.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 tests/cli/serve_engine.py "$UNDERSTUDY" "$dir" || fail "see above"
