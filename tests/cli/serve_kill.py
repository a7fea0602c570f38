"""Kills the server at random moments, a hundred times, while a client talks: every turn that the client was told is finished must be there."""
import atexit, http.client, json, os, random, signal, subprocess, sys, threading, time

program, model, characters, data, port, n_kills = sys.argv[1:5] + [int(sys.argv[5]), int(sys.argv[6])]
random.seed(7)
promised = {}  # turn id -> text
chat = None


def call(method, path, body=None, timeout=10):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    c.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': 'application/json'})
    r = c.getresponse()
    data = r.read()
    c.close()
    assert r.status < 300, (method, path, r.status, data[:300])
    return json.loads(data) if data else None


def talk(stop):
    """Says things until the server is gone; keeps what it was promised."""
    i = 0
    while not stop.is_set():
        i += 1
        try:
            c = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
            c.request('POST', f'/api/chats/{chat}/say', json.dumps({'text': f'Line {i} of {time.time()}', 'takes': 1, 'max_tokens': random.randint(1, 12)}), {'Content-Type': 'application/json'})
            r = c.getresponse()
            if r.status != 200:
                r.read()
                continue
            event = None
            while line := r.readline():
                if line.startswith(b'event: '):
                    event = line[7:].strip().decode()
                elif line.startswith(b'data: ') and line.endswith(b'\n') and event in ('turn', 'done'):
                    turn = json.loads(line[6:])['turn']
                    promised[turn['id']] = turn['text']
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.002)


for k in range(n_kills + 1):
    server = subprocess.Popen([program, 'serve', '-q', '-m', model, '--port', str(port), '--data-dir', data, '--characters', characters, '-t', '1', '-c', '4096'], stderr=subprocess.PIPE)
    atexit.register(server.kill)
    for _ in range(400):
        try:
            call('GET', '/health')
            break
        except (OSError, AssertionError):
            assert server.poll() is None, server.stderr.read()
            time.sleep(0.01)
    if chat is None:
        chat = call('POST', '/api/chats', {'characters': ['tom']})['id']
    kept = {t['id']: t['text'] for t in call('GET', f'/api/chats/{chat}')['turns']}
    lost = [i for i in promised if kept.get(i) != promised[i]]
    assert not lost, f'kill {k}: {len(lost)} of {len(promised)} promised turns are lost: {lost[:5]}'
    if k == n_kills:
        server.terminate()
        assert server.wait(10) == 0
        break
    stop = threading.Event()
    talker = threading.Thread(target=talk, args=(stop,))
    talker.start()
    time.sleep(random.uniform(0.01, 0.15))
    server.send_signal(signal.SIGKILL)
    server.wait()
    stop.set()
    talker.join()
assert len(promised) >= n_kills, f'only {len(promised)} turns were promised: the test has not tested'
print(f'{n_kills} kills, {len(promised)} finished turns, none lost')
