/* Templates: known forms by name, a form described in a file, a form read from a model's own template; and rendering, which
 * knows only the strings of template.h. */
#include "model/template.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/tokenizer.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A form as a person describes it: what stands before and after each role's text. */
typedef enum place { OWN = 0, FIRST_USER, LAST_USER } place;
typedef struct description {
    const char *name;
    const char *begin;                              /* before everything */
    const char *system[2], *user[2], *assistant[2]; /* where the system text goes into a user turn, system is around it there */
    const char *generation;                         /* where a reply begins */
    const char *default_system;                     /* the system text when there is none, or NULL */
    place system_in;
    bool trim;
} description;

#define BOS "\3"
#define EOS "\4"
#define IM(role) \
    { "<|im_start|>" role "\n", "<|im_end|>\n" }
#define CHATML .system = IM("system"), .user = IM("user"), .assistant = IM("assistant")
#define LLAMA3(role) \
    { "<|start_header_id|>" role "<|end_header_id|>\n\n", "<|eot_id|>" }
#define GRANITE(role) \
    { "<|start_of_role|>" role "<|end_of_role|>", "<|end_of_text|>\n" }
#define COHERE(role) \
    { "<|START_OF_TURN_TOKEN|><|" role "_TOKEN|>", "<|END_OF_TURN_TOKEN|>" }

static const description known[] = {
    {"chatml", "", CHATML, "<|im_start|>assistant\n", NULL, OWN, false},
    {"smollm2", "", CHATML, "<|im_start|>assistant\n", "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
     OWN, false},
    {"qwen2", "", CHATML, "<|im_start|>assistant\n", "You are a helpful assistant.", OWN, false},
    {"qwen2.5", "", CHATML, "<|im_start|>assistant\n", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
     OWN, false},
    {"qwen3", "", CHATML, "<|im_start|>assistant\n<think>\n\n</think>\n\n", NULL, OWN, false},
    {"llama3", BOS, LLAMA3("system"), LLAMA3("user"), LLAMA3("assistant"), "<|start_header_id|>assistant<|end_header_id|>\n\n",
     NULL, OWN, true},
    {"llama3.1",
     BOS,
     {"<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n",
      "<|eot_id|>"},
     LLAMA3("user"),
     LLAMA3("assistant"),
     "<|start_header_id|>assistant<|end_header_id|>\n\n",
     "",
     OWN,
     true},
    {"llama2", "", {"<<SYS>>\n", "\n<</SYS>>\n\n"}, {BOS "[INST] ", " [/INST]"}, {" ", " " EOS}, "", NULL, FIRST_USER, true},
    {"mistral-v0.1", BOS, {"", "\n\n"}, {"[INST] ", " [/INST]"}, {"", EOS " "}, "", NULL, FIRST_USER, false},
    {"mistral-v0.2", BOS, {"", "\n\n"}, {"[INST] ", " [/INST]"}, {"", EOS}, "", NULL, FIRST_USER, false},
    {"mistral", BOS, {"", "\n\n"}, {" [INST] ", " [/INST]"}, {" ", EOS}, "", NULL, FIRST_USER, false},
    {"mistral-v3", BOS, {"", "\n\n"}, {"[INST] ", "[/INST]"}, {" ", EOS}, "", NULL, LAST_USER, false},
    {"mistral-nemo", BOS, {"", "\n\n"}, {"[INST]", "[/INST]"}, {"", EOS}, "", NULL, LAST_USER, false},
    {"mistral-v7", BOS, {"[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"}, {"[INST] ", "[/INST]"}, {" ", EOS}, "", NULL, OWN, false},
    {"mistral-v7-tekken", BOS, {"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"}, {"[INST]", "[/INST]"}, {"", EOS}, "", NULL, OWN, false},
    {"gemma",
     BOS,
     {"", "\n\n"},
     {"<start_of_turn>user\n", "<end_of_turn>\n"},
     {"<start_of_turn>model\n", "<end_of_turn>\n"},
     "<start_of_turn>model\n",
     NULL,
     FIRST_USER,
     true},
    {"zephyr",
     "",
     {"<|system|>\n", EOS "\n"},
     {"<|user|>\n", EOS "\n"},
     {"<|assistant|>\n", EOS "\n"},
     "<|assistant|>\n",
     NULL,
     OWN,
     false},
    {"tulu",
     BOS,
     {"<|system|>\n", "\n"},
     {"<|user|>\n", "\n"},
     {"<|assistant|>\n", EOS "\n"},
     "<|assistant|>\n",
     NULL,
     OWN,
     false},
    {"phi3",
     "",
     {"<|system|>\n", "<|end|>\n"},
     {"<|user|>\n", "<|end|>\n"},
     {"<|assistant|>\n", "<|end|>\n"},
     "<|assistant|>\n",
     NULL,
     OWN,
     false},
    {"phi4-mini",
     "",
     {"<|system|>", "<|end|>"},
     {"<|user|>", "<|end|>"},
     {"<|assistant|>", "<|end|>"},
     "<|assistant|>",
     NULL,
     OWN,
     false},
    {"phi4",
     "",
     {"<|im_start|>system<|im_sep|>", "<|im_end|>"},
     {"<|im_start|>user<|im_sep|>", "<|im_end|>"},
     {"<|im_start|>assistant<|im_sep|>", "<|im_end|>"},
     "<|im_start|>assistant<|im_sep|>",
     NULL,
     OWN,
     false},
    {"granite", "", GRANITE("system"), GRANITE("user"), GRANITE("assistant"), "<|start_of_role|>assistant<|end_of_role|>", NULL,
     OWN, false},
    {"command-r", BOS, COHERE("SYSTEM"), COHERE("USER"), COHERE("CHATBOT"), "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", NULL,
     OWN, true},
    {"vicuna", BOS, {"", " "}, {"USER: ", " "}, {"ASSISTANT: ", EOS}, "ASSISTANT:", NULL, OWN, false},
    {"alpaca",
     BOS,
     {"", "\n\n"},
     {"### Instruction:\n", "\n\n"},
     {"### Response:\n", EOS "\n\n"},
     "### Response:\n",
     NULL,
     OWN,
     false},
};
#define N_KNOWN (sizeof known / sizeof *known)

/* The string of one situation: near 1: the turn before it is of the same role, 2: the one behind it, 3: both; in i the other indices
 * of `turn`, as bits. */
static char **cell(us_template *t, int near, us_role role, int i) {
    return near ? &t->beside[near - 1][role][i >> 3 & 1][i >> 2 & 1][i >> 1 & 1][i & 1]
                : &t->turn[role][i >> 3 & 1][i >> 2 & 1][i >> 1 & 1][i & 1];
}

void us_template_free(us_template *t) {
    if (!t) return;
    for (int r = 0; r < US_N_ROLES; r++)
        for (int near = 0; near < 4; near++)
            for (int i = 0; i < 16; i++) free(*cell(t, near, (us_role)r, i));
    for (int i = 0; i < 2; i++) free(t->start[i]), free(t->end[i]);
    free(t->generation);
    free(t->again);
    free(t->name);
    free(t);
}

const char *us_template_name(const us_template *t) { return t->name; }
bool us_template_user_first(const us_template *t) { return t->user_first; }
bool us_template_takes_neighbours(const us_template *t) {
    return !t->odd_pairs[US_PAIR_ASSISTANT] && !t->odd_pairs[US_PAIR_END];
}
bool us_template_takes_empty_system(const us_template *t) { return !t->odd_empty[US_ROLE_SYSTEM][0]; }

static bool has_mark(const char *s, char mark) { return strchr(s, mark) != NULL; }

/* ---- from a description ----------------------------------------------------------------------------------------- */

static us_status join(char **out, const char *const *parts, size_t n, us_error *err) {
    us_buf b;
    us_buf_init(&b, 1 << 20);
    us_status st = us_buf_append_str(&b, "", err);
    for (size_t i = 0; i < n && !st; i++) st = us_buf_append_str(&b, parts[i], err);
    if (!st && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    return st;
}

static us_status one_turn(const description *d, us_role role, bool with_system, char **out, us_error *err) {
    const char *content = d->trim ? "\0013" : "\0010", *system = d->trim ? "\0023" : "\0020";
    if (role == US_ROLE_SYSTEM)
        return join(out, (const char *[]){d->system[0], content, d->system[1]}, d->system_in ? 0 : 3, err);
    const char *const *around = role == US_ROLE_USER ? d->user : d->assistant;
    if (!with_system) return join(out, (const char *[]){around[0], content, around[1]}, 3, err);
    return join(out, (const char *[]){around[0], d->system[0], system, d->system[1], content, around[1]}, 6, err);
}

static us_status from_description(const description *d, us_template **out, us_error *err) {
    us_template *t = NULL;
    us_status st = us_alloc(1, sizeof *t, &t, err);
    if (!st) st = us_strdup(d->name, &t->name, err);
    if (!st) st = us_strdup(d->generation, &t->generation, err);
    if (!st) st = us_strdup(d->generation, &t->again, err);
    if (!st) t->user_first = d->system_in != OWN;
    for (int system = 0; system < 2 && !st; system++) {
        const char *const parts[] = {d->begin, d->system[0], d->default_system, d->system[1]};
        st = join(&t->start[system], parts, !system && d->default_system && !d->system_in ? 4 : 1, err);
        if (!st) st = us_strdup(system ? d->generation : "", &t->end[system], err);
    }
    for (int r = 0; r < US_N_ROLES; r++)
        for (int i = 0; i < 16 && !st; i++) {
            bool first = i >> 3 & 1, last = i >> 2 & 1, system = i >> 1 & 1;
            bool here = r == US_ROLE_USER && system && (d->system_in == FIRST_USER ? first : d->system_in == LAST_USER && last);
            st = one_turn(d, (us_role)r, here, &t->turn[r][first][last][system][i & 1], err);
        }
    if (st) us_template_free(t);
    else *out = t;
    return st;
}

/* ---- from Jinja --------------------------------------------------------------------------------------------------- */

static us_status keep(char **to, const us_buf *b, us_error *err) { return us_strndup(b->data ? b->data : "", b->len, to, err); }

static bool is_text(const us_buf *b, const char *text) {
    return b->len == strlen(text) && (!b->len || !memcmp(b->data, text, b->len));
}

/* What stands behind the turns stands there whoever spoke last, or it belongs to that turn. */
static us_status keep_end(us_template *t, const us_situation *s, us_written *w, us_error *err) {
    char **end = &t->end[s->generation];
    if (!s->last || s->role == US_ROLE_SYSTEM) return US_OK;
    if (!*end) return keep(end, &w->after, err);
    if (is_text(&w->after, *end)) return US_OK;
    if (**end)
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "the chat template is not one of the known ones (what stands behind the turns differs)");
    return us_buf_append(&w->turn, w->after.data, w->after.len, err);
}

/* What stands before the turns stands there whoever speaks first, or it belongs to that turn. */
static us_status keep_start(us_template *t, const us_situation *s, bool first, us_written *w, us_error *err) {
    if (is_text(&w->before, t->start[s->system])) return US_OK;
    if (*t->start[s->system] || !first)
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "the chat template is not one of the known ones (what stands before the turns differs)");
    us_status st = us_buf_append(&w->before, w->turn.data ? w->turn.data : "", w->turn.len, err);
    us_buf swapped = w->turn;
    w->turn = w->before;
    w->before = swapped;
    return st;
}

static us_status read_situation(us_template *t, const char *jinja, size_t n, const us_situation *s, char **turn, bool *refused,
                                us_error *err) {
    us_written w;
    us_written_init(&w);
    us_status st = us_jinja_read(jinja, n, s, &w, err);
    char **start = &t->start[s->system];
    bool first = s->role != US_ROLE_SYSTEM && !s->position;
    if (!st && w.lost && s->role == US_ROLE_USER)
        st = us_fail(err, US_ERR_UNSUPPORTED, "the chat template is not one of the known ones (a turn's text is left out)");
    if (!st && (w.refused || w.lost)) {
        *refused = *refused || s->role == US_ROLE_SYSTEM;
        t->user_first = t->user_first || (s->role == US_ROLE_ASSISTANT && first && !s->last && !s->system);
    } else if (!st) {
        if (!*start) st = keep(start, &w.before, err);
        if (!st) st = keep_start(t, s, first, &w, err);
        if (!st) st = keep_end(t, s, &w, err);
        if (!st) st = keep(turn, &w.turn, err);
    }
    us_written_fini(&w);
    return st;
}

static us_status copy_near(us_template *t, int near, us_role role, int from, int to, us_error *err) {
    char **a = cell(t, near, role, from), **b = cell(t, near, role, to);
    return *a && !*b ? us_strdup(*a, b, err) : US_OK;
}

static us_status copy_turn(us_template *t, us_role role, int from, int to, us_error *err) {
    return copy_near(t, 0, role, from, to, err);
}

static us_situation situation_of(us_role role, int near, int i, int64_t today) {
    bool first = i >> 3 & 1, before = near & 1, user = role == US_ROLE_USER;
    int position = !role || first ? 0 : (user ? 2 : 1) + before;
    return (us_situation){role, position, i >> 2 & 1, i >> 1 & 1, i & 1, before, near >> 1, today};
}

static bool there_is(us_role role, int near, int i) {
    bool first = i >> 3 & 1, last = i >> 2 & 1, generation = i & 1;
    if (role == US_ROLE_SYSTEM) return !near && i == 2;
    return !(generation && !(last && role == US_ROLE_USER)) && !(first && near & 1) && !(last && near & 2);
}

static bool one_content(const char *turn) {
    const char *at = strchr(turn, US_MARK_CONTENT);
    return at && !strchr(at + 1, US_MARK_CONTENT);
}

/* Turns of one role side by side. Where they are not understood the template is, but for those. */
static us_status read_pairs(us_template *t, const char *jinja, size_t n, int64_t today, us_error *err) {
    us_status st = US_OK;
    bool refused = false;
    for (int near = 1; near < 4; near++)
        for (us_role role = US_ROLE_USER; role < US_N_ROLES; role++) {
            for (int i = 0; i < 16 && !st; i++) {
                us_situation s = situation_of(role, near, i, today);
                us_pair pair = role == US_ROLE_USER ? US_PAIR_USER : s.last ? US_PAIR_END : US_PAIR_ASSISTANT;
                if (!there_is(role, near, i) || t->odd_pairs[pair]) continue;
                char **turn = cell(t, near, role, i);
                st = read_situation(t, jinja, n, &s, turn, &refused, err);
                t->odd_pairs[pair] = st == US_ERR_UNSUPPORTED || (*turn && !one_content(*turn));
                if (st == US_ERR_UNSUPPORTED) st = US_OK;
            }
            for (int i = 0; i < 16 && !st; i++) st = copy_near(t, near, role, i & ~1, i, err);
            for (int i = 0; i < 16 && !st; i++) {
                char **turn = cell(t, near, role, i), *alone = *cell(t, 0, role, i);
                if (!*turn || !alone || strcmp(*turn, alone) != 0) continue;
                free(*turn);
                *turn = NULL;
            }
        }
    return st;
}

/* Every situation that there is; the others are like one of these: a reply is asked for behind a user's last turn. */
static us_status read_situations(us_template *t, const char *jinja, size_t n, int64_t today, bool *refused, us_error *err) {
    static const us_role order[] = {US_ROLE_ASSISTANT, US_ROLE_USER, US_ROLE_SYSTEM};
    us_status st = US_OK;
    for (size_t k = 0; k < 3; k++)
        for (int i = 0; i < 16 && !st; i++) {
            us_situation s = situation_of(order[k], 0, i, today);
            if (there_is(order[k], 0, i)) st = read_situation(t, jinja, n, &s, cell(t, 0, order[k], i), refused, err);
        }
    for (int i = 0; i < 16 && !st; i++) st = copy_turn(t, US_ROLE_SYSTEM, 2, i & 7, err);
    for (int i = 0; i < 16 && !st; i++)
        for (int role = US_ROLE_USER; role < US_N_ROLES && !st; role++) st = copy_turn(t, (us_role)role, i & ~1, i, err);
    return st ? st : read_pairs(t, jinja, n, today, err);
}

/* Where the template raises an error (turns that do not alternate), or an assistant's text is left out, the same turn in
 * another place serves. */
static us_status fill_refused(us_template *t, us_error *err) {
    us_status st = US_OK;
    if (!t->end[0]) st = us_strdup("", &t->end[0], err);
    for (int from = 8; from >= 4 && !st; from -= 4) /* its other place in the talk; not the last */
        for (int r = US_ROLE_USER; r < US_N_ROLES; r++)
            for (int i = 0; i < 16 && !st; i++)
                if (from == 8 || r == US_ROLE_ASSISTANT) st = copy_turn(t, (us_role)r, i ^ from, i, err);
    return st;
}

/* *to: a turn as it is without a system message, but for the system's text before its own. */
static us_status put_system_before(char **to, const char *from, bool here, us_error *err) {
    const char *at = from ? strchr(from, US_MARK_CONTENT) : NULL;
    us_status st = US_OK;
    free(*to);
    *to = NULL;
    if (!here || !at) return from ? us_strdup(from, to, err) : US_OK;
    us_buf b;
    us_buf_init(&b, 1 << 20);
    if (!(st = us_buf_append(&b, from, (size_t)(at - from), err)) &&
        !(st = us_buf_appendf(&b, err, "\002%c\n\n%s", at[1], at)) && !(*to = us_buf_take(&b, NULL)))
        st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    return st;
}

/* The template has no place for a system message: it goes before the first user's text. */
static us_status system_in_first_user(us_template *t, us_error *err) {
    us_status st = US_OK;
    free(t->start[1]);
    t->start[1] = NULL;
    st = us_strdup(t->start[0], &t->start[1], err);
    for (int near = 0; near < 4; near++)
        for (us_role r = US_ROLE_SYSTEM; r < US_N_ROLES; r++)
            for (int i = 0; i < 16 && !st; i++) {
                const char *from = r ? *cell(t, near, r, i & ~2) : near ? NULL : "";
                if (i & 2) st = put_system_before(cell(t, near, r, i), from, r == US_ROLE_USER && i & 8, err);
            }
    return st;
}

/* What asks for a reply: after the turns, or behind the last user's turn. */
static us_status find_generation(us_template *t, us_error *err) {
    const char *plain = t->turn[US_ROLE_USER][0][1][0][0], *asking = t->turn[US_ROLE_USER][0][1][0][1];
    size_t n = strlen(plain);
    bool inside = strlen(asking) > n && !memcmp(plain, asking, n);
    return join(&t->generation, (const char *[]){inside ? asking + n : "", t->end[1]}, 2, err);
}

static us_status complete(us_template *t, bool refused, bool mentioned, us_error *err) {
    refused = refused || !t->start[1];
    us_status st = fill_refused(t, err);
    if (st) return st;
    for (int i = 0; i < 16; i++)
        for (int r = US_ROLE_USER; r < US_N_ROLES; r++) {
            const char *turn = t->turn[r][i >> 3 & 1][i >> 2 & 1][i >> 1 & 1][i & 1];
            if (!turn && i >> 1 & 1) refused = true;
            const char *at = turn ? strchr(turn, US_MARK_CONTENT) : NULL;
            if (!(i >> 1 & 1) && (!at || strchr(at + 1, US_MARK_CONTENT)))
                return us_fail(err, US_ERR_UNSUPPORTED, "the chat template is not one of the known ones (%s)",
                               at ? "a turn's text stands there twice" : "a turn's text is left out");
        }
    bool shown =
        !refused && (has_mark(t->start[1], US_MARK_SYSTEM) ||
                     (t->turn[US_ROLE_SYSTEM][0][0][1][0] && has_mark(t->turn[US_ROLE_SYSTEM][0][0][1][0], US_MARK_CONTENT)) ||
                     has_mark(t->turn[US_ROLE_USER][1][0][1][0], US_MARK_SYSTEM) ||
                     has_mark(t->turn[US_ROLE_USER][0][1][1][0], US_MARK_SYSTEM));
    refused = refused || (!shown && !mentioned);
    if (!refused && !shown)
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "the chat template is not one of the known ones (it is not clear where a system message goes)");
    if (refused) st = system_in_first_user(t, err);
    for (int i = 0; i < 16 && !st; i++) {
        char **system = &t->turn[US_ROLE_SYSTEM][i >> 3 & 1][i >> 2 & 1][i >> 1 & 1][i & 1];
        if (!*system) st = us_strdup("", system, err);
    }
    return st ? st : find_generation(t, err);
}

/* Whether both write the same for one turn without a system message. */
static bool same_turn(const us_template *a, const us_template *b, us_role role, bool first, bool asks) {
    char *x = NULL, *y = NULL;
    const us_template *const both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        const char *const parts[] = {first ? both[i]->start[0] : "", both[i]->turn[role][first][1][0][asks],
                                     both[i]->end[asks]};
        if (join(i ? &y : &x, parts, 3, NULL)) break;
    }
    bool equal = x && y && !strcmp(x, y);
    free(x);
    free(y);
    return equal;
}

/* The system text has a place of its own, before the turns or as the first of them. */
static bool has_own_system(const us_template *t) {
    return has_mark(t->start[1], US_MARK_SYSTEM) || *t->turn[US_ROLE_SYSTEM][0][0][1][0];
}

static bool same(const us_template *a, const us_template *b) {
    bool own_turns = has_own_system(a);
    if (own_turns != has_own_system(b)) return false;
    for (int i = 0; i < 8; i++)
        if (!same_turn(a, b, i & 4 ? US_ROLE_ASSISTANT : US_ROLE_USER, i & 2, i & 1)) return false;
    return true;
}

/* The name of the known form that this is, or "own". */
static us_status give_name(us_template *t, us_error *err) {
    for (size_t i = 0; i < N_KNOWN; i++) {
        us_template *k;
        us_status st = from_description(&known[i], &k, err);
        if (st) return st;
        bool this = same(t, k);
        us_template_free(k);
        if (this) return us_strdup(known[i].name, &t->name, err);
    }
    return us_strdup("own", &t->name, err);
}

static bool uses(const us_template *t, char mark) {
    for (int r = 0; r < US_N_ROLES; r++)
        for (int i = 0; i < 16; i++)
            if (has_mark(t->turn[r][i >> 3 & 1][i >> 2 & 1][i >> 1 & 1][i & 1], mark)) return true;
    return has_mark(t->start[0], mark);
}

/* ChatML's tokens as BOS or EOS of another form: the vocabulary's maker and the template's did not mean the same. */
static us_status check_ends(const us_template *t, const char *jinja, size_t n, const char *bos, const char *eos,
                            us_error *err) {
    if (memmem(jinja, n, "<|im_", 5)) return US_OK;
    const char *odd = bos && uses(t, US_MARK_BOS) && !strncmp(bos, "<|im_", 5)   ? bos
                      : eos && uses(t, US_MARK_EOS) && !strncmp(eos, "<|im_", 5) ? eos
                                                                                 : NULL;
    return !odd ? US_OK
                : us_fail(err, US_ERR_UNSUPPORTED,
                          "the chat template is not one of the known ones (it prints the vocabulary's %s token, which is "
                          "ChatML's %.20s)",
                          odd == bos ? "BOS" : "EOS", odd);
}

/* ---- by name, or from a file ---------------------------------------------------------------------------------------- */

static us_status wrong(const char *path, const char *key, const char *expected, us_error *err) {
    return us_fail(err, US_ERR_FORMAT, "%s: \"%s\": expected %s", path, key, expected);
}

/* Control bytes would be taken for marks. */
static bool plain(const char *s) {
    for (; *s; s++)
        if (*s >= US_MARK_CONTENT && *s <= US_MARK_EOS) return false;
    return true;
}

static us_status get_pair(const json_t *o, const char *path, const char *key, const char *to[2], us_error *err) {
    const json_t *v = json_object_get(o, key);
    for (size_t i = 0; i < 2; i++) {
        to[i] = json_string_value(json_array_get(v, i));
        if (!to[i] || json_array_size(v) != 2 || !plain(to[i])) return wrong(path, key, "[\"before\", \"after\"]", err);
    }
    return US_OK;
}

static us_status describe(const json_t *o, const char *path, description *d, us_error *err) {
    static const char *const keys[] = {"name",       "begin",          "bos",       "system", "user", "assistant",
                                       "generation", "default_system", "system_in", "trim"};
    const char *key;
    json_t *v;
    void *it = json_object_iter((json_t *)(uintptr_t)o);
    for (; it; it = json_object_iter_next((json_t *)(uintptr_t)o, it)) {
        key = json_object_iter_key(it);
        size_t k = 0;
        while (k < sizeof keys / sizeof *keys && strcmp(keys[k], key)) k++;
        if (k == sizeof keys / sizeof *keys)
            return us_fail(err, US_ERR_FORMAT,
                           "%s: there is no \"%.40s\" in a template; there are name, begin, bos, system, user, assistant, "
                           "generation, default_system, system_in, trim",
                           path, key);
    }
    us_status st = get_pair(o, path, "system", d->system, err);
    if (!st) st = get_pair(o, path, "user", d->user, err);
    if (!st) st = get_pair(o, path, "assistant", d->assistant, err);
    if (st) return st;
    d->generation = json_string_value(json_object_get(o, "generation"));
    if (!d->generation || !plain(d->generation)) return wrong(path, "generation", "a text", err);
    d->begin = json_is_true(json_object_get(o, "bos")) ? BOS : "";
    if ((v = json_object_get(o, "name"))) d->name = json_string_value(v);
    if (!d->name || !*d->name || strlen(d->name) > 40) return wrong(path, "name", "a text of at most 40 bytes", err);
    if ((v = json_object_get(o, "default_system")) && !(d->default_system = json_string_value(v)))
        return wrong(path, "default_system", "a text", err);
    d->trim = json_is_true(json_object_get(o, "trim"));
    const char *in = (v = json_object_get(o, "system_in")) ? json_string_value(v) : "own turn";
    d->system_in = in && !strcmp(in, "first user turn") ? FIRST_USER : in && !strcmp(in, "last user turn") ? LAST_USER : OWN;
    if (!d->system_in && (!in || strcmp(in, "own turn")))
        return wrong(path, "system_in", "\"own turn\", \"first user turn\" or \"last user turn\"", err);
    return US_OK;
}

static us_status no_such(const char *name, us_error *err) {
    char list[600] = "";
    for (size_t i = 0; i < N_KNOWN; i++) {
        strcat(list, i ? " " : "");
        strcat(list, known[i].name);
    }
    return us_fail(err, US_ERR_NOT_FOUND, "no chat template '%.60s', and no file of that name; there are %s", name, list);
}

us_status us_template_open(const char *name, us_template **out, us_error *err) {
    for (size_t i = 0; i < N_KNOWN; i++)
        if (!strcmp(known[i].name, name) || (!strcmp(name, "qwen") && !strcmp(known[i].name, "chatml")))
            return from_description(&known[i], out, err);
    if (!us_file_exists(name)) return no_such(name, err);
    json_t *o = NULL;
    description d = {.name = "own"};
    us_status st = us_json_read(name, 1 << 20, &o, err);
    if (!st) st = describe(o, name, &d, err);
    if (!st) st = from_description(&d, out, err);
    json_decref(o);
    return st;
}

/* ---- the vocabulary's part ------------------------------------------------------------------------------------------ */

/* <...> and [...] in a template's own text: where the vocabulary has such a token, it is meant. */
static us_status mark_all(const char *s, us_tokenizer *tok, us_error *err) {
    us_status st = US_OK;
    for (const char *p = s; *p && !st; p++) {
        const char *end = *p == '<' ? strchr(p, '>') : *p == '[' ? strchr(p, ']') : NULL;
        if (end) st = us_tokenizer_mark(tok, p, (size_t)(end + 1 - p), err);
    }
    return st;
}

us_status us_template_adapt(const us_template *t, us_tokenizer *tok, us_error *err) {
    us_status st = mark_all(t->start[0], tok, err);
    if (!st) st = mark_all(t->start[1], tok, err);
    if (!st) st = mark_all(t->generation, tok, err);
    for (int r = 0; r < US_N_ROLES; r++)
        for (int system = 0; system < 2 && !st; system++) st = mark_all(t->turn[r][0][0][system][0], tok, err);
    if (st) return st;
    const char *closing = strchr(t->turn[US_ROLE_ASSISTANT][0][0][0][0], US_MARK_CONTENT) + 2;
    us_tokens first = {0};
    if (!(st = us_tokenizer_encode(tok, closing, strlen(closing), true, &first, err)) && first.n &&
        us_tokenizer_is_special(tok, first.ids[0]))
        tok->ends[first.ids[0]] = true;
    us_tokens_fini(&first);
    return st;
}

/* ---- rendering --------------------------------------------------------------------------------------------------------- */

/* The text of a conversation, and which stretches of it may hold special tokens: the template's own, never contents. */
typedef struct sheet {
    us_buf text;
    us_stretch *stretches;
    size_t n, cap;
    const us_tokenizer *tok; /* may be NULL */
    us_error *err;
    us_status st;
} sheet;

/* Where a message's parts begin and end in the text. */
typedef struct place_in_text {
    size_t start, begin, end, stop;
} place_in_text;

static void put(sheet *s, const char *text, size_t n, bool marker) {
    if (s->st || !n) return;
    s->st = us_buf_append(&s->text, text, n, s->err);
    if (!s->st && (!s->n || s->stretches[s->n - 1].marker != marker)) {
        if (!(s->st = us_grow(&s->stretches, &s->cap, s->n + 1, sizeof *s->stretches, s->err)))
            s->stretches[s->n++] = (us_stretch){.marker = marker};
    }
    if (!s->st) s->stretches[s->n - 1].end = s->text.len;
}

static void put_token(sheet *s, bool bos) {
    int32_t id = !s->tok ? -1 : bos ? us_tokenizer_bos(s->tok) : us_tokenizer_eos(s->tok);
    size_t n = 0;
    const char *piece = id >= 0 ? us_tokenizer_piece(s->tok, id, &n) : bos ? "<s>" : "</s>";
    if (!s->tok) n = strlen(piece);
    put(s, piece, n, true);
}

/* Bytes of the blank that begins at s, as Python's strip() knows them: 0x3000 stands before a line of Japanese. */
static size_t blank_at(const char *s) {
    static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
                                       "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    unsigned char c = (unsigned char)*s;
    if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f)) return 1;
    if (c == 0xe2 && (unsigned char)s[1] == 0x80 && (unsigned char)s[2] >= 0x80 && (unsigned char)s[2] <= 0x8a) return 3;
    for (size_t i = 0; c >= 0x80 && i < sizeof wide / sizeof *wide; i++)
        if (!strncmp(s, wide[i], strlen(wide[i]))) return strlen(wide[i]);
    return 0;
}

static bool is_blank(const char *s) {
    for (size_t n; *s; s += n)
        if (!(n = blank_at(s))) return false;
    return true;
}

static void put_text(sheet *s, const char *text, char flags) {
    bool breaks = flags & 4;
    for (size_t n; flags & 1 && (n = breaks ? *text == '\n' : blank_at(text));) text += n;
    size_t end = strlen(text);
    for (size_t n = 1; flags & 2 && n;) {
        n = 0;
        for (size_t k = 1; k <= 3 && k <= end && !n; k++)
            if (breaks ? k == 1 && text[end - 1] == '\n' : blank_at(text + end - k) == k) n = k;
        end -= n;
    }
    put(s, text, end, false);
}

/* A string with marks. header: bytes at its front that ask for a reply, and so are no part of one. */
static void put_marked(sheet *s, const char *marked, const char *content, const char *system, size_t header,
                       place_in_text *at) {
    size_t from = s->text.len;
    for (const char *p = marked; *p;) {
        size_t n = strcspn(p, "\1\2\3\4");
        put(s, p, n, true);
        p += n;
        if (*p == US_MARK_CONTENT) {
            at->begin = header ? from + header : s->text.len;
            put_text(s, content, p[1]);
            at->end = s->text.len;
        } else if (*p == US_MARK_SYSTEM) put_text(s, system ? system : "", p[1]);
        else if (*p) put_token(s, *p == US_MARK_BOS);
        p += !*p ? 0 : *p <= US_MARK_SYSTEM ? 2 : 1;
    }
    at->stop = s->text.len;
}

/* The reply's header stands before an assistant's turn as it does before a reply; what follows it there is the reply's own
 * (Mistral's blank). 0: the content begins where it stands. */
static size_t header_of(const us_template *t, const char *marked) {
    size_t n = strlen(t->generation), content = strcspn(marked, "\1");
    return n < content && !strncmp(marked, t->generation, n) ? n : 0;
}

static us_role role_of(const us_message *m) {
    return !strcmp(m->role, "system") ? US_ROLE_SYSTEM : !strcmp(m->role, "user") ? US_ROLE_USER : US_ROLE_ASSISTANT;
}

#define THOUGHT "</think>"

/* What the template leaves of an assistant's text. */
static const char *behind_thoughts(const us_template *t, const char *s) {
    for (const char *at; t->cut && (at = strstr(s, THOUGHT));)
        s = at + sizeof THOUGHT - 1, s += t->cut == US_CUT_BREAKS_TOO ? strspn(s, "\n") : 0;
    return s;
}

/* What the template has a form of its own for, which is not understood. Behind end_user there are assistant's messages only. */
static us_status check_odd(const us_template *t, const us_message *m, size_t end_user, size_t i, us_error *err) {
    us_role role = role_of(&m[i]);
    const char *text = role == US_ROLE_ASSISTANT ? behind_thoughts(t, m[i].content) : m[i].content;
    us_pair pair = role == US_ROLE_USER ? US_PAIR_USER : i < end_user ? US_PAIR_ASSISTANT : US_PAIR_END;
    if (is_blank(text) && t->odd_empty[role][*text != 0])
        return us_fail(
            err, US_ERR_ARGUMENT,
            "message %zu is empty, and the model's chat template writes such a message in a form that is not understood; "
            "write something into it, or leave it out",
            i + 1);
    if (i && t->odd_pairs[pair] && role == role_of(&m[i - 1]))
        return us_fail(
            err, US_ERR_ARGUMENT,
            "messages %zu and %zu are of one role, and the model's chat template writes such messages in a form that is not "
            "understood; make one of them",
            i, i + 1);
    return US_OK;
}

static us_status check(const us_template *t, const us_message *m, size_t n, us_error *err) {
    size_t end_user = n;
    while (end_user && role_of(&m[end_user - 1]) == US_ROLE_ASSISTANT) end_user--;
    for (size_t i = 0; i < n; i++) {
        bool system = !strcmp(m[i].role, "system");
        if (!system && strcmp(m[i].role, "user") && strcmp(m[i].role, "assistant"))
            return us_fail(err, US_ERR_ARGUMENT, "message %zu: role '%s', expected system, user or assistant", i + 1,
                           m[i].role);
        if (system && i) return us_fail(err, US_ERR_ARGUMENT, "message %zu: the system message must be the first", i + 1);
        us_status st = check_odd(t, m, end_user, i, err);
        if (st) return st;
    }
    return US_OK;
}

/* The user turn that carries the system text where the template has it in one, or n: the last one, or the first (also when an
 * assistant speaks first, where the template would lose it). */
static size_t carrier(const us_template *t, const us_message *m, size_t n) {
    bool in_last = !has_mark(t->turn[US_ROLE_USER][1][0][1][0], US_MARK_SYSTEM), found = false;
    size_t at = n;
    if (!n || role_of(m) != US_ROLE_SYSTEM || has_own_system(t)) return n;
    if (n > 1 && role_of(&m[1]) == US_ROLE_ASSISTANT && has_mark(t->turn[US_ROLE_ASSISTANT][1][n == 2][1][0], US_MARK_SYSTEM))
        return n; /* the assistant's first turn has it */
    for (size_t i = 1; i < n; i++)
        if (role_of(&m[i]) == US_ROLE_USER && (in_last || !found)) at = i, found = true;
    return at;
}

/* What the conversation begins with. */
static const char *first_string(const us_template *t, const us_message *m, size_t n, bool generation) {
    bool system = n && role_of(m) == US_ROLE_SYSTEM;
    const char *s = t->start[system];
    for (size_t i = 0; i < n && !*s; i++) {
        bool last = i + 1 == n, first = i == system;
        s = t->turn[role_of(&m[i])][first][last][system][last && generation];
    }
    return s;
}

/* The BOS token stands there, as a mark or spelled out. */
static bool is_bos(const us_tokenizer *tok, const char *s) {
    size_t n;
    const char *piece = us_tokenizer_piece(tok, us_tokenizer_bos(tok), &n);
    return *s == US_MARK_BOS || (n && !strncmp(s, piece, n));
}

static us_status render(sheet *s, const us_template *t, const us_message *m, size_t n, bool generation, place_in_text *places) {
    if ((s->st = check(t, m, n, s->err))) return s->st;
    if (n && role_of(m) == US_ROLE_SYSTEM && t->drops[*m->content != 0] && is_blank(m->content)) {
        m++;
        n--;
        if (places) *places++ = (place_in_text){0};
    }
    bool system = n && role_of(m) == US_ROLE_SYSTEM;
    size_t carries = carrier(t, m, n);
    bool in_last = carries < n && !has_mark(t->turn[US_ROLE_USER][1][0][1][0], US_MARK_SYSTEM);
    const char *text = system ? m[0].content : NULL;
    place_in_text none;
    if (s->tok && us_tokenizer_add_bos(s->tok) && !is_bos(s->tok, first_string(t, m, n, generation)))
        put_token(s, true); /* once, whoever asks for it */
    put_marked(s, t->start[system], "", text, 0, &none);
    for (size_t i = 0; i < n; i++) {
        us_role role = role_of(&m[i]);
        bool first = i == system, last = i + 1 == n;
        if (i == carries) first = !in_last || first, last = in_last || last;
        else if (carries < n && role == US_ROLE_USER) first = false, last = last && !in_last;
        bool asks = generation && i + 1 == n;
        bool before = i > system && role_of(&m[i - 1]) == role, behind = i + 1 < n && role_of(&m[i + 1]) == role;
        int k = before + 2 * behind;
        const char *beside = k ? t->beside[k - 1][role][first && role][last][system][asks] : NULL,
                   *marked = beside ? beside : t->turn[role][first && role][last][system][asks];
        place_in_text here = {s->text.len, s->text.len, s->text.len, s->text.len};
        const char *content = role == US_ROLE_ASSISTANT ? behind_thoughts(t, m[i].content) : m[i].content;
        put_marked(s, marked, content, text, role == US_ROLE_ASSISTANT ? header_of(t, marked) : 0, &here);
        if (places) places[i] = here;
    }
    bool asked =
        n && role_of(&m[n - 1]) == US_ROLE_USER; /* a template may ask inside a user's turn, and behind another's too */
    put_marked(s, generation && !asked ? t->again : t->end[generation], "", text, 0, &none);
    return s->st;
}

/* The first token that begins at a byte or behind it. */
static size_t token_at(const size_t *starts, size_t n, size_t byte) {
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (starts[mid] < byte) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* [end, stop): up to the token that ends a turn, if its closing marker has one, else the marker's first token. */
static size_t stop_of(const us_tokenizer *tok, const us_tokens *ids, size_t end, size_t closed) {
    for (size_t i = end; i < closed; i++)
        if (us_tokenizer_is_end(tok, ids->ids[i])) return i + 1;
    return end < closed ? end + 1 : end;
}

us_status us_template_tokenize(const us_template *t, const us_tokenizer *tok, const us_message *m, size_t n, bool generation,
                               us_tokens *out, us_turn_span *spans, us_error *err) {
    sheet s = {.tok = tok, .err = err};
    us_buf_init(&s.text, (size_t)256 << 20);
    place_in_text *places = NULL;
    size_t *starts = NULL, base = out->n;
    us_status st = us_alloc(n + 1, sizeof *places, &places, err);
    if (!st) st = render(&s, t, m, n, generation, places);
    if (!st) st = us_tokenizer_encode_stretches(tok, s.text.data, s.text.len, s.stretches, s.n, out, &starts, err);
    for (size_t i = 0; i < n && spans && !st; i++) {
        size_t k = out->n - base;
        us_turn_span *span = &spans[i];
        span->start = base + token_at(starts, k, places[i].start);
        span->begin = base + token_at(starts, k, places[i].begin);
        span->end = base + token_at(starts, k, places[i].end);
        span->stop = stop_of(tok, out, span->end, base + token_at(starts, k, places[i].stop));
    }
    free(starts);
    free(places);
    free(s.stretches);
    us_buf_fini(&s.text);
    return st;
}

us_status us_template_render(const us_template *t, const us_message *m, size_t n, bool generation, char **out, us_error *err) {
    sheet s = {.err = err};
    us_buf_init(&s.text, (size_t)64 << 20);
    us_status st = us_buf_append_str(&s.text, "", err);
    if (!st) st = render(&s, t, m, n, generation, NULL);
    if (!st && !(*out = us_buf_take(&s.text, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    free(s.stretches);
    us_buf_fini(&s.text);
    return st;
}

/* ---- recognising ------------------------------------------------------------------------------------------------------- */

#define TALK 7
/* A conversation of n turns, perhaps behind a system message, which the user or the assistant begins. */
typedef struct talk {
    us_message m[TALK + 1];
    us_role roles[TALK + 1];
    char text[TALK + 1][16];
    size_t n;
} talk;

/* `roles`: u and a, in turn. */
static void make_talk(talk *k, bool system, const char *roles) {
    static const char *const names[] = {"system", "user", "assistant"};
    k->n = 0;
    if (system) k->roles[k->n++] = US_ROLE_SYSTEM;
    for (; *roles; roles++) k->roles[k->n++] = *roles == 'a' ? US_ROLE_ASSISTANT : US_ROLE_USER;
    for (size_t i = 0; i < k->n; i++) {
        snprintf(k->text[i], sizeof k->text[i], "\n Text%zu \n", i);
        k->m[i] = (us_message){names[k->roles[i]], k->text[i]};
    }
}

/* What came out of the template, with texts for marks; which messages have a place in it. */
static us_status spell_out(const us_buf *marked, const talk *k, char **out, unsigned *shown, us_error *err) {
    sheet s = {.err = err};
    us_buf_init(&s.text, (size_t)1 << 20);
    s.st = us_buf_append_str(&s.text, "", err);
    *shown = 0;
    for (size_t i = 0; i < marked->len; i++) {
        const char *p = marked->data + i;
        if (*p == US_MARK_CONTENT) {
            put_text(&s, k->text[p[2] - '0'], p[1]);
            *shown |= 1u << (p[2] - '0');
            i += 2;
        } else if (*p == US_MARK_BOS || *p == US_MARK_EOS) put_token(&s, *p == US_MARK_BOS);
        else put(&s, p, 1, true);
    }
    if (!s.st && !(*out = us_buf_take(&s.text, NULL))) s.st = us_fail(err, US_ERR_MEMORY, "out of memory");
    free(s.stretches);
    us_buf_fini(&s.text);
    return s.st;
}

/* What Jinja makes of a talk; NULL where it raises an error or loses a message. Texts that `literal` names by bits go in as they
 * are, not as marks: of these it may make what it likes. */
static us_status by_jinja(const char *jinja, size_t n, const talk *k, unsigned literal, bool generation, int64_t today,
                          char **out, us_error *err) {
    us_buf marked;
    const char *texts[TALK + 1];
    unsigned shown = 0, all = (1u << k->n) - 1;
    bool refused;
    *out = NULL;
    us_buf_init(&marked, 1 << 20);
    for (size_t i = 0; i < k->n; i++) texts[i] = literal >> i & 1 ? k->m[i].content : NULL;
    us_status st = us_jinja_render(jinja, n, k->roles, k->n, texts, generation, today, &marked, &refused, err);
    if (!st && !refused) st = spell_out(&marked, k, out, &shown, err);
    if (*out && (shown | literal) != all) { /* ours keeps it */
        free(*out);
        *out = NULL;
    }
    us_buf_fini(&marked);
    return st;
}

/* Whether `t` makes of the talk what is wanted. */
static us_status makes(const us_template *t, const talk *k, bool generation, const char *want, bool *same, us_error *err) {
    char *got = NULL;
    us_status st = us_template_render(t, k->m, k->n, generation, &got, err);
    *same = !st && !strcmp(want, got);
    free(got);
    return st;
}

/* Nothing stands behind the last message: a reply goes on with it. */
static bool goes_on(const char *want, const talk *k) {
    char last[16];
    snprintf(last, sizeof last, "Text%zu", k->n - 1);
    const char *at = strstr(want, last);
    return at && is_blank(at + strlen(last));
}

static us_status compare(const us_template *t, const char *jinja, size_t n, const talk *k, unsigned literal, bool generation,
                         int64_t today, bool *same, us_error *err) {
    char *want = NULL, *unasked = NULL;
    *same = true;
    us_status st = by_jinja(jinja, n, k, literal, generation, today, &want, err);
    if (!st && generation) st = by_jinja(jinja, n, k, literal, false, today, &unasked, err);
    if (!st && want) st = makes(t, k, generation, want, same, err);
    bool ignored = want && unasked && (!strcmp(want, unasked) || goes_on(want, k)); /* it never asks there: ours does */
    if (!st && ignored && k->roles[k->n - 1] != US_ROLE_USER) *same = true;
    free(want);
    free(unasked);
    return st;
}

/* With and without asking for a reply, as it is asked for: another one may speak next. */
static us_status check_talk(const us_template *t, const char *jinja, size_t n, const talk *k, int64_t today, bool *same,
                            us_error *err) {
    bool user_last = k->roles[k->n - 1] == US_ROLE_USER;
    us_status st = compare(t, jinja, n, k, 0, true, today, same, err);
    return st || user_last || !*same ? st : compare(t, jinja, n, k, 0, false, today, same, err);
}

/* The strings that were read make of whole conversations what the template makes of them. */
static us_status check_talks(const us_template *t, const char *jinja, size_t n, int64_t today, us_error *err) {
    us_status st = US_OK;
    bool same = true;
    talk k;
    for (int kind = 0; kind < 4; kind++)
        for (size_t turns = 1; turns <= TALK && !st && same; turns++) {
            make_talk(&k, kind & 1, kind & 2 ? "auauaua" : "uauauau");
            k.n = (kind & 1) + turns;
            st = check_talk(t, jinja, n, &k, today, &same, err);
        }
    return st || same
               ? st
               : us_fail(err, US_ERR_UNSUPPORTED, "the chat template is not one of the known ones (turns of one role differ)");
}

static us_status check_pairs(us_template *t, const char *jinja, size_t n, int64_t today, us_error *err) {
    static const char *const talks[US_N_PAIRS][5] = {{"uu", "uuau", "uauu", "uuuauau", "uuauuau"},
                                                     {"uaau", "aau", "uaaauau", "uaauaau", "uuaauu"},
                                                     {"uaa", "uaaa", "uauaa"}};
    us_status st = US_OK;
    talk k;
    for (int pair = 0; pair < US_N_PAIRS; pair++)
        for (int i = 0; i < 10 && talks[pair][i / 2] && !st && !t->odd_pairs[pair]; i++) {
            bool same = true;
            make_talk(&k, i & 1, talks[pair][i / 2]);
            if (pair == US_PAIR_ASSISTANT && i / 2 == 4 && t->odd_pairs[US_PAIR_USER]) continue;
            st = check_talk(t, jinja, n, &k, today, &same, err);
            t->odd_pairs[pair] = !same || st == US_ERR_UNSUPPORTED;
            if (st == US_ERR_UNSUPPORTED) st = US_OK;
        }
    return st;
}

/* Templates that ask whether there is a text may have another form for a message without. */
static us_status check_empty(us_template *t, const char *jinja, size_t n, bool blank, int64_t today, us_error *err) {
    us_status st = US_OK;
    talk k;
    for (unsigned i = 0; i < 12 && !st; i++) {
        bool system = i & 1, same = true;
        size_t at = i / 2 + system;
        make_talk(&k, system, "uauaua");
        if (t->odd_empty[k.roles[at]][blank]) continue;
        if (i / 2 < 5) k.n--; /* the last one is the user's */
        k.m[at].content = blank ? "  " : "";
        st = compare(t, jinja, n, &k, 1u << at, i / 2 < 5, today, &same, err);
        if (!same || st == US_ERR_UNSUPPORTED) t->odd_empty[k.roles[at]][blank] = true;
        if (st == US_ERR_UNSUPPORTED) st = US_OK;
    }
    return st;
}

/* Templates that ask whether there is a system text take an empty one for none; others write it, with what stands around it. */
static us_status read_empty_system(us_template *t, const char *jinja, size_t n, bool blank, int64_t today, us_error *err) {
    char *want = NULL;
    bool same = false;
    talk k;
    make_talk(&k, true, "uau");
    k.m[0].content = blank ? "  " : "";
    us_status st = by_jinja(jinja, n, &k, 1, true, today, &want, err);
    for (int drops = 0; drops < 2 && want && !same && !st; drops++) {
        t->drops[blank] = drops;
        st = makes(t, &k, true, want, &same, err);
    }
    t->odd_empty[US_ROLE_SYSTEM][blank] = !st && want && !same;
    free(want);
    return st;
}

/* What becomes of thoughts in an assistant's earlier message. They are cut where the template writes them in a form of its own. */
static us_status read_cut(us_template *t, const char *jinja, size_t n, int64_t today, us_error *err) {
    char *want = NULL;
    bool same = false;
    talk k;
    make_talk(&k, false, "uau");
    k.m[1].content = "<think>\nHm.\n</think>\n\nYes";
    us_status st = memmem(jinja, n, THOUGHT, sizeof THOUGHT - 1) ? by_jinja(jinja, n, &k, 2, true, today, &want, err) : US_OK;
    for (int cut = US_CUT_BREAKS_TOO; cut >= 0 && want && !same && !st; cut--) {
        t->cut = (us_cut)cut;
        st = makes(t, &k, true, want, &same, err);
    }
    if (want && !same) t->cut = US_CUT_BREAKS_TOO;
    free(want);
    return st;
}

/* A template may end an assistant's last turn in another way where it asks for a reply behind it. */
static us_status read_asked(us_template *t, const char *jinja, size_t n, int64_t today, us_error *err) {
    us_status st = US_OK;
    for (int i = 0; i < 4 && !st; i++) {
        us_situation s = situation_of(US_ROLE_ASSISTANT, 0, (i & 1) << 3 | 4 | (i & 2) | 1, today);
        char **turn = cell(t, 0, US_ROLE_ASSISTANT, (i & 1) << 3 | 4 | (i & 2) | 1);
        us_written w;
        us_written_init(&w);
        st = us_jinja_read(jinja, n, &s, &w, err);
        bool read = !st && !w.refused && !w.lost && w.after.len;
        if (read && !t->again) st = keep(&t->again, &w.after, err);
        if (read && !st && is_text(&w.after, t->again)) {
            st = keep_start(t, &s, i & 1, &w, err);
            free(*turn);
            *turn = NULL;
            if (!st) st = keep(turn, &w.turn, err);
        }
        us_written_fini(&w);
    }
    return st;
}

/* What asks for a reply behind an assistant's turn. Templates that ask only behind a user's are helped out. */
static us_status read_again(us_template *t, const char *jinja, size_t n, int64_t today, us_error *err) {
    static const us_role roles[] = {US_ROLE_USER, US_ROLE_ASSISTANT};
    us_buf text[2]; /* without, and asking */
    bool refused = false, one = false;
    us_status st = US_OK;
    for (int asks = 0; asks < 2; asks++) {
        us_buf_init(&text[asks], 1 << 20);
        if (!st) st = us_jinja_render(jinja, n, roles, 2, NULL, asks, today, &text[asks], &one, err);
        refused = refused || one;
    }
    size_t len = text[0].len;
    bool asks = !st && !refused && len && text[1].len,
         begins = asks && text[1].len >= len && !memcmp(text[0].data, text[1].data, len),
         more = begins && text[1].len > len && !memchr(text[1].data + len, US_MARK_CONTENT, text[1].len - len);
    if (more && !(st = us_buf_append(&text[1], "", 1, err))) /* what stands behind the turns when none is asked for stays */
        st = join(&t->again, (const char *[]){t->end[0], text[1].data + len}, 2, err);
    else if (asks && !begins) st = read_asked(t, jinja, n, today, err);
    if (!st && !t->again) st = us_strdup(t->generation, &t->again, err);
    us_buf_fini(&text[0]);
    us_buf_fini(&text[1]);
    return st;
}

us_status us_template_recognise(const char *jinja, size_t n, const char *bos, const char *eos, us_template **out,
                                us_error *err) {
    us_template *t = NULL;
    bool refused = false;
    unsigned failures = us_memory_failures();
    int64_t today = (int64_t)time(NULL);
    us_status st = us_alloc(1, sizeof *t, &t, err);
    if (!st) st = read_situations(t, jinja, n, today, &refused, err);
    if (!st && !(t->start[0] && t->end[1]))
        st = us_fail(err, US_ERR_UNSUPPORTED, "the chat template is not one of the known ones (it refuses every conversation)");
    if (!st) st = complete(t, refused, memmem(jinja, n, "system", 6) != NULL, err);
    if (!st) st = read_again(t, jinja, n, today, err);
    if (!st) st = read_cut(t, jinja, n, today, err);
    for (int blank = 0; blank < 2 && !st; blank++) st = read_empty_system(t, jinja, n, blank, today, err);
    if (!st) st = check_talks(t, jinja, n, today, err);
    if (!st) st = check_pairs(t, jinja, n, today, err);
    for (int blank = 0; blank < 2 && !st; blank++) st = check_empty(t, jinja, n, blank, today, err);
    if (!st) st = check_ends(t, jinja, n, bos, eos, err);
    if (!st) st = give_name(t, err);
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory: a chat template is read");
    if (st) us_template_free(t);
    else *out = t;
    return st;
}
