"""What hostile clients and hostile shared files do to the server: nothing."""
import base64, json, os, re, shutil, socket, struct, subprocess, sys, threading, time, zlib
from served import Server, card, put_character, slow

program, model, folder = sys.argv[1:4]
characters = folder + '/characters'
loose = 4 if b'__asan_init' in open(program, 'rb').read() else 1  # AddressSanitizer keeps what was freed


def png(text):
    """A picture with a card in it."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0)) + chunk(b'tEXt', b'chara\0' + base64.b64encode(text.encode())) +
            chunk(b'IDAT', zlib.compress(b'\0\0')) + chunk(b'IEND', b''))


def deep_json(s):
    """Arrays in arrays, where each reader of the server finds them: the parser recurses, a thread has 512 KiB."""
    head = '{"spec":"chara_card_v2","data":{"name":"Deep","description":"d","extensions":{"x":'
    for opening, closing in (('[', ']'), ('{"a":', '}')):
        for n in (100, 2000, 100000):
            nest = opening * n + '1' + closing * n
            deep = head + nest + '}}}'
            for path in ('/api/characters', '/api/chats/import', '/api/chats', '/v1/chat/completions', '/tokenize'):
                assert s.call('POST', path, raw=b'{"card":%s}' % deep.encode())[0] == 400, (path, n)
            assert s.call('POST', '/api/characters', {'png_base64': base64.b64encode(png(deep)).decode()})[0] == 400, n
            for form, data in (('json', '{"understudy_chat":2,"turns":' + nest + '}'), ('sillytavern', '{"user_name":' + nest + '}\n')):
                assert s.call('POST', '/api/chats/import', {'format': form, 'data': data, 'characters': ['tom']})[0] == 400, n
            put_character(characters, 'deep', deep)
            assert s.call('GET', '/api/characters/deep')[0] in (400, 404, 500), n
            for file, kind in (('about.json', '/about'), ('audition.json', '/audition')):
                with open(f'{characters}/tom/{file}', 'w') as f:
                    f.write('{"x":' + nest + '}')
                s.call('GET', '/api/characters/tom')
                s.call('GET', '/api/characters/tom' + kind)
                os.remove(f'{characters}/tom/{file}')
            s.ok('GET', '/api/characters')
    # not deep, but each value of three bytes would be a hundred in memory
    before = s.memory('VmHWM')
    assert s.call('POST', '/api/characters', raw=b'{"card":[' + b'{},' * 4000000 + b'1]}')[0] == 400
    assert s.memory('VmHWM') - before < 100
    s.alive()


def claims_that_leak(s):
    """An id of any length and form is refused without anything being kept for it."""
    chat = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']
    s.ok('POST', f'/api/chats/{chat}/say', {'text': 'Hi.', 'max_tokens': 2, 'takes': 1})
    turn = s.ok('GET', f'/api/chats/{chat}')['turns'][-1]['id']
    odd = ['a' * n for n in (1, 11, 13, 19, 20, 24, 62, 63, 64, 150)] + ['%2e%2e', '%00', 'A' * 12, "x'--", '%ff' * 12, chat + 'a', chat.upper(), '.' * 19]
    for i in range(1250):
        cid = odd[i % len(odd)] if i % 2 else 'abcdefgh' * 3
        method, path, body = (('PATCH', f'/api/chats/{cid}/turns/1', {'text': 'x'}), ('DELETE', f'/api/chats/{cid}/turns/1', None), ('POST', f'/api/chats/{cid}/undo', {'undo': 'x'}),
                              ('POST', f'/api/chats/{cid}/say', {'text': 'x'}), ('POST', f'/api/chats/{cid}/turns/1/regenerate', {}), ('POST', f'/api/chats/{cid}/compare', {'variants': [{}]}))[i % 6]
        assert s.call(method, path, body)[0] == 404, (method, path)
    for t in ('0', '-1', '+1', 'x', '9' * 18, '9' * 40, '1x', '0x1'):
        assert s.call('PATCH', f'/api/chats/{chat}/turns/{t}', {'text': 'x'})[0] == 404, t
        assert s.call('DELETE', f'/api/chats/{chat}/turns/{t}')[0] == 404, t
    s.ok('PATCH', f'/api/chats/{chat}/turns/{turn}', {'text': 'Other words.'})  # nobody holds it
    s.ok('POST', f'/api/chats/{chat}/undo', {'undo': s.ok('DELETE', f'/api/chats/{chat}/turns/{turn}')['undo']})
    s.ok('POST', f'/api/chats/{chat}/say', {'text': 'Still there?', 'max_tokens': 2, 'takes': 1})


class Engine:
    """Another server, behind --engine, which answers when it is told to: a reply lasts exactly as long as a test wants."""

    def __init__(self):
        self.go, self.asked, self.listener = threading.Event(), 0, socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, c):
        if c.recv(65536).startswith(b'GET'):
            c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{"data":[{"id":"tom"}]}')
        else:
            self.asked += 1
            self.go.wait()
            c.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: {"choices":[{"delta":{"content":"Here I am."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
        c.close()


def other_clocks():
    """The server sees a wall clock that is an hour beside the kernel's, which is what a deadline meets when the clock is set between the two:
    back (the wait would last an hour) or forward (it would be over at once). Neither moves the lock of a chat, nor the watch over slow clients."""
    cc = os.environ.get('CC', 'cc')
    with open(folder + '/clock.c', 'w') as f:
        f.write('#define _GNU_SOURCE\n#include <stdlib.h>\n#include <sys/syscall.h>\n#include <sys/time.h>\n#include <time.h>\n#include <unistd.h>\n'
                'static long beside(void) { const char *s = getenv("BESIDE"); return s ? atol(s) : 0; }\n'
                'int clock_gettime(clockid_t c, struct timespec *t) { int r = (int)syscall(SYS_clock_gettime, c, t); if (c == CLOCK_REALTIME) t->tv_sec += beside(); return r; }\n'
                'time_t time(time_t *t) { struct timespec now; clock_gettime(CLOCK_REALTIME, &now); return t ? *t = now.tv_sec : now.tv_sec; }\n'
                'int gettimeofday(struct timeval *t, void *z) { struct timespec now; (void)z; clock_gettime(CLOCK_REALTIME, &now); t->tv_sec = now.tv_sec; t->tv_usec = now.tv_nsec / 1000; return 0; }\n')
    if subprocess.run([cc, '-shared', '-fPIC', folder + '/clock.c', '-o', folder + '/clock.so'], stderr=subprocess.DEVNULL).returncode:
        return print('skipped: other clocks (no compiler)')
    if b'__asan_init' in open(program, 'rb').read():
        return print('skipped: other clocks (a sanitizer wants to be the first library)')
    for beside in ('3600', '-3600'):
        engine = Engine()
        os.environ.update(LD_PRELOAD=folder + '/clock.so', BESIDE=beside)
        s = Server(program, folder, '--characters', characters, '--engine', engine.url, '--engine-timeout', '3600', '--idle', '1')
        del os.environ['LD_PRELOAD']
        chat = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']
        assert abs(s.ok('GET', f'/api/chats/{chat}')['created_ms'] / 1000 - time.time() - int(beside)) < 1800  # the other clock is there
        # somebody's reply holds the chat: another one waits for it, a while and no longer
        def say(text):
            said.append(s.call('POST', f'/api/chats/{chat}/say', {'text': text, 'takes': 1}))
        said = []
        holder = threading.Thread(target=say, args=('I hold it.',))
        holder.start()
        s.wait(lambda: engine.asked == 1)
        begun = time.monotonic()
        assert s.call('POST', f'/api/chats/{chat}/say', {'text': 'And I?', 'takes': 1})[0] == 409
        assert time.monotonic() - begun > 3, 'it did not wait'
        waiting = threading.Thread(target=say, args=('I wait.',))
        waiting.start()
        engine.go.set()
        holder.join()
        waiting.join()
        assert [status for status, _ in said] in ([200, 200], [409, 200], [200, 409]), said  # 409: it was not scheduled for as long as it waits
        # who stops a reply hears when it is over
        engine.go.clear()
        n = engine.asked
        holder = threading.Thread(target=say, args=('I hold it again.',))
        holder.start()
        s.wait(lambda: engine.asked == n + 1)
        assert s.ok('POST', f'/api/chats/{chat}/stop') == {'stopped': True}
        holder.join()
        engine.go.set()
        texts = [t['text'] for t in s.ok('GET', f'/api/chats/{chat}')['turns'] if t['role'] == 'user']
        assert 'I hold it.' in texts and 'I hold it again.' in texts and 'And I?' not in texts, texts
        # a body that drips is cut off all the same
        half, until = s.connect(), time.monotonic() + 300 * slow
        half.sendall(b'POST /api/chats HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{')
        try:
            while True:  # a byte now and then, so that only the watch can end it
                assert time.monotonic() < until, 'a body that drips is never cut off'
                half.sendall(b' ')
                time.sleep(0.3)
        except ConnectionError:
            pass
        s.end()


def send_slowly(s, n, size, address='127.0.0.1', head=''):
    """n uploads of which the last byte does not come; those that were answered, or cut, before are closed."""
    open_ones = []
    for i in range(n):
        c = s.connect(address)
        c.settimeout(60 * slow)
        try:
            c.sendall(f'POST /api/characters HTTP/1.1\r\nHost: localhost\r\n{head.replace("NUMBER", str(i))}Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n{{"card": "'.encode())
            c.sendall(b'x' * (size - 12))
        except OSError:
            pass
        open_ones.append(c)
    return open_ones


def finish(open_ones):
    """The codes that come when the last byte is sent."""
    codes = []
    for c in open_ones:
        try:
            c.sendall(b'"}')
            codes.append(int(c.recv(4096).split()[1]))
        except (OSError, IndexError, ValueError):
            codes.append(0)
        c.close()
    return codes


def memory_without_a_key():
    with open(folder + '/keys', 'w') as f:
        f.write('secret\n')
    s = Server(program, folder, '--characters', characters, '--api-key-file', folder + '/keys', model=model)
    before = s.memory()
    lazy = send_slowly(s, 100, 12 << 20)
    s.wait(lambda: s.metric('connections', {'Authorization': 'Bearer secret'}) >= 100)
    assert s.memory() - before < 60 * loose, (before, s.memory())
    assert s.metric('held_bytes', {'Authorization': 'Bearer secret'}) == 0
    assert set(finish(lazy)) == {401}
    # who asks first is told at once
    c = s.connect()
    c.sendall(b'POST /api/characters HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 12000000\r\nExpect: 100-continue\r\n\r\n')
    assert c.recv(100).startswith(b'HTTP/1.1 401')
    c.close()
    s.end()


def memory_of_all_bodies(s):
    """No key is asked for: one address may keep 48 MiB, all together 96, and others are served meanwhile."""
    before = s.memory()
    lazy = send_slowly(s, 100, 12 << 20)
    s.wait(lambda: s.metric('turned_away_total', address='127.0.0.2') >= 90)
    assert s.metric('held_bytes', address='127.0.0.2') <= 48 << 20
    assert s.memory() - before < 150, (before, s.memory())
    s.ok('POST', '/api/characters', {'card': card('Guest', description='d' * 9000000)}, 201, address='127.0.0.2')
    codes = finish(lazy)
    assert set(codes) == {400, 503} and 1 <= codes.count(400) <= 4, codes
    s.wait(lambda: s.metric('held_bytes') == 0)
    # short texts that are large as values: a reply holds them for as long as it is made
    many = b'{"model":"base","x":[' + b'{},' * 200000 + b'0]}'
    codes = [s.call('POST', '/v1/chat/completions', raw=many)[0] for _ in range(3)]
    assert set(codes) <= {400, 404, 503}, codes
    s.wait(lambda: s.metric('held_bytes') == 0)


def many_connections(s):
    """One address has 200; the next one's are its own."""
    lazy = []
    for i in range(260):
        lazy.append(s.connect())
    s.wait(lambda: s.metric('turned_away_total', address='127.0.0.3') >= 60)
    assert s.ok('GET', '/health', address='127.0.0.3') and s.metric('connections', address='127.0.0.3') <= 205
    for c in lazy:
        c.close()
    s.wait(lambda: s.call('GET', '/health', patient=True)[0] == 200)


def behind_a_proxy():
    """All come from the proxy: the address that it tells has the caps, and nobody else's header is believed."""
    s = Server(program, folder, '--characters', characters, '--trusted-proxy', '127.0.0.1', model=model)
    lazy = send_slowly(s, 30, 12 << 20, head='X-Forwarded-For: 9.9.9.9, 203.0.113.7\r\n')
    s.wait(lambda: s.metric('turned_away_total') >= 24)
    assert s.metric('held_bytes') <= 48 << 20
    s.ok('POST', '/api/characters', {'card': card('Guest', description='d' * 9000000)}, 201, headers={'X-Forwarded-For': '203.0.113.8'})
    codes = finish(lazy)
    assert set(codes) == {400, 503}, codes
    # 210 requests of one visitor: the proxy has them all open, the visitor 200
    before = s.metric('turned_away_total')
    lazy = send_slowly(s, 210, 1000, head='X-Forwarded-For: 203.0.113.7\r\n')
    s.wait(lambda: s.metric('turned_away_total') == before + 10)
    codes = finish(lazy)
    assert codes.count(429) == 10, codes
    # a header of the visitor's own in front of the proxy's, another one each time: the proxy's counts
    before += 10
    lazy = send_slowly(s, 210, 1000, head='X-Forwarded-For: 198.51.100.NUMBER\r\nX-Forwarded-For: 203.0.113.7\r\n')
    s.wait(lambda: s.metric('turned_away_total') == before + 10)
    assert finish(lazy).count(429) == 10
    lazy = send_slowly(s, 210, 1000, head='X-Forwarded-For: 203.0.113.7\r\n', address='127.0.0.5')  # believed by nobody, and past the cap of its own
    s.wait(lambda: s.metric('turned_away_total') == before + 20)
    codes = finish(lazy)
    assert codes.count(429) == 0 and codes.count(0) == 10, codes
    s.end()


def where_it_ends(s):
    """What tells two ends is refused, and nothing after it is taken for a request."""
    for head in ('Content-Length: 2\r\nContent-Length: 40', 'Content-Length: 40\r\nTransfer-Encoding: chunked', 'Content-Length: -2', 'Content-Length: 2x'):
        c = s.connect()
        c.sendall(f'POST /api/chats HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}\r\n\r\n{{}}GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        got = b''
        try:
            while piece := c.recv(4096):
                got += piece
        except OSError:
            pass
        c.close()
        assert got.startswith(b'HTTP/1.1 400') and b' 200 ' not in got, got
    s.alive()


def names(s):
    """Whoever may be named here speaks, is exported and comes back, by both formats; who may not is refused at the entrance."""
    good = ['Agent: Smith', 'a' * 200, 'Ж' * 100, "O'Brien \"the <b>\" & Co", '{{char}}', 'User', 'You', '  spaced  ', '日本語: 名前', 'x/../y', '👩‍🚀', 'a\\nb', '-', ':', 'null', '#1 50%']
    bad = ['a' * 201, 'Ж' * 101, 'a\nb', 'a\rb', 'a\x1b[2J', 'a\x7f', 'a\x9bb', '\u2028']
    for name in bad:
        status, got = s.call('POST', '/api/characters', {'card': card(name)})  # a card's may be mended: then it is one that may be
        mended = s.ok('GET', f"/api/characters/{got['id']}")['name'] if status == 201 else 'refused'
        assert status in (201, 400) and mended and len(mended.encode()) <= 200 and not re.search('[\\x00-\\x1f\\x7f-\\x9f\u2028]', mended), (name, status, mended)
        assert s.call('POST', '/api/chats', {'characters': ['tom'], 'user': name})[0] == 400, name
    for name in good:
        cid = s.ok('POST', '/api/characters', {'card': card(name)}, 201)['id']
        chat = s.ok('POST', '/api/chats', {'characters': [cid], 'user': name}, 201)['id']
        for _ in range(2):
            s.call('POST', f'/api/chats/{chat}/say', {'text': 'Hi.', 'max_tokens': 8, 'takes': 1})
        before = s.ok('GET', f'/api/chats/{chat}')
        assert before['user'] == name and [t['speaker'] for t in before['turns'] if t['role'] == 'user'] == [name] * 2, before
        back = s.ok('POST', '/api/chats/import', {'format': 'json', 'data': s.ok('GET', f'/api/chats/{chat}/export')}, 201)
        after = s.ok('GET', f"/api/chats/{back['id']}")
        same = lambda c: [(t['role'], t['speaker'], t['character'], t['text'], [a['text'] for a in t['alternatives']]) for t in c['turns']]
        assert same(after) == same(before) and after['user'] == name and after['characters'] == before['characters'], (name, after)
        text = s.ok('GET', f'/api/chats/{chat}/export?format=sillytavern')
        text = text.decode() if isinstance(text, bytes) else text
        assert s.call('POST', '/api/chats/import', {'format': 'sillytavern', 'data': text, 'characters': [cid]})[0] == 201, (name, text)
        again = s.ok('GET', f'/api/characters/{cid}/card.json')
        assert again['data']['name'] == name and s.call('POST', '/api/characters', {'card': again})[0] == 201, name


def odd_files(s):
    """Pipes, devices and links in characters' folders are neither waited for nor followed; odd folders are told of."""
    secret = folder + '/secret.png'
    with open(secret, 'w') as f:
        f.write('secret')
    for k, make in enumerate((os.mkfifo, lambda p: os.symlink(secret, p), lambda p: os.symlink('/dev/zero', p), os.mkdir, lambda p: os.symlink('nowhere', p))):
        put_character(characters, f'odd{k}', card(f'Odd {k}'))
        for name in ('picture.png', 'cloud.svg', 'about.json', 'audition.json', 'train.json', 'origin.json', 'adapter.gguf', 'judge.gguf', 'director.gguf', 'mine.png'):
            make(f'{characters}/odd{k}/{name}')
        s.wait(lambda: s.call('GET', f'/api/characters/odd{k}')[0] == 200)
        for what in ('picture', 'files/mine.png', 'files/picture.png', 'files/cloud.svg', 'adapter.gguf'):
            assert s.call('GET', f'/api/characters/odd{k}/{what}')[0] == 404, (k, what)
        assert s.call('GET', f'/api/characters/odd{k}/card.png')[0] == 200
        chat = s.ok('POST', '/api/chats', {'characters': [f'odd{k}']}, 201)['id']
        assert s.call('POST', f'/api/chats/{chat}/say', {'text': 'Hi.', 'max_tokens': 2, 'takes': 1})[0] == 200
        os.mkdir(f'{characters}/card{k}')
        make(f'{characters}/card{k}/card.json')
    os.makedirs(os.fsencode(characters) + b'/caf\xe9')
    with open(os.fsencode(characters) + b'/caf\xe9/card.json', 'w') as f:
        f.write('{}')
    put_character(characters, 'latecomer', card('Latecomer'))  # whoever lists it has looked at the others too
    s.wait(lambda: s.call('GET', '/api/characters/latecomer')[0] == 200)
    listed = [c['id'] for c in s.ok('GET', '/api/characters')['characters']]
    assert not [c for c in listed if c.startswith('card')], listed
    s.wait(lambda: 'its name cannot be an id' in s.said())
    log = open(s.log, errors='replace').read()
    assert 'odd1/director.gguf: no regular file' in log and 'the file has 6' not in log, log[-3000:]
    # a large picture costs nothing while nobody takes it
    with open(characters + '/tom/picture.png', 'wb') as f:
        f.truncate(200 << 20)
    before, lazy = s.memory(), []
    for _ in range(100):
        c = s.connect()
        c.sendall(b'GET /api/characters/tom/picture HTTP/1.1\r\nHost: localhost\r\n\r\n')
        lazy.append(c)
    s.wait(lambda: s.metric('connections', address='127.0.0.4') >= 100)
    for c in lazy:
        assert c.recv(12) == b'HTTP/1.1 200'
    assert s.memory() - before < 60, (before, s.memory())
    for c in lazy:
        c.close()
    os.remove(characters + '/tom/picture.png')


def broken_folders(s):
    """What lies in the data folder and cannot be read is listed, with why; it can be removed, and nothing else is hurt."""
    texts = ['', '{', '[]', '{}', '\x00', '{"name": 5, "file": "../../secret.png", "options": {}}', '{"file": "script.csv", "options": {"off": [7]}}', '{"file": "script.csv", "options": []}']
    scripts, jobs = [f'brkn{i:02}aaaaaa'.replace('0', 'z').replace('1', 'y') for i in range(len(texts) + 3)], [f'01800000000{i:05x}' for i in range(len(texts) + 3)]
    for i in range(len(scripts)):
        for path, file in ((f'{folder}/data/scripts/{scripts[i]}', 'meta.json'), (f'{folder}/data/jobs/{jobs[i]}', 'job.json')):
            os.makedirs(path)
            if i < len(texts):
                open(f'{path}/{file}', 'w').write(texts[i])
            elif i == len(texts):
                os.mkfifo(f'{path}/{file}')
            elif i == len(texts) + 1:
                os.symlink('/dev/zero', f'{path}/{file}')
    os.makedirs(f'{folder}/data/scripts/.zzzzzzzzzzzz')  # half an upload
    listed = {x['id']: x for x in s.ok('GET', '/api/scripts')['scripts']}
    for cid in scripts:
        assert listed[cid]['broken'] and 'delete it' in listed[cid]['error'] and folder not in listed[cid]['error'], listed[cid]
        status, got = s.call('GET', f'/api/scripts/{cid}')
        assert status in (500, 507, 400) and 'delete it' in got['error']['message'], (status, got)
        assert s.call('PATCH', f'/api/scripts/{cid}', {'name': 'x'})[0] != 200
        s.ok('DELETE', f'/api/scripts/{cid}')
        assert s.call('DELETE', f'/api/scripts/{cid}')[0] == 404
    listed = {x['id']: x for x in s.ok('GET', '/api/jobs')['jobs']}
    for cid in jobs:
        assert listed[cid]['broken'] and f'forget {cid}' in listed[cid]['error'] and folder not in listed[cid]['error'], listed[cid]
        assert s.ok('GET', f'/api/jobs/{cid}')['state'] == 'failed'
        for what in ('pause', 'resume', 'keep', 'cancel'):
            assert s.call('POST', f'/api/jobs/{cid}/{what}')[0] == 409
    told = subprocess.run([program, 'jobs', '--data-dir', folder + '/data'], capture_output=True, text=True, check=True).stdout
    assert all(f'forget {cid}' in told for cid in jobs), told
    subprocess.run([program, 'jobs', 'forget', *jobs[:3], '--data-dir', folder + '/data'], check=True)
    for cid in jobs[3:]:
        s.ok('DELETE', f'/api/jobs/{cid}')
    assert not [x for x in s.ok('GET', '/api/jobs')['jobs'] if x['id'] in jobs]
    # characters: a card that is none, one that is no file, a name that cannot be; it is mended, and told of no more
    put_character(characters, 'broken', '{"spec": "chara_card_v2", "data": {"name": 5}}')
    put_character(characters, 'two words', card('Two'))
    os.makedirs(f'{characters}/nowhere')
    os.symlink('nothing', f'{characters}/nowhere/card.json')
    for i in range(70):  # more than are told of: no line of the log again and again
        put_character(characters, f'broken{i:02}', '[')
    s.wait(lambda: 'more folders of characters' in open(s.log).read())
    for i in range(3):  # the folders are looked at again
        put_character(characters, f'again{i}', card('Again'))
        s.wait(lambda: s.call('GET', f'/api/characters/again{i}')[0] == 200)
    left = s.ok('GET', '/api/characters')['left_out']
    assert all(x['error'] and folder not in json.dumps(x) for x in left), left
    once = open(s.log).read().count('more folders of characters')
    assert once == 1 and len(left) > 40, (once, len(left))
    for i in range(70):
        shutil.rmtree(f'{characters}/broken{i:02}')
    s.wait(lambda: {x['folder'] for x in s.ok('GET', '/api/characters')['left_out']} >= {'broken', 'two words', 'nowhere'})
    put_character(characters, 'broken', card('Mended'))
    shutil.rmtree(f'{characters}/two words')
    shutil.rmtree(f'{characters}/nowhere')
    s.wait(lambda: not {x['folder'] for x in s.ok('GET', '/api/characters')['left_out']} & {'broken', 'two words', 'nowhere'})
    for name in ('about.json', 'audition.json', 'train.json', 'origin.json'):
        open(f'{characters}/broken/{name}', 'w').write('{"x":')
    problems = s.ok('GET', '/api/characters/broken')['problems']
    assert {x['file'] for x in problems} == {'about.json', 'audition.json', 'train.json', 'origin.json'} and folder not in json.dumps(problems), problems
    shutil.rmtree(f'{characters}/broken')
    s.alive()


def words_of_errors(s):
    """Clients read what is wrong, not where this machine keeps it; and a failed upload leaves nothing."""
    status, got = s.call('POST', '/api/characters', {'card': {'spec': 'chara_card_v2', 'data': {'name': 3.5, 'extensions': {'understudy': {'takes': 'x'}}}}})
    assert folder not in json.dumps(got), got
    os.chmod(folder + '/data/characters', 0o500)
    try:
        before = sorted(os.listdir(folder + '/data/characters'))
        status, got = s.call('POST', '/api/characters', {'card': card('Nowhere')})
        if os.geteuid():
            assert status == 507 and folder not in json.dumps(got) and '.tmp' not in json.dumps(got), got
            assert sorted(os.listdir(folder + '/data/characters')) == before
    finally:
        os.chmod(folder + '/data/characters', 0o700)


def too_long(s):
    """However much is asked for, the words say how much fits: no number below zero."""
    chat = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']
    for n in (1, 4000, 4096):
        for path, body in (('/v1/completions', {'model': 'base', 'prompt': 'x ' * 20000, 'max_tokens': n}), (f'/api/chats/{chat}/say', {'text': 'x ' * 30000, 'max_tokens': n, 'takes': 8}),
                           ('/v1/chat/completions', {'model': 'tom', 'messages': [{'role': 'user', 'content': 'x ' * 20000}], 'max_tokens': n, 'n': 4})):
            status, got = s.call('POST', path, body)
            assert status == 400 and not re.search(r'(^|\s)-\d', got['error']['message']), (path, status, got)


def on_the_network():
    """A public address without a key is called by its address, not by the name of another site."""
    s = Server(program, folder, '--characters', characters, '--host', '0.0.0.0', '--no-api-key', '--cors-origin', 'http://chat.example', model=model)
    for host, want in (('192.168.1.20:5000', 200), ('[fe80::1]:5000', 200), ('10.0.0.1', 200), ('localhost', 200), ('chat.example', 200), ('evil.example', 403), ('192.168.1.20.evil.example', 403), ('1.2.3.4:x', 403), ('[::1', 403)):
        assert s.call('GET', '/health', headers={'Host': host})[0] == want, host
    # nobody hears when and where somebody else chats; who comes and goes is told to all
    ear = s.connect()
    ear.sendall(b'GET /api/events HTTP/1.1\r\nHost: localhost\r\nX-Understudy-Browser: one\r\n\r\n')
    heard = b''
    while b'event: hello' not in heard:
        heard += ear.recv(4096)
    other = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201, headers={'X-Understudy-Browser': 'two'})['id']
    s.ok('PATCH', f'/api/chats/{other}', {'title': 'secret'}, headers={'X-Understudy-Browser': 'two'})
    s.ok('POST', '/api/chats', {'characters': ['tom']}, 201, headers={'X-Understudy-Browser': 'one'})
    s.ok('POST', '/api/characters', {'card': card('Newcomer')}, 201)
    while b'"characters"' not in heard:
        heard += ear.recv(4096)
    assert heard.count(b'"chats"') == 1 and other.encode() not in heard and b'"chat"' not in heard, heard
    ear.close()
    s.end()


def two_servers():
    """One data folder has one server."""
    p = subprocess.run([program, 'serve', '-m', model, '--port', '0', '--data-dir', folder + '/data'], capture_output=True, text=True, timeout=300 * slow)
    assert p.returncode == 1 and 'another server' in p.stderr, p


put_character(characters, 'tom', card('Tom'))
s = Server(program, folder, '--characters', characters, model=model)
assert os.stat(folder + '/data').st_mode & 0o077 == 0  # it has just been made
deep_json(s)
claims_that_leak(s)
memory_of_all_bodies(s)
many_connections(s)
where_it_ends(s)
two_servers()
names(s)
odd_files(s)
broken_folders(s)
words_of_errors(s)
too_long(s)
s.end()
assert os.path.exists(f'{folder}/data/scripts/.zzzzzzzzzzzz')
Server(program, folder, '--characters', characters, model=model).end()
assert not os.path.exists(f'{folder}/data/scripts/.zzzzzzzzzzzz')  # half an upload, of a server that was killed
on_the_network()
memory_without_a_key()
behind_a_proxy()
other_clocks()
print('ok')
