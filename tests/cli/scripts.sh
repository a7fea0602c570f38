#!/usr/bin/env bash
# What is read, in which encoding, is said first; what is damaged stops; the examples in four shapes are one play.
set -euo pipefail
: "${UNDERSTUDY:?}"
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

for f in examples/lighthouse.csv examples/lighthouse.json examples/lighthouse.fountain examples/lighthouse.srt; do
    out=$("$UNDERSTUDY" doctor "$f" 2>"$d/err")
    case $out in *' = 78 lines + '*'4 speakers'*) ;; *) fail "$f: $out" ;; esac
    grep -q "^$f: .*; UTF-8: 78 lines of 4 speakers$" <(head -1 "$d/err") || fail "$f: $(cat "$d/err")"
    "$UNDERSTUDY" dataset "$f" --character ada --out "$d/rows" >"$d/out" 2>"$d/err" || fail "$f: $(cat "$d/err")"
    grep -q '35 lines in' "$d/out" || fail "$f: $(cat "$d/out")"
done

# another encoding is found, said to be a guess, and can be told
printf 'character;line\r\n\300\355\355\340;\304\356\341\360\356\345 \363\362\360\356, \301\356\360\377.\r\n\301\356\360\377;\323\362\350\371\341\340?\r\n' >"$d/1251.csv"
out=$("$UNDERSTUDY" explore "$d/1251.csv" 2>&1 >/dev/null | head -1)
case $out in *'windows-1251 (a guess'*'2 lines of 2 speakers'*) ;; *) fail "$out" ;; esac
out=$("$UNDERSTUDY" explore "$d/1251.csv" --encoding cp1251 2>&1 >/dev/null | head -1)
case $out in *guess*) fail "told and yet a guess: $out" ;; *cp1251*) ;; *) fail "$out" ;; esac
rc=0
out=$("$UNDERSTUDY" doctor "$d/1251.csv" --encoding utf-8 2>&1) || rc=$?
[ $rc = 1 ] || fail "all rows rejected: exit $rc"
case $out in *'2 of 2 rows were rejected'*'not UTF-8'*) ;; *) fail "$out" ;; esac

# much is rejected: a stop with the places and the option that goes on
{ for i in $(seq 400); do echo "{\"name\": \"A$((i % 3))\", \"line\": \"Words $i.\"}"; done; for _ in $(seq 25); do echo '{"name": broken'; done; } >"$d/damaged.jsonl"
for command in explore "dataset -c A1 -o $d/rows"; do
    rc=0
    # shellcheck disable=SC2086 # words
    out=$("$UNDERSTUDY" $command "$d/damaged.jsonl" 2>&1 >/dev/null) || rc=$?
    [ $rc = 1 ] || fail "$command: exit $rc: $out"
    case $out in *--accept-damage*'25 of 425 rows were rejected'*damaged.jsonl:401*damaged.jsonl:403*) ;; *) fail "$command: $out" ;; esac
    # shellcheck disable=SC2086
    "$UNDERSTUDY" $command "$d/damaged.jsonl" --accept-damage >"$d/out" 2>"$d/err" || fail "$(cat "$d/err")"
    grep -q '25 rows rejected: not JSON' "$d/err" || fail "$(cat "$d/err")"
done

# who is no speaker
printf 'name,line\nAnn,Hi there.\nNarrator,It rained.\nBob,Hello.\n' >"$d/told.csv"
"$UNDERSTUDY" doctor "$d/told.csv" 2>/dev/null | grep -A1 'may be no person' | grep Narrator >/dev/null || fail "the narrator is not suggested"
"$UNDERSTUDY" doctor "$d/told.csv" --exclude NARRATOR 2>/dev/null | grep '3 rows = 2 lines + 1 action' >/dev/null || fail "--exclude"
rc=0
out=$("$UNDERSTUDY" doctor "$d/told.csv" --format poem 2>&1) || rc=$?
[ $rc = 2 ] || fail "--format poem: exit $rc"
case $out in *'expected one of '*json*csv*) ;; *) fail "$out" ;; esac

# an archive without a file in it
head -c 1000000 /dev/zero | gzip >"$d/nothing.csv.gz"
out=$("$UNDERSTUDY" doctor "$d/nothing.csv.gz" 2>&1) && fail "nothing is a script"
case $out in *'nothing.csv.gz: there is nothing in it to read'*) ;; *) fail "$out" ;; esac
echo ok
