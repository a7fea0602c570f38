/* Turns in words become prompts in tokens, the card's sampler and names become a policy, and both begin a reply. */
#include "chat/conversation.h"
#include "base/mem.h"
#include "reply/director.h"
#include "reply/sides.h"
#include <stdlib.h>
#include <string.h>

void us_conversation_policy(const us_conversation *c, bool plain, us_reply_policy *p) {
    p->adapter = c->adapter;
    p->scale = c->scale;
    p->phrases = c->phrases;
    p->n_phrases = c->n_phrases;
    if (!c->card) return;
    if (!p->n_takes) p->n_takes = c->card->takes;
    if (p->weights.lambda == 0 && p->weights.length_power == 0) p->weights = c->card->weights;
    p->judges[0] = (us_judge){us_card_judge, (void *)(uintptr_t)c->card};
    if (!plain)
        p->judges[1] = (us_judge){us_sides_judge, c->adapter ? (void *)(uintptr_t)c->card->greeting : NULL},
        p->judges[2] = (us_judge){us_notes_judge, NULL};
    if (!plain && c->director) {
        p->judges[3] = (us_judge){us_director_choose, (void *)(uintptr_t)c->director};
        if (p->weights.length_power == 0 && p->weights.lambda > US_DIRECTOR_LAMBDA) p->weights.lambda = US_DIRECTOR_LAMBDA;
    }
    p->own = plain ? NULL : c->card->name;
}

/* The visitor's own line: nobody's in particular, or of the name that they gave. */
static bool is_visitor(const us_conversation *c, const us_chat_line *l) {
    return !l->own && (!l->name || !*l->name || (c->user && !strcmp(l->name, c->user)));
}

/* All of it and the last line, in one text. */
static us_status join(const us_notes *notes, const char *line, char **out, us_error *err) {
    us_buf b;
    us_buf_init(&b, (size_t)1 << 20);
    us_status st = US_OK;
    for (size_t i = 0; i < notes->n && !st; i++) st = us_buf_appendf(&b, err, "%s. ", notes->items[i]);
    if (!st && us_notes_tells(line)) st = us_buf_append_str(&b, line, err);
    if (st == US_ERR_LIMIT) st = US_OK; /* so long a line names nobody */
    else if (!st && b.len && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    return st;
}

/* What the last line asks for of what the visitor has told, and what they have told (`told` NULL: that is not wanted); free()
 * both. NULL: nothing. */
static us_status recall(const us_conversation *c, char **out, char **told, us_error *err) {
    us_notes heard = {0};
    us_buf b;
    us_status st = US_OK;
    *out = NULL;
    if (told) *told = NULL;
    if (!c->card || !c->n_lines || !is_visitor(c, &c->lines[c->n_lines - 1])) return US_OK;
    us_buf_init(&b, (size_t)1 << 16);
    for (size_t i = 0; i + 1 < c->n_lines && !c->notes && !st; i++)
        if (is_visitor(c, &c->lines[i])) st = us_notes_hear(&heard, c->lines[i].text, err);
    if (!st) st = us_notes_recall(c->notes ? c->notes : &heard, c->lines[c->n_lines - 1].text, &b, err);
    if (!st && b.len && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && told) st = join(c->notes ? c->notes : &heard, c->lines[c->n_lines - 1].text, told, err);
    us_buf_fini(&b);
    us_notes_fini(&heard);
    return st;
}

/* What was recalled comes to mind: the tokens of the words that would answer are likelier, the first of a word most. */
static us_status lean(const us_backend *b, const us_conversation *c, us_reply_spec *spec, us_error *err) {
    enum { MOST = 64 };
    static const float first = 4, rest = 2; /* not for words that are spelt letter by letter: a heap of letters would come */
    static const size_t most_pieces = 3;
    const us_sampler_options *o = &spec->policy.sampler;
    us_buf words;
    us_tokens ids = {0};
    us_buf_init(&words, (size_t)1 << 16);
    us_status st = us_notes_words(spec->recalled, c->lines[c->n_lines - 1].text, &words, err);
    if (!st) st = us_alloc(o->n_biases + MOST, sizeof *spec->biases, &spec->biases, err);
    if (!st && o->n_biases) memcpy(spec->biases, o->biases, o->n_biases * sizeof *o->biases);
    spec->n_biases = o->n_biases;
    for (size_t at = 0; at < words.len && !st; at += strlen(words.data + at) + 1) {
        us_buf spaced;
        us_buf_init(&spaced, (size_t)1 << 16);
        ids.n = 0;
        st = us_buf_appendf(&spaced, err, " %s", words.data + at); /* as it stands within a line */
        if (!st) st = us_tokenizer_encode(b->tok, spaced.data, spaced.len, false, &ids, err);
        for (size_t i = 0; i < ids.n && ids.n <= most_pieces && !st && spec->n_biases < o->n_biases + MOST; i++)
            spec->biases[spec->n_biases++] = (us_logit_bias){ids.ids[i], i ? rest : first};
        us_buf_fini(&spaced);
    }
    us_tokens_fini(&ids);
    us_buf_fini(&words);
    return st;
}

/* A scene of several has a situation: what was said first, by nobody of the cast. */
static const char *situation_of(const us_conversation *c) {
    const char *other = NULL;
    if (c->n_before) return c->scene ? c->opening : NULL;
    if (!c->n_lines || !is_visitor(c, &c->lines[0])) return NULL;
    for (size_t i = 1; i < c->n_lines; i++)
        if (!c->lines[i].own && !is_visitor(c, &c->lines[i])) other = c->lines[i].name;
    return other ? c->lines[0].text : NULL;
}

/* The prompt of a character. A situation that is no longer seen stands in the system text, what is recalled in front of the
 * question. */
static us_status make_prompt(const us_backend *b, const us_conversation *c, const char *recalled, us_prompt *out,
                             us_error *err) {
    us_prompt_spec spec = {.card = c->card,
                           .trained = c->trained,
                           .more = c->system,
                           .user = c->user,
                           .lines = c->lines,
                           .n_lines = c->n_lines,
                           .n_before = c->n_before,
                           .opening = c->opening,
                           .history = c->history,
                           .user_first = b->tpl && us_template_user_first(b->tpl),
                           .no_neighbours = b->tpl && !us_template_takes_neighbours(b->tpl),
                           .no_empty_system = b->tpl && !us_template_takes_empty_system(b->tpl)};
    us_chat_line *lines = NULL;
    const char *situation = situation_of(c);
    us_buf asked, more;
    us_buf_init(&asked, (size_t)1 << 20);
    us_buf_init(&more, (size_t)1 << 20);
    us_status st = US_OK;
    if (recalled) {
        st = us_alloc(c->n_lines, sizeof *lines, &lines, err);
        if (!st) memcpy(lines, c->lines, c->n_lines * sizeof *lines);
        if (!st) st = us_buf_appendf(&asked, err, "%s%s", recalled, c->lines[c->n_lines - 1].text);
        if (!st) lines[c->n_lines - 1].text = asked.data, spec.lines = lines;
    }
    if (!st) st = us_prompt_make(&spec, out, err);
    if (!st && situation && (c->n_before || out->first_line > 0)) {
        us_prompt_fini(out);
        if (c->system) st = us_buf_appendf(&more, err, "%s\n", c->system);
        if (!st) st = us_buf_appendf(&more, err, "The scene: %s", situation);
        spec.more = more.data;
        if (!st) st = us_prompt_make(&spec, out, err);
    }
    us_buf_fini(&asked);
    us_buf_fini(&more);
    free(lines);
    return st;
}

static us_status prompt_with(const us_backend *b, const us_conversation *c, const char *recalled, us_prompt *out,
                             us_error *err) {
    us_status st =
        c->card ? make_prompt(b, c, recalled, out, err) : us_prompt_make_plain(c->system, c->lines, c->n_lines, out, err);
    if (!st && c->card && c->new_turn) out->open = false;
    if (!st && !c->card) out->open = !c->new_turn && c->n_lines && c->lines[c->n_lines - 1].own;
    return st;
}

us_status us_conversation_prompt(const us_backend *b, const us_conversation *c, us_prompt *out, us_error *err) {
    char *recalled;
    us_status st = recall(c, &recalled, NULL, err);
    if (!st) st = prompt_with(b, c, recalled, out, err);
    free(recalled);
    return st;
}

/* The card's cast and everybody whose name stands in the prompt; `out` is freed by the caller. */
static us_status find_names(const us_conversation *c, size_t first_line, const char ***out, size_t *n, us_error *err) {
    us_status st = us_alloc(c->card->n_cast + c->n_lines + 1, sizeof **out, out, err);
    *n = 0;
    if (st) return st;
    for (size_t i = 0; i < c->card->n_cast; i++) (*out)[(*n)++] = c->card->cast[i];
    for (size_t i = first_line; i < c->n_lines; i++)
        if (!c->lines[i].own && c->lines[i].name && *c->lines[i].name) (*out)[(*n)++] = c->lines[i].name;
    if (c->user && *c->user) (*out)[(*n)++] = c->user;
    return US_OK;
}

/* The lines that stand in the prompt, for whoever judges the takes. */
static us_status copy_lines(const us_conversation *c, size_t first_line, us_reply_spec *spec, us_error *err) {
    us_status st = us_alloc(c->n_lines - first_line, sizeof *spec->lines, &spec->lines, err);
    for (size_t i = first_line; i < c->n_lines && !st; i++) {
        const us_chat_line *l = &c->lines[i];
        us_said *to = &spec->lines[spec->n_lines++];
        st = us_strdup(l->own ? c->card->name : l->name ? l->name : "", (char **)&to->name, err);
        if (!st) st = us_strdup(l->text, (char **)&to->text, err);
    }
    return st;
}

static us_status tokenize(const us_backend *b, const us_conversation *c, us_prompt *prompt, us_reply_spec *spec,
                          us_error *err) {
    int32_t room = us_reply_room(b, &spec->policy);
    size_t before = prompt->n;
    bool ranked = c->card && spec->policy.n_takes > 1 && !spec->policy.separate;
    if (room < 1)
        return us_because(us_fail(err, US_ERR_LIMIT, "%d takes of %d tokens leave no room for a prompt in the context",
                                  spec->policy.n_takes, spec->policy.max_tokens ? spec->policy.max_tokens : US_REPLY_TOKENS),
                          "context_length_exceeded", err);
    us_status st = us_prompt_tokenize(prompt, b->tpl, b->tok, room, &spec->prompt, ranked ? &spec->unconditional : NULL, err);
    if (!st && spec->policy.whole && prompt->n < before)
        st = us_because(us_fail(err, US_ERR_LIMIT,
                                "messages: they do not fit into the %d tokens that the context leaves beside the reply", room),
                        "context_length_exceeded", err);
    return st;
}

us_status us_conversation_begin(us_backend *b, const us_conversation *c, const us_reply_policy *settings, us_reply **out,
                                us_error *err) {
    us_reply_spec spec = {.policy = *settings, .remote_model = c->id};
    us_prompt prompt = {0};
    const char **names = NULL;
    us_conversation_policy(c, settings->sampler.grammar != NULL, &spec.policy); /* a form is kept, not guarded */
    us_status st = recall(c, &spec.recalled, &spec.told, err);
    if (!st && spec.recalled && b->tok) st = lean(b, c, &spec, err);
    if (!st) st = prompt_with(b, c, spec.recalled, &prompt, err);
    if (!st && c->card) st = find_names(c, prompt.first_line, &names, &spec.policy.n_names, err);
    spec.policy.names = names;
    if (!st && c->card) st = copy_lines(c, prompt.first_line, &spec, err);
    if (!st && b->batch) st = tokenize(b, c, &prompt, &spec, err);
    if (!st) {
        spec.messages = prompt.messages;
        spec.n_messages = prompt.n;
        spec.message_text = prompt.text;
        prompt = (us_prompt){0};
        st = us_reply_begin(b, &spec, out, err);
    }
    us_reply_spec_fini(&spec);
    us_prompt_fini(&prompt);
    free(names);
    return st;
}
