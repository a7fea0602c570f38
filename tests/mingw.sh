#!/usr/bin/env bash
# By hand: what of the library and of the terminal's program compiles for Windows (mingw-w64, without the server, pictures and other engines), and
# what the compiler misses in the rest. Nothing is linked: of the libraries it stands on only the headers of this machine are lent to the compiler.
# docs/windows.md is made from its answer.
#
#   tests/mingw.sh [OUT]        needs x86_64-w64-mingw32-gcc (Debian: mingw-w64) and the -dev packages of script/setup
set -euo pipefail
cd "$(dirname "$0")/.."
cc=${MINGW_CC:-x86_64-w64-mingw32-gcc}
command -v "$cc" >/dev/null || { echo "no $cc (apt-get install mingw-w64)"; exit 1; }
out=${1:-$(mktemp -d)}
mkdir -p "$out/include"
for header in jansson.h jansson_config.h pcre2.h archive.h archive_entry.h expat.h expat_external.h expat_config.h zlib.h zconf.h; do
    for at in /usr/include /usr/include/x86_64-linux-gnu; do [ ! -f "$at/$header" ] || cp "$at/$header" "$out/include/"; done
done
cp -r /usr/include/unicode "$out/include/"
flags=(-std=gnu11 -O1 -D_GNU_SOURCE -DUS_VERSION='"0"' -Iinclude -Isrc -isystem "$out/include" -D__USE_MINGW_ANSI_STDIO=1 -include cmake/mingw/posix.h -Icmake/mingw -Wall -Wno-format -Wno-missing-field-initializers)
left_out='^src/(serve|backup)/|^src/chat/(store|row)\.c|^src/explore/(about|charts|cloud|cloud_save|fonts|html|report)\.c|^src/train/curve\.c|^src/character/card_face\.c|^src/(reply/remote|fetch/fetch)\.c|^cli/cmd_(serve|backup|restore)\.c'
good=0 bad=0
: >"$out/missing"
for f in src/*/*.c src/kern/scalar/*.c src/kern/x86/*.c cli/*.c cmake/mingw/*.c; do
    [[ ! $f =~ $left_out ]] || continue
    isa=()
    case $f in
    *_avx2.c) isa=(-mavx2 -mfma -mf16c -mbmi2) ;;
    *_avxvnni.c) isa=(-mavx2 -mfma -mf16c -mbmi2 -mavxvnni) ;;
    *_avx512.c | *_amx.c) isa=(-mavx2 -mfma -mf16c -mbmi2 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512bf16 -mamx-tile -mamx-bf16) ;;
    esac
    if LC_ALL=C "$cc" "${flags[@]}" "${isa[@]}" -Werror=implicit-function-declaration -c "$f" -o "$out/$(tr / _ <<<"${f%.c}").o" 2>"$out/errors"; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
        echo "$f: $(sed -nE "s/.*fatal error: ([^:]*): No such.*/<\\1>/p; s/.*error: implicit declaration of function '([^']*)'.*/\\1()/p; s/.*error: '([A-Za-z_0-9]+)' undeclared.*/\\1/p; s/.*error: unknown type name '([^']*)'.*/\\1/p; s/.*error: storage size of '([^']*)'.*/\\1/p" "$out/errors" | sort -u | tr '\n' ' ')" | tee -a "$out/missing"
    fi
done
echo "$good files compile, $bad do not; missing:"
sed 's/^[^:]*: //' "$out/missing" | tr ' ' '\n' | grep . | sort | uniq -c | sort -rn
