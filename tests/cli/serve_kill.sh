#!/bin/bash
# kill -9 at any moment loses no finished turn: a tiny model, a hundred kills (KILLS changes that).
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" llama F32 "$dir/m.gguf" >/dev/null || fail "mktiny"
mkdir -p "$dir/characters/tom"
echo '{"spec":"chara_card_v2","data":{"name":"Tom","description":"You are Tom."}}' >"$dir/characters/tom/card.json"
python3 tests/cli/serve_kill.py "$UNDERSTUDY" "$dir/m.gguf" "$dir/characters" "$dir" "${KILLS:-100}" || fail "see above"
