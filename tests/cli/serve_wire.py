"""What arrives on the wire and is no polite HTTP: whatever it is, it is answered or closed, nothing of it is taken for another request,
and others are served."""
import gzip, json, os, socket, struct, sys, threading, time
from served import Server, card, put_character, slow

program, model, folder = sys.argv[1:4]
characters = folder + '/characters'
HEALTH = b'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'


def talk(s, data, half_close=False, wait=60):
    """What comes back until the server closes; without an end of ours."""
    c = s.connect()
    c.settimeout(wait * slow)
    got = b''
    try:
        c.sendall(data)
        if half_close:
            c.shutdown(socket.SHUT_WR)
        while piece := c.recv(65536):
            got += piece
    except TimeoutError:
        raise AssertionError((data[:200], got[:300], 'is neither answered to its end nor closed'))
    except OSError:
        pass
    c.close()
    return got


def statuses(got):
    return [int(x[:3]) for x in got.split(b'HTTP/1.1 ')[1:]]


def post(head, body, path='/api/chats', more=b'Connection: close\r\n'):
    return b'POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s%s\r\n\r\n' % (path.encode(), more, head) + body


def no_http(s):
    """Other protocols, and what looks like HTTP."""
    for data in (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + b'\0\0\0\4\0\0\0\0\0', b'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03' + os.urandom(500), b'SSH-2.0-x\r\n', b'\0' * 5000 + b'\r\n\r\n', b'\r\n' * 3000, b' GET / HTTP/1.1\r\n\r\n',
                 b'GET / HTTP/1.1\r\n\r\n', b'GET  /health  HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', b'GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n', b'G' * 9000 + b' /health HTTP/1.1\r\nHost: localhost\r\n\r\n',
                 b'GET ' + b'/' * 60000 + b' HTTP/1.1\r\nHost: localhost\r\n\r\n', b'GET /health?' + b'a&' * 8000 + b' HTTP/1.1\r\nHost: localhost\r\n\r\n', b'CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
                 b'TRACE /health HTTP/1.1\r\nHost: localhost\r\nCookie: secret\r\nConnection: close\r\n\r\n', b'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', b'GET /health\r\n\r\n',
                 b'GET /health HTTP/1.1\nHost: localhost\nConnection: close\n\n', b'GET /health HTTP/1.1\r\nHost: localhost\r\n' + b''.join(b'X-%d: y\r\n' % i for i in range(10000)) + b'\r\n',
                 b'GET /health HTTP/1.1\r\nHost: localhost\r\n' + b'X: ' + b'y' * 2000000 + b'\r\n\r\n', b'GET /health HTTP/1.1\r\nHost: localhost\r\nX\0Y: a\0b\r\nConnection: close\r\n\r\n',
                 b'GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\tc\r\nConnection: close\r\n\r\n', b'GET /health HTTP/1.1\r\nHost: localhost\r\n: nothing\r\nConnection: close\r\n\r\n'):
        got = talk(s, data, half_close=True)
        assert b'secret' not in got and (not got or got.startswith((b'HTTP/1.1 ', b'HTTP/1.0 '))), (data[:80], got[:300])
    upgrade = b'GET /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: %s\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n'
    for protocol in (b'websocket', b'h2c', b'TLS/1.0'):
        c = s.connect()
        c.sendall(upgrade % protocol)
        assert c.recv(12) == b'HTTP/1.1 200', protocol  # no 101: nobody speaks it here
        c.close()
    s.alive()


def smuggled(s):
    """Heads that two readers could understand in two ways: whatever is behind them is no request."""
    inner = b'DELETE /api/storage/trash HTTP/1.1\r\nHost: localhost\r\n\r\n'
    for head in (b'Transfer-Encoding: xchunked', b'Transfer-Encoding: chunked, identity', b'Transfer-Encoding: identity, chunked', b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', b'Transfer-Encoding : chunked\r\nContent-Length: 5',
                 b'Transfer-Encoding:\x0bchunked\r\nContent-Length: 5', b'Content-Length: +5', b'Content-Length: 0x5', b'Content-Length: 5, 5', b'Content-Length: 5\r\nContent-Length: 05', b'Content-Length : 5', b'Content-Length: 99999999999999999999999999',
                 b'Content-Length: 18446744073709551621', b'Content-Length: 5 5', b'Content-Length:', b'X: y\r\n Content-Length: 5', b'Content-Length: 5\rX: y', b'Content-Length: \xb25'):
        got = talk(s, post(head, b'5\r\n{"a":\r\n0\r\n\r\n' + inner, more=b''), half_close=True)
        assert b'"what"' not in got and statuses(got).count(200) == 0, (head, got[:600])
    s.alive()


def chunks(s):
    """Bodies in pieces, with sizes that are wrong."""
    te = b'Transfer-Encoding: chunked'
    good = talk(s, post(te, b'10\r\n{"characters":["\r\n6;x=y\r\ntom"]}\r\n0\r\nTrailer: x\r\n\r\n'))
    assert statuses(good) == [201], good
    for body in (b'-1\r\n{}\r\n0\r\n\r\n', b'ffffffffffffffff\r\n{}\r\n0\r\n\r\n', b'fffffffffffffffff2\r\n{}\r\n0\r\n\r\n', b'2\r\n{}0\r\n\r\n', b'2\r\n{}\n0\n\n', b'zz\r\n{}\r\n', b' 2\r\n{}\r\n0\r\n\r\n', b'0x2\r\n{}\r\n0\r\n\r\n', b'2;' + b'x' * 200000 + b'\r\n{}\r\n0\r\n\r\n',
                 b'\r\n2\r\n{}\r\n0\r\n\r\n', b'2\r\n{}\r\n', b'2\r\n{', b'0\r\n\r\n', b'0\r\n' + b''.join(b'T-%d: y\r\n' % i for i in range(20000)) + b'\r\n', b''.join(b'1\r\n \r\n' for _ in range(50000)) + b'2\r\n{}\r\n0\r\n\r\n'):
        got = talk(s, post(te, body), half_close=True)
        assert 201 not in statuses(got) and (500 not in statuses(got) or b'libmicrohttpd' in got), (body[:60], got[:300])  # the library's page: its own buffer is over
    many = b''.join(b'8000\r\n' + b' ' * 0x8000 + b'\r\n' for _ in range(800))  # 26 MiB where a megabyte may be
    got = talk(s, post(te, many + b'0\r\n\r\n'))
    assert not got or statuses(got)[0] in (400, 413), got[:300]
    s.wait(lambda: s.metric('held_bytes') == 0)


def packed(s):
    """A body that says it is compressed is not unpacked, and not taken for plain."""
    bomb = gzip.compress(b' ' * 50000000 + b'{"characters":["tom"]}')
    before = s.memory('VmHWM')
    for coding in (b'gzip', b'deflate', b'br', b'gzip, gzip', b'x' * 300):
        got = talk(s, post(b'Content-Encoding: %s\r\nContent-Length: %d' % (coding, len(bomb)), bomb))
        assert statuses(got) == [415], (coding, got[:300])
    for path in ('/api/chats', '/api/scripts?name=x.csv'):  # it may be plain all the same: it is not what it is called
        assert statuses(talk(s, post(b'Content-Encoding: gzip\r\nContent-Length: 22', b'{"characters":["tom"]}', path))) == [415]
    assert statuses(talk(s, post(b'Content-Encoding: identity\r\nContent-Length: 22', b'{"characters":["tom"]}'))) == [201]
    assert s.memory('VmHWM') - before < 60
    for expect in (b'100-continue', b'200-ok', b'100-continue, 100-continue', b'x' * 5000, b''):
        got = talk(s, post(b'Expect: %s\r\nContent-Length: 22' % expect, b'{"characters":["tom"]}'))
        assert statuses(got)[-1:] in ([201], [417], [431], [400]), (expect, got[:300])
    for types in (b'text/plain', b'application/json; charset=utf-7', b'application/jsonp', b'multipart/form-data; boundary=' + b'x' * 3000, b'application/json\x00', b'APPLICATION/JSON', b'application/x-www-form-urlencoded'):
        got = talk(s, b'POST /api/chats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 22\r\nContent-Type: %s\r\n\r\n{"characters":["tom"]}' % types)
        assert statuses(got)[-1:] in ([201], [400], [415], [431]) and (statuses(got) != [201] or b'json' in types.lower()), (types, got[:300])


def hosts(s):
    """Only names of this machine, whatever they are written like."""
    port = s.port
    for host, want in ((b'', 400), (b'localhost', 200), (b'LOCALHOST:%d' % port, 200), (b'[::1]:%d' % port, 200), (b'127.0.0.1:1', 200), (b'localhost.evil.example', 403), (b'evil.example:127.0.0.1', 403), (b'localhost@evil.example', 403), (b'localhost, evil.example', 403),
                       (b'evil.example#localhost', 403), (b'127.0.0.1.nip.io', 403), (b'[::ffff:8.8.8.8]', 403), (b'x' * 5000, 403), (b'user:pw@localhost', 403), ('ⓛocalhost'.encode(), 403), (b'0177.0.0.1', 403)):
        got = talk(s, b'GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' % host)
        assert (not got or statuses(got)[0] in ((want,) if want == 200 else (400, 403, 431))), (host, got[:300])
    two = talk(s, b'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    assert statuses(two)[0] in (400, 403), two[:300]
    absolute = talk(s, b'GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    assert statuses(absolute)[0] in (400, 403), absolute[:300]


def addresses(s):
    """Paths and questions that try to leave where they are."""
    with open(folder + '/secret.png', 'w') as f:
        f.write('secret')
    for path in ('/../secret.png', '/%2e%2e/secret.png', '/..%2fsecret.png', '/%c0%ae%c0%ae/secret.png', '/....//secret.png', '/api/characters/tom/files/..%2f..%2f..%2fsecret.png', '/api/characters/tom/files/%2e%2e/%2e%2e/secret.png',
                 '/api/characters/../../secret.png', '/api/characters/tom%00/picture', '/api/characters/tom/files/secret.png%00.png', '/api/scripts/..%2f..', '/api/jobs/..%2fchats.db', '/api/jobs/%2e%2e', '/api/storage/..', '/%', '/%4', '/%zz', '/api/characters/' + 'a' * 7000,
                 '/api/characters/%ff%fe', '/api/search?q=' + '%25' * 2000, '/api/search?q=%00&q=b&q', '/api/chats?limit=-1', '/api/chats?limit=99999999999999999999', '/api/chats?limit=0x10', '/api/chats/aaaaaaaaaaaa/turns/18446744073709551617', '/?' + '=' * 5000, '/api/characters/tom/picture?x=' + '&' * 5000):
        got = talk(s, b'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' % path.encode('latin-1'))
        assert b'secret' not in got.split(b'\r\n\r\n', 1)[-1] or b'not' in got, (path, got[:300])
        assert not got or statuses(got)[0] not in (500,), (path, got[:400])
    with open(characters + '/tom/picture.png', 'wb') as f:
        f.write(b'\x89PNG' + b'x' * 1000)
    for ranges in ('bytes=0-', 'bytes=-1', 'bytes=5-2', 'bytes=99999999999999999999-', 'bytes=' + ','.join('0-' for _ in range(1500)), 'bytes=0-0,-1', 'lines=1-2', 'bytes'):
        got = talk(s, b'GET /api/characters/tom/picture HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nRange: %s\r\n\r\n' % ranges.encode())
        assert not got or statuses(got)[0] in (200, 206, 416, 431) and len(got) < 20000, (ranges[:40], got[:300])
    os.remove(characters + '/tom/picture.png')


def at_once(s):
    """Many requests on one connection, half-closed sockets, resets in the middle of an upload, streams that come again and again."""
    got = talk(s, HEALTH.replace(b'Connection: close\r\n', b'') * 400 + HEALTH)
    assert statuses(got) == [200] * 401, (len(statuses(got)), got[-300:])
    mixed = post(b'Content-Length: 2', b'{}', more=b'') + b'GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n' + HEALTH
    assert statuses(talk(s, mixed)) in ([400, 404, 200, 200], [400, 404, 404, 200], [400, 404, 405, 200]), talk(s, mixed)
    assert statuses(talk(s, HEALTH, half_close=True)) == [200]
    assert statuses(talk(s, post(b'Content-Length: 22', b'{"characters":["tom"]}'), half_close=True)) == [201]
    talk(s, post(b'Content-Length: 22', b'{"characters'), half_close=True)
    for i in range(40):
        c = s.connect()
        c.sendall(b'POST /api/scripts?name=x.csv HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 100000\r\n\r\nname,line\n' + b'Tom,Hi\n' * (i * 100))
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        c.close()  # a reset
    s.wait(lambda: s.metric('connections') < 20)
    s.wait(lambda: not [x for x in os.listdir(folder + '/data/scripts')])
    assert s.ok('GET', '/api/scripts')['scripts'] == []
    for last in ('9' * 5000, '-1', '0', '99999999999999999999-99999999999999999999', '1-1', 'x' * 300, '\u20ac', '1\t2', '-'):
        for path in ('/api/events', '/api/jobs/0123456789abcdef/events'):
            for _ in range(12):
                c = s.connect()
                c.sendall(b'GET %s HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %s\r\n\r\n' % (path.encode(), last.encode()))
                got = c.recv(4096)
                assert not got or statuses(got)[0] in (200, 400, 404, 431), (last[:40], path, got[:300])
                c.close()
    s.wait(lambda: s.metric('connections') < 20)
    # heads that come a letter at a time: others are served meanwhile
    lazy = [s.connect() for _ in range(150)]
    for c in lazy:
        c.sendall(b'GET /health HT')
    for letter in b'TP/1.1':
        for c in lazy:
            c.sendall(bytes([letter]))
        s.alive()
    for c in lazy:
        c.close()
    s.wait(lambda: s.metric('connections') < 20)


put_character(characters, 'tom', card('Tom'))
s = Server(program, folder, '--characters', characters, model=model)
for f in (no_http, smuggled, chunks, packed, hosts, addresses, at_once):
    begun = time.monotonic()
    f(s)
    s.alive()
    print(f'{f.__name__}: {time.monotonic() - begun:.1f} s')
assert s.memory() < 200 * (5 if b'__asan_init' in open(program, 'rb').read() else 1), s.memory()
s.end()
print('ok')
