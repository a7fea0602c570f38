"""First words of a reply beside a training, and with it paused (ten lines each, six seconds between them), with the processor time that the
training takes in each pause.   [US_CPU=avx2] bench/serve/beside.py PROGRAM MODEL CHARACTERS SCRIPT.csv SPEAKER

CHARACTERS has homer; SPEAKER is somebody of the script with some hundred lines. A few minutes; the machine has to be quiet."""
import atexit, http.client, json, pathlib, re, statistics, subprocess, sys, tempfile, time

program, model, characters, script, speaker = sys.argv[1:6]
data = tempfile.mkdtemp()
p = subprocess.Popen([program, 'serve', '-m', model, '--port', '0', '--data-dir', data, '--characters', characters, '-t', '2'], stderr=subprocess.PIPE, text=True)
atexit.register(p.kill)
port = int(re.search(r':(\d+) ', p.stderr.readline())[1])
lines = ['How was work today?', 'The car is on fire!', 'Who is your best friend?', 'What do you want for dinner?', 'Are you a computer?', 'I lost my keys again.', 'Tell me a secret.', 'What is that noise?', 'Do you like the rain?', 'Where are the children?']


def call(method, path, body=None, raw=None):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=600)
    c.request(method, path, raw or (json.dumps(body) if body is not None else None), {'Content-Type': 'application/octet-stream' if raw else 'application/json'})
    r = c.getresponse()
    text = r.read()
    assert r.status < 300, (method, path, r.status, text)
    return json.loads(text or b'null')


def first_words(chat, text):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=600)
    start = time.time()
    c.request('POST', f'/api/chats/{chat}/say', json.dumps({'text': text}), {'Content-Type': 'application/json'})
    ms = event = None
    for line in c.getresponse():
        if line.startswith(b'event:'): event = line[6:].strip()
        elif line.startswith(b'data:') and event in (b'draft', b'delta') and ms is None: ms = 1000 * (time.time() - start)
    return ms


def training_seconds():
    """Of the processor, of all children of the server."""
    total = 0
    for stat in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try: f = stat.read_text().rsplit(')', 1)[1].split()
        except OSError: continue
        if int(f[1]) == p.pid: total += int(f[11]) + int(f[12])
    return total / 100


while not call('GET', '/api/state')['ready']: time.sleep(0.1)
chats = [call('POST', '/api/chats', {'characters': ['homer']})['id'] for _ in range(2)]
for chat in chats: first_words(chat, 'Hello!')
job = call('POST', '/api/jobs', {'kind': 'train', 'script': call('POST', '/api/scripts?name=script.csv', raw=open(script, 'rb').read())['id'], 'character': speaker, 'mode': 'quick'})['id']
while (call('GET', f'/api/jobs/{job}').get('progress') or {}).get('step', 0) < 1: time.sleep(0.2)
for chat, state in zip(chats, ('running', 'paused')):
    if state == 'paused': call('POST', f'/api/jobs/{job}/pause')
    while call('GET', f'/api/jobs/{job}')['state'] != state: time.sleep(0.1)
    waits, used = [], []
    for line in lines:
        before = training_seconds()
        time.sleep(6)
        used.append(training_seconds() - before)
        waits.append(first_words(chat, line))
    print(f'{state}: median {statistics.median(waits):.0f} ms of {[round(x) for x in waits]}; the training took {statistics.median(used):.1f} s of the processor in six')
call('POST', f'/api/jobs/{job}/cancel')
