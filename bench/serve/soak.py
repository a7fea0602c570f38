"""Random traffic for a while: chats, completions, clients that leave, bad requests; then: no error of the server, no lost turn, no growth.

    [KILL=60] bench/serve/soak.py PROGRAM MODEL SECONDS [THREADS [ADAPTER]]

KILL: the server is killed (-9) after so many seconds, again and again, and started anew on the same data.
PROGRAM may be the build with AddressSanitizer; with a model and an adapter of tools/us_mktiny it meets a hundred times the requests. Without ADAPTER
MODEL is the default model, over which Homer was trained.
"""
import atexit, http.client, json, os, random, shutil, socket, subprocess, sys, tempfile, threading, time

program, model, seconds, n_threads = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 12
folder, port = tempfile.mkdtemp(), random.randint(20000, 40000)
os.makedirs(folder + '/characters')
shutil.copytree(os.path.dirname(os.path.abspath(__file__)) + '/../../characters/homer', folder + '/characters/homer')  # with his adapter, for the default model
if len(sys.argv) > 5: shutil.copy(sys.argv[5], folder + '/characters/homer/adapter.gguf')
for c in ('tom', 'jerry'):
    os.makedirs(f'{folder}/characters/{c}')
    json.dump({'spec': 'chara_card_v2', 'data': {'name': c.title(), 'description': f'You are {c.title()}.', 'extensions': {'understudy': {'takes': 3}}}}, open(f'{folder}/characters/{c}/card.json', 'w'))
log = open(folder + '/log', 'w')
every = float(os.environ.get('KILL', '0'))
command = [program, 'serve', '-m', model, '--port', str(port), '--data-dir', folder + '/data', '--characters', folder + '/characters', '-np', '6', '--queue', '8', '-c', '8192']
server = subprocess.Popen(command, stderr=log)
atexit.register(lambda: server.kill())
promised, codes, lock = {}, {}, threading.Lock()


def call(method, path, body=None):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=120)
    c.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': 'application/json'})
    r = c.getresponse()
    data = r.read()
    c.close()
    with lock:
        codes[r.status] = codes.get(r.status, 0) + 1
    return r.status, data


def leave(path, body, rng):
    """Sends a request, reads a little, goes."""
    s = socket.create_connection(('127.0.0.1', port), timeout=60)
    data = json.dumps(body).encode()
    s.sendall(f'POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n'.encode() + data[:rng.choice([len(data), len(data) // 2])])
    s.settimeout(rng.uniform(0.01, 0.5))
    try:
        while s.recv(500) and rng.random() < 0.8:
            pass
    except OSError:
        pass
    s.close()


def keep(chat, data):
    for block in data.decode(errors='replace').split('\n\n'):
        if block.startswith(('event: done\ndata: {"turn"', 'event: turn')):
            t = json.loads(block.split('data: ', 1)[1])['turn']
            with lock:
                promised.setdefault(chat, {})[t['id']] = (t['text'], t['chosen'])


def visitor(seed):
    rng = random.Random(seed)
    mine = []
    while time.time() < stop:
        try:
            k = rng.random()
            if not mine or k < 0.05:
                st, data = call('POST', '/api/chats', {'characters': rng.sample(['tom', 'jerry', 'homer'], rng.randint(1, 3)), 'user': rng.choice(['', 'Spike'])})
                if st == 201: mine.append(json.loads(data)['id'])
                continue
            chat = rng.choice(mine)
            if k < 0.35:
                keep(chat, call('POST', f'/api/chats/{chat}/say', {'text': f'Line {rng.random()}', 'takes': rng.choice([1, 1, 3]), 'max_tokens': rng.randint(1, 30)})[1])
            elif k < 0.45: keep(chat, call('POST', f'/api/chats/{chat}/next', {'takes': 1, 'max_tokens': 8})[1])
            elif k < 0.6: leave(f'/api/chats/{chat}/say', {'text': 'I am off', 'takes': rng.choice([1, 2]), 'max_tokens': 200}, rng)
            elif k < 0.7: leave('/v1/chat/completions', {'model': rng.choice(['tom', 'homer']), 'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 300, 'stream': rng.random() < 0.5}, rng)
            elif k < 0.8: call('POST', '/v1/chat/completions', {'model': rng.choice(['tom', 'homer', 'homer:0.5', 'base', 'nobody']), 'messages': [{'role': 'user', 'content': 'Hi ' * rng.randint(1, 200)}], 'max_tokens': rng.randint(1, 20), 'n': rng.randint(1, 3)})
            elif k < 0.85: call('POST', '/v1/completions', {'model': 'base', 'prompt': 'x' * rng.randint(1, 30000), 'max_tokens': 5})
            elif k < 0.9: call('POST', f'/api/chats/{chat}/stop')
            elif k < 0.95: call('GET', rng.choice(['/metrics', '/api/chats', '/v1/models', '/nothing', f'/api/chats/{chat}', '/api/characters/tom/card.png']))
            else: call('POST', '/v1/chat/completions', rng.choice([{}, {'model': 5}, {'model': 'tom', 'messages': 'x'}]))
        except (OSError, http.client.HTTPException):
            with lock:
                codes['connection'] = codes.get('connection', 0) + 1
            time.sleep(0.05)


def rss():
    return int(next(x for x in open(f'/proc/{server.pid}/status') if x.startswith('VmRSS')).split()[1]) / 1024


def come_up():
    for _ in range(900):
        try:
            if call('GET', '/health')[0] == 200: return
        except (OSError, http.client.HTTPException): pass
        if server.poll() is not None: sys.exit('it ended by itself: ' + open(folder + '/log').read()[-2000:])
        time.sleep(0.2)


def kill_again_and_again():
    global server, kills
    while every and time.time() + every < stop:
        time.sleep(every)
        memory.append(round(rss()))
        server.kill()
        server.wait()
        server = subprocess.Popen(command, stderr=log)
        kills += 1
        come_up()


come_up()
codes.clear()
kills, memory = 0, []
stop = time.time() + seconds
threads = [threading.Thread(target=visitor, args=(i,)) for i in range(n_threads)]
for t in threads: t.start()
kill_again_and_again()
for i in range(4):  # after each quarter
    if every: break
    time.sleep(max(0, stop - time.time() - (3 - i) * seconds / 4))
    memory.append(round(rss()))
for t in threads: t.join()
lost = 0
for chat, turns in promised.items():
    kept = {t['id']: t for t in json.loads(call('GET', f'/api/chats/{chat}')[1])['turns']}
    lost += sum(i not in kept or (text, chosen) != (kept[i]['text'], kept[i]['chosen']) for i, (text, chosen) in turns.items())
server.terminate()
rc = server.wait(60)
text = open(folder + '/log').read()
when = 'before each kill' if every else 'after each quarter'
bad = [x for x in text.split('\n') if ': 500: ' in x or 'AddressSanitizer' in x or 'LeakSanitizer' in x or 'ThreadSanitizer' in x or 'runtime error' in x]
print(f'{seconds:.0f} s, {sum(v for v in codes.values())} requests {codes}; {sum(len(t) for t in promised.values())} turns promised, {lost} lost; {kills} kills; memory {memory} MB {when}; exit {rc}; {len(bad)} errors in the log')
for x in bad[:5]: print(x)
sys.exit(bool(lost or rc or bad))
