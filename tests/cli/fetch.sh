#!/usr/bin/env bash
# -m with an address: fetched once, resumed, checked; a server that breaks off, sends on, and lies.
set -euo pipefail
: "${UNDERSTUDY:?}" "${US_MKTINY:?}"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
d=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null; rm -rf "$d"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
"$US_MKTINY" llama F32 "$d/m.gguf"
python3 "$(dirname "$0")/fetch_server.py" "$d/m.gguf" "$d/port" "$d/log" &
server=$!
for _ in $(seq 3000); do [ -s "$d/port" ] && break; sleep 0.1; done
port=$(cat "$d/port")
export XDG_DATA_HOME=$d/data HF_ENDPOINT=http://127.0.0.1:$port
models=$d/data/understudy/models
sum=$(python3 -c 'import hashlib,sys; print(hashlib.sha256(open(sys.argv[1],"rb").read()).hexdigest())' "$d/m.gguf")
# get ADDRESS: tokenizes with the model there; the path is in $at
get() { out=$("$UNDERSTUDY" tokenize -m "$1" --json - <<<"Hello" 2>"$d/err") || { out=$(cat "$d/err"); return 1; }; }
kept() { cmp "$d/m.gguf" "$models/$1" || fail "$1 is not the file"; [ ! -e "$models/$1.part" ] || fail "$1.part is left"; }
# refused KIND TEXT: not fetched, and says so
refused() {
    ! get "http://127.0.0.1:$port/$1/model.gguf" || fail "$1 was taken"
    grep -qF -- "$2" <<<"$out" || fail "$1: no '$2' in: $out"
    [ ! -e "$models/127.0.0.1_$port/$1/model.gguf" ] || fail "$1 was kept"
}
for kind in good breaks notag ignores redirect; do
    get "http://127.0.0.1:$port/$kind/model.gguf" || fail "$kind: $out"
    kept "127.0.0.1_$port/$kind/model.gguf"
done
grep -q '/breaks/model.gguf bytes=' "$d/log" || fail "nothing was resumed"
n=$(wc -l <"$d/log")
get "http://127.0.0.1:$port/good/model.gguf#sha256=$sum"
get hf:owner/name/model.gguf || fail "hf: $out"
kept "127.0.0.1_$port/owner/name/resolve/main/model.gguf"
get hf:owner/name/model.gguf@v1.0 || fail "hf with a revision: $out"
m=$(wc -l <"$d/log")
[ "$m" = $((n + 4)) ] || fail "a file that is there was asked for again"
kill $server; wait $server 2>/dev/null || true
get hf:owner/name/model.gguf || fail "what is there needs a network: $out"
rm "$d/port"
python3 "$(dirname "$0")/fetch_server.py" "$d/m.gguf" "$d/port" "$d/log" &
server=$!
for _ in $(seq 3000); do [ -s "$d/port" ] && break; sleep 0.1; done
port=$(cat "$d/port") HF_ENDPOINT=http://127.0.0.1:$port
refused html "no GGUF file but a web page"
refused blob "write /resolve/ in place of /blob/"
refused pointer "Git LFS pointer"
refused login "(401)"
refused closed "(403)"
refused missing "no such file"
refused loop "edirect"
refused outside "rotocol"
refused short "bytes of"
refused shifted "was asked from byte"
! get hf:liar/name/model.gguf || fail "a file with another sum was taken"
grep -q "SHA-256" <<<"$out" || fail "liar: $out"
! get "http://127.0.0.1:$port/good/model.gguf#sha256=$(printf '0%.0s' $(seq 64))" || fail "another sum was taken"
for bad in http://example.com/m.gguf ftp://example.com/m.gguf "https://user@example.com/m.gguf" hf:owner/model.gguf "https://example.com/" "https://example.com/a#sha256=12"; do
    ! get "$bad" || fail "$bad was taken"
done
get "http://127.0.0.1:$port/good/../../../../escape.gguf" || true
[ -z "$(find "$d" -name 'escape*' -not -path "$models/*")$(find "$d/data" -name '*..*')" ] || fail "a path led out of the folder"
# a process that dies: the next one goes on
mkdir -p "$models/127.0.0.1_$port/good"
head -c 300000 "$d/m.gguf" >"$models/127.0.0.1_$port/good/model.gguf.part"
echo '"v1"' >"$models/127.0.0.1_$port/good/model.gguf.part.tag"
: >"$d/log"
get "http://127.0.0.1:$port/good/model.gguf" || fail "resumed: $out"
kept "127.0.0.1_$port/good/model.gguf"
grep -q 'bytes=300000-' "$d/log" || fail "not resumed at 300000: $(cat "$d/log")"
"$UNDERSTUDY" inspect "http://127.0.0.1:$port/good/model.gguf" | grep "architecture   llama" >/dev/null || fail "inspect with an address"
echo ok
