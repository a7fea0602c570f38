"""Storms: clients that never read, clients that leave again and again, servers that are started many times on one folder, and SIGTERM in every
phase. The server answers others meanwhile, keeps what it promised, and ends with exit 0 in bounded time."""
import json, os, random, resource, signal, socket, struct, subprocess, sys, threading, time
from served import Server, card, put_character, slow

program, model, folder = sys.argv[1:4]
loose = 4 if b'__asan_init' in open(program, 'rb').read() else 1  # AddressSanitizer keeps what was freed
random.seed(11)
characters = folder + '/characters'
put_character(characters, 'tom', card('Tom'))
resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
script = 'name,line\n' + ''.join(f'Anna Lamp,Is it fine {i}?\nBoris Bell,"Number {i}, never."\nClara Key,Oh {i}.\nBoris Bell,Who cares about {i}?\n,\n' for i in range(60))
new = lambda s: s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']


def start(*options):
    return Server(program, folder, '--characters', characters, *options, model=model)


def send(s, method, path, body=None, address='127.0.0.1', head='', cut=None):
    """A request whose answer nobody waits for."""
    data = json.dumps(body).encode() if body is not None else b''
    c = s.connect(address)
    c.sendall(f'{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n'.encode() + data[:cut])
    return c


def never_read(s):
    """500 connections that ask for much and read nothing of it."""
    with open(characters + '/tom/picture.png', 'wb') as f:
        f.truncate(50 << 20)
    chat, before, lazy = new(s), s.memory(), []
    asks = [('GET', '/api/characters/tom/picture', None), ('GET', '/api/events', None), ('GET', '/', None), ('POST', f'/api/chats/{chat}/say', {'text': 'Hi.', 'max_tokens': 40}),
            ('POST', '/v1/chat/completions', {'model': 'tom', 'stream': True, 'messages': [{'role': 'user', 'content': 'Hi'}]})]
    for i in range(500):
        c = send(s, *asks[i % len(asks)], address=f'127.0.0.{2 + i % 4}')
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.append(c)
    s.wait(lambda: s.metric('connections') >= 300)  # (the watch closes those of them that it may)
    for _ in range(20):
        s.alive()
    other = new(s)
    s.wait(lambda: s.call('POST', f'/api/chats/{other}/say', {'text': 'Hello?', 'max_tokens': 2, 'takes': 1})[0] == 200)  # 429 while the queue is full
    assert s.memory() - before < 120 * loose, (before, s.memory())
    return lazy


def cancel_storm(s):
    """Clients that go at every moment of a reply, with and without a word: nobody holds a chat afterwards, and nothing grows."""
    chats = [new(s) for _ in range(6)]
    def storm(k):
        rng = random.Random(k)
        for i in range(25):
            kind, chat = rng.randrange(5), chats[k % 6]
            if kind == 4:
                s.call('POST', f'/api/chats/{chat}/stop', {})
                continue
            path, body = (f'/api/chats/{chat}/say', {'text': 'Hi.', 'max_tokens': 100, 'takes': rng.choice((1, 3))}) if kind < 3 else (
                '/v1/completions', {'model': 'base', 'prompt': 'Once', 'max_tokens': 200, 'stream': True})
            cut = rng.choice((None, None, None, 5))
            c = send(s, 'POST', path, body, cut=cut)
            if not cut and rng.random() < 0.5:
                c.recv(rng.choice((1, 300)))
            if rng.random() < 0.7:  # a reset instead of an end
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            c.close()
    storm(0)
    first = s.memory()
    threads = [threading.Thread(target=storm, args=(k,)) for k in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
    for chat in chats:
        s.wait(lambda: s.call('POST', f'/api/chats/{chat}/say', {'text': 'Still there?', 'max_tokens': 2, 'takes': 1})[0] == 200)
    s.wait(lambda: s.metric('connections') <= 3)
    assert s.metric('held_bytes') == 0
    assert s.memory() - first < 100, (first, s.memory())


def many_servers():
    """Six at once on one data folder: one of them has it, the others say so; then the next one has it."""
    for _ in range(2):
        ps = [subprocess.Popen([program, 'serve', '-q', '-m', model, '--port', '0', '--data-dir', folder + '/shared'], stderr=subprocess.PIPE, text=True) for i in range(6)]
        until = time.monotonic() + 60 * slow
        while sum(p.poll() is None for p in ps) > 1:
            assert time.monotonic() < until, 'two servers on one data folder'
            time.sleep(0.02)
        lives = [p for p in ps if p.poll() is None]
        assert len(lives) == 1
        for p in ps:
            if p is not lives[0]:
                said = p.stderr.read()
                assert p.returncode == 1 and 'another server' in said, (p.returncode, said)
        lives[0].send_signal(signal.SIGTERM)
        assert lives[0].wait(60 * slow) in (0, -signal.SIGTERM)  # (ended while its model was read)


def read_until(c, what):
    got = b''
    while what not in got:
        piece = c.recv(65536)
        assert piece, got[-500:]
        got += piece
    return got


def sigterm():
    """In every phase."""
    # while it starts: at once, or in order
    for wait in (0, 0.01, 0.03, 0.1):
        p = subprocess.Popen([program, 'serve', '-q', '-m', model, '--port', '0', '--data-dir', folder + '/data'], stderr=subprocess.DEVNULL)
        time.sleep(wait)  # (any moment will do)
        p.terminate()
        assert p.wait(60 * slow) in (0, -signal.SIGTERM)
    start().end()  # idle
    start().end(signal.SIGINT)
    s = start('--studio')
    chat, events = new(s), send(s, 'GET', '/api/events')
    read_until(events, b'event: hello')
    # a long prompt
    c = send(s, 'POST', f'/api/chats/{chat}/say', {'text': 'What is this? ' * 200, 'max_tokens': 100, 'takes': 2})
    read_until(c, b'event:')
    s.end()
    # streaming: what was said is kept
    s = start('--studio')
    c = send(s, 'POST', f'/api/chats/{chat}/say', {'text': 'Tell me all.', 'max_tokens': 3000, 'takes': 1, 'logit_bias': {}})
    read_until(c, b'event: delta')
    s.end()
    s = start('--studio')
    turns = s.ok('GET', f'/api/chats/{chat}')['turns']
    assert [t['text'] for t in turns if t['role'] == 'user'][-1] == 'Tell me all.' and turns[-1]['role'] == 'character' and turns[-1]['text'], turns[-2:]
    # an upload that has not ended
    c = s.connect()
    c.sendall(b'POST /api/scripts?name=s.csv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n' + script.encode())
    s.wait(lambda: s.metric('connections') >= 2)
    s.end()
    s = start('--studio')
    assert s.ok('GET', '/api/scripts')['scripts'] == []
    # a training, an audition: interrupted, and gone on with later
    sid = s.ok('POST', '/api/scripts?name=s.csv', raw=script.encode(), want=201, headers={'Content-Type': 'application/octet-stream'})['id']
    state = lambda job: s.ok('GET', f'/api/jobs/{job}')
    job = s.ok('POST', '/api/jobs', {'kind': 'train', 'script': sid, 'character': 'Boris Bell', 'options': {'max_steps': 100000}}, 201)['id']
    s.wait(lambda: state(job).get('progress', {}).get('step', 0) >= 1)
    s.end()
    s = start('--studio')
    s.wait(lambda: state(job)['state'] == 'interrupted')
    s.ok('POST', f'/api/jobs/{job}/resume', {})
    s.wait(lambda: state(job)['state'] == 'running')
    s.ok('POST', f'/api/jobs/{job}/keep', {})
    s.wait(lambda: state(job)['state'] == 'done')
    job = s.ok('POST', '/api/jobs', {'kind': 'audition', 'id': state(job)['character'], 'script': sid}, 201)['id']
    s.wait(lambda: state(job)['state'] != 'queued')
    s.end()
    s = start('--studio')
    s.wait(lambda: state(job)['state'] in ('interrupted', 'done'))
    # everything at once, and again while it ends
    s.call('POST', f'/api/jobs/{job}/resume', {})
    lazy = never_read(s)
    s.p.send_signal(signal.SIGTERM)
    s.end()
    for c in lazy:
        c.close()


s = start()
cancel_storm(s)
for c in never_read(s):
    c.close()
s.wait(lambda: s.metric('connections') <= 3)
s.end()
many_servers()
sigterm()
print('ok')
