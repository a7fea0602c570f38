#!/usr/bin/env bash
# understudy jobs: a training of the terminal is listed, paused from beside, goes on in the queue's worker, and ends in the bits of an
# uninterrupted one.
set -euo pipefail
: "${UNDERSTUDY:?}" "${US_MKTINY:?}"
unset UNDERSTUDY_NO_JOB
d=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null || true; rm -rf "$d"' EXIT
export XDG_DATA_HOME=$d/data
fail() { echo "FAILED: $*"; exit 1; }
jobs_are() { "$UNDERSTUDY" jobs; }
# until TEXT: the list holds it
until_listed() {
    for _ in $(seq 3000); do
        list=$(jobs_are 2>&1)
        grep -qE -- "$1" <<<"$list" && return
        sleep 0.1
    done
    fail "no '$1' in: $list"
}
awk 'BEGIN { print "name,line"; for (i = 0; i < 80; i++) printf "Anna,Is the lamp on %d?\nBoris,\"Number %d, and the bell rings.\"\n,\n", i, i }' >"$d/s.csv"
"$US_MKTINY" --seed 3 --ctx 1024 llama Q8_0 "$d/m.gguf"
T=(train s.csv -c Boris -m "$d/m.gguf" --batch 300 --lr 5e-3 --eval-every 20 --checkpoint-every 5 --no-samples -q)
cd "$d"
[ "$(jobs_are 2>/dev/null)" = "" ] || fail "jobs where there are none"
"$UNDERSTUDY" "${T[@]}" --max-steps 120 --out whole --no-job >/dev/null 2>&1
[ "$(jobs_are 2>/dev/null)" = "" ] || fail "--no-job is listed"
for try in $(seq 20); do # where the training was faster than we, once more
    rm -rf part
    "$UNDERSTUDY" "${T[@]}" --max-steps 120 --out part >/dev/null 2>"$d/err" &
    pid=$!
    while [ ! -e part/checkpoint.gguf ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
    list=$(jobs_are 2>&1)
    id=$(cut -d' ' -f1 <<<"$list")
    if grep -qE 'train +running +Boris +step [1-9]' <<<"$list"; then "$UNDERSTUDY" jobs pause "$id" || true; fi
    rc=0
    wait $pid || rc=$?
    pid=
    [ $rc != 130 ] || break
    [ $rc = 0 ] || fail "paused: exit $rc: $(cat "$d/err")"
    "$UNDERSTUDY" jobs forget "$id"
done
[ "$rc" = 130 ] || fail "not paused in $try tries: $list"
until_listed 'train +paused'
rc=0
out=$("$UNDERSTUDY" jobs pause "$id" 2>&1) || rc=$?
grep -q "paused already" <<<"$out" || fail "paused twice: $rc: $out"
"$UNDERSTUDY" jobs resume "$id"
"$UNDERSTUDY" jobs run >/dev/null || fail "run: $?"
until_listed 'train +done +Boris'
cmp whole/adapter.gguf part/adapter.gguf || fail "another adapter after a pause"
rc=0
"$UNDERSTUDY" jobs pause 0123456789abcdef 2>/dev/null || rc=$?
[ $rc = 1 ] || fail "no such job: exit $rc"
"$UNDERSTUDY" jobs forget "$id"
[ "$(jobs_are 2>/dev/null)" = "" ] || fail "forgotten, and still there"
# Killed with the computer: listed as interrupted.
"$UNDERSTUDY" "${T[@]}" --max-steps 100000 --out killed >/dev/null 2>&1 &
pid=$!
until_listed 'train +running +Boris +step'
kill -9 $pid
wait $pid 2>/dev/null || true
pid=
until_listed 'train +interrupted'
echo "ok"
