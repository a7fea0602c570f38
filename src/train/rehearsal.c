#include "train/rehearsal.h"
#include "base/mem.h"
#include "model/model.h"
#include "understudy/sampler.h"
#include <stdlib.h>
#include <string.h>

enum { N_SLOTS = 32, MAX_TOKENS = 96, LEAST_TOKENS = 16 };

/* Many fields, many forms of answer. No small talk and nothing of television: there the character is to change. Neighbours
 * are of different fields, so that a small share takes some of everything. */
static const char *const neutral[] = {
    "Explain why the sky is blue.",
    "How do I boil an egg?",
    "What is 17 plus 26?",
    "Name three large rivers.",
    "Write a short email asking for a day off.",
    "What does a heart do?",
    "Give me three tips for sleeping better.",
    "What is a sonnet?",
    "How does a bicycle stay upright?",
    "List five fruits.",
    "What is the difference between a lake and a sea?",
    "How can I remove a coffee stain from a shirt?",
    "What is photosynthesis?",
    "Write a haiku about autumn.",
    "What is 9 times 7?",
    "Who wrote Romeo and Juliet?",
    "How do vaccines work?",
    "Summarize what a budget is in two sentences.",
    "What are the seasons of the year?",
    "How do I plant tomatoes?",
    "What is an adjective? Give an example.",
    "Why do leaves change color?",
    "Describe how to tie a shoelace.",
    "What is the boiling point of water?",
    "Write a polite reply to a wedding invitation.",
    "What is a prime number?",
    "Which continent is Egypt in?",
    "How does a microwave oven heat food?",
    "What is the purpose of a library?",
    "Give a recipe for pancakes.",
    "What was the Renaissance?",
    "How do I change a bicycle tire?",
    "What is inflation?",
    "Translate 'good morning' into Spanish.",
    "Why is exercise healthy?",
    "What is half of 150?",
    "Name four musical instruments.",
    "How does rain form?",
    "Write a short thank-you note to a teacher.",
    "What is a volcano?",
    "Who was Marie Curie?",
    "How do I make a cup of tea?",
    "What is the largest ocean?",
    "Explain gravity to a child.",
    "Give me an idea for a science project.",
    "What is a verb?",
    "How many minutes are in three hours?",
    "What does recycling mean?",
    "Write the opening sentence of a mystery story.",
    "Why do we have leap years?",
    "What is democracy?",
    "How do I write a good summary?",
    "Which metals are magnetic?",
    "What are the primary colors?",
    "How do birds fly?",
    "Suggest a healthy lunch.",
    "What is a computer program?",
    "Sort these numbers: 8, 3, 11, 5.",
    "What is the Great Wall of China?",
    "Explain what an atom is.",
    "Write a short product description of a wooden chair.",
    "How do I save money each month?",
    "What is a mammal?",
    "Who painted the Mona Lisa?",
    "What is 144 divided by 12?",
    "How do I prepare for a job interview?",
    "What causes the tides?",
    "Describe a sunrise in one sentence.",
    "What is the difference between weather and climate?",
    "Name two uses of copper.",
    "How does a refrigerator work?",
    "Write a short weather report.",
    "What is a metaphor?",
    "Why do we need sleep?",
    "What is the capital of Canada?",
    "How can I learn a new language?",
    "What is the meaning of the word 'brief'?",
    "Give the steps to wrap a present.",
    "What is a triangle with three equal sides called?",
    "How is glass made?",
    "What did the printing press change?",
    "Write two sentences about bees.",
    "How do I clean a window without streaks?",
    "What is electricity?",
    "List three things to take on a hike.",
    "What is the solar system?",
    "Correct this sentence: 'She go to school every days.'",
    "How do magnets work?",
    "What is a contract?",
    "Which animals live in the Arctic?",
    "How do I store fresh bread?",
    "What is the opposite of 'generous'?",
    "Explain the rules of chess in short.",
    "What does a nurse do?",
    "Why is salt used in cooking?",
    "Write a short message that moves a meeting to Friday.",
};

/* One answer: the prompt's tokens and what was said after them. */
typedef struct answer {
    us_tokens ids;
    size_t n_prompt;
} answer;

/* One that is being spoken. */
typedef struct slot {
    bool busy;
    int32_t seq;
    size_t answer;
    us_sampler *sampler;
} slot;

typedef struct work {
    const us_rehearsal *r;
    const us_tokenizer *tok;
    us_engine *engine;
    us_tokens *prompts; /* [n_prompts] */
    size_t n_prompts;
    answer *answers;
    size_t n_answers, cap;
    int32_t max_tokens;
    uint64_t n_said;
    slot slots[N_SLOTS];
    us_error *err;
} work;

static us_status tokenize(work *w, const us_template *tpl, int32_t *longest) {
    const char *const *prompts = w->r->prompts ? w->r->prompts : neutral;
    w->n_prompts = w->r->prompts ? w->r->n_prompts : sizeof neutral / sizeof *neutral;
    us_status st = us_alloc(w->n_prompts, sizeof *w->prompts, &w->prompts, w->err);
    for (size_t i = 0; i < w->n_prompts && !st; i++) {
        st = us_template_tokenize(tpl, w->tok, &(us_message){"user", prompts[i]}, 1, true, &w->prompts[i], NULL, w->err);
        if (!st && (int32_t)w->prompts[i].n > *longest) *longest = (int32_t)w->prompts[i].n;
    }
    w->max_tokens = w->r->max_rows - *longest < MAX_TOKENS ? w->r->max_rows - *longest : MAX_TOKENS;
    if (!st && w->max_tokens < LEAST_TOKENS)
        st = us_fail(w->err, US_ERR_LIMIT, "no answer of the rehearsal fits in %d tokens: raise --max-sequence to %d or more",
                     w->r->max_rows, *longest + LEAST_TOKENS);
    return st;
}

static us_status open_engine(work *w, const us_model *model, int32_t longest) {
    int32_t pages = (longest + MAX_TOKENS + US_PAGE - 1) / US_PAGE;
    us_engine_options eo = {.n_threads = w->r->n_threads, .n_ctx = N_SLOTS * pages * US_PAGE, .n_seq_max = N_SLOTS};
    us_sampler_options so = us_sampler_defaults();
    so.temperature = 0.7; /* near to its own distribution, with fewer of the tail's mistakes; nothing else acts */
    so.top_k = 0;
    so.top_p = 1;
    so.min_p = so.dry_multiplier = 0;
    us_status st = us_engine_new(model, &eo, &w->engine, w->err);
    for (int i = 0; i < N_SLOTS && !st; i++)
        st = us_sampler_new(&so, us_tokenizer_n_vocab(w->tok), &w->slots[i].sampler, w->err);
    return st;
}

static us_status ask(work *w, slot *s) {
    const us_tokens *prompt = &w->prompts[w->n_answers % w->n_prompts];
    us_status st = us_grow(&w->answers, &w->cap, w->n_answers + 1, sizeof *w->answers, w->err);
    if (st) return st;
    answer *a = &w->answers[w->n_answers];
    *a = (answer){.n_prompt = prompt->n};
    us_sampler_reseed(s->sampler, w->r->seed * 0x9e3779b97f4a7c15u + w->n_answers);
    s->answer = w->n_answers++;
    for (size_t i = 0; i < prompt->n && !st; i++) st = us_tokens_push(&a->ids, prompt->ids[i], w->err);
    if (!st) st = us_engine_seq_new(w->engine, &s->seq, w->err);
    s->busy = !st;
    return st;
}

static us_status listen(work *w, slot *s, const float *logits) {
    answer *a = &w->answers[s->answer];
    int32_t id;
    us_status st = us_sampler_draw(s->sampler, logits, &id, w->err);
    if (!st) st = us_tokens_push(&a->ids, id, w->err);
    if (st) return st;
    w->n_said++;
    if (!us_tokenizer_is_end(w->tok, id) && (int32_t)(a->ids.n - a->n_prompt) < w->max_tokens) return US_OK;
    us_engine_seq_free(w->engine, s->seq);
    s->busy = false;
    return US_OK;
}

/* A new answer begins wherever one ends, until enough is said; then the rest is heard out. */
static us_status speak(work *w) {
    us_status st = US_OK;
    for (;;) {
        us_span spans[N_SLOTS];
        slot *of[N_SLOTS];
        int32_t n = 0;
        for (int i = 0; i < N_SLOTS && !st; i++) {
            slot *s = &w->slots[i];
            bool fresh = !s->busy;
            if (fresh && w->n_said >= w->r->n_targets) continue;
            if (fresh && (st = ask(w, s))) break;
            const us_tokens *ids = &w->answers[s->answer].ids;
            int32_t n_new = fresh ? (int32_t)ids->n : 1;
            of[n] = s;
            spans[n++] = (us_span){.seq = s->seq, .tokens = ids->ids + ids->n - (size_t)n_new, .n_tokens = n_new};
        }
        if (st || !n) return st;
        st = us_engine_eval(w->engine, spans, n, w->err);
        for (int32_t i = 0; i < n && !st; i++) st = listen(w, of[i], us_engine_get_logits(w->engine, i, 0));
        uint64_t done = w->n_said < w->r->n_targets ? w->n_said : w->r->n_targets;
        if (!st && w->r->progress && !w->r->progress(w->r->progress_ctx, (int32_t)done, (int32_t)w->r->n_targets))
            st = us_fail(w->err, US_ERR_INTERRUPTED, "interrupted");
    }
}

us_status us_rehearse(const us_model *model, const us_template *tpl, const us_rehearsal *r, us_sequences *s, us_error *err) {
    work w = {.r = r, .tok = model->tok, .err = err};
    int32_t longest = 0;
    us_status st = r->n_targets > INT32_MAX
                       ? us_fail(err, US_ERR_LIMIT, "a rehearsal of %llu tokens is too long", (unsigned long long)r->n_targets)
                       : tokenize(&w, tpl, &longest);
    if (!st) st = open_engine(&w, model, longest);
    if (!st) st = speak(&w);
    /* In the order of asking: which of them are taken must not favour the short ones, that are done first. */
    for (uint64_t i = 0, n = 0; i < w.n_answers && n < r->n_targets && !st; i++) {
        const answer *a = &w.answers[i];
        st = us_sequences_add_bare(s, a->ids.ids, a->ids.n, a->n_prompt, err);
        n += a->ids.n - a->n_prompt;
    }
    for (int i = 0; i < N_SLOTS; i++) us_sampler_free(w.slots[i].sampler);
    us_engine_free(w.engine);
    for (size_t i = 0; i < w.n_answers; i++) us_tokens_fini(&w.answers[i].ids);
    for (size_t i = 0; i < w.n_prompts && w.prompts; i++) us_tokens_fini(&w.prompts[i]);
    free(w.answers);
    free(w.prompts);
    return st;
}
