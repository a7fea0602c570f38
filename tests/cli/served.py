"""A server on a tiny model, as the tests of the server need it: started, asked, ended."""
import atexit, http.client, json, os, re, signal, socket, subprocess, time

slow = float(os.environ.get('SLOW', '1'))


def card(name, **more):
    return {'spec': 'chara_card_v2', 'spec_version': '2.0', 'data': dict({'name': name, 'description': f'You are {name}.', 'first_mes': 'Hi.'}, **more)}


def put_character(folder, cid, c):
    os.makedirs(f'{folder}/{cid}', exist_ok=True)
    with open(f'{folder}/{cid}/card.json', 'w') as f:
        f.write(c if isinstance(c, str) else json.dumps(c))


def launch(command, log, **how):
    """Starts a server on a port that the system chooses, so that no two tests meet on one; the process and the port."""
    with open(log, 'ab') as f:
        begin = f.tell()
        p = subprocess.Popen([*command, '--port', '0'], stderr=f, **how)
    atexit.register(p.kill)
    until = time.monotonic() + 300 * slow
    while True:
        with open(log, errors='replace') as f:
            f.seek(begin)
            said = f.read()
        if found := re.search(r'http://[0-9.]+:([0-9]+) ', said):
            return p, int(found[1])
        assert p.poll() is None, said[-3000:]
        assert time.monotonic() < until, 'does not listen\n' + said[-3000:]
        time.sleep(0.02)


class Server:
    """Ends with the program that started it, whatever happens."""

    def __init__(self, program, folder, *options, model=None, before=()):
        self.log, self.folder = folder + '/log', folder
        command = [program, *before, 'serve', *(['-m', model] if model else []), '--data-dir', folder + '/data', '-t', '1', '-c', '4096', *options]
        self.p, self.port = launch(command, self.log, env=dict(os.environ, TMPDIR=folder))
        until = time.monotonic() + 300 * slow
        while self.call('GET', '/health', patient=True)[0] != 200:
            assert self.p.poll() is None, self.said()
            assert time.monotonic() < until, 'does not come up\n' + self.said()
            time.sleep(0.02)

    def said(self):
        return open(self.log, errors='replace').read()[-3000:]

    def memory(self, what='VmRSS'):
        """MiB."""
        return next(int(l.split()[1]) for l in open(f'/proc/{self.p.pid}/status') if l.startswith(what + ':')) / 1024

    def call(self, method, path, body=None, headers=None, raw=None, patient=False, address='127.0.0.1'):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=300 * slow, source_address=(address, 0))
        h = {} if body is None and raw is None else {'Content-Type': 'application/json'}
        h.update(headers or {})
        try:
            c.request(method, path, raw if raw is not None else json.dumps(body) if body is not None else None, h)
            r = c.getresponse()
            got = r.read()
        except OSError:
            if patient:
                return 0, None
            raise
        finally:
            c.close()
        return r.status, json.loads(got) if r.getheader('Content-Type') == 'application/json' else got

    def ok(self, method, path, body=None, want=200, **more):
        status, got = self.call(method, path, body, **more)
        assert status == want, (method, path, status, got)
        return got

    def connect(self, address='127.0.0.1'):
        return socket.create_connection(('127.0.0.1', self.port), timeout=300 * slow, source_address=(address, 0))

    def wait(self, until):
        """For something that happens soon; a busy machine may need a while."""
        end = time.monotonic() + 300 * slow
        while not until():
            assert time.monotonic() < end, 'does not happen'
            time.sleep(0.02)

    def metric(self, name, headers=None, **more):
        words = self.ok('GET', '/metrics', headers=headers, **more).decode().split('\n')
        return next(float(l.split()[1]) for l in words if l.startswith(f'understudy_{name} '))

    def alive(self):
        assert self.p.poll() is None, self.said()
        assert self.call('GET', '/health')[0] == 200

    def end(self, sig=signal.SIGTERM):
        self.p.send_signal(sig)
        code = self.p.wait(300 * slow)
        log = open(self.log, errors='replace').read()
        assert 'ERROR: AddressSanitizer' not in log and 'ERROR: LeakSanitizer' not in log and 'runtime error' not in log, log[-6000:]
        assert code == 0, (code, log[-3000:])
