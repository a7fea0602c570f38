#!/usr/bin/env bash
# understudy and llama.cpp, side by side in one run: same file, same threads, interleaved rounds.
#
#   bench/llama/run.sh [-m FILE] [-r ROUNDS] [-t "THREADS..."] [-l LEVEL] [-o RESULTS.tsv]
#
# Compares on FILE (the default model when not given) and, for the peer and the default model, also on the same weights
# requantized to Q4_0, its fastest form. Needs a release build, python3 with venv, and once the network: llama.cpp is compiled here with
# native flags (several minutes) into ${XDG_CACHE_HOME:-~/.cache}/understudy/bench. The table of medians and ratios
# is on standard output; every single measurement goes into RESULTS.tsv (build/bench-llama.tsv).
#
# LEVEL avx2 or avxvnni holds both sides, and the peak that is measured beside them, to what a processor with nothing newer has; the
# peer is compiled once more for it. "first" is an opening with weights that an earlier start has kept (docs/models.md): the median of several.
set -euo pipefail
cd "$(dirname "$0")/../.."

peer_version=0.3.36
model='' rounds=5 threads="1 2" results=build/bench-llama.tsv level=''
while getopts m:r:t:l:o:h option; do
    case $option in
    m) model=$OPTARG ;; r) rounds=$OPTARG ;; t) threads=$OPTARG ;; l) level=$OPTARG ;; o) results=$OPTARG ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
ours=${UNDERSTUDY:-build/release/understudy}
greedy=$(dirname "$ours")/example_greedy
[ -x "$ours" ] || { echo "no $ours: cmake --preset release && cmake --build build/release" >&2; exit 1; }
[ -n "$model" ] || model=$(script/model)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy/bench
native="-DGGML_NATIVE=ON" march=native
avx2="-DGGML_NATIVE=OFF -DGGML_SSE42=ON -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON"
case $level in
'') ;;
avx2) native=$avx2 march=x86-64-v3 ;;
avxvnni) native="$avx2 -DGGML_AVX_VNNI=ON" march=x86-64-v3 ;;
*) echo "-l $level: expected avx2 or avxvnni" >&2; exit 2 ;;
esac
[ -z "$level" ] || export US_CPU=$level
peer=$cache${level:+-$level}
python=$peer/bin/python

if ! "$python" -c "import llama_cpp, sys; sys.exit(llama_cpp.__version__ != '$peer_version')" 2>/dev/null; then
    echo "== compiling llama.cpp (llama-cpp-python $peer_version) with $native" >&2
    mkdir -p "$cache"
    python3 -m venv "$peer"
    # GCC 12's header lets the compiler drop most of what is given to ldtilecfg: without dead-store elimination it stays,
    # and llama.cpp does not crash where the processor has AMX.
    CXXFLAGS="-fno-tree-dse -fno-dse" CMAKE_ARGS="$native" "$python" -m pip install --quiet --no-cache-dir --no-binary llama-cpp-python "llama-cpp-python==$peer_version" numpy
fi
fast=$cache/$(basename "$model" .gguf)-as-Q4_0.gguf
[ "$(basename "$model")" = SmolLM2-135M-Instruct.Q4_1.gguf ] || fast='' # the goals name no other model's Q4_0
[ -z "$fast" ] || [ -s "$fast" ] || { "$python" bench/llama/peer.py requantize "$model" "$fast.part" && mv "$fast.part" "$fast"; }

# A random adapter of rank 16 on all seven modules, for the default model's shape only.
lora=$cache/rank16.gguf
rm -f "$lora"
[ "$(basename "$model")" != SmolLM2-135M-Instruct.Q4_1.gguf ] ||
    "$(dirname "$ours")/tools/us_mktiny" --layers 30 --embd 576 --ff 1536 --heads 9 --kv-heads 3 --head-size 64 --adapter 16 llama F32 "$lora" >&2
${CC:-cc} -O3 -march=$march -ffast-math -pthread bench/machine.c -o build/machine

tests=(pp512 tg128 tg128@1024 batch8)
mkdir -p "$(dirname "$results")"
{
    echo "# commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown), $(${CC:-cc} --version | head -n 1), $(date -u +%F)"
    echo "# cpu $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(getconf _NPROCESSORS_ONLN) CPUs, US_CPU=${US_CPU:-best}"
    echo "# model $(basename "$model"), $(sha256sum <"$model" | cut -c 1-16)"
    echo "# peer llama-cpp-python $peer_version: $("$python" -c 'import llama_cpp; print(llama_cpp.llama_print_system_info().decode())')"
    # bytes of weights and of a token's keys and values that decoding reads, FLOP of the linear layers and of a token of attention
    work=$("$ours" inspect --json --tensors "$model" | "$python" -c '
import json, math, sys
d = json.load(sys.stdin); m = d["model"]
size = m["n_embd"] // m["n_heads"] if "head_size" not in m else m["head_size"]
read = sum(t["bytes"] for t in d["tensors"] if m["tied_head"] or t["name"] != "token_embd.weight")
flop = 2 * sum(math.prod(t["shape"]) for t in d["tensors"] if t["name"].startswith("blk.") and len(t["shape"]) > 1)
print("# work", read, 4 * m["n_layers"] * m["n_kv_heads"] * size, flop, 4 * m["n_layers"] * m["n_heads"] * size)')
    echo "$work"
    read -r _ _ weights _ <<<"$work"
    for t in $threads; do build/machine "$t" $((weights >> 20)) | sed 's/^/# machine, /'; done # a large cache may hold the weights
} | tee "$results" >&2

# measured ENGINE: keeps the measurements of standard input, one a line, with the round and the engine before them
measured() { awk -v OFS='\t' -v round="$round" -v engine="$1" '$2 + 0 > 0 {print round, engine, $1, $2, $3, $4}' >>"$results"; }

# first THREADS: our whole process (examples/greedy.c), from exec to the first token on standard output and out again
first() {
    local start end
    start=$(date +%s%N)
    "$greedy" "$model" "one two three four five six seven" 1 "$1" >/dev/null
    end=$(date +%s%N)
    awk -v ns=$((end - start)) -v t="$1" 'BEGIN {printf "first\t%d\t1\t%.3f\n", t, 1e9 / ns}'
}
# peak THREADS: our peak memory in MiB after opening with a context of 4096 and a prefill of 512 tokens
peak() {
    "$python" - "$1" "$ours" bench -m "$model" -t "$1" -r 1 --test pp512 <<'P'
import resource, subprocess, sys
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
print(f"peak\t{sys.argv[1]}\t1\t{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.1f}")
P
}

for round in $(seq "$rounds"); do
    for t in $threads; do
        echo "== round $round of $rounds, $t thread(s)" >&2
        for test in "${tests[@]}"; do
            "$ours" bench -m "$model" -t "$t" -r 1 --test "$test" | measured ours
            [ "$test" != tg128 ] || [ ! -s "$lora" ] ||
                "$ours" bench -m "$model" --lora "$lora" -t "$t" -r 9 --test "$test" | sed 's/^tg128\t/tg128-lora\t/' | measured ours
            "$python" bench/llama/peer.py bench "$model" "$t" "$test" | measured llama
            [ -z "$fast" ] || "$python" bench/llama/peer.py bench "$fast" "$t" "$test" | measured llama-q4_0
        done
        for _ in 1 2 3; do first "$t" | measured ours; done # the memory that the peer has just left is slow at first
        peak "$t" | measured ours
        "$python" bench/llama/peer.py first "$model" "$t" | measured llama
        [ -z "$fast" ] || "$python" bench/llama/peer.py first "$fast" "$t" | measured llama-q4_0
    done
done
awk -f bench/llama/table.awk "$results"
