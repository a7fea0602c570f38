#!/usr/bin/env bash
# Every command on a small input, once for each allocation that it makes, with that one failing: no crash, no hang, exit code 1 and
# one line of error that begins with the program's name, or exit code 0 and exactly what it prints (and writes) when nothing fails.
#   run.sh [NAME...]     only these commands.     US_OOM_MOST=N: of more allocations than N, N spread evenly (default 50; 0: all)
set -euo pipefail
: "${UNDERSTUDY:?}" "${US_MKTINY:?}"
here=$(cd "$(dirname "$0")" && pwd)
[ "$(uname -s)" = Linux ] || { echo "SKIP: preloading is written for Linux"; exit 77; }
if [ -n "$(nm "$UNDERSTUDY" | grep __asan_init)" ]; then echo "SKIP: a sanitizer has the allocations to itself"; exit 77; fi
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
"${CC:-cc}" -shared -fPIC -O1 "$here/fail_nth.c" -o "$d/fail.so"
most=${US_OOM_MOST:-50} wanted=" $* " n_runs=0 n_bad=0 n_commands=0

# The small world: a model, an adapter, a script, a character, a chat.
"$US_MKTINY" --ctx 512 llama Q8_0 "$d/m.gguf"
"$US_MKTINY" --ctx 512 --adapter 4 llama F32 "$d/a.gguf"
awk 'BEGIN { print "name,line"; for (i = 0; i < 12; i++) printf "Bob,(laughs) Is %d fine?\nAnn,Number %d and the moon.\nAnn Lee,No way!\n,\n", i, i }' >"$d/s.csv"
printf '{"line": "Hi.", "name": "Ann"}\n{"line": "Ho.", "name": "Bob"}\n' >"$d/s.jsonl"
printf 'INT. HOUSE - DAY\n\nANN\nHi.\n\nBOB\n(softly)\nHo.\n' >"$d/s.fountain"
mkdir "$d/ann"
printf '{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Ann","description":"{{char}} likes the moon.","first_mes":"Hi!","mes_example":"<START>\\n{{user}}: Ho\\n{{char}}: Hi","extensions":{"understudy":{"cast":["Bob"],"takes":2}}}}' >"$d/ann/card.json"
printf 'the moon is fine and the moon is not\n' >"$d/text.txt"

# What took how long is no part of an output.
timeless() { sed -E '/tokens\/s/d; s/"[a-z_]*(seconds|per_second|per_s|_ms)": *[0-9.e+-]+//g' "$1"; }
same() { cmp -s <(timeless "$d/whole.out") <(timeless "$d/part.out"); }

# one NAME COMMAND...: with {out} for a folder or file that it writes
one() {
    local name=$1 n=0 k rc step=1 log
    shift
    [ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return 0
    local base=("${@//\{out\}/$d/whole}") each=("${@//\{out\}/$d/part}")
    rm -rf "$d/whole"
    (cd "$d" && US_FAIL_COUNT=$d/count LD_PRELOAD=$d/fail.so "$UNDERSTUDY" "${base[@]}" <"$d/text.txt" >"$d/whole.out" 2>"$d/whole.err") || { echo "FAIL: $name does not run: $(tail -1 "$d/whole.err")"; n_bad=$((n_bad + 1)); return 0; }
    n=$(cat "$d/count")
    n_commands=$((n_commands + 1))
    [ "$most" = 0 ] || [ "$n" -le "$most" ] || step=$(((n + most - 1) / most))
    local bad=0
    for ((k = 1; k <= n; k += step)); do
        rm -rf "$d/part"
        rc=0
        (cd "$d" && US_FAIL_AT=$k LD_PRELOAD=$d/fail.so timeout 300 "$UNDERSTUDY" "${each[@]}" <"$d/text.txt" >"$d/part.out" 2>"$d/part.err") 2>/dev/null || rc=$?
        n_runs=$((n_runs + 1)) log=
        if [ $rc -gt 3 ]; then log="exit $rc"
        elif [ $rc = 0 ]; then
            same || log="exit 0, and another output"
            [ -n "$log" ] || [ ! -e "$d/whole" ] || diff -rq "$d/whole" "$d/part" >/dev/null || log="exit 0, and other files: $(diff -rq "$d/whole" "$d/part" | head -1)"
        elif ! grep -q '^understudy' "$d/part.err"; then log="exit $rc without a word: $(tail -1 "$d/part.err")"
        fi
        if [ -n "$log" ]; then
            bad=$((bad + 1))
            [ $bad -gt 4 ] || echo "FAIL: $name, allocation $k of $n: $log"
        fi
    done
    n_bad=$((n_bad + bad))
    echo "# $name: $n allocations, every $step tried, $bad wrong"
}

one inspect inspect "$d/m.gguf" --kv
one inspect-json inspect "$d/m.gguf" --json
one tokenize tokenize -m "$d/m.gguf" "$d/text.txt"
one perplexity perplexity -m "$d/m.gguf" -f "$d/text.txt" -c 16 --json -t 1
one doctor doctor "$d/s.csv"
one doctor-jsonl doctor "$d/s.jsonl"
one doctor-screenplay doctor "$d/s.fountain"
one explore-json explore "$d/s.csv" --character Ann --json
one dataset dataset "$d/s.csv" --character Ann --out "{out}"
one show show "$d/s.csv" --character Ann --row 1 -m "$d/m.gguf"
one chat chat --character "$d/ann" -m "$d/m.gguf" --seed 1 -n 8 -t 1
one train train "$d/s.csv" --character Ann -m "$d/m.gguf" --max-steps 2 --batch 200 --no-samples --validation 0.2 --dry-run --json --out "{out}" -t 1
one export export "$d/a.gguf" -m "$d/m.gguf" --peft "{out}"
one merge export "$d/a.gguf" -m "$d/m.gguf" --merged "{out}"

echo "$n_commands commands, $n_runs runs with a failed allocation, $n_bad wrong"
[ $n_bad = 0 ] && [ $n_commands -gt 0 ]
