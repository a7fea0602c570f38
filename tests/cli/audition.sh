#!/usr/bin/env bash
# understudy audition on a tiny model: the report, its determinism, gates, an interrupted run, and everything that goes wrong.
set -euo pipefail
: "${UNDERSTUDY:?}" "${US_MKTINY:?}"
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
has() { grep -qF -- "$1" <<<"$out" || fail "no '$1' in: $out"; }
# want CODE TEXT ARGUMENTS...: the audition ends so, and says so
want() {
    local code=$1 text=$2 rc=0
    shift 2
    out=$("$UNDERSTUDY" audition "$@" 2>&1) || rc=$?
    [ $rc = "$code" ] || fail "$*: exit $rc, expected $code: $out"
    has "$text"
}
awk 'BEGIN {
    split("the car|the dog|our dinner|the school|my work|that noise|the moon|a sandwich|the roof|your brother", a, "|")
    split("Woo, %s!|Mmm, %s.|No way, %s again?|I never liked %s.|Well, %s can wait.|Who cares about %s?", h, "|")
    print "name,line"
    for (i = 0; i < 120; i++) {
        x = a[i % 10 + 1]; y = a[(i * 7 + 3) % 10 + 1]
        printf "Marge Simpson,Is %s fine %d?\nHomer Simpson,\"" h[i % 6 + 1] "\"\nBart Simpson,\"Dad, %s!\"\nHomer Simpson,\"" h[(i * 5 + 1) % 6 + 1] "\"\nLisa Simpson,Really %d?\nHomer Simpson,Number %d.\nMarge Simpson,Oh %s.\nBart Simpson,Cool %s\nLisa Simpson,So be it %d\n,\n", x, i, x, y, y, i, i, x, y, i
    }
}' >"$d/s.csv"
"$US_MKTINY" --seed 3 --ctx 1024 llama Q8_0 "$d/m.gguf"
"$UNDERSTUDY" train "$d/s.csv" --character "homer simpson" -m "$d/m.gguf" --batch 500 --lr 5e-3 --max-steps 12 --no-samples -q --test 0.2 -o "$d/homer" >/dev/null 2>&1
A=("$d/homer" --data "$d/s.csv" -m "$d/m.gguf" -n 6 --max-lines 6 --max-tokens 10 --shipped-takes 2 --test 0.2)

# ---- the report, and the same bytes again, whatever the number of threads
out=$("$UNDERSTUDY" audition "${A[@]}" -o "$d/a" -t 2 2>"$d/err") || fail "exit $?: $(cat "$d/err")"
has "Homer Simpson"
has "held-out lines, nats a token"
has "replies with a loop"
[ -s "$d/a/audition.json" ] || fail "no audition.json"
[ ! -e "$d/a/audition.partial.jsonl" ] || fail "the journal of a finished run is still there"
"$UNDERSTUDY" audition "${A[@]}" -o "$d/b" -t 1 -q --json >"$d/json" 2>"$d/err" || fail "exit $?"
[ ! -s "$d/err" ] || fail "--quiet is not: $(cat "$d/err")"
cmp "$d/a/audition.json" "$d/b/audition.json" || fail "same seed, other bytes"
if command -v python3 >/dev/null; then
    python3 - "$d/a/audition.json" "$d/json" <<'P' || fail "audition.json"
import json, sys
a, b = (json.load(open(p)) for p in sys.argv[1:])
assert a == b and a['understudy_audition'] == 1 and a['character'] == 'Homer Simpson'
for who in 'base', 'prompt', 'adapter':
    f = a['figures'][who]
    for name in 'nats', 'r10', 'loops', 'other_speaker', 'ended', 'leaks', 'leaks_provoked', 'memorised', 'context_gain', 'style', 'words', 'distinct_2', 'chat_repeats':
        assert name in f, (who, name)
        assert 'low' not in f[name] or f[name]['low'] <= f[name]['value'] + 1e-9 and f[name]['value'] <= f[name]['high'] + 1e-9, (who, name, f[name])
assert a['figures']['adapter']['nats']['value'] < a['figures']['base']['nats']['value'] - 0.5, 'the adapter learned'
assert a['figures']['real']['leaks']['value'] == 0 and a['figures']['real']['loops']['n'] > 0
assert a['takes']['adapter'][-1]['takes'] == 2 and a['takes']['adapter'][-1]['loops'] == a['figures']['adapter']['loops']
assert any(t['test'] == 'mcnemar' for t in a['tests']) and any(t['test'] == 'bootstrap' for t in a['tests'])
assert [c['columns'][0] for c in a['confusions']] == ['Homer Simpson'] * 2 or len(a['confusions']) == 4
P
fi

# ---- gates
printf 'nats <= 1000\nperplexity > 1  # surely\n' >"$d/good"
printf 'nats <= 1000\nnats <= 0.001\n' >"$d/bad"
B=("${A[@]}" --who adapter --measures likelihood -q)
want 0 "passed  nats <= 1000" "${B[@]}" -o "$d/g" --gates "$d/good"
want 3 "FAILED  nats <= 0.001" "${B[@]}" -o "$d/g" --gates "$d/bad"
grep -q '"passed": false' "$d/g/audition.some.json" || fail "the gates are not in the report"
# ---- some measures do not take the place of all
want 0 "passed" "${B[@]}" -o "$d/a" --gates "$d/good"
cmp "$d/a/audition.json" "$d/b/audition.json" || fail "a part has overwritten the whole report"
[ -s "$d/a/audition.some.json" ] || fail "no audition.some.json"
echo 'nat <= 3' >"$d/typo"
want 1 "the nearest is 'nats'" "${A[@]}" -o "$d/none" --gates "$d/typo"
[ ! -e "$d/none" ] || fail "a typo in the gates was told after work had begun"
echo 'loops <= 1%' >"$d/other"
want 2 "'loops' was not measured" "${B[@]}" -o "$d/g" --gates "$d/other"

# ---- an interrupted run goes on, and ends as if nothing had been
"$UNDERSTUDY" audition "${A[@]}" -o "$d/i" >/dev/null 2>"$d/err" & pid=$!
while kill -0 $pid 2>/dev/null; do [ -e "$d/i/audition.partial.jsonl" ] && [ "$(wc -l <"$d/i/audition.partial.jsonl")" -gt 20 ] && break; sleep 0.02; done
kill -INT $pid
rc=0; wait $pid || rc=$?
if [ $rc = 130 ]; then
    grep -q "nothing is lost" "$d/err" || fail "interrupted: $(cat "$d/err")"
    [ -s "$d/i/audition.partial.jsonl" ] || fail "nothing was kept"
    printf '{"k": "adapter/1' >>"$d/i/audition.partial.jsonl" # a line cut by a crash
    out=$("$UNDERSTUDY" audition "${A[@]}" -o "$d/i" 2>&1 >/dev/null) || fail "exit $?: $out"
    has "an interrupted run goes on"
elif [ $rc != 0 ]; then fail "interrupted: exit $rc: $(cat "$d/err")"; fi
cmp "$d/a/audition.json" "$d/i/audition.json" || fail "an interrupted run ended otherwise"

# ---- what goes wrong
want 2 "whose audition" --data "$d/s.csv"
want 2 "no --data" "$d/homer"
want 2 "no 'loop'" "${A[@]}" --measures loop
want 2 "expected train, validation, test or all" "${A[@]}" --split most
want 2 "takes: expected numbers" "${A[@]}" --takes 1,99
want 1 "a character's folder is expected, and no card.json is there" "$d/" --data "$d/s.csv" -m "$d/m.gguf"
(cd "$d/homer" && want 1 "none.csv" card.json --data none.csv -m "$d/m.gguf") || exit 1 # their folder is this one
want 1 "no character 'nobody': looked in" nobody --data "$d/s.csv" -m "$d/m.gguf"
mkdir "$d/plain"; sed 's/"adapter": /"adapter_was": /' "$d/homer/card.json" >"$d/plain/card.json"
want 1 "has no adapter" "$d/plain" --data "$d/s.csv" -m "$d/m.gguf"
want 1 "no such adapter" "${A[@]}" --lora "$d/none.gguf"
out=$("$UNDERSTUDY" audition "$d/plain" "${A[@]:1}" --who prompt --measures likelihood -o "$d/p" 2>&1) || fail "a card alone: $out"
printf 'caf\351\n' >"$d/latin1"; want 1 "not UTF-8" "${A[@]}" --prompts "$d/latin1"
printf '# nothing\n\n' >"$d/empty"; want 1 "no line to say" "${A[@]}" --prompts "$d/empty"
printf '(' >"$d/re"; want 1 "not a regular expression" "${A[@]}" --lexicon "$d/re"
want 1 "Homer" "$d/homer" --data <(printf 'name,line\nMarge Simpson,Hello\n') -m "$d/m.gguf"
printf 'name,line\nMarge Simpson,Hi\nHomer Simpson,Hello\n' >"$d/one.csv"
want 1 "no line of 'Homer Simpson' is in the" "$d/homer" --data "$d/one.csv" -m "$d/m.gguf" -o "$d/e"
want 1 "cannot open the folder of the cast" "${A[@]}" --cast "$d/nobody"
echo ok
