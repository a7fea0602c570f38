#!/usr/bin/env bash
# The README tells the truth: every fenced block that opens with "```sh tested" is run, line by line as it stands,
# in a copy of the folder's view (links to the tree, so that files it writes do not land there). A command must
# succeed; a comment line "# prints: TEXT" after it must be found in its output.
set -euo pipefail
: "${UNDERSTUDY:?}" "${US_BUILD:?}"
root=$PWD
models=${XDG_DATA_HOME:-$HOME/.local/share}/understudy/models
[ -e "$models/SmolLM2-135M-Instruct.Q4_1.gguf" ] || { echo "skipped: no default model (script/model fetches it)"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for entry in "$root"/*; do ln -s "$entry" "$work/"; done
rm -f "$work/build" && mkdir "$work/build" && ln -s "$US_BUILD" "$work/build/release"
n=0
for doc in README.md README.ru.md; do
    [ -f "$doc" ] || continue
    while IFS= read -r command; do
        case $command in
        '# prints: '*)
            grep -qF -- "${command#\# prints: }" "$work/output" ||
                { echo "$doc: '$last' was to print '${command#\# prints: }' but printed:"; cat "$work/output"; exit 1; }
            continue
            ;;
        '' | '#'*) continue ;;
        esac
        last=$command n=$((n + 1))
        (cd "$work" && timeout 600 bash -euo pipefail -c "$command") >"$work/output" 2>"$work/errors" </dev/null ||
            { echo "$doc: this command failed: $command"; cat "$work/output" "$work/errors"; exit 1; }
    done < <(awk '/^```sh tested/ {on = 1; next} /^```/ {on = 0} on' "$doc")
done
[ $n -gt 0 ] || { echo "no tested block in the README"; exit 1; }
echo "$n commands ran"
