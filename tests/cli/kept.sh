#!/bin/bash
# Packed weights are kept in the user's cache: the same words with it and without, one file a level, shared by processes, and nothing lost when the
# writer is killed, the disk is full, or the cache is removed under a running program.
set -u
fail() { echo "FAILED: $*"; exit 1; }
unset US_CACHE
dir=$(mktemp -d)
talker=
trap '[ -z "$talker" ] || kill "$talker" 2>/dev/null; rm -rf "$dir"' EXIT
export XDG_CACHE_HOME=$dir/cache
packed=$dir/cache/understudy/packed
"$US_MKTINY" --layers 4 --embd 256 --ff 1024 --heads 4 --kv-heads 4 --head-size 64 --tokens 4000 --chat chatml llama F32 "$dir/m.gguf" >/dev/null || fail "mktiny"
head -c 3000 tests/data/text/ruth_jonah.txt >"$dir/short"

# value: what the model makes of a text, to the last digit that is printed
value() { "$UNDERSTUDY" perplexity --json -m "$dir/m.gguf" -f "$dir/short" 2>/dev/null | sed 's/"tokens_per_s.*//'; }
# packs N: as many files of packed weights as that
packs() {
    local n
    n=$(find "$packed" -name '*.pack' | wc -l)
    [ "$n" = "$1" ] || fail "$n packed files, expected $1"
}
# note: what bench says of the cache
note() { "$UNDERSTUDY" bench -m "$dir/m.gguf" -r 1 --test tg1 | sed -n 's/.*packed weights //p'; }

want=$(US_CACHE=off value)
case $want in *perplexity*) ;; *) fail "no perplexity: $want" ;; esac
[ ! -e "$packed" ] || fail "US_CACHE=off made a folder"
[ "$(value)" = "$want" ] || fail "the first start has other words"
packs 1
[ "$(value)" = "$want" ] || fail "the second start has other words"
[ "$(note)" = kept ] || fail "not kept: $(note)"
case $(US_CACHE=off note) in 'not kept: US_CACHE is off') ;; *) fail "off is not told" ;; esac
US_CPU=scalar value >/dev/null
packs 2

# a process that waits for a line maps the file, and goes on when the cache is removed
mkfifo "$dir/in"
echo '{"spec": "chara_card_v2", "data": {"name": "Ada", "description": "Ada."}}' >"$dir/ada.json"
"$UNDERSTUDY" chat -m "$dir/m.gguf" --character "$dir/ada.json" -n 4 <"$dir/in" >"$dir/out" 2>&1 &
talker=$!
exec 5>"$dir/in"
for ((i = 0; i < 600; i++)); do
    grep -qs '\.pack$' "/proc/$talker/maps" && break
    kill -0 "$talker" 2>/dev/null || break
    sleep 0.1
done
grep -qs '\.pack$' "/proc/$talker/maps" || fail "the file is not mapped: $(cat "$dir/out")"
rm -r "$packed"
printf 'hello\n' >&5
exec 5>&-
wait "$talker" || fail "a chat without its cache: $(cat "$dir/out")"
talker=

# killed while it writes: what it leaves is no file that anybody reads, and the next start removes it
for ((k = 0; k < 5; k++)); do
    rm -rf "$packed"
    "$UNDERSTUDY" bench -m "$dir/m.gguf" -r 1 --test tg1 >/dev/null 2>&1 &
    writer=$!
    while kill -0 "$writer" 2>/dev/null && ! [ -e "$packed/aside" ] && ! compgen -G "$packed/*.pack" >/dev/null; do :; done
    kill -9 "$writer" 2>/dev/null
    wait "$writer" 2>/dev/null
    [ "$(value)" = "$want" ] || fail "other words after kill -9"
    packs 1
    [ ! -e "$packed/aside" ] || fail "half a file stayed"
done

# a disk that is full: the same words, nothing left on it
mkdir "$dir/disk"
for enter in "unshare -m" "unshare -Urm"; do
    $enter mount -t tmpfs -o size=8m none "$dir/disk" 2>/dev/null || continue
    export -f value fail
    export UNDERSTUDY dir want
    # shellcheck disable=SC2016 # the inner shell expands them
    $enter bash -c 'mount -t tmpfs -o size=8m none "$dir/disk"; export XDG_CACHE_HOME=$dir/disk
        [ "$(value)" = "$want" ] || fail "other words on a full disk"
        [ -z "$(find "$dir/disk" -name "*.pack" -o -name aside)" ] || fail "something stayed on a full disk"' || fail "see above"
    exit 0
done
echo "no file system may be mounted here: a full disk was not tried"
