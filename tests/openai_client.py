"""By hand, against a running server with the default model: the real `openai` Python client (pip install openai).   tests/openai_client.py [PORT]"""
import sys
import openai

c = openai.OpenAI(base_url=f'http://127.0.0.1:{sys.argv[1] if len(sys.argv) > 1 else 5000}/v1', api_key='none')
assert {'base', 'homer'} <= {m.id for m in c.models.list()}
assert c.models.retrieve('homer').owned_by == 'understudy'
hi = [{'role': 'user', 'content': 'Hi, Homer!'}]
r = c.chat.completions.create(model='homer', messages=hi, seed=1, logprobs=True, top_logprobs=3, n=2, max_tokens=12)
assert len(r.choices) == 2 and r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens
first = r.choices[0].logprobs.content[0]
assert len(first.top_logprobs) == 3 and first.top_logprobs[0].logprob >= first.top_logprobs[2].logprob and bytes(first.bytes).decode() == first.token
s = list(c.chat.completions.create(model='homer:0.5', messages=hi, seed=1, stream=True, stream_options={'include_usage': True}, max_tokens=12))
whole = c.chat.completions.create(model='homer:0.5', messages=hi, seed=1, max_tokens=12, extra_body={'takes': 1})
assert s[0].choices[0].delta.role == 'assistant' and ''.join(x.choices[0].delta.content or '' for x in s if x.choices) == whole.choices[0].message.content
assert s[-1].usage.completion_tokens == whole.usage.completion_tokens
t = c.completions.create(model='base', prompt='The capital of France is', max_tokens=5, temperature=0, logprobs=2)
assert 'Paris' in t.choices[0].text and len(t.choices[0].logprobs.tokens) == len(t.choices[0].logprobs.token_logprobs)
for bad, kind in (({'model': 'nobody', 'messages': hi}, openai.NotFoundError), ({'model': 'homer', 'messages': []}, openai.BadRequestError), ({'model': 'homer', 'messages': hi, 'temperature': 'a'}, openai.BadRequestError)):
    try:
        c.chat.completions.create(**bad)
    except kind as e:
        assert e.body['message']
    else:
        raise SystemExit(f'taken: {bad}')
print('ok')
