# shellcheck shell=bash
# What the scripts share; sourced, not run. Progress goes to stderr, in plain words.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
mkdir -p build

say() { printf '%s\n' "== $*" >&2; }
die() {
    printf '%s\n' "$@" >&2
    exit 1
}
# Homebrew keeps these two out of pkg-config's sight, because the system has copies without headers.
if [ "$(uname -s)" = Darwin ] && command -v brew >/dev/null 2>&1; then
    for keg in icu4c libarchive; do PKG_CONFIG_PATH=$(brew --prefix $keg)/lib/pkgconfig:${PKG_CONFIG_PATH:-}; done
    export PKG_CONFIG_PATH
fi
jobs() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }

# quietly LOG COMMAND...: its output goes to build/LOG.log; on failure the end of it is shown.
quietly() {
    local log=build/$1.log
    shift
    "$@" >"$log" 2>&1 && return 0
    tail -n 40 "$log" >&2
    die "'$*' failed; all of its output is in $log"
}

# build PRESET [TARGET]: configures and compiles into build/PRESET.
build() {
    quietly "configure-$1" cmake --preset "$1"
    quietly "build-$1" cmake --build "build/$1" --parallel "$(jobs)" --target "${2:-all}"
}
