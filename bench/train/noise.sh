#!/usr/bin/env bash
# Is a difference of two validation losses noise? The same small training with several seeds (order of the scenes, first factors), once for
# each variant of it, on the same rows and the same held-out targets.
#
#   bench/train/noise.sh FILE.csv CHARACTER [-m MODEL.gguf] [-n LINES] [-k SEEDS] [-e EPOCHS] VARIANT...
#
# VARIANT is one word list: variables first, then options of `understudy train`, as in "US_CPU=avx2 --lr 5e-4"; "" is the default. Trains on the
# first LINES (1000) lines with SEEDS (3) seeds for EPOCHS (1) in steps of 1,024 tokens. Prints each loss, each variant's mean and standard deviation over seeds, and
# for every later variant the difference from the first, seed by seed, with its 95% interval (Student's t): 0 inside means that the
# seeds do not tell them apart.
set -euo pipefail
usage() { sed -n '2,/^set/p' "$0" | grep '^#' | cut -c3- >&2; exit 2; }
[ $# -ge 2 ] || usage
file=$1 who=$2
shift 2
cd "$(dirname "$0")/../.."
model='' lines=1000 seeds=3 epochs=1 ours=${UNDERSTUDY:-build/release/understudy}
while getopts m:n:k:e: o; do
    case $o in m) model=$OPTARG ;; n) lines=$OPTARG ;; k) seeds=$OPTARG ;; e) epochs=$OPTARG ;; *) usage ;; esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || set -- ""
[ -n "$model" ] || model=$(script/model)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
head -n "$lines" "$file" >"$work/lines.csv"
"$ours" dataset "$work/lines.csv" -c "$who" --card none --validation 0.15 --test 0 --out "$work/rows" >/dev/null 2>&1
printf 'variant\tseed\tvalidation_loss\n'
n=0
for variant; do
    n=$((n + 1))
    read -r -a words <<<"$variant"
    vars=()
    while [ ${#words[@]} -gt 0 ] && [[ ${words[0]} == [A-Z]*=* ]]; do
        vars+=("${words[0]}")
        words=("${words[@]:1}")
    done
    for ((seed = 1; seed <= seeds; seed++)); do
        rm -rf "$work/out"
        loss=$(env UNDERSTUDY_NO_JOB=1 "${vars[@]}" "$ours" train -c "$who" -m "$model" --dataset "$work/rows" --out "$work/out" -b 1024 -e "$epochs" --eval-targets 0 --no-samples -q --seed "$seed" "${words[@]}" 2>/dev/null)
        printf '%s\t%d\t%s\n' "${variant:-default}" "$seed" "$loss" | tee -a "$work/losses"
    done
done
awk -F '\t' -v n_seeds="$seeds" '
    { if (!($1 in row)) { row[$1] = ++n; name[n] = $1 } loss[row[$1], $2] = $3 }
    function mean(v, sum, s) { for (s = 1; s <= n_seeds; s++) sum += v[s]; return sum / n_seeds }
    function deviation(v, m, sum, s) { for (s = 1; s <= n_seeds; s++) sum += (v[s] - m) ^ 2; return n_seeds > 1 ? sqrt(sum / (n_seeds - 1)) : 0 }
    END {
        split("12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", t, " ")
        for (i = 1; i <= n; i++) {
            for (s = 1; s <= n_seeds; s++) v[s] = loss[i, s]
            m = mean(v)
            printf "# %s: mean %.5f, standard deviation over %d seeds %.5f\n", name[i], m, n_seeds, deviation(v, m)
        }
        for (i = 2; i <= n && n_seeds > 1; i++) {
            for (s = 1; s <= n_seeds; s++) v[s] = loss[i, s] - loss[1, s]
            m = mean(v)
            half = (n_seeds <= 10 ? t[n_seeds - 1] : 2) * deviation(v, m) / sqrt(n_seeds)
            printf "# %s - %s: %+.5f, 95%% interval %+.5f to %+.5f: %s\n", name[i], name[1], m, m - half, m + half, m - half > 0 || m + half < 0 ? "no noise" : "noise"
        }
    }' "$work/losses"
