/* From a file's lists to two hash tables: pieces by their bytes, merges by their pair. The two families encode with them
 * (bpe.c, spm.c). */
#include "model/tokenizer.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VOCAB (1 << 21)
#define MAX_TOKEN_BYTES 4096

void us_tokens_fini(us_tokens *t) {
    free(t->ids);
    *t = (us_tokens){0};
}

us_status us_tokens_push(us_tokens *t, int32_t id, us_error *err) {
    us_status st = us_grow(&t->ids, &t->cap, t->n + 1, sizeof *t->ids, err);
    if (!st) t->ids[t->n++] = id;
    return st;
}

/* ---- lookup tables ---------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x) {
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

static uint64_t hash_bytes(const char *s, size_t n) {
    uint64_t h = n * 0x9e3779b97f4a7c15u;
    for (; n >= 8; s += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, s, 8);
        h = (h ^ mix(w)) * 0xff51afd7ed558ccdu;
    }
    uint64_t w = 0;
    memcpy(&w, s, n);
    return mix(h ^ mix(w + n));
}

static uint32_t *piece_slot(const us_tokenizer *t, const char *s, size_t n) {
    for (size_t i = hash_bytes(s, n) & (t->n_slots - 1);; i = (i + 1) & (t->n_slots - 1)) {
        uint32_t id = t->slots[i];
        if (!id || (t->pieces[id - 1].len == n && !memcmp(t->pieces[id - 1].data, s, n))) return &t->slots[i];
    }
}

static int32_t lookup(const us_tokenizer *t, const char *s, size_t n) { return (int32_t)*piece_slot(t, s, n) - 1; }

int32_t us_tokenizer_lookup_text(const us_tokenizer *t, const char *s, size_t n) {
    int32_t id = lookup(t, s, n);
    bool marker = id >= 0 && (t->kinds[id] == US_TOKEN_CONTROL || t->kinds[id] == US_TOKEN_UNKNOWN ||
                              (t->kinds[id] == US_TOKEN_USER && t->ends[id]));
    return marker ? -1 : id;
}

static uint32_t *merge_slot(const us_tokenizer *t, int32_t l, int32_t r) {
    for (size_t i = mix((uint64_t)(uint32_t)l << 32 | (uint32_t)r) & (t->n_merge_slots - 1);;
         i = (i + 1) & (t->n_merge_slots - 1)) {
        uint32_t k = t->merge_slots[i];
        if (!k || (t->merges[k - 1].left == l && t->merges[k - 1].right == r)) return &t->merge_slots[i];
    }
}

int32_t us_tokenizer_merge_rank(const us_tokenizer *t, int32_t l, int32_t r) { return (int32_t)*merge_slot(t, l, r) - 1; }

static size_t table_size(size_t n) {
    size_t size = 64;
    while (size < 2 * n) size *= 2;
    return size;
}

/* ---- the vocabulary ------------------------------------------------------------------------------------ */

/* GPT-2's way to write bytes as printable characters, turned round: code point -> byte, or -1. */
static void fill_byte_table(int16_t table[512]) {
    for (int i = 0; i < 512; i++) table[i] = -1;
    int next = 256;
    for (int b = 0; b < 256; b++) {
        bool printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
        table[printable ? b : next++] = (int16_t)b;
    }
}

/* Decodes a token's written form to bytes; false when a character stands for no byte. */
static bool decode_bytes(const int16_t table[512], us_str s, char *out, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t cp = 0;
        int len = us_utf8_decode(s.data + i, s.len - i, &cp);
        if (!len || cp >= 512 || table[cp] < 0) return false;
        out[(*n)++] = (char)table[cp];
        i += (size_t)len;
    }
    return true;
}

/* "<0x0A>" -> 10, else -1. Exactly two hexadecimal digits. */
static int byte_token(us_str s) {
    if (s.len != 6 || memcmp(s.data, "<0x", 3) || s.data[5] != '>') return -1;
    int v = 0;
    for (int i = 3; i < 5; i++) {
        char c = s.data[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

/* An array with a number of any kind for each token. */
static us_status get_numbers(const us_gguf *g, const char *key, const char *what, size_t n, const us_kv **out, us_error *err) {
    const us_kv *kv = *out = us_gguf_find(g, key);
    double x;
    if (!kv->is_array || kv->kind == US_KV_STRING || (kv->n && !us_kv_float(kv, 0, &x)))
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected an array of %s, got %s%s", us_gguf_path(g), key, what,
                       kv->is_array ? "an array of " : "a ", us_kv_kind_name(kv->kind));
    if (kv->n < n) /* more belong to nobody */
        return us_fail(err, US_ERR_FORMAT, "%s: %s has %llu entries for %zu tokens", us_gguf_path(g), key,
                       (unsigned long long)kv->n, n);
    return US_OK;
}

static us_status load_kinds(us_tokenizer *t, const us_gguf *g, us_error *err) {
    us_status st = us_alloc(t->n_vocab, 1, &t->kinds, err);
    const us_kv *kv;
    if (st) return st;
    memset(t->kinds, US_TOKEN_NORMAL, t->n_vocab);
    if (!us_gguf_find(g, "tokenizer.ggml.token_type")) return US_OK;
    if ((st = get_numbers(g, "tokenizer.ggml.token_type", "whole numbers", t->n_vocab, &kv, err))) return st;
    for (size_t i = 0; i < t->n_vocab; i++) {
        int64_t k;
        if (!us_kv_int(kv, i, &k))
            return us_fail(err, US_ERR_FORMAT, "%s: key 'tokenizer.ggml.token_type': expected whole numbers, got %s",
                           us_gguf_path(g), us_kv_kind_name(kv->kind));
        t->kinds[i] = (unsigned char)(k > 0 && k <= US_TOKEN_BYTE ? k : US_TOKEN_NORMAL); /* a type of later days: ordinary */
    }
    return US_OK;
}

static bool is_special(const us_tokenizer *t, size_t id) {
    return t->kinds[id] == US_TOKEN_CONTROL || t->kinds[id] == US_TOKEN_USER;
}

/* SentencePiece's tokens for bytes, where a file gives no token that type: they are known by their text, as in llama.cpp. */
static void find_bytes(us_tokenizer *t, const us_kv *tokens) {
    const unsigned char *at = NULL;
    if (!t->spm || memchr(t->kinds, US_TOKEN_BYTE, t->n_vocab)) return;
    for (size_t i = 0; i < t->n_vocab; i++)
        if (byte_token(us_kv_next_str(tokens, &at)) >= 0) t->kinds[i] = US_TOKEN_BYTE;
}

static us_status load_pieces(us_tokenizer *t, const us_gguf *g, const us_kv *tokens, us_error *err) {
    size_t total = 0, n;
    const unsigned char *at = NULL;
    int16_t table[512];
    fill_byte_table(table);
    for (size_t i = 0; i < t->n_vocab; i++) {
        us_str s = us_kv_next_str(tokens, &at);
        if (s.len > MAX_TOKEN_BYTES)
            return us_fail(err, US_ERR_LIMIT, "%s: token %zu has %zu bytes, at most %d expected", us_gguf_path(g), i, s.len,
                           MAX_TOKEN_BYTES);
        total += s.len;
    }
    us_status st = us_alloc(total + 1, 1, &t->bytes, err);
    if (!st) st = us_alloc(t->n_vocab, sizeof *t->pieces, &t->pieces, err);
    unsigned char *raw = NULL; /* written as no bytes are: text never becomes it, where another stands for the same bytes */
    if (!st) st = us_alloc(t->n_vocab, 1, &raw, err);
    t->n_slots = table_size(t->n_vocab);
    if (!st) st = us_alloc(t->n_slots, sizeof *t->slots, &t->slots, err);
    if (st) return free(raw), st;
    for (int b = 0; b < 256; b++) t->byte_ids[b] = -1;
    char *to = t->bytes;
    at = NULL;
    for (size_t i = 0; i < t->n_vocab; i++) {
        us_str s = us_kv_next_str(tokens, &at);
        int byte = t->spm && t->kinds[i] == US_TOKEN_BYTE ? byte_token(s) : -1;
        if (t->kinds[i] == US_TOKEN_BYTE && byte < 0) t->kinds[i] = US_TOKEN_UNUSED; /* it names no byte */
        if (byte >= 0) to[0] = (char)byte, n = 1, t->byte_ids[byte] = (int32_t)i;
        else if (t->spm || is_special(t, i) || !decode_bytes(table, s, to, &n)) {
            memcpy(to, s.data, s.len);
            n = s.len;
            raw[i] = !t->spm && !is_special(t, i);
        }
        t->pieces[i] = (us_str){to, n};
        to += n;
        if (byte >= 0 || !n) continue; /* found through byte_ids */
        uint32_t *slot = piece_slot(t, t->pieces[i].data, n);
        if (!*slot || (!raw[i] && (raw[*slot - 1] || (is_special(t, *slot - 1) && !is_special(t, i))))) *slot = (uint32_t)i + 1;
        if (!t->spm && n == 1 && !is_special(t, i)) t->byte_ids[(unsigned char)t->pieces[i].data[0]] = (int32_t)i;
    }
    free(raw);
    return US_OK;
}

static us_status load_merges(us_tokenizer *t, const us_gguf *g, us_error *err) {
    const us_kv *kv;
    us_status st = us_gguf_get_array(g, "tokenizer.ggml.merges", US_KV_STRING, MAX_VOCAB, &kv, err);
    if (st) return st;
    t->n_merge_slots = table_size((size_t)kv->n);
    if ((st = us_alloc((size_t)kv->n, sizeof *t->merges, &t->merges, err)) ||
        (st = us_alloc(t->n_merge_slots, sizeof *t->merge_slots, &t->merge_slots, err)))
        return st;
    int16_t table[512];
    fill_byte_table(table);
    const unsigned char *at = NULL;
    uint64_t n_bad = 0;
    for (uint64_t i = 0; i < kv->n; i++) {
        us_str s = us_kv_next_str(kv, &at);
        char bytes[2 * MAX_TOKEN_BYTES];
        size_t nl = 0, nr = 0;
        const char *space = s.len > 1 ? memchr(s.data + 1, ' ', s.len - 1) : NULL;
        bool ok = space && s.len < sizeof bytes &&
                  decode_bytes(table, (us_str){s.data, (size_t)(space - s.data)}, bytes, &nl) &&
                  decode_bytes(table, (us_str){space + 1, s.len - 1 - (size_t)(space - s.data)}, bytes + nl, &nr) && nl && nr;
        us_merge m = {-1, -1, -1};
        if (ok) m = (us_merge){lookup(t, bytes, nl), lookup(t, bytes + nl, nr), lookup(t, bytes, nl + nr)};
        if (m.left < 0 || m.right < 0 || m.merged < 0) { /* one that no text can meet */
            if (++n_bad * 2 > kv->n)
                return us_fail(err, US_ERR_FORMAT,
                               "%s: merge %llu ('%.*s') is not two tokens that make a third, nor are most others",
                               us_gguf_path(g), (unsigned long long)i, (int)(s.len < 80 ? s.len : 80), s.data);
            continue;
        }
        t->merges[t->n_merges++] = m;
        uint32_t *slot = merge_slot(t, m.left, m.right);
        if (!*slot) *slot = (uint32_t)t->n_merges;
    }
    return US_OK;
}

static us_status load_bpe(us_tokenizer *t, const us_gguf *g, us_error *err) {
    us_str pre = {"default", 7};
    us_status st;
    if (us_gguf_find(g, "tokenizer.ggml.pre") && (st = us_gguf_get_str(g, "tokenizer.ggml.pre", &pre, err))) return st;
    if (!pre.len) pre = (us_str){"default", 7}; /* as in llama.cpp */
    if ((st = us_pretokenizer_init(&t->pre, pre, err)) == US_ERR_NOT_FOUND)
        return us_fail(
            err, US_ERR_UNSUPPORTED,
            "%s: pre-tokenizer '%.*s' is not supported; supported are gpt-2, smollm, llama-bpe, qwen2, tekken, gpt-4o "
            "and their kin",
            us_gguf_path(g), (int)(pre.len < 80 ? pre.len : 80), pre.data);
    if (st) return st;
    return load_merges(t, g,
                       err); /* a byte without a token (SmolLM2 lacks a few control characters) is dropped, as elsewhere */
}

static us_status load_spm(us_tokenizer *t, const us_gguf *g, us_error *err) {
    const us_kv *kv = us_gguf_find(g, "tokenizer.ggml.scores");
    us_status st = kv ? get_numbers(g, "tokenizer.ggml.scores", "numbers", t->n_vocab, &kv, err) : US_OK;
    if (st || (st = us_alloc(t->n_vocab, sizeof *t->own_scores, &t->own_scores, err))) return st;
    for (size_t i = 0; i < t->n_vocab; i++) {
        double x = -(double)i; /* without scores: SentencePiece numbers its pieces in the order of their merges */
        if (kv) us_kv_float(kv, i, &x);
        t->own_scores[i] = x == x ? (float)x : -1e30f;
    }
    t->scores = t->own_scores;
    t->space_prefix = true;
    size_t total = 0;
    for (size_t i = 0; i < t->n_vocab; i++) total += t->pieces[i].len;
    if ((st = us_alloc(total + 1, 1, &t->shown_bytes, err)) || (st = us_alloc(t->n_vocab, sizeof *t->shown, &t->shown, err)))
        return st;
    char *to = t->shown_bytes;
    for (size_t i = 0; i < t->n_vocab; i++) {
        us_str p = t->pieces[i];
        t->shown[i].data = to;
        for (size_t k = 0; k < p.len;)
            if (p.len - k >= 3 && !memcmp(p.data + k, "\xe2\x96\x81", 3)) *to++ = ' ', k += 3;
            else *to++ = p.data[k++];
        t->shown[i].len = (size_t)(to - t->shown[i].data);
    }
    if (us_gguf_find(g, "tokenizer.ggml.add_space_prefix"))
        st = us_gguf_get_bool(g, "tokenizer.ggml.add_space_prefix", &t->space_prefix, err);
    return st;
}

/* -1 when the file names a number that is no token: converters write n_vocab, or -1 in 32 bits, for "none". A SentencePiece file
 * that says nothing has it where SentencePiece has it, if `usual` stands there. */
static us_status load_id(const us_tokenizer *t, const us_gguf *g, const char *key, int32_t place, const char *usual,
                         int32_t *out, us_error *err) {
    const us_kv *kv = us_gguf_find(g, key);
    int64_t v;
    *out = -1;
    if (!kv) {
        if (t->spm && usual && (size_t)place < t->n_vocab && us_str_eq(t->pieces[place], usual)) *out = place;
        return US_OK;
    }
    if (kv->is_array && !kv->n) return US_OK;
    if (!us_kv_int(kv, 0, &v) || kv->kind == US_KV_BOOL)
        return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected a whole number, got a %s", us_gguf_path(g), key,
                       us_kv_kind_name(kv->kind));
    if (v >= 0 && (uint64_t)v < t->n_vocab) *out = (int32_t)v;
    return US_OK;
}

/* Tokens that end a turn: one, or a list of them. */
static us_status load_ends(us_tokenizer *t, const us_gguf *g, us_error *err) {
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id", "tokenizer.ggml.eos_token_ids"};
    us_status st = us_alloc(t->n_vocab, sizeof *t->ends, &t->ends, err);
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !st; i++) {
        const us_kv *kv = us_gguf_find(g, keys[i]);
        int32_t first;
        int64_t v;
        st = load_id(t, g, keys[i], 2, i ? NULL : "</s>", &first, err);
        if (!i) t->eos = first;
        else if (t->eos < 0) t->eos = i == 3 ? first : -1;
        if (!st && first >= 0) t->ends[first] = true;
        for (uint64_t k = 1; kv && kv->is_array && k < kv->n && !st; k++)
            if (us_kv_int(kv, k, &v) && v >= 0 && (uint64_t)v < t->n_vocab) t->ends[v] = true;
    }
    return st;
}

static bool in_brackets(us_str p) {
    char first = p.len > 2 ? p.data[0] : 0, last = first ? p.data[p.len - 1] : 0;
    return (first == '<' && last == '>') || (first == '[' && last == ']');
}

/* A token that its maker added to the vocabulary and that is text like any other ("\n\n", runs of blanks in Gemma): it is
 * matched before all else, in what users type too. Those that look like markers are not: they may open a turn or end one. */
static bool is_plain(const us_tokenizer *t, int32_t id) {
    us_str p = t->pieces[id];
    return t->kinds[id] == US_TOKEN_USER && !t->ends[id] && !in_brackets(p);
}

/* BOS, EOS and their kin are special, whatever the file calls them, if they look so. */
static void mark_named(us_tokenizer *t) {
    for (size_t i = 0; i < t->n_vocab; i++)
        if (((int32_t)i == t->bos || t->ends[i]) && !is_special(t, i) && t->kinds[i] != US_TOKEN_BYTE &&
            in_brackets(t->pieces[i]))
            t->kinds[i] = US_TOKEN_CONTROL;
}

static _Thread_local const us_tokenizer *sorted_of; /* qsort has no context */
static int by_first_then_longest(const void *a, const void *b) {
    us_str x = sorted_of->pieces[*(const int32_t *)a], y = sorted_of->pieces[*(const int32_t *)b];
    unsigned char p = (unsigned char)x.data[0], q = (unsigned char)y.data[0];
    return p != q ? (p < q ? -1 : 1) : x.len > y.len ? -1 : x.len < y.len;
}

static us_status list_specials(us_tokenizer *t, us_error *err) {
    size_t n = 0;
    for (size_t i = 0; i < t->n_vocab; i++) n += is_special(t, i) && t->pieces[i].len;
    free(t->specials);
    t->specials = NULL;
    t->n_specials = 0;
    memset(t->special_end, 0, sizeof t->special_end);
    us_status st = us_alloc(n + 1, sizeof *t->specials, &t->specials, err);
    for (size_t i = 0; i < t->n_vocab && !st; i++) {
        if (!is_special(t, i) || !t->pieces[i].len) continue;
        t->specials[t->n_specials++] = (int32_t)i;
        for (size_t c = (unsigned char)t->pieces[i].data[0]; c < 256; c++) t->special_end[c]++;
    }
    sorted_of = t;
    if (t->n_specials) qsort(t->specials, t->n_specials, sizeof *t->specials, by_first_then_longest);
    return st;
}

static us_status load_specials(us_tokenizer *t, const us_gguf *g, us_error *err) {
    static const char *const ends[] = {"<|im_end|>",
                                       "<|endoftext|>",
                                       "<|eot_id|>",
                                       "<|end_of_text|>",
                                       "<|eom_id|>",
                                       "</s>",
                                       "<end_of_turn>",
                                       "<|end|>",
                                       "<eos>",
                                       "<EOT>",
                                       "[EOT]",
                                       "[EOS]",
                                       "<｜end▁of▁sentence｜>",
                                       "<end_of_utterance>",
                                       "<|return|>",
                                       "<turn|>"};
    us_status st = load_ends(t, g, err);
    if (!st) st = load_id(t, g, "tokenizer.ggml.bos_token_id", 1, "<s>", &t->bos, err);
    if (!st) st = load_id(t, g, "tokenizer.ggml.unknown_token_id", 0, "<unk>", &t->unknown, err);
    t->add_bos = t->spm || t->pre.add_bos;
    if (!st && us_gguf_find(g, "tokenizer.ggml.add_bos_token"))
        st = us_gguf_get_bool(g, "tokenizer.ggml.add_bos_token", &t->add_bos, err);
    if (st) return st;
    if (t->bos < 0) t->add_bos = false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int32_t id = us_tokenizer_find(t, ends[i]);
        if (id >= 0 && t->kinds[id] != US_TOKEN_NORMAL) t->ends[id] = true;
    }
    mark_named(t);
    return list_specials(t, err);
}

/* What some tokenizers do to a text before they cut it, and these two families do not. */
static us_status check_flags(const us_tokenizer *t, const us_gguf *g, us_error *err) {
    static const struct {
        const char *key, *what;
        bool spm; /* of SentencePiece; others write it without a meaning */
    } flags[] = {{"tokenizer.ggml.remove_extra_whitespaces", "joins runs of blanks", true},
                 {"tokenizer.ggml.treat_whitespace_as_suffix", "puts blanks behind words", true},
                 {"tokenizer.ggml.normalizer.lowercase", "makes capitals small", false},
                 {"tokenizer.ggml.normalizer.strip_accents", "drops accents", false}};
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && !st; i++) {
        bool set = false;
        if (us_gguf_find(g, flags[i].key)) st = us_gguf_get_bool(g, flags[i].key, &set, err);
        if (!st && set && (t->spm || !flags[i].spm))
            st = us_fail(err, US_ERR_UNSUPPORTED, "%s: a tokenizer that %s is not supported (key '%s')", us_gguf_path(g),
                         flags[i].what, flags[i].key);
    }
    return st;
}

us_status us_tokenizer_mark(us_tokenizer *t, const char *text, size_t n, us_error *err) {
    int32_t id = n ? lookup(t, text, n) : -1;
    if (id < 0 || is_special(t, (size_t)id) || t->kinds[id] == US_TOKEN_BYTE) return US_OK;
    t->kinds[id] = US_TOKEN_CONTROL;
    return list_specials(t, err);
}

us_status us_tokenizer_from_gguf(const us_gguf *g, us_tokenizer **out, us_error *err) {
    us_str model;
    const us_kv *tokens;
    us_tokenizer *t = NULL;
    us_status st = us_gguf_get_str(g, "tokenizer.ggml.model", &model, err);
    if (!st) st = us_gguf_get_array(g, "tokenizer.ggml.tokens", US_KV_STRING, MAX_VOCAB, &tokens, err);
    if (!st) st = us_alloc(1, sizeof *t, &t, err);
    if (st) return st;
    t->spm = us_str_eq(model, "llama");
    t->n_vocab = (size_t)tokens->n;
    if (!t->spm && !us_str_eq(model, "gpt2"))
        st = us_fail(err, US_ERR_UNSUPPORTED,
                     "%s: tokenizer '%.*s' is not supported; supported are gpt2 (byte-level BPE) and llama (SentencePiece)",
                     us_gguf_path(g), (int)(model.len < 80 ? model.len : 80), model.data);
    else if (!t->n_vocab) st = us_fail(err, US_ERR_FORMAT, "%s: the vocabulary is empty", us_gguf_path(g));
    if (!st) st = check_flags(t, g, err);
    if (!st) st = load_kinds(t, g, err);
    if (!st) find_bytes(t, tokens);
    if (!st) st = load_pieces(t, g, tokens, err);
    if (!st) st = t->spm ? load_spm(t, g, err) : load_bpe(t, g, err);
    if (!st) st = load_specials(t, g, err);
    if (st) us_tokenizer_free(t);
    else *out = t;
    return st;
}

void us_tokenizer_free(us_tokenizer *t) {
    if (!t) return;
    free(t->pieces);
    free(t->bytes);
    free(t->shown);
    free(t->shown_bytes);
    free(t->kinds);
    free(t->ends);
    free(t->slots);
    free(t->merges);
    free(t->merge_slots);
    us_pretokenizer_fini(&t->pre);
    free(t->own_scores);
    free(t->specials);
    free(t);
}

/* ---- use -------------------------------------------------------------------------------------------------- */

/* The special token at s, longest first; -1 if none. Without `all` only those that are text like any other. */
static int32_t special_at(const us_tokenizer *t, const char *s, size_t n, bool all) {
    unsigned char c = (unsigned char)s[0];
    for (size_t i = c ? t->special_end[c - 1] : 0; i < t->special_end[c]; i++) {
        us_str p = t->pieces[t->specials[i]];
        if (p.len <= n && !memcmp(p.data, s, p.len) && (all || is_plain(t, t->specials[i]))) return t->specials[i];
    }
    return -1;
}

/* Where tokens [first, out->n) begin in text [begin, end): their pieces are its bytes, but for bytes that no token has. */
static us_status locate(const us_tokenizer *t, const char *s, size_t begin, size_t end, size_t first, const us_tokens *out,
                        size_t base, size_t **starts, size_t *cap, us_error *err) {
    size_t at = begin;
    bool lost = false;
    if (!starts) return US_OK;
    us_status st = us_grow(starts, cap, out->n - base + 1, sizeof **starts, err);
    for (size_t i = first; i < out->n && !st; i++) {
        size_t n, k = at;
        const char *piece = us_tokenizer_piece(t, out->ids[i], &n);
        if (t->spm && i == first && t->space_prefix && n && *piece == ' ') piece++, n--; /* the blank that was put there */
        if (lost || out->ids[i] == t->unknown) n = 0; /* of which bytes is not known; the next piece finds itself */
        while (k + n <= end && memcmp(s + k, piece, n)) k++;
        if (k + n <= end) at = k;
        else n = 0, lost = true; /* looked through once: not for every token again */
        (*starts)[i - base] = at;
        at += n;
    }
    return st;
}

us_status us_tokenizer_encode_stretches(const us_tokenizer *t, const char *s, size_t n, const us_stretch *stretches,
                                        size_t n_stretches, us_tokens *out, size_t **starts, us_error *err) {
    if (n > INT32_MAX / 4)
        return us_fail(err, US_ERR_LIMIT, "text of %zu bytes is too long to tokenize (at most %d)", n, INT32_MAX / 4);
    us_status st = US_OK;
    size_t begin = 0, base = out->n, cap = 0, part = 0;
    for (size_t i = 0; i <= n && !st; i++) {
        while (part < n_stretches && i >= stretches[part].end) part++;
        int32_t id = part < n_stretches ? special_at(t, s + i, stretches[part].end - i, stretches[part].marker) : -1;
        if (i < n && id < 0) continue;
        size_t first = out->n;
        if (i > begin) /* SentencePiece: a blank at the front of a text, and behind each special token */
            st = t->spm ? us_spm_encode(t, s + begin, i - begin, true, out, err)
                        : us_bpe_encode(t, s + begin, i - begin, out, err);
        if (!st) st = locate(t, s, begin, i, first, out, base, starts, &cap, err);
        if (id < 0 || st) continue;
        first = out->n;
        st = us_tokens_push(out, id, err);
        begin = i + t->pieces[id].len;
        if (!st && starts && !(st = us_grow(starts, &cap, out->n - base + 1, sizeof **starts, err)))
            (*starts)[first - base] = i;
        if (t->strip_right && id != t->bos && id != t->unknown && !us_str_eq(t->pieces[id], "<|endoftext|>"))
            while (begin < n && strchr(" \t\r\n\v\f", s[begin])) begin++;
        i = begin - 1;
    }
    return st;
}

us_status us_tokenizer_encode(const us_tokenizer *t, const char *s, size_t n, bool parse_special, us_tokens *out,
                              us_error *err) {
    return us_tokenizer_encode_stretches(t, s, n, &(us_stretch){n, parse_special}, 1, out, NULL, err);
}

const char *us_tokenizer_piece(const us_tokenizer *t, int32_t id, size_t *n) {
    *n = 0;
    if (id < 0 || (size_t)id >= t->n_vocab) return "";
    us_str p = t->spm ? t->shown[id] : t->pieces[id];
    *n = p.len;
    return p.data;
}

int32_t us_tokenizer_find(const us_tokenizer *t, const char *text) { return lookup(t, text, strlen(text)); }
int32_t us_tokenizer_n_vocab(const us_tokenizer *t) { return (int32_t)t->n_vocab; }
bool us_tokenizer_is_special(const us_tokenizer *t, int32_t id) {
    return id >= 0 && (size_t)id < t->n_vocab && is_special(t, (size_t)id);
}
bool us_tokenizer_is_end(const us_tokenizer *t, int32_t id) { return id >= 0 && (size_t)id < t->n_vocab && t->ends[id]; }
int32_t us_tokenizer_bos(const us_tokenizer *t) { return t->bos; }
int32_t us_tokenizer_eos(const us_tokenizer *t) { return t->eos; }
bool us_tokenizer_add_bos(const us_tokenizer *t) { return t->add_bos; }
