#!/usr/bin/env bash
# By hand, after a change to routes or to docs/openapi.json: schemathesis asks everything that the description allows, and much that it
# does not, of a server with a tiny model. Once it needs the network: schemathesis is installed by pip into ~/.cache/understudy.
#
#   tests/schemathesis.sh [EXAMPLES] [PORT]
#
# Not judged: a request that fits the description and is still refused, because a description cannot say which characters there are.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
examples=${1:-12} port=${2:-5079}
venv=${XDG_CACHE_HOME:-$HOME/.cache}/understudy/schemathesis
st=${SCHEMATHESIS:-$venv/bin/schemathesis}
[ -x "$st" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install -q schemathesis; }
dir=$(mktemp -d)
trap 'kill "$server"; rm -rf "$dir"' EXIT
mkdir -p "$dir/characters/tom"
build/release/tools/us_mktiny --seed 3 --ctx 4096 llama F32 "$dir/m.gguf" >/dev/null
echo '{"spec":"chara_card_v2","data":{"name":"Tom","description":"You are Tom."}}' >"$dir/characters/tom/card.json"
"${UNDERSTUDY:-$root/build/release/understudy}" serve -m "$dir/m.gguf" --port "$port" --data-dir "$dir/data" --characters "$dir/characters" -c 8192 2>"$dir/log" &
server=$!
url=http://127.0.0.1:$port
for _ in $(seq 100); do curl -sf "$url/health" >/dev/null && break; sleep 0.1; done
post() { curl -sf -H 'Content-Type: application/json' -d "$2" "$url$1"; }
chat=$(post /api/chats '{"characters":["tom"]}' | sed 's/.*"id":"\([^"]*\)".*/\1/')
post "/api/chats/$chat/say" '{"text":"Hello.","takes":1}' >/dev/null
printf '[parameters]\n"path.chat" = "%s"\n"path.turn" = 2\n"path.character" = "tom"\n"path.model" = "tom"\n' "$chat" >"$dir/known.toml"
cd "$dir"
judge() { # what is not judged, then more options; the second round knows a chat (in a file that is not read unasked), and cannot vary where it is asked for
    local not=$1
    shift
    "$st" "$@" run "$url/openapi.json" --max-examples "$examples" --phases coverage,fuzzing --continue-on-failure --exclude-checks "$not" --seed 7
}
judge positive_data_acceptance
judge positive_data_acceptance,negative_data_rejection --config-file "$dir/known.toml"
curl -sf "$url/health"
if grep -E ': 500|AddressSanitizer|runtime error' "$dir/log"; then exit 1; fi
