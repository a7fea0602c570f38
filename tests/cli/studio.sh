#!/bin/bash
# The studio over HTTP: a script is uploaded and looked at, a character learned from it (killed in the middle), auditioned, changed, deleted.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" --seed 3 --ctx 4096 --chat chatml llama F32 "$dir/m.gguf" >/dev/null || fail "mktiny"
mkdir "$dir/characters"
python3 tests/cli/studio.py "$UNDERSTUDY" "$dir/m.gguf" "$dir" || fail "see above"
