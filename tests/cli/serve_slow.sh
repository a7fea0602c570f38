#!/bin/bash
# Clients that are slow to take a reply: see serve_slow.py.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" --seed 3 --ctx 4096 --chat chatml llama F32 "$dir/m.gguf" >/dev/null || fail "mktiny"
python3 tests/cli/serve_slow.py "$UNDERSTUDY" "$dir/m.gguf" "$dir" || fail "see above"
