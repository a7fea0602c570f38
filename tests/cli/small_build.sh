#!/usr/bin/env bash
# The library without server, pictures and other engines: it builds, links none of their libraries, and chats.
set -u
: "${US_MKTINY:?}"
fail() { echo "FAILED: $*"; exit 1; }
command -v readelf >/dev/null || { echo "skipped: no readelf"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cmake -S . -B "$dir/b" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DUS_SERVE=OFF -DUS_PICTURES=OFF -DUS_REMOTE=OFF >"$dir/log" 2>&1 || fail "$(tail -5 "$dir/log")"
cmake --build "$dir/b" --target understudy understudy_shared >"$dir/log" 2>&1 || fail "$(grep -E 'error|undefined' "$dir/log" | head -5)"
linked=$(readelf -d "$dir"/b/libunderstudy.so | grep NEEDED)
for lib in microhttpd sqlite cairo pango curl; do
    ! grep -q "$lib" <<<"$linked" || fail "lib$lib is linked"
done
"$US_MKTINY" --seed 3 --ctx 512 llama Q8_0 "$dir/m.gguf" >/dev/null || fail mktiny
echo '{"spec": "chara_card_v2", "data": {"name": "Tom"}}' >"$dir/card.json"
echo Hi | "$dir/b/understudy" chat -m "$dir/m.gguf" --character "$dir/card.json" --takes 2 -n 4 >"$dir/out" 2>"$dir/err" || fail "$(cat "$dir/err")"
"$dir/b/understudy" help | grep -q serve && fail "serve is offered"
echo ok
