#!/usr/bin/env bash
# By hand, after a change to routes or to docs/openapi.json: schemathesis asks everything that the description allows, and much that it
# does not, of a server with a tiny model, a chat, a script and a job. Once it needs the network: schemathesis is installed by pip into ~/.cache/understudy.
#
#   tests/schemathesis.sh [MINUTES] [PORT]      rounds with other seeds until the time is spent (at least one; SEED=N begins elsewhere, EXAMPLES=N a route)
#
# Exits 1 when anything was answered with a 5xx but 501 (said to be not done) and 507 (no room), or a sanitizer spoke; the server's log is shown then.
# What else schemathesis finds is printed by kind. Not judged: a request that fits the description and is still refused, because a description cannot
# say which characters there are.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
minutes=${1:-0} port=${2:-5079} seed=${SEED:-7}
venv=${XDG_CACHE_HOME:-$HOME/.cache}/understudy/schemathesis
st=${SCHEMATHESIS:-$venv/bin/schemathesis}
[ -x "$st" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install -q schemathesis; }
dir=$(mktemp -d)
trap 'kill "$server"; wait "$server" || true; rm -rf "$dir"' EXIT
mkdir -p "$dir/characters/tom"
"${US_MKTINY:-build/release/tools/us_mktiny}" --seed 3 --ctx 4096 --chat chatml llama F32 "$dir/m.gguf" >/dev/null
echo '{"spec":"chara_card_v2","data":{"name":"Tom","description":"You are Tom."}}' >"$dir/characters/tom/card.json"
"${UNDERSTUDY:-$root/build/release/understudy}" serve -m "$dir/m.gguf" --port "$port" --data-dir "$dir/data" --characters "$dir/characters" -c 8192 -t 1 2>"$dir/log" &
server=$!
url=http://127.0.0.1:$port
for _ in $(seq 600); do curl -sf "$url/health" >/dev/null && break; sleep 0.1; done
post() { curl -sf -H 'Content-Type: application/json' -d "$2" "$url$1"; }
id_of() { sed 's/.*"id":"\([^"]*\)".*/\1/'; }
tell_known() { # a chat, a script and a job: schemathesis deletes what it can, so each round has its own
    local chat script job
    chat=$(post /api/chats '{"characters":["tom"]}' | id_of)
    post "/api/chats/$chat/say" '{"text":"Hello.","takes":1}' >/dev/null
    script=$(curl -sf -H 'Content-Type: application/octet-stream' --data-binary @"$root/examples/lighthouse.csv" "$url/api/scripts?name=lighthouse.csv" | id_of)
    job=$(post /api/jobs "{\"kind\":\"train\",\"script\":\"$script\",\"character\":\"Ada\",\"options\":{\"max_steps\":2}}" | id_of) || job=none
    printf '[parameters]\n"path.chat" = "%s"\n"path.turn" = 2\n"path.character" = "tom"\n"path.model" = "tom"\n"path.script" = "%s"\n"path.job" = "%s"\n' "$chat" "$script" "$job" >"$dir/known.toml"
}
judge() { # what is not judged, then more options; the second round knows a chat (in a file that is not read unasked), and cannot vary where it is asked for
    local not=$1
    shift
    (cd "$dir" && "$st" "$@" run "$url/openapi.json" --max-examples "${EXAMPLES:-12}" --phases coverage,fuzzing --continue-on-failure --exclude-checks "$not" --seed "$seed") || true
}
end=$(($(date +%s) + minutes * 60))
while :; do
    tell_known
    judge positive_data_acceptance
    tell_known
    judge positive_data_acceptance,negative_data_rejection --config-file "$dir/known.toml"
    kill -0 "$server"
    seed=$((seed + 1))
    [ "$(date +%s)" -lt "$end" ] || break
done | tee "$dir/found"
curl -sf "$url/health"
echo
echo "found, by kind:"
grep -aoE '^- ST[0-9]+ .*' "$dir/found" | sort | uniq -c || true
echo "answers by status:"
grep -aoE ' [1-5][0-9][0-9] [0-9]+ ms$' "$dir/log" | awk '{n[$1]++; all++} END {for (c in n) print "  " c ": " n[c]; print "  all: " all}' | sort
if grep -aE ' 5[0-9][0-9] [0-9]+ ms$|: 5[0-9][0-9]: ' "$dir/log" | grep -avE ' 50[17] [0-9]+ ms$|: 50[17]: ' | sort | uniq -c | sort -rn | head -40 | grep .; then exit 1; fi
if grep -aE 'AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error' "$dir/log"; then exit 1; fi
