/* What the model reads: persona and examples as the one who answers has them, then the conversation. */
#include "audition/audition.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

const us_adapter *us_audition_adapter(const us_audition *a, us_who who) { return who == US_WHO_ADAPTER ? a->adapter : NULL; }

us_conversation us_audition_conversation(const us_audition *a, us_who who, bool chat, const us_message *messages, size_t n,
                                         us_chat_line *lines) {
    us_conversation c = {.lines = lines, .new_turn = true};
    if (chat && a->greeting && who != US_WHO_BASE) lines[c.n_lines++] = (us_chat_line){.text = a->greeting, .own = true};
    for (size_t i = 0; i < n; i++)
        lines[c.n_lines++] = (us_chat_line){.text = messages[i].content, .own = !strcmp(messages[i].role, "assistant")};
    if (who == US_WHO_BASE) return c; /* the model alone reads the bare conversation, without a card */
    c.card = a->card;
    c.director = a->director;
    c.phrases = a->phrases;
    c.n_phrases = a->n_phrases;
    c.trained = who == US_WHO_ADAPTER;
    c.adapter = us_audition_adapter(a, who);
    c.scale = c.adapter ? a->o.adapter_scale : 0;
    return c;
}

us_status us_audition_prompt(const us_audition *a, us_who who, const us_message *messages, size_t n, us_tokens *out,
                             us_error *err) {
    static const us_message nothing = {"user", "?"};
    us_backend b = {.tpl = a->tpl, .tok = a->tok};
    us_chat_line *lines = NULL;
    us_prompt p = {0};
    us_tokens asked = {0};
    if (who == US_WHO_BASE) return us_audition_plain_prompt(a, NULL, messages, n, out, err);
    us_status st = us_alloc(n + 2, sizeof *lines, &lines, err);
    if (st) return st;
    us_conversation c = us_audition_conversation(a, who, false, n ? messages : &nothing, n ? n : 1, lines);
    st = us_conversation_prompt(&b, &c, &p, err);
    if (!st) /* what comes before "?" is a conversation in which nothing was said */
        st = us_prompt_tokenize(&p, a->tpl, a->tok, us_model_get_info(a->model)->n_ctx_train - a->o.max_tokens,
                                n ? out : &asked, n ? NULL : out, err);
    us_prompt_fini(&p);
    us_tokens_fini(&asked);
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
