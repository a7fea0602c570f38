#!/usr/bin/env bash
# What version 0.1 wrote opens in this one: the store of chats, a saved chat, a trained character, a checkpoint (tests/data/v0.1);
# and the four characters that were shipped with it.
set -u
: "${UNDERSTUDY:?}"
fail() { echo "FAILED: $*"; exit 1; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cp -r tests/data/v0.1/. "$dir"
cd "$dir" || exit 1
# ---- the terminal's chat goes on, and is saved in today's form
echo 'And now?' | "$UNDERSTUDY" chat -m m.gguf --character ./tom --seed 5 --takes 1 -n 6 --load chat.json --save new.json >out 2>err || fail "chat.json: $(cat err)"
[ "$(grep -c '"role": "user"' new.json)" = 3 ] || fail "chat.json lost turns: $(cat new.json)"
grep -q '"text": "Hello there."' new.json || fail "chat.json lost words: $(cat new.json)"
# ---- a training that was interrupted then is ended now
"$UNDERSTUDY" train s.csv --character "Tom Cat" -m m.gguf --batch 400 --max-steps 100000 --no-samples -q --rank 2 -o half --resume --finish --no-job >out 2>err ||
    fail "checkpoint.gguf: $(cat err)"
grep -q '"best_step"\|"steps"' half/train.json || fail "half/train.json: $(head -c 300 half/train.json)"
[ ! -e half/checkpoint.gguf ] || fail "the finished run's checkpoint is still there"
# ---- the server's chats
mkdir -p data cast && mv chats.db data/ && mv tom cast/
"$UNDERSTUDY" serve -m m.gguf --port 0 --characters cast --data-dir data -c 2048 -t 1 2>log & pid=$!
for _ in $(seq 1200); do port=$(sed -n 's|^http://[0-9.]*:\([0-9]*\) .*|\1|p' log); [ -z "$port" ] || break; sleep 0.05; done
python3 - "$port" <<'P' || { kill $pid; fail "chats.db: $(tail -3 log)"; }
import http.client, json, sys, time
def call(method, path, body=None):
    c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=300)
    c.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': 'application/json'} if body is not None else {})
    r = c.getresponse()
    return r.status, r.read()
for _ in range(600):
    try:
        if call('GET', '/health')[0] == 200: break
    except OSError: pass
    time.sleep(0.05)
chats = json.loads(call('GET', '/api/chats')[1])['chats']
assert [c['title'] for c in chats] == ['An old chat'], chats
path = f'/api/chats/{chats[0]["id"]}'
turns = json.loads(call('GET', path)[1])['turns']
assert [(t['role'], t['text'], len(t['alternatives'])) for t in turns][2:] == [('user', 'And the dog?', 1), ('character', 'My own words.', 2)] and len(turns) == 4, turns
assert turns[0]['role'] == 'user' and turns[0]['speaker'] == 'Jane Doe', turns  # no greeting is put in front of what was said
status, events = call('POST', path + '/say', {'text': 'Still here?', 'takes': 1, 'max_tokens': 4})
assert status == 200 and b'event: done' in events, (status, events)
assert len(json.loads(call('GET', path)[1])['turns']) == 6
P
kill $pid; wait $pid
cd "$OLDPWD" || exit 1
# ---- the characters that were shipped
model="${XDG_DATA_HOME:-$HOME/.local/share}/understudy/models/SmolLM2-135M-Instruct.Q4_1.gguf"
[ -r "$model" ] || { echo "ok, but for the shipped characters: no default model"; exit 0; }
for who in homer marge bart lisa; do
    [ -r characters/$who/adapter.gguf ] || continue
    echo 'Hi!' | "$UNDERSTUDY" chat --character "characters/$who" --seed 1 --takes 1 -n 8 >"$dir/out" 2>"$dir/err" || fail "$who: $(cat "$dir/err")"
    [ -s "$dir/out" ] || fail "$who says nothing"
done
echo ok
