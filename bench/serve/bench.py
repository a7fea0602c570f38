"""The server and llama.cpp's own, interleaved in one run: same model file, adapter, prompts, places. See run.sh."""
import argparse, http.client, json, os, random, shutil, statistics, subprocess, sys, tempfile, threading, time

a = argparse.ArgumentParser()
a.add_argument('--ours', required=True)
a.add_argument('--peer', help="llama.cpp's llama-server")
a.add_argument('--model', required=True)
a.add_argument('--lora', nargs=4, required=True, help='four adapters in GGUF')
a.add_argument('--persona', default='You are Homer Simpson from Springfield: lazy, hungry, loud and warm-hearted. You love donuts, Duff beer and television. Answer as Homer, in one or two short, funny sentences.')
a.add_argument('--rounds', type=int, default=3)
a.add_argument('--threads', type=int, default=os.cpu_count())
o = a.parse_args()
words = 'the car house donut dog street beer night work school doctor money fire garden river music letter morning winter neighbour'.split()


class Server:
    def __init__(self, name, port):
        self.name, self.port, self.dir = name, port, tempfile.mkdtemp()
        if name == 'ours':
            for i, lora in enumerate(o.lora):
                os.makedirs(f'{self.dir}/characters/c{i}')
                shutil.copy(lora, f'{self.dir}/characters/c{i}/adapter.gguf')
                json.dump({'spec': 'chara_card_v2', 'data': {'name': f'C{i}', 'description': o.persona, 'extensions': {'understudy': {'history': 20}}}}, open(f'{self.dir}/characters/c{i}/card.json', 'w'))
            args = [o.ours, 'serve', '-q', '-m', o.model, '--port', str(port), '--characters', f'{self.dir}/characters', '--data-dir', f'{self.dir}/data', '-np', '8', '-c', '16384', '-t', str(o.threads)]
        else:
            args = [o.peer, '-m', o.model, '--port', str(port), '-np', '8', '-c', '16384', '-t', str(o.threads), '--no-webui', '--lora-init-without-apply', *sum((['--lora', x] for x in o.lora), [])]
        self.p = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                if self.call('GET', '/health')[0] == 200:
                    break
            except OSError:
                pass
            assert self.p.poll() is None, f'{name} has ended'
            time.sleep(0.1)

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=600)
        c.request(method, path, json.dumps(body) if body else None, {'Content-Type': 'application/json'})
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, data

    def which(self, body, i):
        """Adapter i, as each server is told; one take a reply, as the other server makes."""
        return dict(body, model=f'c{i}', takes=1) if self.name == 'ours' else dict(body, model='x', lora=[{'id': k, 'scale': float(k == i)} for k in range(4)], cache_prompt=True)

    def stream(self, path, body):
        """Seconds to the first words, tokens made, prompt tokens not taken from the cache, the text."""
        c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=600)
        start, first, text, usage = time.time(), None, '', {}
        c.request('POST', path, json.dumps(dict(body, stream=True, stream_options={'include_usage': True}, temperature=0.8, ignore_eos=True)), {'Content-Type': 'application/json'})
        r = c.getresponse()
        assert r.status == 200, r.read()
        while line := r.readline():
            if line.startswith(b'data: {'):
                j = json.loads(line[6:])
                for ch in j.get('choices', []):
                    piece = ch.get('text') or ch.get('delta', {}).get('content') or ''
                    first = first or (time.time() - start if piece else None)
                    text += piece
                usage = j.get('usage') or usage
        c.close()
        read = usage['prompt_tokens'] - (usage.get('prompt_tokens_details') or {}).get('cached_tokens', 0)
        return first or time.time() - start, usage['completion_tokens'], read, text

    def end(self):
        self.p.terminate()
        self.p.wait()
        shutil.rmtree(self.dir)


def at_once(n, f):
    out = [None] * n
    def one(i):
        out[i] = f(i)
    ts = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    start = time.time()
    for t in ts: t.start()
    for t in ts: t.join()
    return out, time.time() - start


def prompt(rng, n):
    return 'Once ' + ' '.join(rng.choice(words) for _ in range(n - 1))


def round_of(s, seed):
    rng = random.Random(seed)
    res = {}
    s.stream('/v1/completions', s.which({'prompt': prompt(rng, 20), 'max_tokens': 4}, 0))  # warm
    prompts = [prompt(rng, 200) for _ in range(8)]
    out, t = at_once(8, lambda i: s.stream('/v1/completions', s.which({'prompt': prompts[i], 'max_tokens': 64, 'seed': i}, 0)))
    res['8 chats, 200 + 64: tokens/s'] = sum(x[1] for x in out) / t
    res['8 chats, 200 + 64: median first token, s'] = statistics.median(x[0] for x in out)
    lines = [[prompt(rng, 12) for _ in range(5)] for _ in range(8)]

    def talk(i, adapter):
        messages, made, read2 = [] if s.name == 'ours' else [{'role': 'system', 'content': o.persona}], 0, 0
        for k in range(5):
            messages.append({'role': 'user', 'content': lines[i][k]})
            _, n, read, text = s.stream('/v1/chat/completions', s.which({'messages': messages, 'max_tokens': 32, 'seed': i * 10 + k}, adapter))
            made += n
            read2 = read if k == 1 else read2
            messages.append({'role': 'assistant', 'content': text.strip() or '...'})
        return made, read2
    out, t = at_once(8, lambda i: talk(i, 0))
    res['8 chats of 5 turns: tokens/s'] = sum(x[0] for x in out) / t
    res['second turn: prompt tokens computed'] = statistics.median(x[1] for x in out)
    lines = [[prompt(rng, 12) for _ in range(5)] for _ in range(8)]
    out, t = at_once(4, lambda i: talk(i, i))
    res['4 chats, 4 adapters: tokens/s'] = sum(x[0] for x in out) / t
    return res


names = ['ours'] + (['peer'] if o.peer else [])
rows = {n: [] for n in names}
for k in range(o.rounds):
    for n in names if k % 2 == 0 else names[::-1]:
        s = Server(n, random.randint(20000, 40000))
        rows[n].append(round_of(s, k))
        s.end()
        print(n, k, json.dumps(rows[n][-1]), file=sys.stderr)
print('measure\t' + '\t'.join(names) + '\tratio')
for key in rows['ours'][0]:
    m = [statistics.median(r[key] for r in rows[n]) for n in names]
    print(key + '\t' + '\t'.join(f'{x:.2f}' for x in m) + (f'\t{m[0] / m[1]:.2f}' if len(m) > 1 else ''))
