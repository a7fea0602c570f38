"""The four ways to a reply, side by side, on a tiny model with random weights."""
import http.client, json, os, shutil, subprocess, sys, time
from served import launch

program, model, adapter, folder = sys.argv[1:5]
TOKENS = 14
LINES = ['Hello there.', 'Is the house new?', 'And the dog?']


def card(cast=('Jerry Mouse',), temperature=1.3, dry=0.8):
    return {'spec': 'chara_card_v2', 'data': {
        'name': 'Tom Cat', 'description': 'You are {{char}}.', 'first_mes': 'Seen the mouse?',
        'extensions': {'understudy': {'cast': list(cast), 'takes': 3, 'history': 10, 'adapter': 'adapter.gguf',
                                      'sampler': {'temperature': temperature, 'dry_multiplier': dry}}}}}


def put_character(c):
    os.makedirs(f'{folder}/cast/tom', exist_ok=True)
    if not os.path.exists(f'{folder}/cast/tom/adapter.gguf'):
        shutil.copy(adapter, f'{folder}/cast/tom/adapter.gguf')
    with open(f'{folder}/card.json', 'w') as f:
        json.dump(c, f)
    os.replace(f'{folder}/card.json', f'{folder}/cast/tom/card.json')  # the server never sees half a card


def call(method, path, body=None):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    c.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': 'application/json'} if body is not None else {})
    r = c.getresponse()
    got = r.read()
    c.close()
    assert r.status in (200, 201), (method, path, r.status, got)
    return got.decode() if (r.getheader('Content-Type') or '').startswith('text/event-stream') else json.loads(got)


def serve():
    global port
    p, port = launch([program, 'serve', '-m', model, '--characters', f'{folder}/cast', '--data-dir', f'{folder}/data', '-c', '8192'], f'{folder}/log')
    while True:
        assert p.poll() is None, open(f'{folder}/log').read()[-2000:]
        try:
            if call('GET', '/health'):
                return p
        except (OSError, AssertionError):
            time.sleep(0.02)


def terminal(lines, seed, takes):
    """Replies of the terminal's chat, as it saves them."""
    out = f'{folder}/chat.json'
    run = subprocess.run([program, 'chat', '-m', model, '--character', f'{folder}/cast/tom', '--seed', str(seed), '--takes', str(takes), '-n', str(TOKENS), '--save', out],
                         input='\n'.join(lines) + '\n', capture_output=True, text=True, errors='replace')
    assert run.returncode == 0, run.stderr
    return [t['text'] for t in json.load(open(out))['turns'] if t['role'] == 'character']


def chat_api(lines, seed, takes):
    chat = call('POST', '/api/chats', {'characters': ['tom']})
    for line in lines:
        call('POST', f'/api/chats/{chat["id"]}/say', {'text': line, 'seed': seed, 'takes': takes, 'max_tokens': TOKENS})
    return [t['text'] for t in call('GET', f'/api/chats/{chat["id"]}')['turns'] if t['role'] == 'character']


def openai_api(lines, seed, takes, stream):
    greeting = call('GET', '/api/characters/tom')['greeting']
    messages = [{'role': 'assistant', 'content': greeting}] if greeting else []
    for line in lines:
        messages.append({'role': 'user', 'content': line})
        body = {'model': 'tom', 'messages': messages, 'seed': seed, 'takes': takes, 'max_tokens': TOKENS, 'stream': stream}
        got = call('POST', '/v1/chat/completions', body)
        if stream:
            events = [json.loads(e[6:]) for e in got.split('\n\n') if e.startswith('data: {')]
            words = ''.join(e['choices'][0]['delta'].get('content') or '' for e in events if e['choices'])
        else:
            words = got['choices'][0]['message']['content']
        messages.append({'role': 'assistant', 'content': words})
    return [m['content'] for m in messages if m['role'] == 'assistant']


def audition(lines, seed, takes):
    """Replies to first lines only: each is a chat of its own."""
    with open(f'{folder}/prompts.txt', 'w') as f:
        f.write('\n'.join(lines) + '\n')
    with open(f'{folder}/script.csv', 'w') as f:
        f.write('name,line\n')
        for i in range(40):
            f.write(f'Jerry Mouse,Is it number {i}?\nTom Cat,I say {i} again.\nSpike,Quiet {i}!\nTom Cat,Never {i * 3}.\n,\n')
    run = subprocess.run([program, 'audition', f'{folder}/cast/tom', '--data', f'{folder}/script.csv', '-m', model, '--prompts', f'{folder}/prompts.txt', '--measures', 'replies',
                          '--who', 'adapter', '--test', '0.2', '-n', '1', '--max-lines', '1', '--max-tokens', str(TOKENS), '--shipped-takes', str(takes), '--seed', str(seed),
                          '--json', '-q', '-o', f'{folder}/audition'], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    said = [r for r in json.loads(run.stdout)['replies'] if r['kind'] == 'user']
    assert [r['said'] for r in said] == lines, said
    return [r['adapter'] for r in said]


def compare(lines, seed, takes):
    want = terminal(lines, seed, takes)
    for name, got in (('chat API', chat_api(lines, seed, takes)), ('OpenAI API', openai_api(lines, seed, takes, False)),
                      ('OpenAI API, streamed', openai_api(lines, seed, takes, True))):
        assert got == want, f'seed {seed}, {takes} takes: the {name} says\n{got}\nwhere the terminal says\n{want}'
    return want


put_character(card())
server = serve()
said = set()
for seed, takes in ((1, 1), (2, 1), (3, 3), (4, 3), (5, 8)):
    said.update(compare(LINES, seed, takes)[1:])
    firsts = audition(LINES, seed, takes)
    for line, got in zip(LINES, firsts):
        want = terminal([line], seed, takes)[-1]
        assert got == want, f'seed {seed}, {takes} takes, "{line}": the audition says\n{got}\nwhere the terminal says\n{want}'
assert len(said) > 12, said



def ask(line, seed, takes):
    messages = [{'role': 'assistant', 'content': 'Seen the mouse?'}, {'role': 'user', 'content': line}]
    got = call('POST', '/v1/chat/completions', {'model': 'tom', 'messages': messages, 'seed': seed, 'takes': takes, 'max_tokens': TOKENS})
    return got['choices'][0]['message']['content'], got['understudy']


def change(c):
    put_character(c)
    until = time.monotonic() + 300
    while call('GET', '/api/characters/tom/card.json')['data'] != c['data']:  # the server looks at the folders twice a second
        assert time.monotonic() < until, 'the changed card is not seen'
        time.sleep(0.05)


def everywhere(line, seed, takes):
    want = compare([line], seed, takes)
    assert audition([line], seed, takes)[0] == want[-1], (line, seed, takes)


# made again: a cold model goes round in circles, in every take
TOKENS = 32
line = LINES[0]
change(card(temperature=0.6, dry=0))
again = next(seed for seed in range(10, 400) if ask(line, seed, 3)[1]['attempts'] == 2)
everywhere(line, again, 3)

# stopped: the last line of a reply becomes the name of somebody in the cast
change(card())
for seed in range(10, 2000):
    text, how = ask(line, seed, 1)
    name = text.rpartition('\n')[2]
    if name.isascii() and name.isprintable() and name.strip() == name and len(name) > 3 and ':' not in name and text.count(name) == 1 and text[:-len(name)].strip():
        break
change(card([name]))
shorter, how = ask(line, seed, 1)
assert how['end'] == 'label' and shorter and text.startswith(shorter) and len(shorter) < len(text), (text, shorter, how)
everywhere(line, seed, 1)
everywhere(line, seed, 3)
print('same bytes:', len(said), 'replies; made again: seed', again, '; stopped: seed', seed, repr(text), 'at', repr(name))
