#!/usr/bin/env bash
# docs/serve.md lists the fields of requests that are refused: those of the table in src/serve/fields.c, each with what to use instead, and no others.
set -euo pipefail
code=$(sed -nE 's/^    \{"([a-z_]+)", [-0-9]+, (NULL|"[a-z]+"), (NULL|"(.*)")\},$/\1\t\4/p' src/serve/fields.c | sort)
docs=$(sed -n '/^| field | instead |$/,/^$/p' docs/serve.md | sed '1,2d; /chat_template_kwargs/d; /^$/d' | while IFS='|' read -r _ names instead _; do
    for name in ${names//[\`,]/ }; do printf '%s\t%s\n' "$name" "$(sed 's/^ *//; s/ *$//' <<<"$instead")"; done
done | sort)
[ "$(wc -l <<<"$code")" -gt 50 ] || { echo "the table of src/serve/fields.c was not found"; exit 1; }
diff <(echo "$code") <(echo "$docs") || { echo "src/serve/fields.c (<) and docs/serve.md (>) differ"; exit 1; }
grep -q 'chat_template_kwargs' src/serve/fields.c
echo "$(wc -l <<<"$code") fields"
