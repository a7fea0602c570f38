#!/usr/bin/env bash
# The page in a real browser (Chromium, driven by playwright-core) against a real server with a tiny model.
# Pictures of what was seen lie in BUILD/page afterwards.
set -euo pipefail
skip() { echo "skipped: $* (script/setup --tests)"; exit 77; }
command -v node >/dev/null || skip "no node"
for name in chromium chromium-browser google-chrome; do chromium=$(command -v $name) && break; done
[ -n "${chromium:-}" ] || skip "no Chromium"
export US_CHROMIUM=$chromium US_NPM=${US_NPM:-$PWD/build/npm} US_SHOTS=$US_BUILD/page
for module in playwright-core axe-core; do [ -d "$US_NPM/node_modules/$module" ] || skip "no npm package $module in $US_NPM"; done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for i in 0 1; do # two voices
    mkdir -p "$dir/characters/$([ $i = 0 ] && echo anna || echo boris)"
    "$US_MKTINY" --seed $i --ctx 4096 --adapter 4 llama F32 "$dir/characters/$([ $i = 0 ] && echo anna || echo boris)/adapter.gguf"
done
"$US_MKTINY" --ctx 4096 --chat chatml llama F32 "$dir/model.gguf"
export US_DIR=$dir
failed=0
for part in page studio; do node tests/page/$part.mjs "$@" || failed=1; done # "$@": an expression for the names of tests
exit $failed
