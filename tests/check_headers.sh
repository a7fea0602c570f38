#!/usr/bin/env bash
# Each public header compiles alone, twice included, without a warning, as C11 and as C++17.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
languages=(c)
if command -v c++ >/dev/null; then languages+=(c++); else echo "no C++ compiler: only as C"; fi
n=0
for header in include/understudy/*.h; do
    for language in "${languages[@]}"; do
        printf '#include "understudy/%s"\n#include "understudy/%s"\n' "$(basename "$header")" "$(basename "$header")" >"$work/alone.c"
        standard=c11 compiler=${CC:-cc}
        [ "$language" = c ] || standard=c++17 compiler=c++
        "$compiler" -x "$language" -std=$standard -Wall -Wextra -Wpedantic -Wshadow -Werror -Iinclude -fsyntax-only "$work/alone.c" ||
            { echo "$header does not compile alone as $language"; exit 1; }
        n=$((n + 1))
    done
done
[ $n -gt 0 ] && echo "$n compilations"
