"""A full disk and one that may not be written, during turns, edits, uploads, jobs, training and audition: 507 or exit 1 in words, reading goes on,
nothing that was promised is lost, and all is well when there is room again."""
import json, os, signal, subprocess, sys, time
from served import Server, card, put_character, slow

program, model, folder = sys.argv[1:4]
disk, characters = folder + '/disk', folder + '/characters'
script = 'name,line\n' + ''.join(f'Anna Lamp,Is it fine {i}?\nBoris Bell,"Number {i}, never."\nClara Key,Oh {i}.\nBoris Bell,Who cares about {i}?\n,\n' for i in range(60))
put_character(characters, 'tom', card('Tom'))


def fill():
    """To the last byte."""
    with open(disk + '/filler', 'ab', buffering=0) as f:
        size = 1 << 20
        while size:
            try:
                f.write(b'\0' * size)
            except OSError:
                size //= 2


def empty():
    os.remove(disk + '/filler')


class Talk:
    """Says things, and keeps what the server has promised."""

    def __init__(self, s):
        self.s, self.turns = s, {}
        self.chat = s.ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']

    def say(self, text):
        """The status: of the answer, or of the error in its stream."""
        status, got = self.s.call('POST', f'/api/chats/{self.chat}/say', {'text': text, 'takes': 1, 'max_tokens': 4})
        if status != 200:
            return status, got
        for e in got.decode().strip().split('\n\n'):
            kind, what = e.split('\n')[0][7:], json.loads(e.split('data: ', 1)[1])
            if kind in ('turn', 'done'):
                self.turns[what['turn']['id']] = what['turn']['text']
            elif kind == 'error':
                status, got = what['code'], what
        return status, got

    def check(self, s=None):
        kept = {t['id']: t['text'] for t in (s or self.s).ok('GET', f'/api/chats/{self.chat}')['turns']}
        lost = [i for i in self.turns if kept.get(i) != self.turns[i]]
        assert not lost, (lost, kept, self.turns)
        return kept


def refuses(s, talk, sid):
    """Whatever writes is refused with 507 (what still found room is kept), and reading goes on."""
    def wants_507(method, path, body=None, raw=None):
        for _ in range(100):  # pages that the file has already may still be used
            h = {'Content-Type': 'application/octet-stream'} if raw is not None else None
            status, got = s.call(method, path, body, raw=raw, headers=h)
            if status >= 300:
                break
        assert status == 507 and got['error']['message'] and folder not in json.dumps(got) and '.tmp' not in json.dumps(got), (method, path, status, got)
    for i in range(200):
        status, got = talk.say(f'Line {i}. ' + 'More words. ' * 100)
        if status != 200:
            break
    assert status == 507 and folder not in json.dumps(got), (status, got)
    turn = max(talk.turns)
    kept = talk.check()
    big = 'An edit. ' * 500
    for i in range(100):
        status, got = s.call('PATCH', f'/api/chats/{talk.chat}/turns/{turn}', {'text': big + str(i)})
        if status != 200:
            break
        talk.turns[turn] = big + str(i)
    assert status == 507, (status, got)
    wants_507('POST', '/api/chats', {'characters': ['tom'], 'title': 't' * 500})
    wants_507('POST', '/api/chats/import', {'format': 'json', 'data': {'understudy_chat': 2, 'characters': ['tom'], 'turns': [{'role': 'user', 'speaker': '', 'text': big}] * 20}})
    before = [sorted(os.listdir(f'{s.folder}/data/{what}')) for what in ('characters', 'scripts')]
    wants_507('POST', '/api/characters', {'card': card('Guest', description='d' * 100000)})
    wants_507('POST', '/api/scripts?name=s.csv', raw=script.encode() * 20)
    until = time.monotonic() + 300
    while (folders := [sorted(os.listdir(f'{s.folder}/data/{what}')) for what in ('characters', 'scripts')]) != before:  # not even an empty one, once the request is over
        assert time.monotonic() < until, (before, folders)
        time.sleep(0.02)
    for who in ('Anna%20Lamp', 'Clara%20Key'):  # what a child writes
        wants_507('GET', f'/api/scripts/{sid}/explore?character={who}')
    for path in ('/api/chats', f'/api/chats/{talk.chat}', '/api/characters', '/api/scripts', '/api/jobs', '/api/state', '/', f'/api/chats/{talk.chat}/export'):
        s.ok('GET', path)
    assert not [f for _, _, fs in os.walk(disk) for f in fs if '.tmp' in f], 'half files stay'
    assert s.call('POST', '/v1/chat/completions', {'model': 'tom', 'max_tokens': 3, 'messages': [{'role': 'user', 'content': 'Hi'}]})[0] == 200  # keeps nothing
    talk.check()


def start(data, *options):
    return Server(program, data, '--characters', characters, '--studio', *options, model=model)


def full():
    s = start(disk)
    talk = Talk(s)
    assert talk.say('Hello.')[0] == 200
    up = s.ok('POST', '/api/scripts?name=first.csv', raw=script.encode(), want=201, headers={'Content-Type': 'application/octet-stream'})
    fill()
    refuses(s, talk, up['id'])
    # a job fails in words, and the server lives
    status, job = s.call('POST', '/api/jobs', {'kind': 'train', 'script': up['id'], 'character': 'Boris Bell'})
    assert status == 507 and 'of the disk while it learns' in job['error']['message'], (status, job)
    # one that learns while it fills up goes on, fails at its end, and says why once there is room to write it down
    empty()
    job = s.ok('POST', '/api/jobs', {'kind': 'train', 'script': up['id'], 'character': 'Boris Bell', 'options': {'max_steps': 60, 'eval_every': 10}}, 201)['id']
    s.wait(lambda: os.path.exists(f"{disk}/data/rehearsals/boris-bell/checkpoint.gguf"))
    pid = json.load(open(f'{disk}/data/jobs/{job}/job.json'))['pid']
    os.kill(pid, signal.SIGSTOP)
    fill()
    os.kill(pid, signal.SIGCONT)
    def has_ended():
        fill()  # again: a checkpoint that takes another's place leaves the room of one
        try:
            return not open(f'/proc/{pid}/stat')
        except OSError:
            return True  # (found by the supervisor, which cannot say so)
    s.wait(has_ended)
    empty()
    s.wait(lambda: s.ok('GET', f'/api/jobs/{job}')['state'] != 'running')
    why = s.ok('GET', f'/api/jobs/{job}')
    assert why['state'] == 'failed' and ('No space left' in why['error'] or 'the disk is full' in why['error']), why
    s.ok('DELETE', f'/api/jobs/{job}')
    fill()
    # killed while it is full: what was promised is there, whether or not there is room
    s.p.kill()
    s.p.wait()
    empty()
    s = start(disk)
    talk.s = s
    talk.check()
    assert talk.say('Is there room?')[0] == 200
    assert s.ok('GET', f"/api/scripts/{up['id']}")['found']['lines'] == 240
    talk.check()
    # full at the start: it comes up, or says why not
    s.end()
    fill()
    with open(folder + '/full.log', 'w') as log:
        p = subprocess.Popen([program, 'serve', '-m', model, '--port', '0', '--data-dir', disk + '/data', '--characters', characters], stderr=log)
    said = lambda: open(folder + '/full.log').read()
    s.wait(lambda: p.poll() is not None or 'ready' in said())
    if p.poll() is None:
        p.terminate()
    assert p.wait() == 0 or p.returncode == 1 and 'understudy serve: ' in said(), (p.returncode, said())
    empty()
    s = start(disk)
    talk.check(s)
    s.end()


def exits(code, *arguments, names=None):
    p = subprocess.run([program, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300 * slow)
    assert p.returncode == code and (code == 0 or names in p.stderr), (arguments, p.returncode, p.stderr[-1500:])
    assert 'Sanitizer' not in p.stderr, p.stderr


def commands():
    """Programs that write where nothing can be written: exit 1, the file is named, half files do not stay."""
    s = folder + '/s.csv'
    with open(s, 'w') as f:
        f.write(script)
    learn = ['-m', model, '--max-steps', '4', '--batch', '200', '--no-samples', '-q']
    exits(1, 'train', s, '--character', 'Boris Bell', *learn, '--out', disk + '/boris', names=disk)
    exits(1, 'explore', s, '--character', 'Boris Bell', '-o', disk + '/report', names=disk)
    exits(1, 'dataset', s, '--character', 'Boris Bell', '-o', disk + '/set.jsonl', names=disk)
    if not os.path.exists(folder + '/boris'):
        exits(0, 'train', s, '--character', 'Boris Bell', *learn, '--out', folder + '/boris')
    few = ['-m', model, '--data', s, '-n', '2', '--max-lines', '2', '--max-tokens', '4', '--shipped-takes', '1', '-q']
    exits(1, 'audition', folder + '/boris', *few, '-o', disk + '/audition', names=disk)
    exits(1, 'export', folder + '/boris/adapter.gguf', '-m', model, '--peft', disk + '/peft', names=disk)
    exits(1, 'export', folder + '/boris/adapter.gguf', '-m', model, '--merged', disk + '/merged.gguf', names=disk)
    assert not [f for _, _, fs in os.walk(disk) for f in fs if '.tmp' in f], list(os.walk(disk))


def read_only():
    subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
    p = subprocess.run([program, 'serve', '-m', model, '--port', '0', '--data-dir', disk + '/data', '--characters', characters], capture_output=True, text=True, timeout=60 * slow)
    assert p.returncode == 1 and 'understudy serve: ' in p.stderr and 'ead-only' in p.stderr, p
    commands()
    subprocess.run(['mount', '-o', 'remount,rw', disk], check=True)


FAILING = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
/* Errno as in $FAIL, of all that writes below $FAIL_BELOW; 0 while the file is not there. */
static int fails(const char *path) {
    char text[8] = "";
    int fd;
    if (strncmp(path, getenv("FAIL_BELOW"), strlen(getenv("FAIL_BELOW"))) || (fd = syscall(SYS_openat, AT_FDCWD, getenv("FAIL"), O_RDONLY, 0)) < 0) return 0;
    if (syscall(SYS_read, fd, text, 7) < 0) text[0] = 0;
    syscall(SYS_close, fd);
    return errno = atoi(text);
}
static int fd_fails(int fd) {
    char link[40], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && fails(path);
}
#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
ssize_t write(int fd, const void *b, size_t n) { REAL(write); return fd_fails(fd) ? -1 : real(fd, b, n); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { REAL(pwrite64); return fd_fails(fd) ? -1 : real(fd, b, n, o); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { REAL(pwrite); return fd_fails(fd) ? -1 : real(fd, b, n, o); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); return fd_fails(fd) ? -1 : real(fd, n); }
int fsync(int fd) { REAL(fsync); return fd_fails(fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return fd_fails(fd) ? -1 : real(fd); }
int mkdir(const char *p, mode_t m) { REAL(mkdir); return fails(p) ? -1 : real(p, m); }
int rename(const char *a, const char *b) { REAL(rename); return fails(b) ? -1 : real(a, b); }
int unlink(const char *p) { REAL(unlink); return fails(p) ? -1 : real(p); }
static int opens(int (*real)(const char *, int, ...), const char *p, int flags, mode_t m) {
    return (flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) && fails(p) ? -1 : real(p, flags, m);
}
int open(const char *p, int flags, ...) { REAL(open); va_list a; va_start(a, flags); mode_t m = va_arg(a, mode_t); va_end(a); return opens(real, p, flags, m); }
int open64(const char *p, int flags, ...) { REAL(open64); va_list a; va_start(a, flags); mode_t m = va_arg(a, mode_t); va_end(a); return opens(real, p, flags, m); }
"""


def failing():
    """Where nothing can be mounted, and for what a mount cannot do: a disk that fails while the server has its files open."""
    with open(folder + '/failing.c', 'w') as f:
        f.write(FAILING)
    if subprocess.run([os.environ.get('CC', 'cc'), '-shared', '-fPIC', folder + '/failing.c', '-o', folder + '/failing.so', '-ldl'], stderr=subprocess.DEVNULL).returncode:
        return print('skipped: a failing disk (no compiler)')
    if b'__asan_init' in open(program, 'rb').read():
        return print('skipped: a failing disk (a sanitizer wants to be the first library)')
    data, fail = folder + '/failing', folder + '/fail'
    os.mkdir(data)
    os.environ.update(LD_PRELOAD=folder + '/failing.so', FAIL=fail, FAIL_BELOW=data + '/data')
    talk = None
    for errno in (28, 30, 5):  # no space, a read-only file system, an input/output error
        s = start(data)
        talk = talk or Talk(s)
        talk.s = s
        talk.check()
        assert talk.say('Hello.')[0] == 200
        sid = s.ok('POST', '/api/scripts?name=first.csv', raw=script.encode(), want=201, headers={'Content-Type': 'application/octet-stream'})['id']
        s.ok('GET', f'/api/scripts/{sid}')
        with open(fail + '.new', 'w') as f:
            f.write(str(errno))
        os.rename(fail + '.new', fail)
        refuses(s, talk, sid)
        os.remove(fail)
        assert talk.say('Better?')[0] == 200, errno
        talk.check()
        s.p.kill()
        s.p.wait()
    s = start(data)
    talk.check(s)
    s.end()
    del os.environ['LD_PRELOAD']


if sys.argv[4:]:
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'none', disk], check=True)
    full()
    fill()
    commands()
    empty()
    read_only()
failing()
print('ok')
