#!/usr/bin/env bash
# By hand: a real SillyTavern (npm, headless) on a server with the default model, driven in its own page by Chromium. Chat and text completion,
# streamed, ended in the middle; a card out and back, a chat out and back. Some minutes; everything is on the loopback. The npm package (500 MB
# with what it needs) is installed once into ~/.cache/understudy. ST_VERSION names another version.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { echo "sillytavern: $*" >&2; }
for name in chromium chromium-browser google-chrome; do chromium=$(command -v $name) && break; done
[ -n "${chromium:-}" ] || { say "no Chromium (script/setup --tests)"; exit 1; }
export US_CHROMIUM=$chromium US_NPM=${US_NPM:-$PWD/build/npm} US_SHOTS=${US_SHOTS:-$PWD/build/sillytavern}
[ -d "$US_NPM/node_modules/playwright-core" ] || { say "no playwright-core in $US_NPM (script/setup --tests)"; exit 1; }
home=${ST_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/understudy/sillytavern}
tavern=$home/node_modules/sillytavern
[ -d "$tavern" ] || npm install --prefix "$home" "sillytavern@${ST_VERSION:-1.19.0}" --omit=dev --no-audit --no-fund
dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
free_port() { node -e "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})"; }
ready() { # NAME PID URL
    until curl -sf -o "$dir/answer" "$3"; do
        kill -0 "$2" || { say "$1 did not start"; tail -30 "$dir"/*log >&2; exit 1; }
        sleep 0.2
    done
}
port=$(free_port)
export US_DIR=$dir US_URL=http://127.0.0.1:$port ST_DATA=$dir/tavern
"${UNDERSTUDY:-build/release/understudy}" serve -m "${US_MODEL:-$(script/model)}" --characters characters --port "$port" --data-dir "$dir/data" 2>"$dir/log" &
pids+=($!)
ready understudy $! "$US_URL/health"
port=$(free_port)
export ST_URL=http://127.0.0.1:$port/
mkdir "$ST_DATA"
(cd "$tavern" && exec node server.js --dataRoot "$ST_DATA" --configPath "$ST_DATA/config.yaml" --port "$port" --browserLaunchEnabled false --listen false >"$dir/tavern.log" 2>&1) &
pids+=($!)
say "SillyTavern compiles its page (a minute or two)"
ready SillyTavern $! "$ST_URL"
node tests/sillytavern.mjs || { tail -40 "$dir/tavern.log" >&2; exit 1; }
