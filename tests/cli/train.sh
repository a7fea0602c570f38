#!/usr/bin/env bash
# understudy dataset, show, train, export, import on a tiny model: the way through, interruptions, and everything that goes wrong.
set -euo pipefail
: "${UNDERSTUDY:?}" "${US_MKTINY:?}"
d=$(mktemp -d)
trap 'chmod -R u+w "$d"; rm -rf "$d"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
# has TEXT: the last output holds it
has() { grep -qF -- "$1" <<<"$out" || fail "no '$1' in: $out"; }
# want CODE TEXT COMMAND...: the command ends so, and says so in one line that begins with its name
want() {
    local code=$1 text=$2 rc=0
    shift 2
    out=$("$UNDERSTUDY" "$@" 2>&1) || rc=$?
    [ $rc = "$code" ] || fail "$*: exit $rc, expected $code: $out"
    has "$text"
    [ "$code" = 0 ] || [ "$(grep -c "^understudy $1: " <<<"$out")" = 1 ] || fail "not one line of error: $out"
}

awk 'BEGIN {
    split("the car|the dog|our dinner|the school|my work|that noise|the moon|a sandwich|the roof|your brother", a, "|")
    split("Woo, %s!|Mmm, %s.|No way, %s again?|I never liked %s.|Well, %s can wait.|Who cares about %s?", h, "|")
    print "name,line"
    for (i = 0; i < 60; i++) {
        x = a[i % 10 + 1]; y = a[(i * 7 + 3) % 10 + 1]
        printf "Marge Simpson,Is %s fine %d?\nHomer Simpson,\"" h[i % 6 + 1] "\"\nBart Simpson,\"Dad, %s!\"\nHomer Simpson,\"" h[(i * 5 + 1) % 6 + 1] "\"\nLisa Simpson,Really?\nHomer Simpson,Number %d.\n,\n", x, i, x, y, y, i
    }
    print "Homer,I am a clone.\nMarge Simpson,Oh.\nHomer,A clone of one line."
}' >"$d/s.csv"
"$US_MKTINY" --seed 3 --ctx 1024 llama Q8_0 "$d/m.gguf"
"$US_MKTINY" --seed 4 --ctx 1024 llama Q8_0 "$d/other.gguf"
T=("$UNDERSTUDY" train "$d/s.csv" --character "homer simpson" -m "$d/m.gguf" --batch 500 --lr 5e-3 --eval-every 5 --checkpoint-every 3 --max-steps 30 --no-samples)
train() { "${T[@]}" "$@"; }

# ---- what is said goes into no file, whatever the caller has closed
train --out "$d/closed" --max-steps 2 2>&- || fail "without a standard error"
python3 -c 'import json, sys; [json.loads(x) for x in open(sys.argv[1])]' "$d/closed/log.jsonl" || fail "the log holds what was said"
echo hello >"$d/hello"
"$UNDERSTUDY" tokenize -m "$d/m.gguf" "$d/hello" >/dev/null || fail "tokenize"
rc=0; "$UNDERSTUDY" tokenize -m "$d/m.gguf" "$d/hello" >&- 2>/dev/null 0<&- || rc=$?
[ $rc = 1 ] || fail "words that nobody can read were none"

# ---- the way through
out=$(train --dry-run --out "$d/dry" 2>&1)
has "Homer Simpson: 180 lines in 180 turns"
has "30 steps, about"
has "MiB of memory"
has "warning: the model hardly knows this language" # it is random
has "multilingual"
out=$("$UNDERSTUDY" doctor "$d/s.csv" -m "$d/m.gguf" 2>&1)
has "warning: the model hardly knows this language"
[ ! -e "$d/dry" ] || fail "--dry-run made a folder"
# a plan tells of the script's lines, whatever is learned beside them: few are few
for x in common none; do train --dry-run --json --exchanges $x --out "$d/dry" 2>/dev/null >"$d/plan-$x"; done
grep -oE '"turns": [0-9]+|"targets": \{[^}]*\}' "$d/plan-common" >"$d/own-common"
grep -oE '"turns": [0-9]+|"targets": \{[^}]*\}' "$d/plan-none" | cmp - "$d/own-common" || fail "a plan counts exchanges as lines"
[ -s "$d/own-common" ] || fail "no targets in the plan"
if grep -q '"exchanges": 0' "$d/plan-common" || ! grep -q '"exchanges": 0' "$d/plan-none"; then fail "a plan does not tell of exchanges"; fi
out=$(train --out "$d/a" -t 1 2>&1)
has "without an adapter: validation loss"
has "[====================] 30/30"
has "Done after 30 steps"
has "only 1"
has "Talk to them: understudy chat $d/a"
has "understudy explore FILE --about $d/a"
# on a terminal progress is written over: every line of it stands alone, and so does the figure of standard output
if command -v script >/dev/null; then
    out=$(TERM=xterm script -qec "$(printf '%q ' "${T[@]}" --out "$d/tty" --max-steps 2)" /dev/null </dev/null | sed 's/\r$//; s/.*\r//; s/\x1b\[K//g')
    grep -qxE '[0-9]+\.[0-9]{5}' <<<"$out" || fail "the loss does not stand alone: $out"
    grep -qE '^without an adapter: validation loss [0-9.]+, perplexity [0-9.]+$' <<<"$out" || fail "lines run together: $out"
    grep -qE '^Over its [0-9]+ tokens: [^:]*[0-9]\.$' <<<"$out" || fail "lines run together: $out"
fi
out=$(train --out "$d/a" --dry-run 2>&1)
has "$d/a/adapter.gguf is there already: the best of this run takes its place"
for f in adapter.gguf card.json train.json loss.svg loss.png log.jsonl; do [ -s "$d/a/$f" ] || fail "no $f"; done
[ ! -e "$d/a/checkpoint.gguf" ] || fail "the checkpoint of a finished run is still there"
grep -q '"adapter": "adapter.gguf"' "$d/a/card.json" || fail "the card does not name the adapter"
grep -q '"Marge"' "$d/a/card.json" || fail "no first names in the cast"
grep -q '"You are Homer Simpson' "$d/a/card.json" || fail "no persona"
[ "$(grep -c '"grad_norm"' "$d/a/log.jsonl")" = 30 ] || fail "the log has not 30 steps"
out=$("$UNDERSTUDY" inspect --kv "$d/a/adapter.gguf")
for key in general.type understudy.base.sha256 understudy.template understudy.stop understudy.cast understudy.system understudy.data.sha256 understudy.train.steps; do has "$key"; done
if command -v python3 >/dev/null; then
    python3 - "$d/a" <<'P' || fail "train.json"
import json, math, sys
t = json.load(open(sys.argv[1] + '/train.json'))
log = [x for x in map(json.loads, open(sys.argv[1] + '/log.jsonl')) if 'loss' in x]
assert t['steps'] == 30 and len(t['curve']) == 30 and len(t['validation_curve']) == 6, t
assert t['validation_loss'] < t['base_validation_loss'] - 1, t
assert t['adapter_norm'] > 0.1 and t['lines'] == 180
assert abs(log[0]['loss'] - t['curve'][0][1]) < 1e-4
P
fi

# ---- the same adapter whatever the threads, whoever interrupts
train --out "$d/b" -t 3 -q 2>/dev/null >/dev/null
cmp "$d/a/adapter.gguf" "$d/b/adapter.gguf" || fail "another adapter with 3 threads"
for _ in 1 2 3 4 5 6; do # killed at any moment, six times
    more=()
    [ ! -e "$d/k/checkpoint.gguf" ] || more=(--resume)
    "${T[@]}" --out "$d/k" -q "${more[@]}" >/dev/null 2>&1 &
    pid=$!
    sleep "0.$((RANDOM % 8 + 2))"
    kill -9 $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    [ ! -e "$d/k/checkpoint.gguf" ] || "$UNDERSTUDY" inspect "$d/k/checkpoint.gguf" >/dev/null || fail "a broken checkpoint"
done
more=()
[ ! -e "$d/k/checkpoint.gguf" ] || more=(--resume)
train --out "$d/k" -q "${more[@]}" >/dev/null 2>&1
cmp "$d/a/adapter.gguf" "$d/k/adapter.gguf" || fail "another adapter after kill -9"
"${T[@]}" --out "$d/i" --max-steps 100000 -q >/dev/null 2>"$d/err" &
pid=$!
while kill -0 $pid 2>/dev/null; do
    [ ! -e "$d/i/checkpoint.gguf" ] || break
    sleep 0.1
done
kill -TERM $pid
rc=0
wait $pid || rc=$?
[ $rc = 130 ] || fail "interrupted: exit $rc: $(cat "$d/err")"
grep -q "with --resume goes on" "$d/err" || fail "interrupted: $(cat "$d/err")"
common=(train "$d/s.csv" --character "Homer Simpson" --batch 500 --lr 5e-3 --eval-every 5 --checkpoint-every 3 --max-steps 100000 --no-samples --out "$d/i")
want 2 "an unfinished run" "${common[@]}" -m "$d/m.gguf"
want 1 "that run had lr=0.005, this one has lr=0.1" "${common[@]}" -m "$d/m.gguf" --resume --lr 0.1
want 1 "that run had base=" "${common[@]}" -m "$d/other.gguf" --resume
want 1 "that run had data=" "${common[@]}" -m "$d/m.gguf" --resume --history 2
[ -s "$d/i/checkpoint.gguf" ] || fail "a refused resume took the checkpoint"

# ---- the base's own answers along with the part
want 0 "for the rehearsal: " "${T[@]:1}" --out "$d/rehearsal" --rehearsal 0.2 --max-steps 4
has "of them are the base's own answers to neutral prompts ("
grep -q '"rehearsal": 0.2' "$d/rehearsal/train.json" || fail "train.json tells no rehearsal"
want 2 "--rehearsal: expected a number from 0 to 0.5" "${T[@]:1}" --out "$d/rehearsal" --rehearsal 0.7

# ---- all speakers first, then a character from them; conversations of one's own beside the script
S=("$UNDERSTUDY" train "$d/s.csv" --series -m "$d/m.gguf" --batch 1500 --lr 5e-3 --eval-every 5 --checkpoint-every 3)
out=$("${S[@]}" --max-steps 12 --out "$d/series" 2>&1) || fail "a series: $out"
has "series: 363 lines"
has "Begin characters from it"
for f in adapter.gguf train.json loss.svg log.jsonl; do [ -s "$d/series/$f" ] || fail "a series without $f"; done
[ ! -e "$d/series/card.json" ] || fail "a series is nobody: it has no card"
out=$("$UNDERSTUDY" inspect --kv "$d/series/adapter.gguf")
has "You are {{char}}. You are never a computer"
"${S[@]}" --max-steps 12 --out "$d/series2" -q >/dev/null 2>&1 & # killed in the middle, and gone on with: the same
pid=$!
while kill -0 $pid 2>/dev/null; do
    [ ! -e "$d/series2/checkpoint.gguf" ] || break
    sleep 0.1
done
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
more=()
[ ! -e "$d/series2/checkpoint.gguf" ] || more=(--resume)
"${S[@]}" --max-steps 12 --out "$d/series2" -q "${more[@]}" >/dev/null 2>&1
cmp "$d/series/adapter.gguf" "$d/series2/adapter.gguf" || fail "another series after kill -9"
printf '# visitors\nHi! | I am {{char}}.\n' >"$d/own.txt"
want 0 "Done after 4 steps" "${T[@]:1}" --out "$d/from-series" --continue "$d/series" --exchanges "$d/own.txt" --max-steps 4
echo 'Hi!' >"$d/own.txt"
want 1 "own.txt:1: expected VISITOR | CHARACTER" "${T[@]:1}" --out "$d/none" --exchanges "$d/own.txt" --max-steps 4
want 2 "the folder of a character" "${S[@]:1}" --out "$d/a"
want 2 "it goes without --character" "${S[@]:1}" --character Homer
want 2 "--exchanges goes with the script" "${S[@]:1}" --exchanges "$d/own.txt"

# ---- a disk that is full in the middle of a checkpoint: told, gone on with, and the adapter is there
out=$(
    trap '' XFSZ
    ulimit -f 400
    train --out "$d/full" 2>&1
) || fail "a full disk ended the run: $out"
has "warning: "
has "the run goes on"
has "Done after 30 steps"
cmp "$d/a/adapter.gguf" "$d/full/adapter.gguf" || fail "another adapter on a full disk"
[ -z "$(find "$d/full" -name '*.tmp*')" ] || fail "half files stay: $(ls "$d/full")"

# ---- a card that somebody wrote is kept, but for the adapter
mkdir "$d/card"
sed -e 's/You are Homer Simpson[^"]*"/You are a tester."/' -e 's/"first_mes": "[^"]*"/"first_mes": "Mine."/' -e '/"adapter"/d' -e 's/"dry_multiplier": 0.8$/"dry_multiplier": 0.8, "x_kept": 1/' "$d/a/card.json" | sed -e ':a;N;$!ba;s/},\n *}/}\n}/' >"$d/card/card.json"
train --out "$d/card" --max-steps 5 -q >/dev/null 2>&1 || fail "a card of one's own"
for text in "You are a tester." '"Mine."' '"x_kept": 1' '"adapter": "adapter.gguf"'; do grep -qF "$text" "$d/card/card.json" || fail "the card lost $text: $(cat "$d/card/card.json")"; done

# ---- the folder is the first name, and a title is none: two doctors have a folder each
sed 's/Homer Simpson/Dr. Hibbert/; s/Bart Simpson/Dr. Nick/' "$d/s.csv" >"$d/doctors.csv"
for who in Hibbert Nick; do
    (cd "$d" && "$UNDERSTUDY" train doctors.csv -c "Dr. $who" -m m.gguf --batch 500 --max-steps 1 --no-samples --quiet >/dev/null) || fail "Dr. $who: exit $?"
done
for who in hibbert nick; do [ -s "$d/characters/$who/card.json" ] || fail "no characters/$who: $(find "$d/characters")"; done

# ---- rows: there and back, and trained on
want 0 "written to" dataset "$d/s.csv" -c "Homer Simpson" --out "$d/rows"
# what 'dataset' writes is what 'train' learns: as many targets, with our exchanges, and a visitor's first words in rows of their own
plan=$("$UNDERSTUDY" train "$d/s.csv" -c "Homer Simpson" -m "$d/m.gguf" --out "$d/planned" --dry-run --json 2>/dev/null)
python3 - "$plan" "$d/rows" <<'EOF' || fail "dataset and train differ: $plan"
import json, sys
plan, folder = json.loads(sys.argv[1]), sys.argv[2]
rows = [json.loads(line)["messages"] for part in ("train", "validation", "test") for line in open(f"{folder}/{part}.jsonl")]
learned = sum(m["role"] == "assistant" and m.get("weight", 1) != 0 for row in rows for m in row[2:])
assert learned == sum(plan["targets"].values()) + plan["exchanges"] and plan["exchanges"] > 0, (learned, plan)
assert any(m.get("weight", 1) == 0 for row in rows for m in row[3:]), "no first words"
EOF
want 0 "written to" dataset "$d/s.csv" -c "Homer Simpson" --exchanges none --visitors 0 --unnamed 0 --out "$d/named"
case $out in *"exchanges with visitors"*) fail "--exchanges none: $out" ;; esac
want 0 "written to" dataset --read "$d/rows" --form sharegpt --out "$d/rows2"
want 0 "written to" dataset --read "$d/rows2" --out "$d/rows3"
cmp "$d/rows/train.jsonl" "$d/rows3/train.jsonl" || fail "messages -> sharegpt -> messages is not the same"
want 0 "Done after 3 steps" train --dataset "$d/rows" -c "Homer Simpson" -m "$d/m.gguf" --out "$d/from-rows" --max-steps 3 --no-samples
want 0 "tokens learned" show "$d/s.csv" -c "Homer Simpson" -m "$d/m.gguf" -n 2
has "You are Homer Simpson"
want 0 "tokens learned" show --read "$d/rows" -m "$d/m.gguf"

# ---- to trainers that run elsewhere
for trainer in trl:train.py axolotl:axolotl.yml; do
    want 0 "rows to learn from" export "$d/s.csv" --trainer "${trainer%:*}" -c "homer simpson" --out "$d/${trainer%:*}"
    [ -s "$d/${trainer%:*}/${trainer#*:}" ] || fail "no ${trainer#*:}"
done
grep -q '^{"prompt":\[{"role":"system","content":"You are Homer Simpson' "$d/trl/train.jsonl" || fail "the rows for TRL: $(head -1 "$d/trl/train.jsonl")"
grep -q "'HuggingFaceTB/SmolLM2-135M-Instruct'" "$d/trl/train.py" || fail "train.py names no base"
if command -v python3 >/dev/null; then python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$d/trl/train.py" || fail "train.py is no Python"; fi
want 2 "expected axolotl or trl" export "$d/s.csv" --trainer other -c "Homer Simpson" --out "$d/none"
want 2 "needs --base" export "$d/s.csv" --trainer trl -c "Homer Simpson" -m "$d/m.gguf" --out "$d/none"

# ---- to PEFT and back, and into one model
want 0 "is written" export "$d/a" --peft "$d/peft" -m "$d/m.gguf"
want 0 "is written" import "$d/peft" -m "$d/m.gguf" -o "$d/back.gguf"
for type in F16 Q8_0 Q4_1 Q4_0; do
    want 0 "is written" export "$d/a" --merged "$d/merged.gguf" --type $type -m "$d/m.gguf"
    "$UNDERSTUDY" inspect "$d/merged.gguf" | grep "$type" >/dev/null || fail "merged $type: $("$UNDERSTUDY" inspect "$d/merged.gguf")"
done
want 1 "trained over another base file" export "$d/a" --peft "$d/peft2" -m "$d/other.gguf"
want 1 "no adapter_config.json is there" import "$d/none" -m "$d/m.gguf"

# ---- bad input, each in a line
t=(train "$d/s.csv" -m "$d/m.gguf" --max-steps 3 --no-samples --out "$d/bad")
want 1 "no character 'Nobody'" "${t[@]}" -c Nobody
want 1 "none.csv: cannot open" train "$d/none.csv" -c Homer -m "$d/m.gguf"
want 1 "not a GGUF file" train "$d/s.csv" -c "Homer Simpson" -m "$d/s.csv" --out "$d/bad"
want 1 "none.gguf: cannot open" train "$d/s.csv" -c "Homer Simpson" -m "$d/none.gguf" --out "$d/bad"
want 1 "no checkpoint to resume from" "${t[@]}" -c "Homer Simpson" --resume
want 1 "cannot make folder" "${t[@]}" -c "Homer Simpson" --out "$d/s.csv/x"
want 2 "--rank: expected a whole number from 1 to 256" "${t[@]}" -c "Homer Simpson" --rank 0
want 2 "module 'x': expected some of" "${t[@]}" -c "Homer Simpson" --modules q,x
want 1 "MiB" "${t[@]}" -c "Homer Simpson" --memory 16 --max-sequence 1024 --rank 256
LC_ALL=C sed 's/llama/nomic/g' "$d/m.gguf" >"$d/encoder.gguf"
want 1 "architecture 'nomic' is not supported" train "$d/s.csv" -c "Homer Simpson" -m "$d/encoder.gguf" --out "$d/bad"
"$US_MKTINY" --seed 3 --ctx 1024 llama F32 "$d/nan.gguf"
size=$(wc -c <"$d/nan.gguf")
head -c 64 /dev/zero | tr '\0' '\377' | dd of="$d/nan.gguf" bs=1 seek=$((size - 400000)) conv=notrunc 2>/dev/null
want 1 "values that are no numbers" train "$d/s.csv" -c "Homer Simpson" -m "$d/nan.gguf" --out "$d/bad"
[ ! -e "$d/bad/adapter.gguf" ] || fail "an adapter of NaN"
mkdir "$d/locked"
chmod a-w "$d/locked"
as=() # root may write anywhere: then it is nobody who tries
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    chmod 711 "$d"
    cp "$UNDERSTUDY" "$d/program"
    as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fi
if [ "$(id -u)" != 0 ] || "${as[@]}" "$d/program" --version >/dev/null 2>&1; then
    rc=0
    program=$UNDERSTUDY
    [ ${#as[@]} = 0 ] || program=$d/program
    out=$("${as[@]}" "$program" "${t[@]}" -c "Homer Simpson" --out "$d/locked" 2>&1) || rc=$?
    [ $rc = 1 ] || fail "a folder that cannot be written: exit $rc: $out"
    has "Permission denied"
    [ -z "$(ls "$d/locked")" ] || fail "files in a locked folder"
else
    echo "not tested: a folder that cannot be written (root, without setpriv)"
fi
want 1 "trained over another base file" chat --character "$d/a" -m "$d/other.gguf"
[ ! -e "$d/bad/adapter.gguf" ] || fail "an adapter of a base that is none"
mkdir "$d/unlike" # what is learned is of no use where it is asked
row() { printf '{"messages": [{"role": "system", "content": "You are B."}, {"role": "user", "content": "A: Say %s."}, {"role": "assistant", "content": "%s"}]}\n' "$1" "$2"; }
for i in 1 2 3 4 5 6 7 8; do row "no $i" "No no no no no no no no no no."; done >"$d/unlike/train.jsonl"
for i in 1 2 3; do row "$i" "Seventeen purple zebras quietly juggle $i quartz vases."; done >"$d/unlike/validation.jsonl"
row 4 "Eight." >"$d/unlike/test.jsonl"
want 0 "warning: the adapter predicts unseen lines no better than the base alone" train --dataset "$d/unlike" -c B -m "$d/m.gguf" --lr 0.05 --max-steps 30 --eval-every 30 --no-samples --out "$d/diverged"
want 0 "warning: the adapter's norm is zero" "${t[@]}" -c "Homer Simpson" --lr 1e-9 --out "$d/still"
printf 'name,line\nA,Hi there.\nB,Hello you.\nA,How are you?\nB,Fine.\nA,Bye.\nB,Bye bye.\n' >"$d/three.csv"
want 0 "only 3 lines" train "$d/three.csv" -c B -m "$d/m.gguf" --out "$d/three" --max-steps 3 --no-samples
has "nothing is held out"
printf 'name,line\nB,Hello you.\nA,Hm.\n' >"$d/open.csv"
want 1 "no line of 'B' is left to learn from" train "$d/open.csv" -c B -m "$d/m.gguf" --out "$d/open"
want 0 "did you mean 'Homer Simpson', who has 180 lines?" "${t[@]}" -c Homer --out "$d/clone"
echo ok
