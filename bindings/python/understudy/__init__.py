"""Characters to talk to, in Python: a thin binding of libunderstudy (include/understudy/chat.h, generate.h) by ctypes.

    import understudy
    with understudy.Chat("model.gguf", "characters/homer") as homer:
        print(homer.say("Hi, Homer!"))
    with understudy.Model("model.gguf") as m:
        logits = m.logits(m.tokenize("Hi, Homer!"))

The library is the one beside this file, or $UNDERSTUDY_LIBRARY, or the system's."""
import ctypes
import os
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_char_p, c_double, c_float, c_int, c_int32, c_size_t, c_uint64, c_void_p

__all__ = ["Chat", "Error", "Model", "version"]


class Error(Exception):
    """What the library says went wrong; `status` is its coarse kind."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


class _Struct(Structure):
    """A struct of the headers, with their names. Its size is compared with the library's when it is loaded, the place of each field
    by tests/cli/python.sh."""


class us_error(_Struct):
    _fields_ = [("status", c_int), ("reason", c_char_p), ("message", c_char * 1024)]


class us_model_options(_Struct):
    _fields_ = [("math", c_int), ("n_threads", c_int), ("template_name", c_char_p), ("check", c_void_p), ("check_ctx", c_void_p)]


class us_engine_options(_Struct):
    _fields_ = [("n_threads", c_int), ("n_ctx", c_int32), ("n_seq_max", c_int32), ("n_batch", c_int32), ("kv_type", c_int)]


class us_span(_Struct):
    _fields_ = [("seq", c_int32), ("tokens", POINTER(c_int32)), ("n_tokens", c_int32), ("logits", c_int), ("prompt", c_bool)]


class us_tokens(_Struct):
    _fields_ = [("ids", POINTER(c_int32)), ("n", c_size_t), ("cap", c_size_t)]


class us_message(_Struct):
    _fields_ = [("role", c_char_p), ("content", c_char_p)]


class us_chat_options(_Struct):
    _fields_ = [("sampler", c_void_p), ("adapter", c_void_p), ("director", c_void_p), ("adapter_scale", c_double), ("takes", c_int32),
                ("hurry", c_bool), ("max_tokens", c_int32), ("context", c_int32), ("history", c_int32), ("no_stops", c_bool)]


class us_chat_result(_Struct):
    _fields_ = [("text", c_char_p), ("end", c_int), ("n_attempts", c_int32), ("n_tokens", c_int32), ("n_prompt_tokens", c_int32),
                ("n_cached_tokens", c_int32), ("n_takes", c_int32), ("score", c_double), ("seconds", c_double)]


_STREAM = ctypes.CFUNCTYPE(c_bool, c_void_p, c_void_p, c_size_t)


def _load():
    here = os.path.join(os.path.dirname(__file__), "libunderstudy.so")
    lib = ctypes.CDLL(os.environ.get("UNDERSTUDY_LIBRARY") or (here if os.path.exists(here) else "libunderstudy.so.0.2"))
    e, p = POINTER(us_error), c_void_p
    for name, result, arguments in (("us_version", c_char_p, []), ("us_struct_bytes", c_size_t, [c_char_p]),
                                    ("us_model_open", c_int, [c_char_p, POINTER(us_model_options), POINTER(p), e]), ("us_model_free", None, [p]),
                                    ("us_model_get_tokenizer", p, [p]), ("us_tokenizer_n_vocab", c_int32, [p]),
                                    ("us_tokenizer_encode", c_int, [p, c_char_p, c_size_t, c_bool, POINTER(us_tokens), e]),
                                    ("us_tokens_fini", None, [POINTER(us_tokens)]),
                                    ("us_engine_seq_new", c_int, [p, POINTER(c_int32), e]), ("us_engine_seq_free", None, [p, c_int32]),
                                    ("us_engine_seq_set_adapter", None, [p, c_int32, p, c_float]),
                                    ("us_engine_eval", c_int, [p, POINTER(us_span), c_int32, e]),
                                    ("us_engine_get_logits", POINTER(c_float), [p, c_int32, c_int32]),
                                    ("us_engine_new", c_int, [p, POINTER(us_engine_options), POINTER(p), e]), ("us_engine_free", None, [p]),
                                    ("us_adapter_open", c_int, [p, c_char_p, c_bool, POINTER(p), e]), ("us_adapter_free", None, [p]),
                                    ("us_card_open", c_int, [c_char_p, POINTER(p), e]), ("us_card_free", None, [p]),
                                    ("us_card_adapter", c_char_p, [p]), ("us_card_name", c_char_p, [p]),
                                    ("us_chat_engine_tokens", c_int32, [c_int32, c_int32, c_int32]),
                                    ("us_chat_new", c_int, [p, p, POINTER(us_chat_options), POINTER(p), e]), ("us_chat_free", None, [p]),
                                    ("us_chat_set_user", c_int, [p, c_char_p, e]), ("us_chat_reseed", None, [p, c_uint64]),
                                    ("us_chat_reply", c_int, [p, c_char_p, _STREAM, p, POINTER(us_chat_result), e]), ("us_chat_undo", c_bool, [p])):
        try:
            f = getattr(lib, name)
        except AttributeError:
            raise ImportError(f"{lib._name} has no {name}(): this binding is for version 0.2") from None
        f.restype, f.argtypes = result, arguments
    for struct in _Struct.__subclasses__():
        size = lib.us_struct_bytes(struct.__name__.encode())
        if size != ctypes.sizeof(struct):
            raise ImportError(f"{lib._name} is version {lib.us_version().decode()}: its {struct.__name__} has {size} bytes, that of this binding "
                              f"{ctypes.sizeof(struct)}; install the two from the same place")
    return lib


_lib = _load()


def version():
    return _lib.us_version().decode()


def _call(name, *arguments):
    err = us_error()
    status = getattr(_lib, name)(*arguments, byref(err))
    if status:
        raise Error(err.message.decode("utf-8", "replace"), status)


class _Handles:
    """What is open, closed in the reverse order."""

    def close(self):
        for kind in ("chat", "adapter", "card", "engine", "model"):
            handle = getattr(self, "_" + kind, None)
            if handle:
                getattr(_lib, f"us_{kind}_free")(handle)
                setattr(self, "_" + kind, c_void_p())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Model(_Handles):
    """A GGUF model, perhaps with an adapter, for those who want its numbers."""

    def __init__(self, path, adapter=None, adapter_scale=1.0, f32=False, n_threads=0, context=1024):
        """f32: the reference arithmetic, with a cache of float32. The adapter may be of another file of the same shape."""
        self._model, self._engine, self._adapter, self._scale = c_void_p(), c_void_p(), c_void_p(), adapter_scale
        try:
            _call("us_model_open", os.fsencode(path), byref(us_model_options(math=int(f32), n_threads=n_threads)), byref(self._model))
            if adapter:
                _call("us_adapter_open", self._model, os.fsencode(adapter), True, byref(self._adapter))
            options = us_engine_options(n_threads=n_threads, n_ctx=context, n_batch=context, kv_type=2 if f32 else 0)
            _call("us_engine_new", self._model, byref(options), byref(self._engine))
        except Exception:
            self.close()
            raise
        self._tokenizer = _lib.us_model_get_tokenizer(self._model)
        self.n_vocab = _lib.us_tokenizer_n_vocab(self._tokenizer)

    def tokenize(self, text, special=False):
        """Token ids; with `special`, the texts of special tokens become those tokens."""
        data, ids = text.encode(), us_tokens()
        try:
            _call("us_tokenizer_encode", self._tokenizer, data, len(data), special, byref(ids))
            return ids.ids[:ids.n]
        finally:
            _lib.us_tokens_fini(byref(ids))

    def logits(self, ids):
        """Of every position, one after the other: len(ids) * n_vocab float32 (numpy.frombuffer() takes them as they are)."""
        seq, array = c_int32(), (c_int32 * len(ids))(*ids)
        out = (c_float * (len(ids) * self.n_vocab))()
        _call("us_engine_seq_new", self._engine, byref(seq))
        try:
            if self._adapter:
                _lib.us_engine_seq_set_adapter(self._engine, seq, self._adapter, self._scale)
            _call("us_engine_eval", self._engine, byref(us_span(seq=seq, tokens=array, n_tokens=len(ids), logits=2, prompt=True)), 1)
            row = 4 * self.n_vocab
            for i in range(len(ids)):
                ctypes.memmove(ctypes.addressof(out) + i * row, _lib.us_engine_get_logits(self._engine, 0, i), row)
        finally:
            _lib.us_engine_seq_free(self._engine, seq)
        return out


class Chat(_Handles):
    """A conversation with the character of a folder (card.json, perhaps adapter.gguf) or of a card, over a GGUF model."""

    def __init__(self, model, character, user=None, takes=0, max_tokens=0, seed=None, n_threads=0, context=2048):
        """takes, max_tokens: 0 is the card's and 80; context: tokens of prompt and reply."""
        self._model, self._engine, self._adapter, self._card, self._chat = (c_void_p() for _ in range(5))
        folder = character if os.path.isdir(character) else None
        try:
            _call("us_card_open", os.fsencode(os.path.join(folder, "card.json") if folder else character), byref(self._card))
            _call("us_model_open", os.fsencode(model), None, byref(self._model))
            n_ctx = _lib.us_chat_engine_tokens(context, takes, max_tokens)
            _call("us_engine_new", self._model, byref(us_engine_options(n_threads=n_threads, n_ctx=n_ctx)), byref(self._engine))
            adapter = folder and os.path.join(folder, (_lib.us_card_adapter(self._card) or b"adapter.gguf").decode())
            if adapter and os.path.exists(adapter):
                _call("us_adapter_open", self._model, os.fsencode(adapter), False, byref(self._adapter))
            options = us_chat_options(adapter=self._adapter, takes=takes, max_tokens=max_tokens)
            _call("us_chat_new", self._engine, self._card, byref(options), byref(self._chat))
            if user:
                _call("us_chat_set_user", self._chat, user.encode())
            if seed is not None:
                _lib.us_chat_reseed(self._chat, seed)
        except Exception:
            self.close()
            raise

    @property
    def name(self):
        return _lib.us_card_name(self._card).decode()

    def say(self, text, on_words=None):
        """The character's reply. on_words(str) hears it as it is made (with one take), and may return False to stop it."""
        def heard(_, words, n):
            return on_words(ctypes.string_at(words, n).decode("utf-8", "replace")) is not False if n else True
        result = us_chat_result()
        _call("us_chat_reply", self._chat, text.encode(), _STREAM(heard) if on_words else _STREAM(), None, byref(result))
        return result.text.decode()

    def undo(self):
        """Forgets the last line and its reply; False when there is none."""
        return _lib.us_chat_undo(self._chat)
