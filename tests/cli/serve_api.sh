#!/bin/bash
# Every route on a tiny model: the chat API, scenes, cards, the OpenAI API, bad clients, keys, a restart.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
tiny() { "$US_MKTINY" --seed 3 --ctx 4096 "$@" >/dev/null || fail "mktiny $*"; }
tiny llama F32 "$dir/m.gguf"
tiny --adapter 4 llama F32 "$dir/a.gguf"
python3 tests/cli/serve_api.py "$UNDERSTUDY" "$dir/m.gguf" "$dir/a.gguf" "$dir" || fail "see above"
