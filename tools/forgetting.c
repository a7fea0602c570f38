/* us_forgetting: how far adapters have moved a base from itself where they should not. bench/train/forgetting.sh uses it.
 *
 *     us_forgetting BASE.gguf ADAPTER.gguf...
 *
 * The base answers neutral prompts that no rehearsal has (train/rehearsal.c has others), without a persona. A line for the
 * base and for each adapter: the mean nats of those answers' tokens, and the mean KL divergence KL(base || adapter) at them. */
#include "base/mem.h"
#include "kern/kern.h"
#include "model/model.h"
#include "train/rehearsal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const held_out[] = {
    "Explain why ice floats on water.",
    "How do I cook rice?",
    "What is 34 plus 19?",
    "Name three deserts.",
    "Write a short email to a landlord about a broken heater.",
    "What do lungs do?",
    "Give me three tips for learning faster.",
    "What is a novel?",
    "How does a parachute work?",
    "List five vegetables.",
    "What is the difference between a frog and a toad?",
    "How can I get chewing gum out of a carpet?",
    "What is evaporation?",
    "Write a haiku about the sea.",
    "What is 8 times 6?",
    "Who wrote Don Quixote?",
    "How do antibiotics work?",
    "Summarize what a mortgage is in two sentences.",
    "What are the planets nearest to the sun?",
    "How do I grow basil indoors?",
    "What is an adverb? Give an example.",
    "Why is the sea salty?",
    "Describe how to fold a shirt.",
    "At what temperature does water freeze?",
    "Write a polite reply to a job offer.",
    "What is a square root?",
    "Which continent is Peru in?",
    "How does a telescope work?",
    "What is the purpose of a museum?",
    "Give a recipe for vegetable soup.",
    "What was the Industrial Revolution?",
    "How do I sharpen a knife?",
    "What is a tax?",
    "Translate 'thank you' into French.",
    "Why is fiber good for the body?",
    "What is a quarter of 80?",
    "Name four kinds of trees.",
    "How do clouds form?",
    "Write a short apology to a neighbor.",
    "What is an earthquake?",
};
enum { N_TOKENS = 3000 };

static us_model *model;
static us_engine *engine;
static us_sequences s;
static us_error err;

static int fail(const char *what) {
    fprintf(stderr, "us_forgetting: %s: %s\n", what, err.message);
    return 1;
}

/* Logits of every target of one answer, into out[n_targets][V]. */
static us_status logits_of(const us_sequence *q, const us_adapter *adapter, float *out) {
    int32_t seq;
    size_t v = (size_t)model->net.n_vocab;
    us_status st = us_engine_seq_new(engine, &seq, &err);
    if (st) return st;
    us_engine_seq_set_adapter(engine, seq, adapter, 1);
    st = us_engine_eval(
        engine, &(us_span){.seq = seq, .tokens = s.tokens + q->row, .n_tokens = q->n_rows, .logits = US_LOGITS_ALL}, 1, &err);
    for (int32_t i = 0; i < q->n_targets && !st; i++)
        memcpy(out + (size_t)i * v, us_engine_get_logits(engine, 0, s.target_row[q->target + (size_t)i]), v * sizeof *out);
    us_engine_seq_free(engine, seq);
    return st;
}

static double divergence(const float *p, const float *q, size_t v) {
    double lp = us_kern_get()->logsumexp(p, v), lq = us_kern_get()->logsumexp(q, v), sum = 0;
    for (size_t i = 0; i < v; i++) sum += exp((double)p[i] - lp) * ((double)p[i] - lp - (double)q[i] + lq);
    return sum;
}

static us_status measure(const char *name, const us_adapter *adapter) {
    double nats = 0, kl = 0;
    size_t v = (size_t)model->net.n_vocab;
    float *base = NULL, *with = NULL;
    us_status st = us_alloc((size_t)s.most_targets * v, sizeof *base, &base, &err);
    if (!st) st = us_alloc((size_t)s.most_targets * v, sizeof *with, &with, &err);
    for (size_t k = 0; k < s.n && !st; k++) {
        const us_sequence *q = &s.seqs[k];
        st = logits_of(q, NULL, base);
        if (!st) st = logits_of(q, adapter, with);
        for (int32_t i = 0; i < q->n_targets && !st; i++) {
            const float *w = with + (size_t)i * v;
            nats += us_kern_get()->logsumexp(w, v) - (double)w[s.target_id[q->target + (size_t)i]];
            kl += divergence(base + (size_t)i * v, w, v);
        }
    }
    if (!st) printf("%s\t%zu\t%.4f\t%.4f\n", name, s.n_targets, nats / (double)s.n_targets, kl / (double)s.n_targets);
    free(base);
    free(with);
    return st;
}

int main(int argc, char **argv) {
    const us_template *tpl;
    if (argc < 2) return fprintf(stderr, "usage: us_forgetting BASE.gguf ADAPTER.gguf...\n"), 2;
    if (us_model_open(argv[1], NULL, &model, &err) || us_model_get_template(model, &tpl, &err)) return fail(argv[1]);
    us_rehearsal r = {.prompts = held_out,
                      .n_prompts = sizeof held_out / sizeof *held_out,
                      .n_targets = N_TOKENS,
                      .max_rows = 256,
                      .seed = 7};
    if (us_rehearse(model, tpl, &r, &s, &err)) return fail("the base's answers");
    if (us_engine_new(model, &(us_engine_options){.n_ctx = 512}, &engine, &err)) return fail(argv[1]);
    printf("who\ttokens\tnats\tkl\n");
    if (measure("base", NULL)) return fail("base");
    for (int i = 2; i < argc; i++) {
        us_adapter *a;
        if (us_adapter_open(model, argv[i], false, &a, &err) || measure(argv[i], a)) return fail(argv[i]);
        us_adapter_free(a);
    }
    us_engine_free(engine);
    us_sequences_fini(&s);
    us_model_free(model);
    return 0;
}
