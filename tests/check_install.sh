#!/usr/bin/env bash
# An outside project builds against an installed copy: by pkg-config and by find_package, shared and static, from a
# prefix that was moved after the installation.
set -euo pipefail
: "${US_BUILD:?}"
if grep -q '^US_SANITIZE:STRING=.' "$US_BUILD/CMakeCache.txt"; then echo "skipped: sanitized build"; exit 77; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$US_BUILD" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/prefix"
pc=$(dirname "$(find "$work/prefix" -name understudy.pc)")
libdir=$(dirname "$pc")
version=$("$work/prefix/bin/understudy" --version)
cc=${CC:-cc}

# runs PROGRAM: it must print the version of the library that was installed
runs() {
    local got
    got=$(LD_LIBRARY_PATH=$libdir "$1")
    [ "$got" = "$version" ] || { echo "$1 printed '$got', expected '$version'"; exit 1; }
}
export PKG_CONFIG_PATH=$pc
# shellcheck disable=SC2046,SC2086 # flags are words
{
    $cc tests/install/mini.c -o "$work/pc_shared" $(pkg-config --cflags --libs understudy)
    $cc tests/install/mini.c -o "$work/pc_static" $(pkg-config --cflags --libs understudy-static)
}
runs "$work/pc_shared"
runs "$work/pc_static"
readelf -d "$work/pc_shared" | grep 'NEEDED.*libunderstudy\.so\.' >/dev/null || { echo "pc_shared does not use the shared library"; exit 1; }
if readelf -d "$work/pc_static" | grep 'NEEDED.*libunderstudy' >/dev/null; then echo "pc_static is not static"; exit 1; fi

{
    cmake -S tests/install -B "$work/mini" -DCMAKE_PREFIX_PATH="$work/prefix"
    cmake --build "$work/mini"
} >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
runs "$work/mini/mini_shared"
runs "$work/mini/mini_static"
if grep -rnE "$PWD/(include|src|cmake|build)|$work" "$libdir/cmake" "$pc"; then echo "^ the installed files name a folder of the build"; exit 1; fi
echo "four outside programs built and ran: $version"
