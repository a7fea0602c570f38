"""The studio's routes on a tiny model, as a page uses them: see studio.sh."""
import http.client, json, os, signal, sys, threading, time
from served import launch

program, model, folder = sys.argv[1:4]
data = folder + '/data'


def start(*options, where=data, host='127.0.0.1'):
    global port
    p, port = launch([program, 'serve', '-m', model, '--host', host, '--data-dir', where, '--characters', folder + '/characters', '-t', '1', '-c', '8192', *options], folder + '/log')
    for _ in range(15000):
        try:
            if call('GET', '/health')[0] == 200:
                return p
        except OSError:
            assert p.poll() is None, open(folder + '/log').read()[-2000:]
        time.sleep(0.02)
    raise AssertionError('does not come up')


def call(method, path, body=None, raw=None, kind='application/octet-stream', headers=None):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    h = dict(headers or {})
    if body is not None or raw is not None:
        h['Content-Type'] = 'application/json' if raw is None else kind
    c.request(method, path, raw if raw is not None else json.dumps(body) if body is not None else None, h)
    r = c.getresponse()
    got = r.read()
    c.close()
    if (r.getheader('Content-Type') or '') == 'application/json':
        got = json.loads(got)
    return r.status, got


def ok(method, path, body=None, want=200, **more):
    status, got = call(method, path, body, **more)
    assert status == want, (method, path, status, got)
    return got


class Events:
    """A stream of server-sent events, read by a thread."""
    def __init__(self, path, last=None):
        self.c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
        self.c.request('GET', path, headers={'Last-Event-ID': last} if last else {})
        self.r = self.c.getresponse()
        assert self.r.status == 200, self.r.read()
        self.got, self.over = [], False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        e = {}
        try:
            for line in self.r:
                key, _, value = line.decode().rstrip('\n').partition(': ')
                if key in ('id', 'event'):
                    e[key] = value
                elif key == 'data':
                    e['data'] = json.loads(value)
                elif not key and e:
                    self.got.append(e)
                    e = {}
        except Exception:
            pass
        self.over = True

    def wait(self, test, seconds=180):
        for _ in range(seconds * 50):
            found = [e for e in self.got if test(e)]
            if found:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(self.got[-5:])


def wait_state(job, *states):
    for _ in range(9000):
        j = ok('GET', f'/api/jobs/{job}')
        if j['state'] in states:
            return j
        assert j['state'] not in ('failed', 'cancelled', 'done'), j
        time.sleep(0.02)
    raise AssertionError(j)


things = ['the car', 'the dog', 'our dinner', 'the school', 'my work', 'that noise', 'the moon', 'a sandwich', 'the roof', 'your brother']
says = ['Woo, {}!', 'Mmm, {}.', 'No way, {} again?', 'I never liked {}.', 'Well, {} can wait.', 'Who cares about {}?']
rows = ['name,line']
for i in range(80):
    x, y = things[i % 10], things[(i * 7 + 3) % 10]
    rows += [f'Anna Lamp,Is {x} fine {i}?', f'Boris Bell,"{says[i % 6].format(x)}"', f'Clara Key,"Dad, {y}!"', f'Boris Bell,"{says[(i * 5 + 1) % 6].format(y)}"', ',']
script = '\n'.join(rows).encode()

server = start()
state = ok('GET', '/api/state')
assert state['studio'] and not state['public']
feed = Events('/api/events')
feed.wait(lambda e: e['event'] == 'hello')

# ---- a script: as it comes, and what is in it
up = ok('POST', '/api/scripts?name=..%2F..%2Fmy%20show.csv', raw=script, want=201)
sid = up['id']
assert up['name'] == 'my show.csv' and up['bytes'] == len(script), up
feed.wait(lambda e: e['event'] == 'change' and e['data']['what'] == 'scripts')
found = ok('GET', f'/api/scripts/{sid}')['found']
assert found['rows'] == 400 and found['lines'] == 320 and found['breaks'] == 80, found
assert found['first'][1] == {'speaker': 'Boris Bell', 'text': 'Woo, the car!', 'direction': None, 'scene': 0, 'row': 3}, found['first']
assert found['people'][0] == {'name': 'Boris Bell', 'lines': 160, 'words': found['people'][0]['words'], 'scenes': 80, 'joint': False}
report = ok('GET', f'/api/scripts/{sid}/explore?character=Boris%20Bell')
assert report['character']['name'] == 'Boris Bell' and report['character']['lines'] == 160
assert b'<svg' in ok('GET', f'/api/scripts/{sid}/files/cloud.svg?character=Boris%20Bell')[:400]
assert call('GET', f'/api/scripts/{sid}/files/..%2Fscript.csv')[0] == 404
status, got = call('GET', f'/api/scripts/{sid}/explore?character=Nobody')
assert status >= 400 and "no character 'Nobody'" in got['error']['message'], got
other = ok('POST', '/api/scripts?name=other.csv', raw=b'who_is_it,what_is_it\na,b\n', want=201)
got = ok('PATCH', f"/api/scripts/{other['id']}", {'options': {'columns': {'speaker': 'who_is_it', 'text': 'what_is_it'}}})
assert got['found']['lines'] == 1, got
for bad in ({'name': ''}, {'options': {'colours': 1}}, {'options': {'off': 'x'}}, {'options': {'accept_damage': 1}}, {'options': 3}, {'options': {'columns': {'speaker': 1}}}):
    assert call('PATCH', f'/api/scripts/{sid}', bad)[0] == 400, bad
assert call('POST', '/api/scripts', raw=b'')[0] == 400
assert call('GET', '/api/scripts/nosuchscript')[0] == 404
assert call('POST', '/api/scripts', raw=script, headers={'Origin': 'http://evil.example'})[0] == 403
assert len(ok('GET', '/api/scripts')['scripts']) == 2
ok('DELETE', f"/api/scripts/{other['id']}")
assert call('DELETE', f"/api/scripts/{other['id']}")[0] == 404
assert len(os.listdir(data + '/scripts')) == 1, os.listdir(data + '/scripts')

picture = ok('POST', '/api/scripts?name=picture.csv', raw=b'\x89PNG\r\n\x1a\n' + bytes(500), want=201)
got = ok('GET', f"/api/scripts/{picture['id']}")
assert got['error'] and 'found' not in got, got  # it was kept, and why it cannot be read is told
ok('DELETE', f"/api/scripts/{picture['id']}")

# ---- what it costs, before anything starts
train = {'kind': 'train', 'script': sid, 'character': 'Boris Bell'}
cost = ok('POST', '/api/jobs', {**train, 'dry': True})
assert cost['lines'] == 160 and cost['full']['epochs'] == 1.5 and cost['memory_bytes'] > 1e6 and cost['persona'].startswith('You are Boris Bell'), cost
assert ok('GET', '/api/jobs')['jobs'] == []
for bad in ({}, {'kind': 'dance'}, {**train, 'mode': 'slow'}, {**train, 'options': {'rank': 0}}, {'kind': 'train', 'script': sid}):
    assert call('POST', '/api/jobs', bad)[0] == 400, bad
assert call('POST', '/api/jobs', {**train, 'script': 'nosuchscript'})[0] == 404

# ---- the same training twice: one in a piece, one paused, killed with the server, gone on with
options = {'max_steps': 60, 'eval_every': 10, 'lr': 0.005}
whole = ok('POST', '/api/jobs', {**train, 'options': options}, want=201)
assert whole['character'] == 'boris-bell' and 'steps' not in whole and data not in json.dumps(whole), whole
part = ok('POST', '/api/jobs', {**train, 'options': options}, want=201)
assert part['character'] == 'boris-bell-2'
events = Events(f"/api/jobs/{whole['id']}/events")
first = events.wait(lambda e: e['data'].get('step') == 5)
assert ok('GET', f"/api/jobs/{part['id']}")['state'] == 'queued'  # one learns at a time
assert not any(c['id'] == 'boris-bell' for c in ok('GET', '/api/characters')['characters'])  # half a character is none
assert ok('GET', '/api/characters/boris-bell')['name'] == 'Boris Bell'  # but who knows of them may talk to them
sample = events.wait(lambda e: 'reply' in e['data'])
assert 'line' in sample['data'] and 'bare' in sample['data'], sample
wait_state(whole['id'], 'done')
later = Events(f"/api/jobs/{whole['id']}/events", last=first['id'])
later.wait(lambda e: e['data'].get('state') == 'done')
steps = [e['data']['step'] for e in later.got if 'loss' in e['data']]
assert steps[0] == 6 and steps[-1] == 60, steps
feed.wait(lambda e: e['event'] == 'change' and e['data']['what'] == 'characters')
feed.wait(lambda e: [c for c in ok('GET', '/api/characters')['characters'] if c['id'] == 'boris-bell'])  # within half a second
c = next(c for c in ok('GET', '/api/characters')['characters'] if c['id'] == 'boris-bell')
assert c['has_adapter'] and c['about'], c

events = Events(f"/api/jobs/{part['id']}/events")
events.wait(lambda e: e['data'].get('step', 0) >= 3 and 'loss' in e['data'])
ok('POST', f"/api/jobs/{part['id']}/pause", {})
wait_state(part['id'], 'paused')
assert call('POST', f"/api/jobs/{part['id']}/pause", {})[0] == 409
server.terminate()  # a paused training outlives a server that ends, and so do the scripts
assert server.wait(300) == 0
server = start()
assert ok('GET', f"/api/jobs/{part['id']}")['state'] == 'paused' and [s['id'] for s in ok('GET', '/api/scripts')['scripts']] == [sid]
ok('POST', f"/api/jobs/{part['id']}/resume", {})
events = Events(f"/api/jobs/{part['id']}/events")
events.wait(lambda e: e['data'].get('step', 0) >= 20 and 'loss' in e['data'])
server.send_signal(signal.SIGKILL)
server.wait()
server = start()
wait_state(part['id'], 'interrupted')
ok('POST', f"/api/jobs/{part['id']}/resume", {})
wait_state(part['id'], 'done')
read = lambda cid: open(f'{data}/characters/{cid}/adapter.gguf', 'rb').read()
assert read('boris-bell') == read('boris-bell-2'), 'not the same bits'
assert os.listdir(data + '/rehearsals') == []

# ---- a new season: who is there goes on to learn, and takes their own place; the old ones are in the trash
ok('PATCH', '/api/characters/boris-bell-2', {'name': 'Boris the Second'})
season = ok('POST', '/api/scripts?name=season2.csv', raw=script.replace(b'Woo', b'Hum'), want=201)
before = read('boris-bell-2')
for bad, code in (({'continue': 'nobody'}, 404), ({'continue': '../x'}, 404), ({'continue': 'boris-bell-2', 'character': None, 'characters': ['Boris Bell', 'Clara Key']}, 400)):
    assert call('POST', '/api/jobs', {**train, 'script': season['id'], **bad})[0] == code, bad
on = ok('POST', '/api/jobs', {**train, 'script': season['id'], 'continue': 'boris-bell-2', 'options': {**options, 'max_steps': 20}}, want=201)
assert on['characters'][0]['id'] == 'boris-bell-2' and on['characters'][0]['half'] not in ('boris-bell', 'boris-bell-2'), on
assert ok('GET', '/api/characters/boris-bell-2')['name'] == 'Boris the Second'  # they stay as they are meanwhile
wait_state(on['id'], 'done')
log = [json.loads(x) for x in open(f"{data}/jobs/{on['id']}/log.jsonl")]
assert next(x for x in log if 'base_loss' in x)['loss'] < next(x for x in log if 'base_loss' in x)['base_loss'] - 0.5, log[:5]  # it begins with what was learned
assert read('boris-bell-2') != before and open(f'{data}/trash/boris-bell-2/adapter.gguf', 'rb').read() == before
assert ok('GET', '/api/characters/boris-bell-2')['name'] == 'Boris the Second'
assert not os.path.exists(f'{data}/characters/boris-bell-2/continued.gguf') and os.listdir(data + '/rehearsals') == []

# ---- several of one script in one job; the second continues from the first
for bad in ([], ['Boris Bell', 'Boris Bell'], [3], ['x'] * 9, 'Boris Bell'):
    assert call('POST', '/api/jobs', {'kind': 'train', 'script': sid, 'characters': bad})[0] == 400, bad
cost = ok('POST', '/api/jobs', {'kind': 'train', 'script': sid, 'characters': ['Clara Key', 'Boris Bell'], 'dry': True})
assert [c['character'] for c in cost['cast']] == ['Clara Key', 'Boris Bell'] and cost['seconds'] > cost['cast'][0]['seconds'], cost
two = ok('POST', '/api/jobs', {'kind': 'train', 'script': sid, 'characters': ['Clara Key', 'Boris Bell'], 'options': {**options, 'max_steps': 20}}, want=201)
assert two['title'] == 'Clara Key, Boris Bell' and [c['id'] for c in two['characters']] == ['clara-key', 'boris-bell-3'], two
wait_state(two['id'], 'done')
log = [json.loads(x) for x in open(f"{data}/jobs/{two['id']}/log.jsonl")]
assert [x['character'] for x in log if x.get('stage') == 'learning'] == ['Clara Key', 'Boris Bell']
first_losses = [x['loss'] for x in log if x.get('step') == 1 and 'loss' in x]
assert len(first_losses) == 2 and first_losses[1] < first_losses[0], first_losses
assert {c['id'] for c in ok('GET', '/api/characters')['characters']} >= {'clara-key', 'boris-bell-3'}

# ---- what is taken away: the adapter for PEFT, the merged model, everything
import io, tarfile, zipfile
z = zipfile.ZipFile(io.BytesIO(ok('GET', '/api/characters/boris-bell/peft.zip')))
assert sorted(z.namelist()) == ['adapter_config.json', 'adapter_model.safetensors'] and z.testzip() is None
assert ok('GET', '/api/characters/boris-bell/merged.gguf')[:4] == b'GGUF'
assert call('GET', '/api/characters/nobody/peft.zip')[0] == 404
names = tarfile.open(fileobj=io.BytesIO(ok('GET', '/api/backup'))).getnames()
assert names[0] == 'understudy-backup.json' and 'characters/boris-bell/adapter.gguf' in names and 'chats.db' in names and f'scripts/{sid}/meta.json' in names, names[:20]
assert not [n for n in os.listdir(data) if n.startswith('.')], os.listdir(data)

room = {x['what']: x for x in ok('GET', '/api/storage')['kept']}
assert room['scripts']['n'] == 2 and room['caches']['n'] > 3 and room['trash']['n'] == 1 and room['characters']['bytes'] > 1000 and room['chats']['n'] == 1, room
ok('DELETE', '/api/storage/caches')
ok('DELETE', '/api/storage/trash')
for what in ('scripts', 'characters', 'chats', '..'):
    assert call('DELETE', f'/api/storage/{what}')[0] == 404, what
room = {x['what']: x for x in ok('GET', '/api/storage')['kept']}
assert room['scripts']['n'] == 2 and room['caches']['n'] == 0 and room['trash']['n'] == 0, room
assert ok('GET', f'/api/scripts/{sid}')['found']['lines'] == 320  # made again

# ---- a file in which nothing can be read is a mistake of the file, not of the server
empty = ok('POST', '/api/scripts?name=empty.csv', raw=b'name,line\n', want=201)
for rest in ('explore', 'files/cloud.svg', 'lines?character=A&text=b'):
    assert call('GET', f"/api/scripts/{empty['id']}/{rest}")[0] == 400, rest
ok('DELETE', f"/api/scripts/{empty['id']}")

# ---- stopped early and kept; cancelled and gone
long = ok('POST', '/api/jobs', {**train, 'options': {**options, 'max_steps': 100000}}, want=201)
Events(f"/api/jobs/{long['id']}/events").wait(lambda e: e['data'].get('step', 0) >= 11 and 'loss' in e['data'])
ok('POST', f"/api/jobs/{long['id']}/keep", {})
wait_state(long['id'], 'done')
assert any(c['id'] == long['character'] for c in ok('GET', '/api/characters')['characters'])
gone = ok('POST', '/api/jobs', {**train, 'options': {**options, 'max_steps': 100000}}, want=201)
Events(f"/api/jobs/{gone['id']}/events").wait(lambda e: 'loss' in e['data'])
assert call('DELETE', f"/api/jobs/{gone['id']}")[0] == 409
ok('POST', f"/api/jobs/{gone['id']}/cancel", {})
wait_state(gone['id'], 'cancelled')
assert os.listdir(data + '/rehearsals') == []
ok('DELETE', f"/api/jobs/{gone['id']}")
assert call('GET', f"/api/jobs/{gone['id']}")[0] == 404

# ---- the character: renamed, deleted, taken back
c = ok('PATCH', '/api/characters/boris-bell', {'name': 'Boris', 'greeting': 'What now?', 'persona': 'You are Boris, a bell.'})
assert c['name'] == 'Boris' and c['greeting'] == 'What now?' and c['description'] == 'You are Boris, a bell.', c
for bad in ({'name': ''}, {'name': 3}, {'picture_base64': 'aGVsbG8='}):
    assert call('PATCH', '/api/characters/boris-bell', bad)[0] == 400, bad
feed = Events('/api/events')
feed.wait(lambda e: e['event'] == 'hello')
ok('DELETE', '/api/characters/boris-bell')
feed.wait(lambda e: e['event'] == 'change' and e['data']['what'] == 'characters')
assert call('GET', '/api/characters/boris-bell')[0] == 404
ok('POST', '/api/characters/boris-bell/restore', {})
assert ok('GET', '/api/characters/boris-bell')['name'] == 'Boris'
assert call('POST', '/api/characters/boris-bell/restore', {})[0] == 404
assert call('POST', '/api/characters/..%2F..%2Fscripts/restore', {})[0] == 404

# ---- two tabs: what one says, the other is told; who was away for long asks for everything
chat = ok('POST', '/api/chats', {'characters': ['boris-bell']}, want=201)
ok('POST', f"/api/chats/{chat['id']}/say", {'text': 'Hello', 'takes': 1})
feed.wait(lambda e: e['event'] == 'change' and e['data'] == {'what': 'chat', 'id': chat['id']})
seen = feed.got[-1]['id']
again = Events('/api/events', last=seen)
assert again.wait(lambda e: e['event'] == 'hello')['data']['missed'] is False
assert Events('/api/events', last='1-1').wait(lambda e: e['event'] == 'hello')['data']['missed'] is True
for i in range(3):
    ok('POST', '/api/chats', {'characters': ['boris-bell'], 'title': f'Number {i}'}, want=201)
got, every = ok('GET', '/api/chats?limit=2'), ok('GET', '/api/chats')
assert got['chats'] == every['chats'][:2] and got['total'] == every['total'] == len(every['chats']) >= 4, got
for bad in ('0', '-1', 'x', '1x', '9999999999', ''):
    assert call('GET', f'/api/chats?limit={bad}')[0] == 400, bad
# a folder dropped in
os.makedirs(folder + '/characters/dropped')
open(folder + '/characters/dropped/card.json', 'w').write(json.dumps({'spec': 'chara_card_v2', 'data': {'name': 'Dropped', 'description': 'You are Dropped.'}}))
n = len(feed.got)
feed.wait(lambda e: e['event'] == 'change' and e['data']['what'] == 'characters' and feed.got.index(e) >= n)
feed.wait(lambda e: call('GET', '/api/characters/dropped')[0] == 200)
assert call('PATCH', '/api/characters/dropped', {'name': 'X'})[0] == 409  # not the visitor's own
server.terminate()
assert server.wait(300) == 0

# ---- off on a public address, unless it is asked for
server = start('--no-api-key', host='0.0.0.0', where=folder + '/public')
assert not ok('GET', '/api/state')['studio']
for path in ('/api/backup', '/api/characters/dropped/peft.zip', '/api/jobs', '/api/scripts'):
    assert call('GET', path)[0] == 501, path
status, got = call('POST', '/api/scripts', raw=script)
assert status == 501 and '--studio' in got['error']['message'], (status, got)
assert not os.path.exists(folder + '/public/scripts')
server.terminate()
assert server.wait(300) == 0
# ---- on a public address each browser has chats of its own
a, b = {'X-Understudy-Browser': 'one secret'}, {'X-Understudy-Browser': 'another secret'}
server = start('--no-api-key', host='0.0.0.0', where=folder + '/public')
mine = ok('POST', '/api/chats', {'characters': ['dropped']}, want=201, headers=a)
assert [c['id'] for c in ok('GET', '/api/chats', headers=a)['chats']] == [mine['id']] and 'owner' not in json.dumps(ok('GET', '/api/chats', headers=a))
for other in (b, {}):
    assert ok('GET', '/api/chats', headers=other)['chats'] == []
    for method, rest, body in (('GET', '', None), ('GET', '/export', None), ('PATCH', '', {'title': 'x'}), ('DELETE', '', None), ('POST', '/restore', {}), ('POST', '/say', {'text': 'x'})):
        assert call(method, f"/api/chats/{mine['id']}{rest}", body, headers=other)[0] == 404, (method, rest)
assert call('PATCH', f"/api/chats/{mine['id']}", {'title': 'kept'}, headers=a)[0] == 200
server.terminate()
assert server.wait(300) == 0
server = start(where=folder + '/public')  # at home everything is seen
assert ok('GET', f"/api/chats/{mine['id']}")['title'] == 'kept'
server.terminate()
assert server.wait(300) == 0
server = start('--no-api-key', '--studio', host='0.0.0.0', where=folder + '/public')
ok('POST', '/api/scripts', raw=script, want=201)
assert call('GET', '/api/backup')[0] == 403  # everybody's chats are in it
server.terminate()
assert server.wait(30) == 0
# ---- and each key has its own
open(folder + '/keys', 'w').write('first-key\nsecond-key\n')
os.chmod(folder + '/keys', 0o600)
server = start('--api-key-file', folder + '/keys', host='0.0.0.0', where=folder + '/public')
one, two = {'Authorization': 'Bearer first-key'}, {'Authorization': 'Bearer second-key', 'X-Understudy-Browser': 'one secret'}
assert call('GET', '/api/chats')[0] == 401
assert ok('GET', '/api/chats', headers=one)['chats'] == []  # a browser's secret opens nothing of a key's, nor the other way
mine = ok('POST', '/api/chats', {'characters': ['dropped']}, want=201, headers=one)
assert [c['id'] for c in ok('GET', '/api/chats', headers={**one, 'X-Understudy-Browser': 'whichever'})['chats']] == [mine['id']]
assert ok('GET', '/api/chats', headers=two)['chats'] == []
for method, rest, body in (('GET', '', None), ('GET', '/export', None), ('PATCH', '', {'title': 'x'}), ('DELETE', '', None), ('POST', '/branch', {'turn': 1}), ('POST', '/say', {'text': 'x'})):
    assert call(method, f"/api/chats/{mine['id']}{rest}", body, headers=two)[0] == 404, (method, rest)
ok('GET', f"/api/chats/{mine['id']}", headers=one)
server.terminate()
assert server.wait(300) == 0
print('ok')
