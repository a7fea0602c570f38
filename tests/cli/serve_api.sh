#!/bin/bash
# Every route on a tiny model: the chat API, scenes, cards, the OpenAI API, bad clients, keys, a restart.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" --seed 3 --ctx 4096 llama F32 "$dir/m.gguf" >/dev/null && "$US_MKTINY" --seed 3 --ctx 4096 --adapter 4 llama F32 "$dir/a.gguf" >/dev/null || fail "mktiny"
python3 tests/cli/serve_api.py "$UNDERSTUDY" "$dir/m.gguf" "$dir/a.gguf" "$dir" $((20000 + RANDOM % 20000)) || fail "see above"
