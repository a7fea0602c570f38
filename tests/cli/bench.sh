#!/usr/bin/env bash
# understudy bench and perplexity on a tiny model: what they print, and that bad input and a context that does not fit are
# refused in one line.
set -u
: "${UNDERSTUDY:?}" "${US_MKTINY:?}"
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
"$US_MKTINY" llama Q4_K "$d/m.gguf" || fail mktiny

"$UNDERSTUDY" bench -m "$d/m.gguf" -r 2 -t 2 --test pp16,tg4,tg4@70,batch3 >"$d/out" || fail "bench: exit $?"
[ "$(cut -f 1-3 "$d/out" | head -n 5 | tr '\t\n' '  ')" = "test threads n pp16 2 16 tg4 2 4 tg4@70 2 4 batch3 2 192 " ] || fail "bench printed $(cat "$d/out")"
"$UNDERSTUDY" bench -m "$d/m.gguf" -r 1 --test pp4200,batch64 --json | grep -q '"test": "batch64", .*"n": 4096' || fail "the context does not grow with the tests"
for i in $(seq 300); do echo "Line $i of a text to be scored."; done >"$d/text"
"$UNDERSTUDY" perplexity -m "$d/m.gguf" -f "$d/text" -c 64 --json 2>/dev/null >"$d/a" || fail "perplexity: exit $?"
"$UNDERSTUDY" perplexity -m "$d/m.gguf" -c 64 --json -t 1 - <"$d/text" 2>/dev/null >"$d/b" || fail "perplexity of stdin: exit $?"
[ "$(sed 's/"tokens_per_s.*//' "$d/a")" = "$(sed 's/"tokens_per_s.*//' "$d/b")" ] || fail "other threads, another perplexity: $(cat "$d/a" "$d/b")"

expect() { # exit code, words of the message, arguments
    local code=$1 words=$2
    shift 2
    timeout 300 "$UNDERSTUDY" "$@" >"$d/out" 2>"$d/err" </dev/null
    local got=$?
    [ $got = "$code" ] || fail "$*: exit $got, expected $code ($(cat "$d/err"))"
    grep -qF -- "$words" "$d/err" || fail "$*: '$words' expected in: $(cat "$d/err")"
    [ "$(wc -l <"$d/err"):$(wc -l <"$d/out")" = 1:0 ] || fail "$*: one line expected: $(cat "$d/err" "$d/out")"
}
for test in foo pp0 pp16x tg batch65 tg8@0 ','; do expect 2 "expected" bench -m "$d/m.gguf" --test "$test"; done
expect 2 "unexpected 'x'" bench -m "$d/m.gguf" x
expect 2 "f16, q8_0 or f32" bench -m "$d/m.gguf" --kv-type q5
expect 1 "cannot open" perplexity -m "$d/m.gguf" -f "$d/none"
expect 1 "directory" perplexity -m "$d/m.gguf" -f "$d"
expect 1 "two tokens" perplexity -m "$d/m.gguf" -f /dev/null
expect 1 "not an adapter" bench -m "$d/m.gguf" --lora "$d/m.gguf"
"$US_MKTINY" --adapter 4 llama Q4_K "$d/lora.gguf" || fail mktiny
expect 1 "this is an adapter, not a model" bench -m "$d/lora.gguf"
"$UNDERSTUDY" bench -m "$d/m.gguf" --lora "$d/lora.gguf" -r 1 --test tg4,pp16 >"$d/out" || fail "bench --lora: exit $?"
[ "$(cut -f 1 "$d/out" | head -n 5 | tr '\n' ' ')" = "test tg4 tg4+lora pp16 pp16+lora " ] || fail "bench --lora printed $(cat "$d/out")"
# The context is refused before the model is loaded, and the words add up.
"$US_MKTINY" --layers 64 --embd 32 --kv-heads 64 --heads 64 --head-size 128 --ff 32 llama Q4_0 "$d/wide.gguf" || fail mktiny
expect 1 "64 layers x 64 kv heads x 128 x 2" perplexity -m "$d/wide.gguf" -c 1048576 -f "$d/text"
grep -q "GB of cache, .* GB of scratch, .* GB of weights; .* GB are available" "$d/err" || fail "no arithmetic: $(cat "$d/err")"
echo ok
