#!/usr/bin/env bash
# By hand, as root on Debian or Ubuntu with debootstrap: proves that the commit at HEAD comes up on a bare Debian 12,
# once as root and once as an ordinary user with sudo. Not part of script/test: it downloads a whole system.
#
#   sudo tests/bare_root.sh DIR [start|test]...      default: start; DIR takes about 4 GB
#
# DIR/pristine is the bare system (made once), DIR/root and DIR/user are copies in which things are installed.
# What this machine needs to reach its mirrors is carried in: resolv.conf, hosts, apt's and pip's settings, PIP_CERT.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
cd "$(dirname "$0")/.."
mkdir -p "$1"
base=$(cd "$1" && pwd)
shift
jobs=("$@")
[ ${#jobs[@]} -gt 0 ] || jobs=(start)

if [ ! -d "$base/pristine" ]; then
    debootstrap --variant=minbase bookworm "$base/pristine.part"
    mv "$base/pristine.part" "$base/pristine"
fi

cleanup() { for r in root user; do mountpoint -q "$base/$r/proc" && umount "$base/$r/proc"; done || true; }
trap cleanup EXIT
cleanup

# prepare ROOT: a fresh copy that reaches the network as this machine does, with the tree in /understudy
prepare() {
    local r=$base/$1 f
    rm -rf "$r"
    cp -a --reflink=auto "$base/pristine" "$r"
    cp -L /etc/resolv.conf /etc/hosts "$r/etc/"
    for f in /etc/apt/apt.conf.d/*proxy* /etc/apt/sources.list.d/debian.sources /etc/pip.conf; do
        [ -f "$f" ] && cp "$f" "$r$f"
    done
    if [ -f "$r/etc/apt/sources.list.d/debian.sources" ]; then rm -f "$r/etc/apt/sources.list"; fi
    [ -z "${PIP_CERT:-}" ] || cp -L "$PIP_CERT" "$r/etc/pip-ca.crt"
    mkdir -p "$r/understudy"
    git archive HEAD | tar -x -C "$r/understudy"
    mount -t proc proc "$r/proc"
}
# inside ROOT USER HOME COMMAND
inside() {
    local extra=()
    [ -z "${PIP_CERT:-}" ] || extra=(PIP_CERT=/etc/pip-ca.crt)
    chroot --userspec="$2" "$base/$1" env -i HOME="$3" USER="$2" TERM=dumb LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${extra[@]}" \
        bash -c "cd /understudy && $4"
}
# run ROOT USER HOME: each job, its answer shown
run() {
    for job in "${jobs[@]}"; do
        echo "=== $2: script/$job"
        case $job in
        start) inside "$1" "$2" "$3" "printf 'Hi, who are you?\n' | script/start --seed 7" ;;
        test) inside "$1" "$2" "$3" script/test ;;
        esac
    done
}

prepare root
run root root /root
umount "$base/root/proc"

prepare user
inside user root /root 'apt-get update -qq && apt-get install -y -qq --no-install-recommends sudo >/dev/null 2>&1 &&
    useradd -m player && echo "player ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/player && chown -R player /understudy'
run user player /home/player
echo "tests/bare_root.sh: both came up"
