"""See backup.sh."""
import io, json, os, sqlite3, subprocess, sys, tarfile

program, d = sys.argv[1:]


def run(*args, code=0, text=''):
    p = subprocess.run([program, *args], capture_output=True, text=True, timeout=600)
    assert p.returncode == code, (args, p.returncode, p.stderr)
    assert text in p.stderr, (args, text, p.stderr)
    return p.stderr


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)


def tree(top):
    """Every file of it with its bytes, but locks."""
    out = {}
    for folder, _, names in os.walk(top):
        for n in names:
            if n not in ('lock', 'supervisor', 'alive', 'server.lock'):
                p = os.path.join(folder, n)
                out[os.path.relpath(p, top)] = open(p, 'rb').read() if os.path.isfile(p) else None
    return out


# ---- a data folder as the program leaves it
a = f'{d}/a'
write(f'{a}/characters/ada/card.json', '{"data": {"name": "Ada"}}')
write(f'{a}/characters/ada/adapter.gguf', 'GGUF' + 'x' * 300000)
write(f'{a}/scripts/abcdefghjkmn/script.csv', 'name,line\nAda,Привет\n')
write(f'{a}/trash/old/card.json', '{}')
write(f'{a}/rehearsals/bob/checkpoint.gguf', 'half')
write(f'{a}/models/huge.gguf', 'not kept')
job = {'kind': 'train', 'title': 'Bob', 'state': 'queued', 'wanted': '', 'at': 0, 'seconds': 0, 'created_ms': 1,
       'steps': [{'argv': ['train', f'{a}/scripts/abcdefghjkmn/script.csv', '--character=Bob', '--model=/models/m.gguf', f'--out={a}/rehearsals/bob',
                           '--log', '{log}', '--no-job'], 'mark': f'{a}/rehearsals/bob/checkpoint.gguf', 'fresh': ['--restart'], 'again': ['--resume'], 'ending': ['--finish']}],
       'publish': {'from': f'{a}/rehearsals/bob', 'to': f'{a}/characters/bob'}, 'clean': [f'{a}/rehearsals/bob']}
write(f'{a}/jobs/0123456789abcdef/job.json', json.dumps(job))
chats = sqlite3.connect(f'{a}/chats.db')
chats.execute('PRAGMA journal_mode = WAL')
chats.execute("CREATE TABLE chats (id TEXT PRIMARY KEY, title TEXT NOT NULL, user TEXT NOT NULL, characters TEXT NOT NULL, scale TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, deleted_ms INTEGER) WITHOUT ROWID")
chats.execute("CREATE TABLE turns (id INTEGER PRIMARY KEY AUTOINCREMENT, chat TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE, role TEXT NOT NULL, speaker TEXT NOT NULL, character TEXT, text TEXT NOT NULL, chosen INTEGER NOT NULL, alternatives TEXT NOT NULL, present TEXT NOT NULL, created_ms INTEGER NOT NULL, n_tokens INTEGER NOT NULL, n_cached INTEGER NOT NULL, seconds REAL NOT NULL, edited INTEGER NOT NULL, prompt BLOB, cut TEXT, cut_ms INTEGER)")
chats.execute("CREATE INDEX turns_of_chat ON turns(chat, id)")
chats.execute('PRAGMA user_version = 1')
chats.execute("INSERT INTO chats VALUES ('c', 'Hello', 'You', '[]', '{}', 1, 1, NULL)")
chats.commit()  # in the -wal: the connection stays open, as a server's does

# ---- there
run('backup', f'{d}/b.tar.gz', '--data-dir', a, text='files')
assert os.stat(f'{d}/b.tar.gz').st_mode & 0o077 == 0
run('backup', f'{d}/b.tar.gz', '--data-dir', a, code=1, text='is there already')
run('backup', f'{d}/b.tar.gz', '--data-dir', a, '--force')
run('backup', f'{d}/none.tar.gz', '--data-dir', f'{d}/nowhere', code=1, text='no such data folder')
assert not os.path.exists(f'{d}/none.tar.gz')
out = subprocess.run([program, 'backup', '-', '--data-dir', a, '-q'], capture_output=True, timeout=600)
assert out.returncode == 0 and tarfile.open(fileobj=io.BytesIO(out.stdout)).getnames()[0] == 'understudy-backup.json'

# ---- and back, elsewhere
b = f'{d}/b'
run('restore', f'{d}/b.tar.gz', '--data-dir', b, text='restored')
was, now = tree(a), tree(b)
for name, data in was.items():
    if not name.startswith(('models/', 'jobs/', 'chats.db')):
        assert now[name] == data, name
assert not any(n.startswith(('models/', '.')) for n in now), now.keys()
there = json.load(open(f'{b}/jobs/0123456789abcdef/job.json'))
assert there['state'] == 'paused' and there['clean'] == [f'{b}/rehearsals/bob'] and there['steps'][0]['argv'][4] == f'--out={b}/rehearsals/bob', there
assert sqlite3.connect(f'{b}/chats.db').execute('SELECT title FROM chats').fetchall() == [('Hello',)]

# ---- over what is there: only when asked, and the old ones stay
write(f'{b}/characters/eve/card.json', '{}')
run('restore', f'{d}/b.tar.gz', '--data-dir', b, code=1, text='is there already')
assert os.path.exists(f'{b}/characters/eve/card.json')
said = run('restore', f'{d}/b.tar.gz', '--data-dir', b, '--force', text='what was there before lies in')
old = said.split('lies in ')[1].strip()
assert os.path.exists(f'{old}/characters/eve/card.json') and not os.path.exists(f'{b}/characters/eve')

# ---- hostile ones: an error, and nothing has changed
good = tarfile.open(f'{d}/b.tar.gz').extractfile('understudy-backup.json').read()


def hostile(text, *entries, manifest=good, cut=0):
    path = f'{d}/h.tar.gz'
    with tarfile.open(path, 'w:gz') as t:
        for name, data, kind in ([('understudy-backup.json', manifest, b'0')] if manifest else []) + list(entries):
            i = tarfile.TarInfo(name)
            i.type = kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                i.linkname = data
                t.addfile(i)
            else:
                i.size = len(data)
                t.addfile(i, io.BytesIO(data))
    if cut:
        raw = open(path, 'rb').read()
        open(path, 'wb').write(raw[:-cut])
    before = tree(d + '/c') if os.path.exists(d + '/c') else {}
    run('restore', path, '--data-dir', f'{d}/c', '--force', code=1, text=text)
    after = tree(d + '/c')
    assert before == after, (text, after.keys() - before.keys())
    assert not os.path.exists(f'{d}/evil') and not [n for n in os.listdir(f'{d}/c') if n.startswith('.')], os.listdir(f'{d}/c')


write(f'{d}/c/characters/mine/card.json', 'mine')
for name in ('../evil', '/tmp/evil', 'characters/../../evil', 'evil', 'models/m.gguf', 'characters//x', 'characters/.ssh/x', 'characters/a\nb', 'characters/a\\b', 'chats.db/x',
             'characters/' + '/'.join('abcdefghijklmnop'), 'characters/' + 'n' * 300, 'server.lock', 'chats.db-wal'):
    hostile('path that no backup', (name, b'x', b'0'))
hostile('holds a link', ('characters/l', '/etc/passwd', tarfile.SYMTYPE))
hostile('holds a link', ('characters/x', b'x', b'0'), ('characters/l', 'characters/x', tarfile.LNKTYPE))
hostile('holds a link', ('characters/p', b'', tarfile.FIFOTYPE))
hostile('holds a link', ('characters', '../..', tarfile.SYMTYPE), ('characters/evil', b'x', b'0'))
hostile('a name twice', ('characters/x', b'x', b'0'), ('characters/x', b'y', b'0'))
hostile('no backup that', ('characters/x', b'x', b'0'), manifest=None)
hostile('no backup that', manifest=b'{}')
hostile('no backup that', manifest=b'[' * 60000)
hostile('a later version', manifest=good.replace(b'"understudy_backup": 1', b'"understudy_backup": 2'))
hostile('cut off or damaged', ('characters/x', os.urandom(200000), b'0'), cut=1000)
hostile('chats', ('chats.db', b'no database' * 100, b'0'))
hostile('job.json', ('jobs/0123456789abcdef/job.json', b'{', b'0'))
write(f'{d}/text.tar.gz', 'name,line\n')
run('restore', f'{d}/text.tar.gz', '--data-dir', f'{d}/c', '--force', code=1, text='no backup that')
run('restore', f'{d}/nofile', '--data-dir', f'{d}/c', '--force', code=1, text='no such file')
run('restore', f'{d}/nofile', '--data-dir', f'{d}/new', code=1, text='no such file')
assert not os.path.exists(f'{d}/new')  # nothing is made for a mistake
run('backup', d, '--data-dir', a, code=2, text='is a folder: name a file in it')
run('backup', d, '--data-dir', a, '--force', code=2, text='is a folder: name a file in it')

# ---- jobs are commands: none that reaches outside comes in
for n, change in enumerate([
        {'clean': ['/home']}, {'clean': [f'{a}/../x']}, {'publish': {'from': '/etc', 'to': f'{a}/characters/x'}}, {'publish': {'from': f'{a}/rehearsals/b', 'to': f'{a}/characters/b', 'aside': '/tmp/x'}},
        {'publish': []}, {'steps': [{'argv': ['train'], 'publish': {'from': f'{a}/rehearsals/b', 'to': '/tmp/x'}}]},
        {'steps': [{'argv': ['export', '/x']}]}, {'steps': [{'argv': ['train', '--out=/tmp/x']}]}, {'steps': [{'argv': ['train', '-o', '/tmp/x']}]},
        {'steps': [{'argv': ['train', '--log', '/tmp/x']}]}, {'steps': [{'argv': ['audition', 'x']}]}, {'folder': '/tmp'}, {'steps': [{'argv': ['train', f'{a}/s.csv'], 'again': ['--out=/x']}]}]):
    with tarfile.open(f'{d}/j.tar.gz', 'w:gz') as t:
        for name, data in ('understudy-backup.json', good), ('jobs/0123456789abcdef/job.json', json.dumps({**job, **change}).encode()):
            i = tarfile.TarInfo(name)
            i.size = len(data)
            t.addfile(i, io.BytesIO(data))
    run('restore', f'{d}/j.tar.gz', '--data-dir', f'{d}/j{n}', text='cannot go on here')
    j = json.load(open(f'{d}/j{n}/jobs/0123456789abcdef/job.json'))
    assert j['state'] == 'failed' and 'clean' not in j and 'publish' not in j and 'folder' not in j and j['steps'] == [{'argv': ['none']}], (change, j)

# ---- killed at each of its renames: afterwards all is old, or all is new
KILLS = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int rename(const char *a, const char *b) {
    static int n;
    if (getenv("KILL_AT") && n++ == atoi(getenv("KILL_AT"))) kill(getpid(), SIGKILL);
    return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(a, b);
}
"""
write(f'{d}/kills.c', KILLS)
able = b'__asan_init' not in open(program, 'rb').read() and not subprocess.run([os.environ.get('CC', 'cc'), '-shared', '-fPIC', f'{d}/kills.c', '-o', f'{d}/kills.so', '-ldl'], stderr=subprocess.DEVNULL).returncode
if not able:
    print('skipped: kills between renames (no compiler, or a sanitizer that wants to be the first library)')
visible = lambda top: {n: data for n, data in tree(top).items() if not n.startswith(('.', 'replaced-'))}
run('restore', f'{d}/b.tar.gz', '--data-dir', f'{d}/fresh')
k, whole = 0, visible(f'{d}/fresh')
while able:
    e, first = f'{d}/k{k}', {}
    for name in ('characters/eve/card.json', 'scripts/old/meta.json', 'trash/x/card.json'):
        write(f'{e}/{name}', 'old')
    if k % 2:
        write(f'{e}/chats.db-wal', 'old')  # of a server that was killed, too
        write(f'{e}/chats.db', 'old')
    first = visible(e)
    p = subprocess.run([program, 'restore', f'{d}/b.tar.gz', '--data-dir', e, '--force'], env=dict(os.environ, LD_PRELOAD=f'{d}/kills.so', KILL_AT=str(k)), capture_output=True, text=True, timeout=600)
    if p.returncode == 0:
        break
    assert p.returncode == -9, p
    mixed = os.path.exists(f'{e}/.restored-out') or os.path.exists(f'{e}/.restored-in')
    if mixed:
        run('backup', f'{d}/half.tar.gz', '--data-dir', e, code=1, text='a restore was killed here')
    # the next one completes it before it says that something is there already
    run('restore', f'{d}/b.tar.gz', '--data-dir', e, code=1, text='is there already')
    now = {n.replace(f'{e}/', ''): data for n, data in visible(e).items()}
    name = lambda x: {n: data.replace(f'{d}/fresh'.encode(), b'').replace(e.encode(), b'') for n, data in x.items() if n != 'chats.db'}
    assert name(now) == name(whole if mixed else first) and ('chats.db' in now) == ('chats.db' in (whole if mixed else first)), (k, now.keys())
    assert not [n for n in os.listdir(e) if n.startswith('.')], os.listdir(e)
    kept = [n for n in os.listdir(e) if n.startswith('replaced-')]
    assert len(kept) == mixed and (not mixed or {n: data for n, data in tree(f'{e}/{kept[0]}').items()} == first), (k, kept)
    k += 1
assert not able or k >= 8, k

# ---- not under a server's feet
import fcntl
with open(f'{b}/server.lock', 'w') as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    run('restore', f'{d}/b.tar.gz', '--data-dir', b, '--force', code=1, text='a server works on')
