"""Characters to talk to, in Python: a thin binding of libunderstudy (include/understudy/chat.h) by ctypes.

    import understudy
    with understudy.Chat("model.gguf", "characters/homer") as homer:
        print(homer.say("Hi, Homer!"))

The library is the one beside this file, or $UNDERSTUDY_LIBRARY, or the system's."""
import ctypes
import os
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_char_p, c_double, c_int, c_int32, c_size_t, c_uint64, c_void_p

__all__ = ["Chat", "Error", "version"]


class Error(Exception):
    """What the library says went wrong; `status` is its coarse kind."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


class _Error(Structure):
    _fields_ = [("status", c_int), ("reason", c_char_p), ("message", c_char * 1024)]


class _EngineOptions(Structure):
    _fields_ = [("n_threads", c_int), ("n_ctx", c_int32), ("n_seq_max", c_int32), ("n_batch", c_int32), ("kv_type", c_int)]


class _ChatOptions(Structure):
    _fields_ = [("sampler", c_void_p), ("adapter", c_void_p), ("director", c_void_p), ("adapter_scale", c_double), ("takes", c_int32),
                ("hurry", c_bool), ("max_tokens", c_int32), ("context", c_int32), ("history", c_int32), ("no_stops", c_bool)]


class _Result(Structure):
    _fields_ = [("text", c_char_p), ("end", c_int), ("n_attempts", c_int32), ("n_tokens", c_int32), ("n_prompt_tokens", c_int32),
                ("n_cached_tokens", c_int32), ("n_takes", c_int32), ("score", c_double), ("seconds", c_double)]


_STREAM = ctypes.CFUNCTYPE(c_bool, c_void_p, c_void_p, c_size_t)


def _load():
    here = os.path.join(os.path.dirname(__file__), "libunderstudy.so")
    lib = ctypes.CDLL(os.environ.get("UNDERSTUDY_LIBRARY") or (here if os.path.exists(here) else "libunderstudy.so.0"))
    e = POINTER(_Error)
    for name, result, arguments in (("us_version", c_char_p, []),
                                    ("us_model_open", c_int, [c_char_p, c_void_p, POINTER(c_void_p), e]), ("us_model_free", None, [c_void_p]),
                                    ("us_engine_new", c_int, [c_void_p, POINTER(_EngineOptions), POINTER(c_void_p), e]), ("us_engine_free", None, [c_void_p]),
                                    ("us_adapter_open", c_int, [c_void_p, c_char_p, c_bool, POINTER(c_void_p), e]), ("us_adapter_free", None, [c_void_p]),
                                    ("us_card_open", c_int, [c_char_p, POINTER(c_void_p), e]), ("us_card_free", None, [c_void_p]),
                                    ("us_card_adapter", c_char_p, [c_void_p]), ("us_card_name", c_char_p, [c_void_p]),
                                    ("us_chat_engine_tokens", c_int32, [c_int32, c_int32, c_int32]),
                                    ("us_chat_new", c_int, [c_void_p, c_void_p, POINTER(_ChatOptions), POINTER(c_void_p), e]), ("us_chat_free", None, [c_void_p]),
                                    ("us_chat_set_user", c_int, [c_void_p, c_char_p, e]), ("us_chat_reseed", None, [c_void_p, c_uint64]),
                                    ("us_chat_reply", c_int, [c_void_p, c_char_p, _STREAM, c_void_p, POINTER(_Result), e]), ("us_chat_undo", c_bool, [c_void_p])):
        f = getattr(lib, name)
        f.restype, f.argtypes = result, arguments
    return lib


_lib = _load()


def version():
    return _lib.us_version().decode()


def _call(name, *arguments):
    err = _Error()
    status = getattr(_lib, name)(*arguments, byref(err))
    if status:
        raise Error(err.message.decode("utf-8", "replace"), status)


class Chat:
    """A conversation with the character of a folder (card.json, perhaps adapter.gguf) or of a card, over a GGUF model."""

    def __init__(self, model, character, user=None, takes=0, max_tokens=0, seed=None, n_threads=0, context=2048):
        """takes, max_tokens: 0 is the card's and 80; context: tokens of prompt and reply."""
        self._model, self._engine, self._adapter, self._card, self._chat = (c_void_p() for _ in range(5))
        folder = character if os.path.isdir(character) else None
        try:
            _call("us_card_open", os.fsencode(os.path.join(folder, "card.json") if folder else character), byref(self._card))
            _call("us_model_open", os.fsencode(model), None, byref(self._model))
            n_ctx = _lib.us_chat_engine_tokens(context, takes, max_tokens)
            _call("us_engine_new", self._model, byref(_EngineOptions(n_threads=n_threads, n_ctx=n_ctx)), byref(self._engine))
            adapter = folder and os.path.join(folder, (_lib.us_card_adapter(self._card) or b"adapter.gguf").decode())
            if adapter and os.path.exists(adapter):
                _call("us_adapter_open", self._model, os.fsencode(adapter), False, byref(self._adapter))
            options = _ChatOptions(adapter=self._adapter, takes=takes, max_tokens=max_tokens)
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
        result = _Result()
        _call("us_chat_reply", self._chat, text.encode(), _STREAM(heard) if on_words else _STREAM(), None, byref(result))
        return result.text.decode()

    def undo(self):
        """Forgets the last line and its reply; False when there is none."""
        return _lib.us_chat_undo(self._chat)

    def close(self):
        for kind in ("chat", "adapter", "card", "engine", "model"):
            handle = getattr(self, "_" + kind)
            if handle:
                getattr(_lib, f"us_{kind}_free")(handle)
                setattr(self, "_" + kind, c_void_p())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
