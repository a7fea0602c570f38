#!/usr/bin/env bash
# By hand, as root on Debian or Ubuntu with debootstrap, where no container engine is at hand: goes through docker/Dockerfile step by step in bare
# roots, then starts the image's command with compose.yaml's options: another user, a read-only root, only /data to write; health, a reply, an end.
#
#   sudo tests/container.sh DIR        DIR takes about 4 GB; DIR/pristine (as tests/bare_root.sh makes it) is used when it is there
set -euo pipefail
[ $# = 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
cd "$(dirname "$0")/.."
tree=$PWD
mkdir -p "$1"
base=$(cd "$1" && pwd)
port=5000
if [ ! -d "$base/pristine" ]; then
    debootstrap --variant=minbase bookworm "$base/pristine.part"
    mv "$base/pristine.part" "$base/pristine"
fi
server=
cleanup() {
    if [ -n "$server" ]; then
        pkill -P "$server" || kill "$server" || true
        wait "$server" || true
    fi
    for r in "$base"/stage*; do
        for m in proc data tmp '' proc; do mountpoint -q "$r/$m" && umount "$r/$m"; done
    done || true
}
trap cleanup EXIT
cleanup

declare -A stage_of
env=() command=() entry=() health='' user=0:0 work=/ root='' n=0
in_root() { chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/ ${PIP_CERT:+PIP_CERT=/etc/pip-ca.crt} "${env[@]}" sh -c "cd $work && $1"; }
words() { python3 -c 'import json, sys; print("\n".join(json.loads(sys.argv[1])))' "$1"; }
from() {
    n=$((n + 1))
    root=$base/stage$n
    work=/ env=()
    rm -rf "$root"
    cp -a --reflink=auto "$base/pristine" "$root"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/" # what this machine needs to reach its mirrors
    for f in /etc/apt/apt.conf.d/*proxy* /etc/apt/sources.list.d/debian.sources /etc/pip.conf; do
        if [ -f "$f" ]; then cp "$f" "$root$f"; fi
    done
    if [ -f "$root/etc/apt/sources.list.d/debian.sources" ]; then rm -f "$root/etc/apt/sources.list"; fi
    [ -z "${PIP_CERT:-}" ] || cp -L "$PIP_CERT" "$root/etc/pip-ca.crt"
    mount -t proc proc "$root/proc"
    [ -z "${2:-}" ] || stage_of[$2]=$root
}
while IFS= read -r line; do
    case $line in '' | '#'*) continue ;; esac
    echo "=== $line"
    rest=${line#* }
    case $line in
    'ARG BASE=debian:12-slim') ;;
    "FROM \${BASE} AS "*) from debian "${line##* }" ;;
    "FROM \${BASE}") from debian ;;
    'WORKDIR '*) work=$rest && mkdir -p "$root$work" ;;
    'COPY . .') git -C "$tree" archive HEAD | tar -x -C "$root$work" ;;
    'COPY --from='*' / '*) false ;;
    'COPY --from='*) read -r from_stage what to <<<"${rest#--from=}" && cp -a "${stage_of[$from_stage]}$what/." "$root$to" ;;
    'RUN '*) in_root "$rest" ;;
    'ENV '*) read -r -a more <<<"$rest" && env+=("${more[@]}") ;;
    'USER '*) user=$rest ;;
    'HEALTHCHECK '*) health=${rest##*CMD } ;;
    'ENTRYPOINT '*) mapfile -t entry < <(words "$rest") ;;
    'CMD '*) mapfile -t command < <(words "$rest") ;;
    'VOLUME /data' | 'EXPOSE 5000') ;;
    *) echo "tests/container.sh does not know this step"; exit 1 ;;
    esac
done <docker/Dockerfile
if [ "${#entry[@]}" = 0 ] || [ "${#command[@]}" = 0 ] || [ -z "$health" ]; then echo "no entry point, command or health check"; exit 1; fi

run() { chroot --userspec="$user" "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 "${env[@]}" "$@"; }
echo "=== as the image starts it: refused, because no key was given"
if run "${entry[@]}" "${command[@]}" 2>"$base/log"; then exit 1; fi
grep -q 'API key' "$base/log"
echo "=== as compose.yaml starts it: not root, a read-only root file system"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/data" && chown 10001:10001 "$root/data"
mount -t tmpfs tmpfs "$root/tmp"
mount -o remount,ro,bind "$root"
(ulimit -u 2048 && run "${entry[@]}" "${command[@]}" --no-api-key --port "$port" 2>"$base/log") & # pids_limit; mem_limit is looked at below
server=$!
for _ in $(seq 60); do run sh -c "$health" >/dev/null 2>&1 && break; sleep 1; done
run sh -c "$health"
run sh -c 'touch /usr/here' 2>/dev/null && { echo "the root can be written"; exit 1; }
curl -fsS -H 'Content-Type: application/json' -d '{"model":"homer","messages":[{"role":"user","content":"Hi, who are you?"}]}' "http://127.0.0.1:$port/v1/chat/completions" | grep -o '"content":"[^"]*"'
curl -fsS "http://127.0.0.1:$port/" | grep -i '<!doctype html>' >/dev/null
child=$(pgrep -P "$server" -x understudy || echo "$server") # ours, whoever else runs one
used=$(awk '/^VmHWM/ {print $2}' "/proc/$child/status")
[ "$used" -lt $((4 << 20)) ] || { echo "it took $used KB, more than compose.yaml's mem_limit"; exit 1; }
kill "$child"
wait "$server" || { cat "$base/log"; exit 1; }
server=
echo "tests/container.sh: it came up, spoke, and ended"
