/* What the model reads: persona and examples as the one who answers has them, then the conversation. */
#include "audition/audition.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

const us_adapter *us_audition_adapter(const us_audition *a, us_who who) { return who == US_WHO_ADAPTER ? a->adapter : NULL; }

/* The card's examples are for a model that was not trained, as in the chat. */
us_status us_audition_prompt(const us_audition *a, us_who who, const us_message *messages, size_t n, us_tokens *out, us_error *err) {
    size_t n_examples = who == US_WHO_PROMPT ? a->card->n_lines : 0, k = 0;
    us_message *m = NULL;
    us_status st = us_alloc(n + n_examples + 1, sizeof *m, &m, err);
    if (st) return st;
    if (who != US_WHO_BASE && a->system[0]) m[k++] = (us_message){"system", a->system};
    for (size_t i = 0; i < n_examples; i++) m[k++] = (us_message){i % 2 ? "assistant" : "user", a->card->lines[i]};
    if (n) memcpy(m + k, messages, n * sizeof *m);
    st = us_template_tokenize(a->tpl, a->tok, m, k + n, true, out, NULL, err);
    free(m);
    return st;
}

us_status us_audition_plain_prompt(const us_audition *a, const char *system, const us_message *messages, size_t n, us_tokens *out, us_error *err) {
    us_message *m = NULL;
    size_t k = 0;
    us_status st = us_alloc(n + 1, sizeof *m, &m, err);
    if (st) return st;
    if (system && system[0]) m[k++] = (us_message){"system", system};
    if (n) memcpy(m + k, messages, n * sizeof *m);
    st = us_template_tokenize(a->tpl, a->tok, m, k + n, true, out, NULL, err);
    free(m);
    return st;
}

us_status us_audition_reply_tokens(const us_audition *a, const char *text, us_tokens *out, us_error *err) {
    us_message m[2] = {{"user", "?"}, {"assistant", text}};
    us_turn_span spans[2];
    us_tokens all = {0};
    us_status st = us_template_tokenize(a->tpl, a->tok, m, 2, false, &all, spans, err);
    for (size_t i = spans[1].begin; !st && i < spans[1].stop; i++) st = us_tokens_push(out, all.ids[i], err);
    us_tokens_fini(&all);
    return st;
}
