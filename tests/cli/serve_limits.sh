#!/bin/bash
# What one request may take of memory, disk and time, and two requests at once: see serve_limits.py.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" --seed 3 --ctx 4096 --chat chatml llama F32 "$dir/m.gguf" >/dev/null || fail "mktiny"
python3 tests/cli/serve_limits.py "$UNDERSTUDY" "$dir/m.gguf" "$dir" || fail "see above"
