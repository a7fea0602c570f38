/* understudy inspect: what is in a GGUF file, a model or an adapter, without loading it. The file may be hostile:
 * its words are shown with everything that could steer a terminal replaced. */
#include "cli.h"
#include "cli_model.h"
#include "understudy/fetch.h"
#include "understudy/generate.h"
#include "understudy/gguf.h"
#include "understudy/model.h"
#include "understudy/template.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct facts {
    const us_gguf *g;
    us_gguf_summary sum;
    const us_kv *kvs;
    const us_tensor *tensors;
    size_t n_kvs, n_tensors;
} facts;

/* ---- words of the file --------------------------------------------------------------------------------- */

/* At most max characters on one line, NUL-terminated, harmless; free() it. */
static char *clean(us_str s, size_t max) {
    size_t n = 0, chars = 0;
    for (; n < s.len && chars < max; chars++) do
            n++;
        while (n < s.len && (s.data[n] & 0xc0) == 0x80);
    char *out = cli_must(malloc(n + 4));
    memcpy(out, s.data, n);
    size_t len = us_harmless(out, n);
    for (size_t i = 0; i < len; i++)
        if (out[i] == '\n' || out[i] == '\t') out[i] = '?';
    snprintf(out + len, 4, "%s", n < s.len ? "..." : "");
    return out;
}

static void print_clean(us_str s, size_t max) {
    char *c = clean(s, max);
    fputs(c ? c : "?", stdout);
    free(c);
}

static bool same(us_str s, const char *c) { return s.len == strlen(c) && !memcmp(s.data, c, s.len); }

/* ---- getting ------------------------------------------------------------------------------------------- */

static us_str get_str(const facts *f, const char *key) {
    us_str s = {"", 0};
    return us_gguf_get_str(f->g, key, &s, NULL) ? (us_str){"", 0} : s;
}

/* "<architecture>.<name>" as a whole number; -1 if it is not there. */
static int64_t get_arch(const facts *f, const char *name) {
    char key[256];
    int64_t v;
    snprintf(key, sizeof key, "%.*s.%s", (int)(f->sum.architecture.len < 64 ? f->sum.architecture.len : 64),
             f->sum.architecture.data, name);
    return us_gguf_get_int(f->g, key, 0, INT64_MAX, &v, NULL) ? -1 : v;
}

static double get_arch_float(const facts *f, const char *name) {
    char key[256];
    double v;
    snprintf(key, sizeof key, "%.*s.%s", (int)(f->sum.architecture.len < 64 ? f->sum.architecture.len : 64),
             f->sum.architecture.data, name);
    return us_gguf_get_float(f->g, key, &v, NULL) ? -1 : v;
}

static int64_t get_int(const facts *f, const char *key) {
    int64_t v;
    return us_gguf_get_int(f->g, key, 0, INT64_MAX, &v, NULL) ? -1 : v;
}

static uint64_t count_of(const facts *f, const char *key) {
    const us_kv *kv = us_gguf_find(f->g, key);
    return kv && kv->is_array ? kv->n : 0;
}

static void gather(facts *f, const us_gguf *g) {
    *f = (facts){.g = g};
    us_gguf_summarise(g, &f->sum);
    f->kvs = us_gguf_kvs(g, &f->n_kvs);
    f->tensors = us_gguf_tensors(g, &f->n_tensors);
}

/* The token that a key names, the first of a list; -1: none, as the tokenizer reads it. */
static int64_t token_id(const facts *f, const char *key) {
    const us_kv *kv = us_gguf_find(f->g, key);
    int64_t id;
    if (!kv || (kv->is_array && !kv->n) || kv->kind == US_KV_BOOL || !us_kv_int(kv, 0, &id)) return -1;
    return id >= 0 && (uint64_t)id < count_of(f, "tokenizer.ggml.tokens") ? id : -1;
}

/* Its text, or "". */
static us_str token_of(const facts *f, const char *key) {
    const us_kv *tokens = us_gguf_find(f->g, "tokenizer.ggml.tokens");
    const unsigned char *at = NULL;
    int64_t id = token_id(f, key);
    us_str s = {"", 0};
    if (id < 0 || tokens->kind != US_KV_STRING) return s;
    for (int64_t i = 0; i <= id; i++) s = us_kv_next_str(tokens, &at);
    return s;
}

/* The caller frees it; NULL: `why` says why. */
static us_template *template_of(const facts *f, us_error *why) {
    us_template *t = NULL;
    us_str s = f->sum.chat_template, b = token_of(f, "tokenizer.ggml.bos_token_id"),
           e = token_of(f, "tokenizer.ggml.eos_token_id");
    char bos[64], eos[64];
    why->status = US_ERR_NOT_FOUND;
    snprintf(why->message, sizeof why->message,
             f->sum.other_templates[0] ? "those in the file are for other uses (%s)" : "there is none in the file",
             f->sum.other_templates);
    snprintf(bos, sizeof bos, "%.*s", b.len < 63 ? (int)b.len : 63, b.data);
    snprintf(eos, sizeof eos, "%.*s", e.len < 63 ? (int)e.len : 63, e.data);
    return s.len && us_template_recognise(s.data, s.len, bos, eos, &t, why) ? NULL : t;
}

/* Whether the file runs here (of an adapter: whether its base's architecture does); if not, err says why. */
static bool supported(const facts *f, us_error *err) {
    char arch[65];
    if (!f->sum.is_adapter) return us_model_check(us_gguf_path(f->g), err) == US_OK;
    snprintf(arch, sizeof arch, "%.*s", (int)(f->sum.architecture.len < 64 ? f->sum.architecture.len : 64),
             f->sum.architecture.data);
    if (us_model_knows(arch)) return true;
    us_fail(err, US_ERR_UNSUPPORTED, "architecture '%s' is not supported", arch);
    return false;
}

/* The reason without the path that stands before it. */
static const char *reason_of(const facts *f, const us_error *err) {
    size_t n = strlen(us_gguf_path(f->g));
    return strncmp(err->message, us_gguf_path(f->g), n) || strncmp(err->message + n, ": ", 2) ? err->message
                                                                                              : err->message + n + 2;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static const char *human_bytes(uint64_t n, char buf[32]) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)n;
    int u = 0;
    while (v >= 1024 && u < 4) v /= 1024, u++;
    snprintf(buf, 32, u ? "%.1f %s" : "%.0f %s", v, units[u]);
    return buf;
}

static const char *human_count(uint64_t n, char buf[32]) {
    double v = (double)n;
    if (n >= 1000000000) snprintf(buf, 32, "%.2f billion", v / 1e9);
    else if (n >= 1000000) snprintf(buf, 32, "%.1f million", v / 1e6);
    else snprintf(buf, 32, "%" PRIu64, n);
    return buf;
}

static void label(const char *name) { printf("%-14s ", name); }

static void line_str(const char *name, us_str s) {
    if (!s.len) return;
    label(name);
    print_clean(s, 100);
    putchar('\n');
}

static void show_weights(const facts *f) {
    char a[32], b[32];
    for (size_t i = 0; i < f->sum.n_types; i++) {
        const us_gguf_type_use *u = &f->sum.types[i];
        label(i ? "" : "weights");
        printf("%-7s %4" PRIu64 " tensors  %14s weights  %11s  %5.2f bits a weight\n", us_gguf_type_name(u->type), u->n_tensors,
               human_count(u->n_weights, a), human_bytes(u->n_bytes, b), 8.0 * (double)u->n_bytes / (double)u->n_weights);
    }
}

/* How the file stretches positions over a longer context. */
static void show_scaling(const facts *f) {
    char key[128];
    snprintf(key, sizeof key, "%.*s.rope.scaling.type", (int)(f->sum.architecture.len < 64 ? f->sum.architecture.len : 64),
             f->sum.architecture.data);
    us_str kind = get_str(f, key);
    double factor = get_arch_float(f, "rope.scaling.factor"), older = get_arch_float(f, "rope.scale_linear");
    if (factor <= 0) factor = older;
    if (kind.len && !same(kind, "none")) fputs(", scaled: ", stdout), print_clean(kind, 40);
    else if (factor > 0 && factor != 1) fputs(", scaled: linear", stdout);
    if (!same(kind, "none") && factor > 0 && factor != 1) printf(" by %g", factor);
    putchar('\n');
}

static void show_shape(const facts *f) {
    int64_t layers = get_arch(f, "block_count"), width = get_arch(f, "embedding_length"),
            heads = get_arch(f, "attention.head_count"), kv_heads = get_arch(f, "attention.head_count_kv"),
            size = get_arch(f, "attention.key_length"), ctx = get_arch(f, "context_length"),
            original = get_arch(f, "rope.scaling.original_context_length");
    bool bounded =
        us_gguf_find_tensor(f->g, "rope_factors_short.weight") || get_arch_float(f, "attention.temperature_scale") > 0;
    char a[32], b[32];
    if (kv_heads < 0) kv_heads = heads;
    if (size < 0 && heads > 0) size = width / heads;
    label("shape");
    printf("%" PRId64 " layers, width %" PRId64 ", feed-forward %" PRId64 ", %" PRId64 " heads, %" PRId64
           " kv heads of %" PRId64 "\n",
           layers, width, get_arch(f, "feed_forward_length"), heads, kv_heads, size);
    if (ctx >= 0) {
        label("context");
        printf("%" PRId64 " tokens", ctx);
        if (bounded && original > 0 && original < ctx) printf(", of which the first %" PRId64 " are used here", original);
        double token = 4.0 * (double)layers * (double)kv_heads * (double)size; /* K and V, 2 bytes each */
        if (token > 0 && token < 1e9 && (double)ctx * token < 1e18)
            printf("; the f16 KV cache takes %s a token, %s when full", human_bytes((uint64_t)token, a),
                   human_bytes((uint64_t)(token * (double)ctx), b));
        putchar('\n');
    }
    double base = get_arch_float(f, "rope.freq_base");
    label("positions");
    printf("RoPE, base %.0f%s", base > 0 ? base : 10000,
           us_gguf_find_tensor(f->g, "rope_freqs.weight") ? ", frequency factors in the file (Llama 3.1 and later)" : "");
    show_scaling(f);
    label("output head");
    puts(us_gguf_find_tensor(f->g, "output.weight") ? "its own matrix" : "tied to the embedding");
}

static void show_token(const facts *f, const char *name, const char *key) {
    int64_t id = token_id(f, key);
    us_str s = token_of(f, key);
    if (id < 0) return;
    printf(", %s %" PRId64, name, id);
    if (!s.len) return;
    putchar(' ');
    print_clean(s, 40);
}

static void show_tokenizer(const facts *f) {
    us_str model = get_str(f, "tokenizer.ggml.model"), pre = get_str(f, "tokenizer.ggml.pre");
    if (model.len) {
        label("tokenizer");
        fputs(same(model, "gpt2") ? "byte-level BPE" : same(model, "llama") ? "SentencePiece" : "", stdout);
        if (!same(model, "gpt2") && !same(model, "llama")) print_clean(model, 40), fputs(" (not supported)", stdout);
        if (same(model, "gpt2") && (!pre.len || same(pre, "default")))
            fputs(" (the file does not say how words are cut: as llama.cpp does then, perhaps not as in training)", stdout);
        else if (pre.len) fputs(" (", stdout), print_clean(pre, 40), putchar(')');
        printf(", %" PRIu64 " tokens", count_of(f, "tokenizer.ggml.tokens"));
        if (count_of(f, "tokenizer.ggml.merges")) printf(", %" PRIu64 " merges", count_of(f, "tokenizer.ggml.merges"));
        show_token(f, "bos", "tokenizer.ggml.bos_token_id");
        show_token(f, "eos", "tokenizer.ggml.eos_token_id");
        putchar('\n');
    }
    us_error why;
    us_template *t = template_of(f, &why);
    if (!t && why.status == US_ERR_MEMORY) cli_must(NULL);
    static const char subject[] = "the chat template is ";
    const char *reason = strncmp(why.message, subject, sizeof subject - 1) ? why.message : why.message + sizeof subject - 1;
    label("chat template");
    if (t) puts(strcmp(us_template_name(t), "own") ? us_template_name(t) : "read from the file");
    else printf("%s: name one with --template NAME, or describe it with --template FILE\n", reason);
    us_template_free(t);
}

/* Called when all but the weights is read: measures, and ends the opening. */
typedef struct expectation {
    us_speed speed;
    bool known;
} expectation;
static us_status expect(void *ctx, const us_model *m, us_error *err) {
    expectation *e = ctx;
    us_status st = us_speed_expect(m, 0, &e->speed, err);
    e->known = !st;
    return st ? st : US_ERR_INTERRUPTED;
}

static expectation expect_of(const facts *f) {
    expectation e = {.known = false};
    us_error err;
    us_model *m = NULL;
    us_status st = us_model_open(us_gguf_path(f->g), &(us_model_options){.check = expect, .check_ctx = &e}, &m, &err);
    if (st == US_ERR_MEMORY) cli_must(NULL);
    if (!st) us_model_free(m);
    return e;
}

/* 1,000 lines of a script with the scenes around them, as in the Simpsons: 73 tokens a line. */
#define TOKENS_A_LINE 73.0

static void show_speed(const facts *f) {
    expectation e = expect_of(f);
    const us_speed *s = &e.speed;
    char a[32];
    if (!e.known) return;
    double minutes = 1000 * TOKENS_A_LINE / s->train / 60;
    label("memory");
    printf("%s with a context of 4,096 tokens\n", human_bytes(s->memory_bytes, a));
    label("expected here");
    printf("up to %.*f tokens/s drawn, %.0f read (%d threads; weights at %.1f GB/s, measured now)\n", s->decode < 10, s->decode,
           s->prefill, s->n_threads, s->bytes_per_s / 1e9);
    label("training");
    printf("up to %.0f tokens/s: about %.*f %s for each 1,000 lines of a character, once over (train --dry-run measures)\n",
           s->train, minutes < 100 ? minutes < 10 : 1, minutes < 100 ? minutes : minutes / 60,
           minutes < 100 ? "minutes" : "hours");
}

static void show_adapter(const facts *f) {
    const us_gguf_summary *l = &f->sum;
    bool director = same(get_str(f, "adapter.type"), "director");
    line_str("adapter", get_str(f, "adapter.type"));
    if (director)
        printf("%-14s %" PRId64 " layers and a head of its own choose among takes\n", "director",
               get_int(f, "understudy.director.layers"));
    if (director && !l->n_pairs) return; /* a head alone */
    label("rank");
    if (l->rank > 0) printf("%" PRId64, l->rank);
    else fputs(l->rank ? "none: there is no lora_a" : "differs between modules", stdout);
    if (l->alpha >= 0) printf(", alpha %g", l->alpha);
    if (l->alpha > 0 && l->rank > 0) printf(" (scale %g)", l->alpha / (double)l->rank);
    printf("\n%-14s %zu pairs in %zu layers: %s\n", "modules", l->n_pairs, l->n_layers, l->modules);
    if (l->n_factors != 2 * l->n_pairs || l->n_factors + director != f->n_tensors)
        printf("%-14s %zu tensors are no half of a pair: this file will not load\n", "warning", f->n_tensors - 2 * l->n_pairs);
}

static void show_own_keys(const facts *f) {
    for (size_t i = 0; i < f->n_kvs; i++) {
        const us_kv *kv = &f->kvs[i];
        if (kv->key.len < 12 || memcmp(kv->key.data, "understudy.", 11) || kv->is_array || kv->kind != US_KV_STRING) continue;
        const unsigned char *at = NULL;
        char *key = clean((us_str){kv->key.data + 11, kv->key.len - 11}, 40);
        label(key ? key : "?");
        print_clean(us_kv_next_str(kv, &at), 100);
        putchar('\n');
        free(key);
    }
}

static void show_summary(const facts *f) {
    char a[32], b[32];
    line_str("name", f->sum.name);
    label("file");
    printf("%s, GGUF version %u, %zu keys, %zu tensors", human_bytes(us_gguf_bytes(f->g), a), us_gguf_version(f->g), f->n_kvs,
           f->n_tensors);
    if (us_gguf_n_files(f->g) > 1) printf(", in %d parts", us_gguf_n_files(f->g));
    printf("\n%-14s ", f->sum.is_adapter ? "made for" : "architecture");
    print_clean(f->sum.architecture, 40);
    puts(f->sum.architecture.len ? "" : "(the file does not say)");
    us_error why;
    bool ok = supported(f, &why);
    if (!ok && why.status == US_ERR_MEMORY) cli_must(NULL);
    label("runs here");
    puts(ok ? "yes" : reason_of(f, &why));
    if (ok && !f->sum.is_adapter) show_speed(f);
    if (f->sum.is_adapter) show_adapter(f);
    label("parameters");
    puts(human_count(f->sum.n_weights, b));
    if (!f->sum.is_adapter) show_shape(f);
    show_weights(f);
    if (!f->sum.is_adapter) show_tokenizer(f);
    line_str("license", get_str(f, "general.license"));
    show_own_keys(f);
}

static void show_tensors(const facts *f) {
    printf("\n%-40s %-7s %-24s %12s\n", "tensor", "type", "shape", "bytes");
    for (size_t i = 0; i < f->n_tensors; i++) {
        const us_tensor *t = &f->tensors[i];
        char shape[96] = "", *name = clean(t->name, 60);
        for (int d = 0; d < t->n_dims; d++)
            snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%" PRId64, d ? " x " : "", t->ne[d]);
        printf("%-40s %-7s %-24s %12zu", name ? name : "?", us_gguf_type_name(t->type), shape, t->n_bytes);
        printf(us_gguf_n_files(f->g) > 1 ? "  part %d\n" : "\n", t->file + 1);
        free(name);
    }
}

static json_t *json_clean(us_str s) {
    char *c = clean(s, 1 << 20);
    json_t *j = json_string(c ? c : "");
    free(c);
    return j;
}

/* One number or string of the value, and the step to the next; NULL when out of memory. */
static json_t *next_value(const us_kv *kv, const unsigned char **at) {
    const unsigned char *p = *at ? *at : kv->data;
    int64_t i = 0;
    uint64_t u = 0;
    float f;
    double d;
    static const unsigned char sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    if (kv->kind == US_KV_STRING) {
        us_str s = us_kv_next_str(kv, at);
        json_t *j = json_stringn(s.data, s.len); /* NULL when it is not UTF-8 */
        return j ? j : json_clean(s);
    }
    *at = p + sizes[kv->kind];
    switch (kv->kind) {
    case US_KV_BOOL: return json_boolean(*p);
    case US_KV_FLOAT32: return memcpy(&f, p, 4), f - f == 0 ? json_real((double)f) : json_null();
    case US_KV_FLOAT64: return memcpy(&d, p, 8), d - d == 0 ? json_real(d) : json_null();
    case US_KV_I8: i = (int8_t)*p; break;
    case US_KV_I16: {
        int16_t x;
        memcpy(&x, p, 2);
        i = x;
        break;
    }
    case US_KV_I32: {
        int32_t x;
        memcpy(&x, p, 4);
        i = x;
        break;
    }
    case US_KV_I64: memcpy(&i, p, 8); break;
    default:
        memcpy(&u, p, sizes[kv->kind]); /* little-endian, as this program's machines are */
        if (u > INT64_MAX) return json_real((double)u);
        i = (int64_t)u;
    }
    return json_integer(i);
}

static json_t *value_of(const us_kv *kv, uint64_t max) {
    const unsigned char *at = NULL;
    if (!kv->is_array) return next_value(kv, &at);
    json_t *list = json_array();
    for (uint64_t i = 0; i < kv->n && i < max; i++) json_array_append_new(list, next_value(kv, &at));
    return list;
}

static void show_kvs(const facts *f) {
    printf("\n%-44s %-18s %s\n", "key", "kind", "value");
    for (size_t i = 0; i < f->n_kvs; i++) {
        const us_kv *kv = &f->kvs[i];
        char *key = clean(kv->key, 60), kind[64];
        snprintf(kind, sizeof kind, kv->is_array ? "%s[%" PRIu64 "]" : "%s", us_kv_kind_name(kv->kind), kv->n);
        json_t *j = value_of(kv, 6);
        char *text = j ? json_dumps(j, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
        printf("%-44s %-18s ", key ? key : "?", kind);
        print_clean((us_str){text ? text : "", text ? strlen(text) : 0}, 120);
        puts(kv->is_array && kv->n > 6 ? " ..." : "");
        free(text);
        free(key);
        json_decref(j);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *json_tensors(const facts *f) {
    json_t *list = json_array();
    for (size_t i = 0; i < f->n_tensors; i++) {
        const us_tensor *t = &f->tensors[i];
        json_t *shape = json_array();
        for (int d = 0; d < t->n_dims; d++) json_array_append_new(shape, json_integer(t->ne[d]));
        json_array_append_new(list,
                              json_pack("{so ss so sI si}", "name", json_clean(t->name), "type", us_gguf_type_name(t->type),
                                        "shape", shape, "bytes", (json_int_t)t->n_bytes, "part", t->file + 1));
    }
    return list;
}

/* Long arrays (a vocabulary) are given by their kind and count. */
static json_t *json_kvs(const facts *f) {
    json_t *all = json_object();
    for (size_t i = 0; i < f->n_kvs; i++) {
        const us_kv *kv = &f->kvs[i];
        char *key = clean(kv->key, 1000);
        json_t *v = kv->is_array && kv->n > 64
                        ? json_pack("{ss sI}", "array_of", us_kv_kind_name(kv->kind), "count", (json_int_t)kv->n)
                        : value_of(kv, 64);
        if (key) json_object_set_new(all, key, v);
        else json_decref(v);
        free(key);
    }
    return all;
}

static json_t *json_model(const facts *f) {
    static const struct {
        const char *name, *key;
    } ints[] = {{"n_layers", "block_count"},
                {"n_embd", "embedding_length"},
                {"n_ff", "feed_forward_length"},
                {"n_heads", "attention.head_count"},
                {"n_kv_heads", "attention.head_count_kv"},
                {"n_ctx_train", "context_length"}};
    json_t *m = json_object();
    us_error why;
    us_template *t = template_of(f, &why);
    if (!t && why.status == US_ERR_MEMORY) cli_must(NULL);
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        if (get_arch(f, ints[i].key) >= 0) json_object_set_new(m, ints[i].name, json_integer(get_arch(f, ints[i].key)));
    json_object_set_new(m, "n_vocab", json_integer((json_int_t)count_of(f, "tokenizer.ggml.tokens")));
    json_object_set_new(m, "tokenizer", json_clean(get_str(f, "tokenizer.ggml.model")));
    json_object_set_new(m, "pre_tokenizer", json_clean(get_str(f, "tokenizer.ggml.pre")));
    json_object_set_new(m, "tied_head", json_boolean(!us_gguf_find_tensor(f->g, "output.weight")));
    json_object_set_new(m, "chat_template", t ? json_string(us_template_name(t)) : json_null());
    us_template_free(t);
    expectation e = expect_of(f);
    if (e.known)
        json_object_set_new(m, "expected",
                            json_pack("{si sI sf sf sf}", "n_threads", e.speed.n_threads, "memory_bytes",
                                      (json_int_t)e.speed.memory_bytes, "decode_tokens_per_s", e.speed.decode,
                                      "prefill_tokens_per_s", e.speed.prefill, "train_tokens_per_s", e.speed.train));
    json_object_set_new(m, "chat_template_in_file", json_boolean(f->sum.chat_template.len));
    return m;
}

static json_t *json_adapter(const facts *f) {
    const us_gguf_summary *l = &f->sum;
    return json_pack("{so sI sf si si ss}", "type", json_clean(get_str(f, "adapter.type")), "rank", (json_int_t)l->rank,
                     "alpha", l->alpha, "pairs", (int)l->n_pairs, "layers", (int)l->n_layers, "modules", l->modules);
}

static int show_json(const facts *f, bool tensors, bool kvs) {
    json_t *types = json_array();
    for (size_t i = 0; i < f->sum.n_types; i++)
        json_array_append_new(types,
                              json_pack("{ss sI sI sI}", "type", us_gguf_type_name(f->sum.types[i].type), "tensors",
                                        (json_int_t)f->sum.types[i].n_tensors, "weights", (json_int_t)f->sum.types[i].n_weights,
                                        "bytes", (json_int_t)f->sum.types[i].n_bytes));
    us_error why;
    bool ok = supported(f, &why);
    if (!ok && why.status == US_ERR_MEMORY) cli_must(NULL);
    json_t *j =
        json_pack("{so so ss so sb sI sI si si si so}", "path",
                  json_clean((us_str){us_gguf_path(f->g), strlen(us_gguf_path(f->g))}), "name", json_clean(f->sum.name), "kind",
                  f->sum.is_adapter ? "adapter" : "model", "architecture", json_clean(f->sum.architecture), "supported", ok,
                  "n_params", (json_int_t)f->sum.n_weights, "file_bytes", (json_int_t)us_gguf_bytes(f->g), "gguf_version",
                  (int)us_gguf_version(f->g), "n_tensors", (int)f->n_tensors, "n_parts", us_gguf_n_files(f->g), "types", types);
    if (j && !ok) json_object_set_new(j, "why_not", json_string(reason_of(f, &why)));
    if (j) json_object_set_new(j, f->sum.is_adapter ? "adapter" : "model", f->sum.is_adapter ? json_adapter(f) : json_model(f));
    if (j && tensors) json_object_set_new(j, "tensors", json_tensors(f));
    if (j && kvs) json_object_set_new(j, "kv", json_kvs(f));
    int rc = j && !json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)) && putchar('\n') == '\n'
                 ? EXIT_OK
                 : EXIT_FAILED;
    json_decref(j);
    return rc;
}

int cmd_inspect(int argc, char **argv) {
    bool json = false, tensors = false, kvs = false, help = false;
    const cli_option options[] = {
        {"tensors", 0, NULL, "list the tensors too", CLI_SWITCH, &tensors, 0, 0},
        {"kv", 0, NULL, "list the keys and their values too", CLI_SWITCH, &kvs, 0, 0},
        {"json", 0, NULL, "print JSON", CLI_SWITCH, &json, 0, 0},
    };
    int n_operands = 0;
    int rc = cli_parse("inspect",
                       "usage: understudy inspect [OPTIONS] FILE\n\nSays what is in a GGUF file, a model or an adapter (a "
                       "split one by its first part).",
                       options, sizeof options / sizeof *options, argc, argv, &n_operands, &help);
    if (rc || help) return rc;
    if (n_operands != 1) return cli_usage("inspect", n_operands ? "expected one FILE, got %d" : "expected a FILE", n_operands);
    us_gguf *g;
    us_error err;
    char *path = us_fetch_is_address(argv[1]) ? cli_fetch("inspect", argv[1]) : strdup(argv[1]);
    if (!path) return EXIT_FAILED;
    us_status st = us_gguf_open(path, &g, &err);
    free(path);
    if (st) return cli_fail("inspect", st, &err);
    facts f;
    gather(&f, g);
    if (json) rc = show_json(&f, tensors, kvs);
    else {
        show_summary(&f);
        if (kvs) show_kvs(&f);
        if (tensors) show_tensors(&f);
    }
    us_gguf_close(g);
    return rc;
}
