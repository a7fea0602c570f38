"""A client that is slow to take a long reply holds nothing up: a training goes on as soon as the reply is made, and who takes next to nothing of it in four
times --idle is left."""
import http.server, json, os, socket, sys, threading, time
from served import Server, card, put_character

program, model, folder = sys.argv[1:4]
characters = folder + '/characters'
script = '\n'.join(['name,line'] + [f'Anna Lamp,Is that fine {i}?\nBoris Bell,"No, {i}!"' for i in range(40)]).encode()
put_character(characters, 'tom', card('Tom'))


def ask(s):
    """A stream of megabytes, more than the buffers on the way take."""
    body = json.dumps({'model': 'base', 'messages': [{'role': 'user', 'content': 'Hi.'}], 'stream': True, 'logprobs': True, 'top_logprobs': 20, 'max_tokens': 3900, 'ignore_eos': True,
                       'seed': 1}).encode()
    c = socket.socket()
    c.settimeout(300)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before it connects: the server believes what it is told then
    c.connect(('127.0.0.1', s.port))
    c.sendall(b'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
    return c


def over(s):
    return 'POST /v1/chat/completions' in s.said()


def training_goes_on():
    s = Server(program, folder, '--characters', characters, '--idle', '3600', model=model)
    sid = s.ok('POST', '/api/scripts?name=a.csv', raw=script, want=201)['id']
    job = s.ok('POST', '/api/jobs', {'kind': 'train', 'script': sid, 'character': 'Boris Bell', 'options': {'max_steps': 10000000, 'eval_every': 1000000}}, want=201)['id']
    step = lambda: s.ok('GET', f'/api/jobs/{job}').get('progress', {}).get('step', 0)
    s.wait(lambda: step() > 1)
    c = ask(s)
    assert c.recv(12) == b'HTTP/1.1 200'
    s.wait(lambda: s.metric('replies_running') + s.metric('replies_queued') == 0)  # the reply is made, and nobody has it
    before = step()
    s.wait(lambda: step() > before + 2)
    if over(s):
        print('nothing is shown: the system keeps the whole stream in its buffers')
    c.close()
    s.ok('POST', f'/api/jobs/{job}/cancel', {})
    s.wait(lambda: s.ok('GET', f'/api/jobs/{job}')['state'] == 'cancelled')
    s.end()


def training_stands_still():
    """For as long as a reply is made, by whomever."""
    asked, go = threading.Event(), threading.Event()
    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data":[{"id":"x"}]}')
        def do_POST(self):
            asked.set()
            go.wait(300)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'data: {"choices":[{"index":0,"delta":{"content":"Hi."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
        def log_message(self, *_):
            pass
    engine = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Slow)
    threading.Thread(target=engine.serve_forever, daemon=True).start()
    where = folder + '/data/jobs/0180000000000abc'  # any command that goes on for ever
    os.makedirs(where)
    json.dump({'steps': [{'argv': ['serve', '-m', model, '--port', '0', '--data-dir', folder + '/other']}], 'state': 'queued', 'at': 0, 'wanted': ''}, open(where + '/job.json', 'w'))
    s = Server(program, folder, '--characters', characters, '--engine', f'http://127.0.0.1:{engine.server_port}', '--engine-timeout', '3600')
    def stands():
        pid = json.load(open(where + '/job.json')).get('pid')
        return pid and open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[0] == 'T'
    s.wait(lambda: os.path.exists(where + '/output.txt') and 'ready' in open(where + '/output.txt').read())
    t = threading.Thread(target=lambda: s.ok('POST', '/v1/chat/completions', {'model': 'tom', 'stream': True, 'messages': [{'role': 'user', 'content': 'Hi.'}]}))
    t.start()
    asked.wait(300)
    s.wait(stands)
    for _ in range(100):
        assert stands(), 'it runs beside the reply'
        time.sleep(0.02)
    go.set()
    t.join()
    s.wait(lambda: not stands())
    for _ in range(20):  # who only looks asks for no reply
        s.call('GET', '/slots')
        assert not stands(), 'a look holds it up'
    s.end()


def drips():
    """A bit now and then is no taking."""
    s = Server(program, folder, '--characters', characters, '--idle', '1', model=model)
    c, enough = ask(s), threading.Event()
    def sip():
        while not enough.wait(0.1):
            c.recv(600)
    threading.Thread(target=sip, daemon=True).start()
    s.wait(lambda: over(s))
    enough.set()
    s.end()


training_goes_on()
training_stands_still()
drips()
print('ok')
