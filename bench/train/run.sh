#!/usr/bin/env bash
# understudy train beside PyTorch + PEFT (float32, eager): same base, same rows and targets, rank 16 on all seven modules.
#
#   bench/train/run.sh FILE.csv CHARACTER [-m MODEL.gguf] [-n LINES] [-r ROUNDS] [-s STEPS] [-e EPOCHS] [-p PYTHON] [-o RESULTS.tsv]
#
# 1. speed: ROUNDS (2) interleaved rounds of STEPS (4) steps of 8 rows, cut at 256 tokens; tokens a second and peak memory.
# 2. time to the same validation loss (not with -e 0): PEFT trains EPOCHS (1) passes over the windowed rows of the first LINES (1500) lines of
#    the file; ours trains with scene packing on the same lines until its validation loss, on the same held-out targets, is as low.
#    Validation time counts on neither side.
# PYTHON has torch, transformers, peft and gguf (`pip install`); default: python3. Half an hour on two cores; on a quiet machine.
set -euo pipefail
usage() { sed -n '2,/^set/p' "$0" | grep '^#' | cut -c3- >&2; exit 2; }
[ $# -ge 2 ] || usage
file=$1 who=$2
shift 2
cd "$(dirname "$0")/../.."
model='' lines=1500 rounds=2 steps=4 epochs=1 python=python3 results=build/bench-train.tsv ours=build/release/understudy
while getopts m:n:r:s:e:p:o: o; do
    case $o in m) model=$OPTARG ;; n) lines=$OPTARG ;; r) rounds=$OPTARG ;; s) steps=$OPTARG ;; e) epochs=$OPTARG ;; p) python=$OPTARG ;; o) results=$OPTARG ;; *) usage ;; esac
done
[ -n "$model" ] || model=$(script/model)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -n "$lines" "$file" >"$work/lines.csv"
"$ours" dataset "$work/lines.csv" -c "$who" --card none --validation 0.15 --test 0 --packing none --form completion --out "$work/rows" >&2
"$ours" dataset "$work/lines.csv" -c "$who" --card none --validation 0.15 --test 0 --out "$work/scenes" >/dev/null
note() { # NAME WHAT VALUE
    printf '%s\t%s\t%s\t%s\n' "$(git rev-parse --short HEAD 2>/dev/null || echo -)" "$1" "$2" "$3" | tee -a "$results"
}
value() { "$python" -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2], {"d": d}))' "$1" "$2"; }
# run OUT OPTIONS...: ours, with its peak memory in OUT.peak (MiB)
run() {
    local out=$1
    shift
    "$python" - "$out.peak" "$ours" train -c "$who" -m "$model" --out "$out" --no-samples -q "$@" <<'P'
import resource, subprocess, sys
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))
P
}

echo "== speed: $steps steps of 8 rows" >&2
for ((i = 1; i <= rounds; i++)); do
    rm -rf "$work/ours"
    run "$work/ours" --dataset "$work/rows" --packing none --max-sequence 256 --batch 1500 --max-steps "$steps" --eval-every 100000 --eval-targets 1
    "$python" bench/train/peer.py "$work/rows" "$model" --steps "$((steps + 1))" >"$work/peer.json"
    x=$(value "$work/ours/train.json" 'd["tokens_a_second"]') y=$(value "$work/peer.json" 'round(d["tokens_a_second"],1)')
    note "round $i" "tokens/s, understudy" "$x"
    note "round $i" "tokens/s, PyTorch + PEFT" "$y"
    note "round $i" "ratio" "$("$python" -c "print(f'{$x / $y:.2f}')")"
    x=$(cat "$work/ours.peak") y=$(value "$work/peer.json" 'd["peak_mib"]')
    note "round $i" "peak MiB, understudy / PyTorch + PEFT" "$("$python" -c "print(f'{$x:.0f} / {$y:.0f} = {$x / $y:.3f}')")"
done

[ "$epochs" != 0 ] || exit 0
echo "== time to the same validation loss: $lines lines, $epochs epochs of the usual recipe" >&2
"$python" bench/train/peer.py "$work/rows" "$model" --epochs "$epochs" --eval-every 10 >"$work/peer.json"
run "$work/long" --dataset "$work/scenes" --batch 1024 --lr 1e-3 --epochs "$(("${epochs%.*}" + 1))" --eval-every 4 --eval-targets 0
"$python" - "$work/peer.json" "$work/long/log.jsonl" <<'P' | while IFS=$'\t' read -r what x; do note "to the same loss" "$what" "$x"; done
import json, math, sys
peer, log = json.load(open(sys.argv[1])), [json.loads(l) for l in open(sys.argv[2])]
goal = min(c[2] for c in peer["curve"])
theirs = next(c[0] for c in peer["curve"] if c[2] == goal)
seconds = tokens = 0
hit = None
for l in log:
    if "seconds" not in l:
        continue
    seconds += l["seconds"]
    tokens += l["tokens"]
    if hit is None and l.get("validation_loss", 99) <= goal:
        hit = seconds, tokens
best = min(l["validation_loss"] for l in log if "validation_loss" in l)
print(f"validation perplexity, PyTorch + PEFT\t{math.exp(goal):.3f} after {theirs:.0f} s and {peer['tokens']} tokens")
print(f"validation perplexity, understudy, at its best\t{math.exp(best):.3f} after {seconds:.0f} s in all")
print(f"seconds and tokens to theirs\t{'not reached' if hit is None else f'{hit[0]:.0f} s, {hit[1]} tokens'}")
if hit:
    print(f"times faster\t{theirs / hit[0]:.1f}")
P
