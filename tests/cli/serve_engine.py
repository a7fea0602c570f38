"""A hostile engine behind --engine: whatever it sends, the visitor gets a reply or an error in words, their line is kept, memory does not
grow, and nothing waits longer than the server was told to."""
import json, os, random, re, signal, socket, sys, threading, time
from served import Server, card, put_character, slow

program, folder = sys.argv[1:3]
random.seed(5)
OK = b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n'


def event(text=None, finish=None, **more):
    return b'data: ' + json.dumps({'choices': [dict({'index': 0, 'delta': {'content': text} if text is not None else {}, 'finish_reason': finish}, **more)]}).encode() + b'\n\n'


END = event(finish='stop') + b'data: [DONE]\n\n'


def for_ever(piece, head=OK):
    """Until the other end has had enough; a real engine of this kind would never stop, this one gives up after 3 GiB."""
    def send(c):
        c.sendall(head)
        for _ in range((3 << 30) // len(piece)):
            c.sendall(piece)
        raise SystemExit('nobody stopped a hostile engine')
    return send


def drip(piece, head=OK, every=0.1):
    def send(c):
        c.sendall(head)
        while not over.wait(every):
            c.sendall(piece)
    return send


def silence(c):
    over.wait()


def words_for_ever(c):
    c.sendall(OK)
    for _ in range(1 << 22):
        c.sendall(b''.join(event(f'word{random.randrange(1 << 30)} ') for _ in range(50)))


def answer(status, body, *heads):
    return b'\r\n'.join([b'HTTP/1.1 ' + status, b'Content-Length: %d' % len(body), b'Connection: close', *heads, b'', body])


odd = [b'data: ' + json.dumps(j).encode() + b'\n\n' for j in (
    None, 1, [], {}, 'x', {'choices': 'x'}, {'choices': {}}, {'choices': [1, None, 'x', [], {}]}, {'choices': [{'index': -1, 'delta': {'content': 'BAD'}}]},
    {'choices': [{'index': 2 ** 31, 'text': 'BAD'}, {'index': 2 ** 62, 'text': 'BAD'}, {'index': 7, 'delta': 3}]}, {'choices': [{'delta': {'content': {'text': 'BAD'}}}]},
    {'choices': [{'delta': {'content': [1, {'text': 5}, {'type': 'image'}]}}]}, {'choices': [{'delta': {}, 'logprobs': 'x'}]}, {'usage': -1}, {'error': None},
    {'choices': [{'delta': {}, 'logprobs': {'content': [{'logprob': 1e308}, {'logprob': 1e308}, {'logprob': None}, {'logprob': -1e308}, 'x'], 'token_logprobs': 5}}]},
    {'usage': {'prompt_tokens': -5, 'completion_tokens': 2 ** 60, 'prompt_tokens_details': {'cached_tokens': -2 ** 60}}})] + [
    b'data: ' + b'[' * 100000 + b'\n', b'data:\n', b'data: {"choices":\n', b'\xff\xfe\n', b'data: \xff\n', b'\0' * 100 + b'\n', b'event: x\nid: 1\nretry: 0\n', b'data: 1e999\n']

# name: (what is sent, whether the visitor gets a reply)
KINDS = {
    'a reply': (OK + event('Well met.') + END, True),
    'three replies': (OK + b''.join(event(t, 'stop', index=i) for i, t in enumerate(('Well met.', 'How do you do.', 'A fine day.'))) + b'data: [DONE]\n\n', True),
    'an endless line': (for_ever(b'data: ' + b'x' * 65000), False),
    'an endless line of JSON': (for_ever(b'{"a":' * 10000, OK + b'data: '), False),
    'endless comments': (for_ever(b': ping\n' * 9000), False),
    'endless empty lines': (for_ever(b'\r\n' * 30000), False),
    'endless words': (words_for_ever, True),
    'endless words in one event': (OK + event('so ' * 300000) + END, True),
    'the same word': (OK + event('no ') * 5000 + END, True),
    'half characters': (OK + b'data: {"choices":[{"delta":{"content":"Caf\xc3"}}]}\n\ndata: {"choices":[{"delta":{"content":"\xa9 \xf0\x9f\x98 \xff\xc0\x80 \\ud800."}}]}\n\n' + END, True),
    'controls': (OK + event('Hi\x1b]52;c;AAAA\x07 \x1b[2J\u202e\x00 there.') + END, True),
    'no end': (OK + event('I was going to'), False),
    'an end without a word about it': (OK + event('Done.', 'stop'), True),
    'nothing': (OK, False),
    'less than a head': (b'HTTP/1.1 200 OK\r\nContent-', False),
    'no HTTP': (b'\x15\x03\x01\x00\x02\x02\x16' * 100, False),
    'a page': (answer(b'200 OK', b'<html><body>Log in</body></html>'), False),
    'wrong types': (OK + b''.join(odd) + event('Still here.') + b''.join(odd) + END, True),
    'only wrong types': (OK + b''.join(odd) + b'data: [DONE]\n\n', None),
    'an error in the stream': (OK + event('Well') + b'data: {"error":{"message":"out of \xff\x1b[31m memory"}}\n\n', False),
    'an error of another type': (OK + b'data: {"error":"no"}\n\ndata: {"error":[1]}\n\n', False),
    'a body that is longer than told': (answer(b'200 OK', event('Short.') + END).replace(b'Content-Length: ', b'Content-Length: 1'), None),
    'a body that is shorter than told': (b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n' + event('Short.') + END, False),
    'two lengths': (b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\nContent-Length: 2000\r\n\r\n' + event('Short.') + END, None),
    'a negative length': (b'HTTP/1.1 200 OK\r\nContent-Length: -20\r\n\r\n' + event('Short.') + END, None),
    'bad chunks': (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n' + event('x') * 10, False),
    'a bomb': (answer(b'200 OK', b'\x1f\x8b' + b'\0' * 1000, b'Content-Encoding: gzip'), False),
    'a redirection': (answer(b'302 Found', b'', b'Location: /v1/chat/completions'), False),
    'a redirection to a file': (answer(b'302 Found', b'', b'Location: file:///etc/passwd'), False),
    'an error with gigabytes': (for_ever(b'x' * 65536, b'HTTP/1.1 500 Oh\r\n\r\n'), False),
    'a refusal with gigabytes': (for_ever(b'\xff' * 65536, b'HTTP/1.1 400 Oh\r\n\r\n'), False),
    'an error in half characters': (answer(b'503 No', b'\xe2\x82' * 300 + b'\x1b[2J'), False),
    'an endless head': (for_ever(b'X-A: ' + b'a' * 1000 + b'\r\n', b'HTTP/1.1 200 OK\r\n'), False),
    'endless heads': (for_ever(b'HTTP/1.1 100 Continue\r\n\r\n' * 100, b''), False),
    'silence': (silence, False),
    'a comment now and then': (drip(b': ping\n\n'), False),
    'a letter of a head now and then': (drip(b'X', b'HTTP/1.1 200 OK\r\nX: '), False),
    'empty words now and then': (drip(event('')), False),
}
over = threading.Event()  # what drips and is silent ends
kind, models, asked = 'a reply', None, []


def serve(c):
    try:
        head = b''
        while b'\r\n\r\n' not in head:
            head += c.recv(65536) or exit()
        if head.startswith(b'GET'):
            c.sendall(answer(b'200 OK', b'{"data":[{"id":"tom"}]}') if models is None else b'') if not callable(models) else models(c)
        else:
            left = int(re.search(rb'(?i)content-length: (\d+)', head)[1]) - len(head.split(b'\r\n\r\n', 1)[1])
            while left > 0:
                left -= len(c.recv(65536)) or exit()
            asked.append(kind)
            what = KINDS[kind][0]
            what(c) if callable(what) else c.sendall(what)
        c.shutdown(socket.SHUT_WR)
        while c.recv(65536):
            pass
    except (OSError, SystemExit) as e:
        if 'nobody' in str(e):
            print(kind, e, file=sys.stderr)
            os._exit(1)
    finally:
        c.close()


def listen():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def events(s, path, body):
    got = s.ok('POST', path, body)
    return [(e.split('\n')[0][7:], json.loads(e.split('data: ', 1)[1])) for e in got.decode().strip().split('\n\n') if e.startswith('event: ')]


listener = socket.create_server(('127.0.0.1', 0), backlog=64)
threading.Thread(target=listen, daemon=True).start()
url = f'http://127.0.0.1:{listener.getsockname()[1]}'
put_character(folder + '/characters', 'tom', card('Tom'))
s = Server(program, folder, '--characters', folder + '/characters', '--engine', url, '--engine-timeout', '1')
chat = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']
first, n = None, 0
for kind, (_, replies) in KINDS.items():
    for takes in (1, 3):
        over.clear()
        begun, asked[:] = time.monotonic(), []
        evs = events(s, f'/api/chats/{chat}/say', {'text': f'{kind}?', 'takes': takes, 'max_tokens': 30})
        last, what = evs[-1]
        assert last in ('done', 'error') and (replies is None or replies == (last == 'done')), (kind, takes, evs[-3:])
        assert time.monotonic() - begun < 60 * slow, kind
        assert len(asked) <= 4 * 3, (kind, asked)  # attempts, and what a server may not know
        if last == 'error':
            refused = what['code'] == 400 and 'answered 400' in what['message'] or what['code'] == 502 and what['reason'] == 'engine_failed'
            assert replies is None and what['reason'] == 'no_words' or refused and 'the engine at' in what['message'] and len(what['message']) < 700, (kind, what)
        elif replies and kind not in ('half characters', 'controls'):
            assert '\ufffd' not in what['turn']['text'] and 'BAD' not in what['turn']['text'] and len(what['turn']['text']) <= 16384, (kind, what['turn']['text'][:200])
        n += 1
        over.set()
    first = first or s.memory('VmHWM')
    assert s.memory('VmHWM') - first < 150 * slow, (kind, s.memory('VmHWM'), first)
turns = s.ok('GET', f'/api/chats/{chat}')['turns']
assert [t['text'] for t in turns if t['role'] == 'user'] == [f'{k}?' for k in KINDS for _ in range(2)]
assert '\x1b' not in open(s.log, errors='replace').read()

# the OpenAI API over it, whole and streamed
for kind in ('an endless line', 'no end', 'silence', 'a redirection'):
    over.clear()
    assert s.call('POST', '/v1/chat/completions', {'model': 'tom', 'messages': [{'role': 'user', 'content': 'Hi'}]})[0] == 502, kind
    got = s.ok('POST', '/v1/chat/completions', {'model': 'tom', 'messages': [{'role': 'user', 'content': 'Hi'}], 'stream': True})
    assert b'"error"' in got, (kind, got)
    over.set()

# its list of models is as hostile; a reply is made all the same, by another name
kind = 'a reply'
for models in (for_ever(b'x' * 65536, b'HTTP/1.1 200 OK\r\n\r\n'), lambda c: c.sendall(answer(b'200 OK', b'[' * 100000)), lambda c: c.sendall(answer(b'200 OK', b'{"data":[1,{"id":2},{"id":null},"x"]}')), silence):
    over.clear()
    assert events(s, f'/api/chats/{chat}/say', {'text': 'Hi.', 'takes': 1})[-1][0] == 'done'
    over.set()
models = None

# what the visitor has told and asks for is in none of its takes: they are made again, once
told = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']
kind, times = 'three replies', []
for text in ('My dog is called Rocket.', "What's my dog called?"):
    asked[:] = []
    assert events(s, f'/api/chats/{told}/say', {'text': text, 'takes': 3})[-1][0] == 'done'
    times.append(len(asked))
assert times == [1, 2], times

# who leaves, and who ends the server, does not wait for it
over.clear()
s.end()
s = Server(program, folder, '--characters', folder + '/characters', '--engine', url, '--engine-timeout', '3600')
kind = 'silence'
c = s.connect()
body = json.dumps({'text': 'Are you there?', 'takes': 1}).encode()
say = b'POST /api/chats/%s/say HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' % (chat.encode(), len(body)) + body
asked.clear()
c.sendall(say)
s.wait(lambda: asked)
c.close()
s.wait(lambda: s.call('POST', f'/api/chats/{chat}/say', {'text': '', 'takes': 1})[0] == 400)  # no longer 409: nobody holds the chat
c = s.connect()
c.sendall(say)
s.wait(lambda: len(asked) == 2)
s.end()
over.set()

# where it is, is told to who has a key
with open(folder + '/keys', 'w') as f:
    f.write('secret\n')
s = Server(program, folder, '--characters', folder + '/characters', '--engine', url, '--api-key-file', folder + '/keys')
assert s.ok('GET', '/api/state')['engine'] == 'another' and s.ok('GET', '/api/state', headers={'Authorization': 'Bearer secret'})['engine'] == url
s.end()
print(f'{n} hostile answers, memory {first:.0f} MiB at most and a little')
os._exit(0)
