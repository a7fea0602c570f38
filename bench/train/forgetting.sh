#!/usr/bin/env bash
# What --rehearsal keeps and what it costs: the same short training with each share.
#
#   bench/train/forgetting.sh FILE.csv CHARACTER SHARE... [-- OPTIONS OF TRAIN]
#
# A line for the base and for each share: nats and KL(base || adapter) over the base's own answers to neutral prompts that no
# rehearsal has (tools/forgetting.c), and the character's validation loss. KEEP=DIR keeps the adapters.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,/^set/p' "$0" | grep '^#' | cut -c3- >&2; exit 2; }
file=$1 who=$2 build=${BUILD:-build/release}
shift 2
shares=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do shares+=("$1"); shift; done
[ $# = 0 ] || shift
cd "$(dirname "$0")/../.."
model=${MODEL:-$(script/model)}
work=${KEEP:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
adapters=()
for x in "${shares[@]}"; do
    [ -s "$work/$x/adapter.gguf" ] || "$build/understudy" train "$file" -c "$who" -m "$model" --rehearsal "$x" --no-samples -q --out "$work/$x" "$@" >"$work/$x.loss"
    adapters+=("$work/$x/adapter.gguf")
    echo "rehearsal $x: validation loss $(cat "$work/$x.loss")"
done
"$build/tools/us_forgetting" "$model" "${adapters[@]}" | sed "s|$work/||; s|/adapter.gguf||"
