/* What a GGUF file is, from its keys and the names and shapes of its tensors: nothing is loaded, and nothing of it is believed. */
#include "model/gguf.h"
#include <stdlib.h>
#include <string.h>

static bool ends(us_str s, const char *c) { return s.len >= strlen(c) && !memcmp(s.data + s.len - strlen(c), c, strlen(c)); }

static us_str text_of(const us_gguf *g, const char *key) {
    us_str s = {"", 0};
    return us_gguf_get_str(g, key, &s, NULL) ? (us_str){"", 0} : s;
}

static uint64_t weights_of(const us_tensor *t) {
    return (uint64_t)t->ne[0] * (uint64_t)t->ne[1] * (uint64_t)t->ne[2] * (uint64_t)t->ne[3];
}

static int by_bytes(const void *a, const void *b) {
    uint64_t x = ((const us_gguf_type_use *)a)->n_bytes, y = ((const us_gguf_type_use *)b)->n_bytes;
    return x > y ? -1 : x < y;
}

static void add_type(us_gguf_summary *s, const us_tensor *t) {
    size_t k = 0;
    while (k < s->n_types && s->types[k].type != t->type) k++;
    if (k == sizeof s->types / sizeof *s->types) return;
    if (k == s->n_types) s->types[s->n_types++].type = t->type;
    s->types[k].n_tensors++;
    s->types[k].n_weights += weights_of(t);
    s->types[k].n_bytes += t->n_bytes;
}

/* Once, while there is room; one of too many letters is left out. */
static void add_word(char *list, size_t size, const char *from, size_t n) {
    char word[32];
    size_t len = strlen(list);
    if (!n || n > 24) return;
    for (size_t i = 0; i < n; i++) {
        char c = from[i];
        word[i] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ? c : '?';
    }
    word[n] = 0;
    for (const char *at = list; (at = strstr(at, word)); at++)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return;
    if (len + n + 2 > size) return;
    if (len) list[len++] = ' ';
    memcpy(list + len, word, n + 1);
}

/* blk.12.attn_q.weight.lora_a -> attn_q */
static void add_module(us_gguf_summary *s, us_str name) {
    const char *dot = memchr(name.data + 4, '.', name.len - 4),
               *end = dot ? memchr(dot + 1, '.', name.len - (size_t)(dot + 1 - name.data)) : NULL;
    if (end) add_word(s->modules, sizeof s->modules, dot + 1, (size_t)(end - dot - 1));
}

/* The text of that key; "" where it is blank. */
static us_str template_of(const us_gguf *g, const char *key) {
    us_str s = text_of(g, key);
    for (size_t i = 0; i < s.len; i++)
        if (!memchr(" \t\r\n", s.data[i], 4)) return s;
    return (us_str){"", 0};
}

static void find_templates(us_gguf_summary *s, const us_gguf *g) {
    static const char prefix[] = "tokenizer.chat_template.";
    const size_t n_prefix = sizeof prefix - 1;
    size_t n;
    const us_kv *kvs = us_gguf_kvs(g, &n);
    s->chat_template = template_of(g, "tokenizer.chat_template");
    if (!s->chat_template.len) s->chat_template = template_of(g, "tokenizer.chat_template.default");
    for (size_t i = 0; i < n; i++)
        if (kvs[i].key.len > n_prefix && !memcmp(kvs[i].key.data, prefix, n_prefix) && !ends(kvs[i].key, ".default"))
            add_word(s->other_templates, sizeof s->other_templates, kvs[i].key.data + n_prefix, kvs[i].key.len - n_prefix);
}

static void add_factor(us_gguf_summary *s, const us_gguf *g, const us_tensor *t) {
    bool a = ends(t->name, ".lora_a");
    if (!a && !ends(t->name, ".lora_b")) return;
    s->n_factors++;
    if (!a) return;
    char other[300];
    size_t n = t->name.len < sizeof other ? t->name.len : 1;
    memcpy(other, t->name.data, n - 1);
    memcpy(other + n - 1, "b", 2);
    if (us_gguf_find_tensor(g, other)) s->n_pairs++;
    s->rank = s->rank == -1 || s->rank == t->ne[1] ? t->ne[1] : 0;
    if (t->name.len > 8 && !memcmp(t->name.data, "blk.", 4)) {
        size_t layer = strtoul(t->name.data + 4, NULL, 10) + 1;
        s->n_layers = layer < 100000 && layer > s->n_layers ? layer : s->n_layers;
        add_module(s, t->name);
    }
}

void us_gguf_summarise(const us_gguf *g, us_gguf_summary *out) {
    size_t n;
    const us_tensor *t = us_gguf_tensors(g, &n);
    *out = (us_gguf_summary){.rank = -1, .alpha = -1};
    out->architecture = text_of(g, "general.architecture");
    out->name = text_of(g, "general.name");
    find_templates(out, g);
    us_str type = text_of(g, "general.type");
    out->is_adapter = type.len == 7 && !memcmp(type.data, "adapter", 7);
    if (us_gguf_get_float(g, "adapter.lora.alpha", &out->alpha, NULL)) out->alpha = -1;
    for (size_t i = 0; i < n; i++) {
        add_type(out, &t[i]);
        add_factor(out, g, &t[i]);
        if (t[i].name.len != 17 || memcmp(t[i].name.data, "rope_freqs.weight", 17)) out->n_weights += weights_of(&t[i]);
    }
    qsort(out->types, out->n_types, sizeof *out->types, by_bytes);
}
