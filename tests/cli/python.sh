#!/usr/bin/env bash
# The Python binding: its structs are those of the headers, field by field; a library with others is refused. A wheel is made, installed
# where nothing else is, imported; a tiny character answers, streamed and not; logits are those of the program.
set -euo pipefail
if grep -q '^US_SANITIZE:STRING=.' "$US_BUILD/CMakeCache.txt"; then echo "skipped: a sanitized library cannot be loaded by Python"; exit 77; fi
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$("$UNDERSTUDY" --version)

# What the system's loader finds under the name that the binding asks for.
LD_LIBRARY_PATH=$(dirname "$US_SHARED") DYLD_LIBRARY_PATH=$(dirname "$US_SHARED") PYTHONPATH=bindings/python python3 -c 'import understudy' ||
    { echo "FAIL: the library is not found by its name"; exit 1; }
export UNDERSTUDY_LIBRARY=$US_SHARED
PYTHONPATH=bindings/python python3 - >"$work/fields.c" <<'P'
import ctypes, understudy
print('#include <stddef.h>\n#include "understudy/chat.h"\n#include "understudy/generate.h"\n#include "understudy/template.h"\n#include "understudy/tokenizer.h"')
structs = understudy._Struct.__subclasses__()
assert len(structs) > 5
for s in structs:
    n = s.__name__
    print(f'_Static_assert(sizeof({n}) == {ctypes.sizeof(s)}, "{n}");')
    for f, kind in s._fields_:
        print(f'_Static_assert(offsetof({n}, {f}) == {getattr(s, f).offset} && sizeof((({n} *)0)->{f}) == {ctypes.sizeof(kind)}, "{n}.{f}");')
P
"${CC:-cc}" -std=c11 -Iinclude -fsyntax-only "$work/fields.c" || { echo "FAIL: the structs of the binding are not the headers'"; exit 1; }
sed 's/("n_batch", c_int32), //' bindings/python/understudy/__init__.py >"$work/older.py"
if (cd "$work" && python3 -c 'import older') 2>"$work/said"; then echo "FAIL: another version's structs were taken"; exit 1; fi
grep -q 'us_engine_options has [0-9]* bytes' "$work/said" || { cat "$work/said"; exit 1; }
unset UNDERSTUDY_LIBRARY

wheel=$(python3 bindings/python/make_wheel.py "$US_SHARED" "${version#* }" "$work")
python3 -m pip install --quiet --root-user-action=ignore --no-index --no-deps --target "$work/site" "$wheel" || { echo "skipped: pip cannot install a wheel here"; exit 77; }
"$US_MKTINY" --ctx 512 llama Q4_1 "$work/m.gguf" >/dev/null
mkdir "$work/ada"
printf '{"name": "Ada", "description": "{{char}} sails.", "first_mes": "Ahoy!"}' >"$work/ada/card.json"
cd "$work"
PYTHONPATH=$work/site python3 - <<'P'
import understudy
assert understudy.__file__.startswith(__import__('os').environ['PYTHONPATH'])
heard = []
with understudy.Chat('m.gguf', 'ada', user='Pat', takes=1, max_tokens=12, seed=3, n_threads=1) as c:
    assert c.name == 'Ada'
    text = c.say('Hello!', heard.append)
    assert text and ''.join(heard) == text, (text, heard)
    assert c.undo() and not c.undo()
with understudy.Chat('m.gguf', 'ada/card.json', user='Pat', takes=1, max_tokens=12, seed=3, n_threads=1) as c:
    assert c.say('Hello!') == text, 'the same seed, the same words'
    try:
        c.say('')
        raise AssertionError('taken')
    except understudy.Error as e:
        assert str(e)
try:
    understudy.Chat('no.gguf', 'ada')
    raise AssertionError('opened')
except understudy.Error as e:
    assert 'no.gguf' in str(e), e
with understudy.Model('m.gguf', f32=True, n_threads=1) as m:
    ids = m.tokenize('Hello there, Ada!')
    rows = m.logits(ids)
    assert len(ids) > 3 and len(rows) == len(ids) * m.n_vocab
    assert all(x == x and abs(x) < 1e4 for x in rows) and len(set(rows)) > m.n_vocab
    first = m.logits(ids[:1])
    assert all(abs(a - b) < 1e-4 for a, b in zip(first, rows)), 'a token does not see those behind it'
print('ok', understudy.version())
P
