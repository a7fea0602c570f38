"""A thousand idle connections and fifty queued chats: memory above the model.   bench/serve/idle.py PROGRAM MODEL CHARACTERS"""
import atexit, http.client, json, random, resource, socket, subprocess, sys, tempfile, threading, time

program, model, characters = sys.argv[1:4]
port, data = random.randint(20000, 40000), tempfile.mkdtemp()
resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
p = subprocess.Popen([program, 'serve', '-q', '-m', model, '--port', str(port), '--data-dir', data, '--characters', characters, '--idle', '600', *sys.argv[4:]], stderr=subprocess.DEVNULL)
atexit.register(p.kill)


def memory():
    return sum(int(x.split()[1]) for x in open(f'/proc/{p.pid}/smaps_rollup') if x.startswith('Pss:')) / 1024


def say(i=0):
    """Each chat is one of its own: twenty words that no other one has, so that they share the persona alone."""
    words = 'car boat dog lamp road tree shoe fish moon rain king song door bell hill farm book cake coat ring'.split()
    random.Random(i).shuffle(words)
    text = f"Chat {i}: tell me a story of the {', the '.join(words)}."
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=600)
    c.request('POST', '/v1/chat/completions', json.dumps({'model': 'homer', 'messages': [{'role': 'user', 'content': text}], 'max_tokens': 60, 'stream': True}), {'Content-Type': 'application/json'})
    c.getresponse().read()


while True:
    try:
        c = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
        c.request('GET', '/health')
        if c.getresponse().status == 200: break
    except OSError: pass
    time.sleep(0.1)
say()
before = memory()
idle = [socket.create_connection(('127.0.0.1', port), source_address=(f'127.0.0.{2 + i % 8}', 0)) for i in range(1000)]  # one address may have 200
for s in idle[::2]:
    s.sendall(b'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')  # half of them have asked something and stay
time.sleep(2)
with_idle = memory()
ts = [threading.Thread(target=say, args=(1 + i,)) for i in range(50)]
for t in ts: t.start()
peak = with_idle
while any(t.is_alive() for t in ts):
    peak = max(peak, memory())
    time.sleep(0.1)
print(f'after one reply {before:.0f} MB; with 1000 idle connections +{with_idle - before:.0f} MB; with 50 chats besides +{peak - before:.0f} MB at most')
sys.exit(peak - before > 150)
