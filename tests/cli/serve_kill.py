"""Kills the server a hundred times while a client talks: every turn that the client was told is finished must be there.

Each kill comes after something that the client has read, the k-th line of a stream, and a random moment later: however slow the machine
is, every life of the server promises turns, and the kills fall everywhere between two of them."""
import http.client, json, random, signal, sys, threading, time
from served import Server

program, model, characters, folder, n_kills = sys.argv[1:5] + [int(sys.argv[5])]
random.seed(7)
promised = {}  # turn id -> text


def talk(server, chat, kill_after, seen):
    """Says things until the server is gone; keeps what it was promised; seen is set after a promise and some lines more."""
    n_lines = n_promised = 0
    while True:
        c = http.client.HTTPConnection('127.0.0.1', server.port, timeout=300)
        try:
            c.request('POST', f'/api/chats/{chat}/say', json.dumps({'text': f'Line {n_promised} of {time.time()}', 'takes': 1, 'max_tokens': random.randint(1, 12)}), {'Content-Type': 'application/json'})
            r = c.getresponse()
            assert r.status == 200, (r.status, r.read())
            event = None
            while line := r.readline():
                if line.startswith(b'event: '):
                    event = line[7:].strip().decode()
                elif line.startswith(b'data: ') and line.endswith(b'\n') and event in ('turn', 'done'):
                    turn = json.loads(line[6:])['turn']
                    promised[turn['id']] = turn['text']
                    n_promised += 1
                n_lines += n_promised > 0
                if n_lines > kill_after:
                    seen.set()
        except (OSError, http.client.HTTPException):
            if seen.is_set():
                return
        finally:
            c.close()


chat = None
for k in range(n_kills + 1):
    server = Server(program, folder, '-q', '--characters', characters, model=model)
    if chat is None:
        chat = server.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']
    kept = {t['id']: t['text'] for t in server.ok('GET', f'/api/chats/{chat}')['turns']}
    lost = [i for i in promised if kept.get(i) != promised[i]]
    assert not lost, f'kill {k}: {len(lost)} of {len(promised)} promised turns are lost: {lost[:5]}'
    if k == n_kills:
        server.end()
        break
    seen = threading.Event()
    talker = threading.Thread(target=talk, args=(server, chat, random.randint(0, 60), seen), daemon=True)
    talker.start()
    while not seen.wait(0.1):
        assert talker.is_alive(), f'kill {k}: the client has stopped'
        assert server.p.poll() is None, server.said()
    time.sleep(random.uniform(0, 0.02))  # for variety: nothing depends on it
    server.p.send_signal(signal.SIGKILL)
    server.p.wait()
    talker.join()
assert len(promised) >= n_kills
print(f'{n_kills} kills, {len(promised)} finished turns, none lost')
