"""Chat templates: tests/data/templates/*.jinja rendered by Jinja, as transformers sets it up, against what understudy makes of them.

    templates.py LIBRARY            compares text by text (needs jinja2)
    templates.py LIBRARY FILE...    compares other templates; a conversation that is refused is only told
    templates.py LIBRARY --write    writes tests/data/templates/expected.json, which tests/unit/test_template.c reads without Python

LIBRARY is libunderstudy.so. `none` in expected.json: the template must be said to be unknown; "refused": the conversation must be.
"""
import ctypes
import datetime
import glob
import json
import os
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "templates")
DATED = "strftime_now"
UNKNOWN = {"lookalike-counting", "lookalike-loses-system"}
REFUSED = {"pairs-merge": {7, 11}, "empty-forms": {6, 12}, "macros-open-end": {12}, "llama2": {13}, "qwen3.5": {15}}  # conversations, by their number

S, U, A = ({"role": r} for r in ("system", "user", "assistant"))
say = lambda who, text: {**who, "content": text}
TALKS = [
    ([say(U, "Hi, who are you?")], True),
    ([say(S, "You are Homer."), say(U, "Hi!")], True),
    ([say(S, " You are Homer. "), say(U, " Hi! "), say(A, " D'oh! "), say(U, "\nWhat? \n")], True),
    ([say(U, "Hi!"), say(A, "D'oh!")], False),
    ([say(S, "You are Homer."), say(U, "Hi!"), say(A, "D'oh!"), say(U, "What?"), say(A, "Mmm, doughnuts.")], False),
    ([say(U, "One"), say(A, "Two\n\nlines"), say(U, "Three"), say(A, "Four"), say(U, "Five")], True),
    ([say(S, ""), say(U, "Hi!")], True),
    ([say(S, "You are Homer."), say(U, "Hi!"), say(U, "Who are you?")], True),
    ([say(U, "Hi!"), say(A, "D'oh!")], True),  # another one speaks next
    ([say(U, "Hi!"), say(A, "<think>\nHm.\n</think>\n\nD'oh!"), say(U, "What?")], True),
    ([say(S, "You are Homer."), say(A, "D'oh!"), say(U, "Hi!")], True),
    ([say(S, "You are Homer."), say(U, "One"), say(A, "Two"), say(A, "Three"), say(U, "Four"), say(U, "Five")], True),
    ([say(U, "Hi!"), say(A, ""), say(U, "What?")], True),
    ([say(U, ""), say(A, "D'oh!"), say(U, "What?")], True),
    ([say(U, "\u3000Hi\u00a0"), say(A, "\u2003D'oh!\u2028"), say(U, "\x1fWhat?\u0085\n")], True),
    ([say(U, "Hi!"), say(A, "One"), say(A, "Two")], True),
]


class Generation(jinja2.ext.Extension):
    """{% generation %}...{% endgeneration %}: what stands in it is written."""
    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def refuse(message):
    raise jinja2.TemplateError(message)


def by_jinja(text, messages, generation):
    """None where the template refuses the conversation."""
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation])
    env.filters["tojson"] = lambda x, **form: json.dumps(x, ensure_ascii=False, **form)
    env.globals["raise_exception"] = refuse
    if DATED in text and DATED + " is defined" not in text:  # else the template has a date of its own
        env.globals[DATED] = lambda form: datetime.datetime.now().strftime(form)
    try:
        return env.from_string(text).render(messages=messages, add_generation_prompt=generation, bos_token="<s>", eos_token="</s>",
                                            tools=None, documents=None, enable_thinking=False)
    except jinja2.TemplateError:
        return None


def without_thoughts(messages):
    return [{**m, "content": m["content"].split("</think>")[-1].lstrip("\n")} for m in messages]


class Ours:
    def __init__(self, path):
        sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "bindings", "python"))
        os.environ["UNDERSTUDY_LIBRARY"] = os.path.abspath(path)
        import understudy
        self.lib, self.Error, self.Message = understudy._lib, understudy.us_error, understudy.us_message
        self.libc = ctypes.CDLL(None)
        self.lib.us_template_name.restype = ctypes.c_char_p

    def read(self, text):
        t, err, data = ctypes.c_void_p(), self.Error(), text.encode()
        if self.lib.us_template_recognise(data, ctypes.c_size_t(len(data)), b"<s>", b"</s>", ctypes.byref(t), ctypes.byref(err)):
            return None, err
        return t, self.lib.us_template_name(t).decode()

    def render(self, t, messages, generation):
        m = (self.Message * len(messages))(*[self.Message(x["role"].encode(), x["content"].encode()) for x in messages])
        out, err = ctypes.c_void_p(), self.Error()
        if self.lib.us_template_render(t, m, ctypes.c_size_t(len(messages)), ctypes.c_bool(generation), ctypes.byref(out), ctypes.byref(err)):
            return None
        text = ctypes.string_at(out).decode()
        self.libc.free(out)
        return text


def main(library, write, paths):
    ours, bad, expected, known = Ours(library), 0, {}, not paths
    for path in paths or sorted(glob.glob(os.path.join(HERE, "*.jinja"))):
        name, text = os.path.basename(path)[:-6], open(path, encoding="utf-8").read()
        t, what = ours.read(text)
        if t is None:
            expected[name] = None
            if name not in UNKNOWN:
                bad += 1
                print(f"{name}: not understood: {what.message.decode()}")
            continue
        if name in UNKNOWN:
            bad += 1
            print(f"{name}: should be unknown, is {what}")
        rows = []
        for i, (messages, generation) in enumerate(TALKS):
            want = by_jinja(text, messages, generation)
            got = ours.render(t, messages, generation)
            if want and want != got and "Hm." in want:  # it shows thoughts in a form of its own: ours leaves them out
                want = by_jinja(text, without_thoughts(messages), generation)
            if want and any(m["content"].split("</think>")[-1].strip() not in want for m in messages):
                want = None  # it loses a message (Mistral v3 the system's, when the assistant spoke last): ours keeps it
            if want and generation and messages[-1]["role"] != "user" and want == by_jinja(text, messages, False):
                want = None  # it never asks there: ours does
            if want and generation and messages[-1]["role"] != "user" and want.rstrip().endswith(messages[-1]["content"]):
                want = None  # it goes on with that turn
            keep = not (DATED in text and DATED + " is defined" not in text)  # another text each day
            rows.append({"messages": messages, "generation": generation, "text": want if keep else None})
            if got is None and not known:
                print(f"{name}: refuses conversation {i}")
                continue
            if i in REFUSED.get(name, ()):
                rows[-1].update(text=None, refused=True)
                want = None
            if (got is None) != (i in REFUSED.get(name, ())) or (want is not None and got != want):
                bad += 1
                print(f"{name} ({what}):\n  jinja {want!r}\n  ours  {got!r}")
        expected[name] = {"form": what, "talks": rows}
        print(f"{name}: {what}, {sum(bool(r['text'] or r.get('refused')) for r in rows)} of {len(rows)} conversations")
    if write:
        with open(os.path.join(HERE, "expected.json"), "w", encoding="utf-8") as f:
            json.dump(expected, f, ensure_ascii=False, indent=1)
            f.write("\n")
    return bad


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(1 if main(sys.argv[1], "--write" in sys.argv, [a for a in sys.argv[2:] if a != "--write"]) else 0)
