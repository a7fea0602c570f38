#!/usr/bin/env bash
# The tree names no package registry's host and no machine's paths, holds no model or other large binary,
# keeps files executable that are run, and (where shellcheck is installed) its scripts have no findings.
set -euo pipefail
git rev-parse --git-dir >/dev/null 2>&1 || { echo "skipped: not a git checkout"; exit 77; }
bad=0
# The patterns are put together here so that this file does not match itself.
dot='\.'
hosts="pypi${dot}org|pythonhosted${dot}org|npmjs${dot}(org|com)|crates${dot}io|rubygems${dot}org|debian${dot}org/debian|ubuntu${dot}com/ubuntu|conda${dot}(anaconda|io)|proxy${dot}golang|huggingface${dot}co/[a-z]"
sl=/
paths="(^|[^[:alnum:]._~}-])${sl}(root|work|home${sl}[a-z]+|Users${sl}[A-Za-z]+|tmp${sl}(dl|issues|team|claims))(${sl}|[^[:alnum:]_-]|$)"
# tests/bare_root.sh makes a root of its own and may name the paths inside it; data of others is not ours to judge.
if git grep -nIE "$hosts" -- . ':!tests/data' ':!fuzz/corpus'; then echo "^ a package registry's host"; bad=1; fi
if git grep -nIE "$paths" -- . ':!tests/data' ':!fuzz/corpus' ':!tests/bare_root.sh'; then echo "^ a machine's path"; bad=1; fi
while IFS= read -r file; do
    [ -f "$file" ] || continue
    case $file in characters/*.gguf | bench/wits/judged.jsonl) continue ;; esac # adapters and directors; the labels that they learned from
    [ "$(wc -c <"$file")" -le 1500000 ] || { echo "$file: over 1.5 MB"; bad=1; }
done < <(git ls-files)
for file in script/* .ci/run; do
    case $file in script/lib.sh) continue ;; esac
    [ -x "$file" ] || { echo "$file: not executable"; bad=1; }
done
if git grep -nE "pthread_cond_timedwait" -- src cli ':!src/base/clock.c'; then echo "^ waits for the wall clock, which may be set back (base/clock.h)"; bad=1; fi
if git grep -nE "json_load(s|b|f|fd|_file|_callback) *\(" -- src cli ':!src/base/json.c'; then echo "^ JSON past the one door (base/json.h)"; bad=1; fi
if git grep -nE "\bato[ilf]+ *\(|scanf *\([^\"]*\"[^\"]*%(l|ll|h|z)?[diux]" -- src cli; then echo "^ reads a number that may overflow (give sscanf's %d a width)"; bad=1; fi
while IFS= read -r file; do # a .c file opens with what it is for, or the header of its name does
    name=$(basename "$file" .c)
    [[ $(head -c 2 "$file") == '/*' || -f ${file%.c}.h || -f include/understudy/$name.h ]] || { echo "$file: no opening comment"; bad=1; }
done < <(git ls-files 'src/*.c' 'cli/*.c')
# No name may mean two things: a us_ type is defined in one place.
twice=$(git grep -hoE "^(typedef )?(struct|enum) us_[a-z0-9_]+ \{" -- include src | sed 's/^typedef //' | sort | uniq -d)
[ -z "$twice" ] || { echo "types that are defined twice: $twice"; bad=1; }
for file in cli/*.c; do
    grep -qE '^#include "(cli|cli_[a-z]+)\.h"' "$file" || { echo "$file: prints past the one way to a terminal (cli_out.h)"; bad=1; }
done
if command -v shellcheck >/dev/null; then
    # shellcheck disable=SC2046 # names of ours, without blanks
    shellcheck -x -P SCRIPTDIR $(git ls-files script .ci/run 'tests/*.sh' 'bench/*.sh') || bad=1
fi
# Another version breaks lines elsewhere: only Debian 12's is asked.
if command -v clang-format >/dev/null && clang-format --version | grep 'version 14\.' >/dev/null; then script/fmt --check || bad=1; fi
[ $bad = 0 ] && echo "clean"
exit $bad
