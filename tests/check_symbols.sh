#!/usr/bin/env bash
# Names: the shared library exports only us_*, and exactly what the public headers declare with US_API; no object
# of the static library defines a global name that does not start with us_.
set -euo pipefail
: "${US_STATIC:?}" "${US_SHARED:?}"
case $(file -b "$US_SHARED" 2>/dev/null || echo ELF) in *ELF*) ;; *) echo "skipped: needs an ELF library"; exit 77 ;; esac
if nm "$US_SHARED" | grep -E '__(asan|tsan)_' >/dev/null; then echo "skipped: sanitizers add names of their own"; exit 77; fi

exported=$(nm -D --defined-only "$US_SHARED" | awk '{print $3}' | sed 's/@.*//' | grep -v -E '^(_init|_fini)$' | sort -u)
global=$(nm -g --defined-only "$US_STATIC" | awk 'NF == 3 {print $3}' | sort -u)
declared=$(cat include/understudy/*.h | tr '\n' ' ' | sed -E 's@/\*[^*]*\*+([^/*][^*]*\*+)*/@ @g' |
    grep -oE 'US_API [^;{]*\(' | sed -E 's/US_PRINTF\(//' | grep -oE 'us_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u)

bad=0
foreign=$(grep -v '^us_' <<<"$exported" || true)
[ -z "$foreign" ] || { echo "exported without us_:"; echo "$foreign"; bad=1; }
foreign=$(grep -v '^us_' <<<"$global" || true)
[ -z "$foreign" ] || { echo "global without us_ (make it static):"; echo "$foreign"; bad=1; }
extra=$(comm -23 <(echo "$exported") <(echo "$declared"))
[ -z "$extra" ] || { echo "exported but in no public header:"; echo "$extra"; bad=1; }
missing=$(comm -13 <(echo "$exported") <(echo "$declared"))
[ -z "$missing" ] || { echo "declared with US_API but not defined:"; echo "$missing"; bad=${US_STRICT_API:-0}; }
[ "$(wc -l <<<"$exported")" -ge 3 ] || { echo "nothing is exported"; bad=1; }
echo "$(wc -l <<<"$exported") exported, $(wc -l <<<"$global") global names"
exit "$bad"
