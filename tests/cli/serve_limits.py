"""What one request may take of memory, disk and time; and what two do that come at once."""
import base64, glob, http.client, http.server, json, os, signal, struct, sys, threading, zlib
from served import Server, card, put_character

program, model, folder = sys.argv[1:4]
characters = folder + "/the characters' (1)"  # blanks, quotes and brackets, as people's folders have them
script = '\n'.join(['name,line'] + [f'Anna Lamp,Is that fine {i}?\nBoris Bell,"No, {i}!"' for i in range(40)]).encode()


loose = 4 if b'__asan_init' in open(program, 'rb').read() else 1  # AddressSanitizer keeps what was freed


def together(*calls):
    """What each gives, in its place."""
    got = [None] * len(calls)
    def run(i):
        got[i] = calls[i]()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def chat_of(turns):
    return {'format': 'json', 'data': {'understudy_chat': 2, 'characters': ['tom'], 'turns': turns}}


def small_files_large_values(s):
    """Each line of a chat is within the cap of JSON; all together would be a gigabyte."""
    line = '{"mes":"a","x":[%s]}' % ','.join(['[]'] * 60000)
    status, got = s.call('POST', '/api/chats/import', {'format': 'sillytavern', 'characters': ['tom'], 'data': '\n'.join([line] * 30)})
    assert status == 400 and 'in parts' in got['error']['message'], (status, got)
    s.ok('POST', '/api/chats/import', {'format': 'sillytavern', 'characters': ['tom'], 'data': '\n'.join([line] * 2)}, 201)


def odd_turns(s):
    """An import says what it cannot keep: nothing is cut, left out or taken for another."""
    said = {'role': 'user', 'speaker': '', 'text': 'a'}
    for odd in ({'alternatives': [{'text': 5}, {'text': 'a'}, {'text': 'b'}], 'chosen': 1}, {'alternatives': ['a']}, {'alternatives': [{'text': 'x' * 65537}]},
                {'alternatives': [{'text': 'a'}] * 65}, {'present': ['x' * 64]}, {'present': [1]}, {'present': ['tom'] * 17}, {'role': 'character', 'character': 'x' * 64}):
        status, got = s.call('POST', '/api/chats/import', chat_of([{**said, **odd}]))
        assert status == 400 and 'turns[0]' in got['error']['message'], (odd, status, got)
    for end in ('a' * 10 + 'é', 'é' * 30, '\U0001f600' * 3, 'stop'):
        got = s.ok('POST', '/api/chats/import', chat_of([{**said, 'alternatives': [{'text': 'b'}, {'text': 'a', 'end': end}], 'chosen': 1}]), 201)
        assert got['turns'][0]['text'] == 'a' and end.startswith(got['turns'][0]['alternatives'][1]['end']), got
        s.ok('POST', '/api/chats/import', {'format': 'json', 'data': s.ok('GET', f"/api/chats/{got['id']}/export")}, 201)
    terminal = {'understudy_chat': 1, 'character': 'Tom', 'turns': [{'user': 'x' * 65537, 'reply': 'y'}]}
    assert s.call('POST', '/api/chats/import', {'format': 'json', 'data': terminal})[0] == 400
    terminal['turns'] = [{'user': 'x', 'reply': 'y'}] * 10001
    assert s.call('POST', '/api/chats/import', {'format': 'json', 'data': terminal})[0] == 400
    # a greeting that no turn holds: the chat begins without it, and comes back from its file
    for greeting in ('g' * 70000, '{{noop}}', '{{description}}' * 1000):
        cid = s.ok('POST', '/api/characters', {'card': card('Long', first_mes=greeting, description='d' * 200, alternate_greetings=['Hello.'])}, 201)['id']
        chat = s.ok('POST', '/api/chats', {'characters': [cid]}, 201)
        assert [t['text'] for t in chat['turns']] == ['Hello.'], chat['turns']
        s.ok('POST', '/api/chats/import', {'format': 'json', 'data': s.ok('GET', f"/api/chats/{chat['id']}/export")}, 201)


def answers_that_nobody_reads(s):
    """A large answer lies in memory until its client has read it: it counts like a body. Others read meanwhile."""
    chat = s.ok('POST', '/api/chats/import', chat_of([{'role': 'user', 'speaker': '', 'text': 'x' * 60000}] * 50), 201)['id']
    lazy = []
    for _ in range(16):
        c = s.connect()
        c.sendall(f'GET /api/chats/{chat} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        lazy.append(c)
    codes = [int(c.recv(12).split()[1]) for c in lazy]
    assert set(codes) == {200, 503} and codes.count(200) <= 8, codes
    assert 0 < s.metric('held_bytes', address='127.0.0.2') <= 48 << 20
    assert s.call('GET', f'/api/chats/{chat}', address='127.0.0.2')[0] == 200
    for c in lazy:
        c.close()
    s.wait(lambda: s.metric('held_bytes') == 0)
    s.ok('GET', f'/api/chats/{chat}')


def paths(s):
    """The folders of this machine are not told, whatever is in their names."""
    put_character(characters, 'broken', '[')
    put_character(folder + '/data/characters', 'broken too', '[')
    s.wait(lambda: len(s.ok('GET', '/api/characters')['left_out']) == 2)
    left = json.dumps(s.ok('GET', '/api/characters')['left_out'])
    assert "characters'" not in left and '(1)' not in left and folder not in left and 'card.json' in left, left
    os.mkdir(folder + '/data/characters/nobody')
    open(characters + '/tom/about.json', 'w').write('[')
    problems = json.dumps(s.ok('GET', '/api/characters/tom')['problems'])
    assert 'about.json' in problems and "characters'" not in problems, problems
    os.remove(characters + '/tom/about.json')


def other_sites(s):
    """A page of another site can ask without reading the answer: nothing is made, packed or looked up for it."""
    for path in ('/api/backup', '/api/characters', '/api/characters/tom/merged.gguf', '/api/state'):
        want = 200 if path == '/api/state' else 403  # part of what the page itself is
        assert s.call('GET', path, headers={'Sec-Fetch-Site': 'cross-site'})[0] == want, path
    for site in ('same-origin', 'none', 'same-site'):
        s.ok('GET', '/api/characters', headers={'Sec-Fetch-Site': site})
    assert s.call('GET', '/', headers={'Sec-Fetch-Site': 'cross-site'})[0] == 200  # a link to the page


def one_key_two_spellings():
    """Whose a chat is does not depend on how the scheme is written; it is known from its first moment, and of a branch too."""
    with open(folder + '/keys', 'w') as f:
        f.write('secret\nother\n')
    s = Server(program, folder, '--characters', characters, '--host', '0.0.0.0', '--api-key-file', folder + '/keys', model=model)
    mine, too, theirs = ({'Authorization': a} for a in ('Bearer secret', 'bearer secret', 'Bearer other'))
    chat = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201, headers=mine)
    branch = s.ok('POST', f"/api/chats/{chat['id']}/branch", {'turn': chat['turns'][-1]['id']}, 201, headers=too)['id']
    for h, n in ((mine, 2), (too, 2), (theirs, 0)):
        assert {c['id'] for c in s.ok('GET', '/api/chats', headers=h)['chats']} == ({chat['id'], branch} if n else set()), h
        assert s.call('GET', f'/api/chats/{branch}', headers=h)[0] == (200 if n else 404)
    s.end()


def changes_of_a_character(s):
    """All is judged before anything is written; changes at once are one after the other."""
    cid = s.ok('POST', '/api/characters', {'card': card('Own')}, 201)['id']
    for picture in ('AAAA', '!', base64.b64encode(b'\x89PNG').decode()):
        assert s.call('PATCH', f'/api/characters/{cid}', {'name': 'Changed', 'picture_base64': picture})[0] == 400
    assert s.ok('GET', f'/api/characters/{cid}')['name'] == 'Own'
    for i in range(5):
        got = together(*[lambda k=k: s.call('PATCH', f'/api/characters/{cid}', {'notes': chr(97 + k) * (k + 1) * 3000})[0] for k in range(6)],
                       lambda: s.call('PATCH', f'/api/characters/{cid}', {'persona': f'Persona {i}.'})[0])
        assert set(got) == {200}, got
        s.wait(lambda: s.ok('GET', f'/api/characters/{cid}')['description'] == f'Persona {i}.')  # no change was lost
    notes = s.ok('GET', f'/api/characters/{cid}')['creator_notes']
    assert len(set(notes)) == 1 and len(notes) == 3000 * (ord(notes[0]) - 96)
    assert not glob.glob(f'{folder}/data/characters/{cid}/*.tmp.*')
    for _ in range(5):
        got = together(*[lambda: s.call('DELETE', f'/api/characters/{cid}')[0]] * 3)
        assert sorted(got) == [200, 404, 404], got
        s.ok('POST', f'/api/characters/{cid}/restore')


def backups_that_nobody_takes(s):
    """Who leaves while a backup comes leaves no copy of the chats behind; two are made at once."""
    for _ in range(2):
        s.ok('POST', '/api/chats/import', chat_of([{'role': 'user', 'speaker': '', 'text': base64.b64encode(os.urandom(45000)).decode()} for _ in range(150)]), 201)
    lazy = []
    for _ in range(2):
        c = s.connect()
        c.sendall(b'GET /api/backup HTTP/1.1\r\nHost: localhost\r\n\r\n')
        assert c.recv(12) == b'HTTP/1.1 200'
        lazy.append(c)
    s.wait(lambda: len(children(s.p.pid)) == 2)
    for path in ('/api/backup', '/api/characters/tom/merged.gguf', '/api/characters/tom/peft.zip'):
        assert s.call('GET', path, address='127.0.0.2')[0] == 429, path
    for c in lazy:
        c.close()
    s.wait(lambda: not children(s.p.pid))
    s.wait(lambda: s.call('GET', '/api/characters/tom/merged.gguf')[0] == 404)  # tom has no adapter
    s.wait(lambda: not glob.glob(folder + '/data/.chats-*'))


def addresses_of_engines():
    """A stranger is not told where the other engine is: not by /api/state, and not by an error."""
    with open(characters + '/tom/adapter.gguf', 'w') as f:
        f.write('no adapter')
    s = Server(program, folder, '--characters', characters, model=model)
    for path, body in (('/v1/chat/completions', {'model': 'tom', 'messages': [{'role': 'user', 'content': 'x'}]}), ('/api/chat', {'model': 'tom', 'stream': False, 'messages': [{'role': 'user', 'content': 'x'}]}),
                       ('/completion', {'model': 'tom', 'prompt': 'x'})):
        status, got = s.call('POST', path, body)
        assert status >= 400 and 'adapter.gguf' in json.dumps(got) and "characters'" not in json.dumps(got), (path, status, got)
    s.end()
    os.remove(characters + '/tom/adapter.gguf')
    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            keys.append(self.headers['Authorization'])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data":[{"id":"x"}]}')
        def do_POST(self):
            self.send_response(500)
            self.end_headers()
        def log_message(self, *_):
            pass
    engine = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Broken)
    threading.Thread(target=engine.serve_forever, daemon=True).start()
    keys = []
    with open(folder + '/long', 'w') as f:
        f.write('k' * 3000 + '\n')  # a token of several hundred bytes is no rarity
    nobody = f'http://127.0.0.1:{engine.server_port}/a/b'
    for options, told in ((['--host', '0.0.0.0', '--no-api-key'], False), (['--engine-key-file', folder + '/long'], True)):
        s = Server(program, folder, '--characters', characters, '--engine', nobody, *options)
        for path, body in (('/v1/chat/completions', {'model': 'tom', 'messages': [{'role': 'user', 'content': 'x'}]}), ('/api/chat', {'model': 'tom', 'stream': False, 'messages': [{'role': 'user', 'content': 'x'}]})):
            status, got = s.call('POST', path, body)
            assert status == 502 and (nobody in json.dumps(got)) == told, (path, status, got)
        s.end()
    assert keys[-1] == 'Bearer ' + 'k' * 3000, keys[-1][:50]


def what_kills_left():
    """Files, folders and jobs that were being made when a server was killed (-9): the next one completes them, or they go; what was learned stays."""
    data = folder + '/left/data'
    os.makedirs(data + '/.export-abcdef')
    open(data + '/.export-abcdef/merged.gguf', 'w').write('half')
    open(data + '/.chats-abcdef', 'w').write('half')
    put_character(data + '/rehearsals', 'asked', card('Asked'))
    for cid in ('learned', 'waits'):
        put_character(data + '/rehearsals', cid, card(cid))
    open(data + '/rehearsals/learned/checkpoint.gguf', 'w').write('half')
    os.makedirs(data + '/jobs/0180000000000abc')
    json.dump({'steps': [{'argv': ['train', '--out=/elsewhere/rehearsals/waits']}], 'state': 'paused', 'at': 0, 'wanted': ''}, open(data + '/jobs/0180000000000abc/job.json', 'w'))
    put_character(data + '/.restored-in/trash', 'gone', card('Gone'))
    put_character(data + '/characters', 'torn', card('Torn'))
    put_character(data + '/characters', '.adding-x', card('Half'))
    open(data + '/characters/torn/card.json.tmp.12.3', 'w').write('{')
    s = Server(program, folder + '/left', '--characters', characters, model=model)
    assert not os.path.exists(data + '/.export-abcdef') and not os.path.exists(data + '/.chats-abcdef')  # of a server that was killed while it handed a file out
    assert os.listdir(data + '/characters') == ['torn'] and os.listdir(data + '/characters/torn') == ['card.json']  # or wrote one
    assert os.listdir(data + '/trash') == ['gone'] and 'has been completed' in s.said()  # or restored a backup
    assert sorted(os.listdir(data + '/rehearsals')) == ['learned', 'waits'] and 'rehearsals/learned: no job goes on' in s.said()  # or began a training
    s.ok('POST', '/api/jobs/0180000000000abc/cancel', {})
    s.ok('DELETE', '/api/jobs/0180000000000abc')
    s.end()


def few_files():
    """Where a process may have few files, connections leave some for everything else."""
    s = Server('bash', folder + '/left', '--characters', characters, model=model, before=['-c', 'ulimit -n 120; exec "$0" "$@"', program])
    assert 'ulimit -n' in s.said(), s.said()
    mine = http.client.HTTPConnection('127.0.0.1', s.port, timeout=300)
    def ask(method, path, body=None):
        mine.request(method, path, json.dumps(body) if body else None, {'Content-Type': 'application/json'} if body else {})
        r = mine.getresponse()
        got = r.read()
        return r.status, got
    assert ask('GET', '/health')[0] == 200
    others = [s.connect() for _ in range(90)]
    for c in others:
        try:
            c.sendall(b'GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
        except OSError:
            pass  # turned away
    s.wait(lambda: b'understudy_connections 28\n' in ask('GET', '/metrics')[1])
    status, got = ask('POST', '/api/characters', {'card': card('Guest')})
    assert status == 201, (status, got)
    for c in others:
        c.close()
    s.wait(lambda: b'understudy_connections 1\n' in ask('GET', '/metrics')[1])
    mine.close()
    s.end()


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def large_cards():
    """What shared cards hold is told of one character whole, of all of them in part: the list of them stays one that can be read. Of what is large
    while it is made one at a time is."""
    s = Server(program, folder, '--characters', characters, model=model)
    # what is mended takes six times its text for a moment: of several that come at once one after the other does
    broken, before = b'{"card":{"x":"' + b'\xff' * (1 << 20) + b'"}}', s.memory('VmHWM')
    assert set(together(*[lambda a=a: s.call('POST', '/api/characters', raw=broken, address=a)[0] for a in ('127.0.0.1', '127.0.0.2') * 6])) == {400}
    assert s.memory('VmHWM') - before < 110 * loose, (before, s.memory('VmHWM'))
    tags, cast, greeting = ['t' * 100000] * 30, ['n' * 900] * 1000, '\u00e9' * 30000
    for _ in range(17):
        cid = s.ok('POST', '/api/characters', {'card': card('Large', tags=tags, first_mes=greeting, extensions={'understudy': {'cast': cast}})}, 201)['id']
    for path, key in (('/api/characters', 'characters'), ('/v1/models', 'data')):
        for c in s.ok('GET', path)[key]:
            assert len(json.dumps(c)) < 100000 and (c['id'] != cid or c['greeting'].endswith('\u00e9\u2026')), (path, json.dumps(c)[:300])
    one = s.ok('GET', f'/api/characters/{cid}')
    assert one['tags'] == tags and one['cast'] == cast and one['greeting'] == greeting
    head = struct.pack('>IIBBBBB', 1, 1, 8, 2, 0, 0, 0)
    with open(f'{folder}/data/characters/{cid}/portrait.png', 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'junk', os.urandom(8 << 20)) + chunk(b'IDAT', zlib.compress(bytes(4))) + chunk(b'IEND', b''))
    before = s.memory('VmHWM')
    for ask in (lambda: s.call('GET', f'/api/characters/{cid}/card.png')[0], lambda: s.call('POST', '/tokenize', {'content': 'a ' * 500000})[0]):
        assert set(together(*[ask] * 60)) <= {200, 503}
    assert s.memory('VmHWM') - before < 200 * loose, (before, s.memory('VmHWM'))
    for c in s.ok('GET', '/api/characters')['characters']:
        if c['own']:
            s.ok('DELETE', f"/api/characters/{c['id']}")
    s.ok('DELETE', '/api/storage/trash')
    s.end()


def what_is_written_can_be_read(s):
    """Options that would be larger on the disk than what is read from there are refused; the script stays as it was."""
    sid = s.ok('POST', '/api/scripts?name=w.csv', raw=script, want=201)['id']
    s.ok('PATCH', f'/api/scripts/{sid}', {'options': {'aliases': {'Anna Lamp': ['Ann']}}})
    status, got = s.call('PATCH', f'/api/scripts/{sid}', {'options': {'aliases': {'Anna Lamp': ['x'] * 150000}}})
    assert status == 413 and 'options' in got['error']['message'], (status, got)
    assert s.ok('GET', f'/api/scripts/{sid}')['options'] == {'aliases': {'Anna Lamp': ['Ann']}}
    s.ok('DELETE', f'/api/scripts/{sid}')
    assert s.call('POST', '/api/chats', {'characters': ['tom'], 'scale': {'x' * 64: 1}})[0] == 400  # no character has such an id


def room_of_all_chats():
    """Whatever makes chats grow is refused when they fill their room; the rest goes on, and what is deleted makes room."""
    s = Server(program, folder, '--characters', characters, '--chats-quota', '1', model=model)
    s.ok('GET', '/api/chats')
    for c in s.ok('GET', '/api/chats')['chats']:
        s.ok('DELETE', f"/api/chats/{c['id']}", want=204)
    chat = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']
    lines = chat_of([{'role': 'user', 'speaker': '', 'text': base64.b64encode(os.urandom(45000)).decode()}] * 5)
    made = []
    for _ in range(20):
        status, got = s.call('POST', '/api/chats/import', lines)
        if status != 201:
            break
        made.append(got['id'])
    assert status == 507 and got['error']['code'] == 'quota' and '--chats-quota' in got['error']['message'] and made, (status, got, made)
    while s.call('POST', '/api/chats', {'characters': ['tom'], 'title': 't' * 500})[0] == 201:
        pass
    for _ in range(200):  # a line for which there was room is taken, and so is its reply
        status, got = s.call('POST', f'/api/chats/{chat}/say', {'text': 'Word. ' * 250, 'takes': 1, 'max_tokens': 2})
        if status != 200:
            break
    turns = s.ok('GET', f'/api/chats/{chat}')['turns']
    turn = turns[-1]['id']
    assert status == 507 and len(turns) > 2 and turns[-1]['role'] == 'character', (status, got, len(turns))
    for method, path, body in (('POST', '/api/chats', {'characters': ['tom']}), ('POST', f'/api/chats/{chat}/say', {'text': 'Hi.'}), ('POST', f'/api/chats/{chat}/next', {}), ('POST', f'/api/chats/{chat}/branch', {'turn': turn}),
                               ('PATCH', f'/api/chats/{chat}', {'title': 'x'}), ('PATCH', f'/api/chats/{chat}/turns/{turn}', {'text': 'x'}), ('POST', f'/api/chats/{chat}/turns/{turn}/regenerate', {}),
                               ('POST', f'/api/chats/{chat}/turns/{turn}/continue', {})):
        assert s.call(method, path, body)[0] == 507, path
    for path in ('/api/chats', f'/api/chats/{chat}', f'/api/chats/{chat}/export', '/api/search?q=xyz'):
        s.ok('GET', path)
    undo = s.ok('DELETE', f'/api/chats/{chat}/turns/{turn}')['undo']
    s.ok('POST', f'/api/chats/{chat}/undo', {'undo': undo})
    s.ok('POST', '/v1/completions', {'model': 'base', 'prompt': 'Once', 'max_tokens': 2})
    s.ok('DELETE', f'/api/chats/{made[0]}', want=204)
    s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)
    assert s.call('POST', f'/api/chats/{made[0]}/restore', {})[0] == 404
    s.end()


def pictures(s):
    """All pictures together have a room of their own; a card without one is taken."""
    png = base64.b64encode(s.ok('GET', '/api/characters/tom/card.png')).decode()
    first = s.ok('POST', '/api/characters', {'png_base64': png}, 201)['id']
    with open(f'{folder}/data/characters/{first}/picture.png', 'r+b') as f:
        f.truncate(2048 << 20)
    status, got = s.call('POST', '/api/characters', {'png_base64': png})
    assert status == 507 and got['error']['code'] == 'quota' and 'pictures' in got['error']['message'], (status, got)
    plain = s.ok('POST', '/api/characters', {'card': card('Plain')}, 201)['id']
    status, got = s.call('PATCH', f'/api/characters/{plain}', {'picture_base64': png, 'name': 'Painted'})
    assert status == 507 and got['error']['code'] == 'quota', (status, got)
    assert s.ok('GET', f'/api/characters/{plain}')['name'] == 'Plain'
    os.truncate(f'{folder}/data/characters/{first}/picture.png', 100)
    s.ok('POST', '/api/characters', {'png_base64': png}, 201)


def children(pid):
    found = []
    for path in glob.glob(f'/proc/{pid}/task/*/children'):
        try:
            found += [int(x) for x in open(path).read().split()]
        except OSError:
            pass
    return found


def with_a_stopped_child(s, ask):
    """Asks for something that a child does, which stands still from then on; the thread that waits, and the child."""
    for i in range(1000):
        got, t = [], None
        t = threading.Thread(target=lambda: got.append(ask(i)), daemon=True)
        t.start()
        while t.is_alive():
            for pid in children(s.p.pid):
                try:
                    os.kill(pid, signal.SIGSTOP)
                    return t, got, pid
                except ProcessLookupError:
                    pass
    raise AssertionError('no child is seen')


def children_that_are_waited_for(s):
    """Few wait for a child, and whoever waits when the server ends is told so. A script that is deleted meanwhile stays deleted."""
    if not glob.glob(f'/proc/{s.p.pid}/task/*/children'):
        return print('skipped: children (no /proc/PID/task/*/children)')
    sid = s.ok('POST', '/api/scripts?name=a.csv', raw=script, want=201)['id']
    t, got, pid = with_a_stopped_child(s, lambda i: s.call('GET', f'/api/scripts/{sid}/explore?character=Boris%20Bell') if not os.path.exists(f'{folder}/data/scripts/{sid}') or i == 0 else
                                       (s.call('PATCH', f'/api/scripts/{sid}', {'options': {'exclude': [str(i)]}}), s.call('GET', f'/api/scripts/{sid}/explore?character=Boris%20Bell'))[1])
    s.ok('DELETE', f'/api/scripts/{sid}')
    os.kill(pid, signal.SIGCONT)
    t.join()
    assert got[0][0] in (200, 404, 400), got
    assert os.listdir(f'{folder}/data/scripts') == [], os.listdir(f'{folder}/data/scripts')
    sid = s.ok('POST', '/api/scripts?name=a.csv', raw=script, want=201)['id']
    t, got, pid = with_a_stopped_child(s, lambda i: s.call('GET', f'/api/scripts/{sid}/lines?character=Boris%20Bell&text=No{i}', patient=True))
    codes, threads = [], []
    for i in range(24):
        threads.append(threading.Thread(target=lambda i=i: codes.append(s.call('GET', f'/api/scripts/{sid}/lines?character=Boris%20Bell&text=x{i}', patient=True)[0])))
        threads[-1].start()
    s.wait(lambda: codes.count(429) == 24 - 15)
    s.p.send_signal(signal.SIGTERM)
    for thread in threads + [t]:
        thread.join()
    assert s.p.wait(300) == 0 and set(codes) <= {429, 503, 0} and codes.count(429) == 9, codes


def uploads_at_once(s):
    """The quota is of all scripts that are there and that come."""
    for i in range(199):
        where = f'{folder}/data/scripts/' + 'a' * 9 + f'{i:03}'.translate(str.maketrans('0123456789', 'abcdefghij'))
        os.mkdir(where)
        open(where + '/meta.json', 'w').write('{"file":"script.csv","options":{}}')
    first, second = s.connect(), s.connect()
    for c in (first, second):
        c.sendall(b'POST /api/scripts?name=x.csv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n' + b'name,line\n' * 100)
        s.wait(lambda: len([n for n in os.listdir(f'{folder}/data/scripts') if n.startswith('.')]) == 1)
    for c in (first, second):
        c.sendall(b'name,line\n' * 100)
    codes = [int(c.recv(12).split()[1]) for c in (first, second)]
    assert sorted(codes) == [201, 507], codes
    # what is announced to be too large is refused before it comes
    c = s.connect()
    c.sendall(b'POST /api/scripts?name=x.csv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000000\r\nExpect: 100-continue\r\n\r\n')
    assert c.recv(12) == b'HTTP/1.1 413'
    for x in s.ok('GET', '/api/scripts')['scripts']:
        s.ok('DELETE', f"/api/scripts/{x['id']}")


def caches(s):
    """A character's name may be spelled in many ways, each with a report of its own: they are forgotten when there are many."""
    sid = s.ok('POST', '/api/scripts?name=c.csv', raw=script, want=201)['id']
    for i in range(200):
        os.mkdir(f'{folder}/data/scripts/{sid}/explore-{i:016x}')
    s.ok('GET', f'/api/scripts/{sid}/explore?character=Boris%20Bell')
    left = [n for n in os.listdir(f'{folder}/data/scripts/{sid}') if n.startswith('explore-')]
    assert len(left) == 1, left
    assert s.call('GET', f'/api/scripts/{sid}/explore?character=Nobody')[0] == 400
    assert len([n for n in os.listdir(f'{folder}/data/scripts/{sid}') if n.startswith('explore-')]) == 1
    s.ok('DELETE', f'/api/scripts/{sid}')


def logs_name_no_events(s):
    """What stands in a job's log, which may come from a backup, is data: it ends no field of the stream."""
    where = f'{folder}/data/jobs/0180000000000abc'
    os.makedirs(where)
    json.dump({'steps': [{'argv': ['none']}], 'state': 'done', 'at': 1, 'wanted': ''}, open(where + '/job.json', 'w'))
    open(where + '/log.jsonl', 'wb').write(b'{"step":1}\rid: 9\revent: job\rdata: {"state":"forged"}\r\r\n{"step":2}\n')
    got = s.ok('GET', '/api/jobs/0180000000000abc/events')
    assert b'\r' not in got and b'"step":2' in got and got.count(b'\nevent: job') + got.startswith(b'event: job') == 1, got
    s.ok('DELETE', '/api/jobs/0180000000000abc')


def others_of_the_machine():
    """Scripts, jobs and characters are the user's alone, whatever the umask and the data folder say."""
    for name in ('scripts', 'rehearsals', 'trash', 'jobs', 'characters'):
        assert os.stat(f'{folder}/data/{name}').st_mode & 0o077 == 0, name


def trainings_at_once(s):
    """Characters of one name that are learned at once have a folder each."""
    sid = s.ok('POST', '/api/scripts?name=b.csv', raw=script, want=201)['id']
    train = {'kind': 'train', 'script': sid, 'character': 'Boris Bell', 'options': {'max_steps': 1}}
    s.ok('POST', '/api/jobs', {**train, 'dry': True})
    jobs = [got for _, got in together(*[lambda: s.call('POST', '/api/jobs', train)] * 6)]
    halves = [j['characters'][0]['half'] for j in jobs]
    for j in reversed(jobs):
        s.call('POST', f"/api/jobs/{j['id']}/cancel")
    assert len(set(halves)) == 6, halves
    s.wait(lambda: all(j['state'] in ('cancelled', 'done', 'failed') for j in s.ok('GET', '/api/jobs')['jobs']))


put_character(characters, 'tom', card('Tom'))
what_kills_left()
few_files()
large_cards()
s = Server(program, folder, '--characters', characters, model=model)
small_files_large_values(s)
odd_turns(s)
answers_that_nobody_reads(s)
paths(s)
other_sites(s)
changes_of_a_character(s)
pictures(s)
what_is_written_can_be_read(s)
uploads_at_once(s)
caches(s)
logs_name_no_events(s)
others_of_the_machine()
trainings_at_once(s)
for path in glob.glob(f'{folder}/data/scripts/*'):
    s.ok('DELETE', '/api/scripts/' + os.path.basename(path))
backups_that_nobody_takes(s)
children_that_are_waited_for(s)
addresses_of_engines()
one_key_two_spellings()
room_of_all_chats()
print('ok')
