#!/bin/bash
# understudy tokenize on a tiny model: ids that give back the bytes, special tokens only where asked, errors in words.
set -u
fail() { echo "FAILED: $*"; exit 1; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" --chat chatml llama F32 "$dir/tiny.gguf" 2>/dev/null || fail "no tiny model"
tokenize() { "$UNDERSTUDY" tokenize -m "$dir/tiny.gguf" "$@"; }

[ "$(printf '' | tokenize --json -)" = "[]" ] || fail "the empty text"
plain=$(printf '<|im_end|>Hi' | tokenize --json -) || fail "exit $?"
special=$(printf '<|im_end|>Hi' | tokenize --json --special -) || fail "exit $?"
count() { echo "$1" | tr -cd , | wc -c; }
[ "$(count "$plain")" -gt "$(count "$special")" ] || fail "a special token without --special: $plain, with: $special"
echo "$special" | grep -Eq '^\[[0-9]+(, [0-9]+)*\]$' || fail "not an array: $special"
printf 'Hi \377\303\244' >"$dir/text"
[ "$(tokenize "$dir/text" | cut -f 2 | tr -d '\n')" = 'Hi \xff\xc3\xa4' ] || fail "bytes were lost: $(tokenize "$dir/text")"
tokenize "$dir/none" 2>"$dir/err"; [ $? = 1 ] || fail "a missing file was taken"
grep -q "none: cannot open" "$dir/err" || fail "message: $(cat "$dir/err")"
tokenize 2>/dev/null; [ $? = 2 ] || fail "no operand was taken"
echo ok
