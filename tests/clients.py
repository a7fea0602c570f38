"""By hand, against a running server with the default model: what the real clients of others do with it.   tests/clients.py [PORT]
Needs those that are installed of: openai with pydantic, ollama, langchain-openai, litellm, pydantic-ai. Prints what was tried; exits 1 when nothing was."""
import importlib.util
import json
import sys
from typing import Literal

port = sys.argv[1] if len(sys.argv) > 1 else 5000
base = f'http://127.0.0.1:{port}'
tried = []


def has(*names):
    return all(importlib.util.find_spec(n) for n in names)


if has('openai', 'pydantic'):
    import openai
    import pydantic

    class Cat(pydantic.BaseModel):
        name: str = pydantic.Field(max_length=20)
        colour: Literal['black', 'white', 'red']
        age: int = pydantic.Field(ge=0, le=30)
        friends: list[Literal['dog', 'mouse']] = pydantic.Field(default_factory=list, max_length=2)

    c = openai.OpenAI(base_url=base + '/v1', api_key='none')
    hi = [{'role': 'user', 'content': 'Describe a cat.'}]
    for model in ('base', 'homer'):
        r = c.chat.completions.parse(model=model, messages=hi, response_format=Cat, max_tokens=400)
        assert isinstance(r.choices[0].message.parsed, Cat), r
    tool = openai.pydantic_function_tool(Cat, name='describe')
    r = c.chat.completions.parse(model='base', messages=hi, tools=[tool], tool_choice='required', max_tokens=400)
    assert isinstance(r.choices[0].message.tool_calls[0].function.parsed_arguments, Cat), r
    with c.chat.completions.stream(model='base', messages=hi, response_format=Cat, max_tokens=400) as s:
        assert isinstance(s.get_final_completion().choices[0].message.parsed, Cat)
    later = hi + [{'role': 'assistant', 'content': None, 'tool_calls': [{'id': 'c1', 'type': 'function', 'function': {'name': 'describe', 'arguments': '{}'}}]}, {'role': 'tool', 'tool_call_id': 'c1', 'content': 'A red cat.'}]
    assert c.chat.completions.create(model='homer', messages=later, max_tokens=20).choices[0].message.content
    tried.append('openai ' + openai.__version__)

if has('ollama'):
    import ollama
    c = ollama.Client(base)
    assert {'base:latest', 'homer:latest'} <= {m.model for m in c.list().models}
    assert c.show('homer').details.family
    hi = [{'role': 'user', 'content': 'Hi, Homer!'}]
    whole = c.chat('homer', hi, options={'num_predict': 20, 'seed': 1})
    assert whole.message.content and whole.done and whole.eval_count
    assert ''.join(x.message.content for x in c.chat('homer', hi, stream=True, options={'num_predict': 20, 'seed': 1})) == whole.message.content
    assert json.loads(c.generate('base', 'A cat.', format={'type': 'object', 'properties': {'a': {'type': 'boolean'}}, 'required': ['a']}).response)['a'] in (True, False)
    try:
        c.chat('nobody', hi)
        raise SystemExit('taken: nobody')
    except ollama.ResponseError as e:
        assert e.status_code == 404 and 'nobody' in str(e), e
    tried.append('ollama')

if has('langchain_openai', 'pydantic'):
    from langchain_openai import ChatOpenAI
    llm = ChatOpenAI(base_url=base + '/v1', api_key='none', model='base', max_tokens=400)
    for method in ('json_schema', 'function_calling'):
        got = llm.with_structured_output(Cat, method=method).invoke('Describe a cat.')
        assert isinstance(got, Cat), (method, got)
    tried.append('langchain-openai')

if has('litellm', 'pydantic'):
    import os
    os.environ['LITELLM_LOCAL_MODEL_COST_MAP'] = 'True'  # nothing is fetched
    import litellm
    hi = [{'role': 'user', 'content': 'Describe a cat.'}]
    ask = dict(api_base=base + '/v1', api_key='none', messages=hi, max_tokens=400)
    assert litellm.completion(model='openai/homer', **ask).choices[0].message.content
    assert ''.join(x.choices[0].delta.content or '' for x in litellm.completion(model='openai/homer', stream=True, **ask))
    Cat.model_validate_json(litellm.completion(model='openai/base', response_format=Cat, **ask).choices[0].message.content)
    for stream in (False, True):  # its way to Ollama's routes sends JSON without a Content-Type
        r = litellm.completion(model='ollama_chat/homer', messages=hi, api_base=base, max_tokens=20, stream=stream)
        assert ''.join(x.choices[0].delta.content or '' for x in r) if stream else r.choices[0].message.content
    tried.append('litellm')

if has('pydantic_ai', 'pydantic'):
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    model = OpenAIChatModel('base', provider=OpenAIProvider(base_url=base + '/v1', api_key='none'))
    for output in (Cat, NativeOutput(Cat), [Cat, bool]):  # by a tool, by response_format, by one of two tools
        got = Agent(model, output_type=output, model_settings={'max_tokens': 400}).run_sync('Describe a cat.').output
        assert isinstance(got, (Cat, bool)), got
    tried.append('pydantic-ai')

print('tried:', ', '.join(tried) or 'nothing: pip install openai ollama langchain-openai litellm pydantic-ai-slim[openai]')
sys.exit(not tried)
