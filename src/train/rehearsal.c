/* Prompts are tokenized, answered side by side by the base, and added to the sequences. */
#include "train/rehearsal.h"
#include "base/mem.h"
#include "reply/reply.h"
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

typedef struct work {
    const us_rehearsal *r;
    const us_template *tpl;
    us_backend backend;
    us_reply **replies; /* [n_begun] in the order of asking; NULL: taken already */
    size_t n_begun, cap;
    int32_t max_tokens;
    us_error *err;
} work;

static const char *prompt_of(const us_rehearsal *r, size_t i) {
    return r->prompts ? r->prompts[i % r->n_prompts] : neutral[i % (sizeof neutral / sizeof *neutral)];
}

static us_status tokenize(const work *w, size_t i, us_tokens *out) {
    return us_template_tokenize(w->tpl, w->backend.tok, &(us_message){"user", prompt_of(w->r, i)}, 1, true, out, NULL, w->err);
}

static us_status find_longest(const work *w, const us_tokenizer *tok, int32_t *longest) {
    size_t n = w->r->prompts ? w->r->n_prompts : sizeof neutral / sizeof *neutral;
    us_status st = US_OK;
    for (size_t i = 0; i < n && !st; i++) {
        us_tokens ids = {0};
        st = us_template_tokenize(w->tpl, tok, &(us_message){"user", prompt_of(w->r, i)}, 1, true, &ids, NULL, w->err);
        if (!st && (int32_t)ids.n > *longest) *longest = (int32_t)ids.n;
        us_tokens_fini(&ids);
    }
    return st;
}

/* The base alone: near to its own distribution, with fewer of the tail's mistakes; nothing else acts. */
static us_reply_policy policy_of(const work *w, size_t i) {
    us_reply_policy p = {.sampler = us_sampler_defaults(), .n_takes = 1, .max_tokens = w->max_tokens};
    p.sampler.temperature = 0.7;
    p.sampler.top_k = 0;
    p.sampler.top_p = 1;
    p.sampler.min_p = p.sampler.dry_multiplier = 0;
    p.sampler.seed = w->r->seed + i; /* the same prompt comes again, and wants another answer */
    return p;
}

static us_status begin_next(work *w) {
    us_reply_spec spec = {.policy = policy_of(w, w->n_begun)};
    us_status st = us_grow(&w->replies, &w->cap, w->n_begun + 1, sizeof *w->replies, w->err);
    if (!st) st = tokenize(w, w->n_begun, &spec.prompt);
    if (!st) st = us_reply_begin(&w->backend, &spec, &w->replies[w->n_begun], w->err);
    if (!st) w->n_begun++;
    us_reply_spec_fini(&spec);
    return st;
}

/* The answer's tokens behind its prompt's, as a sequence to learn; *n_said counts the answer's. */
static us_status take(const work *w, us_reply *reply, us_sequences *s, uint64_t *n_said) {
    us_tokens all = {0};
    us_reply_view v = {0};
    while (!v.done) v = us_reply_wait(reply, 1000);
    if (v.status) {
        if (w->err) *w->err = *us_reply_error(reply);
        return v.status;
    }
    const us_tokens *prompt = us_reply_prompt(reply), *answer = &us_reply_get(reply, 0).take->ids;
    us_status st = US_OK;
    for (size_t i = 0; i < prompt->n && !st; i++) st = us_tokens_push(&all, prompt->ids[i], w->err);
    for (size_t i = 0; i < answer->n && !st; i++) st = us_tokens_push(&all, answer->ids[i], w->err);
    if (!st) st = us_sequences_add_bare(s, all.ids, all.n, prompt->n, w->err);
    *n_said += answer->n;
    us_tokens_fini(&all);
    return st;
}

/* N_SLOTS answers are under way until enough has been said. They are taken in the order of asking: which of them are must not
 * favour the short ones, that are done first. */
static us_status answer_all(work *w, us_sequences *s) {
    const us_rehearsal *r = w->r;
    us_status st = US_OK;
    uint64_t n = 0;
    for (size_t i = 0; n < r->n_targets && !st; i++) {
        while (w->n_begun < i + N_SLOTS && !st) st = begin_next(w);
        if (!st) st = take(w, w->replies[i], s, &n);
        if (st) break;
        us_reply_free(w->replies[i]);
        w->replies[i] = NULL;
        uint64_t done = n < r->n_targets ? n : r->n_targets;
        if (r->progress && !r->progress(r->progress_ctx, (int32_t)done, (int32_t)r->n_targets))
            st = us_fail(w->err, US_ERR_INTERRUPTED, "interrupted");
    }
    us_backend_stop(&w->backend); /* those that are no longer needed */
    for (size_t i = 0; i < w->n_begun; i++) us_reply_free(w->replies[i]);
    free(w->replies);
    return st;
}

us_status us_rehearse(const us_model *model, const us_template *tpl, const us_rehearsal *r, us_sequences *s, us_error *err) {
    work w = {.r = r, .tpl = tpl, .err = err};
    us_engine *engine = NULL;
    int32_t longest = 0;
    us_status st = r->n_targets > INT32_MAX
                       ? us_fail(err, US_ERR_LIMIT, "a rehearsal of %llu tokens is too long", (unsigned long long)r->n_targets)
                       : find_longest(&w, us_model_get_tokenizer(model), &longest);
    w.max_tokens = r->max_rows - longest < MAX_TOKENS ? r->max_rows - longest : MAX_TOKENS;
    if (!st && w.max_tokens < LEAST_TOKENS)
        st = us_fail(err, US_ERR_LIMIT, "no answer of the rehearsal fits in %d tokens: raise --max-sequence to %d or more",
                     r->max_rows, longest + LEAST_TOKENS);
    us_engine_options eo = {.n_threads = r->n_threads,
                            .n_ctx = N_SLOTS * us_batch_tokens_for(longest + w.max_tokens, 1, w.max_tokens),
                            .n_seq_max = 3 * N_SLOTS};
    if (!st) st = us_engine_new(model, &eo, &engine, err);
    if (!st && !(st = us_backend_open(engine, N_SLOTS, N_SLOTS, &w.backend, err))) st = answer_all(&w, s);
    us_backend_close(&w.backend);
    us_engine_free(engine);
    return st;
}
