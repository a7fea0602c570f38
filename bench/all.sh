#!/usr/bin/env bash
# Every table of this machine, one behind the other on standard output: what docs/performance.md keeps of each kind of machine.
#
#   bench/all.sh [-r ROUNDS] [-d SCRIPT.csv -c CHARACTER] [-p PYTHON] [-s LLAMA_SERVER]
#
# The default model and a file of Llama 3.2 1B's shape (Q4_K_M, random weights) beside llama.cpp, with all that the processor has and, on x86,
# with AVX2 alone and with AVX-VNNI; the server beside llama.cpp's; with -d training beside PyTorch + PEFT (PYTHON has torch, transformers,
# peft, gguf). ROUNDS (1) of each. About 15 minutes a round on two cores, once the peers are compiled (bench/llama/run.sh, bench/serve/run.sh). The
# machine has to be quiet. A part that fails is named, and the others go on.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
rounds=1 script='' who='' python=python3 server=''
while getopts r:d:c:p:s: option; do
    case $option in
    r) rounds=$OPTARG ;; d) script=$OPTARG ;; c) who=$OPTARG ;; p) python=$OPTARG ;; s) server=$OPTARG ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy/bench
large=$cache/llama-1b.q4_k_m.gguf
mkdir -p "$cache"
[ -s "$large" ] || { build/release/tools/us_mktiny --shape llama-1b --mix q4_k_m --chat llama3 "$large.part" >&2 && mv "$large.part" "$large"; }

# part TITLE COMMAND...
part() {
    local title=$1 start=$SECONDS
    shift
    printf '\n### %s\n\n    %s\n\n' "$title" "${*//"$HOME"/\~}"
    "$@" || echo "(failed)"
    echo "== $title: $((SECONDS - start)) s" >&2
}
llama() { # TITLE RESULTS OPTIONS...
    local title=$1 results=$2
    shift 2
    part "$title" bench/llama/run.sh -r "$rounds" -o "$results" "$@"
    echo
    sed -n 's/^# \(machine, .*\)/\1/p' "$results" # what the percentages are of
}
has() { grep -qw "$1" /proc/cpuinfo 2>/dev/null; }

echo "Commit $(git rev-parse --short HEAD), $(date -u +%F), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(getconf _NPROCESSORS_ONLN) CPUs, $(${CC:-cc} --version | head -n 1)"
if has avx2; then
    llama "AVX2, the default model" build/bench-avx2.tsv -l avx2
    llama "AVX2, 1B in Q4_K_M, two threads" build/bench-avx2-1b.tsv -l avx2 -t 2 -m "$large"
fi
llama "All that the processor has, the default model" build/bench-best.tsv
llama "All that the processor has, 1B in Q4_K_M, two threads" build/bench-best-1b.tsv -t 2 -m "$large"
[ -z "$script" ] || part "Training" bench/train/run.sh "$script" "$who" -n 1000 -r "$rounds" -s 3 -p "$python"
part "The server" bench/serve/run.sh "$rounds" ${server:+"$server"}
if has avx_vnni; then llama "AVX-VNNI, the default model" build/bench-avxvnni.tsv -l avxvnni; fi
