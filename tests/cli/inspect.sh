#!/usr/bin/env bash
# understudy inspect: models, adapters, split and hostile files.
set -euo pipefail
: "${UNDERSTUDY:?}" "${US_MKTINY:?}"
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
# has TEXT: the last output holds it
has() { grep -qF -- "$1" <<<"$out" || fail "no '$1' in: $out"; }

"$US_MKTINY" qwen3 Q4_K "$d/m.gguf"
out=$("$UNDERSTUDY" inspect "$d/m.gguf")
has "architecture   qwen3"
out=$(US_CPU=nonsense "$UNDERSTUDY" tokenize -m "$d/m.gguf" - <<<hi 2>&1) && fail "US_CPU=nonsense passed over"
has "scalar" # the names that there are
US_CPU=scalar "$UNDERSTUDY" tokenize -m "$d/m.gguf" - <<<hi >/dev/null
out=$("$UNDERSTUDY" inspect "$d/m.gguf")
has "shape          2 layers, width 256, feed-forward 512, 4 heads, 2 kv heads of 64"
has "tied to the embedding"
has "byte-level BPE (qwen2)"
has "eos 2 <|im_end|>"
has "chat template  chatml"
has "4.50 bits a weight"
has "expected here"
has "with a context of 4,096 tokens"
has "for each 1,000 lines of a character"
out=$("$UNDERSTUDY" inspect --tensors --kv "$d/m.gguf")
has "blk.1.attn_k_norm.weight"
has "qwen3.rope.freq_base"
out=$("$UNDERSTUDY" inspect --json --tensors --kv "$d/m.gguf")
has '"architecture": "qwen3"'
has '"n_kv_heads": 2'
if command -v python3 >/dev/null; then python3 -c 'import json,sys; d=json.load(sys.stdin); assert d["n_tensors"]==len(d["tensors"])==24, d["n_tensors"]' <<<"$out"; fi

"$US_MKTINY" --adapter 8 llama F32 "$d/a.gguf"
out=$("$UNDERSTUDY" inspect "$d/a.gguf")
has "made for       llama"
has "rank           8, alpha 16 (scale 2)"
has "14 pairs in 2 layers: attn_q attn_k attn_v attn_output ffn_gate ffn_up ffn_down"
out=$("$UNDERSTUDY" inspect --json "$d/a.gguf")
has '"kind": "adapter"'
has '"rank": 8'

# whether a file runs here, and why not
for arch in llama mistral3 qwen2 gemma2 gemma3 phi3 granite olmo2 smollm3; do
    "$US_MKTINY" $arch Q8_0 "$d/family.gguf"
    out=$("$UNDERSTUDY" inspect "$d/family.gguf")
    has "runs here      yes"
done
sed 's/smollm3/smollm9/g' "$d/family.gguf" >"$d/other.gguf"
out=$("$UNDERSTUDY" inspect "$d/other.gguf")
has "runs here      architecture 'smollm9' is not supported; supported are llama ("
sed 's/blk.1.ffn_up/blk.1.ffn_yp/' "$d/family.gguf" >"$d/other.gguf"
out=$("$UNDERSTUDY" inspect --json "$d/other.gguf")
has '"why_not": "no tensor '"'blk.1.ffn_up.weight'"'"'

# what a file says cannot steer the terminal
"$US_MKTINY" --chat $'\e]0;owned\a\e[31m\nforged: line' llama F32 "$d/evil.gguf"
out=$("$UNDERSTUDY" inspect --kv "$d/evil.gguf")
has "name one with --template"
has "forged: line"
if grep -qE $'\e|\a|^forged' <<<"$out"; then fail "control characters came through"; fi

# a blank template is none
"$US_MKTINY" --chat $' \n' llama F32 "$d/blank.gguf"
out=$("$UNDERSTUDY" inspect "$d/blank.gguf")
has "chat template  there is none in the file"

# want CODE TEXT ARGUMENTS...
want() {
    local code=$1 text=$2 rc=0
    shift 2
    out=$("$UNDERSTUDY" inspect "$@" 2>&1 >/dev/null) || rc=$?
    [ $rc = "$code" ] || fail "$*: exit $rc, expected $code: $out"
    has "$text"
    [ "$(wc -l <<<"$out")" = 1 ] || fail "more than one line: $out"
}
want 1 "none.gguf" "$d/none.gguf"
head -c 1000 "$d/m.gguf" >"$d/cut.gguf"
want 1 "cut.gguf: " "$d/cut.gguf"
echo "not a model at all, but a text" >"$d/text"
want 1 "not a GGUF file" "$d/text"
want 2 "expected a FILE"
want 2 "expected one FILE, got 2" "$d/m.gguf" "$d/a.gguf"
for f in fuzz/corpus/gguf/*; do
    rc=0
    "$UNDERSTUDY" inspect --kv --tensors "$f" >/dev/null 2>&1 || rc=$?
    [ $rc -le 1 ] || fail "$f: exit $rc"
done
echo ok
