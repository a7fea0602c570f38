"""The library from Python (ctypes), as far as the parity scripts need it: logits of a model with an adapter."""
import ctypes as c
import os

import numpy as np

F32, FAST = 1, 0  # us_math


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("reason", c.c_char_p), ("message", c.c_char * 1024)]


class ModelOptions(c.Structure):
    _fields_ = [("math", c.c_int), ("n_threads", c.c_int), ("template_name", c.c_char_p)]


class EngineOptions(c.Structure):
    _fields_ = [("n_threads", c.c_int), ("n_ctx", c.c_int32), ("n_seq_max", c.c_int32), ("n_batch", c.c_int32), ("kv_type", c.c_int)]


class Span(c.Structure):
    _fields_ = [("seq", c.c_int32), ("tokens", c.POINTER(c.c_int32)), ("n_tokens", c.c_int32), ("logits", c.c_int)]


def library():
    here = os.path.dirname(os.path.abspath(__file__))
    lib = c.CDLL(os.environ.get("US_SHARED", os.path.join(here, "../../build/release/libunderstudy.so")))
    lib.us_engine_get_logits.restype = c.POINTER(c.c_float)
    lib.us_engine_seq_set_adapter.argtypes = [c.c_void_p, c.c_int32, c.c_void_p, c.c_float]
    return lib


def logits(path, n_vocab, sequences, adapter=None, scale=1.0, math=F32):
    """[T, V] float32 for each list of token ids; the cache is float32 too."""
    lib, err, model, engine, ad, seq = library(), Error(), c.c_void_p(), c.c_void_p(), c.c_void_p(), c.c_int32()

    def check(status):
        if status:
            raise RuntimeError(err.message.decode())

    check(lib.us_model_open(path.encode(), c.byref(ModelOptions(math, 0, None)), c.byref(model), c.byref(err)))
    if adapter:
        check(lib.us_adapter_open(model, adapter.encode(), c.c_bool(True), c.byref(ad), c.byref(err)))
    check(lib.us_engine_new(model, c.byref(EngineOptions(0, 1024, 4, 1024, 2)), c.byref(engine), c.byref(err)))
    out = []
    for ids in sequences:
        check(lib.us_engine_seq_new(engine, c.byref(seq), c.byref(err)))
        if adapter:
            lib.us_engine_seq_set_adapter(engine, seq, ad, scale)
        array = (c.c_int32 * len(ids))(*ids)
        check(lib.us_engine_eval(engine, c.byref(Span(seq, array, len(ids), 2)), 1, c.byref(err)))
        out.append(np.stack([np.ctypeslib.as_array(lib.us_engine_get_logits(engine, 0, i), (n_vocab,)).copy() for i in range(len(ids))]))
        lib.us_engine_seq_free(engine, seq)
    lib.us_engine_free(engine)
    lib.us_adapter_free(ad)
    lib.us_model_free(model)
    return out
