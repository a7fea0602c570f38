#!/usr/bin/env bash
# Manual pages and completions say what --help says; the Debian package (where dpkg-deb and cpack are) holds the program, which runs from it.
set -euo pipefail
: "${US_BUILD:?}" "${UNDERSTUDY:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
while IFS=$'\t' read -r command help; do
    page=$US_BUILD/man/understudy-$command.1
    "$UNDERSTUDY" "$command" --help=man >"$work/page"
    [ ! -e "$page" ] || cmp -s "$work/page" "$page" || { echo "$page is not what the program says: build it again"; exit 1; }
    "$UNDERSTUDY" "$command" --help >"$work/help"
    sed 's/\\-/-/g' "$work/page" >"$work/plain"
    while IFS= read -r line; do
        option=${line%%$'\t'*} words=${line##*$'\t'}
        grep -q -- "$option\b" "$work/help" || { echo "$command: $option is in the list and not in --help"; exit 1; }
        grep -qF -- "$option" "$work/plain" || { echo "$command: $option is not in the manual page"; exit 1; }
        [ -n "$words" ] || { echo "$command: $option has no help"; exit 1; }
        n=$((n + 1))
    done < <("$UNDERSTUDY" "$command" --help=list)
    [ -n "$help" ] || { echo "$command has no help"; exit 1; }
done < <("$UNDERSTUDY" --help=list)
[ "$n" -gt 100 ] || { echo "only $n options"; exit 1; }
if command -v groff >/dev/null; then
    for page in "$US_BUILD"/man/*.1; do
        [ -e "$page" ] || continue
        groff -man -Tutf8 -ww "$page" >/dev/null 2>"$work/warnings"
        [ ! -s "$work/warnings" ] || { cat "$work/warnings"; exit 1; }
    done
fi
got=$(PATH=$(dirname "$UNDERSTUDY"):$PATH bash -c '. packaging/completions/understudy.bash; COMP_WORDS=(understudy cha) COMP_CWORD=1; _understudy; echo "${COMPREPLY[*]}"; COMP_WORDS=(understudy chat --tem) COMP_CWORD=2; _understudy; echo "${COMPREPLY[*]}"')
[ "$got" = $'chat\n--temp --template' ] || { echo "bash completes: $got"; exit 1; }
if grep -q '^US_SANITIZE:STRING=.' "$US_BUILD/CMakeCache.txt" || ! command -v dpkg-deb >/dev/null || ! command -v dpkg-shlibdeps >/dev/null; then
    echo "$n options in the pages and completions; no Debian package is made here"
    exit 0
fi
(cd "$work" && cpack -G DEB --config "$US_BUILD/CPackConfig.cmake" -B "$work/deb" >log 2>&1) || { cat "$work/log"; exit 1; }
deb=$(echo "$work"/deb/*.deb)
dpkg-deb -x "$deb" "$work/root"
[ "$("$work/root/usr/bin/understudy" --version)" = "$("$UNDERSTUDY" --version)" ]
for file in share/man/man1/understudy-chat.1 share/doc/understudy/LICENSE share/bash-completion/completions/understudy include/understudy/base.h; do
    [ -e "$work/root/usr/$file" ] || { echo "the package has no $file"; exit 1; }
done
[[ $(dpkg-deb -f "$deb" Depends) == *libmicrohttpd* ]] || { echo "the package does not say what it depends on"; exit 1; }
echo "$n options in the pages and completions; $(basename "$deb") runs"
