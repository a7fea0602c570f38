#!/usr/bin/env bash
# One reply: the same chat, seed and settings through the terminal, the chat API, the OpenAI API (whole and streamed) and the
# audition give the same bytes: with one take, with several, made again, stopped by a label.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" --seed 3 --ctx 1024 llama Q8_0 "$dir/m.gguf" >/dev/null || fail "mktiny"
"$US_MKTINY" --seed 3 --ctx 1024 --adapter 4 llama Q8_0 "$dir/adapter.gguf" >/dev/null || fail "mktiny --adapter"
python3 tests/cli/same_reply.py "$UNDERSTUDY" "$dir/m.gguf" "$dir/adapter.gguf" "$dir" || fail "see above"
echo ok
