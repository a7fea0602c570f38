#!/bin/bash
# The server as curl sees it, on the default model: routes, streaming, safe defaults, errors in OpenAI's shape, a clean end.
set -u
fail() { echo "FAILED: $*"; exit 1; }
command -v curl >/dev/null || { echo "skipped: no curl"; exit 77; }
dir=$(mktemp -d); pid=; trap '[ -z "$pid" ] || kill $pid; rm -rf "$dir"' EXIT
model="${XDG_DATA_HOME:-$HOME/.local/share}/understudy/models/SmolLM2-135M-Instruct.Q4_1.gguf"
[ -r "$model" ] || { echo "skipped: no default model (script/model fetches it)"; exit 77; }
"$UNDERSTUDY" serve --port 0 --data-dir "$dir/data" 2>"$dir/err" & pid=$!
for _ in $(seq 1200); do # until it listens, and until it is ready
  url=$(sed -n 's|^\(http://[0-9.:]*\) .*|\1|p' "$dir/err"); [ -n "$url" ] && curl -sf "$url/health" >/dev/null && break
  kill -0 $pid 2>/dev/null || fail "$(cat "$dir/err")"
  sleep 0.1
done
code() { # expected status, then curl's arguments
  local want=$1 got; shift
  got=$(curl -s -m 60 -o "$dir/out" -w '%{http_code}' "$@"); [ "$got" = "$want" ] || fail "$*: $got, expected $want: $(head -c 300 "$dir/out")"
}
code 200 "$url/"; grep -q '<!doctype html>' "$dir/out" || fail "no page"
etag=$(curl -s -D - -o "$dir/out" "$url/app.js" | tr -d '\r' | sed -n 's/^ETag: //Ip'); code 304 -H "If-None-Match: $etag" "$url/app.js"
json=(-H 'Content-Type: application/json')
ask='{"model":"base","messages":[{"role":"user","content":"Hi"}],"temperature":0,"max_tokens":8'
code 200 "$url/v1/models"; grep -q '"homer"' "$dir/out" || fail "homer is not listed"
code 200 "${json[@]}" -d "$ask}" "$url/v1/chat/completions"; grep -q '"completion_tokens":[1-8],' "$dir/out" || fail "usage: $(cat "$dir/out")"
words=$(sed 's/.*"content":"\([^"]*\)".*/\1/' "$dir/out")
code 200 "${json[@]}" -d "$ask,\"stream\":true}" "$url/v1/chat/completions"; grep -q 'data: \[DONE\]' "$dir/out" || fail "no end of the stream"
streamed=$(sed -n 's/.*"content":"\([^"]*\)".*/\1/p' "$dir/out" | tr -d '\n'); [ "$words" = "$streamed" ] || fail "streamed '$streamed', whole '$words'"
code 400 "${json[@]}" -d '{' "$url/v1/chat/completions"; grep -q '"invalid_request_error"' "$dir/out" || fail "error shape"
code 400 "${json[@]}" -d "$ask,\"top_p\":7}" "$url/v1/chat/completions"
code 400 "${json[@]}" -d '{"model":"base","messages":"x"}' "$url/v1/chat/completions"
code 404 "${json[@]}" -d '{"model":"nobody","messages":[]}' "$url/v1/chat/completions"
code 404 "$url/nothing"; code 405 -X PUT "${json[@]}" "$url/v1/models"
code 415 -H "Origin: $url" -d "$ask}" "$url/v1/chat/completions"
code 403 "${json[@]}" -H 'Origin: http://evil.example' -d "$ask}" "$url/v1/chat/completions"
code 403 -H 'Host: evil.example' "$url/health"
head -c 1200000 /dev/zero | tr '\0' ' ' >"$dir/big"; code 413 "${json[@]}" -H Expect: --data-binary @"$dir/big" "$url/v1/chat/completions"
code 200 "$url/metrics"; grep -q '^understudy_replies_total 2' "$dir/out" || fail "metrics: $(cat "$dir/out")"
kill $pid; wait $pid || fail "exit $?"; pid=
"$UNDERSTUDY" serve --host 0.0.0.0 --port 0 2>"$dir/err" && fail "a public address without a key was taken"
grep -q "API key" "$dir/err" || fail "$(cat "$dir/err")"
echo ok
