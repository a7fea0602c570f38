/* Each form is a few strings around the messages; what differs more than that has a flag. */
#include "understudy/template.h"
#include "base/buf.h"
#include <string.h>

struct us_template {
    const char *name;
    const char *fingerprints[3];                    /* all of them occur in the Jinja text */
    const char *system[2], *user[2], *assistant[2]; /* written before and after the content; special tokens are parsed */
    const char *generation;                         /* written where the assistant's reply begins */
    const char *default_system;                     /* used when there is no system message, or NULL */
    bool system_in_user;                            /* the system text goes in front of the first user message */
    const char *joint[2];                           /* around the system text then */
    bool trim;                                      /* contents lose the blanks around them */
    bool bos;                                       /* begins with BOS whatever the tokenizer says */
};

#define IM(role) \
    { "<|im_start|>" role "\n", "<|im_end|>\n" }
#define CHATML_FORM \
    .system = IM("system"), .user = IM("user"), .assistant = IM("assistant"), .generation = "<|im_start|>assistant\n"
#define LLAMA3(role) \
    { "<|start_header_id|>" role "<|end_header_id|>\n\n", "<|eot_id|>" }

/* More special forms first: the first whose fingerprints all occur is it. */
static const us_template templates[] = {
    {.name = "smollm2",
     .fingerprints = {"<|im_start|>", "You are a helpful AI assistant named SmolLM"},
     CHATML_FORM,
     .default_system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"},
    {.name = "qwen2.5",
     .fingerprints = {"<|im_start|>", "You are Qwen, created by Alibaba Cloud"},
     CHATML_FORM,
     .default_system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."},
    {.name = "qwen", .fingerprints = {"<|im_start|>", "<tool_call>"}, CHATML_FORM},
    {.name = "chatml", .fingerprints = {"<|im_start|>"}, CHATML_FORM},
    {.name = "llama3",
     .fingerprints = {"<|start_header_id|>", "<|eot_id|>"},
     .system = LLAMA3("system"),
     .user = LLAMA3("user"),
     .assistant = LLAMA3("assistant"),
     .generation = "<|start_header_id|>assistant<|end_header_id|>\n\n",
     .trim = true,
     .bos = true},
    {.name = "llama2",
     .fingerprints = {"[INST]", "<<SYS>>"},
     .user = {"[INST] ", " [/INST]"},
     .assistant = {" ", " </s><s>"},
     .generation = "",
     .system_in_user = true,
     .joint = {"<<SYS>>\n", "\n<</SYS>>\n\n"},
     .trim = true,
     .bos = true},
    {.name = "mistral",
     .fingerprints = {"[INST]"},
     .user = {"[INST] ", " [/INST]"},
     .assistant = {" ", "</s>"},
     .generation = "",
     .system_in_user = true,
     .joint = {"", "\n\n"},
     .trim = true,
     .bos = true},
    {.name = "gemma",
     .fingerprints = {"<start_of_turn>"},
     .user = {"<start_of_turn>user\n", "<end_of_turn>\n"},
     .assistant = {"<start_of_turn>model\n", "<end_of_turn>\n"},
     .generation = "<start_of_turn>model\n",
     .system_in_user = true,
     .joint = {"", "\n\n"},
     .trim = true,
     .bos = true},
    {.name = "zephyr",
     .fingerprints = {"<|user|>", "<|assistant|>"},
     .system = {"<|system|>\n", "</s>\n"},
     .user = {"<|user|>\n", "</s>\n"},
     .assistant = {"<|assistant|>\n", "</s>\n"},
     .generation = "<|assistant|>\n"},
};
#define N_TEMPLATES (sizeof templates / sizeof *templates)

static bool contains(const char *s, size_t n, const char *what) {
    size_t k = strlen(what);
    for (size_t i = 0; i + k <= n; i++)
        if (s[i] == what[0] && !memcmp(s + i, what, k)) return true;
    return false;
}

const us_template *us_template_recognise(const char *jinja, size_t n) {
    for (size_t i = 0; i < N_TEMPLATES; i++) {
        bool all = true;
        for (int k = 0; k < 3 && templates[i].fingerprints[k]; k++)
            all = all && contains(jinja, n, templates[i].fingerprints[k]);
        if (all) return &templates[i];
    }
    return NULL;
}

us_status us_template_find(const char *name, const us_template **out, us_error *err) {
    for (size_t i = 0; i < N_TEMPLATES; i++)
        if (!strcmp(templates[i].name, name)) return *out = &templates[i], US_OK;
    return us_fail(err, US_ERR_NOT_FOUND,
                   "no chat template '%s'; there are smollm2 qwen2.5 qwen chatml llama3 llama2 mistral gemma zephyr", name);
}

const char *us_template_name(const us_template *t) { return t->name; }

/* The forms that put the system text into the first user message raise an error, in their own Jinja, for another beginning. */
bool us_template_user_first(const us_template *t) { return t->system_in_user; }

/* Where rendered pieces go: markers are parsed for special tokens, contents never. */
typedef struct sink {
    const us_tokenizer *tok; /* NULL: text */
    us_tokens *ids;
    us_buf *text;
    us_error *err;
    us_status st;
} sink;

static void put(sink *s, const char *text, size_t n, bool marker) {
    if (s->st || !n) return;
    s->st = s->tok ? us_tokenizer_encode(s->tok, text, n, marker, s->ids, s->err) : us_buf_append(s->text, text, n, s->err);
}

static void put_content(sink *s, const us_template *t, const char *text) {
    size_t n = strlen(text);
    while (t->trim && n && strchr(" \t\r\n", *text)) text++, n--;
    while (t->trim && n && strchr(" \t\r\n", text[n - 1])) n--;
    put(s, text, n, false);
}

static size_t position(const sink *s) { return s->tok ? s->ids->n : 0; }

/* After a message: the end-of-turn token is the first token of its closing marker. */
static void close_message(sink *s, const char *marker, us_turn_span *span) {
    size_t end = position(s);
    put(s, marker, strlen(marker), true);
    if (span && s->tok) span->end = end, span->stop = position(s) > end ? end + 1 : end;
}

static us_status render(sink *s, const us_template *t, const us_message *m, size_t n, bool generation, us_turn_span *spans) {
    const char *system = NULL;
    for (size_t i = 0; i < n; i++) {
        bool is_system = !strcmp(m[i].role, "system");
        if (!is_system && strcmp(m[i].role, "user") && strcmp(m[i].role, "assistant"))
            return us_fail(s->err, US_ERR_ARGUMENT, "message %zu: role '%s', expected system, user or assistant", i + 1,
                           m[i].role);
        if (is_system && i) return us_fail(s->err, US_ERR_ARGUMENT, "message %zu: the system message must be the first", i + 1);
        if (is_system && t->system_in_user) system = m[i].content;
    }
    if (s->tok && us_tokenizer_bos(s->tok) >= 0 && (t->bos || us_tokenizer_add_bos(s->tok)) && !s->st)
        s->st = us_tokens_push(s->ids, us_tokenizer_bos(s->tok), s->err);
    if (t->default_system && (!n || strcmp(m[0].role, "system"))) {
        put(s, t->system[0], strlen(t->system[0]), true);
        put_content(s, t, t->default_system);
        put(s, t->system[1], strlen(t->system[1]), true);
    }
    for (size_t i = 0; i < n; i++) {
        const char *const *around = !strcmp(m[i].role, "system") ? t->system
                                    : !strcmp(m[i].role, "user") ? t->user
                                                                 : t->assistant;
        us_turn_span *span = spans ? &spans[i] : NULL;
        if (span) *span = (us_turn_span){position(s), position(s), position(s), position(s)};
        if (around == t->system && t->system_in_user) continue;
        put(s, around[0], strlen(around[0]), true);
        if (around == t->user && system) {
            put(s, t->joint[0], strlen(t->joint[0]), false);
            put_content(s, t, system);
            put(s, t->joint[1], strlen(t->joint[1]), false);
            system = NULL;
        }
        if (span) span->begin = position(s);
        put_content(s, t, m[i].content);
        close_message(s, around[1], span);
    }
    if (generation) put(s, t->generation, strlen(t->generation), true);
    return s->st;
}

us_status us_template_tokenize(const us_template *t, const us_tokenizer *tok, const us_message *m, size_t n, bool generation,
                               us_tokens *out, us_turn_span *spans, us_error *err) {
    sink s = {.tok = tok, .ids = out, .err = err};
    return render(&s, t, m, n, generation, spans);
}

us_status us_template_render(const us_template *t, const us_message *m, size_t n, bool generation, char **out, us_error *err) {
    us_buf b;
    us_buf_init(&b, (size_t)64 << 20);
    sink s = {.text = &b, .err = err};
    us_status st = render(&s, t, m, n, generation, NULL);
    if (!st && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    return st;
}
