/* What the model reads: persona and examples as the one who answers has them, then the conversation. */
#include "audition/audition.h"
#include "base/mem.h"
#include "chat/prompt.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_PROMPT_TOKENS = 1280 }; /* about what the chat leaves of a context of 4096 beside takes and reply */

const us_adapter *us_audition_adapter(const us_audition *a, us_who who) { return who == US_WHO_ADAPTER ? a->adapter : NULL; }

/* As the chat makes it (chat/prompt.h). The model alone reads the bare conversation, without a card. */
us_status us_audition_prompt(const us_audition *a, us_who who, const us_message *messages, size_t n, us_tokens *out,
                             us_tokens *before_it, us_error *err) {
    us_chat_line *lines = NULL, nothing = {NULL, "?", false};
    us_prompt p = {0};
    us_tokens unused = {0};
    if (who == US_WHO_BASE) return us_audition_plain_prompt(a, NULL, messages, n, out, err);
    us_status st = us_alloc(n, sizeof *lines, &lines, err);
    for (size_t i = 0; i < n && !st; i++)
        lines[i] = (us_chat_line){NULL, messages[i].content, !strcmp(messages[i].role, "assistant")};
    us_prompt_spec spec = {
        .card = a->card, .trained = who == US_WHO_ADAPTER, .lines = n ? lines : &nothing, .n_lines = n ? n : 1};
    if (!st) st = us_prompt_make(&spec, &p, err);
    if (!st) st = us_prompt_tokenize(&p, a->tpl, a->tok, MAX_PROMPT_TOKENS, n ? out : &unused, n ? before_it : out, err);
    us_prompt_fini(&p);
    us_tokens_fini(&unused);
    free(lines);
    return st;
}

us_status us_audition_plain_prompt(const us_audition *a, const char *system, const us_message *messages, size_t n,
                                   us_tokens *out, us_error *err) {
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
