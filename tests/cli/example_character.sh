#!/usr/bin/env bash
# examples/character.c, as the README's road: from a CSV to a reply by public headers alone; the second time nothing is learned.
set -u
: "${US_BUILD:?}" "${US_MKTINY:?}"
fail() { echo "FAILED: $*"; exit 1; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" --seed 3 --ctx 1024 llama Q8_0 "$dir/m.gguf" >/dev/null || fail mktiny
{
    echo name,line
    for i in $(seq 60); do printf 'Jerry Mouse,Is it number %d?\nTom Cat,I say %d again.\nSpike Dog,Quiet %d!\nTom Cat,Never %d.\n,\n' "$i" "$i" "$i" $((i * 3)); done
} >"$dir/s.csv"
"$US_BUILD/example_character" "$dir/m.gguf" "$dir/s.csv" "tom cat" "$dir/tom" "Hello?" 4 >"$dir/out" 2>"$dir/err" || fail "$(cat "$dir/err")"
[ -s "$dir/out" ] || fail "no reply"
for f in card.json adapter.gguf train.json loss.svg; do [ -s "$dir/tom/$f" ] || fail "no $f"; done
for name in "Jerry Mouse" Jerry "Spike Dog"; do grep -q "\"$name\"" "$dir/tom/card.json" || fail "$name is not in the card"; done
grep -q '"first_mes": ".\+"' "$dir/tom/card.json" || fail "no greeting"
before=$(sha256sum "$dir/tom/adapter.gguf")
"$US_BUILD/example_character" "$dir/m.gguf" "$dir/s.csv" "tom cat" "$dir/tom" "Hello?" 4 >"$dir/out" 2>"$dir/err" || fail "$(cat "$dir/err")"
[ "$before" = "$(sha256sum "$dir/tom/adapter.gguf")" ] || fail "it was learned again"
"$US_BUILD/example_character" "$dir/m.gguf" "$dir/s.csv" "nobody" "$dir/none" "Hello?" 4 >"$dir/out" 2>"$dir/err" && fail "nobody was found"
grep -q "no character 'nobody'" "$dir/err" || fail "$(cat "$dir/err")"
echo ok
