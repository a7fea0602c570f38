"""Every route of the chat API and of the OpenAI API on a tiny model, as a client sees them; and what a bad client gets."""
import base64, http.client, json, os, shutil, signal, socket, sqlite3, subprocess, sys, threading, time, urllib.parse
from served import launch

program, model, adapter, folder = sys.argv[1:5]
characters, data = folder + '/characters', folder + '/data'
slow = float(os.environ.get('SLOW', '1'))
port = 0  # of the server that was started last


def card(name, **more):
    return {'spec': 'chara_card_v2', 'spec_version': '2.0', 'data': dict({'name': name, 'description': f'You are {name}. {{{{user}}}} is here.', 'first_mes': f'I am {{{{char}}}}, {name}.', 'alternate_greetings': ['Out, {{user}}!'], 'tags': ['test'],
            'extensions': {'understudy': {'cast': ['Spike'], 'takes': 3, 'history': 10}, 'else/where': {'kept': [1, None]}}}, **more)}


def put_character(cid, c, with_adapter=False):
    os.makedirs(f'{characters}/{cid}', exist_ok=True)
    if with_adapter:
        shutil.copy(adapter, f'{characters}/{cid}/adapter.gguf')
    with open(f'{characters}/{cid}/card.json', 'w') as f:
        json.dump(c, f)


def start(*options, where=data):
    global port
    p, port = launch([program, 'serve', '-m', model, '--data-dir', where, '--characters', characters, '-t', '1', '-c', '8192', *options], folder + '/log')
    for _ in range(int(15000 * slow)):
        try:
            if call('GET', '/health')[0] == 200:
                return p
        except OSError:
            assert p.poll() is None, open(folder + '/log').read()[-2000:]
        time.sleep(0.02)
    raise AssertionError('does not come up')


def end(p):
    p.terminate()
    assert p.wait(300) == 0, open(folder + '/log').read()[-3000:]


def call(method, path, body=None, headers=None, raw=None):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    h = {} if body is None and raw is None else {'Content-Type': 'application/json'}
    h.update(headers or {})
    c.request(method, path, raw if raw is not None else json.dumps(body) if body is not None else None, h)
    r = c.getresponse()
    got = r.read()
    c.close()
    kind = r.getheader('Content-Type') or ''
    if kind == 'application/json' and method != 'HEAD':
        got = json.loads(got)
    assert r.getheader('X-Content-Type-Options') == 'nosniff' and "default-src 'none'" in r.getheader('Content-Security-Policy'), path
    return r.status, got, r


def ok(method, path, body=None, want=200, **more):
    status, got, _ = call(method, path, body, **more)
    assert status == want, (method, path, status, got)
    return got


def refused(want, method, path, body=None, param=None, **more):
    status, got, r = call(method, path, body, **more)
    assert status == want, (method, path, body, status, got)
    e = got['error']
    assert e['message'] and set(e) == {'message', 'type', 'param', 'code'}, got
    assert param is None or e['param'] == param, got
    if want in (429, 503):
        assert r.getheader('Retry-After')
    return e


def until(happens):
    """For something that happens soon; a busy machine may need a while."""
    end = time.monotonic() + 300 * slow
    while not happens():
        assert time.monotonic() < end, 'does not happen'
        time.sleep(0.05)


def events(path, body=None):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    c.request('POST', path, json.dumps(body) if body is not None else None, {'Content-Type': 'application/json'} if body is not None else {})
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    assert r.status == 200 and r.getheader('Content-Type') == 'text/event-stream', (path, r.status, text)
    out = []
    for block in text.split('\n\n'):
        lines = [x for x in block.split('\n') if x and not x.startswith(':')]
        if lines:
            assert lines[0].startswith('event: ') and lines[1].startswith('data: '), block
            out.append((lines[0][7:], json.loads(lines[1][6:])))
    return out


def by(evs, name):
    return [d for n, d in evs if n == name]


def plain(text): return ''.join(c for c in text if ord(c) < 128)

def chat_api():
    s = ok('GET', '/api/state')
    assert s['ready'] and not s['needs_key'] and s['engine'] == 'own' and s['model']['architecture'] == 'llama', s
    cast = {c['id']: c for c in ok('GET', '/api/characters')['characters']}
    assert set(cast) == {'tom', 'jerry'} and cast['tom']['has_adapter'] and not cast['jerry']['has_adapter'] and cast['tom']['greeting'] == 'I am Tom Cat, Tom Cat.', cast
    assert ok('GET', '/api/characters/tom')['card']['data']['extensions']['else/where'] == {'kept': [1, None]}
    refused(404, 'GET', '/api/characters/nobody')
    refused(404, 'GET', '/api/characters/tom/picture')
    refused(404, 'GET', '/api/characters/tom/files/adapter.gguf')
    refused(404, 'GET', '/api/characters/tom/files/..%2f..%2fx.png')

    # `understudy choices` beside the server: nothing was chosen yet, then a reply that somebody paged to
    choices = lambda *more: subprocess.run([program, 'choices', '--data-dir', data, '-o', folder + '/choices.jsonl', *more], capture_output=True, text=True, timeout=300)
    none = choices()
    assert none.returncode == 0 and not none.stdout and 'page to another reply' in none.stderr and not os.path.exists(folder + '/choices.jsonl'), none
    paged = ok('POST', '/api/chats/import', {'format': 'json', 'data': {'understudy_chat': 2, 'characters': ['tom'], 'turns': [
        {'role': 'user', 'text': 'Jazz?'}, {'role': 'character', 'character': 'tom', 'speaker': 'Tom Cat', 'text': 'Meow.', 'chosen': 1,
         'alternatives': [{'text': 'No.', 'score': -1, 'end': 'self'}, {'text': 'Meow.', 'score': -2, 'end': 'self'}]}]}}, want=201)['id']
    one = choices('-c', 'Tom Cat')
    assert one.returncode == 0 and not one.stdout and '1 choice in 1 turn' in one.stderr, one
    assert json.load(open(folder + '/choices.jsonl')) == {'character': 'Tom Cat', 'turns': ['Jazz?'], 'takes': ['Meow.', 'No.'], 'labels': '20', 'of': 2}
    assert choices('-c', 'Nobody').returncode == 1 and choices('a.db', 'b.db').returncode == 2
    ok('DELETE', f'/api/chats/{paged}', want=204)

    chat = ok('POST', '/api/chats', {'characters': ['tom'], 'user': 'Spike'}, want=201)
    cid = chat['id']
    evs = events(f'/api/chats/{cid}/say', {'text': 'Hello, Tom!', 'takes': 1, 'max_tokens': 12, 'seed': 3})
    assert [n for n, _ in evs if n != 'progress'][:2] == ['turn', 'speaker'] and evs[-1][0] == 'done', evs
    turn = by(evs, 'done')[0]['turn']
    assert ''.join(d['text'] for d in by(evs, 'delta')) == turn['text'] and turn['character'] == 'tom' and turn['speaker'] == 'Tom Cat' and turn['present'] == ['tom'], evs
    assert by(evs, 'turn')[0]['turn']['speaker'] == 'Spike' and by(evs, 'progress')[-1]['read'] == by(evs, 'progress')[-1]['total']
    saved = ok('GET', f'/api/chats/{cid}')
    assert [t['id'] for t in saved['turns'][1:]] == [by(evs, 'turn')[0]['turn']['id'], turn['id']] and saved['title'] == 'Hello, Tom!', saved
    greeting = saved['turns'][0]
    assert [a['text'] for a in greeting['alternatives']] == ['I am Tom Cat, Tom Cat.', 'Out, Spike!'] and greeting['chosen'] == 0 and greeting['role'] == 'character', greeting

    again = by(events(f'/api/chats/{cid}/turns/{turn["id"]}/regenerate', {'takes': 3, 'max_tokens': 8, 'scale': 0.5}), 'done')[0]['turn']
    assert again['id'] == turn['id'] and len(again['alternatives']) >= 2 and again['chosen'] == 1 and again['alternatives'][0]['text'] == turn['text'] and again['alternatives'][1]['scale'] == 0.5, again
    scores = [a['score'] for a in again['alternatives'][1:]]
    assert scores == sorted(scores, reverse=True), scores
    refused(409, 'POST', f'/api/chats/{cid}/turns/{saved["turns"][1]["id"]}/regenerate')
    refused(404, 'POST', f'/api/chats/{cid}/turns/999/regenerate')
    refused(404, 'POST', f'/api/chats/{cid}/turns/x/regenerate')

    evs = events(f'/api/chats/{cid}/turns/{turn["id"]}/continue', {'max_tokens': 6, 'seed': 5})
    longer = by(evs, 'done')[0]['turn']
    assert longer['id'] == turn['id'] and longer['chosen'] == len(longer['alternatives']) - 1 == len(again['alternatives']), longer
    assert longer['text'].startswith(again['text']) and longer['text'].endswith(''.join(d['text'] for d in by(evs, 'delta'))) and len(longer['text']) > len(again['text']), (again, longer)
    assert by(evs, 'speaker')[0]['judge'] == 'likelihood', evs
    refused(409, 'POST', f'/api/chats/{cid}/turns/{saved["turns"][1]["id"]}/continue')
    refused(404, 'POST', f'/api/chats/{cid}/turns/999/continue')
    ok('PATCH', f'/api/chats/{cid}/turns/{turn["id"]}', {'chosen': again['chosen']})

    found = lambda q: [(h['chat'], h['turn'], h['text']) for h in ok('GET', '/api/search?q=' + urllib.parse.quote(q))['turns']]
    assert (cid, saved['turns'][1]['id'], 'Hello, Tom!') in found('hello, TOM'), found('hello, TOM')
    ru = ok('POST', '/api/chats/import', {'format': 'json', 'data': {'understudy_chat': 2, 'characters': ['tom'], 'turns': [{'role': 'user', 'text': 'Где Мой СЫР?'}]}}, want=201)['id']
    assert [c for c, _, _ in found('мой сыр')] == [ru] and found('100%_') == []
    ok('DELETE', f'/api/chats/{ru}', want=204)
    assert found('мой сыр') == []
    refused(400, 'GET', '/api/search')
    refused(400, 'GET', '/api/search?q=' + 'x' * 201)

    edited = ok('PATCH', f'/api/chats/{cid}/turns/{turn["id"]}', {'text': 'My own words.'})
    assert edited['edited'] and edited['text'] == 'My own words.' and edited['chosen'] == len(edited['alternatives']) - 1
    assert ok('PATCH', f'/api/chats/{cid}/turns/{turn["id"]}', {'chosen': 0})['text'] == turn['text']
    refused(400, 'PATCH', f'/api/chats/{cid}/turns/{turn["id"]}', {'chosen': 99}, param='chosen')
    refused(400, 'PATCH', f'/api/chats/{cid}/turns/{turn["id"]}', {})

    saw = ok('GET', f'/api/chats/{cid}/turns/{turn["id"]}/prompt')
    assert saw['n_tokens'] == len(saw['tokens']) and 'I am Tom Cat, Tom Cat.' in saw['text'] and 'Spike: Hello, Tom!' in saw['text'] and 'You are Tom Cat. Spike is here.' in saw['text'] and plain(''.join(t['text'] for t in saw['tokens'])) == plain(saw['text']), saw  # a character may be cut between two tokens, and whole in the text
    refused(404, 'GET', f'/api/chats/{cid}/turns/{saved["turns"][1]["id"]}/prompt')

    cmp = events(f'/api/chats/{cid}/compare', {'variants': [{'scale': 0}, {'scale': 1}], 'max_tokens': 6, 'seed': 5})
    assert sorted(d['variant'] for d in by(cmp, 'done')) == [0, 1] and len(ok('GET', f'/api/chats/{cid}')['turns']) == 3
    for i in (0, 1):
        assert ''.join(d['text'] for d in by(cmp, 'delta') if d['variant'] == i) == [d['text'] for d in by(cmp, 'done') if d['variant'] == i][0]

    branch = ok('POST', f'/api/chats/{cid}/branch', {'turn': saved['turns'][1]['id']}, want=201)
    assert len(branch['turns']) == 2 and branch['id'] != cid
    undo = ok('DELETE', f'/api/chats/{cid}/turns/{turn["id"]}')['undo']
    assert len(ok('GET', f'/api/chats/{cid}')['turns']) == 2
    assert len(ok('POST', f'/api/chats/{cid}/undo', {'undo': undo})['turns']) == 3
    undo = ok('DELETE', f'/api/chats/{cid}/turns/{turn["id"]}')['undo']
    events(f'/api/chats/{cid}/next', {'takes': 1, 'max_tokens': 3})
    refused(409, 'POST', f'/api/chats/{cid}/undo', {'undo': undo})
    ok('PATCH', f'/api/chats/{branch["id"]}/turns/{branch["turns"][0]["id"]}', {'chosen': 1})  # the greeting, swiped: the model reads the other one
    other = by(events(f'/api/chats/{branch["id"]}/next', {'takes': 1, 'max_tokens': 3}), 'done')[0]['turn']
    saw = ok('GET', f'/api/chats/{branch["id"]}/turns/{other["id"]}/prompt')['text']
    assert 'Out, Spike!' in saw and 'I am Tom Cat, Tom Cat.' not in saw, saw
    ok('DELETE', f'/api/chats/{branch["id"]}', want=204)
    refused(404, 'GET', f'/api/chats/{branch["id"]}')
    assert ok('POST', f'/api/chats/{branch["id"]}/restore')['id'] == branch['id']
    assert ok('PATCH', f'/api/chats/{cid}', {'title': 'New', 'user': 'Tyke', 'scale': {'tom': 1.5}})['scale'] == {'tom': 1.5}
    # ---- what the visitor has told of themselves: seen, written, heard again, and in a branch
    note = ok('POST', '/api/chats', {'characters': ['tom']}, 201)['id']
    events(f'/api/chats/{note}/say', {'text': 'My name is Petra. I like fish?', 'max_tokens': 3})
    assert ok('GET', f'/api/chats/{note}')['notes'] == ['My name is Petra.']
    assert ok('PATCH', f'/api/chats/{note}', {'notes': ['I am a diver.']})['notes'] == ['I am a diver.']
    events(f'/api/chats/{note}/say', {'text': 'I live in Brno.', 'max_tokens': 3})
    told = ok('GET', f'/api/chats/{note}')
    assert told['notes'] == ['I am a diver.', 'I live in Brno.']
    forked = ok('POST', f'/api/chats/{note}/branch', {'turn': told['turns'][-1]['id']}, 201)
    assert forked['notes'] == ['I am a diver.', 'I live in Brno.'], forked['notes']
    assert ok('PATCH', f'/api/chats/{note}', {'notes': None})['notes'] == ['My name is Petra.', 'I live in Brno.']
    for bad in ['x', [1], ['  '], ['x' * 301], ['x'] * 33]:
        refused(400, 'PATCH', f'/api/chats/{note}', {'notes': bad})
    refused(400, 'PATCH', f'/api/chats/{cid}', {'scale': {'tom': 3}}, param='scale')
    refused(400, 'PATCH', f'/api/chats/{cid}', {'characters': []}, param='characters')
    refused(400, 'POST', '/api/chats', {'characters': ['nobody']})
    refused(400, 'POST', '/api/chats', {'characters': ['tom', 'tom']})
    refused(400, 'POST', '/api/chats', {'characters': ['tom'], 'user': 'a\nb'}, param='user')
    refused(404, 'GET', '/api/chats/nothing')
    refused(404, 'POST', '/api/chats/nothing/say', {'text': 'x'})
    refused(404, 'POST', '/api/chats/nothing/stop')
    assert ok('POST', f'/api/chats/{cid}/stop') == {'stopped': False}
    refused(400, 'POST', f'/api/chats/{cid}/say', {'text': ''}, param='text')
    refused(400, 'POST', f'/api/chats/{cid}/say', {'text': 'x', 'who': 'jerry'}, param='who')
    refused(400, 'POST', f'/api/chats/{cid}/say', {'text': 'y' * 70000}, param='text')
    for form in ('json', 'sillytavern'):
        _, text, r = call('GET', f'/api/chats/{cid}/export?format={form}')
        assert 'attachment' in r.getheader('Content-Disposition')
        back = ok('POST', '/api/chats/import', {'format': form, 'data': text.decode() if isinstance(text, bytes) else text}, want=201)
        now = ok('GET', f'/api/chats/{cid}')
        assert [(t['role'], t['text'], t['character'], t['chosen']) for t in back['turns']] == [(t['role'], t['text'], t['character'], t['chosen']) for t in now['turns']], (form, back)
    refused(400, 'POST', '/api/chats/import', {'format': 'json', 'data': {'understudy_chat': 2, 'characters': ['tom'], 'turns': [{'role': 'god'}]}})
    refused(400, 'POST', '/api/chats/import', {'format': 'sillytavern', 'data': '{'})
    refused(400, 'POST', '/api/chats/import', {'format': 'sillytavern', 'data': '{"character_name":"Nobody"}\n'})
    assert len(ok('POST', '/api/chats/import', {'format': 'json', 'data': {'understudy_chat': 1, 'character': 'Tom Cat', 'turns': [{'user': 'a', 'reply': 'b'}]}}, want=201)['turns']) == 2
    return cid


def scenes():
    cid = ok('POST', '/api/chats', {'characters': ['tom', 'jerry'], 'user': 'Spike'}, want=201)['id']
    first = by(events(f'/api/chats/{cid}/say', {'text': 'Jerry, are you there?', 'takes': 1, 'max_tokens': 4}), 'done')[0]['turn']
    assert first['character'] == 'jerry', first  # he was named
    assert by(events(f'/api/chats/{cid}/next', {'takes': 1, 'max_tokens': 4}), 'done')[0]['turn']['character'] == 'tom'  # silent longest
    ok('PATCH', f'/api/chats/{cid}', {'characters': ['tom']})
    secret = by(events(f'/api/chats/{cid}/say', {'text': 'A secret cheese.', 'who': 'tom', 'takes': 1, 'max_tokens': 4}), 'done')[0]['turn']
    assert secret['present'] == ['tom']
    ok('PATCH', f'/api/chats/{cid}', {'characters': ['tom', 'jerry']})
    for who, sees in (('jerry', False), ('tom', True)):
        t = by(events(f'/api/chats/{cid}/say', {'text': 'Well?', 'who': who, 'takes': 1, 'max_tokens': 4}), 'done')[0]['turn']
        text = ok('GET', f'/api/chats/{cid}/turns/{t["id"]}/prompt')['text']
        assert ('secret cheese' in text) == sees and 'are you there' in text, (who, text)  # each sees what was said while he was on stage
        assert text.count('Spike is here') == 1 and ('You are Jerry' in text) == (who == 'jerry')


def cards():
    png = call('GET', '/api/characters/tom/card.png')[1]
    assert png[:8] == b'\x89PNG\r\n\x1a\n'
    new = ok('POST', '/api/characters', {'png_base64': base64.b64encode(png).decode()}, want=201)['id']
    assert new == 'tom-cat' and ok('GET', f'/api/characters/{new}')['card']['data'] == ok('GET', '/api/characters/tom')['card']['data']
    assert ok('POST', '/api/characters', {'card': ok('GET', '/api/characters/tom/card.json')}, want=201)['id'] == 'tom-cat-2'
    assert call('GET', f'/api/characters/{new}/picture')[1][:4] == b'\x89PNG'
    refused(400, 'POST', '/api/characters', {'card': {'spec': 'x'}})
    refused(400, 'POST', '/api/characters', {'png_base64': '!!!'})
    refused(400, 'POST', '/api/characters', {})
    put_character('butch', card('Butch'))  # dropped in
    until(lambda: call('GET', '/api/characters/butch')[0] == 200)
    cid = ok('POST', '/api/chats', {'characters': ['butch']}, want=201)['id']
    events(f'/api/chats/{cid}/say', {'text': 'Hi', 'takes': 1, 'max_tokens': 2})
    with open(f'{characters}/butch/card.json', 'w') as f:
        f.write('{ this is no card')
    until(lambda: call('GET', '/api/characters/butch')[0] != 200)
    refused(404, 'GET', '/api/characters/butch')
    put_character('butch', card('Butch'))
    until(lambda: call('GET', '/api/characters/butch')[0] == 200)
    shutil.rmtree(f'{characters}/butch')  # and taken away
    until(lambda: call('GET', '/api/characters/butch')[0] != 200)
    refused(404, 'POST', f'/api/chats/{cid}/say', {'text': 'Hi'})
    assert len(ok('GET', f'/api/chats/{cid}')['turns']) == 3


def openai_api():
    assert [m['id'] for m in ok('GET', '/v1/models')['data']][:2] == ['base', 'jerry']
    assert ok('GET', '/v1/models/tom:0.5')['id'] == 'tom:0.5'
    refused(404, 'GET', '/v1/models/nobody')
    ask = {'model': 'tom', 'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 6, 'seed': 4, 'takes': 1}
    a = ok('POST', '/v1/chat/completions', ask)
    b = ok('POST', '/v1/chat/completions', ask)
    assert a['choices'][0]['message']['content'] == b['choices'][0]['message']['content'] and a['usage']['total_tokens'] == a['usage']['prompt_tokens'] + a['usage']['completion_tokens']
    assert b['usage']['prompt_tokens_details']['cached_tokens'] == b['usage']['prompt_tokens'] - 1
    n = ok('POST', '/v1/chat/completions', dict(ask, n=3, logprobs=True, top_logprobs=2))
    assert [c['index'] for c in n['choices']] == [0, 1, 2] and len({c['message']['content'] for c in n['choices']}) > 1
    for c in n['choices']:
        for t in c['logprobs']['content']:
            assert len(t['top_logprobs']) == 2 and t['top_logprobs'][0]['logprob'] >= t['top_logprobs'][1]['logprob'] >= -60 and t['logprob'] <= t['top_logprobs'][0]['logprob'] + 1e-6, t
    st = stream('/v1/chat/completions', dict(ask, n=2, stream=True, logprobs=True, stream_options={'include_usage': True}))
    assert [c['choices'][0]['delta'].get('role') for c in st[:2]] == ['assistant'] * 2 and st[-1]['choices'] == [] and st[-1]['usage']['completion_tokens'] > 0
    whole = ok('POST', '/v1/chat/completions', dict(ask, n=2, logprobs=True))
    for i in (0, 1):
        pieces = [c['choices'][0] for c in st[:-1] if c['choices'][0]['index'] == i]
        assert ''.join(p['delta'].get('content', '') for p in pieces) == whole['choices'][i]['message']['content']
        assert [p['finish_reason'] for p in pieces if p['finish_reason']] == [whole['choices'][i]['finish_reason']]
        assert [t['token'] for p in pieces if p['logprobs'] for t in p['logprobs']['content']] == [t['token'] for t in whole['choices'][i]['logprobs']['content']]
    c = ok('POST', '/v1/completions', {'model': 'base', 'prompt': 'Once upon', 'max_tokens': 5, 'echo': True, 'logprobs': 2, 'seed': 1, 'ignore_eos': True})
    assert c['choices'][0]['text'].startswith('Once upon') and len(c['choices'][0]['logprobs']['tokens']) == c['usage']['total_tokens'] and c['choices'][0]['finish_reason'] == 'length', c
    t = ok('POST', '/tokenize', {'content': 'Hello <|im_end|>'})['tokens']
    assert ok('POST', '/detokenize', {'tokens': t})['content'] == 'Hello <|im_end|>' and len(t) > 3
    assert len(ok('POST', '/v1/completions', {'model': 'base', 'prompt': t, 'max_tokens': 2})['choices']) == 1
    text = call('GET', '/metrics')[1].decode()
    assert 'understudy_replies_total ' in text and '# HELP understudy_ready' in text and 'understudy_requests_total{code="4xx"}' in text
    long = {'model': 'base', 'messages': [{'role': 'user', 'content': 'many words ' * 20000}]}
    assert refused(400, 'POST', '/v1/chat/completions', long)['code'] == 'context_length_exceeded'
    refused(400, 'POST', '/v1/completions', {'model': 'base', 'prompt': [10 ** 9]})
    for n in (-1, 10 ** 6):  # as many as fit
        assert ok('POST', '/v1/completions', {'model': 'base', 'prompt': 'Hi', 'max_tokens': n, 'ignore_eos': True})['choices'][0]['finish_reason'] == 'length'
    refused(400, 'POST', '/v1/chat/completions', dict(ask, logit_bias={'99999999': 1}), param='logit_bias')
    refused(400, 'POST', '/v1/chat/completions', {'messages': ask['messages']}, param='model')  # of several characters nobody is meant
    bare = ok('POST', '/v1/chat/completions', dict(ask, model='tom:adapter', messages=[{'role': 'system', 'content': 'S'}] + ask['messages']))
    assert bare['usage']['prompt_tokens'] < a['usage']['prompt_tokens'] and 'tom:adapter' in [m['id'] for m in ok('GET', '/v1/models')['data']], bare
    for path in ('/v1//models', '/models', '/v1/models/', '//v1/models', '/v1/v1/models'):  # addresses that clients make of theirs
        assert ok('GET', path)['object'] == 'list'
    many = ok('POST', '/v1/completions', {'model': 'base', 'prompt': ['One é', 'Two', t], 'n': 2, 'max_tokens': 3, 'echo': True, 'logprobs': 0, 'seed': 1, 'ignore_eos': True})
    assert [c['index'] for c in many['choices']] == list(range(6)) and [c['text'][:3] for c in many['choices'][:4]] == ['One', 'One', 'Two', 'Two'] and many['usage']['completion_tokens'] == 18, many
    assert many['choices'][0]['logprobs']['text_offset'][:4] == [0, 1, 2, 3] and many['choices'][0]['logprobs']['tokens'][:3] == ['O', 'n', 'e'], many['choices'][0]
    nothing = ok('POST', '/v1/completions', {'model': 'base', 'prompt': 'Once upon', 'max_tokens': 0, 'echo': True})
    assert nothing['choices'][0]['text'] == 'Once upon' and nothing['choices'][0]['finish_reason'] == 'length' and nothing['usage']['completion_tokens'] == 0 and nothing['usage']['prompt_tokens'] > 0, nothing
    pieces = [c for c in stream('/v1/completions', {'model': 'base', 'prompt': ['A', 'B'], 'max_tokens': 4, 'stream': True, 'seed': 2, 'ignore_eos': True})]
    for i in (0, 1):
        assert ''.join(c['choices'][0]['text'] for c in pieces if c['choices'][0]['index'] == i) == ok('POST', '/v1/completions', {'model': 'base', 'prompt': 'AB'[i], 'max_tokens': 4, 'seed': 2, 'ignore_eos': True})['choices'][0]['text']
    refused(400, 'POST', '/v1/completions', {'model': 'base', 'prompt': ['x'] * 17}, param='prompt')
    # a form is kept, whatever a tiny model would rather say
    schema = {'type': 'object', 'properties': {'a': {'enum': ['x', 'y']}, 'b': {'type': 'array', 'items': {'type': 'integer', 'minimum': 1, 'maximum': 3}, 'maxItems': 3}}, 'required': ['a', 'b'], 'additionalProperties': False}
    for model in ('base', 'tom'):
        got = ok('POST', '/v1/chat/completions', {'model': model, 'messages': ask['messages'], 'max_tokens': 200, 'response_format': {'type': 'json_schema', 'json_schema': {'name': 'x', 'schema': schema}}})['choices'][0]
        value = json.loads(got['message']['content'])
        assert value['a'] in ('x', 'y') and all(1 <= x <= 3 for x in value['b']) and got['finish_reason'] == 'stop', got
    tools = [{'type': 'function', 'function': {'name': 'look', 'parameters': {'type': 'object', 'properties': {'at': {'enum': ['sea', 'sky']}}, 'required': ['at']}}}]
    made = ok('POST', '/v1/chat/completions', dict(ask, max_tokens=200, tools=tools, tool_choice='required'))['choices'][0]
    assert made['finish_reason'] == 'tool_calls' and made['message']['content'] is None and json.loads(made['message']['tool_calls'][0]['function']['arguments'])['at'] in ('sea', 'sky'), made
    calls = [c['choices'][0] for c in stream('/v1/chat/completions', dict(ask, max_tokens=200, tools=tools, tool_choice='required', stream=True))]
    assert calls[-1]['finish_reason'] == 'tool_calls' and [c['delta']['tool_calls'][0]['function']['name'] for c in calls if 'tool_calls' in c['delta']] == ['look'] and not any(c['delta'].get('content') for c in calls), calls
    assert ok('POST', '/v1/completions', {'model': 'base', 'prompt': 'x', 'grammar': 'root ::= "no" | "yes"'})['choices'][0]['text'] in ('no', 'yes')
    refused(400, 'POST', '/v1/chat/completions', dict(ask, grammar='root ::= root'), param='grammar')
    refused(400, 'POST', '/v1/chat/completions', dict(ask, response_format={'type': 'json_schema', 'json_schema': {'schema': {'not': {}}}}), param='response_format')
    # a completion is the text to the byte: what its tokens say, blanks and line breaks too
    for seed in range(1, 6):
        c = ok('POST', '/v1/completions', {'model': 'base', 'prompt': 'Once', 'max_tokens': 12, 'logprobs': 1, 'seed': seed, 'ignore_eos': True, 'temperature': 2, 'top_k': 0, 'min_p': 0})['choices'][0]
        ids = [i for t in c['logprobs']['tokens'] for i in [t]]
        assert c['text'] == ''.join(ids) or '\ufffd' in ''.join(ids), (c['text'], ids)


def echoed_probabilities():
    """What was drawn, read as a prompt: each token is as likely as it was when it was drawn, whole and streamed, as text and as tokens."""
    drawn = ok('POST', '/completion', {'prompt': 'Once upon', 'n_predict': 12, 'seed': 5, 'n_probs': 2, 'return_tokens': True, 'ignore_eos': True})
    probs = drawn['completion_probabilities']
    assert [x['id'] for x in probs] == drawn['tokens'] and len(probs) == drawn['tokens_predicted'] == 12 and len(probs[0]['top_logprobs']) == 2, drawn
    prompt = ok('POST', '/tokenize', {'content': 'Once upon', 'add_special': True})['tokens'] + drawn['tokens']
    ask = {'model': 'base', 'prompt': prompt, 'echo': True, 'logprobs': 1, 'max_tokens': 0}
    c = ok('POST', '/v1/completions', ask)['choices'][0]
    p = c['logprobs']
    assert c['text'].startswith('Once upon') and p['token_logprobs'][0] is None or len(p['tokens']) == len(prompt) - 1, c
    assert len(p['tokens']) == len(p['token_logprobs']) == len(p['top_logprobs']) == len(p['text_offset']) and c['finish_reason'] == 'length'
    assert p['text_offset'][0] == 0 and all(a <= b for a, b in zip(p['text_offset'], p['text_offset'][1:]))
    for a, b in zip(p['token_logprobs'][-12:], probs):
        assert abs(a - b['logprob']) < 0.05 + 0.02 * abs(a), (p, probs)
    streamed = stream('/v1/completions', dict(ask, stream=True, max_tokens=3, n=2, seed=1, ignore_eos=True))
    for i in (0, 1):
        mine = [x['choices'][0] for x in streamed if x['choices'][0]['index'] == i]
        assert mine[0]['logprobs'] == p, (mine[0], p)
        assert sum(len(x['logprobs']['tokens']) for x in mine[1:]) == 3, mine
    ended = ok('POST', '/completion', {'prompt': 'Once upon', 'n_predict': 12, 'seed': 5, 'n_probs': 1, 'ignore_eos': True, 'stop': [drawn['content'][-2:]]})
    assert ended['stop_type'] == 'word' and ended['stopping_word'] == drawn['content'][-2:] and ended['content'] + ended['stopping_word'] == drawn['content'][:len(ended['content']) + 2], ended
    refused(400, 'POST', '/completion', {'prompt': 'x', 'n_probs': -1}, param='n_probs')
    refused(400, 'POST', '/completion', {'prompt': 'x', 'n': 2}, param='n')


def lines(path, body):
    """Answers of Ollama's routes: a JSON object a line."""
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    c.request('POST', path, json.dumps(body), {'Content-Type': 'application/json'})
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    assert r.status == 200 and r.getheader('Content-Type') == 'application/x-ndjson', (path, r.status, text)
    return [json.loads(x) for x in text.split('\n')[:-1]]


def llamacpp_api():
    p = ok('GET', '/props')
    assert p['default_generation_settings']['n_ctx'] > 0 and p['total_slots'] == len(ok('GET', '/slots')), p
    ask = {'prompt': 'Once', 'n_predict': 6, 'seed': 3, 'ignore_eos': True, 'cache_prompt': True, 'samplers': ['top_k', 'temperature']}
    a = ok('POST', '/completion', ask)
    assert a['stop'] and a['tokens_predicted'] == 6 and a['stop_type'] == 'limit' and a['generation_settings']['dry_multiplier'] == 0 and a['generation_settings']['min_p'] == 0 and a['content'], a
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    c.request('POST', '/completion', json.dumps(dict(ask, stream=True, return_progress=True)), {'Content-Type': 'application/json'})
    pieces = [json.loads(x[6:]) for x in c.getresponse().read().decode().split('\n') if x.startswith('data: ')]
    c.close()
    assert ''.join(x['content'] for x in pieces) == a['content'] and pieces[-1]['stop'] and not any(x['stop'] for x in pieces[:-1]) and any('prompt_progress' in x for x in pieces), pieces
    assert ok('POST', '/completion', {'prompt': 'Once', 'n_predict': 0})['tokens_predicted'] == 0
    assert ok('POST', '/completion', {'prompt': 'x', 'json_schema': {'enum': ['a', 'b']}, 'n_predict': -1})['content'] in ('"a"', '"b"')
    assert 'Hi there' in ok('POST', '/apply-template', {'messages': [{'role': 'user', 'content': 'Hi there'}]})['prompt']
    refused(400, 'POST', '/completion', {'prompt': 'x', 'samplers': ['temperature', 'top_k']}, param='samplers')
    refused(400, 'POST', '/completion', {'prompt': 'x', 'mirostat': 2}, param='mirostat')
    for path in ('/embedding', '/embeddings', '/v1/embeddings', '/infill', '/rerank'):
        refused(501, 'POST', path, {'content': 'x'})


def ollama_api():
    assert {'base:latest', 'tom:latest'} <= {m['name'] for m in ok('GET', '/api/tags')['models']} and ok('GET', '/api/version')['version'] and ok('GET', '/api/ps')['models']
    assert ok('POST', '/api/show', {'model': 'tom'})['details']['family'] == 'llama' and 'You are Tom Cat' in ok('POST', '/api/show', {'name': 'tom:latest'})['system']
    ask = {'model': 'tom:latest', 'messages': [{'role': 'user', 'content': 'Hi'}], 'options': {'num_predict': 8, 'seed': 4, 'temperature': 0.7, 'num_ctx': 4096}}
    got = lines('/api/chat', ask)
    assert [x['done'] for x in got] == [False] * (len(got) - 1) + [True] and got[-1]['done_reason'] in ('stop', 'length') and got[-1]['eval_count'] > 0 and got[-1]['prompt_eval_count'] > 0, got
    whole = ok('POST', '/api/chat', dict(ask, stream=False))
    assert whole['message']['content'] == ''.join(x['message']['content'] for x in got) and whole['done'] and whole['model'] == 'tom:latest', (whole, got)
    got = lines('/api/generate', {'model': 'base', 'prompt': 'Once', 'raw': True, 'options': {'num_predict': 5, 'seed': 1}})
    assert got[-1]['done'] and got[-1]['context'] == [] and all('response' in x for x in got)
    form = {'type': 'object', 'properties': {'a': {'enum': [1, 2]}}, 'required': ['a']}
    assert json.loads(ok('POST', '/api/generate', {'model': 'base', 'prompt': 'x', 'stream': False, 'format': form})['response'])['a'] in (1, 2)
    tools = [{'type': 'function', 'function': {'name': 'look', 'parameters': {'type': 'object', 'properties': {'at': {'enum': ['sea']}}, 'required': ['at']}}}]
    for streamed in (True, False):
        body = dict(ask, tools=tools, tool_choice='required', stream=streamed, options={'num_predict': 200})
        made = [x for x in lines('/api/chat', body) if 'tool_calls' in x['message']][0] if streamed else ok('POST', '/api/chat', body)
        assert made['message']['tool_calls'] == [{'function': {'name': 'look', 'arguments': {'at': 'sea'}}}], made
    assert ok('POST', '/api/chat', {'model': 'tom', 'messages': [], 'stream': False})['done_reason'] == 'load'
    refused(400, 'POST', '/completion', {'prompt': 'x', 'samplers': [{}]}, param='samplers')
    for body, status in (({'model': 'nobody', 'messages': ask['messages']}, 404), ({'model': 'nobody', 'messages': []}, 404), (dict(ask, think=True), 400), (dict(ask, format='xml'), 400), (dict(ask, messages=[{'role': 'user', 'content': 'x', 'images': ['aa']}]), 400), (dict(ask, template='{{ .Prompt }}'), 400), (dict(ask, logprobs=True), 400), (dict(ask, context=[1, 2]), 400)):
        code, got, _ = call('POST', '/api/chat', body)
        assert code == status and isinstance(got['error'], str), (code, got)
    assert call('POST', '/api/embed', {'model': 'tom', 'input': 'x'})[0] == 501


def stream(path, body):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    c.request('POST', path, json.dumps(body), {'Content-Type': 'application/json'})
    text = c.getresponse().read().decode()
    c.close()
    lines = [x[6:] for x in text.split('\n') if x.startswith('data: ')]
    assert lines[-1] == '[DONE]', text
    return [json.loads(x) for x in lines[:-1]]


def bad_input():
    path = '/v1/chat/completions'
    for raw in (b'', b'{', b'[]', b'null', b'"x"', b'{"a":1,"a":2}', b'{"x":' * 3000, b'\x00' * 50):
        refused(400, 'POST', path, raw=raw)
    refused(404, 'POST', path, raw=b'{"model":"\xff\xfe"}')
    for odd in (b'\\u0000', b'\\ud83d', b'\xff', b'a\nb'):  # costs a character, not the request
        ok('POST', path, raw=b'{"model":"tom","max_tokens":2,"takes":1,"seed":18446744073709551615,"messages":[{"role":"user","content":"x' + odd + b'"}]}')
    refused(415, 'POST', path, raw=b'{}', headers={'Content-Type': 'text/plain'})
    refused(413, 'POST', path, raw=b' ' * 1200000)
    refused(404, 'GET', '/nothing')
    refused(404, 'GET', '/api/../etc/passwd')
    refused(404, 'GET', '/' + 'x' * 3000)
    for method, p in (('PUT', path), ('GET', path), ('DELETE', '/v1/models'), ('PATCH', '/health')):
        assert 'Allow' in dict(call(method, p)[2].getheaders()) or call(method, p)[0] == 405
        refused(405, method, p, raw=b'{}' if method in ('PUT', 'PATCH') else None)
    refused(403, 'POST', path, {}, headers={'Origin': 'http://evil.example'})
    refused(403, 'GET', '/health', headers={'Host': 'evil.example'})
    assert call('OPTIONS', path)[0] == 204
    assert call('HEAD', '/health')[0] == 200
    assert call('GET', '/health', headers={'Cookie': 'y' * 16000})[0] == 200  # localhost's cookies are those of all its ports
    s = socket.create_connection(('127.0.0.1', port), timeout=300)
    s.sendall(b'GET /health HTTP/1.1\r\nHost: localhost\r\nCookie: ' + b'y' * 30000 + b'\r\n\r\n')
    assert s.recv(1000).startswith(b'HTTP/1.1 431')
    s.close()
    refused(404, 'GET', '/api/chats/%ff%zz')  # and a log line that is text, below
    # bytes that are no HTTP, half a request, half-closed sockets
    for junk in (b'\x16\x03\x01\x02\x00', b'GET\r\n\r\n', b'GET / HTTP/9.9\r\n\r\n', b'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n', b'GET /health HTTP/1.1\r\nHost: localhost\r\n' + b'X: ' + b'y' * 70000 + b'\r\n\r\n'):
        s = socket.create_connection(('127.0.0.1', port), timeout=300)
        try:
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
            s.recv(1000)
        except OSError:
            pass
        s.close()
    assert call('GET', '/health')[0] == 200


def places(value, path=()):
    """Every place in a request's body, from the outside to the inside."""
    if path:
        yield path
    for k in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[k], (*path, k))


def odd_values(cid):
    """Another kind of value at every place of every request: an answer, or a refusal in words; never a fault of the server's."""
    hi = [{'role': 'user', 'content': 'Hi'}]
    turn = ok('GET', f'/api/chats/{cid}')['turns'][-1]['id']
    schema = {'type': 'object', 'properties': {'a': {'type': 'integer', 'minimum': 1, 'maximum': 2}}, 'required': ['a'], 'additionalProperties': False}
    tools = [{'type': 'function', 'function': {'name': 'look', 'parameters': {'type': 'object', 'properties': {'at': {'enum': ['sea']}}}}}]
    bodies = [
        ('/v1/chat/completions', {'model': 'tom', 'messages': [{'role': 'system', 'content': [{'type': 'text', 'text': 'You are.'}]}, *hi], 'max_tokens': 2, 'takes': 1, 'temperature': 0.5, 'top_p': 0.9, 'seed': 1, 'stop': ['x'],
                                  'n': 1, 'logit_bias': {'5': 1}, 'logprobs': True, 'top_logprobs': 2, 'presence_penalty': 0.5, 'stream': True, 'stream_options': {'include_usage': True}, 'user': 'u'}),
        ('/v1/chat/completions', {'model': 'base', 'messages': hi, 'max_tokens': 2, 'response_format': {'type': 'json_schema', 'json_schema': {'name': 'x', 'schema': schema}}}),
        ('/v1/chat/completions', {'model': 'tom', 'messages': [*hi, {'role': 'assistant', 'content': None, 'tool_calls': [{'id': 'c1', 'type': 'function', 'function': {'name': 'look', 'arguments': '{}'}}]}, {'role': 'tool', 'tool_call_id': 'c1', 'content': 'sea'}],
                                  'max_tokens': 2, 'takes': 1, 'tools': tools, 'tool_choice': {'type': 'function', 'function': {'name': 'look'}}}),
        ('/v1/completions', {'model': 'base', 'prompt': ['Once', 'Twice'], 'max_tokens': 2, 'logprobs': 1, 'echo': False, 'best_of': 1, 'suffix': None}),
        ('/completion', {'prompt': 'Once', 'n_predict': 2, 'samplers': ['top_k', 'temperature'], 'dry_multiplier': 0.5, 'dry_sequence_breakers': ['x'], 'logit_bias': [[5, 1]], 'n_probs': 1, 'stop': ['x'], 'grammar': 'root ::= "a"', 'cache_prompt': True, 'id_slot': 0}),
        ('/api/chat', {'model': 'tom', 'messages': hi, 'stream': False, 'format': schema, 'tools': tools, 'keep_alive': '5m', 'options': {'num_predict': 2, 'seed': 4, 'temperature': 0.7, 'stop': ['x'], 'num_ctx': 4096}}),
        ('/api/generate', {'model': 'base', 'prompt': 'Once', 'raw': True, 'system': 'x', 'template': 'x', 'stream': False, 'options': {'num_predict': 2}}),
        ('/api/show', {'model': 'tom', 'verbose': False}),
        ('/tokenize', {'content': 'x', 'add_special': True, 'with_pieces': True}),
        ('/detokenize', {'tokens': [1, 2]}),
        ('/apply-template', {'messages': hi}),
        (f'/api/chats/{cid}/say', {'text': 'Hi', 'takes': 1, 'max_tokens': 2, 'temperature': 0.5, 'seed': 1, 'character': 'tom'}),
        (f'/api/chats/{cid}/turns/{turn}/regenerate', {'takes': 1, 'max_tokens': 2, 'seed': 1}),
        (f'/api/chats/{cid}/compare', {'text': 'Hi', 'max_tokens': 2, 'variants': [{'scale': 1, 'temperature': 0.5}]}),
        (f'/api/chats/{cid}/undo', {'undo': 'x'}),
        ('/api/chats', {'characters': ['tom'], 'user': 'Pat', 'greeting': 0, 'title': 'x'}),
        ('/api/chats/import', {'format': 'json', 'data': {'understudy_chat': 2, 'characters': ['tom'], 'turns': [{'role': 'user', 'speaker': 'Pat', 'text': 'x', 'alternatives': [{'text': 'x'}], 'chosen': 0}]}}),
        ('/api/chats/import', {'format': 'sillytavern', 'characters': ['tom'], 'data': '{"user_name":"Pat","character_name":"Tom Cat"}\n{"name":"Pat","is_user":true,"mes":"x"}\n'}),
        ('/api/characters', {'card': card('Odd', tags=['a'], character_book={'entries': [{'keys': ['a'], 'content': 'b', 'enabled': True, 'insertion_order': 1}]})}),
    ]
    lengths = ('max_tokens', 'n_predict', 'num_predict', 'options', 'minimum', 'maximum')  # what would end a reply too late is no odd value
    n = 0
    for path, body in bodies:
        for place in places(body):
            for odd in (None, True, -1, 0.5, 'x', [], {'a': 1}):
                if place[-1] in lengths and isinstance(odd, (int, float, type(None), dict)):
                    continue
                whole = at = json.loads(json.dumps(body))
                for k in place[:-1]:
                    at = at[k]
                at[place[-1]] = odd
                status, got, _ = call('POST', path, whole)
                n += 1
                assert status < 500 or status in (501, 503), (path, place, odd, status, got)
                if status >= 400:
                    e = got['error']
                    assert isinstance(e, str) and e or e['message'], (path, place, odd, got)
    assert call('GET', '/health')[0] == 200
    return n


def go_away(cid):
    """A client that leaves in the middle: the reply ends, what was heard is kept, the chat is free again."""
    s = socket.create_connection(('127.0.0.1', port), timeout=300)
    body = json.dumps({'text': 'Tell me all.', 'takes': 1, 'max_tokens': 2000, 'logit_bias': {}}).encode()
    s.sendall(b'POST /api/chats/%s/say HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n' % (cid.encode(), len(body)) + body)
    got = b''
    while b'event: delta' not in got and b'event: done' not in got:
        got += s.recv(4096)
    s.close()
    evs = events(f'/api/chats/{cid}/say', {'text': 'And now?', 'takes': 1, 'max_tokens': 2})
    assert evs[-1][0] == 'done'
    turns = ok('GET', f'/api/chats/{cid}')['turns']
    assert [t['role'] for t in turns[-4:]] == ['user', 'character', 'user', 'character'], [(t['role'], t['text'][:20]) for t in turns]
    # stop, from another connection
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=300)
    c.request('POST', f'/api/chats/{cid}/say', json.dumps({'text': 'Go on and on.', 'takes': 1, 'max_tokens': 3000}), {'Content-Type': 'application/json'})
    r, kinds = c.getresponse(), []
    while line := r.readline():
        if line.startswith(b'event: '):
            kinds.append(line[7:-1])
            if kinds.count(b'delta') == 1 and kinds[-1] == b'delta':
                ok('POST', f'/api/chats/{cid}/stop')
    c.close()
    assert b'delta' in kinds and kinds[-1] in (b'done', b'error'), kinds


def another_engine():
    """A second server, whose replies are made by the first: no model there, our stops, its own store."""
    global port
    first = port
    p = start('--engine', f'http://127.0.0.1:{first}', where=folder + '/data2')
    s = ok('GET', '/api/state')
    assert s['ready'] and s['model'] is None and s['engine'].endswith(str(first)), s
    cid = ok('POST', '/api/chats', {'characters': ['tom'], 'user': 'Spike'}, want=201)['id']
    evs = events(f'/api/chats/{cid}/say', {'text': 'Hello, Tom!', 'max_tokens': 9, 'seed': 3})
    t = by(evs, 'done')[0]['turn']
    assert ''.join(d['text'] for d in by(evs, 'delta')) == t['text'] and t['n_tokens'] > 0, evs
    assert len(ok('GET', f'/api/chats/{cid}')['turns']) == 3
    assert 'Spike: Hello, Tom!' in ok('GET', f'/api/chats/{cid}/turns/{t["id"]}/prompt')['text']
    ask = {'model': 'tom', 'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 6, 'seed': 4}
    a = ok('POST', '/v1/chat/completions', ask)
    assert a['choices'][0]['message']['content'] and a['usage']['prompt_tokens'] > 0
    assert ''.join(c['choices'][0]['delta'].get('content', '') for c in stream('/v1/chat/completions', dict(ask, stream=True))) == a['choices'][0]['message']['content']
    assert ok('POST', '/v1/completions', {'model': 'base', 'prompt': 'Once', 'max_tokens': 4})['choices'][0]['finish_reason']
    assert len(ok('POST', '/v1/chat/completions', dict(ask, n=2))['choices']) == 2
    for field, value in (('logprobs', True), ('ignore_eos', True), ('logit_bias', {'5': 1}), ('response_format', {'type': 'json_object'}), ('grammar', 'root ::= "a"')):
        refused(400, 'POST', '/v1/chat/completions', dict(ask, **{field: value}), param=field)
    refused(501, 'POST', '/tokenize', {'content': 'x'})
    end(p)
    port = first


def store_locked(cid):
    """Another program holds the file of chats: 503 that says so, nothing lost, and all is well when it lets go."""
    n = len(ok('GET', f'/api/chats/{cid}')['turns'])
    other = sqlite3.connect(data + '/chats.db', isolation_level=None)
    other.execute('BEGIN IMMEDIATE')
    assert refused(503, 'POST', f'/api/chats/{cid}/say', {'text': 'Hello?', 'takes': 1, 'max_tokens': 2})['code'] == 'store_busy'
    other.execute('ROLLBACK')
    other.close()
    assert len(ok('GET', f'/api/chats/{cid}')['turns']) == n
    assert events(f'/api/chats/{cid}/say', {'text': 'Hello?', 'takes': 1, 'max_tokens': 2})[-1][0] == 'done'


def engine_gone():
    """The other engine has ended: the right words, and the user's line is kept."""
    global port
    first = start()
    engine = port
    p = start('--engine', f'http://127.0.0.1:{engine}', where=folder + '/data2')
    cid = ok('POST', '/api/chats', {'characters': ['tom']}, want=201)['id']
    end(first)
    refused(502, 'POST', '/v1/chat/completions', {'model': 'tom', 'messages': [{'role': 'user', 'content': 'Hi'}]})
    evs = events(f'/api/chats/{cid}/say', {'text': 'Hello?'})
    assert evs[-1][0] == 'error' and evs[-1][1]['code'] == 502 and evs[-1][1]['reason'] == 'engine_failed' and len(ok('GET', f'/api/chats/{cid}')['turns']) == 2, evs
    end(p)
    port = engine


def slow_clients():
    """Bytes that drip in hold nobody up and are not waited for (the server runs with --idle 1)."""
    lazy = [socket.create_connection(('127.0.0.1', port), timeout=300) for _ in range(3)]
    end = time.monotonic() + 300 * slow
    lazy[1].sendall(b'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{')
    closed = [False] * 3
    while not all(closed) and time.monotonic() < end:
        for i, s in enumerate(lazy):
            try:
                if not closed[i]:
                    s.sendall(b'X' if i else b'')  # the first says nothing at all
                    s.settimeout(0.2)
                    closed[i] = s.recv(1) == b''
            except TimeoutError:
                pass
            except OSError:
                closed[i] = True
        assert call('GET', '/health')[0] == 200
    assert all(closed), closed


def crowd():
    """More than there are places for: 429 for some, an answer for the rest, and nobody hangs."""
    codes = []
    def one(i):
        codes.append(call('POST', '/v1/completions', {'model': 'base', 'prompt': f'Number {i}', 'max_tokens': 200, 'ignore_eos': True})[0])
    ts = [threading.Thread(target=one, args=(i,)) for i in range(24)]
    for t in ts: t.start()
    for t in ts: t.join()
    assert set(codes) <= {200, 429} and codes.count(200) >= 6 and len(codes) == 24, codes
    return codes.count(429)


put_character('tom', card('Tom Cat'), True)
put_character('jerry', card('Jerry Mouse'))
p = start('--parallel', '4', '--queue', '4', '--idle', '1')
cid = chat_api()
scenes()
cards()
openai_api()
echoed_probabilities()
llamacpp_api()
ollama_api()
bad_input()
n_odd = odd_values(ok('POST', '/api/chats', {'characters': ['tom']}, want=201)['id'])
go_away(cid)
store_locked(cid)
slow_clients()
another_engine()
n = crowd()
before = ok('GET', '/api/chats')['chats']
end(p)
with open(folder + '/keys', 'w') as f:
    f.write('# keys\nfirst\nsecond\n')
p = start('--api-key-file', folder + '/keys')
assert 'needs_key' in ok('GET', '/api/state') and ok('GET', '/api/state')['needs_key']
for path in ('/v1/models', '/api/characters', '/api/chats', '/metrics', '/api/characters/tom/card.json'):
    refused(401, 'GET', path)
    refused(401, 'GET', path, headers={'Authorization': 'Bearer third'})
    ok('GET', path, headers={'Authorization': 'Bearer second'})
after = ok('GET', '/api/chats', headers={'Authorization': 'Bearer first'})['chats']
assert before == after, 'chats survive a restart'
end(p)
engine_gone()
log = open(folder + '/log').read()
assert 'secret cheese' not in log and 'ERROR: AddressSanitizer' not in log and 'runtime error' not in log, log[-3000:]
print(f'ok ({n} refused in the crowd, {n_odd} odd requests)')
