#!/bin/bash
# The chat as a user types it into a pipe: one line for each line, the same bytes for a seed, errors in words.
set -u
fail() { echo "FAILED: $*"; exit 1; }
model="${XDG_DATA_HOME:-$HOME/.local/share}/understudy/models/SmolLM2-135M-Instruct.Q4_1.gguf"
[ -r "$model" ] || { echo "skipped: no default model (script/model fetches it)"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
chat() { "$UNDERSTUDY" chat --character homer --takes 3 "$@"; }

printf 'Hi\nDo you like donuts?\n' | chat --seed 7 >"$dir/a" 2>"$dir/err" || fail "exit $?"
[ "$(wc -l <"$dir/a")" = 2 ] || fail "two lines expected: $(cat "$dir/a")"
[ ! -s "$dir/err" ] || fail "stderr is not empty: $(cat "$dir/err")"
grep -q '[a-z]' "$dir/a" || fail "no words"
printf 'Hi\nDo you like donuts?\n' | chat --seed 7 -t 1 >"$dir/b" || fail "exit $?"
cmp "$dir/a" "$dir/b" || fail "same seed, other threads: other bytes"
printf 'Hi\nDo you like donuts?\n' | chat --seed 8 >"$dir/b" || fail "exit $?"
cmp -s "$dir/a" "$dir/b" && fail "another seed gave the same replies"

printf 'Hi\n' | chat --seed 7 --save "$dir/chat.json" >/dev/null || fail "save"
grep -q '"text": "Hi"' "$dir/chat.json" || fail "the chat was not saved"
printf 'And you?\n' | chat --seed 7 --load "$dir/chat.json" --save "$dir/chat.json" >/dev/null || fail "load"
[ "$(grep -c '"role": "user"' "$dir/chat.json")" = 2 ] || fail "the chat did not go on"

expect() { # exit code, word of the message, arguments
  local code=$1 word=$2; shift 2
  printf 'Hi\n' | "$UNDERSTUDY" chat "$@" >"$dir/out" 2>"$dir/err"; local got=$?
  [ $got = "$code" ] || fail "$*: exit $got, expected $code ($(cat "$dir/err"))"
  grep -q -- "$word" "$dir/err" || fail "$*: '$word' expected in: $(cat "$dir/err")"
  [ "$(wc -l <"$dir/err")" = 1 ] || fail "$*: one line expected: $(cat "$dir/err")"
}
expect 1 "no character 'nobody'" --character nobody
expect 1 "no character 'nobody'" nobody
expect 2 "one character is expected" homer marge
expect 2 "names one already" homer --character homer
expect 1 "cannot open" --character homer -m "$dir/none.gguf"
expect 2 "from 0 to 100" --temp -3
expect 2 "unknown option" --no-such-option
expect 2 "f16, q8_0 or f32" --kv-type q5
echo junk >"$dir/junk.gguf"; expect 1 "not a GGUF file" -m "$dir/junk.gguf"
head -c 1000000 "$model" >"$dir/cut.gguf"; expect 1 "bytes are left" -m "$dir/cut.gguf"
expect 1 "available" --ctx-size 4000000
if [ -r characters/homer/adapter.gguf ]; then # another file of the same shape: refused in words, unless it is wanted
  { cat "$model"; echo; } >"$dir/other.gguf"
  expect 1 "force-adapter" --character homer -m "$dir/other.gguf"
  printf 'Hi\n' | chat --takes 1 --seed 7 >"$dir/one" || fail "exit $?" # a single take: no director of the base chooses
  printf 'Hi\n' | chat --takes 1 --seed 7 -m "$dir/other.gguf" --force-adapter >"$dir/b" || fail "--force-adapter: exit $?"
  cmp "$dir/one" "$dir/b" || fail "--force-adapter: other words"
  rm "$dir/other.gguf"
  cp characters/homer/card.json "$dir/h.json"; cp characters/homer/adapter.gguf "$dir/" # a card of any name: its adapter lies beside it
  printf 'Hi\n' | chat --takes 1 --seed 7 --character "$dir/h.json" >"$dir/b" || fail "h.json: exit $?"
  cmp "$dir/one" "$dir/b" || fail "h.json: other words"
fi
printf '\377\376\n' | chat 2>"$dir/err" >/dev/null; [ $? = 2 ] || fail "invalid UTF-8 was taken"
grep -q "UTF-8" "$dir/err" || fail "invalid UTF-8: $(cat "$dir/err")"
printf 'a\0b\n' | chat 2>"$dir/err" >/dev/null; [ $? = 2 ] || fail "a NUL byte was taken"
grep -q "NUL" "$dir/err" || fail "NUL: $(cat "$dir/err")"
echo '{"spec":"chara_card_v2","data":{"name":7}}' >"$dir/card.json"; expect 1 "data.name" --character "$dir/card.json"
echo ok
