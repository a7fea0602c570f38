/* The judge of takes: its file, what it reads, and the pass that gives every take a value. */
#include "reply/director.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "generate/engine.h"
#include "model/model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 400 };

struct us_director {
    us_adapter *adapter;
    float *head; /* [D] */
    int32_t layers;
    double nats; /* that a unit of its values is worth */
};

/* ---- what it reads ------------------------------------------------------------------------------------------- */

/* The end of a long text, in whole characters: what was said last is what is answered. Line breaks become blanks. */
static us_status append_text(us_buf *b, const char *text, us_error *err) {
    size_t n = strlen(text), skip = n > MAX_LINE_BYTES ? n - MAX_LINE_BYTES : 0, from = b->len;
    while (skip && ((unsigned char)text[skip] & 0xc0) == 0x80) skip++;
    us_status st = us_buf_append_str(b, text + skip, err);
    for (size_t i = from; i < b->len && !st; i++)
        if (b->data[i] == '\n' || b->data[i] == '\r') b->data[i] = ' ';
    return st;
}

static us_status write_line(us_buf *b, const us_said *l, us_error *err) {
    us_status st = l->name && *l->name ? us_buf_appendf(b, err, "%s: ", l->name) : us_buf_append_str(b, "- ", err);
    if (!st) st = append_text(b, l->text, err);
    return st ? st : us_buf_append_str(b, "\n", err);
}

us_status us_director_read(const us_tokenizer *tok, const us_said *lines, size_t n, const char *who, us_tokens *out,
                           us_error *err) {
    us_status st = US_OK;
    size_t start = out->n, first = n > US_DIRECTOR_LINES ? n - US_DIRECTOR_LINES : 0;
    for (;; first++) {
        us_buf b;
        us_buf_init(&b, 1 << 20);
        out->n = start;
        for (size_t i = first; i < n && !st; i++) st = write_line(&b, &lines[i], err);
        if (!st) st = us_buf_appendf(&b, err, "%s:", who);
        if (!st) st = us_tokenizer_encode(tok, b.data, b.len, false, out, err);
        us_buf_fini(&b);
        if (st || out->n - start <= US_DIRECTOR_CONTEXT || first + 1 >= n) break;
    }
    if (!st && out->n - start > US_DIRECTOR_CONTEXT) { /* one line alone is too long: its end counts */
        memmove(out->ids + start, out->ids + out->n - US_DIRECTOR_CONTEXT, US_DIRECTOR_CONTEXT * sizeof *out->ids);
        out->n = start + US_DIRECTOR_CONTEXT;
    }
    return st;
}

us_status us_director_read_reply(const us_tokenizer *tok, const char *text, us_tokens *out, us_error *err) {
    us_buf b;
    us_buf_init(&b, 1 << 20);
    size_t start = out->n;
    us_status st = us_buf_append_str(&b, " ", err);
    if (!st) st = append_text(&b, text, err);
    if (!st) st = us_tokenizer_encode(tok, b.data, b.len, false, out, err);
    if (!st && out->n - start >= US_DIRECTOR_REPLY) {
        size_t keep = (US_DIRECTOR_REPLY - 1) / 2, tail = US_DIRECTOR_REPLY - 1 - keep;
        memmove(out->ids + start + keep, out->ids + out->n - tail, tail * sizeof *out->ids);
        out->n = start + keep + tail;
    }
    if (!st) st = us_tokenizer_encode(tok, "\n", 1, false, out, err);
    us_buf_fini(&b);
    return st;
}

/* ---- its file --------------------------------------------------------------------------------------------------- */

static us_status read_head(us_director *d, const us_model *m, const us_gguf *g, us_error *err) {
    int64_t layers;
    const us_tensor *t = us_gguf_find_tensor(g, US_DIRECTOR_HEAD);
    us_status st = us_gguf_get_int(g, "understudy.director.layers", 1, m->net.n_layers, &layers, err);
    if (st) return st;
    if (!t || t->type != US_TYPE_F32 || t->n_dims != 1 || t->ne[0] != m->net.n_embd)
        return us_fail(err, US_ERR_MISMATCH, "%s: tensor 'director.head' of %d float32 numbers is expected", us_gguf_path(g),
                       m->net.n_embd);
    d->layers = (int32_t)layers;
    d->nats = US_DIRECTOR_NATS;
    if (us_gguf_find(g, "understudy.director.nats")) st = us_gguf_get_float(g, "understudy.director.nats", &d->nats, err);
    if (!st && !(d->nats >= 0 && d->nats <= 1000))
        st = us_fail(err, US_ERR_FORMAT, "%s: a director's values weigh 0 to 1000 nats", us_gguf_path(g));
    if (st) return st;
    st = us_alloc((size_t)m->net.n_embd, sizeof *d->head, &d->head, err);
    if (!st) memcpy(d->head, t->data, (size_t)m->net.n_embd * sizeof *d->head);
    for (int32_t i = 0; i < m->net.n_embd && !st; i++)
        if (!isfinite(d->head[i]))
            st = us_fail(err, US_ERR_FORMAT, "%s: 'director.head' holds a value that is not finite", us_gguf_path(g));
    return st;
}

us_status us_director_open(const us_model *m, const char *path, us_director **out, us_error *err) {
    us_director *d = NULL;
    us_gguf *g = NULL;
    us_status st = us_alloc(1, sizeof *d, &d, err);
    if (!st) st = us_adapter_open_director(m, path, &d->adapter, err);
    if (!st) st = us_gguf_open(path, &g, err);
    if (!st) st = read_head(d, m, g, err);
    us_gguf_close(g);
    if (st) us_director_free(d);
    else *out = d;
    return st;
}

void us_director_free(us_director *d) {
    if (!d) return;
    us_adapter_free(d->adapter);
    free(d->head);
    free(d);
}

us_status us_director_find(const us_model *m, const char *folder, const char *general, us_director **out, us_error *err) {
    const char *const under[] = {"director.gguf", "../director.gguf"};
    us_status st = US_OK;
    *out = NULL;
    for (int i = 0; i < 3 && !*out && !st; i++) {
        char *path = i < 2 ? us_path_join(folder, under[i]) : general ? us_path_join(general, under[0]) : NULL;
        if (!path && (i < 2 || general)) st = us_fail(err, US_ERR_MEMORY, "out of memory");
        if (path && us_file_exists(path)) /* as all that belongs to a character: no link is followed */
            st = us_file_is_plain(path)
                     ? us_director_open(m, path, out, err)
                     : us_fail(err, US_ERR_FORMAT, "%s: no regular file of this folder (a link, a pipe)", path);
        if (i == 2 && st == US_ERR_MISMATCH) st = US_OK; /* it is for another base, as it may be */
        free(path);
    }
    return st;
}

/* ---- judging ------------------------------------------------------------------------------------------------------ */

static us_status judge(const us_director *d, us_engine *e, const us_tokens *context, const us_tokens *replies, size_t n,
                       double *values, us_error *err) {
    us_span *spans = NULL;
    int32_t seq = -1;
    size_t n_seqs = 0;
    float *v = NULL, none;
    us_status st = us_alloc(n, sizeof *spans, &spans, err);
    if (!st) st = us_alloc(n, sizeof *v, &v, err);
    if (!st) st = us_engine_seq_new(e, &seq, err);
    if (!st) us_engine_seq_set_adapter(e, seq, d->adapter, 1);
    us_span head = {.seq = seq, .tokens = context->ids, .n_tokens = (int32_t)context->n, .prompt = true};
    if (!st) st = us_engine_judge(e, &head, 1, d->layers, d->head, &none, err);
    for (; n_seqs < n && !st; n_seqs++) {
        spans[n_seqs].seq = seq; /* the last goes on with the conversation itself */
        if (n_seqs + 1 < n && (st = us_engine_seq_fork(e, seq, (int32_t)context->n, &spans[n_seqs].seq, err))) break;
        spans[n_seqs].tokens = replies[n_seqs].ids;
        spans[n_seqs].n_tokens = (int32_t)replies[n_seqs].n;
        spans[n_seqs].prompt = true;
    }
    if (!st) st = us_engine_judge(e, spans, (int32_t)n, d->layers, d->head, v, err);
    for (size_t i = 0; i < n && !st; i++) values[i] = (double)v[i];
    for (size_t i = 0; i < n_seqs && i + 1 < n; i++) us_engine_seq_free(e, spans[i].seq);
    if (seq >= 0) us_engine_seq_free(e, seq);
    free(v);
    free(spans);
    return st;
}

us_status us_director_judge(const us_director *d, us_engine *e, const us_said *lines, size_t n_lines, const char *who,
                            const char *const *takes, size_t n, double *values, us_error *err) {
    const us_tokenizer *tok = us_model_get_tokenizer(us_engine_get_model(e));
    us_tokens context = {0}, *replies = NULL;
    us_status st = us_alloc(n, sizeof *replies, &replies, err);
    if (!st) st = us_director_read(tok, lines, n_lines, who, &context, err);
    for (size_t i = 0; i < n && !st; i++) st = us_director_read_reply(tok, takes[i], &replies[i], err);
    if (!st && n) st = judge(d, e, &context, replies, n, values, err);
    for (size_t i = 0; i < n && replies; i++) us_tokens_fini(&replies[i]);
    free(replies);
    us_tokens_fini(&context);
    return st;
}

us_status us_director_choose(void *context, const us_conversation_view *c, us_candidate *takes, int32_t n, us_error *err) {
    const us_director *director = context;
    const char **texts = NULL;
    double *values = NULL;
    if (!c->engine || !c->n_lines || !c->who || n < 2) return US_OK;
    us_status st = us_alloc((size_t)n, sizeof *texts, &texts, err);
    if (!st) st = us_alloc((size_t)n, sizeof *values, &values, err);
    for (int32_t i = 0; i < n && !st; i++) texts[i] = takes[i].text;
    if (!st) st = us_director_judge(director, c->engine, c->lines, c->n_lines, c->who, texts, (size_t)n, values, err);
    for (int32_t i = 0; i < n && !st; i++) takes[i].judged += director->nats * values[i];
    free(values);
    free(texts);
    return st == US_ERR_LIMIT ? US_OK : st; /* a full cache: the rules choose */
}
