#define PCRE2_CODE_UNIT_WIDTH 8
#include "reply/leaks.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES ((size_t)1 << 20)
enum { MAX_RULES = 1000, NEAR_WORDS = 4 };

/* Apostrophes of both kinds; what a machine is called. */
#define AP "['\xe2\x80\x99\xca\xbc]"
#define I_AM "\\b(?:i" AP "?m|i am|this is|it" AP "s)\\s+(?:(?:just|only|merely|really|actually|simply|but|also|indeed)\\s+)*"
#define MACHINE                                                                                                             \
    "(?:ai|a\\.i\\.|artificial intelligence|(?:large )?language model|neural net(?:work)?|chat ?bot|bot|robot|computer(?: " \
    "program)?|machine|program|software|virtual assistant|digital assistant|ai assistant|assistant|algorithm)"
#define RU_MACHINE                                                                                                                                \
    "(?:искусственн\\w+ интеллект\\w*|ии|языков\\w+ модел\\w+|нейросет\\w+|нейронн\\w+ "          \
    "сет\\w+|чат-?бот\\w*|бот\\w{0,2}|робот\\w{0,2}|компьютер\\w{0,2}|программ\\w{1,2}|виртуальн\\w+ " \
    "(?:помощник|ассистент)\\w*|голосов\\w+ (?:помощник|ассистент)\\w*)"

static const char *const built_in[] = {
    I_AM "(?:an?|the|your)\\s+(?:[\\w-]+\\s+){0,2}?" MACHINE "\\b",
    "not: " I_AM
    "(?:an?|the|your)\\s+(?:[\\w-]+\\s+){0,2}?(?:computer|machine|robot|program|software|assistant)\\s+(?:genius|nerd|expert|"
    "geek|guy|man|programmer|engineer|teacher|repairman|person|hater|manager|director|coach|principal|to the|at the|in charge)",
    "not: \\b(?:this is|it" AP
    "s)\\s+(?:an?|the|your)\\s+(?:[\\w-]+\\s+){0,2}?(?:computer|machine|robot|program|software|assistant|bot)\\b",
    I_AM "artificial intelligence\\b",
    I_AM "(?:smollm|chatgpt|gpt-?\\d?|siri|alexa|llama|qwen|claude|hal 9000)\\b",
    "\\b(?:yes|yeah|yep|yup|right|exactly)[,.!]*\\s+an?\\s+(?:[\\w-]+\\s+){0,2}?" MACHINE "\\b",
    "\\bas an? (?:[\\w-]+\\s+){0,2}?(?:ai|a\\.i\\.|artificial intelligence|language model|chat ?bot|virtual assistant|digital "
    "assistant|ai assistant|computer program)\\b",
    "\\b(?:large )?language model\\b",
    "\\bmy (?:training data|knowledge cut-?off|programming|algorithms?|training set|developers|creators)\\b",
    "\\bi (?:was|am|" AP "ve been|have been) (?:trained|programmed|developed|designed|created|built|made) (?:by|to "
    "(?:assist|help|provide|answer|respond)|on|with|as)\\b",
    "\\bi (?:do not|don" AP "t|cannot|can" AP
    "t) (?:have|possess|experience|feel) (?:[\\w-]+\\s+){0,2}?(?:personal (?:opinions?|experiences?|feelings|beliefs)|(?:human "
    ")?emotions|feelings or|a (?:physical )?body|consciousness|access to (?:real|current|the internet))\\b",
    "\\bhow (?:can|may) i (?:assist|help) you(?: today)?\\s*[?.!]",
    "not: \\bhow (?:can|may) i help you\\s*[?.!]",
    "\\b(?:i" AP "?m|i am|i" AP "?d be|i would be|i" AP
    "?ll be) (?:here|happy|glad|delighted|ready|able) to (?:assist|help you with|provide (?:you|information|assistance))\\b",
    "\\b(?:assist you (?:with|in|today|further)|provide you with (?:information|assistance|accurate))\\b",
    "\\b(?:hugging ?face|openai|open ai|anthropic)\\b",
    "\\bя\\s+(?:(?:всего лишь|просто|лишь|только|же|и есть|это|-|—|–)\\s*)*(?:(?!не\\b)[\\w-]+\\s+){0,2}?" RU_MACHINE "\\b",
    "not: "
    "\\bя\\s+(?:люблю|ненавижу|купил|продал|сломал|видел|вижу|знаю|хочу|починил|боюсь|построил|сделал|нашёл|нашел|взял|включил|"
    "выключил|смотрю|смотрел|потерял|украл|съел)\\b(?:\\s+[\\w-]+){0,2}",
    "\\bкак\\s+(?:[\\w-]+\\s+){0,1}?(?:искусственн\\w+ интеллект\\w*|ии|языков\\w+ "
    "модел\\w+|нейросет\\w+|чат-?бот\\w*|виртуальн\\w+ (?:помощник|ассистент)\\w*)\\b[^.!?]{0,40}\\bя\\b",
    "\\bязыков\\w+ модел\\w+",
    "\\bменя (?:обучили|создали|разработали|запрограммировали|обучал\\w+|создал\\w+ компани\\w+)\\b",
    "\\bчем (?:я )?могу (?:вам |тебе )?(?:помочь|быть полезен)\\s*[?.!]",
    "\\bу меня нет (?:[\\w-]+\\s+){0,1}?(?:чувств|эмоций|личного мнения|собственного мнения|сознания)\\b",
};
/* Before a match, within NEAR_WORDS words of the clause. A "No," that answers a question denies nothing of what follows. */
static const char negation[] =
    "\\b(?:not|never|no(?!\\s*[,.!])|nor|neither|hardly|\\w+n['\xe2\x80\x99\xca\xbc]t|ain['\xe2\x80\x99]?t|isn['\xe2\x80\x99]?"
    "t|if|like|unless|does|do you think|think|thinks|не|нет(?!\\s*[,.!])|ни|никогда|если|будто|словно|разве|думаешь)\\b";

typedef struct rule {
    pcre2_code *code;
    bool withdraws;
} rule;

struct us_leaks {
    rule rules[MAX_RULES];
    int n;
    pcre2_code *negation;
};

static us_status compile(const char *re, size_t n, const char *where, size_t line, pcre2_code **out, us_error *err) {
    int code;
    size_t at;
    PCRE2_UCHAR words[128];
    *out = pcre2_compile((PCRE2_SPTR)re, n, PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS, &code, &at, NULL);
    if (*out) return US_OK;
    pcre2_get_error_message(code, words, sizeof words);
    return us_fail(err, US_ERR_FORMAT, "%s:%zu:%zu: not a regular expression: %s", where, line, at + 1, (const char *)words);
}

static us_status add(us_leaks *l, const char *text, size_t n, const char *where, size_t line, us_error *err) {
    bool withdraws = n > 4 && !memcmp(text, "not:", 4);
    if (withdraws)
        for (text += 4, n -= 4; n && *text == ' ';) text++, n--;
    if (l->n == MAX_RULES) return us_fail(err, US_ERR_LIMIT, "%s:%zu: more than %d rules", where, line, MAX_RULES);
    us_status st = compile(text, n, where, line, &l->rules[l->n].code, err);
    if (!st) l->rules[l->n++].withdraws = withdraws;
    return st;
}

static us_status add_file(us_leaks *l, const char *file, us_error *err) {
    char *text;
    size_t n, bad, line = 1;
    us_status st = us_file_read(file, MAX_FILE_BYTES, &text, &n, err);
    if (st) return st;
    if (!us_utf8_valid(text, n, &bad)) st = us_fail(err, US_ERR_FORMAT, "%s: byte %zu is not UTF-8", file, bad + 1);
    for (const char *p = text; *p && !st; line++) {
        size_t len = strcspn(p, "\n"), used = len;
        while (used && strchr(" \t\r", p[used - 1])) used--;
        if (used && *p != '#') st = add(l, p, used, file, line, err);
        p += len + (p[len] == '\n');
    }
    free(text);
    return st;
}

us_status us_leaks_open(const char *file, us_leaks **out, us_error *err) {
    us_leaks *l;
    us_status st = us_alloc(1, sizeof *l, &l, err);
    if (st) return st;
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in && !st; i++)
        st = add(l, built_in[i], strlen(built_in[i]), "built-in lexicon", i + 1, err);
    if (!st) st = compile(negation, sizeof negation - 1, "negation", 1, &l->negation, err);
    if (!st && file) st = add_file(l, file, err);
    if (st) us_leaks_free(l);
    else *out = l;
    return st;
}

void us_leaks_free(us_leaks *l) {
    if (!l) return;
    for (int i = 0; i < l->n; i++) pcre2_code_free(l->rules[i].code);
    if (l->negation) pcre2_code_free(l->negation);
    free(l);
}

static bool match(const pcre2_code *code, const char *text, size_t from, size_t to, size_t *begin, size_t *end) {
    pcre2_match_data *d = pcre2_match_data_create_from_pattern(code, NULL);
    bool found = d && pcre2_match(code, (PCRE2_SPTR)text, to, from, 0, d, NULL) > 0;
    if (found) *begin = pcre2_get_ovector_pointer(d)[0], *end = pcre2_get_ovector_pointer(d)[1];
    pcre2_match_data_free(d);
    return found;
}

/* A negation within a few words before `at`, in its clause; or the sentence around it is a question that begins before it. */
static bool denied(const us_leaks *l, const char *text, size_t at, size_t end) {
    size_t from = at, words = 0, b, e;
    while (from && !strchr(".!?\n;", text[from - 1]) && words <= NEAR_WORDS) words += text[--from] == ' ';
    if (match(l->negation, text, from, at, &b, &e)) return true;
    if (end > at && strchr("?.!", text[end - 1])) return false; /* the rule has seen the sentence's end itself */
    size_t stop = end + strcspn(text + end, ".!?\n");
    return text[stop] == '?';
}

static bool withdrawn(const us_leaks *l, const char *text, size_t n, size_t begin, size_t end) {
    size_t b, e;
    for (int i = 0; i < l->n; i++)
        for (size_t from = 0; l->rules[i].withdraws && from < n && match(l->rules[i].code, text, from, n, &b, &e);
             from = e > from ? e : from + 1) {
            if (b < end && e > begin) return true;
            if (e == from) break;
        }
    return false;
}

us_leak us_leaks_find(const us_leaks *l, const char *text) {
    size_t n = strlen(text), b, e;
    for (int i = 0; i < l->n; i++)
        for (size_t from = 0; !l->rules[i].withdraws && from < n && match(l->rules[i].code, text, from, n, &b, &e) && e > from;
             from = e)
            if (!denied(l, text, b, e) && !withdrawn(l, text, n, b, e)) return (us_leak){true, b, e, i};
    return (us_leak){0};
}
