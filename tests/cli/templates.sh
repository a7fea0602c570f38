#!/usr/bin/env bash
# Chat templates: any card can be talked to, whatever forms of its own a template has; then against Jinja itself
# (tests/parity/templates.py), where Python has it: CASES_PY, or python3.
set -euo pipefail
: "${US_SHARED:?}" "${UNDERSTUDY:?}" "${US_MKTINY:?}"
fail() { echo "FAIL: $*"; exit 1; }
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
here=$(cd "$(dirname "$0")/.." && pwd)

# talk TEMPLATE CARD-MEMBERS: two lines are answered
talk() {
    "$US_MKTINY" --ctx 2048 --chat "$1" llama F32 "$d/m.gguf"
    mkdir -p "$d/ann"
    printf '{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Ann","first_mes":"Hello there.",%s"extensions":{"understudy":{"takes":1}}}}' "$2" >"$d/ann/card.json"
    printf 'How are you?\nFine.\n' | "$UNDERSTUDY" chat "$d/ann" -m "$d/m.gguf" --seed 1 -n 4 >"$d/out" 2>&1 || fail "$(cat "$d/out")"
    [ "$(wc -l <"$d/out")" = 2 ] || fail "two replies expected: $(cat "$d/out")"
}
# it joins an assistant's neighbouring messages; a card's examples end with one, and the greeting is the next
joins=$(sed "s/'user'/'assistant'/g; s/<user>/<assistant>/; s/<\/user>/<\/assistant>/" "$here/data/templates/pairs-merge.jinja")
talk "$joins" '"description":"{{char}} likes the moon.","mes_example":"<START>\n{{user}}: Ho\n{{char}}: Hi",'
# an empty system text has a form of its own, and the card has no persona
talk "$(cat "$here/data/templates/empty-forms.jinja")" ''

python=${CASES_PY:-python3}
"$python" -c 'import jinja2' 2>/dev/null || { echo "skipped: no Python with jinja2 (CASES_PY names one); cards were talked to"; exit 77; }
"$python" "$here/parity/templates.py" "$US_SHARED"
