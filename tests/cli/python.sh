#!/usr/bin/env bash
# The Python binding: a wheel is made, installed where nothing else is, imported; a tiny character answers, streamed and not.
set -euo pipefail
if grep -q '^US_SANITIZE:STRING=.' "$US_BUILD/CMakeCache.txt"; then echo "skipped: a sanitized library cannot be loaded by Python"; exit 77; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$("$UNDERSTUDY" --version)
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
print('ok', understudy.version())
P
